"""``offhook orchestrator``: the business side: plans, tools, events, calls."""

from __future__ import annotations

import logging
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import anyio
import typer
from pydantic import ValidationError

from offhook.errors import ConfigError
from offhook.orchestrator.serve import Running, serve
from offhook.orchestrator.settings import OrchestratorSettings


def load_settings(**changes: object) -> OrchestratorSettings:
    """Settings from the environment with the command line's changes. Exits with 2 and the variable's name where one is wrong."""
    try:
        return OrchestratorSettings(**{key: value for key, value in changes.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        typer.echo(f"OFFHOOK_ORCHESTRATOR_{name}: {first['msg']}", err=True)
        raise typer.Exit(2) from error


async def stoppable(run: Callable[[], Awaitable[None]]) -> None:
    """Run until it ends or the process is told to stop; a ConfigError is printed and exits with 2."""

    async def watch() -> None:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for _ in signals:
                group.cancel_scope.cancel()

    try:
        async with anyio.create_task_group() as group:
            group.start_soon(watch, name="signals")
            await run()
            group.cancel_scope.cancel()
    except* ConfigError as errors:
        for error in errors.exceptions:
            typer.echo(str(error), err=True)
        raise typer.Exit(2) from None


def main(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 chooses one.")] = None,
    state_dir: Annotated[Path | None, typer.Option(help="Where the embedded database lies.")] = None,
    jobs: Annotated[bool, typer.Option(help="Run jobs in this process too.")] = True,
    business: Annotated[Path | None, typer.Option(help="Make or renew the tenant of this business.yaml.")] = None,
    demo: Annotated[bool | None, typer.Option("--demo", help="Make the demonstration tenant.")] = None,
) -> None:
    """Serve plans, tools, events and the reading API."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    settings = load_settings(host=host, port=port, state_dir=state_dir, demo=demo, business=business)

    def ready(running: Running) -> None:
        typer.echo(f"orchestrator at {running.url}")
        if running.setup:
            typer.echo(f"no administrator yet: choose a password at {running.setup} (good once, for 24 hours)")

    anyio.run(stoppable, lambda: serve(settings, jobs=jobs, ready=ready))
