"""``offhook``: one command. Each subcommand is a module of its own, imported only when it is called, so that help is fast."""

from __future__ import annotations

import importlib
from typing import Any, Final

import click
import typer
from typer.core import TyperGroup

_COMMANDS: Final = {
    "up": ("offhook.cli.up", "Everything on this machine: database, orchestrator, worker, engine."),
    "demo": ("offhook.cli.demo", "Start everything and place one real call to it."),
    "engine": ("offhook.cli.engine", "Media and turns."),
    "orchestrator": ("offhook.cli.orchestrator", "Plans, tools, events, calls."),
    "worker": ("offhook.cli.worker", "The work after the call."),
    "talk": ("offhook.cli.talk", "Talk to an agent in a browser, or by typing."),
    "calls": ("offhook.cli.calls", "Look at calls."),
    "login": ("offhook.cli.login", "Keep an orchestrator's address and a key for the commands below."),
    "whoami": ("offhook.cli.whoami", "Who you are, and what you may do."),
    "resellers": ("offhook.cli.resellers", "Who sells under a brand of their own."),
    "tenants": ("offhook.cli.tenants", "Businesses: make, change, export, erase."),
    "numbers": ("offhook.cli.numbers", "Numbers and carrier accounts."),
    "vendors": ("offhook.cli.vendors", "Accounts with vendors of speech and language models."),
    "connections": ("offhook.cli.connections", "Business systems: connect, test, disconnect."),
    "agents": ("offhook.cli.agents", "Who answers: make, edit, check, test, publish."),
    "live": ("offhook.cli.live", "Calls that are under way: look, say, put through, end."),
    "contacts": ("offhook.cli.contacts", "Who is known."),
    "leads": ("offhook.cli.leads", "Jobs that may come of calls."),
    "appointments": ("offhook.cli.appointments", "The diary."),
    "members": ("offhook.cli.members", "Who works here, as what; invitations."),
    "providers": ("offhook.cli.providers", "Sign-in by OpenID Connect."),
    "keys": ("offhook.cli.keys", "API keys."),
    "webhooks": ("offhook.cli.webhooks", "Where events are sent."),
    "audit": ("offhook.cli.audit", "Who did what."),
    "replay": ("offhook.cli.replay", "Run a call's decisions again, or under another policy."),
    "script": ("offhook.cli.script", "Check, test and draw what an agent says and does."),
    "doctor": ("offhook.cli.doctor", "Check each part and say what to do."),
    "bench": ("offhook.cli.bench", "Measure, with conditions."),
}


class _Lazy(TyperGroup):
    """Loads a subcommand's module when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401, ARG002 - click's own signature
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401, ARG002
        entry = _COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module = importlib.import_module(entry[0])
        if hasattr(module, "app"):
            command = typer.main.get_command(module.app)
        else:
            single = typer.Typer(add_completion=False)
            single.command(name=cmd_name)(module.main)
            command = typer.main.get_command(single)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401, ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


app = typer.Typer(cls=_Lazy, no_args_is_help=True, rich_markup_mode=None, add_completion=False, help="A voice platform that answers calls.")


@app.callback()
def root() -> None:
    """Answers businesses' phone calls."""


def main() -> None:
    """Entry point of ``python -m offhook.cli.main``."""
    try:
        app()
    except click.ClickException as error:
        error.show()
        raise SystemExit(error.exit_code) from error


if __name__ == "__main__":
    main()
