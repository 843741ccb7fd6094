"""Watching a live call over REST: the words as they come, before any event tells of them.

Nothing of it is on a call's own way: a watcher looks at the call some times a second, for as long as somebody listens.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Final

import anyio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from offhook.engine.control import problem, refused
from offhook.engine.engine import Engine

LOOK: Final = 0.15
"""Seconds between two looks: as quick as an eye follows words."""
BEAT: Final = 10.0
"""Seconds after which an unchanged call is told of again, so that a reader who has gone is noticed."""
MOST: Final = 64
"""Watchers of all calls of a process."""


async def watch(request: Request) -> Response:
    """GET /v1/calls/{call}/watch: a ``Glimpse`` a line while the call lives, whenever something has changed."""
    app: Starlette = request.app
    engine: Engine = app.state.engine
    name = request.path_params["call"]
    if (refusal := refused(engine, request.headers, "watch", name, b"", datetime.now(UTC).timestamp())) is not None:
        return refusal
    if name not in engine.calls:
        return problem(404, "no such live call")
    if app.state.watchers >= MOST:
        return problem(503, "too many watch already")
    return StreamingResponse(_lines(app, engine, name), media_type="application/x-ndjson", headers={"cache-control": "no-store"})


async def _lines(app: Starlette, engine: Engine, name: str) -> AsyncIterator[bytes]:
    app.state.watchers += 1
    try:
        last, since = None, anyio.current_time()
        while (call := engine.calls.get(name)) is not None:
            seen, now = call.glimpse(), anyio.current_time()
            if seen != last or now - since >= BEAT:
                last, since = seen, now
                yield seen.model_dump_json().encode() + b"\n"
            await anyio.sleep(LOOK)
    finally:
        app.state.watchers -= 1


ROUTES: Final = (Route("/v1/calls/{call}/watch", watch),)
