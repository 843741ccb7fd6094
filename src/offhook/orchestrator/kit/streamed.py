"""Answers that go on for as long as somebody reads: server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import anyio
from anyio.streams.memory import MemoryObjectSendStream
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

Out = MemoryObjectSendStream[str]
HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
WAITING: Final = 16
"""Messages that wait for a slow reader before the writer waits too."""
STILL_HERE: Final = ": still here\n\n"


def message(data: str, *, id: int | None = None, event: str = "") -> str:
    """One message. ``id`` is what the reader names when it comes back."""
    head = (f"id: {id}\n" if id is not None else "") + (f"event: {event}\n" if event else "")
    body = "".join(f"data: {line}\n" for line in data.splitlines() or [""])
    return f"{head}{body}\n"


class Streamed(StreamingResponse):
    """An answer that a task writes. The task is the answer's own: it is cancelled when the reader has gone, and may hold what it likes."""

    def __init__(self, write: Callable[[Out], Awaitable[None]], headers: dict[str, str]) -> None:
        self._write = write
        super().__init__((), media_type="text/event-stream", headers=HEADERS | headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, while the task writes."""
        out, incoming = anyio.create_memory_object_stream[str](WAITING)

        async def write() -> None:
            async with out:
                await self._write(out)

        async with incoming, anyio.create_task_group() as group:
            self.body_iterator = incoming
            group.start_soon(write)
            await super().__call__(scope, receive, send)
            group.cancel_scope.cancel()
