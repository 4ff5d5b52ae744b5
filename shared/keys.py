"""Every Redis key, made in one place. Each has a lifetime, or is permanent: see `shared.lifetimes`.

All keys of a tenant share the hash tag `{host}`, so that a Redis Cluster keeps them in one slot and a Lua script
may touch several of them.
"""

import re

PREFIX = "pc"

TENANTS = f"{PREFIX}:tenants"
WORKERS = f"{PREFIX}:workers"
RECONCILE = f"{PREFIX}:reconcile"
ANSWERS = f"{PREFIX}:answers"
BACKFILLS = f"{PREFIX}:backfills"
TURNS = f"{PREFIX}:turns"
"""Channel: the host of a tenant whose next turn has changed (`ledger.lua` publishes to it)."""
OF_TICKET = re.compile(rb"pc:\{([^}]+)\}:(?:canvas|ticket):([1-9][0-9]*)")
"""Of the names of a ticket's Canvas and record: the host and the ticket id."""
OF_TENANT = f"{PREFIX}:*{{%s}}*"
"""Pattern for SCAN, with the host put in: every key of a tenant, whatever it is for."""


def tenant(host: str) -> str:
    """String: the tenant's record, msgpack. Permanent."""
    return f"{PREFIX}:tenant:{{{host}}}"


def due(host: str) -> str:
    """Sorted set: ticket id by the time (ms) of its first change that is not computed yet. Empties itself."""
    return f"{PREFIX}:{{{host}}}:due"


def turn(host: str, lane: str) -> str:
    """Sorted set: due ticket by the time (ms) from which it may be handed out. Empties itself."""
    return f"{PREFIX}:{{{host}}}:turn:{lane}"


def out(host: str, lane: str) -> str:
    """Sorted set: ticket handed to a queue by the time (ms) from which its wake-up counts as lost. Empties itself."""
    return f"{PREFIX}:{{{host}}}:out:{lane}"


def held(host: str) -> str:
    """Sorted set: ticket with a worker by the time (ms) at which the dispatcher looks for its lease. Empties itself."""
    return f"{PREFIX}:{{{host}}}:held"


def dead(host: str) -> str:
    """Sorted set: ticket id by the time (ms) it was given up. Permanent."""
    return f"{PREFIX}:{{{host}}}:dead"


def record(host: str, ticket_id: int | str) -> str:
    """Hash of a ticket: `want`, `done`, `lane`, `listed`, `viewed`, `first_due`, `last_due`, `run`, `begun`, `resumed`,
    `appended`, `attempts`, `error`, `failing_since`, `dead`, `revision`, `recipe`, `marked`, `unlisted`, `dropped`,
    `group`, `responder`.
    """
    return f"{PREFIX}:{{{host}}}:ticket:{ticket_id}"


def canvas(host: str, ticket_id: int) -> str:
    """String: the stored Canvas, see `shared.canvas_store`."""
    return f"{PREFIX}:{{{host}}}:canvas:{ticket_id}"


def shown_in(host: str, ticket_id: int) -> str:
    """Set: the tickets whose Canvases list this one as similar. In the cache, beside the Canvases."""
    return f"{PREFIX}:{{{host}}}:shown_in:{ticket_id}"


def lease(host: str, ticket_id: int | str) -> str:
    """String: the token of the worker that runs this ticket now."""
    return f"{PREFIX}:{{{host}}}:lease:{ticket_id}"


def parts(host: str, ticket_id: int) -> str:
    """Hash: summaries of the parts of a very long ticket, JSON by the digest of what each was made of. In the cache."""
    return f"{PREFIX}:{{{host}}}:parts:{ticket_id}"


def thread(host: str, ticket_id: int) -> str:
    """String: a cleaned thread that a backfill fetched and its second pass will use."""
    return f"{PREFIX}:{{{host}}}:thread:{ticket_id}"


def run(host: str, run_id: str) -> str:
    """Stream: the events of one run."""
    return f"{PREFIX}:{{{host}}}:run:{run_id}"


def credential(host: str, key_hash: str) -> str:
    """String: what Freshdesk said about an API key, under its keyed hash."""
    return f"{PREFIX}:{{{host}}}:credential:{key_hash}"


def proven(host: str, key_hash: str) -> str:
    """String: that an API key was right within the last day, under its keyed hash."""
    return f"{PREFIX}:{{{host}}}:proven:{key_hash}"


def limit(host: str, bucket: str) -> str:
    """Hash: a token bucket of a tenant or of one of its agents, see `spend_tokens.lua`."""
    return f"{PREFIX}:{{{host}}}:limit:{bucket}"


def limit_of_address(address: str) -> str:
    """Hash: the token bucket of a client's address, whatever tenant it asks for."""
    return f"{PREFIX}:{{addresses}}:limit:{address}"


def streams(host: str, who: str) -> str:
    """Sorted set: the streams that an agent (or everybody) has open, by the time (ms) at which their places end."""
    return f"{PREFIX}:{{{host}}}:streams:{who}"


def backfill(host: str) -> str:
    """Hash: the progress of the tenant's backfill."""
    return f"{PREFIX}:{{{host}}}:backfill"


def backfill_lease(host: str) -> str:
    """String: the token of the worker that does the tenant's backfill now."""
    return f"{PREFIX}:{{{host}}}:backfill:lease"


def backfill_batch(host: str, kind: str) -> str:
    """Hash: of the texts that a backfill wants by a provider's batch, the tickets that are `waiting` to be handed over,
    those that were `sent`, and the `batches` themselves, see `ingest.deferred`.
    """
    return f"{PREFIX}:{{{host}}}:backfill:batch:{kind}"


def backfill_list(host: str, kind: str) -> str:
    """Of a backfill's tickets those that are `pending`, `indexed` or `given` to the ledger (sorted sets: id by place),
    and the hash of `requesters` that lists have named, by ticket id.
    """
    return f"{PREFIX}:{{{host}}}:backfill:list:{kind}"


def no_tickets(host: str, kind: str, block: int) -> str:
    """String of bits: the ids of a hundred thousand where a backfill has found no ticket, where it had asked for an
    `archived` one alone or for `any`, see `ingest.backfill.no_tickets`.
    """
    return f"{PREFIX}:{{{host}}}:no-tickets:{kind}:{block}"


def finished(host: str, ticket_id: int) -> str:
    """Hash: the texts that models have finished for a run that has not ended yet, by task, see `ingest.finished`."""
    return f"{PREFIX}:{{{host}}}:finished:{ticket_id}"


def articles(host: str) -> str:
    """Hash: what was indexed of each article, by its id (`canned:<id>` of a canned response): revision and model."""
    return f"{PREFIX}:{{{host}}}:articles"


def articles_looked(host: str) -> str:
    """String: that a tenant's articles were looked through; the next look is due when it is gone."""
    return f"{PREFIX}:{{{host}}}:articles:looked"


def last_webhook(host: str) -> str:
    """String: when the tenant's last webhook was accepted, ms since the epoch, to about ten seconds."""
    return f"{PREFIX}:{{{host}}}:last-webhook"


def erasure(host: str) -> str:
    """String: what a removal of the tenant has found and left so far, JSON."""
    return f"{PREFIX}:{{{host}}}:erasure"


def reconcile(host: str) -> str:
    """Hash: watermarks and last pass of the tenant's reconciler, see `shared.reconcile_state`. Permanent."""
    return f"{PREFIX}:{{{host}}}:reconcile"


def reconcile_lease(host: str) -> str:
    """String: the token of the worker that reconciles the tenant now."""
    return f"{PREFIX}:{{{host}}}:reconcile:lease"


def calls(host: str) -> str:
    """Hash: what is known of the account's rate limit, and who asked for calls, see `ingest.freshdesk.budget`."""
    return f"{PREFIX}:{{{host}}}:calls"


def call_log(host: str) -> str:
    """Sorted set: each credit of the account's rate limit that was taken, by the time (ms) it counts from."""
    return f"{PREFIX}:{{{host}}}:calls:log"


def call_lists(host: str) -> str:
    """Sorted set: each call for a ticket list, which Freshdesk limits apart, by the time (ms) it counts from."""
    return f"{PREFIX}:{{{host}}}:calls:lists"


def worker(name: str) -> str:
    """String: a worker's last report, JSON."""
    return f"{PREFIX}:worker:{name}"


def wake(process: str) -> str:
    """Stream: pulls a process's blocked reader out of its wait when it has new runs to follow."""
    return f"{PREFIX}:wake:{process}"


def tokens(host: str, day: str) -> str:
    """Hash: tokens that models took for the tenant on a day (UTC), and reservations of calls that still run."""
    return f"{PREFIX}:{{{host}}}:tokens:{day}"


def drafts(host: str, month: str) -> str:
    """Hash: what became of recommended replies, by model and prompt version, see `ingest.drafts`."""
    return f"{PREFIX}:{{{host}}}:drafts:{month}"


def answer(host: str, run_id: str) -> str:
    """Hash of a question: `question` until it is answered, `asked`, `attempts`, `begun`, `resumed`, `appended`."""
    return f"{PREFIX}:{{{host}}}:answer:{run_id}"


def answer_lease(host: str, run_id: str) -> str:
    """String: the token of the worker that answers this question now."""
    return f"{PREFIX}:{{{host}}}:answer:{run_id}:lease"


def answer_watchers(host: str, run_id: str) -> str:
    """Set: the serve processes with clients that wait for this answer; when it empties, the run is stopped."""
    return f"{PREFIX}:{{{host}}}:answer:{run_id}:watchers"


def feedback(host: str) -> str:
    """Stream: what agents did with suggestions, see `shared.feedback`."""
    return f"{PREFIX}:{{{host}}}:feedback"


def feedback_ids(host: str) -> str:
    """Sorted set: the clients' ids of the latest feedback, by time (ms), so that none counts twice."""
    return f"{PREFIX}:{{{host}}}:feedback:ids"


def feedback_counts(host: str, month: str) -> str:
    """Hash: the same counted by kind, action, model and prompt version."""
    return f"{PREFIX}:{{{host}}}:feedback:counts:{month}"


def breaker(provider: str) -> str:
    """Hash: since when and until when a provider of models is not called, and why."""
    return f"{PREFIX}:breaker:{{{provider}}}"


def breaker_of_model(provider: str, model: str) -> str:
    """Hash: the same for one model of a provider, its failures in a row, and when it last answered."""
    return f"{PREFIX}:breaker:{{{provider}}}:{model}"
