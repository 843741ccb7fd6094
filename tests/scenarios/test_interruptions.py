"""Callers who interrupt at any moment: what is said to have been heard is what their ear had.

The agent's voice says coded words with exact times; the carrier is some way off, plays whole frames in real time, and is told to clear over
the same way. So the words that a caller has heard are counted in the audio of the line, to the sample, without asking the engine.
"""

from __future__ import annotations

import json
import random
from collections import Counter, deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import cast

import anyio
import numpy as np
import pytest
from tests.scenarios.crowd_line import spoken
from tests.scenarios.harness import FRAME, Line, plan_of, scene

from offhook.contracts.events import AgentTurn
from offhook.core.audio.format import AudioFormat
from offhook.engine.record import Recorder, RecordingInfo
from offhook.ports.transport import MarkIn, MediaIn, TransportEvent
from offhook.ports.tts import Speech, Word
from offhook.testing.fakes import FakeLlm, FakeTts, FakeTtsSession, LlmScript, Mouthpiece

pytestmark = pytest.mark.anyio
PLAIN = "nice good kind warm fine glad well fair sweet calm lovely friendly bright gentle cheerful pleasant".split()
ODD = "my neighbour said you folk could maybe sort out something for me"
A_CALL = 25
"""Interruptions of one call."""
KNOWN = 0.6
"""A listener knows a word when so much of it was played."""


class FarLine(Line):
    """A carrier that is some way off. What reaches it between two frames counts from the next one on."""

    def __init__(self, mouthpiece: Mouthpiece, dice: random.Random) -> None:
        super().__init__(mouthpiece)
        self._out, self._back = dice.uniform(0, 0.12), dice.uniform(0, 0.12)
        self._coming: deque[tuple[float, bytes | str | None]] = deque()
        self._going: deque[tuple[float, TransportEvent]] = deque()

    def send(self, data: bytes) -> None:
        self._coming.extend((self.now() + self._out, data[i : i + FRAME]) for i in range(0, len(data), FRAME))

    def mark(self, name: str) -> None:
        self._coming.append((self.now() + self._out, name))

    def clear(self) -> None:
        self.clears.append(self.now())
        self._coming.append((self.now() + self._out, None))

    def _put(self, event: TransportEvent) -> None:
        if isinstance(event, MediaIn | MarkIn):
            self._going.append((self.now() + self._back, event))
        else:
            super()._put(event)

    def _play(self) -> bool:
        while self._coming and self._coming[0][0] <= self.now():
            entry = self._coming.popleft()[1]
            if entry is not None:
                self._buffer.append(entry)
                continue
            for dropped in self._buffer:
                if isinstance(dropped, str):
                    self._put(MarkIn(dropped))
            self._buffer.clear()
        while self._going and self._going[0][0] <= self.now():
            super()._put(self._going.popleft()[1])
        return super()._play()


class Tape:
    """A recorder that keeps the agent's side where it belongs in time."""

    def __init__(self) -> None:
        self.agents = bytearray()

    def caller(self, _start: int, _data: bytes) -> None:
        """Not needed here."""

    def agent(self, start: int, data: bytes) -> None:
        self.agents.extend(b"\xff" * (start + len(data) - len(self.agents)))
        self.agents[start : start + len(data)] = data

    def redact(self, *, hidden: bool) -> None:
        assert not hidden

    def agent_cut(self, start: int) -> None:
        self.agents[start:] = b"\xff" * (len(self.agents) - start)

    async def run(self) -> None:
        """Nothing is written."""

    async def close(self) -> RecordingInfo | None:
        return None


def samples_of(audio: bytearray) -> Counter[int]:
    """How much there is of each coded word."""
    values = np.frombuffer(bytes(audio[: len(audio) // 4 * 4]), dtype=np.uint8).reshape(-1, 4)
    kind, low = values >> 4, (values & 15).astype(np.int64)
    valid = (np.sort(kind, axis=1) == np.array([0, 1, 2, 8])).all(axis=1)
    number = ((kind == 0) * (low << 8) + (kind == 1) * (low << 4) + (kind == 2) * low).sum(axis=1)
    found, counts = np.unique(number[valid], return_counts=True)
    return Counter({int(word): 4 * int(count) for word, count in zip(found, counts, strict=True)})


class CodedTts(FakeTts):
    """Every word that it says is a number of its own, some 0.1 to 0.6 s long, and comes in pieces."""

    def __init__(self, dice: random.Random) -> None:
        super().__init__()
        self.dice = dice
        self.words: list[tuple[str, int]] = []
        """Every word that was said and its samples, by its number."""
        self.begins: list[int] = []
        """With which word each reply began."""

    async def open(self, voice: str, locale: str, format: AudioFormat) -> FakeTtsSession:
        session = await super().open(voice, locale, format)
        session.speak = self._speak  # type: ignore[method-assign]
        return session

    async def _speak(self, clauses: AsyncIterator[str]) -> AsyncIterator[Speech]:
        number = 0
        self.begins.append(len(self.words))
        async for text in clauses:
            await anyio.sleep(self.dice.uniform(0.05, 0.2))
            data, words = b"", []
            for word in text.split():
                self.words.append((word, FRAME * (frames := self.dice.randint(5, 30))))
                data += b"".join(spoken(len(self.words) - 1, frames))
                words.append(Word(word, len(data)))
            size = self.dice.choice([800, 4_000, 16_000])
            pieces = [data[i : i + size] for i in range(0, len(data), size)]
            for index, piece in enumerate(pieces):
                done = index * size + len(piece)
                times = tuple(one for one in words if index * size < one.end <= done)
                yield Speech(number, piece, index == len(pieces) - 1, times)
                await anyio.sleep(len(piece) / 8_000 / self.dice.uniform(2, 20))
            number += 1


def answer(dice: random.Random) -> str:
    said = " ".join(f"{' '.join(dice.choices(PLAIN, k=dice.randint(3, 9)))}.".capitalize() for _ in range(dice.randint(2, 4)))
    return json.dumps({"acts": [{"act": "chitchat"}], "say": said})


@dataclass
class Found:
    """Of one call or of many. ``wrong``: by how many words each interrupted reply was, above zero where too much is said to be heard."""

    wrong: Counter[int] = field(default_factory=Counter)
    held: int = 0
    """How often the agent was held and went on, or had to give way later."""
    most_ms: float = 0.0
    """The longest piece of a word that was heard twice, or was missing in what went on."""
    apart_ms: float = 0.0
    """The longest piece of a word that was heard and is not recorded, or is and was not."""
    more_ms: float = 0.0
    """By how much more is said to have been thrown away than was not played."""
    thrown_away: int = 0
    """Replies of which something was."""

    def add(self, other: Found) -> None:
        self.wrong += other.wrong
        self.held += other.held
        self.most_ms = max(self.most_ms, other.most_ms)
        self.apart_ms = max(self.apart_ms, other.apart_ms)
        self.more_ms = max(self.more_ms, other.more_ms)
        self.thrown_away += other.thrown_away


async def one_call(seed: int, count: int) -> Found:
    """Interrupt so many times."""
    dice = random.Random(seed)
    tts = CodedTts(random.Random(f"voice {seed}"))
    llm = FakeLlm(LlmScript(lambda _request: answer(dice), first_token=0.1))
    found = Found()
    async with scene(
        plan_of(models={"endpoint": None, "llm": ("fake",)}), llm=llm, first_tts=tts, line_of=lambda mouthpiece: FarLine(mouthpiece, dice)
    ) as stage:
        line = stage.line
        assert isinstance(line, FarLine)
        tape = Tape()
        stage.call._recorder = stage.call._talk._recorder = cast("Recorder", tape)
        await line.agent_speaks()
        await line.agent_done()
        await line.say(ODD)
        for _ in range(count):
            await line.agent_speaks(limit=15)
            await anyio.sleep(dice.uniform(0.1, 3.0))
            while dice.random() < 0.4:
                found.held += 1
                await line.say(dice.choice(["mm-hm", ""]), dice.uniform(0.2, 0.5))
                await anyio.sleep(dice.uniform(0.5, 1.5))
            await line.say(ODD)
        await line.agent_speaks(limit=15)
        await line.agent_done()
    heard, recorded = samples_of(line.audio), samples_of(tape.agents)
    judge(stage.business.of(AgentTurn), tts, heard, found)
    found.apart_ms = max(abs(heard[word] - recorded[word]) / 8 for word in range(len(tts.words)))
    return found


def judge(turns: list[AgentTurn], tts: CodedTts, samples: Counter[int], found: Found) -> None:
    """Compare what is told with what was played."""
    replies = iter(zip(tts.begins, [*tts.begins[1:], len(tts.words)], strict=True))
    for turn in turns:
        words = turn.text.split()
        # Replies that were prepared in vain were never heard, and are no turns.
        begin, end = next((a, b) for a, b in replies if a < b and [word for word, _ in tts.words[a:b]] == words[: b - a])
        parts = [(samples[number], tts.words[number][1]) for number in range(begin, end)]
        heard = sum(played >= KNOWN * length for played, length in parts)
        told = turn.heard.split()
        assert told == words[: len(told)]
        assert turn.interrupted or told == words
        assert turn.audible_ms is not None
        assert turn.start_ms <= turn.audible_ms <= turn.end_ms
        assert turn.unheard_ms is not None
        if turn.interrupted:
            found.wrong[len(told) - heard] += 1
            # What was made is what was played and what was thrown away; the carrier's way there and back is played or not.
            # A held reply goes on with the frame that was cut: those samples were played twice, and are no less to be played.
            left = sum(max(0, length - played) for played, length in parts) / 8
            found.more_ms = max(found.more_ms, turn.unheard_ms - left)
            found.thrown_away += turn.unheard_ms > 0
        else:
            assert turn.unheard_ms == 0
        for played, length in parts[: max(0, heard - turn.interrupted)]:
            found.most_ms = max(found.most_ms, abs(played - length) / 8)


@pytest.mark.parametrize("count", [50, pytest.param(1_000, marks=pytest.mark.slow)])
async def test_what_was_heard_when_the_agent_was_interrupted_is_known_to_a_word(count: int) -> None:
    found = Found()
    for seed in range(2 * count // A_CALL):
        if found.wrong.total() < count:
            found.add(await one_call(seed, A_CALL))
    total, wrong = found.wrong.total(), dict(sorted(found.wrong.items()))
    print(f"{total} interruptions, {found.held} holds: wrong by words {wrong}; {found.most_ms:.0f} and {found.apart_ms:.0f} ms of a word")  # noqa: T201
    assert total >= count
    assert sum(times for words, times in found.wrong.items() if abs(words) <= 1) >= 0.99 * total
    assert found.most_ms <= 60
    assert found.apart_ms <= 60
    assert found.more_ms <= 60
    assert found.thrown_away >= 0.5 * total
