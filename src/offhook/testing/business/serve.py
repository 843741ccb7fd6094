"""A simulator behind a port of this machine, for demonstrations and for tests of what happens when a process dies.

For people: ``python -m offhook.testing.business.serve crm/servicem8 --port 8008``. Besides the system's own paths there are
``GET /_simulator`` (how many records there are) and ``PUT /_simulator`` (how requests fail: the fields of ``Faults``).
"""

from __future__ import annotations

import argparse
import importlib
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import replace
from typing import Final, get_args

import anyio
import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from offhook.adapters.model import RecordKind
from offhook.errors import ConfigError
from offhook.testing.business.base import Dropped, Faults, Simulator

CONTROL: Final = "/_simulator"
FAULTS: Final = ("planned", "chance", "seed", "down")


def simulator(name: str) -> Simulator:
    """A fresh simulator of an adapter's system (``crm/servicem8``); ConfigError."""
    system = name.partition("/")[2]
    place = f"offhook.testing.business.{system}"
    try:
        make = getattr(importlib.import_module(place), "SIMULATOR", None) if system.isidentifier() else None
    except ModuleNotFoundError as error:
        if error.name != place:
            raise
        make = None
    if make is None or name != make.NAME:
        raise ConfigError(f"there is no simulator of {name}")
    made: Simulator = make()
    return made


@asynccontextmanager
async def served(what: Simulator, port: int = 0) -> AsyncIterator[str]:
    """The origin (``http://127.0.0.1:…``) at which it answers; port 0 leaves the choice to the system."""
    with closing(socket.create_server(("127.0.0.1", port))) as listener:
        # Simulators tell the date themselves; a request that is to get no answer must not look like a fault of ours.
        config = uvicorn.Config(_Port(what), log_level="critical", lifespan="off", ws="none", access_log=False, date_header=False)
        server = _Server(config)
        async with anyio.create_task_group() as group:
            group.start_soon(server.serve, [listener])
            await server.up.wait()
            try:
                yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            finally:
                server.should_exit = True


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = anyio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


class _Port:
    """The simulator, its control, and answers that never come."""

    def __init__(self, what: Simulator) -> None:
        self._what = what

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == CONTROL:
            await (await self._control(Request(scope, receive)))(scope, receive, send)
            return
        try:
            await self._what(scope, receive, send)
        except Dropped:
            # A body that was promised and does not come: the server closes the connection.
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})

    async def _control(self, request: Request) -> Response:
        if request.method == "PUT":
            wanted = json.loads(await request.body())
            self._what.faults = replace(Faults(), **{name: wanted[name] for name in FAULTS if name in wanted})
        counts = {}
        for kind in get_args(RecordKind):
            try:
                counts[kind] = self._what.count(kind)
            except (NotImplementedError, KeyError):
                continue
        return JSONResponse({"counts": counts, "requests": len(self._what.log), "failed": self._what.faults.count})


async def _run(name: str, port: int) -> None:
    async with served(simulator(name), port) as origin:
        print(f"{name} answers at {origin}; stop it with Ctrl-C", flush=True)  # noqa: T201 - for whoever started it
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for _ in signals:
                return


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m offhook.testing.business.serve", description="Serve a simulator of a business system.")
    parser.add_argument("name", help="such as crm/servicem8")
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args(arguments)
    try:
        anyio.run(_run, given.name, given.port)
    except ConfigError as error:
        sys.stderr.write(f"{error.public}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
