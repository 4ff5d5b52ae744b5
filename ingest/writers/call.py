"""One call of a model while it happens: how long it may take, and what is known of it, however it ends.

A call that fails or is given up costs money too. So the writer notes what it learns on the way, and whoever started
the call reads it at the end, also when nothing was returned.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from ingest.writers.protocol import Usage


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How long a call may take: until its first token, between two of them, and in all.

    A long reply takes 10 s, so a minute is a provider in trouble; models that think first are silent for some seconds.
    """

    first_token: timedelta = timedelta(seconds=15)
    idle: timedelta = timedelta(seconds=20)
    whole: timedelta = timedelta(seconds=60)


@dataclass(kw_only=True)
class Call:
    """What a writer tells of its call. `first_token_s` is None until something came; the usage is the provider's own.

    Anthropic tells the input's tokens at the start, OpenAI everything at the end: of a call that was cut off there the
    input is a lower bound of our own, since it was paid for.
    """

    limits: Limits = field(default_factory=Limits)
    usage: Usage = field(default_factory=Usage)
    first_token_s: float | None = None
