"""The version of what a text was written by: a prompt's for a model, the rules' for the writer without one."""

from ingest.writers import prompts, replies
from ingest.writers.extractive import NAME

PROMPT = {"summary": "summary", "replies": "reply", "reply": "compose", "answer": "answer"}
"""By a text's name in provenance, the prompt that it is written by."""


def version_of(text: str, model: str) -> str:
    """The version of the prompt, or of the rules, by which a model's text was written."""
    return replies.VERSION if model == NAME else prompts.VERSIONS.get(PROMPT.get(text, text), "")
