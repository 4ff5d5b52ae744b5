"""Serve without rate limits, for whoever sends more than any agent would."""

from serve.settings import ServeSettings


def unlimited() -> ServeSettings:
    """Settings without rate limits, or most answers would be 429."""
    names = [name for name in ServeSettings.model_fields if name.startswith(("limit_", "streams_"))]
    return ServeSettings().model_copy(update=dict.fromkeys(names, 0))
