"""Anthropic's Message Batches: `POST` and `GET /v1/messages/batches`, one of them, its results, and `cancel`."""

import time
from datetime import UTC, datetime
from typing import Any

from tests.lookalikes.batches import Batches, MadeBatch
from tests.lookalikes.generation import Refused, document
from tests.lookalikes.provider_errors import require
from tests.lookalikes.scripts import Fault, Script
from tests.lookalikes.wire import LoggedRequest

BATCHES = "/v1/messages/batches"


class AnthropicBatches(Batches):
    """As the SDK's types have them (anthropic 2.12)."""

    def claims(self, request: LoggedRequest) -> bool:
        """Whether a request is about batches."""
        return request.path.startswith(BATCHES)

    async def answer(self, request: LoggedRequest, script: Script) -> bytes | None:
        """The body of the answer."""
        if request.path == BATCHES and request.method == "POST":
            batch = self._create(request)
            return None if self.lost() else document(self._told(batch))
        if request.path == BATCHES:
            data = [self._told(batch) for batch in self.listed()]
            return document({"data": data, "has_more": False, "first_id": None, "last_id": None})
        batch_id, _, what = request.path.removeprefix(f"{BATCHES}/").partition("/")
        found = self.named(batch_id)
        if found is None:
            raise Refused(Fault.unknown_model())
        if what == "cancel":
            found.state = "cancelled"
        elif what == "results":
            return b"\n".join(document(line) for line in self._lines(found)) + b"\n"
        else:
            await self.settle(found, script)
        return document(self._told(found))

    def _create(self, request: LoggedRequest) -> MadeBatch:
        require(isinstance(request.body, dict) and request.body.get("requests"), "requests: Field required")
        calls: dict[str, LoggedRequest] = {}
        for entry in request.body["requests"]:
            call_id, params = entry["custom_id"], entry["params"]
            require(0 < len(call_id) <= 64 and call_id not in calls, "custom_id: must be unique, 1 to 64 characters")
            require(not params.get("stream"), "stream: not supported in a batch")
            call = LoggedRequest(len(calls) + 1, "POST", "/v1/messages", request.headers, params, call_id)
            self.provider.check(call, "generation")
            calls[call_id] = call
        self.made.append(MadeBatch(f"msgbatch_{len(self.made) + 1:024d}", time.time(), calls))
        return self.made[-1]

    def _told(self, batch: MadeBatch) -> dict[str, Any]:
        ended = batch.state != "in_progress"
        good = sum(outcome.status == 200 for outcome in batch.outcomes)
        rest = len(batch.calls) - len(batch.outcomes)
        counts = {"processing": 0 if ended else rest, "succeeded": good, "errored": len(batch.outcomes) - good}
        counts["canceled"] = rest if batch.state == "cancelled" else 0
        counts["expired"] = rest if batch.state == "expired" else 0
        return {
            "id": batch.id,
            "type": "message_batch",
            "processing_status": "ended" if ended else "in_progress",
            "request_counts": counts,
            "created_at": _stamp(batch.created),
            "expires_at": _stamp(batch.created + 86_400),
            "ended_at": _stamp(batch.created) if ended else None,
            "archived_at": None,
            "cancel_initiated_at": None,
            "results_url": f"{BATCHES}/{batch.id}/results" if ended else None,
        }

    def _lines(self, batch: MadeBatch) -> list[dict[str, Any]]:
        lines = []
        for call_id, status, body in batch.outcomes:
            result = {"type": "succeeded", "message": body} if status == 200 else {"type": "errored", "error": body}
            lines.append({"custom_id": call_id, "result": result})
        answered = {outcome.call_id for outcome in batch.outcomes}
        why = "canceled" if batch.state == "cancelled" else "expired"
        return lines + [
            {"custom_id": call_id, "result": {"type": why}} for call_id in batch.calls if call_id not in answered
        ]


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
