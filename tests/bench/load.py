"""The process that loads a server: `python -m tests.bench.load` reads a `Load` as JSON and writes a `Loaded`.

Closed loop: each connection sends its next request as soon as it has its answer (by wrk where it is on PATH). Open loop
(`rate`): requests fall due at fixed moments, and a latency counts from that moment, so that a server which falls behind
can't hide it. Own sockets on epoll, no asyncio, no HTTP library: the load must not be what is measured.
"""

import gc
import json
import math
import os
import random
import resource
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from tests.bench.figures import percentile

WARM_UP_S = 0.5
SETTLE_S = 2.0
"""How long requests of an open loop may finish after its end."""
WRK_SCRIPT = """
local work = {}
request = function() return work[math.random(#work)] end
init = function()
  for line in io.open(os.getenv("BENCH_PATHS")):lines() do work[#work + 1] = wrk.format("GET", line) end
end
done = function(summary, latency)
  local failed = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
  io.write(string.format('\\n{"requests":%d,"seconds":%f,"failed":%d,"p50_ms":%f,"p99_ms":%f}\\n', summary.requests,
    summary.duration / 1e6, failed, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
"""


class Load(msgspec.Struct, kw_only=True):
    """What to send: GET for one of `paths` at random each time, or POST with one of `bodies` to the only path.

    `rate` (requests/s) makes it an open loop; `pid` is the server's process, `core` the load's own.
    """

    paths: list[str]
    headers: dict[str, str]
    bodies: list[str] = []
    port: int = 0
    pid: int = 0
    connections: int = 32
    seconds: float = 2.0
    rate: float | None = None
    core: int | None = None


class Loaded(msgspec.Struct, kw_only=True):
    """What came back; `failed` are answers that are no 2xx, `unserved` requests that fell due and got no answer.

    `busy` is what the load itself took of its core: near 1 it would be measuring itself. `share` is what the server got
    of a core, 0 where that is unknown: well below 1 others used the machine, or the load was too light.
    """

    requests: int
    seconds: float
    failed: int
    p50_ms: float
    p99_ms: float
    unserved: int = 0
    busy: float = 0.0
    share: float = 0.0

    @property
    def rate(self) -> float:
        """Good answers a second."""
        return (self.requests - self.failed) / self.seconds

    @property
    def said(self) -> str:
        """Who was how busy, for a note."""
        server = f"server got {self.share:.0%} of its core, " if self.share else ""
        failed = f"; {self.failed} answers were no 2xx" if self.failed else ""
        return f"{server}load took {self.busy:.0%} of its own{failed}"


def least_disturbed(rounds: Sequence[Loaded]) -> Loaded:
    """The round in which the server got most of its core, whatever it says; where that is unknown, the median one."""
    if any(one.share for one in rounds):
        return max(rounds, key=lambda one: one.share)
    return sorted(rounds, key=lambda one: one.rate)[len(rounds) // 2]


def has_wrk() -> bool:
    """Whether wrk is on PATH."""
    return shutil.which("wrk") is not None


@dataclass
class Connection:
    """One keep-alive connection and the answer that it waits for."""

    sock: socket.socket
    began: float = 0.0
    received: bytearray = field(default_factory=bytearray)

    def send(self, request: bytes, began: float) -> None:
        """Send a request; `began` is the moment from which its latency counts."""
        self.began = began
        self.received.clear()
        self.sock.sendall(request)

    def receive(self) -> int:
        """Read what is there; the answer's status once it is whole, else 0."""
        chunk = self.sock.recv(1 << 16)
        if not chunk:
            raise ConnectionError("the server closed a connection")
        self.received += chunk
        head = self.received.find(b"\r\n\r\n")
        if head < 0:
            return 0
        place = self.received[:head].lower().find(b"\r\ncontent-length:")
        length = int(self.received[place + 17 : head].split(b"\r\n", 1)[0]) if place >= 0 else 0
        return int(self.received[9:12]) if len(self.received) >= head + 4 + length else 0


class Sockets:
    """The own load: all connections in one loop."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._requests = _requests(load)
        self._selector = selectors.DefaultSelector()
        self._idle: deque[Connection] = deque()
        for _ in range(load.connections):
            sock = socket.create_connection(("127.0.0.1", load.port), timeout=10)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(sock)
            self._selector.register(sock, selectors.EVENT_READ, connection)
            self._idle.append(connection)

    def run(self) -> Loaded:
        """Warm up, then measure."""
        self._closed_loop(WARM_UP_S)
        busy, server = time.process_time(), _cpu_seconds(self._load.pid)
        started = time.perf_counter()
        if self._load.rate is None:
            latencies, failed, unserved = *self._closed_loop(self._load.seconds), 0
        else:
            latencies, failed, unserved = self._open_loop(self._load.seconds, self._load.rate)
        seconds = time.perf_counter() - started
        return Loaded(
            requests=len(latencies) - unserved,
            seconds=seconds,
            failed=failed,
            p50_ms=percentile(latencies, 50) * 1000,
            p99_ms=percentile(latencies, 99) * 1000,
            unserved=unserved,
            busy=(time.process_time() - busy) / seconds,
            share=(_cpu_seconds(self._load.pid) - server) / seconds,
        )

    def _closed_loop(self, seconds: float) -> tuple[list[float], int]:
        latencies: list[float] = []
        failed = 0
        end = time.perf_counter() + seconds
        while self._idle:
            self._idle.pop().send(random.choice(self._requests), time.perf_counter())
        waiting = self._load.connections
        while waiting:
            for connection, status in self._answers(10.0):
                now = time.perf_counter()
                latencies.append(now - connection.began)
                failed += not 200 <= status < 300
                if now < end:
                    connection.send(random.choice(self._requests), now)
                else:
                    waiting -= 1
                    self._idle.append(connection)
        return latencies, failed

    def _open_loop(self, seconds: float, rate: float) -> tuple[list[float], int, int]:
        """Latencies, failures, and how many requests were never answered: those count with the time they waited."""
        latencies: list[float] = []
        failed = sent = 0
        total = int(seconds * rate)
        start = time.perf_counter()
        give_up = start + seconds + SETTLE_S
        while len(latencies) < total and (now := time.perf_counter()) < give_up:
            while self._idle and sent < total and start + sent / rate <= now:
                self._idle.popleft().send(random.choice(self._requests), start + sent / rate)
                sent += 1
            due = start + sent / rate if sent < total and self._idle else give_up
            for connection, status in self._answers(max(0.0, due - time.perf_counter())):
                latencies.append(time.perf_counter() - connection.began)
                failed += not 200 <= status < 300
                self._idle.append(connection)
        unserved = total - len(latencies)
        end = time.perf_counter()
        latencies += [end - (start + place / rate) for place in range(total - unserved, total)]
        return latencies, failed, unserved

    def _answers(self, timeout: float) -> list[tuple[Connection, int]]:
        ready = self._selector.select(timeout)
        found = [(key.data, key.data.receive()) for key, _ in ready]
        return [(connection, status) for connection, status in found if status]


def _requests(load: Load) -> list[bytes]:
    lines = [f"{name}: {value}" for name, value in {"Host": f"127.0.0.1:{load.port}", **load.headers}.items()]
    head = "\r\n".join(lines)
    if not load.bodies:
        return [f"GET {path} HTTP/1.1\r\n{head}\r\n\r\n".encode() for path in load.paths]
    head = f"POST {load.paths[0]} HTTP/1.1\r\n{head}\r\nContent-Length:"
    return [f"{head} {len(body.encode())}\r\n\r\n{body}".encode() for body in load.bodies]


def by_wrk(load: Load) -> Loaded:
    """The same closed loop by wrk, one thread."""
    with tempfile.TemporaryDirectory() as folder:
        script, paths = Path(folder, "load.lua"), Path(folder, "paths")
        script.write_text(WRK_SCRIPT, "utf-8")
        paths.write_text("\n".join(load.paths) + "\n", "utf-8")
        url = f"http://127.0.0.1:{load.port}"
        command = ["wrk", "-t1", f"-c{load.connections}", "-s", str(script)]
        command += [part for name, value in load.headers.items() for part in ("-H", f"{name}: {value}")]
        environment = {**os.environ, "BENCH_PATHS": str(paths)}
        subprocess.run([*command, "-d1s", url], env=environment, check=True, capture_output=True)
        before, server = _children_seconds(), _cpu_seconds(load.pid)
        seconds = f"-d{math.ceil(load.seconds)}s"
        done = subprocess.run([*command, seconds, url], env=environment, check=True, capture_output=True, text=True)
    found = msgspec.json.decode(done.stdout.strip().splitlines()[-1], type=Loaded)
    found.busy = (_children_seconds() - before) / found.seconds
    found.share = (_cpu_seconds(load.pid) - server) / found.seconds
    return found


def _cpu_seconds(pid: int) -> float:
    """CPU time of a process so far; always 0 where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Read a load, run it, write what came back."""
    load = msgspec.convert(json.load(sys.stdin), type=Load)
    if load.core is not None:
        os.sched_setaffinity(0, {load.core})
    gc.disable()
    plain = load.rate is None and not load.bodies
    loaded = by_wrk(load) if plain and has_wrk() else Sockets(load).run()
    sys.stdout.write(msgspec.json.encode(loaded).decode() + "\n")


if __name__ == "__main__":
    main()
