"""`python -m tests.fuzz --inputs 10000`: fuzz a whole Prompt Canvas; the exit status is 1 if anything was found."""

import asyncio
import logging
import os
import random
import sys
import tempfile
import time
from pathlib import Path

import rich_click as click

from serve.app import openapi_document
from tests.fuzz.heard import Heard, listening
from tests.fuzz.limits import unlimited
from tests.fuzz.schema import by_schema
from tests.fuzz.wire import by_dice, by_socket
from tests.parts import credentials, own_redis
from tests.world import ACME, ADMIN_KEY, World, world


async def fuzz(made: World, inputs: int, start: int) -> dict[str, Heard]:
    """Send `inputs` inputs of three kinds to a running world; returns what was heard of each kind."""
    url = made.running.url
    host, port = url.removeprefix("http://").split(":")
    address = (host, int(port))
    for text in ("It jams.", "The screen is black."):
        await made.acme.hit(await made.acme.create_ticket("A printer", text))
    agent, admin = credentials(ACME), credentials(ACME, ADMIN_KEY + ACME)
    of_schema, of_dice = inputs * 4 // 10, inputs * 3 // 10
    document = openapi_document()
    log_heard, found = Heard(), {}
    with listening(log_heard):
        found["schema"] = await asyncio.to_thread(by_schema, document, url, [agent, agent, admin, {}], of_schema, start)
        found["requests"] = await asyncio.to_thread(by_dice, address, agent, of_dice, start)
        rest = inputs - of_schema - of_dice
        found["sockets"] = await asyncio.to_thread(by_socket, address, rest, start)
        if (await made.acme.canvas.get("/health")).status_code != 200:
            log_heard.find("the process is not alive")
    found["logs"] = log_heard
    return found


async def _run(inputs: int, start: int) -> dict[str, Heard]:
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        async with own_redis(Path(folder)) as redis, world(redis.settings, serve=unlimited()) as made:
            return await fuzz(made, inputs, start)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--inputs", default=10_000, help="How many.")
@click.option("--seed", "start", type=int, help="Seed of every choice; a new one unless given.")
def main(inputs: int, start: int | None) -> None:
    """Send inputs that nobody planned for, and look for 5xx, tracebacks and answers that OpenAPI does not speak of."""
    os.environ["CANVAS_DEBOUNCE_S"] = "0"
    logging.basicConfig(level=logging.CRITICAL)
    start = random.randrange(2**32) if start is None else start
    began = time.monotonic()
    found = asyncio.run(_run(inputs, start))
    for name, heard in found.items():
        click.echo(f"{name}: {heard.sent} inputs, {dict(sorted(heard.statuses.items()))}")
        for finding in heard.findings[:40]:
            click.echo(f"  {finding}")
    findings = sum(len(heard.findings) for heard in found.values())
    sent = sum(heard.sent for heard in found.values())
    click.echo(f"seed {start}: {sent} inputs, {findings} findings, {time.monotonic() - began:.0f} s")
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
