"""A recogniser on the doubles, and vendors' messages as they would come, for tests of what becomes of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import anyio

from offhook import registry
from offhook.core.audio.format import MULAW_8K, silence
from offhook.core.audio.frame import Packet
from offhook.inference import InferencePool
from offhook.ports.stt import Behind, Heard, Stt, SttEvent, SttHints, VendorShift, VendorSpeech
from offhook.providers.stt._stream import StreamSession
from offhook.registry import ProviderContext
from offhook.testing.vendors.server import Scenario, Vendors
from offhook.weights import ModelStore


@asynccontextmanager
async def recogniser(vendors: Vendors, name: str) -> AsyncIterator[Stt]:
    """A provider whose account is the doubles'."""
    async with InferencePool(1) as pool:
        stt = cast("Stt", registry.load("stt", name, ProviderContext(pool, ModelStore(), vendors.env())))
        yield stt
        await stt.aclose()


class Told:
    """A session whose vendor says what the test says; times are seconds of the audio."""

    def __init__(self, session: StreamSession, vendors: Vendors, messages: int) -> None:
        self.session = session
        self.vendors = vendors
        self._to_come = messages
        """What the vendor says and the session has not read: it is waited for, however busy the machine."""
        receive = session._received

        def received(message: str | bytes) -> None:
            self._to_come -= 1
            receive(message)

        session._received = received  # type: ignore[method-assign]

    def push(self, seconds: float) -> None:
        """Silence."""
        self.session.push(Packet(silence(MULAW_8K, round(8_000 * seconds)), MULAW_8K, 0, 0))

    def stop(self) -> None:
        """The detector hears a pause, now."""
        self.session.speech_stopped(self.session._position)

    async def events(self, seconds: float = 0.1) -> list[SttEvent]:
        """What comes until all was said and nothing comes for so long."""
        found: list[SttEvent] = []
        with anyio.fail_after(150):
            while True:
                event: SttEvent | None = None
                with anyio.move_on_after(seconds):
                    event = await anext(self.session)
                if event is not None:
                    found.append(event)
                elif self._to_come <= 0:
                    return found

    async def texts(self, seconds: float = 0.1) -> list[str]:
        """The same, in short: segment, text and ``.`` for a final; ``(`` and ``)`` for speech; ``!`` and the score for a shift."""
        return [short(event) for event in await self.events(seconds)]


def short(event: SttEvent) -> str:
    """One event in short."""
    match event:
        case Heard():
            return f"{event.segment} {event.text}{'.' if event.final else ''}"
        case VendorSpeech():
            return "(" if event.started else ")"
        case VendorShift():
            return f"!{event.score:g}"
        case Behind():
            return "behind"


@asynccontextmanager
async def told(name: str, *messages: dict[str, Any], audio: float = 4.0, **options: object) -> AsyncIterator[Told]:
    """A session that has pushed so much audio, whose vendor has said the messages."""
    vendor = "deepgram" if name.startswith("deepgram") else name
    async with Vendors() as vendors, recogniser(vendors, name) as stt:
        vendors.scenario(vendor, Scenario(options={"play": messages, **options}))
        session = cast("StreamSession", await stt.open(MULAW_8K, "en", SttHints()))
        one = Told(session, vendors, len(messages))
        one.push(audio)
        yield one
        await session.aclose()


def words(text: str, begin: float, end: float) -> Sequence[tuple[str, float, float]]:
    """The text's words, evenly from one second to the other."""
    parts = text.split()
    length = (end - begin) / max(1, len(parts))
    return [(part, begin + number * length, begin + (number + 1) * length) for number, part in enumerate(parts)]
