"""Running the orchestrator: the database, its migrations, the app, and jobs in the same process if wanted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from socket import AF_INET, AF_INET6, IPPROTO_TCP, SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET
from socket import socket as OpenSocket  # noqa: N812 - a name of our own for the type

import anyio
import uvicorn
from anyio import to_thread

from offhook.errors import ConfigError
from offhook.orchestrator.app import create_app
from offhook.orchestrator.db import migrate
from offhook.orchestrator.embedded import APP, EmbeddedPostgres
from offhook.orchestrator.jobs import build, work
from offhook.orchestrator.people import ops as people
from offhook.orchestrator.seed import seed
from offhook.orchestrator.services import Services
from offhook.orchestrator.settings import OrchestratorSettings


@dataclass(frozen=True, slots=True)
class Running:
    """Where a started orchestrator is found."""

    url: str
    database_url: str
    services: Services
    setup: str | None = None
    """The one-time address where the first administrator chooses a password; none once there is one."""


@asynccontextmanager
async def open_database(settings: OrchestratorSettings) -> AsyncIterator[str]:
    """The configured database, or the embedded one for as long as the block lasts; migrated."""
    url, owner = settings.sqlalchemy_url(), settings.sqlalchemy_migration_url()
    if url is not None and owner is not None:
        await to_thread.run_sync(migrate, owner)
        yield url
        return
    server = EmbeddedPostgres(settings.state_dir / "postgres")
    await to_thread.run_sync(server.start)
    try:
        await to_thread.run_sync(migrate, server.url())
        yield server.url(user=APP)
    finally:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(server.stop)


async def serve(
    settings: OrchestratorSettings,
    *,
    database_url: str | None = None,
    jobs: bool = True,
    ready: Callable[[Running], None] = lambda _: None,
) -> None:
    """Serve until cancelled; ``ready`` is told when requests are taken. ``jobs``: also do a worker's work.

    With port 0 the system chooses one, and engines are told of it. ConfigError where the database cannot be had.
    """
    async with AsyncExitStack() as stack:
        database = database_url if database_url is not None else await stack.enter_async_context(open_database(settings))
        socket = stack.enter_context(closing(_bind(settings.host, settings.port)))
        settings = settings.model_copy(update={"port": socket.getsockname()[1]})
        app = create_app(settings, url=database)
        services: Services = app.state.services
        if settings.demo or settings.business:
            await seed(services.database, settings.business)
        server = _Server(uvicorn.Config(app, log_level="warning", lifespan="on", access_log=False, timeout_graceful_shutdown=5))
        async with anyio.create_task_group() as group:
            group.start_soon(server.run_to_end, socket, name="orchestrator requests")
            try:
                await server.up.wait()
                path = await people.setup_link(services)
                ready(Running(settings.base_url, database, services, settings.portal + path if path else None))
                if jobs:
                    await work(services)
                else:
                    await anyio.sleep_forever()
            finally:
                server.should_exit = True


class _Server(uvicorn.Server):
    """A server that leaves signals to its owner, and says when it takes requests."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = anyio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[OpenSocket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    async def run_to_end(self, socket: OpenSocket) -> None:
        """Serve until told to exit; cancellation alone does not cut requests off."""
        with anyio.CancelScope(shield=True):
            await self.serve([socket])


def _bind(host: str, port: int) -> OpenSocket:
    # Made as TCP by name: asyncio turns Nagle's delay off only for sockets that say so, and it costs 40 ms an answer.
    opened = OpenSocket(AF_INET6 if ":" in host else AF_INET, SOCK_STREAM, IPPROTO_TCP)
    try:
        opened.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        opened.bind((host, port))
        return opened
    except OSError as error:
        opened.close()
        raise ConfigError(f"cannot listen on {host}:{port}: set OFFHOOK_ORCHESTRATOR_PORT to a free port", detail=str(error)) from error


async def run_worker(settings: OrchestratorSettings, *, ready: Callable[[], None] = lambda: None) -> None:
    """Run jobs until cancelled, in a process of their own."""
    async with open_database(settings) as url:
        services = build(settings, url)
        async with services.queue.open_async():
            try:
                await work(services, started=ready)
            finally:
                with anyio.CancelScope(shield=True):
                    await services.database.close()
