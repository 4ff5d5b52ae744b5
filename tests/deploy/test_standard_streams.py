"""`canvas` called with streams that are closed, full, unread, of another encoding, or that hold no text."""

import asyncio
import io
import os
import sys
from pathlib import Path

import pytest
import rich_click as click

from deploy.backfill_estimate import Budget
from deploy.commands.backfill import IdFile, StatusList
from deploy.standard_streams import one_line, prepare_streams
from shared.errors import BadInput
from shared.settings import Settings
from tests.deploy.forking import Forking
from tests.deploy.test_cli import CANVAS, environment

FULL = Path("/dev/full")
LIST = "tenant list"


@pytest.fixture
def variables(settings: Settings) -> dict[str, str]:
    assert settings.redis_url is not None
    url = settings.redis_url.get_secret_value()
    return environment({"REDIS_URL": url, "CANVAS_DATA_DIR": str(settings.data_dir), "CANVAS_LOG_LEVEL": "error"})


async def shell(line: str, variables: dict[str, str]) -> tuple[int, str]:
    """Run a line of shell in which `$canvas` is the command; its exit code, and what it wrote as errors."""
    process = await asyncio.create_subprocess_exec(
        *("sh", "-c", line), env={**variables, "canvas": str(CANVAS)}, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(30):
        _, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, err.decode()


async def test_closed_streams_end_no_command(variables: dict[str, str]) -> None:
    assert await shell(f'"$canvas" {LIST} <&- >&-', variables) == (0, "")


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
async def test_a_full_disk_is_one_line(variables: dict[str, str]) -> None:
    assert await shell(f'"$canvas" {LIST} >{FULL}', variables) == (1, "canvas: No space left on device\n")


async def test_a_reader_that_has_gone_ends_the_command_without_a_word(variables: dict[str, str]) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        process = await asyncio.create_subprocess_exec(
            *(str(CANVAS), *LIST.split()), env=variables, stdout=write, stderr=asyncio.subprocess.PIPE
        )
    finally:
        os.close(write)
    async with asyncio.timeout(30):
        _, err = await process.communicate()
    assert (process.returncode, err) == (1, b"")


def test_an_encoding_without_our_letters_gets_others(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    prepare_streams()
    sys.stdout.write("✓ 잘됨")
    sys.stdout.flush()
    assert written.getvalue() == b"? ??"


@pytest.mark.parametrize("given", ["key", " key\r\n", "\ufeffkey\n"])
def test_what_editors_put_around_a_key_is_not_of_it(given: str) -> None:
    assert one_line(given, "API key") == "key"


def test_bytes_that_are_no_text_are_no_key_and_not_repeated() -> None:
    with pytest.raises(BadInput) as refused:
        one_line("\udcff\udcfesecret", "API key")
    assert "API key" in refused.value.detail
    assert refused.value.__suppress_context__
    assert "secret" not in refused.value.detail


def test_numbers_of_thousands_of_digits_are_a_wrong_call(tmp_path: Path) -> None:
    many, file = "1" * 5_000, tmp_path / "ids.txt"
    file.write_text(many, "utf-8")
    for kind, wrong in ((IdFile(), str(file)), (StatusList(), many), (Budget(), f"{many}tok"), (Budget(), many)):
        with pytest.raises(click.BadParameter):
            kind.convert(wrong, None, None)


async def test_a_style_guide_in_another_encoding_is_one_line(machine: Forking, tmp_path: Path) -> None:
    (tmp_path / "guide.txt").write_text("존댓말을 씁니다.", "utf-16")
    said = await machine.canvas(["tenant", "set", "acme.freshdesk.com", "--style-guide", "guide.txt"], tmp_path, {})
    assert (said.code, said.err) == (1, "canvas: guide.txt is not in UTF-8: save it so\n")


def test_a_list_of_ids_may_come_from_a_spreadsheet(tmp_path: Path) -> None:
    file = tmp_path / "표.csv"
    file.write_bytes(b"\xef\xbb\xbf2,1\r\n3\r\n")
    assert IdFile().convert(str(file), None, None) == [1, 2, 3]
