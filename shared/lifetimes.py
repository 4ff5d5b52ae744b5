"""How long each Redis key stands, and which ones stand for ever; `shared.keys` makes the names.

The README's table of keys is checked against `LIFETIMES` and `PERMANENT` by a test.
"""

from datetime import timedelta

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
NO_TICKETS_LIFETIME = timedelta(days=30)
"""An id that was no archived ticket is not tried again for so long: a merged one may be archived later, and the key be
another agent's.
"""
LEASE_LIFETIME = timedelta(seconds=6)
"""A worker that died is followed by another after at most this long; renewed every third of it."""
BATCH_LIFETIME = timedelta(days=7)
"""A provider's batch ends within a day; a backfill may be paused meanwhile."""
BACKFILL_LEASE = timedelta(seconds=6)
"""A killed backfill is gone on with by another worker after this long; renewed every third of it."""
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
    "pc:{host}:backfill:batch:<list>": BATCH_LIFETIME,
    "pc:{host}:no-tickets:<list>:<block>": NO_TICKETS_LIFETIME,
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
