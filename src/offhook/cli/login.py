"""``offhook login``: say once where the orchestrator is and who you are."""

from __future__ import annotations

from typing import Annotated

import typer

from offhook.cli.api import HERE, Login, errors_end_with_1, keep_login
from offhook.client import Client


def main(
    url: Annotated[str, typer.Option(envvar="OFFHOOK_URL", prompt="Where is the orchestrator", help="Its address.")] = HERE,
    token: Annotated[
        str,
        typer.Option(envvar="OFFHOOK_TOKEN", prompt="API key or operator's token", hide_input=True, help="Better typed than given here."),
    ] = "",
) -> None:
    """Keep an orchestrator's address and a key for the other commands, in a file that only you can read."""
    with errors_end_with_1(), Client(url, token) as client:
        me = client.me.show()
        path = keep_login(Login(url, token))
        typer.echo(f"signed in at {url} as {me.name or me.id} (kept in {path})")
