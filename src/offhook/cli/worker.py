"""``offhook worker``: the jobs that follow calls. Run as many as you like, on any machine that reaches the database."""

from __future__ import annotations

import anyio
import typer

from offhook.cli.orchestrator import load_settings, stoppable
from offhook.orchestrator.serve import run_worker


def main() -> None:
    """Run jobs until stopped. Needs OFFHOOK_DATABASE_URL: the embedded database belongs to the process that started it."""
    settings = load_settings()
    if settings.database_url is None:
        typer.echo("offhook worker needs OFFHOOK_DATABASE_URL; with the embedded database jobs run inside `offhook up`", err=True)
        raise typer.Exit(2)
    anyio.run(stoppable, lambda: run_worker(settings, ready=lambda: typer.echo("taking jobs")))
