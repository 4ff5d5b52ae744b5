"""Which models write what: an ordered list of `provider/model` for each task, a tenant's own before the settings'.

A model is made when it is first named. A name that nothing here can serve is left out and said once, so that a typing
error in a tenant's settings costs a model and not the Canvas.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import structlog

from ingest.writers.extractive import NAME as EXTRACTIVE
from ingest.writers.llm import LlmWriter
from ingest.writers.protocol import Writer

TaskName = Literal["summary", "reply", "answer"]
Make = Callable[[str], LlmWriter]
"""Makes a writer over a model of one provider."""

log = structlog.get_logger()


class Models:
    """All models that can be asked, and the writer that needs none.

    `makers` are by provider, `defaults` the names for each task.
    """

    def __init__(
        self, makers: Mapping[str, Make], defaults: Mapping[TaskName, Sequence[str]], last_resort: Writer
    ) -> None:
        self._makers = makers
        self._defaults = defaults
        self.last_resort = last_resort
        self._made: dict[str, LlmWriter] = {}
        self._unknown: set[str] = set()

    def of(self, task: TaskName, wanted: Sequence[str] = ()) -> list[LlmWriter]:
        """The models for a task, the preferred one first; the settings' where none of `wanted` can be had.

        `extractive` ends a list: with it alone no model is asked.
        """
        if EXTRACTIVE in wanted:
            return self._usable(wanted[: list(wanted).index(EXTRACTIVE)])
        return self._usable(wanted) or self._usable(self._defaults.get(task, ()))

    def names(self, task: TaskName) -> list[str]:
        """Who writes for tenants without a list of their own, the last resort included."""
        return [*(model.name for model in self.of(task)), self.last_resort.name]

    def named(self, name: str) -> LlmWriter | None:
        """The model of this name, None where its provider is not set up here."""
        return self._model(name)

    def _usable(self, names: Sequence[str]) -> list[LlmWriter]:
        found = (self._model(name) for name in dict.fromkeys(names))
        return [model for model in found if model is not None]

    def _model(self, name: str) -> LlmWriter | None:
        if name not in self._made:
            provider, _, model = name.partition("/")
            make = self._makers.get(provider)
            if make is None or not model:
                self._say_once(name)
                return None
            self._made[name] = make(model)
        return self._made[name]

    def _say_once(self, name: str) -> None:
        if name not in self._unknown:
            self._unknown.add(name)
            log.warning("no such model here: its provider is not set up", model=name, providers=sorted(self._makers))
