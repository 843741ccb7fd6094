"""The peer's end of a websocket in memory, with the part of Starlette's interface that transports use."""

from __future__ import annotations

import math
from collections.abc import MutableMapping
from typing import Any

import anyio
import anyio.lowlevel


class MemorySocket:
    """Feed it with ``say`` and ``leave``; ``sent`` is what the transport sent; ``stuck`` makes sending wait for ever."""

    def __init__(self) -> None:
        self.sent: list[str | bytes] = []
        self.accepted = False
        self.subprotocol: str | None = None
        self.closed: int | None = None
        self.stuck = False
        self.broken = False
        self._push, self._pull = anyio.create_memory_object_stream[MutableMapping[str, Any]](math.inf)

    def say(self, message: str | bytes) -> None:
        key = "text" if isinstance(message, str) else "bytes"
        self._push.send_nowait({"type": "websocket.receive", key: message})

    def leave(self, code: int = 1006) -> None:
        self._push.send_nowait({"type": "websocket.disconnect", "code": code})

    def free(self) -> None:
        self._push.close()
        self._pull.close()

    async def accept(self, subprotocol: str | None = None) -> None:
        self.accepted = True
        self.subprotocol = subprotocol

    async def receive(self) -> MutableMapping[str, Any]:
        return await self._pull.receive()

    async def send_text(self, data: str) -> None:
        await self._send(data)

    async def send_bytes(self, data: bytes) -> None:
        await self._send(data)

    async def _send(self, data: str | bytes) -> None:
        if self.broken or self.closed is not None:
            raise OSError("gone")
        if self.stuck:
            await anyio.sleep_forever()
        await anyio.lowlevel.checkpoint()
        self.sent.append(data)

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        if self.closed is not None:
            raise RuntimeError("closed twice")
        self.closed = code
