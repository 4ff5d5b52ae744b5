"""Every Redis key, made in one place. A key has a lifetime below, or stands on the list of permanent ones.

All keys of a tenant share the hash tag `{host}`, so that a Redis Cluster keeps them in one slot and a Lua script
may touch several of them. The README's table of keys is checked against `LIFETIMES` and `PERMANENT` by a test.
"""

import re
from datetime import timedelta

PREFIX = "pc"

CANVAS_LIFETIME = timedelta(days=90)
"""A Canvas that nobody opened or changed for a quarter is recomputed when it is opened."""
RECORD_LIFETIME = timedelta(days=180)
"""Longer than the Canvas's: the record tells that an older revision is not the newest one."""
TOMBSTONE_LIFETIME = timedelta(minutes=10)
"""An unknown, deleted or spam ticket is remembered this long, so that asking again costs nothing."""
RUN_LIFETIME = timedelta(hours=1)
"""Above what a run may wait for its worker, from its last event on."""
ENDED_RUN_LIFETIME = timedelta(minutes=10)
"""A cut stream can be resumed for so long after the run's end; later the Canvas itself says more than its log."""
CREDENTIAL_LIFETIME = timedelta(minutes=5)
"""How long a revoked API key may still read (bounded; the check costs a Freshdesk call)."""
PROVEN_LIFETIME = timedelta(days=1)
"""A key that was right within a day is checked again without being counted among the wrong ones."""
LIMIT_LIFETIME = timedelta(minutes=5)
"""Above the time in which any bucket fills up: one that is gone is a full one."""
STREAM_LEASE = timedelta(seconds=30)
"""The places of a killed process's streams are free again after this long; renewed every third of it."""
THREAD_LIFETIME = timedelta(days=1)
"""A fetched thread waits this long between a backfill's two passes."""
HEARTBEAT_LIFETIME = timedelta(seconds=15)
BACKFILL_LIFETIME = timedelta(days=7)
LEASE_LIFETIME = timedelta(seconds=6)
"""A worker that died is followed by another after at most this long; renewed every third of it."""
BACKFILL_LEASE = timedelta(seconds=10)
"""A killed backfill can be started again after this long; renewed every third of it."""
FINISHED_LIFETIME = timedelta(hours=2)
"""Above what a killed run waits for its next attempt; a run that ends drops what it has used."""
RECONCILE_LEASE = timedelta(seconds=30)
"""A killed pass is taken over after this long; renewed every third of it."""
WAKE_LIFETIME = timedelta(minutes=5)
BREAKER_LIFETIME = timedelta(hours=1)
"""Above the longest time that a model stays out of use without a probe."""
TOKENS_LIFETIME = timedelta(days=2)
"""A day's tokens, until the day is over everywhere."""
CALLS_LIFETIME = timedelta(days=7)
"""What an account's plan allows is known for so long after the last call; then it is learnt anew."""
CALL_LOG_LIFETIME = timedelta(minutes=62)
"""At most, for the few accounts with a limit by the hour; of the others a minute and a half is kept."""
DRAFTS_LIFETIME = timedelta(days=400)
"""So that a month can be compared with the same one a year ago."""
FEEDBACK_LIFETIME = timedelta(days=90)
"""Of what agents did with single suggestions; the counts by month live longer."""
ERASURE_LIFETIME = timedelta(hours=1)
"""The account of a tenant's removal, for whoever waits for it; while it is there the tenant can't be added again."""
ARTICLES_EVERY = timedelta(hours=6)
"""Freshdesk announces no change of an article. A look costs a call a folder and a hundred articles."""
LAST_WEBHOOK_LIFETIME = timedelta(days=30)
"""A quiet account may send none for weeks; what is older says no more than that it is long ago."""

PERMANENT = {
    "pc:tenants": "the hosts of all tenants",
    "pc:tenant:{host}": "a tenant's record; its credentials are encrypted",
    "pc:workers": "names of the workers seen lately, by the time (ms) of their last report; pruned by each report",
    "pc:reconcile": "hosts by the time (ms) of their next reconcile pass",
    "pc:{host}:reconcile": "how far the reconciler has read a tenant's ticket lists, and how its last pass went",
    "pc:backfills": "hosts whose backfill has not come to its end, by the time (ms) of the last call for workers",
    "pc:answers": "questions that are not answered yet, by the time (ms) of the next look at them; empties itself",
    "pc:{host}:due": "tickets whose newest revision is not computed yet; empties itself",
    "pc:{host}:turn:<lane>": "due tickets that wait for the dispatcher; empties itself",
    "pc:{host}:out:<lane>": "due tickets that were handed to a queue; empties itself",
    "pc:{host}:held": "due tickets that a worker has; empties itself",
    "pc:{host}:dead": "tickets that failed too often, until an operator looks",
}
LIFETIMES: dict[str, timedelta] = {
    "pc:{host}:ticket:<id>": RECORD_LIFETIME,
    "pc:{host}:canvas:<id>": CANVAS_LIFETIME,
    "pc:{host}:shown_in:<id>": CANVAS_LIFETIME,
    "pc:{host}:parts:<id>": CANVAS_LIFETIME,
    "pc:{host}:lease:<id>": LEASE_LIFETIME,
    "pc:{host}:thread:<id>": THREAD_LIFETIME,
    "pc:{host}:run:<run>": RUN_LIFETIME,
    "pc:{host}:credential:<hash>": CREDENTIAL_LIFETIME,
    "pc:{host}:proven:<hash>": PROVEN_LIFETIME,
    "pc:{host}:limit:<bucket>": LIMIT_LIFETIME,
    "pc:{addresses}:limit:<address>": LIMIT_LIFETIME,
    "pc:{host}:streams:<who>": STREAM_LEASE,
    "pc:{host}:backfill": BACKFILL_LIFETIME,
    "pc:{host}:backfill:lease": BACKFILL_LEASE,
    "pc:{host}:backfill:list:<list>": BACKFILL_LIFETIME,
    "pc:{host}:finished:<id>": FINISHED_LIFETIME,
    "pc:{host}:articles": RECORD_LIFETIME,
    "pc:{host}:articles:looked": ARTICLES_EVERY,
    "pc:{host}:reconcile:lease": RECONCILE_LEASE,
    "pc:{host}:erasure": ERASURE_LIFETIME,
    "pc:{host}:last-webhook": LAST_WEBHOOK_LIFETIME,
    "pc:{host}:calls": CALLS_LIFETIME,
    "pc:{host}:calls:log": CALL_LOG_LIFETIME,
    "pc:{host}:calls:lists": CALL_LOG_LIFETIME,
    "pc:worker:<name>": HEARTBEAT_LIFETIME,
    "pc:wake:<process>": WAKE_LIFETIME,
    "pc:{host}:tokens:<day>": TOKENS_LIFETIME,
    "pc:{host}:drafts:<month>": DRAFTS_LIFETIME,
    "pc:{host}:answer:<run>": RUN_LIFETIME,
    "pc:{host}:answer:<run>:lease": LEASE_LIFETIME,
    "pc:{host}:answer:<run>:watchers": RUN_LIFETIME,
    "pc:{host}:feedback": FEEDBACK_LIFETIME,
    "pc:{host}:feedback:ids": FEEDBACK_LIFETIME,
    "pc:{host}:feedback:counts:<month>": DRAFTS_LIFETIME,
    "pc:breaker:{<provider>}": BREAKER_LIFETIME,
    "pc:breaker:{<provider>}:<model>": BREAKER_LIFETIME,
}

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


def backfill_list(host: str, kind: str) -> str:
    """Of a backfill's tickets those that are `pending`, `indexed` or `given` to the ledger (sorted sets: id by place),
    and the hash of `requesters` that lists have named, by ticket id.
    """
    return f"{PREFIX}:{{{host}}}:backfill:list:{kind}"


def finished(host: str, ticket_id: int) -> str:
    """Hash: the texts that models have finished for a run that has not ended yet, by task, see `ingest.finished`."""
    return f"{PREFIX}:{{{host}}}:finished:{ticket_id}"


def articles(host: str) -> str:
    """Hash: what was indexed of each article, by its id: revision and embedding model."""
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
