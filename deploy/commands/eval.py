"""`canvas eval`: what a change does to the search, measured on files with labels. It needs no Redis and no Qdrant."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import rich_click as click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from deploy.evaluation import corpora
from deploy.evaluation.forum import measure_forum
from deploy.evaluation.kept_vectors import KeptVectors
from deploy.evaluation.measures import NAMES, pearson, spearman
from deploy.evaluation.retrieval import Report, Told, measure_labelled
from deploy.evaluation.tickets_run import replay_tickets
from deploy.process import run
from deploy.settings import AllSettings, load_settings
from ingest.providers import open_embedder
from shared.errors import BadInput

console = Console(soft_wrap=True)
file_type = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("eval")
@click.option("--retrieval", type=file_type, help="Labelled texts (CSV, TSV) or threads (JSON lines); may be gzipped")
@click.option("--text", help="CSV: the column with the text")
@click.option("--label", help="CSV: the column that says what belongs together")
@click.option("--queries", type=file_type, help="CSV: search for these rows (default: a share held out)")
@click.option("--holdout", type=click.FloatRange(0, 1, min_open=True), help="CSV: share of rows (default: 0.1)")
@click.option("--locale", help="Threads: only those of this locale, like en-US")
@click.option("--part", type=click.Choice(["tune", "report"]), help="Only this half of the queries")
@click.option("--pairs", type=file_type, help="Pairs of sentences with their similarity (JSON, as KLUE STS)")
@click.option("--tickets", metavar="FILE", help="Replay ticket histories (JSON lines, or `demo`): tokens, soundness")
@click.option("--model", help="--tickets: write with this provider/model (default: as the settings say)")
@click.option("--cache", type=click.Path(file_okay=False, path_type=Path), help="Keep vectors in this folder")
@click.option("--json", "as_json", is_flag=True, help="Print for a program")
def evaluate(
    retrieval: Path | None,
    text: str | None,
    label: str | None,
    queries: Path | None,
    holdout: float | None,
    locale: str | None,
    part: corpora.Part | None,
    pairs: Path | None,
    tickets: str | None,
    model: str | None,
    cache: Path | None,
    as_json: bool,
) -> None:
    """Measure the search: dense, sparse, fused, and as it is shipped.

    Example:  canvas eval --retrieval questions.csv --text Question --label Topic --holdout 0.1
    """
    if [retrieval, pairs, tickets].count(None) != 2:
        raise click.UsageError("Give one of --retrieval, --pairs and --tickets")
    if retrieval is not None and not corpora.is_threads(retrieval) and not (text and label):
        raise click.UsageError("A CSV needs --text and --label")
    if queries is not None and holdout is not None:
        raise click.UsageError("Give one of --queries and --holdout")
    settings = load_settings(None)

    async def job() -> None:
        if tickets is not None:
            with _progress() as told:
                await replay_tickets(settings, tickets, model, told, for_program=as_json)
        elif pairs is not None:
            await _pairs(settings, pairs, cache, as_json)
        elif retrieval is not None:
            rows = (
                None if corpora.is_threads(retrieval) else _rows(retrieval, text or "", label or "", queries, holdout)
            )
            await _retrieval(settings, retrieval, rows, locale, part, cache, as_json)

    run(settings, job())


Rows = tuple[list[corpora.Labelled], list[corpora.Labelled]]


def _rows(file: Path, text: str, label: str, queries: Path | None, holdout: float | None) -> Rows:
    rows = corpora.read_labelled(file, text, label)
    if queries is None:
        return corpora.held_out(rows, 0.1 if holdout is None else holdout)
    return corpora.read_labelled(queries, text, label, first=max(row.number for row in rows) + 1), rows


async def _retrieval(
    settings: AllSettings,
    file: Path,
    rows: Rows | None,
    locale: str | None,
    part: corpora.Part | None,
    cache: Path | None,
    as_json: bool,
) -> None:
    started = time.perf_counter()
    async with open_embedder(settings.ingest) as embedder:
        kept = KeptVectors(embedder, cache)
        report = Report(file=file.name, model=kept.name, documents=0, queries=0, part=part or "all")
        with _progress() as told:
            if rows is None:
                questions = corpora.read_questions(file, locale)
                report.documents = len(questions)
                await measure_forum(kept, questions, part, report, told)
            else:
                queries = [row for row in rows[0] if part in (None, corpora.part_of(str(row.number)))]
                report.documents = len(rows[1])
                await measure_labelled(kept, queries, rows[1], report, told)
    if not report.queries and not report.article_queries:
        raise BadInput("No query has anything to be found: are these the right columns?")
    report.seconds = round(time.perf_counter() - started, 1)
    if as_json:
        click.echo(msgspec.json.encode(report))
    else:
        _print(report)


async def _pairs(settings: AllSettings, file: Path, cache: Path | None, as_json: bool) -> None:
    pairs = corpora.read_pairs(file)
    texts = [sentence for one, other, _ in pairs for sentence in (one, other)]
    async with open_embedder(settings.ingest) as embedder:
        kept = KeptVectors(embedder, cache)
        with _progress() as told:
            vectors = await kept.embed(texts, lambda done: told("Embedding", done, len(texts)))
    given = [score for _, _, score in pairs]
    cosines = [float(np.dot(one, other)) for one, other in zip(vectors[::2], vectors[1::2], strict=True)]
    found = {
        "file": file.name,
        "model": kept.name,
        "pairs": len(pairs),
        "pearson": pearson(cosines, given),
        "spearman": spearman(cosines, given),
    }
    if as_json:
        click.echo(json.dumps(found))
    else:
        console.print(f"{len(pairs)} pairs: Pearson {found['pearson']}, Spearman {found['spearman']} ({kept.name})")


def _print(report: Report) -> None:
    table = Table("ranking", *NAMES)
    for name, figures in report.rankings.items():
        if figures:
            table.add_row(name, *(f"{figures[measure]:.3f}" for measure in NAMES))
    console.print(
        f"{report.file}: {report.queries} queries ({report.part}), {report.documents} documents, {report.model}"
    )
    console.print(table)
    if report.queries:
        shown = report.shown
        console.print(
            f"shown: {shown['a query']} a query, {shown['precision']:.3f} of them labelled; "
            f"{shown['queries without']:.1%} of the queries get none"
        )
    if report.article_queries:
        said = [
            f"{name} " + ", ".join(f"{measure} {value:.3f}" for measure, value in figures.items())
            for name, figures in report.articles.items()
        ]
        console.print(f"articles, {report.article_queries} queries: {'; '.join(said)}")
    speed = "all vectors were kept" if report.texts_a_second is None else f"{report.texts_a_second} texts/s embedded"
    console.print(f"{speed}, {report.seconds} s in all")


@contextmanager
def _progress() -> Iterator[Told]:
    """A bar on a terminal, nothing elsewhere: standard output is for the result."""
    shown = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=shown, disable=not sys.stderr.isatty(), transient=True) as bar:
        tasks: dict[str, Callable[[int], None]] = {}

        def told(what: str, done: int, total: int) -> None:
            if what not in tasks:
                task = bar.add_task(what, total=total)
                tasks[what] = lambda completed: bar.update(task, completed=completed)
            tasks[what](done)

        yield told
