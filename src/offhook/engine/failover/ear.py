"""One recogniser's session among others: what it was told, where that lies in the call, and whether it lives."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass

from offhook.core.audio.format import AudioFormat, Encoding
from offhook.core.audio.frame import Packet, PcmFrame
from offhook.core.audio.link import Converter
from offhook.engine.failover.health import Candidate
from offhook.engine.failover.tape import Item
from offhook.ports.stt import Stt, SttEvent, SttMeter, SttSession


@dataclass(frozen=True, slots=True)
class SttPolicy:
    """Bounds, in seconds."""

    keep: float = 30.0
    """Of audio that is not final."""
    connect: float = 1.2
    """Longest wait for one recogniser to be there."""
    ring_stagger: float = 1.0
    """While the line rings the next one is asked beside a first choice that takes this long."""
    stagger: float = 0.4
    """The same in a call."""
    limit: float = 3.0
    """Longest search in all."""
    stall: float = 1.8
    """Of speech of which a recogniser has nothing to tell."""
    owed: float = 1.5
    """How late the words of speech that has ended may be."""
    owed_by_vendor: float = 3.0
    """The same where the vendor decides about the end of a turn, which may be long after the end of speech, and has told words of it."""
    alone: float = 1.5
    """In speech so many times as long is waited for one that has no other in its place. After it, not: with a connection and ``through``,
    what is owed has to come before the turn is given up, or answered as far as it is known.
    """
    least_speech: float = 0.6
    """A shorter sound need not have words."""
    lead: float = 1.0
    """Kept of the silence before speech, since a detector is late."""
    slack: float = 0.35
    """A final's end that lies so little before the detector's end of speech means that one."""
    burst: float = 8.0
    """Of kept audio is told at once, the rest at ``speed`` times real time."""
    speed: int = 32
    through: float = 0.5
    """Words of what is told anew are fewer than there were: they count when they are final, or nothing more has come for so long."""
    again: float = 5.0
    """A recogniser that failed is not tried again for so long, unless there is no other."""
    patience: float = 8.0
    """Noises without words make waiting for words longer, up to so many times."""


@dataclass(slots=True)
class Ear:
    """The recogniser that listens now."""

    candidate: Candidate[Stt]
    session: SttSession
    source: AudioFormat
    """Of the call."""
    format: AudioFormat
    """Its own."""
    convert: Converter
    since: float
    base: int = 0
    """The call's number of its segment 0."""
    shift: int = 0
    """The call's sample of its sample 0."""
    told: int = 0
    """Its samples so far."""
    sequence: int = 0
    lives: bool = False
    """It has said something."""
    events: AsyncIterator[SttEvent] | None = None

    async def next(self) -> SttEvent:
        """The next event. An iterator that was cancelled is not used again."""
        events, self.events = self.events if self.events is not None else aiter(self.session), None
        event = await anext(events)
        self.events = events
        return event

    def take(self, data: bytes) -> None:
        """Audio in the call's format."""
        ready = self.convert.feed(data)
        if not ready:
            return
        if self.format.encoding is Encoding.PCM16:
            self.session.push(PcmFrame(ready, self.format, self.told))
        else:
            self.session.push(Packet(ready, self.format, self.sequence, self.told))
        self.sequence += 1
        self.told += self.format.samples_in(len(ready))

    def mark(self, item: Item) -> None:
        """A mark of the detector."""
        sample = max(0, (item.at - self.shift) * self.format.rate // self.source.rate)
        if item.what == "started":
            self.session.speech_started(sample)
        else:
            self.session.speech_stopped(sample)

    def align(self, at: int) -> None:
        """The next audio lies at this sample of the call: what it was never told, since that is of no use any more, moves its positions."""
        self.shift = at - self.told * self.source.rate // self.format.rate

    def here(self, sample: int) -> int:
        """Its position as the call's."""
        return max(0, self.shift + sample * self.source.rate // self.format.rate)

    @property
    def seconds(self) -> float:
        """Of audio that it was sent."""
        return self.session.seconds if isinstance(self.session, SttMeter) else self.told / self.format.rate

    @property
    def oddities(self) -> Counter[str]:
        """What it sent and could not be used."""
        return self.session.oddities if isinstance(self.session, SttMeter) else Counter()

    async def aclose(self) -> None:
        """Close the session and its iterator."""
        close = getattr(self.events, "aclose", None)
        self.events = None
        if close is not None:
            await close()
        await self.session.aclose()
