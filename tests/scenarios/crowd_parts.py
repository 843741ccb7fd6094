"""Providers of a random call, which break as a seed wants it, and the business at the other end of its tools."""

from __future__ import annotations

import json
import random
import re
import struct
from collections import Counter, deque
from collections.abc import AsyncIterator
from functools import lru_cache
from typing import Any

import anyio
import httpx
from tests.scenarios.crowd_line import BYTE, CODE, NOISE, chance, decoded, spoken
from tests.scenarios.harness import FRAME, Business

from offhook.core.audio.format import MULAW_8K, PCM16_8K, AudioFormat
from offhook.core.audio.frame import Packet, PcmFrame
from offhook.core.speech.segment import clauses_of
from offhook.engine.phrases import Clip, Part
from offhook.errors import BadOutput, OverQuota, ProviderError, Timeout, Unavailable
from offhook.ports.llm import LlmEvent, LlmRequest
from offhook.ports.spec import ProviderSpec
from offhook.ports.stt import Heard, SttEvent, SttHints, VendorShift, VendorSpeech
from offhook.ports.tts import Speech, Word
from offhook.testing.fakes import FakeLlm, LlmScript

ACCOUNT = {"crowd_api_key": "so that it counts as a vendor, whose connection may break"}


# -- recognisers --------------------------------------------------------------------------------------------------------------


class CrowdEars:
    """One session: hears the words in the audio it is given, as late, as wrongly and for as long as its owner's dice want."""

    def __init__(self, owner: CrowdStt, number: int) -> None:
        self._owner = owner
        self._dice = chance(owner.seed, owner.name, number)
        self._events: deque[tuple[float, SttEvent | ProviderError | None, tuple[int, ...]]] = deque()
        self._wake = anyio.Event()
        self._words: list[int] = []
        self._parts: dict[int, tuple[int, int]] = {}
        self._position = self._from = self._segment = 0
        self._speaking = False
        self._due = 0
        self._last_loud = -1
        self._stage = 2
        self._mute = False
        self._fault, self._fault_at = owner.fault(number, self._dice)
        self.closed = False

    # -- in -----------------------------------------------------------------------------------------------------------------

    def push(self, audio: PcmFrame | Packet) -> None:
        assert isinstance(audio, PcmFrame)
        if self.closed:
            return
        assert audio.start == self._position, "audio with a gap"
        for at in range(0, len(audio.data), 2 * FRAME):
            self._hear(audio.data[at : at + 2 * CODE])
        self._position += audio.samples
        if self._fault and self._position >= self._fault_at:
            self._break()
        if self._owner.ends is not None:
            self._decide(self._owner.ends)
        elif self._speaking and self._position >= self._due:
            self._due = self._position + 3_200
            self._tell(final=False)

    def _hear(self, start: bytes) -> None:
        code = decoded([BYTE[sample] for (sample,) in struct.iter_unpack("<h", start)])
        if code is None:
            return
        number, part = code
        self._last_loud = self._position
        if number == NOISE:
            return
        first, _ = self._parts.get(number, (part, part))
        self._parts[number] = (first, part)
        if part >= 12 and number not in self._words[-1:]:
            self._words.append(number)

    def _break(self) -> None:
        fault, self._fault = self._fault, ""
        self._owner.faults[fault] += 1
        match fault:
            case "drop":
                self._put(Unavailable(self._owner.spec.id, "the connection broke"), 0)
            case "garbage":
                self._put(BadOutput(self._owner.spec.id, "what came was no message"), 0)
            case "end":
                self._put(None, 0)
            case "stall":
                self._mute = True

    def speech_started(self, sample: int) -> None:
        assert 0 <= sample <= self._position
        if not self._speaking:
            self._speaking, self._due = True, self._position + 3_200

    def speech_stopped(self, sample: int) -> None:
        assert 0 <= sample <= self._position
        if self._speaking:
            self._speaking = False
            if self._owner.ends is None:
                self._tell(final=True)

    def listen(self) -> None:
        self._words.clear()
        self._from = self._position
        self._segment += 1
        self._events = deque(entry for entry in self._events if not isinstance(entry[1], Heard))

    def _decide(self, ends: float) -> None:
        """As Flux does: somebody speaks, the end is likely, they go on after all, the end is sure. By the audio alone."""
        quiet = (self._position - self._last_loud) / 8_000 if self._last_loud >= 0 else 99.0
        if quiet < 0.03 and self._stage:
            self._stage = 0
            self._due = self._position + 3_200
            self._put(VendorSpeech(True, self._position), 0.03)
        elif self._stage == 0 and quiet >= self._owner.eager:
            self._stage = 1
            if self._words:
                self._tell(final=True)
                self._put(VendorShift(0.7), 0.03)
        elif self._stage == 1 and quiet >= ends:
            self._stage = 2
            if self._words and not self._owner.endless:
                self._tell(final=True)
                self._put(VendorShift(1.0), 0.03)
        elif self._stage == 0 and self._position >= self._due:
            self._due = self._position + 3_200
            self._tell(final=False)

    def _tell(self, *, final: bool) -> None:
        if final and self._owner.ends is None and self._words and self._dice.random() < self._owner.lost_finals:
            self._owner.faults["absent final"] += 1
            return
        words = [self._owner.lexicon[number] if self._parts[number][0] <= 4 else "~" for number in self._words]
        if not words and not final:
            return
        delay = self._owner.final_delay if final else 0.1
        if final and self._dice.random() < self._owner.late_finals:
            self._owner.faults["late final"] += 1
            delay = self._dice.uniform(0.3, 0.9)
        self._put(Heard(self._segment, " ".join(words), final, self._from, self._position), delay, *self._words)

    def _put(self, event: SttEvent | ProviderError | None, delay: float, *numbers: int) -> None:
        if not self._mute and not self.closed:
            at = anyio.current_time() + delay
            if self._events:
                at = max(at, self._events[-1][0])
            self._events.append((at, event, numbers))
            self._wake.set()

    # -- out ----------------------------------------------------------------------------------------------------------------

    def __aiter__(self) -> AsyncIterator[SttEvent]:
        return self

    async def __anext__(self) -> SttEvent:
        while not self.closed:
            if not self._events:
                self._wake = anyio.Event()
                await self._wake.wait()
                continue
            at, event, numbers = self._events[0]
            if at > anyio.current_time():
                await anyio.sleep_until(at)
                continue
            self._events.popleft()
            if isinstance(event, ProviderError):
                raise event
            if event is None:
                break
            self._owner.known |= {number: anyio.current_time() for number in numbers if number not in self._owner.known}
            return event
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self.closed = True
        self._owner.open_now.discard(self)
        self._wake.set()


class CrowdStt:
    """A recogniser with dice. ``known``: numbers of the words that it has told, and when."""

    def __init__(self, seed: int, name: str, lexicon: list[str], faults: Counter[str], *, share: float) -> None:
        dice = chance(seed, name)
        self.seed, self.name, self.lexicon, self.faults = seed, name, lexicon, faults
        self.share = share
        self.ends = dice.choice([0.26, 0.26, 0.4]) if dice.random() < 0.4 else None
        self.eager = 0.11
        self.endless = dice.random() < 0.1
        self.final_delay = dice.choice([0.04, 0.1, 0.25])
        self.late_finals = dice.choice([0.0, 0.0, 0.2])
        self.lost_finals = dice.choice([0.0, 0.0, 0.1])
        self.spec = ProviderSpec(id=f"stt/{name}", kind="stt", formats=(PCM16_8K,), own_endpointing=self.ends is not None, settings=ACCOUNT)
        self.known: dict[int, float] = {}
        self.open_now: set[CrowdEars] = set()
        self.asked = 0

    def fault(self, number: int, dice: random.Random) -> tuple[str, int]:
        """What goes wrong with a session, and after how many samples."""
        if dice.random() >= self.share * (4 if number == 1 else 1):
            return "", 0
        return dice.choice(["drop", "garbage", "end", "stall"]), round(dice.uniform(1, 15) * 8_000)

    async def open(self, format: AudioFormat, locale: str, hints: SttHints) -> CrowdEars:
        self.asked += 1
        dice = chance(self.seed, self.name, "open", self.asked)
        await anyio.sleep(0.05)
        if self.asked > 1 and dice.random() < self.share:
            kind = dice.choice(["refused", "hung"])
            self.faults[f"stt {kind}"] += 1
            if kind == "hung":
                await anyio.sleep_forever()
            raise Unavailable(self.spec.id, "nobody answers")
        session = CrowdEars(self, self.asked)
        self.open_now.add(session)
        return session

    async def aclose(self) -> None:
        return


# -- voices -------------------------------------------------------------------------------------------------------------------


class CrowdTts:
    """A voice whose audio says which words it is, 0.16 s each. What breaks is one or another clause, whenever it is asked for."""

    def __init__(self, seed: int, name: str, said: list[str], faults: Counter[str], *, share: float) -> None:
        self.seed, self.name, self.said, self.faults, self.share = seed, name, said, faults, share
        self.spec = ProviderSpec(id=f"tts/{name}", kind="tts", formats=(MULAW_8K,), word_times=True, settings=ACCOUNT)
        self.first_byte = chance(seed, name, "speed").choice([0.05, 0.09, 0.25])
        self.open_now: set[CrowdVoice] = set()
        self.speaking = 0

    async def open(self, voice: str, locale: str, format: AudioFormat) -> CrowdVoice:
        await anyio.sleep(0.05)
        session = CrowdVoice(self)
        self.open_now.add(session)
        return session

    async def aclose(self) -> None:
        return


class CrowdVoice:
    """One session."""

    def __init__(self, owner: CrowdTts) -> None:
        self._owner = owner

    async def speak(self, clauses: AsyncIterator[str]) -> AsyncIterator[Speech]:
        owner, number = self._owner, 0
        owner.speaking += 1
        try:
            async for text in clauses:
                async for speech in self._clause(number, text):
                    yield speech
                number += 1
        finally:
            owner.speaking -= 1

    async def _clause(self, number: int, text: str) -> AsyncIterator[Speech]:
        owner = self._owner
        dice = chance(owner.seed, owner.name, text)
        fault = dice.choice(["dead", "cut", "stall", "silent", "stall midway", "other clause"]) if dice.random() < owner.share else ""
        if fault:
            owner.faults[f"tts {fault}"] += 1
        await anyio.sleep(owner.first_byte)
        if fault == "stall":
            await anyio.sleep_forever()
        if fault == "dead":
            raise Unavailable(owner.spec.id, "the connection broke")
        if fault == "silent":
            yield Speech(number, b"", True)
            return
        words = text.split()
        frames: list[bytes] = []
        for word in words:
            owner.said.append(word)
            frames += spoken(len(owner.said) - 1, 8)
        times = tuple(Word(word, (at + 1) * 8 * FRAME) for at, word in enumerate(words))
        pieces = [frames[at : at + 24] for at in range(0, len(frames), 24)] or [[]]
        for index, piece in enumerate(pieces):
            if fault == "other clause":
                number += 7
            last = index == len(pieces) - 1
            yield Speech(number, b"".join(piece), last and fault != "cut", times if index == 0 else ())
            if fault == "cut" and (last or index == 1):
                raise Unavailable(owner.spec.id, "the connection broke")
            if fault == "stall midway":
                await anyio.sleep_forever()
            await anyio.sleep(0.02)

    async def aclose(self) -> None:
        self._owner.open_now.discard(self)


def kept(text: str, said: list[str]) -> Clip:
    """A phrase as a voice without faults has said it; its words go to ``said``."""
    clip, words = _clip(text, len(said))
    said.extend(words)
    return clip


@lru_cache(maxsize=1_000)
def _clip(text: str, first: int) -> tuple[Clip, tuple[str, ...]]:
    data, parts, all_words = b"", [], text.split()
    for clause in clauses_of(text):
        words = clause.split()
        audio = b"".join(frame for number in range(first, first + len(words)) for frame in spoken(number, 8))
        parts.append(Part(clause, len(audio), tuple((word, (at + 1) * 8 * FRAME) for at, word in enumerate(words))))
        data += audio
        first += len(words)
    return Clip(data, tuple(parts)), tuple(all_words)


# -- language models ------------------------------------------------------------------------------------------------------------

ODD = (
    "my neighbour said you folk could maybe sort out something for me",
    "well you know how it is with old houses they talk to you at night",
    "funny thing is that my sister in law rang somebody else about theirs",
    "could somebody perhaps pass on a word about the boiler that drips",
)
"""What the rules do not understand."""


def words_of(request: LlmRequest) -> str:
    """What the caller said last."""
    return str(json.loads(request.messages[-1].text.splitlines()[-1])["caller"])


class CrowdLlm(FakeLlm):
    """A model that follows the script, or does not; what it does depends on what it is asked alone."""

    def __init__(self, seed: int, name: str, faults: Counter[str], *, share: float) -> None:
        super().__init__(LlmScript(self._answer), structured=chance(seed, name, "structured").random() < 0.9)
        self.seed, self.name, self.faults, self.share = seed, name, faults, share

    async def stream(self, request: LlmRequest) -> AsyncIterator[LlmEvent]:
        dice = chance(self.seed, self.name, words_of(request))
        kind = dice.choice(["500", "hang", "cut", "hang midway", "slow", "quota"]) if dice.random() < self.share else ""
        if kind:
            self.faults[f"llm {kind}"] += 1
        self.script = LlmScript(
            self._answer,
            first_token=5.0 if kind == "slow" else dice.choice([0.1, 0.2, 0.4]),
            fail={"500": Unavailable, "cut": Timeout, "quota": OverQuota}.get(kind),
            fail_after=dice.randint(2, 30) if kind in {"cut", "hang midway"} else 0,
            hang=kind.startswith("hang"),
        )
        async for event in super().stream(request):
            yield event

    def _answer(self, request: LlmRequest) -> str:
        text, dice = words_of(request), chance(self.seed, "answer", words_of(request))
        found = re.search(r"State: (\w+)", request.messages[-1].text)
        state = found.group(1) if found else ""
        kind = dice.random()
        if kind < 0.06:
            self.faults["llm illegal act"] += 1
            return json.dumps({"acts": [{"act": "book_it_all"}], "say": "I have booked everything for you."})
        if kind < 0.12:
            self.faults["llm garbage"] += 1
            return dice.choice(["\x00 {{{", "", '{"acts": [{"act": "set", "slot"', "[1, 2"])
        if kind < 0.18:
            self.faults["llm wrong quote"] += 1
            return json.dumps({"acts": [{"act": "set", "slot": "note", "quote": "nobody said this"}], "say": "Noted, all of it."})
        acts: list[dict[str, str]] = [{"act": "chitchat"}]
        if state == "route":
            acts = [{"act": "set", "slot": "need", "option": dice.choice(["booking", "message"]), "quote": " ".join(text.split()[-4:])}]
        elif state == "message":
            acts = [{"act": "set", "slot": "note", "quote": " ".join(text.split()[-6:])}]
        say = dice.choice(
            [None, "I see what you mean.", "That is good to know. We are glad that you rang us, and we are happy to help you."]
        )
        return json.dumps({"acts": acts, "say": say})


# -- the business ---------------------------------------------------------------------------------------------------------------


class CrowdBusiness(Business):
    """Does each piece of work at most once, if it is asked with the same key; slow, down or at odds as the dice want."""

    def prepare(self, seed: int, faults: Counter[str]) -> CrowdBusiness:
        self.seed, self.faults = seed, faults
        self.busy = 0
        self.kinds: dict[str, str] = {}
        """What is wrong with a piece of work, by key."""
        self.tries: Counter[str] = Counter()
        self.log: list[tuple[Any, ...]] = []
        """Turns and work in their order."""
        return self

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        name, key = body["tool"], body["key"]
        dice = chance(self.seed, "tool", key)
        self.runs.append((name, key, body["args"]))
        self.tries[key] += 1
        self.log.append(("run", name, key, body["args"]))
        kind = dice.choice(["slow", "500", "hang", "conflict", "no answer", "garbage"]) if dice.random() < 0.2 else ""
        self.kinds[key] = kind
        if kind:
            self.faults[f"tool {kind}"] += 1
        self.busy += 1
        try:
            await anyio.sleep(dice.uniform(1.0, 3.0) if kind == "slow" else 0.03)
            if kind == "hang":
                await anyio.sleep_forever()
            if kind == "no answer" and self.tries[key] == 1:
                raise httpx.ReadError("the connection broke", request=request)
            if kind == "500" and self.tries[key] == 1:
                return httpx.Response(500)
            if kind == "garbage":
                return httpx.Response(200, content=b"{{")
            if kind == "conflict" and name == "book":
                return httpx.Response(409)
            answers = self.answers.get(name, [{"values": {}}])
            return httpx.Response(200, json=answers[0])
        finally:
            self.busy -= 1
