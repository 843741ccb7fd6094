"""``offhook whoami``: who one is for the orchestrator."""

from __future__ import annotations

import typer

from offhook.cli.api import Api, command

app = typer.Typer(help="Who you are for the orchestrator.", add_completion=False)


@command(app, "whoami")
def show_me(api: Api) -> None:
    """Who you are for the orchestrator, and what you may do where."""
    found = api.client.me.show()
    if api.as_json:
        return api.json(found)
    api.done(f"{found.name or found.id} ({found.kind})" + (f", {found.email}" if found.email else ""))
    if found.permissions:
        api.done(f"may: {', '.join(found.permissions)}")
    if found.memberships:
        api.table(found.memberships, {"in": lambda one: one.tenant_id or one.reseller_id or "the platform", "called": "name", "as": "role"})
    return None
