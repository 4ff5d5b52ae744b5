"""Settings that contradict each other, and addresses that browsers or Freshdesk would not use."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from deploy.doctor.finding import Finder, Finding
from deploy.settings import AllSettings
from ingest.providers import providers_of
from ingest.settings import IngestSettings
from ingest.writers.extractive import NAME as EXTRACTIVE
from shared.settings import Settings

APP_FRAME = "https://d3h0owdjgzys62.cloudfront.net"
"""Where Freshworks shows apps: without it in CANVAS_CORS_ORIGINS the sidebar can't call serve."""
LOOPBACK = ("127.", "localhost", "[::1]")
A_MINUTE = 60.0
finder = Finder("settings")


def of_settings(settings: AllSettings) -> list[Finding]:
    """All that is odd in the settings; one line that nothing is, if nothing is."""
    found = [
        *_redis(settings.shared),
        *_freshdesk(settings.shared),
        *_providers(settings.ingest),
        *_times(settings),
        *_origins(settings.serve.cors_origins),
    ]
    return found or [finder.ok("settings", "No setting contradicts another one")]


def _redis(shared: Settings) -> Iterator[Finding]:
    if shared.redis_url is None and shared.redis_cache_url is not None:
        text = "REDIS_CACHE_URL is set and REDIS_URL is not: what must not be lost is in the data folder's own Valkey"
        yield finder.warning("cache-alone", text, "set REDIS_URL, too, unless this is one machine on purpose")


def _freshdesk(shared: Settings) -> Iterator[Finding]:
    outside = [host for host, url in shared.freshdesk_urls.items() if not _is_loopback(url)]
    if outside:
        text = f"CANVAS_FRESHDESK_URLS sends the calls (and keys) of {', '.join(sorted(outside))} to another address"
        yield finder.warning("freshdesk-urls", text, "take them out of CANVAS_FRESHDESK_URLS: it is for look-alikes")
    if shared.freshdesk_window_s != A_MINUTE and not shared.freshdesk_urls:
        text = f"CANVAS_FRESHDESK_WINDOW_S is {shared.freshdesk_window_s:g}: Freshdesk's own limits count a minute"
        yield finder.problem("freshdesk-window", text, "take CANVAS_FRESHDESK_WINDOW_S away")


def _providers(ingest: IngestSettings) -> Iterator[Finding]:
    if ingest.qdrant_api_key is not None and ingest.qdrant_url is None:
        text = "QDRANT_API_KEY is set and QDRANT_URL is not: the embedded vectors are used"
        yield finder.warning("qdrant-key", text, "set QDRANT_URL, or take the key away")
    if ingest.embeddings == "openai" and ingest.openai_api_key is None:
        text = "CANVAS_EMBEDDINGS=openai without OPENAI_API_KEY"
        yield finder.problem("embeddings", text, "set OPENAI_API_KEY, or CANVAS_EMBEDDINGS=local")
    unknown = sorted(set(ingest.compatible_keys) - set(ingest.compatible_urls))
    if unknown:
        text = f"CANVAS_COMPATIBLE_KEYS names {', '.join(unknown)}, which CANVAS_COMPATIBLE_URLS does not"
        yield finder.warning("compatible-keys", text, "use the same names in both")
    lists = {"SUMMARY": ingest.summary_models, "REPLY": ingest.reply_models, "ANSWER": ingest.answer_models}
    for task, names in lists.items():
        missing = [name for name in names if name != EXTRACTIVE and name.partition("/")[0] not in providers_of(ingest)]
        if missing:
            text = f"CANVAS_{task}_MODELS names {', '.join(missing)}, whose provider is not set up: no worker starts"
            yield finder.problem("models", text, "set the provider's key, or take the model out of the list")


def _times(settings: AllSettings) -> Iterator[Finding]:
    shared, ingest = settings.shared, settings.ingest
    pairs = [
        ("CANVAS_DEBOUNCE_S", shared.debounce_s, "CANVAS_DEBOUNCE_LONGEST_S", shared.debounce_longest_s),
        ("CANVAS_FIRST_TOKEN_S", ingest.first_token_s, "CANVAS_CALL_S", ingest.call_s),
        ("CANVAS_IDLE_S", ingest.idle_s, "CANVAS_CALL_S", ingest.call_s),
        ("CANVAS_CALL_S", ingest.call_s, "CANVAS_TEXT_S", ingest.text_s),
    ]
    for shorter, low, longer, high in pairs:
        if low > high:
            text = f"{shorter} ({low:g}) is longer than {longer} ({high:g}), which ends it first"
            yield finder.warning("times", text, f"make {longer} the longer one")


def _origins(origins: list[str]) -> Iterator[Finding]:
    if APP_FRAME not in origins:
        text = f"CANVAS_CORS_ORIGINS lacks {APP_FRAME}: the sidebar in Freshdesk can't call serve"
        yield finder.warning("cors", text, "add it, unless serve is called through a proxy of the same origin")
    plain = [origin for origin in origins if origin.startswith("http://") and not _is_loopback(origin)]
    if plain:
        text = f"Pages that came without encryption may call serve: {', '.join(plain)}"
        yield finder.warning("cors", text, "take them out of CANVAS_CORS_ORIGINS")


def _is_loopback(url: str) -> bool:
    return urlsplit(url).netloc.startswith(LOOPBACK)
