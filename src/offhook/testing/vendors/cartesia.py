"""A double of Cartesia's speech (providers.md 3.1): the websocket with contexts, continuations, flushes, times and cancelling; tts/bytes.

Options beside those of ``_voice``: ``context_s`` (1.0, after which a silent context dies), ``late`` (True: what has begun when it is
cancelled is sent to its end, as the vendor does), ``stray`` (chunks of a context that nobody opened, before each text), ``limit``
(contexts at once; more are refused with 429), ``models``, ``voices`` (all that are not named ``nobody...``).
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import anyio
import anyio.abc

from offhook.testing.vendors import _voice
from offhook.testing.vendors.server import Gone, Peer

VENDOR: Final = "cartesia"
PREFIX: Final = "/cartesia"
KEY: Final = "sk_car_of_the_double"

MODELS: Final = ("sonic",)
ENCODINGS: Final = {"pcm_s16le": "pcm16", "pcm_mulaw": "mulaw", "pcm_alaw": "alaw", "pcm_f32le": "float32"}
RATES: Final = (8_000, 16_000, 22_050, 24_000, 44_100, 48_000)
VARIABLE: Final = frozenset({"transcript", "continue", "flush", "context_id", "flush_id"})


async def serve(peer: Peer) -> None:
    """One connection."""
    key = peer.headers.get("authorization", "").removeprefix("Bearer ") or peer.headers.get("x-api-key", "") or peer.param("api_key")
    if key != KEY:
        await peer.answer(401, json.dumps({"title": "Unauthorized", "message": "Invalid API key", "status_code": 401}))
    elif not (peer.headers.get("cartesia-version") or peer.param("cartesia_version")):
        await peer.answer(400, json.dumps({"title": "Bad request", "message": "Cartesia-Version is missing", "status_code": 400}))
    elif peer.path == "/tts/bytes" and not peer.is_socket:
        await _bytes(peer)
    elif peer.path == "/tts/websocket" and peer.is_socket:
        await peer.accept()
        async with anyio.create_task_group() as group:
            await _Socket(peer, group).run()
            group.cancel_scope.cancel()
    else:
        await peer.answer(404, json.dumps({"title": "Not found", "status_code": 404}))


async def _bytes(peer: Peer) -> None:
    request = json.loads(peer.body)
    wrong = _wrong(peer, request)
    if wrong:
        await peer.answer(400, json.dumps({"title": "Bad request", "message": wrong, "status_code": 400}))
        return
    form = request["output_format"]
    encoding = ENCODINGS[form.get("encoding", "pcm_s16le")]
    spoken = _voice.say(peer, request["transcript"], form["sample_rate"])
    data = _voice.audio(peer, spoken, encoding, 0)
    if form["container"] == "wav":
        data = _voice.container(data, encoding, spoken.rate)
    await peer.begin(200, {"content-type": "application/octet-stream"})
    for piece in _voice.cut(peer, data, spoken, encoding, 0):
        await peer.chunk(piece)
    await peer.finish()


def _wrong(peer: Peer, request: Mapping[str, Any]) -> str:
    """What the vendor would say against a request, if anything."""
    voice, form = request.get("voice"), request.get("output_format")
    if not isinstance(request.get("transcript"), str):
        return "transcript is missing"
    if not str(request.get("model_id", "")).startswith(tuple(peer.option("models", MODELS))):
        return "there is no such model"
    name = voice.get("id") if isinstance(voice, dict) else voice
    if not isinstance(name, str) or not name:
        return "voice is missing"
    if name.startswith("nobody"):
        return "there is no such voice"
    if not isinstance(form, dict) or form.get("sample_rate") not in RATES:
        return "output_format is wrong"
    if form.get("container") not in {"raw", "wav"} or form.get("encoding") not in ENCODINGS:
        return "output_format is wrong"
    return ""


class _Context:
    """A context's queue of requests."""

    def __init__(self, id: str, request: dict[str, Any]) -> None:
        self.id = id
        self.fixed = {name: value for name, value in request.items() if name not in VARIABLE}
        self.push, self.pull = anyio.create_memory_object_stream[dict[str, Any]](math.inf)
        self.cancelled = False
        self.flushes = 0
        self.seconds = 0.0
        """Audio sent."""
        self.buffer: list[str] = []


class _Socket:
    """One websocket."""

    def __init__(self, peer: Peer, group: anyio.abc.TaskGroup) -> None:
        self._peer = peer
        self._group = group
        self._contexts: dict[str, _Context] = {}
        self._said = 0

    async def run(self) -> None:
        async for message in self._peer.messages():
            try:
                request = json.loads(message)
            except ValueError:
                await self._error(None, 400, "Invalid JSON", "the message is no JSON")
                continue
            await self._request(request)

    async def _request(self, request: dict[str, Any]) -> None:
        name = request.get("context_id")
        if not isinstance(name, str) or not name:
            await self._error(None, 400, "Bad request", "context_id is missing")
            return
        context = self._contexts.get(name)
        if request.get("cancel"):
            if context is not None:
                context.cancelled = True
                context.push.close()
            return
        wrong = _wrong(self._peer, request)
        if not wrong and context is None and not request["transcript"].strip():
            wrong = "No valid transcripts passed"
        if (
            not wrong
            and context is not None
            and any(value != context.fixed.get(name) for name, value in request.items() if name not in VARIABLE)
        ):
            wrong = "all fields but transcript, continue and flush must stay as they are within a context"
        if wrong:
            await self._error(name, 400, "Bad request", wrong)
            return
        if context is None:
            if len(self._contexts) >= self._peer.option("limit", math.inf):
                await self._error(name, 429, "Too many requests", "too many contexts at once")
                return
            context = self._contexts[name] = _Context(name, request)
            self._group.start_soon(self._serve, context)
        with suppress(anyio.ClosedResourceError):
            context.push.send_nowait(request)

    async def _serve(self, context: _Context) -> None:
        """A context from its first request to its done."""
        try:
            try:
                await self._requests(context)
            finally:
                if self._contexts.get(context.id) is context:
                    del self._contexts[context.id]
                context.push.close()
                context.pull.close()
            await self._send(context, "done", {"done": True, "status_code": 200})
        except Gone:
            self._group.cancel_scope.cancel()

    async def _requests(self, context: _Context) -> None:
        while True:
            request = None
            with anyio.move_on_after(float(self._peer.option("context_s", 1.0)) if context.seconds else math.inf):
                try:
                    request = await context.pull.receive()
                except anyio.EndOfStream:
                    return
            if request is None or context.cancelled:
                return
            text, more = request["transcript"], bool(request.get("continue"))
            if text:
                context.buffer.append(text)
            if request.get("flush") or not more or request.get("max_buffer_delay_ms", 3_000) == 0:
                said, context.buffer = "".join(context.buffer), []
                await self._say(context, said)
            if request.get("flush"):
                context.flushes += 1
                found = {"flush_id": context.flushes, "flush_done": True, "done": False, "status_code": 206}
                await self._send(context, "flush_done", found)
            if not more:
                return

    async def _say(self, context: _Context, text: str) -> None:
        if not text.strip():
            return
        peer, form = self._peer, context.fixed["output_format"]
        number, self._said = self._said, self._said + 1
        spoken = _voice.say(peer, text, form["sample_rate"])
        data = ENCODINGS[form["encoding"]]
        if peer.option("stray", default=False):
            stray = base64.b64encode(_voice.encode(_voice.tone(950, spoken.rate, spoken.rate), data)).decode()
            found = {"type": "chunk", "context_id": "nobody", "data": stray, "done": False, "status_code": 206, "step_time": 1.0}
            await peer.send_json(found)
        given = 0
        async for piece, until in _voice.pieces(peer, spoken, data, number):
            words = tuple(word for word in spoken.words[given:] if word[2] <= until + 1e-6)
            given += len(words)
            if context.cancelled and not peer.option("late", default=True):
                return
            encoded = base64.b64encode(piece).decode()
            await self._send(
                context, "chunk", {"data": encoded, "done": False, "status_code": 206, "step_time": 12.3, "flush_id": context.flushes + 1}
            )
            if words and context.fixed.get("add_timestamps") and _voice.times(peer) != "none":
                await self._times(context, words)
        context.seconds += spoken.seconds

    async def _times(self, context: _Context, words: tuple[tuple[str, float, float], ...]) -> None:
        names, starts, ends = _voice.columns(words)
        given = {
            "words": names,
            "start": [round(context.seconds + start, 4) for start in starts],
            "end": [round(context.seconds + end, 4) for end in ends],
        }
        found = given if _voice.times(self._peer) == "given" else None
        await self._send(context, "timestamps", {"done": False, "status_code": 206, "word_timestamps": found})

    async def _send(self, context: _Context, type: str, fields: Mapping[str, Any]) -> None:
        await self._peer.send_json({"type": type, "context_id": context.id, **fields})

    async def _error(self, id: str | None, status: int, title: str, message: str) -> None:
        found = {"type": "error", "done": True, "status_code": status, "title": title, "message": message,
                 "error_code": title.lower().replace(" ", "_"), "request_id": "r-1", "doc_url": ""}  # fmt: skip
        await self._peer.send_json(found if id is None else {**found, "context_id": id})
