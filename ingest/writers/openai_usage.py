"""Tokens as OpenAI's two APIs count them. Cached ones are part of the input in both."""

from openai.types.completion_usage import CompletionUsage
from openai.types.responses import ResponseUsage

from ingest.writers.protocol import Usage


def usage_of_response(usage: ResponseUsage) -> Usage:
    """The tokens of a response."""
    details = usage.input_tokens_details
    return Usage(
        input_tokens=usage.input_tokens,
        cached_tokens=details.cached_tokens or 0,
        cache_write_tokens=getattr(details, "cache_write_tokens", None) or 0,  # servers before 5.6 leave it out
        output_tokens=usage.output_tokens,
    )


def usage_of_chat(usage: CompletionUsage) -> Usage:
    """The tokens of a chat completion."""
    details = usage.prompt_tokens_details
    return Usage(
        input_tokens=usage.prompt_tokens,
        cached_tokens=getattr(details, "cached_tokens", None) or 0,
        cache_write_tokens=getattr(details, "cache_write_tokens", None) or 0,
        output_tokens=usage.completion_tokens,
    )
