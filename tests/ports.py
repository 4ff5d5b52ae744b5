"""Ports for servers that are stopped and started again on the same one."""

import socket
from random import SystemRandom

BELOW_EPHEMERAL = range(20_000, 32_000)
"""Linux hands out 32768 and more by itself, macOS 49152 and more: while a server is down, no connection of another test
is given its port. Tests run in several processes, each of which draws by chance (and not by pytest-randomly's seed)."""


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    while True:
        port = SystemRandom().choice(BELOW_EPHEMERAL)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
