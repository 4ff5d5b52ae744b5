"""Shell completion: the script of each shell, and hosts from a Redis that answers at once or not at all."""

import socket
import time
from pathlib import Path

import pytest

from deploy.data_folder import redis_ready
from shared.settings import Settings
from tests.deploy.forking import CALL_S, Call
from tests.parts import register
from tests.world import ACME, OTHER


async def completed(call: Call, line: str, **variables: str) -> list[str]:
    """What bash would offer behind a line."""
    words = line.split(" ")
    asked = {"_CANVAS_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    said = await call(**asked, **variables)
    assert said.err == ""
    return [offer.partition(",")[2] for offer in said.out.split()]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
async def test_each_shell_has_its_script(shell: str, call: Call) -> None:
    said = await call("completion", shell)
    assert (said.code, "_CANVAS_COMPLETE" in said.out, said.err) == (0, True, "")


async def test_commands_and_connected_hosts_are_completed(call: Call, settings: Settings) -> None:
    assert settings.redis_url is not None
    url = settings.redis_url.get_secret_value()
    await register(settings, ACME)
    await register(settings, OTHER)

    assert await completed(call, "canvas ten") == ["tenant"]
    assert await completed(call, "canvas tenant show ", REDIS_URL=url) == [ACME, OTHER]
    assert await completed(call, "canvas dead list ac", REDIS_URL=url) == [ACME]


async def test_the_embedded_redis_is_asked_where_it_runs_and_not_started(call: Call, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    assert await completed(call, "canvas status ", CANVAS_DATA_DIR=str(folder)) == []
    assert not folder.exists()
    async with redis_ready(Settings(data_dir=folder)) as settings:
        await register(settings, ACME)
        assert await completed(call, "canvas status ", CANVAS_DATA_DIR=str(folder)) == [ACME]


async def test_a_redis_that_hangs_offers_nothing_and_keeps_nobody_waiting(call: Call) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        offered = await completed(call, "canvas status ", REDIS_URL=f"redis://127.0.0.1:{silent.getsockname()[1]}")
        assert (offered, time.monotonic() - started < CALL_S / 2) == ([], True)
