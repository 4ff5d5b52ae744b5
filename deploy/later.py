"""Commands whose modules are loaded when they are called: the map of all of them has to be there at once.

The modules of all commands together take a second to import (litestar, redis, numpy, prompts); the map needs two tenths
of it. So the map knows a name and a line of each command, and a test holds the lines equal to the commands' own.
"""

from functools import cached_property
from importlib import import_module
from typing import Any

import rich_click as click


class Later(click.RichCommand):
    """Stands for the command at `where` (`module:attribute`) until it is called or asked for its own help."""

    def __init__(self, name: str, where: str, line: str) -> None:
        super().__init__(name=name, help=line, short_help=line, add_help_option=False)
        self._where = where

    @cached_property
    def command(self) -> click.Command:
        """The command itself, whose hosts a shell completes."""
        from deploy.commands.completion import with_hosts

        module, _, attribute = self._where.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        with_hosts(command)
        return command

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """The command's own context: from here on there is only the command."""
        return self.command.make_context(info_name, args, parent, **extra)


def loaded(command: click.Command) -> click.Command:
    """The command that one of these stands for; any other as it is."""
    return command.command if isinstance(command, Later) else command
