"""A double of ElevenLabs' speech (providers.md 3.2): multi-stream-input, stream-input, and the plain POSTs.

Options beside those of ``_voice``: ``tail_ms`` (silence without characters behind each text), ``stray`` (audio of a context that nobody
opened, before each text), ``contexts`` (5 open ones on a socket), ``final`` (latency of closing a context), ``idle_s`` (in place of
``inactivity_timeout``), ``models``.
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

VENDOR: Final = "elevenlabs"
PREFIX: Final = "/elevenlabs"
KEY: Final = "sk_eleven_of_the_double"

MODELS: Final = ("eleven_flash_v2_5", "eleven_turbo_v2_5", "eleven_multilingual_v2", "eleven_flash_v2")
ENCODINGS: Final = {"pcm": "pcm16", "ulaw": "mulaw", "alaw": "alaw"}
RATES: Final = {"pcm": (8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000), "ulaw": (8_000,), "alaw": (8_000,)}
SCHEDULE: Final = (120, 160, 250, 290)


async def serve(peer: Peer) -> None:
    """One connection."""
    key = peer.headers.get("xi-api-key")
    parts = peer.path.strip("/").split("/")
    if key is not None and key != KEY:
        await peer.answer(401, json.dumps({"detail": {"status": "invalid_api_key", "message": "Invalid API key"}}))
    elif len(parts) < 3 or parts[:2] != ["v1", "text-to-speech"]:
        await peer.answer(404, json.dumps({"detail": "Not Found"}))
    elif peer.is_socket and parts[3:] in (["stream-input"], ["multi-stream-input"]):
        await peer.accept()
        async with anyio.create_task_group() as group:
            await _Socket(peer, group, parts[2], multi=parts[3] == "multi-stream-input").run()
            with anyio.move_on_after(1.0):  # what the client still sends is taken, or it would never see why it was closed
                async for _ in peer.messages():
                    pass
            group.cancel_scope.cancel()
    elif not peer.is_socket and parts[3:] in ([], ["stream"]):
        await _post(peer, parts[2], key)
    else:
        await peer.answer(404, json.dumps({"detail": "Not Found"}))


def _form(peer: Peer) -> tuple[str, int] | None:
    """Encoding and rate that were asked for; None for what the double does not make, such as mp3."""
    name, _, rate = peer.param("output_format", "mp3_44100_128").partition("_")
    if name in ENCODINGS and rate.isdecimal() and int(rate) in RATES[name]:
        return ENCODINGS[name], int(rate)
    return None


async def _post(peer: Peer, voice: str, key: str | None) -> None:
    form = _form(peer)
    if key is None or form is None or voice.startswith("nobody"):
        word = "needs_authorization" if key is None else "invalid_output_format" if form is None else "voice_not_found"
        await peer.answer(401 if key is None else 400, json.dumps({"detail": {"status": word, "message": word}}))
        return
    spoken = _voice.say(peer, json.loads(peer.body)["text"], form[1])
    await peer.begin(200, {"content-type": "audio/basic"})
    for piece in _voice.cut(peer, _voice.audio(peer, spoken, form[0], 0), spoken, form[0], 0):
        await peer.chunk(piece)
    await peer.finish()


class _Context:
    """A context's queue of messages."""

    def __init__(self, id: str) -> None:
        self.id = id
        self.push, self.pull = anyio.create_memory_object_stream[dict[str, Any]](math.inf)
        self.buffer: list[str] = []
        self.spoken = 0
        """Pieces that were cut off the buffer by the schedule."""


class _Socket:
    """One websocket. The single form is one context whose id is never told."""

    def __init__(self, peer: Peer, group: anyio.abc.TaskGroup, voice: str, *, multi: bool) -> None:
        self._peer = peer
        self._group = group
        self._voice = voice
        self._multi = multi
        self._known = peer.headers.get("xi-api-key") is not None
        self._contexts: dict[str, _Context] = {}
        self._named: set[str] = set()
        """Contexts that were named before they were opened: those can never be opened."""
        self._said = 0
        self._auto = peer.param("auto_mode") == "true"

    async def run(self) -> None:
        peer = self._peer
        refused = ""
        if self._voice.startswith("nobody"):
            refused = "voice_id_does_not_exist"
        elif peer.param("model_id") and peer.param("model_id") not in peer.option("models", MODELS):
            refused = "model_not_found"
        elif _form(peer) is None:
            refused = "invalid_output_format"
        elif peer.param("language_code") and peer.param("model_id") == "eleven_multilingual_v2":
            refused = "unsupported_language_code"
        if refused:
            await self._refuse(refused)
            return
        async for message in peer.messages():
            try:
                found = json.loads(message)
            except ValueError:
                await self._refuse("invalid_message")
                return
            if await self._told(found):
                return

    async def _refuse(self, word: str, message: str = "") -> None:
        await self._peer.send_json({"message": message or word.replace("_", " "), "error": word, "code": 1008})
        await self._peer.close(1008, word)

    async def _told(self, found: dict[str, Any]) -> bool:
        """Whether that was the last."""
        if not self._known:
            if found.get("xi_api_key", found.get("xi-api-key")) != KEY:
                await self._refuse("invalid_api_key")
                return True
            self._known = True
        if found.get("close_socket"):
            await self._peer.close(1000)
            return True
        name = str(found.get("context_id") or "default") if self._multi else ""
        context = self._contexts.get(name)
        text = found.get("text")
        if context is None and self._multi and not text:
            if not found.get("close_context"):
                self._named.add(name)
            return False
        if context is None:
            if name in self._named or len(self._contexts) >= int(self._peer.option("contexts", 5)):
                await self._refuse("context_not_initialized" if name in self._named else "max_active_conversations")
                return True
            context = self._contexts[name] = _Context(name)
            self._group.start_soon(self._serve, context)
        with suppress(anyio.ClosedResourceError):
            context.push.send_nowait(found)
            if found.get("close_context") or (not self._multi and text == ""):
                context.push.close()
        return False

    async def _serve(self, context: _Context) -> None:
        """A context from its first message to its last."""
        idle = float(self._peer.option("idle_s", self._peer.param("inactivity_timeout", "20")))
        try:
            while True:
                found = None
                with anyio.move_on_after(idle), suppress(anyio.EndOfStream):
                    found = await context.pull.receive()
                if found is None:
                    break
                await self._take(context, found)
            await self._speak(context)
            await self._peer.wait("final")
            await self._send(context, {"audio": None, "isFinal": True, "normalizedAlignment": None, "alignment": None})
            if not self._multi:
                await self._peer.close(1000)
        except Gone:
            self._group.cancel_scope.cancel()
        finally:
            if self._contexts.get(context.id) is context:
                del self._contexts[context.id]
            context.push.close()
            context.pull.close()

    async def _take(self, context: _Context, found: dict[str, Any]) -> None:
        text = found.get("text")
        if isinstance(text, str) and text.strip():
            context.buffer.append(text)
        waiting = sum(map(len, context.buffer))
        least = SCHEDULE[min(context.spoken, len(SCHEDULE) - 1)]
        if found.get("flush") or self._auto or found.get("try_trigger_generation") or waiting >= least:
            context.spoken += 1
            await self._speak(context)

    async def _speak(self, context: _Context) -> None:
        said, context.buffer = "".join(context.buffer), []
        if said:
            await self._say(context, said)

    async def _say(self, context: _Context, text: str) -> None:
        peer, form = self._peer, _form(self._peer)
        if form is None:
            return
        number, self._said = self._said, self._said + 1
        encoding, rate = form
        if peer.option("stray", default=False):
            stray = base64.b64encode(_voice.encode(_voice.tone(950, rate, rate), encoding)).decode()
            await peer.send_json({"audio": stray, "isFinal": False, "alignment": None, "contextId": "nobody"})
        spoken = _voice.say(peer, text, rate)
        seen, started = 0, 0.0
        grain = spoken.seconds / max(1, len(spoken.text))  # a character is never cut
        async for piece, until in _voice.pieces(peer, spoken, encoding, number, grain):
            rows = [row for row in spoken.chars[seen:] if row[1] + row[2] <= until + grain / 2]
            seen += len(rows)
            await self._chunk(context, piece, rows, started)
            started = until
        tail = int(peer.option("tail_ms", 0)) * rate // 1000
        if tail:
            await self._chunk(context, _voice.encode(bytes(2 * tail), encoding), [], 0.0)

    async def _chunk(self, context: _Context, piece: bytes, rows: list[tuple[str, float, float]], started: float) -> None:
        aligned: dict[str, Any] | None = None
        if rows and _voice.times(self._peer) == "given":
            aligned = {
                "chars": [row[0] for row in rows],
                "charStartTimesMs": [round(1000 * (row[1] - started)) for row in rows],
                "charDurationsMs": [round(1000 * row[2]) for row in rows],
            }
        elif _voice.times(self._peer) == "null":
            aligned = {"chars": None, "charStartTimesMs": None, "charDurationsMs": None}
        encoded = base64.b64encode(piece).decode()
        await self._send(context, {"audio": encoded, "isFinal": False, "alignment": aligned, "normalizedAlignment": aligned})

    async def _send(self, context: _Context, fields: Mapping[str, Any]) -> None:
        await self._peer.send_json({**fields, "contextId": context.id} if self._multi else dict(fields))
