"""What the doubles of recognisers hear with: the audio that was really sent, in the encoding and rate that were declared.

An ``Ear`` finds loud stretches. For each it says the next text of the scenario's option ``say``; without one it measures the sound:
``tone 440 hz 1000 ms``. Audio that sounds like noise, as it does under a wrong declaration, is heard as ``noise``, whatever the script.

Positions are samples of what the client streamed. A stretch's ``seconds``, where the script gives them, keep pauses inside it from
ending it. With ``lexicon`` instead of ``say``, words are tones, see ``melody``. All doubles with an ear send the messages of the option
``play``, as they are, at the first audio.
"""

from __future__ import annotations

import json
import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

import anyio
import numpy as np

from offhook.core.audio.g711 import alaw_to_pcm, mulaw_to_pcm
from offhook.testing.vendors.server import Gone, Latency, Peer

LOUD: Final = 400.0
"""Root mean square of a hop, of 32,768, from which on it is no silence."""
HOP_S: Final = 0.01
WORD_S: Final = 0.3
"""A word's length where the script does not say."""
EARLY_S: Final = 0.15
"""Before that a sound is not judged."""
TUNE_HZ: Final = 30.0
"""How far from its word's frequency a tone may be."""
AHEAD_S: Final = 0.1
"""How far beyond the audio that it has a vendor's clock runs: its figures count from an audio instant, whatever the packets' size."""
DECODERS: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "linear16": bytes, "pcm_s16le": bytes, "mulaw": mulaw_to_pcm, "pcm_mulaw": mulaw_to_pcm, "alaw": alaw_to_pcm,
}  # fmt: skip
CONTAINERS: Final = (b"RIFF", b"ID3", b"OggS", b"fLaC")


@dataclass(frozen=True, slots=True)
class Said:
    """One text of the script. ``seconds``: how long it takes, from its first sound to its last; ``known``: so long before its last sound
    the vendor has all of its words.
    """

    text: str
    seconds: float | None = None
    confidence: float = 0.97
    known: float = 0.0


@dataclass(frozen=True, slots=True)
class Heard:
    """A word and its place in samples."""

    text: str
    start: int
    end: int
    confidence: float


@dataclass(slots=True)
class _Stretch:
    """Sound without a pause that counts."""

    said: Said | None
    start: int
    end: int
    pcm: bytearray = field(default_factory=bytearray)
    words: list[Heard] = field(default_factory=list)
    settled: bool = False
    sound: str = ""
    """As it sounded early on."""


class Ear:
    """Hears one connection's audio."""

    def __init__(self, encoding: str, rate: int, script: Sequence[Said]) -> None:
        self.rate = rate
        self.position = 0
        self.loud_end = 0
        """Just behind the last sample that was loud, in a hop that was."""
        self.loud = False
        self._decode = DECODERS[encoding]
        self._width = 2 if DECODERS[encoding] is bytes else 1
        self._script = deque(script)
        self._rest = b""
        self._hop = round(rate * HOP_S)
        self._stretches: list[_Stretch] = []

    def feed(self, data: bytes) -> Iterator[bool]:
        """Take audio; whether each hop of 10 ms was loud, after it was heard."""
        self._rest += data
        size = self._hop * self._width
        whole = len(self._rest) // size * size
        pcm, self._rest = self._decode(self._rest[:whole]), self._rest[whole:]
        hops = np.frombuffer(pcm, "<i2").astype(np.float64).reshape(-1, self._hop)
        for number, power in enumerate((hops**2).mean(axis=1)):
            self.loud = bool(power >= LOUD**2)
            self.position += self._hop
            if self.loud:
                self.loud_end = self.position - self._hop + int(np.flatnonzero(np.abs(hops[number]) >= LOUD)[-1]) + 1
            self._take(pcm[2 * number * self._hop : 2 * (number + 1) * self._hop])
            yield self.loud

    def _take(self, pcm: bytes) -> None:
        current = self._current
        if self.loud:
            if current is None:
                begin = self.position - self._hop
                current = _Stretch(self._script.popleft() if self._script else None, begin, begin)
                self._stretches.append(current)
            current.end = self.loud_end
        if current is not None and len(current.pcm) < 2 * self.rate * 60:
            current.pcm += pcm

    @property
    def _current(self) -> _Stretch | None:
        return self._stretches[-1] if self._stretches and not self._stretches[-1].settled else None

    @property
    def complete(self) -> bool:
        """Whether the stretch may be over: not within the script's seconds."""
        current = self._current
        return current is None or current.said is None or self._whole(current)

    def _whole(self, stretch: _Stretch) -> bool:
        seconds = stretch.said.seconds if stretch.said is not None else None
        return seconds is None or stretch.end - stretch.start >= (seconds - 0.1) * self.rate

    def words(self, *, least: int = 0) -> list[Heard]:
        """All words up to here. ``least``: so many of a stretch that has begun, however short it is."""
        current = self._current
        if current is not None:
            self._reveal(current, least)
        return [word for stretch in self._stretches for word in stretch.words]

    def settle(self) -> None:
        """The vendor has made up its mind: the stretch's words are all there, and the next sound is another stretch."""
        current = self._current
        if current is None or self.loud:
            return
        if not self._whole(current):
            self._reveal(current, 0)
            return
        said = self._hears(current)
        texts = said.text.split()
        known = [Heard(text, word.start, word.end, said.confidence) for text, word in zip(texts, current.words, strict=False)]
        begin = known[-1].end if known else current.start
        rest = texts[len(known) :]
        current.words = [*known, *spread(rest, begin, max(current.end, begin + len(rest)), said.confidence)]
        current.settled = True
        current.pcm.clear()

    def _reveal(self, current: _Stretch, least: int) -> None:
        said = self._hears(current, early=True)
        words = said.text.split()
        length = round(((said.seconds - said.known) / len(words) if said.seconds else WORD_S) * self.rate) if words else 1
        most = len(words) if said.seconds else max(len(words) - 1, min(least, len(words)))
        ready = min(max((current.end - current.start) // length, least), most)
        for number in range(len(current.words), ready):
            begin = current.start + number * length
            current.words.append(Heard(words[number], begin, min(begin + length, max(current.end, begin + 1)), said.confidence))

    def _hears(self, current: _Stretch, *, early: bool = False) -> Said:
        """The script's text, unless the sound is none that speech can be."""
        length = (current.end - current.start) / self.rate
        if early and length < EARLY_S:
            return current.said or Said("")
        if not early or not current.sound:
            current.sound = measure(bytes(current.pcm[: 2 * (current.end - current.start)]), self.rate)
        seconds = current.said.seconds if current.said is not None else None
        if current.sound == "noise" or (seconds is not None and not early and length > 1.5 * seconds):
            return Said("noise")
        if current.said is not None:
            return current.said
        if not current.sound.startswith("tone"):
            return Said(current.sound)
        return Said(
            f"{current.sound} hz ms" if early else f"{current.sound} hz {10 * round(lasted(bytes(current.pcm), self.rate) * 100)} ms"
        )


class MelodyEar(Ear):
    """Hears words that are tones: the lexicon says which frequency is which word. Nothing of it depends on the order of what is said."""

    def __init__(self, encoding: str, rate: int, lexicon: Mapping[float, str]) -> None:
        super().__init__(encoding, rate, ())
        self._lexicon = lexicon
        self._run = bytearray()
        self._run_end = 0
        self._words: list[Heard] = []

    def _take(self, pcm: bytes) -> None:
        if self.loud:
            self._run += pcm
            self._run_end = self.position
        elif self._run:
            self._end()

    def _end(self) -> None:
        begin = self._run_end - len(self._run) // 2
        sound, _, frequency = measure(bytes(self._run), self.rate).partition(" ")
        self._run.clear()
        near = min(self._lexicon, key=lambda one: abs(one - float(frequency or 0)), default=0.0)
        word = self._lexicon[near] if sound == "tone" and abs(near - float(frequency)) <= TUNE_HZ else "noise"
        self._words.append(Heard(word, begin, self.loud_end, 0.97))

    def words(self, *, least: int = 0) -> list[Heard]:
        """The words that have ended."""
        del least
        return list(self._words)

    def settle(self) -> None:
        """Nothing is left open: a word has ended where its tone did."""


def melody(text: str, lexicon: Mapping[float, str], rate: int = 16_000) -> bytes:
    """PCM16 that a ``MelodyEar`` hears as the text: each word a tone of 0.2 s, 30 ms apart. KeyError for a word that it does not have."""
    tones = {word: frequency for frequency, word in lexicon.items()}
    time = np.arange(rate // 5) / rate
    pieces = []
    for word in text.split():
        pieces += [8_000 * np.sin(2 * np.pi * tones[word] * time), np.zeros(rate * 3 // 100)]
    return bytes(np.concatenate(pieces[:-1] or [np.zeros(0)]).astype("<i2").tobytes())


def spread(words: Sequence[str], begin: int, end: int, confidence: float) -> list[Heard]:
    """Words evenly over a stretch."""
    edges = [begin + (end - begin) * number // max(1, len(words)) for number in range(len(words) + 1)]
    return [Heard(word, edges[number], edges[number + 1], confidence) for number, word in enumerate(words)]


def lasted(pcm: bytes, rate: int) -> float:
    """Seconds from the first sample of a quarter of the peak to the last."""
    samples = np.abs(np.frombuffer(pcm, "<i2").astype(np.float64))
    there = np.flatnonzero(samples >= samples.max(initial=1.0) / 4)
    return float(there[-1] + 1 - there[0]) / rate if len(there) else 0.0


def measure(pcm: bytes, rate: int) -> str:
    """``tone 440``, ``noise`` or ``speech``. The limits are from recordings of people, and the same bytes under wrong declarations."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    if len(samples) < 256:
        return "speech"
    first = samples[:rate]  # a second is enough, and a decision must not wait for it
    size = 1 << (2 * len(first) - 1).bit_length()
    power = np.abs(np.fft.rfft(first * np.hanning(len(first)), size)) ** 2
    step = rate / size
    power[: round(30 / step)] = 0
    peak = int(power.argmax())
    near = round(40 / step)
    if power[max(0, peak - near) : peak + near].sum() > 0.9 * power.sum() > 0:
        return f"tone {5 * round(peak * step / 5)}"
    samples = samples[: 3 * rate]
    windows = np.lib.stride_tricks.sliding_window_view(samples, 256)[::128] * np.hanning(256)
    mean = (np.abs(np.fft.rfft(windows, axis=1)) ** 2).mean(axis=0)[2:-2] + 1e-9
    flatness = float(np.exp(np.log(mean).mean()) / mean.mean())
    level = float(np.sqrt((samples**2).mean())) / 32_768
    return "noise" if flatness > 0.55 or (level > 0.25 and flatness > 0.2) else "speech"


def ear(peer: Peer, encoding: str, rate: int) -> Ear:
    """As the scenario has it: ``lexicon`` (words by frequency, see ``melody``), or ``say``: texts or ``Said``, or a function of the
    connection's number that gives them.
    """
    lexicon = peer.option("lexicon", None)
    if lexicon is not None:
        return MelodyEar(encoding, rate, lexicon)
    found = peer.option("say", ())
    if callable(found):
        found = found(peer.number)
    return Ear(encoding, rate, [one if isinstance(one, Said) else Said(str(one)) for one in found])


def drawn(peer: Peer, name: str, default: float) -> float:
    """An option in seconds, fixed or drawn."""
    found = peer.option(name, default)
    return found.draw(peer.dice) if isinstance(found, Latency) else float(found)


class Listener(ABC):
    """One connection's recogniser: decides in the audio's time, and runs on by the clock until the next audio is due."""

    def __init__(self, peer: Peer, ear: Ear) -> None:
        self.peer = peer
        self.ear = ear
        self.quirks: frozenset[str] = frozenset(peer.option("quirks", ()))
        self.woken = 0.0
        """When the client last sent what keeps the connection open."""
        self._arrived = 0.0
        self._changed = anyio.Event()
        self._out: deque[tuple[float, dict[str, Any] | int]] = deque()
        self._ready = anyio.Event()

    @abstractmethod
    def hop(self, *, loud: bool) -> None:
        """10 ms more have been heard."""

    @abstractmethod
    def due(self) -> int | None:
        """The sample of the next decision, should it stay quiet."""

    @abstractmethod
    def decide(self, sample: int) -> None:
        """The decision that was due at a sample."""

    @abstractmethod
    def control(self, message: dict[str, Any]) -> bool:
        """A message of the client's; False ends the connection once everything is sent."""

    def refuse(self, packet: bytes) -> bool:
        """Whether a packet of audio is one that the vendor closes for; it says so itself."""
        del packet
        return False

    def idle(self) -> tuple[float, int, str] | None:
        """After how many seconds of nothing the connection is closed, with which code and reason."""
        return None

    def say(self, message: dict[str, Any], after: float = 0.0) -> None:
        """Send a message so many seconds from now, behind those of before."""
        self._put(message, after)

    def close(self, code: int | None) -> None:
        """Close behind everything that is to be said."""
        self._put(-1 if code is None else code, 0.0)

    def _put(self, what: dict[str, Any] | int, after: float) -> None:
        self._out.append((anyio.current_time() + after, what))
        self._ready.set()

    async def run(self) -> None:
        """Until one side closes."""
        async with anyio.create_task_group() as group:

            async def ending(work: Callable[[], Awaitable[None]]) -> None:
                with suppress(Gone):
                    await work()
                group.cancel_scope.cancel()

            self.woken = anyio.current_time()
            group.start_soon(ending, self._sender)
            group.start_soon(self._clock)
            group.start_soon(self._watch)
            await ending(self._reader)

    async def _reader(self) -> None:
        more = True
        async for message in self.peer.messages():
            if not more:
                continue
            if isinstance(message, bytes):
                self.woken = anyio.current_time()
                more = not self.refuse(message)
                if more:
                    self._audio(message)
            else:
                more = self.control(parsed(message))
            self._changed.set()

    def _audio(self, data: bytes) -> None:
        if not self._arrived:
            for message in self.peer.option("play", ()):
                self.say(message)
        self._arrived = anyio.current_time()
        for loud in self.ear.feed(data):
            self.hop(loud=loud)
            while (due := self.due()) is not None and due <= self.ear.position:
                self.decide(due)

    async def _clock(self) -> None:
        while True:
            self._changed = anyio.Event()
            due = self.due()
            ahead = math.inf if due is None else (due - self.ear.position) / self.ear.rate
            if due is None or ahead > AHEAD_S:
                await self._changed.wait()
                continue
            with anyio.CancelScope(deadline=self._arrived + ahead) as wait:
                await self._changed.wait()
            if wait.cancelled_caught and self.due() == due:
                self.decide(due)

    async def _sender(self) -> None:
        while True:
            while not self._out:
                self._ready = anyio.Event()
                await self._ready.wait()
            at, what = self._out.popleft()
            await anyio.sleep(max(0.0, at - anyio.current_time()))
            if isinstance(what, int):
                await self.peer.close(None if what < 0 else what)
            else:
                await self.peer.send_json(what)

    async def _watch(self) -> None:
        rule = self.idle()
        if rule is None:
            return
        seconds, code, reason = rule
        while (left := self.woken + seconds - anyio.current_time()) > 0:  # noqa: ASYNC110 - it is a time that is waited for
            await anyio.sleep(left)
        with suppress(Gone):
            await self.peer.close(code, reason)


def parsed(text: str) -> dict[str, Any]:
    """The client's message; an empty one for what is none."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
