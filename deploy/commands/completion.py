"""`canvas completion SHELL`: what a shell needs to complete commands, options and the hosts of connected accounts.

The scripts are click's own. Hosts are asked of Redis within a quarter of a second, and of a server that runs already:
whoever presses Tab must never wait, and starts nothing.
"""

import rich_click as click
from click.shell_completion import BashComplete, CompletionItem, FishComplete, ShellComplete, ZshComplete
from click.types import StringParamType
from redis import Redis
from redis.exceptions import RedisError

from deploy.embedded_valkey import url_of
from deploy.settings import load_settings
from shared import keys
from shared.errors import BadInput, CanvasError
from shared.tenants import parse_host

WITHIN_S = 0.25
COMPLETE = "_CANVAS_COMPLETE"
MADE: dict[str, type[ShellComplete]] = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


@click.command()
@click.argument("shell", type=click.Choice(list(MADE)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what makes SHELL complete commands, options and hosts.

    \b
    bash  eval "$(canvas completion bash)" in ~/.bashrc
    zsh   eval "$(canvas completion zsh)" in ~/.zshrc, after compinit
    fish  canvas completion fish > ~/.config/fish/completions/canvas.fish

    Example:  canvas completion bash
    """
    click.echo(MADE[shell](ctx.find_root().command, {}, "canvas", COMPLETE).source())


class Host(StringParamType):
    """A Freshdesk account's host, completed to those that are connected."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The host as we write it; anything else is a wrong call."""
        try:
            return parse_host(str(value))
        except BadInput as error:
            self.fail(f"{error.detail}, not like {value!r}", param, ctx)

    def shell_complete(self, ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The hosts that begin like this; none where Redis does not answer at once."""
        return [CompletionItem(host) for host in _hosts(ctx) if host.startswith(incomplete.lower())]


def with_hosts(command: click.Command) -> None:
    """Let every argument named `host` of a command, or below a group, be completed."""
    for param in command.params:
        if param.name == "host" and isinstance(param, click.Argument):
            param.type = Host()
    if isinstance(command, click.Group):
        for below in command.commands.values():
            with_hosts(below)


def _hosts(ctx: click.Context) -> list[str]:
    try:
        shared = load_settings(ctx.params.get("data")).shared
        url = shared.redis_url.get_secret_value() if shared.redis_url else url_of(shared.data_dir)
        with Redis.from_url(url, socket_timeout=WITHIN_S, socket_connect_timeout=WITHIN_S) as client:
            return sorted(member.decode() for member in client.smembers(keys.TENANTS))
    except (CanvasError, RedisError, OSError, ValueError):
        return []
