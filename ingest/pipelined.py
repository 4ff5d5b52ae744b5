"""A Redis client whose callers share round trips: commands of the same turn of the event loop go out as one pipeline.

Under load a redis-py call costs the event loop ten times what Redis takes for it (a connection from the pool, two
time-outs, a write, a read); shared by the webhooks that arrive together it costs little more than its own packing.
Each caller gets its own answer or error. Not for blocking commands: they would hold up whoever shares the trip.
"""

import asyncio
from functools import partial
from typing import Any, NamedTuple

from redis.asyncio import ConnectionPool, Redis

MOST_TOGETHER = 100
"""Commands of one trip: packing a mark takes 20 µs, and the event loop must not stand still for longer than 2 ms."""


class _Command(NamedTuple):
    args: tuple[Any, ...]
    options: dict[str, Any]
    answer: "asyncio.Future[Any]"


class Pipelined(Redis):
    """Sends over the pool of another client, which stays that one's to close; otherwise a client like any other."""

    def __init__(self, pool: ConnectionPool) -> None:
        super().__init__(connection_pool=pool)
        self._waiting: list[_Command] = []
        self._trips: set[asyncio.Task[list[Any]]] = set()

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """The answer of one command.

        Raises:
            RedisError, OSError: as the plain client does; a lost connection fails all commands of the trip.
        """
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._depart)
        command = _Command(args, options, loop.create_future())
        self._waiting.append(command)
        return await command.answer

    def _depart(self) -> None:
        waiting, self._waiting = self._waiting, []
        for start in range(0, len(waiting), MOST_TOGETHER):
            commands = waiting[start : start + MOST_TOGETHER]
            trip = asyncio.create_task(self._send(commands))
            self._trips.add(trip)
            trip.add_done_callback(self._trips.discard)
            trip.add_done_callback(partial(_deliver, commands))

    async def _send(self, commands: list[_Command]) -> list[Any]:
        async with self.pipeline(transaction=False) as pipe:
            for command in commands:
                pipe.execute_command(*command.args, **command.options)
            return await pipe.execute(raise_on_error=False)


def _deliver(commands: list[_Command], trip: "asyncio.Task[list[Any]]") -> None:
    """Hand out what came back; who has stopped waiting is passed over."""
    failed = None if trip.cancelled() else trip.exception()
    for place, command in enumerate(commands):
        if command.answer.done():
            continue
        if trip.cancelled():
            command.answer.cancel()
            continue
        answer = failed or trip.result()[place]
        if isinstance(answer, BaseException):
            command.answer.set_exception(answer)
        else:
            command.answer.set_result(answer)
