"""Processes that are killed lose nothing that was accepted, and processes that are stopped leave nothing behind."""

import asyncio
import itertools
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from deploy import embedded_valkey
from tests.deploy.installation import Installation, installed
from tests.ports import free_port
from tests.waiting import wait_until

STOPS_WITHIN_S = 15.0
"""A second on an idle machine; who waited for the runs that are going on would need half a minute."""


@pytest.fixture
async def place() -> AsyncIterator[Installation]:
    async with installed() as made:
        yield made


async def test_kills_lose_no_accepted_webhook_and_no_canvas_goes_back(place: Installation) -> None:
    numbers: list[int] = []
    async with place.history() as history:
        for kills_valkey_too in (False, True):
            process = await place.start()
            place.slow_down(0.4, share=0.7)
            accepted = place.accepted()
            new = [await place.create_ticket(f"Parcel {len(numbers) + order} is late") for order in range(13)]
            changed = numbers[::2]
            for number in changed:
                await place.change(number)
            expected = accepted + len(new) + len(changed)
            await wait_until(lambda expected=expected: place.accepted() >= expected)  # type: ignore[misc]
            await wait_until(lambda: place.desk.faults.waiting >= 5)  # in the middle of runs
            process.kill()
            await process.wait()
            if kills_valkey_too:
                await place.kill_valkey()
            numbers += new
        place.desk.faults.clear()
        await place.start()
        await place.all_current()
    assert sorted(history) == sorted(numbers)
    assert all(older < newer for heads in history.values() for older, newer in itertools.pairwise(heads))


async def test_a_killed_valkey_is_started_again_and_nothing_accepted_is_lost(place: Installation) -> None:
    await place.start()
    place.slow_down(0.3)
    for order in range(10):
        await place.create_ticket(f"Parcel {order} is late")
    await wait_until(lambda: place.accepted() >= 10 and place.desk.faults.waiting >= 5)
    await place.kill_valkey()
    for order in range(5):
        await place.create_ticket(f"Letter {order} is late")  # Freshdesk is told to come back with these
    place.desk.faults.clear()
    await place.all_current()
    assert len(place.valkeys()) == 1


def workers_of(process: asyncio.subprocess.Process) -> list[int]:
    """The process ids of the workers that `canvas up` has started."""
    found = subprocess.run(["pgrep", "-P", str(process.pid), "-f", "worker --beside"], capture_output=True, check=False)
    return [int(line) for line in found.stdout.split()]


@pytest.mark.skipif(shutil.which("pgrep") is None, reason="pgrep is not installed")
async def test_killed_workers_are_started_again_and_end_with_who_started_them(place: Installation) -> None:
    process = await place.start()
    [first] = workers_of(process)
    place.slow_down(0.3)
    for order in range(5):
        await place.create_ticket(f"Parcel {order} is late")
    await wait_until(lambda: place.desk.faults.waiting >= 3)  # in the middle of runs
    os.kill(first, signal.SIGKILL)
    place.desk.faults.clear()
    await place.all_current()
    [second] = workers_of(process)
    assert second != first
    process.kill()
    await process.wait()
    await wait_until(lambda: not _lives(second))


def _lives(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_stop_during_precompute_is_quick_and_clean_and_loses_nothing(place: Installation) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        process = await place.start()
        place.slow_down(30)
        for order in range(5):
            await place.create_ticket(f"Parcel {order} is late")
        await wait_until(lambda: place.desk.faults.waiting >= 5)
        assert await stopped(place, process, number), place.said(process)
        place.desk.faults.clear()
    await place.start()
    await place.all_current()


async def test_of_two_processes_on_one_data_folder_one_works_and_the_other_says_why_not(place: Installation) -> None:
    # At the very same time …
    ports = [place.port, free_port()]
    rivals = [await place.launch(port) for port in ports]
    await asyncio.wait([asyncio.create_task(rival.wait()) for rival in rivals], return_when="FIRST_COMPLETED")
    [refused] = [rival for rival in rivals if rival.returncode is not None]
    said_why_not(place, refused)
    [(winner, port)] = [pair for pair in zip(rivals, ports, strict=True) if pair[0] is not refused]
    await place.until_ready(winner, port)
    # … and one after the other.
    late = await place.launch(free_port())
    async with asyncio.timeout(60):
        await late.wait()
    said_why_not(place, late)
    await place.until_ready(winner, port)
    assert len(place.valkeys()) == 1
    assert await stopped(place, winner, signal.SIGTERM)


def said_why_not(place: Installation, process: asyncio.subprocess.Process) -> None:
    said = place.said(process)
    assert process.returncode == 2, said
    assert len(said.splitlines()) == 1, said
    assert said.startswith("canvas: Another process has"), said


async def stopped(place: Installation, process: asyncio.subprocess.Process, number: signal.Signals) -> bool:
    """Whether a process ends in time, with success, and leaves no Valkey behind."""
    process.send_signal(number)
    async with asyncio.timeout(STOPS_WITHIN_S):
        code = await process.wait()
    return code == 0 and not place.valkeys()


async def test_a_valkey_that_stands_still_is_waited_for_and_never_doubled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two servers on one append-only file would destroy it."""
    monkeypatch.setattr(embedded_valkey, "WATCH_EVERY_S", 0.01)
    async with embedded_valkey.embedded_valkey(tmp_path) as url, Redis.from_url(url) as client:
        process_id = int((await client.info("server"))["process_id"])
        os.kill(process_id, signal.SIGSTOP)
        try:
            # Each look takes as long as the watcher's, which looks meanwhile.
            assert [await embedded_valkey._state(url) for _ in range(2)] == ["busy", "busy"]
        finally:
            os.kill(process_id, signal.SIGCONT)

        async def is_ready() -> bool:
            return await embedded_valkey._state(url) == "ready"

        await wait_until(is_ready)
        assert int((await client.info("server"))["process_id"]) == process_id
