"""Every error that may reach a caller, as one small tree. Each class knows its HTTP status and its stable code.

CanvasError
├── BadInput              400  what was sent can't be used
│   └── MalformedTicketId
├── Unauthorized          401  no credential, or a wrong one: which of the two is never said
├── Forbidden             403  the credential is right, but not an admin's
├── TicketMissing         404  not there, or not this tenant's: the two can't be told apart
│   RunMissing, AttachmentMissing, BackfillMissing 404
├── TicketDeleted         410
├── TicketSpam            410
├── RunCancelled          410  nobody waited for what the run was making
├── AnswerLate            504  it takes longer than anybody should wait without a stream
├── AttachmentUnsafe      502  Freshdesk names an address for a file where no browser is sent
├── StartupError               a process can't start; one line for a person, exit code 2
└── Transient                  may be tried again
    ├── RateLimited       429  too many requests of an agent, a tenant or an address
    │   TooManyStreams    429  too many streams at the same time
    ├── StoreUnavailable  503  Redis does not answer or refuses to write
    ├── FreshdeskUnavailable 503
    │   FreshdeskRedirects  503  it answers with another address, where the key must never go
    │   FreshdeskMisled     503  the name server sends us to an address inside our own network
    ├── FreshdeskLimited  503  the account's calls of this minute are used up
    └── StageFailed       502  a model, an embedding or the vector store failed
Terminal, but Freshdesk's: FreshdeskRefused 502 (the stored key no longer works)
"""

from datetime import timedelta
from typing import Any, ClassVar

WANTED = (
    "Send X-Freshdesk-Domain and X-Freshdesk-API-Key, or Authorization: Bearer with a token from POST /session "
    "that has not expired"
)


class CanvasError(Exception):
    """Root of the tree: `detail` is for a person, `code` for a program and never changes its meaning."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something went wrong on our side"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title

    def problem(self) -> dict[str, Any]:
        """The RFC 9457 problem document of this error."""
        return {
            "type": f"urn:prompt-canvas:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
        }


class BadInput(CanvasError):
    """What was sent can't be used, and nothing was changed by it."""

    status, code, title = 400, "bad-input", "The request can't be used"


class MalformedTicketId(BadInput):
    """Ticket ids are positive decimal numbers of at most 15 digits (Freshdesk's display ids)."""

    code, title = "malformed-ticket-id", "A ticket id is a positive number"


class Unauthorized(CanvasError):
    """The credential is missing, wrong or expired; the answer is the same for an unknown tenant."""

    status, code, title = 401, "unauthorized", "Credentials are missing or wrong"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or WANTED)


class Forbidden(CanvasError):
    """The credential is right, but its agent is no admin of the Freshdesk account."""

    status, code, title = 403, "forbidden", "This is for admins of the Freshdesk account"


class TicketMissing(CanvasError):
    """The ticket does not exist for this credential; a foreign ticket answers just the same."""

    status, code, title = 404, "ticket-missing", "There is no such ticket"


class TicketDeleted(CanvasError):
    """The ticket is in Freshdesk's trash."""

    status, code, title = 410, "ticket-deleted", "This ticket was deleted"


class TicketSpam(CanvasError):
    """The ticket is marked as spam."""

    status, code, title = 410, "ticket-spam", "This ticket is marked as spam"


class RunMissing(CanvasError):
    """The run does not exist (any more) for this tenant."""

    status, code, title = 404, "run-missing", "There is no such run"


class RunCancelled(CanvasError):
    """Whoever asked for it has gone, so the work was stopped."""

    status, code, title = 410, "run-cancelled", "Nobody waited for this run any more"


class AnswerLate(CanvasError):
    """It takes longer than a plain request waits; the run in `Location` goes on for whoever follows it soon."""

    status, code, title = 504, "answer-late", "This takes longer than expected"


class AttachmentMissing(CanvasError):
    """The ticket has no such attachment (any more)."""

    status, code, title = 404, "attachment-missing", "The ticket has no such attachment"


class AttachmentUnsafe(CanvasError):
    """Freshdesk names an address for a file that is none of its own."""

    status, code, title = 502, "attachment-unsafe", "The file's address is not one that can be trusted"


class BackfillMissing(CanvasError):
    """The backfill does not exist (any more) for this tenant."""

    status, code, title = 404, "backfill-missing", "There is no such backfill"


class StartupError(CanvasError):
    """A process can't start; `detail` is one line that says what to do."""

    code, title = "startup", "Prompt Canvas can't start"


class FreshdeskRefused(CanvasError):
    """Freshdesk no longer accepts the tenant's stored key."""

    status, code, title = 502, "freshdesk-refused", "Freshdesk refuses the stored API key"


class FreshdeskInaccessible(CanvasError):
    """Not there, or not for this key: Freshdesk's 403, 404 and 405 can't be told apart reliably."""

    status, code, title = 502, "freshdesk-inaccessible", "Freshdesk does not show this to the stored API key"


class FreshdeskRejected(CanvasError):
    """Freshdesk calls our request invalid: a bug on our side, or a feature that the account lacks."""

    status, code, title = 502, "freshdesk-rejected", "Freshdesk rejects the request"


class Transient(CanvasError):
    """May be tried again, at the earliest after `retry_after`."""

    status, code, title = 503, "transient", "Try again shortly"

    def __init__(self, detail: str = "", retry_after: timedelta = timedelta(seconds=2)) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class StoreUnavailable(Transient):
    """Redis does not answer, or refuses to write."""

    code, title = "store-unavailable", "The store does not answer"


class RateLimited(Transient):
    """Too many requests; `retry_after` is when the next one has a chance."""

    status, code, title = 429, "rate-limited", "Too many requests"


class TooManyStreams(Transient):
    """Too many streams at the same time, of one agent or of the whole tenant: close one first."""

    status, code, title = 429, "too-many-streams", "Too many streams are open"


class FreshdeskUnavailable(Transient):
    """Freshdesk does not answer, answers 5xx, or answers with something that is not JSON."""

    code, title = "freshdesk-unavailable", "Freshdesk does not answer"


class FreshdeskRedirects(FreshdeskUnavailable):
    """Freshdesk answers with another address: the account was renamed, or is being moved."""

    code, title = "freshdesk-redirects", "Freshdesk answers with another address"


class FreshdeskMisled(FreshdeskUnavailable):
    """The account's name leads to an address that can't be Freshdesk's: a private, local or reserved one."""

    code, title = "freshdesk-misled", "The account's name leads into a private network"


class FreshdeskLimited(Transient):
    """The account's calls are used up; `retry_after` is Freshdesk's own word, or when our own count has room."""

    code, title = "freshdesk-limited", "Freshdesk's rate limit is reached"


class StageFailed(Transient):
    """A model, an embedding or the vector store failed; `kind` says how, in one word."""

    status, code, title = 502, "stage-failed", "A part of the work failed"

    def __init__(self, detail: str = "", kind: str = "unknown", retry_after: timedelta = timedelta(seconds=2)) -> None:
        super().__init__(detail, retry_after)
        self.kind = kind


TOMBSTONES: dict[str, type[CanvasError]] = {error.code: error for error in (TicketMissing, TicketDeleted, TicketSpam)}
"""The errors that are remembered in place of a Canvas, by code."""
