"""Standard streams as a command needs them, whoever has called it: open, able to write any letter, read as text.

A caller may close them (`>&-`), have an encoding without our letters, pipe in bytes that are no text, or stop to read.
"""

import io
import os
import sys

from shared.errors import BadInput

STREAMS = ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w"))
BYTE_ORDER_MARK = "\ufeff"


def prepare_streams() -> None:
    """Open what the caller has closed, on nothing; a letter that the caller's encoding lacks is written as `?`.

    A closed stream's number would go to the next socket, and libuv ends the process that closes one below 3.
    """
    number = os.open(os.devnull, os.O_RDWR)
    while number < len(STREAMS):
        os.set_inheritable(number, True)  # as streams are: the workers and the Valkey that are started get them, too
        number = os.open(os.devnull, os.O_RDWR)
    os.close(number)
    for number, name, mode in STREAMS:
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def drop_output() -> None:
    """Send what was not written yet to nowhere: it failed once, and the interpreter's last flush would say so again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)


def one_line(given: str | None, what: str) -> str:
    """What was given, or a line of standard input; without the byte order mark that Windows writes, and outer space.

    Raises:
        BadInput: it is no text.
    """
    try:
        text = sys.stdin.readline() if given is None else given
        text.encode()  # bytes that are no text may have become surrogates
    except UnicodeError:
        raise BadInput(f"The {what} is no plain text in UTF-8") from None  # the cause shows it
    return text.strip().removeprefix(BYTE_ORDER_MARK).strip()
