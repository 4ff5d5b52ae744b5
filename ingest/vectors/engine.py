"""The embedded engine's module, or one line that says what to do without it."""

from shared.errors import StartupError

try:
    import qdrant_edge as engine
except ImportError as error:
    raise StartupError(
        "The embedded vector engine has no wheel for this platform: set QDRANT_URL to a Qdrant server"
    ) from error

__all__ = ["engine"]
