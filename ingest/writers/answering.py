"""What a model reads and writes for an answer: the question and numbered sources as blocks of data, cited sentences."""

import msgspec

from ingest.writers.blocks import Blocks, line, shortened
from ingest.writers.links import Links
from ingest.writers.prompts import LANGUAGES, Task, system_prompt
from ingest.writers.protocol import Asked
from ingest.writers.structured import Form, cleaned, closed_object

ANSWER_TOKENS = 3_000
"""Ten sentences take 300 to 900; the rest is for models that think first."""
QUESTION_CHARACTERS = 2_000
PASSAGE_CHARACTERS = 1_200
ANSWER_SCHEMA = closed_object(text={"type": "string"})


class _Document(msgspec.Struct, frozen=True):
    text: str


def answer_task(asked: Asked) -> Task[str]:
    """Answer a question out of its passages; an empty text says that they do not answer it."""
    blocks = Blocks()
    for passage in asked.passages:
        said = f"{line(passage.title)}\n{passage.about}\n{shortened(passage.text, PASSAGE_CHARACTERS)}"
        blocks.add(f"source {passage.number}", said)
    blocks.add("question", shortened(asked.question, QUESTION_CHARACTERS))
    language = LANGUAGES.get(asked.language, LANGUAGES["en"])
    return Task(
        system=system_prompt("answer", asked.language),
        user=blocks.request(f"Task: answer the question in {language}, as `{asked.intent}`."),
        max_tokens=ANSWER_TOKENS,
        form=_answer_form(Links(blocks.done)),
    )


def _answer_form(links: Links) -> Form[str]:
    def read(document: bytes) -> str:
        return cleaned(msgspec.json.decode(document, type=_Document).text, links)

    return Form(
        name="answer", schema=ANSWER_SCHEMA, path=("text",), links=links, read=read, text=str, may_be_empty=True
    )
