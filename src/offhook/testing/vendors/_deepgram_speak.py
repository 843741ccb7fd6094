"""A double of Deepgram Aura (v1/speak, providers.md 3.3): the websocket with Speak, Flush, Clear and Close, and the plain POST.

Options beside those of ``_voice``: ``late`` (pieces that are still sent between a Clear and its answer, 0), ``flushes`` (20 in a minute),
``clears`` (True: whether a Clear is answered).
"""

from __future__ import annotations

import importlib
import json
import math
from typing import Final

import anyio

from offhook.testing.vendors import _voice
from offhook.testing.vendors.server import Gone, Peer

ENCODINGS: Final = {"linear16": "pcm16", "mulaw": "mulaw", "alaw": "alaw"}
RATES: Final = {"linear16": (8_000, 16_000, 24_000, 32_000, 48_000), "mulaw": (8_000, 16_000), "alaw": (8_000, 16_000)}
LONGEST: Final = 2_000


async def serve(peer: Peer) -> None:
    """One connection to /v1/speak."""
    key: str = importlib.import_module("offhook.testing.vendors.deepgram").KEY
    if peer.headers.get("authorization") not in {f"Token {key}", f"Bearer {key}"}:
        await peer.answer(401, json.dumps({"err_code": "INVALID_AUTH", "err_msg": "Invalid credentials.", "request_id": "r-1"}))
        return
    model, encoding = peer.param("model", "aura-asteria-en"), peer.param("encoding", "linear16")
    rate = int(peer.param("sample_rate", "24000"))
    wrong = ""
    if not model.startswith("aura-") or "-nobody-" in model:
        wrong = "no such model"
    elif rate not in RATES.get(encoding, ()):
        wrong = "unsupported encoding or sample rate"
    elif peer.is_socket and peer.param("container", "none") != "none":
        wrong = "unsupported container"
    if wrong:
        await peer.answer(400, json.dumps({"err_code": "INVALID_QUERY_PARAMETER", "err_msg": wrong, "request_id": "r-1"}))
    elif peer.is_socket:
        await _Socket(peer, model, ENCODINGS[encoding], rate).run()
    else:
        await _post(peer, ENCODINGS[encoding], rate)


async def _post(peer: Peer, encoding: str, rate: int) -> None:
    spoken = _voice.say(peer, json.loads(peer.body)["text"], rate)
    data = _voice.audio(peer, spoken, encoding, 0)
    if encoding == "pcm16" and peer.param("container", "wav") == "wav":
        data = _voice.container(data, encoding, rate)
    await peer.begin(200, {"content-type": "audio/*"})
    for piece in _voice.cut(peer, data, spoken, encoding, 0):
        await peer.chunk(piece)
    await peer.finish()


class _Socket:
    """One websocket: what it is told is done in order, except that a Clear ends what is under way."""

    def __init__(self, peer: Peer, model: str, encoding: str, rate: int) -> None:
        self._peer = peer
        self._model = model
        self._encoding = encoding
        self._rate = rate
        self._push, self._pull = anyio.create_memory_object_stream[tuple[str, int, tuple[str, ...]]](math.inf)
        self._epoch = 0
        self._texts: list[str] = []
        self._flushes: list[float] = []
        self._sequence = 0
        self._said = 0

    async def run(self) -> None:
        """Until the client closes, or a fault ends it."""
        peer = self._peer
        await peer.accept({"dg-request-id": "r-1"})
        found = {"type": "Metadata", "request_id": "r-1", "model_name": self._model, "model_version": "1", "model_uuid": "m-1"}
        with self._push, self._pull:
            await peer.send_json(found)
            async with anyio.create_task_group() as group:
                group.start_soon(self._work, group.cancel_scope)
                async for message in peer.messages():
                    if await self._told(message):
                        break
                group.cancel_scope.cancel()

    async def _told(self, message: str | bytes) -> bool:
        """Whether that was the last."""
        try:
            found = json.loads(message)
            kind = found["type"]
        except (ValueError, KeyError, TypeError):
            await self._peer.close(1008, "DATA-0000")
            return True
        now = anyio.current_time()
        match kind:
            case "Speak":
                if len(found["text"]) > LONGEST:
                    await self._warn("TEXT_TOO_LONG", "more than 2000 characters")
                else:
                    self._texts.append(found["text"])
            case "Flush":
                self._flushes = [at for at in self._flushes if at > now - 60]
                if len(self._flushes) >= int(self._peer.option("flushes", 20)):
                    await self._warn("EXCESSIVE_FLUSH", "more than 20 flushes in 60 seconds")
                else:
                    self._flushes.append(now)
                    self._push.send_nowait(("Flushed", self._epoch, tuple(self._texts)))
                    self._texts = []
            case "Clear":
                self._epoch += 1
                self._texts = []
                self._push.send_nowait(("Cleared", self._epoch, ()))
            case "Close":
                await self._peer.close(1000)
                return True
            case _:
                await self._warn("UNPARSABLE_CLIENT_MESSAGE", "unknown message")
        return False

    async def _warn(self, code: str, description: str) -> None:
        await self._peer.send_json({"type": "Warning", "code": code, "description": description})

    async def _work(self, scope: anyio.CancelScope) -> None:
        try:
            async for kind, epoch, texts in self._pull:
                for text in texts:
                    await self._say(text, epoch)
                if kind == "Cleared" and not self._peer.option("clears", default=True):
                    continue
                if kind == "Flushed" and epoch != self._epoch:
                    continue  # cleared in between
                await self._peer.send_json({"type": kind, "sequence_id": self._sequence})
                self._sequence += 1
        except Gone:
            scope.cancel()

    async def _say(self, text: str, epoch: int) -> None:
        if not text.strip() or epoch != self._epoch:
            return
        number, self._said = self._said, self._said + 1
        more = int(self._peer.option("late", 0))
        async for piece, _ in _voice.pieces(self._peer, _voice.say(self._peer, text, self._rate), self._encoding, number):
            if epoch != self._epoch:
                if more == 0:
                    return
                more -= 1
            await self._peer.send(piece)
