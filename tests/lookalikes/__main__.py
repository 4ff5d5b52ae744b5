"""Both look-alikes on one port, for a demo by hand: `python -m tests.lookalikes --port 9100`."""

import argparse
import asyncio
import math
import signal
import sys

from tests.lookalikes.anthropic import AnthropicApi
from tests.lookalikes.openai import OpenAIApi
from tests.lookalikes.scripts import Fault, Script, Speed
from tests.lookalikes.server import Lookalike
from tests.lookalikes.wire import LoggedRequest

# What reliability tests ask a provider to do wrong; each gets an equal part of --fault-share.
MIXED = (
    Fault.rate_limited(1),
    Fault.overloaded(),
    Fault.server_error(),
    Fault.error_event(3),
    Fault.cut(3),
    Fault.early_end(3),
    Fault.stall(3),
    Fault.slow(),
)


def main() -> None:
    """Read the options and serve until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m tests.lookalikes", description=__doc__)
    parser.add_argument("--port", type=int, default=9100, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--first-token", type=float, default=0.3, help="seconds (default: %(default)s)")
    parser.add_argument("--tokens-per-second", type=float, default=60.0, help="0 is at once (default: %(default)s)")
    parser.add_argument("--fault-share", type=float, default=0.0, help="share of requests that fail, 0 to 1")
    parser.add_argument("--seed", type=int, default=0, help="which requests fail (default: %(default)s)")
    options = parser.parse_args()
    speed = Speed(options.first_token, options.tokens_per_second or math.inf)
    script = Script(speed=speed, seed=options.seed)
    for fault in MIXED if options.fault_share else ():
        script.share(fault, options.fault_share / len(MIXED))
    try:
        asyncio.run(_serve(script, options.port))
    except OSError as error:
        parser.error(f"cannot listen on port {options.port}: {error.strerror}")


async def _serve(script: Script, port: int) -> None:
    stop = asyncio.Event()
    for signum in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    async with Lookalike(AnthropicApi(), OpenAIApi(), script=script, port=port, on_end=_report) as both:
        _say(f"export ANTHROPIC_BASE_URL={both.origin} ANTHROPIC_API_KEY=look-alike")
        _say(f"export OPENAI_BASE_URL={both.origin}/v1 OPENAI_API_KEY=look-alike")
        await stop.wait()


def _report(request: LoggedRequest) -> None:
    seconds = (request.ended or request.arrived) - request.arrived
    notes = [request.fault or "", "client left" if request.disconnected else ""]
    _say(f"{request.method} {request.path} {request.status or '-'} {seconds:.2f} s {' '.join(notes)}".rstrip())


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
