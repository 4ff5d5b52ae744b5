"""OpenAI's batches and the files that they read and write: `/v1/files` and `/v1/batches`."""

import json
import time
from email import message_from_bytes
from typing import Any

from tests.lookalikes.batches import Batches, MadeBatch, Outcome
from tests.lookalikes.generation import Refused, document
from tests.lookalikes.provider_errors import require
from tests.lookalikes.scripts import Fault, Script
from tests.lookalikes.wire import LoggedRequest

FILES, BATCHES = "/v1/files", "/v1/batches"
STATES = {"in_progress": "in_progress", "ended": "completed", "expired": "expired", "cancelled": "cancelled"}


class OpenAIBatches(Batches):
    """As the SDK's types have them (openai 3.54). `files` are by id."""

    files: dict[str, bytes]

    def claims(self, request: LoggedRequest) -> bool:
        """Whether a request is about batches or files."""
        return request.path.startswith((FILES, BATCHES))

    async def answer(self, request: LoggedRequest, script: Script) -> bytes | None:
        """The body of the answer."""
        self.files = getattr(self, "files", {})
        if request.path.startswith(FILES):
            return self._file(request)
        if request.path == BATCHES and request.method == "POST":
            batch = self._create(request)
            return None if self.lost() else document(self._told(batch))
        if request.path == BATCHES:
            data = [self._told(batch) for batch in self.listed()]
            return document({"object": "list", "data": data, "has_more": False})
        batch_id, _, what = request.path.removeprefix(f"{BATCHES}/").partition("/")
        found = self.named(batch_id)
        if found is None:
            raise Refused(Fault.unknown_model())
        if what == "cancel":
            found.state = "cancelled"
        elif found.state == "in_progress":
            await self.settle(found, script)
            self._write(found)
        return document(self._told(found))

    def _file(self, request: LoggedRequest) -> bytes:
        if request.method == "POST":
            file_id = f"file-{len(self.files) + 1:024d}"
            self.files[file_id] = _uploaded(request)
            return document({"id": file_id, "object": "file", "purpose": "batch", "filename": "calls.jsonl"})
        file_id, _, what = request.path.removeprefix(f"{FILES}/").partition("/")
        if self.files.get(file_id, b"") == b"":
            raise Refused(Fault.unknown_model())
        if request.method == "DELETE":
            self.files[file_id] = b""
            return document({"id": file_id, "object": "file", "deleted": True})
        return self.files[file_id] if what == "content" else document({"id": file_id, "object": "file"})

    def _create(self, request: LoggedRequest) -> MadeBatch:
        body = request.body
        require(body.get("completion_window") == "24h", "completion_window: only 24h is supported")
        require(self.files.get(body.get("input_file_id"), b""), "No such file")
        calls: dict[str, LoggedRequest] = {}
        for line in self.files[body["input_file_id"]].splitlines():
            entry = json.loads(line)
            require(entry["url"] == body["endpoint"] and entry["method"] == "POST", "url: must be the endpoint")
            require(entry["custom_id"] not in calls, "custom_id: must be unique")
            require(not entry["body"].get("stream"), "stream: not supported in a batch")
            url, call_id = entry["url"], entry["custom_id"]
            call = LoggedRequest(len(calls) + 1, "POST", url, request.headers, entry["body"], call_id)
            self.provider.check(call, "generation")
            calls[call_id] = call
        require(len({call.body["model"] for call in calls.values()}) == 1, "a batch has one model")
        made = MadeBatch(f"batch_{len(self.made) + 1:024d}", time.time(), calls)
        made.name, made.input_file = body.get("metadata") or {}, body["input_file_id"]
        self.made.append(made)
        return made

    def _write(self, batch: MadeBatch) -> None:
        """The two files of a batch that has ended."""
        if batch.state == "in_progress":
            return
        answered = {outcome.call_id for outcome in batch.outcomes}
        good = [_line(outcome) for outcome in batch.outcomes if outcome.status == 200]
        bad = [_line(outcome) for outcome in batch.outcomes if outcome.status != 200]
        gone = {"code": "batch_expired", "message": "This request could not be executed before its batch expired."}
        bad += [_missing(call_id, gone) for call_id in batch.calls if call_id not in answered]
        for kind, lines in (("output", good), ("error", bad)):
            if lines:
                self.files[f"file-{kind}-{batch.id}"] = b"\n".join(document(line) for line in lines) + b"\n"

    def _told(self, batch: MadeBatch) -> dict[str, Any]:
        files = {kind: f"file-{kind}-{batch.id}" for kind in ("output", "error")}
        good = sum(outcome.status == 200 for outcome in batch.outcomes)
        return {
            "id": batch.id,
            "object": "batch",
            "endpoint": next(iter(batch.calls.values())).path,
            "input_file_id": batch.input_file,
            "completion_window": "24h",
            "status": STATES[batch.state],
            "created_at": int(batch.created),
            "metadata": batch.name,
            "output_file_id": files["output"] if files["output"] in self.files else None,
            "error_file_id": files["error"] if files["error"] in self.files else None,
            "request_counts": {
                "total": len(batch.calls),
                "completed": good,
                "failed": len(batch.outcomes) - good,
            },
        }


def _uploaded(request: LoggedRequest) -> bytes:
    """The file of a form."""
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    for part in message_from_bytes(head + request.raw).walk():
        if part.get_filename():
            found = part.get_payload(decode=True)
            return found if isinstance(found, bytes) else b""
    return b""


def _line(outcome: Outcome) -> dict[str, Any]:
    response = {"status_code": outcome.status, "request_id": "req", "body": outcome.body}
    return {"id": f"batch_req_{outcome.call_id}", "custom_id": outcome.call_id, "response": response, "error": None}


def _missing(call_id: str, error: dict[str, str]) -> dict[str, Any]:
    return {"id": f"batch_req_{call_id}", "custom_id": call_id, "response": None, "error": error}
