"""`canvas eval`: what a change does to search and texts, measured on files. It needs no Redis and no Qdrant."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

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
share_type = click.FloatRange(0, 1, min_open=True, max_open=True)


@click.command("eval")
@click.option("--retrieval", type=file_type, help="Labelled texts (CSV, TSV) or threads (JSON lines); may be gzipped")
@click.option("--text", help="CSV: the column with the text")
@click.option("--label", help="CSV: the column that says what belongs together")
@click.option("--queries", type=file_type, help="CSV: search for these rows (default: a share held out)")
@click.option("--holdout", type=share_type, help="CSV: share of rows to search for (default: 0.1)")
@click.option("--locale", help="Threads: only those of this locale, like en-US")
@click.option("--part", type=click.Choice(["tune", "report"]), help="Only this half of the queries")
@click.option("--pairs", type=file_type, help="Pairs of sentences with their similarity (JSON, as KLUE STS)")
@click.option("--tickets", metavar="FILE", help="Replay ticket histories (JSON lines, or `demo`): tokens, soundness")
@click.option("--model", help="--tickets: write with this provider/model (default: as the settings say)")
@click.option("--cache", type=click.Path(file_okay=False, path_type=Path), help="Keep vectors in this folder")
@click.option("--json", "as_json", is_flag=True, help="Print for a program")
def evaluate(**options: Any) -> None:
    """Measure the search, or what tickets' texts cost and say.

    The search: dense, sparse, fused, and as it is shipped. It needs no Redis and no Qdrant.

    \b
    Example:
      canvas eval --retrieval questions.csv --text Question --label Topic
      canvas eval --retrieval threads.jsonl.gz --locale en-US --cache vectors
      canvas eval --pairs sentences.json
      canvas eval --tickets demo
    """
    asked = Asked(**options)
    asked.check()
    settings = _quiet(load_settings(None))

    async def job() -> None:
        if asked.tickets is not None:
            with _progress() as told:
                await replay_tickets(settings, asked.tickets, asked.model, told, for_program=asked.as_json)
        elif asked.pairs is not None:
            await _pairs(settings, asked.pairs, asked.cache, asked.as_json)
        elif asked.retrieval is not None:
            await _retrieval(settings, asked.retrieval, asked)

    run(settings, job())


Rows = tuple[list[corpora.Labelled], list[corpora.Labelled]]
USED = {
    "CSV": {"text", "label", "queries", "holdout", "part", "cache"},
    "threads": {"locale", "part", "cache"},
    "pairs": {"cache"},
    "tickets": {"model"},
}
"""The options that mean something for each form of file."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The command's options."""

    retrieval: Path | None
    text: str | None
    label: str | None
    queries: Path | None
    holdout: float | None
    locale: str | None
    part: corpora.Part | None
    pairs: Path | None
    tickets: str | None
    model: str | None
    cache: Path | None
    as_json: bool

    def check(self) -> None:
        """Refuse what does not go together.

        Raises:
            UsageError: in a sentence for the user.
        """
        if [self.retrieval, self.pairs, self.tickets].count(None) != 2:
            raise click.UsageError("Give one of --retrieval, --pairs and --tickets")
        if self.form == "CSV" and not (self.text and self.label):
            raise click.UsageError("A CSV needs --text and --label (threads are JSON lines, in a file named .jsonl)")
        if self.queries is not None and self.holdout is not None:
            raise click.UsageError("Give one of --queries and --holdout")
        options = set[str]().union(*USED.values()) - USED[self.form]
        unused = [f"--{name}" for name in sorted(options) if getattr(self, name) is not None]
        if unused:
            raise click.UsageError(f"{', '.join(unused)}: of no use for {self.form}")

    @property
    def form(self) -> str:
        """Which kind of file is measured."""
        if self.retrieval is None:
            return "pairs" if self.pairs else "tickets"
        return "threads" if corpora.is_threads(self.retrieval) else "CSV"

    def rows(self, file: Path) -> Rows | None:
        """Queries and documents of a CSV; None for threads.

        Raises:
            BadInput: it can't be read or lacks a column.
        """
        if self.form != "CSV":
            return None
        text, label = self.text or "", self.label or ""
        rows = corpora.read_labelled(file, text, label)
        if self.queries is None:
            return corpora.held_out(rows, 0.1 if self.holdout is None else self.holdout)
        return corpora.read_labelled(self.queries, text, label, first=max(row.number for row in rows) + 1), rows


def _quiet(settings: AllSettings) -> AllSettings:
    """With warnings only, unless the user has chosen: the result is what this command has to say."""
    if "log_level" in settings.shared.model_fields_set:
        return settings
    return replace(settings, shared=settings.shared.model_copy(update={"log_level": "warning"}))


async def _retrieval(settings: AllSettings, file: Path, asked: Asked) -> None:
    started = time.perf_counter()
    rows, part = asked.rows(file), asked.part
    async with open_embedder(settings.ingest) as embedder:
        kept = KeptVectors(embedder, asked.cache)
        report = Report(file=file.name, model=kept.name, documents=0, queries=0, part=part or "all")
        with _progress() as told:
            if rows is None:
                questions = corpora.read_questions(file, asked.locale)
                report.documents = len(questions)
                await measure_forum(kept, questions, part, report, told)
            else:
                queries = [row for row in rows[0] if part in (None, corpora.part_of(str(row.number)))]
                report.documents = len(rows[1])
                await measure_labelled(kept, queries, rows[1], report, told)
    if not report.queries and not report.article_queries:
        raise BadInput(_nothing_to_find(file, rows, asked))
    report.seconds = round(time.perf_counter() - started, 1)
    if asked.as_json:
        click.echo(msgspec.json.encode(report))
    else:
        _print(report)


def _nothing_to_find(file: Path, rows: Rows | None, asked: Asked) -> str:
    chosen = f" of locale {asked.locale}" if asked.locale else ""
    chosen += f" in the part {asked.part}" if asked.part else ""
    if rows is None:
        return f"{file}: no thread{chosen} has `related` or `articles` that are older than itself"
    queries, documents = rows
    return (
        f"{file}: none of {len(queries)} queries{chosen} shares its label with one of {len(documents)} documents. "
        "Is --label the column that says what belongs together? With few rows, hold out more (--holdout 0.5)"
    )


async def _pairs(settings: AllSettings, file: Path, cache: Path | None, as_json: bool) -> None:
    pairs = corpora.read_pairs(file)
    if len({score for *_, score in pairs}) < 2:
        raise BadInput(f"{file} has {len(pairs)} pairs: a correlation needs two whose scores differ")
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
