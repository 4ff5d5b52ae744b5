"""What the store over a Qdrant server promises beyond the contract, as far as the client's local mode can show it."""

import socket

import pytest

from ingest.vectors.server import QdrantVectorStore
from shared.errors import StageFailed


async def test_a_server_that_does_not_answer_is_a_failed_stage() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(StageFailed) as failure:
            await QdrantVectorStore.open(url, "a-secret", "look-alike", 256)
    assert failure.value.kind == "vectors"
    assert "a-secret" not in failure.value.detail
