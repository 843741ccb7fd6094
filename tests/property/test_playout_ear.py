"""What a caller hears of an agent who is held, resumed and stopped: what was given, in order, with pauses, and no sample twice.

The other side is a carrier at a distance: it begins to play what it has when it arrives, sample by sample in real time, drops what is left
when it is cleared, and returns marks that were played or dropped.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from offhook.core.audio.format import PCM16_8K
from offhook.core.audio.playout import Playout
from offhook.core.speech.heard import Ledger
from offhook.core.time import MS

PER_MS = 8
WORD = 400


@dataclass
class Carrier:
    """``out`` and ``back``: ms that a message takes. Time is in ms."""

    out: int
    back: int
    heard: list[int] = field(default_factory=list)
    now: int = 0
    _coming: deque[tuple[int, str, bytes]] = field(default_factory=deque)
    _buffer: deque[int | str] = field(default_factory=deque)
    _returned: deque[tuple[int, str]] = field(default_factory=deque)

    def send(self, kind: str, data: bytes = b"") -> None:
        self._coming.append((self.now + self.out, kind, data))

    def until(self, now: int) -> None:
        """Let time pass."""
        while self.now < now:
            self._arrive()
            for _ in range(PER_MS):
                self._marks()
                if self._buffer:
                    self.heard.append(int(self._buffer.popleft()))
            self._marks()
            self.now += 1
        self._arrive()

    def _arrive(self) -> None:
        while self._coming and self._coming[0][0] <= self.now:
            _, kind, data = self._coming.popleft()
            if kind == "media":
                self._buffer.extend(int.from_bytes(data[at : at + 2], "little") for at in range(0, len(data), 2))
            elif kind == "clear":
                self._returned.extend((self.now + self.back, one) for one in self._buffer if isinstance(one, str))
                self._buffer.clear()
            else:
                self._buffer.append(kind)

    def _marks(self) -> None:
        while self._buffer and isinstance(self._buffer[0], str):
            self._returned.append((self.now + self.back, str(self._buffer.popleft())))

    def returned(self) -> list[str]:
        """Marks that have come back by now."""
        found = []
        while self._returned and self._returned[0][0] <= self.now:
            found.append(self._returned.popleft()[1])
        return found


class Ear(RuleBasedStateMachine):
    """Times in ms. Samples are numbered; the ear's own list is what was really heard."""

    @initialize(out=st.integers(0, 120), back=st.integers(0, 120))
    def begin(self, out: int, back: int) -> None:
        self.carrier = Carrier(out, back)
        self.playout = Playout(PCM16_8K)
        self.ledger = Ledger()
        self.turn = 1
        self.number = 0
        self.given: list[int] = []
        """All that is to be heard, in order; cut where a turn was stopped."""
        self.first = 0
        """Where in it the turn begins."""
        self.known: list[int] = []
        """For each word of the turn, the sample of it by which a listener knows it."""
        self.finished = False

    def ear(self) -> list[int]:
        """What will have been heard when all that was sent has arrived and nothing more is: padding aside."""
        carrier = self.carrier
        carrier.until(carrier.now + carrier.out)
        return [sample for sample in carrier.heard if sample]

    @precondition(lambda self: not self.finished and len(self.given) - self.first < 24_000)
    @rule(words=st.integers(4, 60), odd=st.integers(0, 250))
    def speak(self, words: int, odd: int) -> None:
        count = words * WORD + odd
        samples = [(self.number + index) % 65_535 + 1 for index in range(count)]
        self.number += count
        self.given += samples
        self.known += [self.ledger.samples + index * WORD + WORD * 6 // 10 for index in range(words)]
        text = " ".join("word" for _ in range(words))
        self.ledger.add(text, count, words=[(word, (index + 1) * WORD) for index, word in enumerate(text.split())])
        self.playout.append(self.turn, b"".join(sample.to_bytes(2, "little") for sample in samples))

    @precondition(lambda self: not self.finished and len(self.given) > self.first)
    @rule()
    def finish(self) -> None:
        self.finished = True
        self.playout.finish(self.turn)

    @rule(ticks=st.integers(1, 12), late=st.integers(0, 19))
    def pass_time(self, ticks: int, late: int) -> None:
        for _ in range(ticks):
            self._pass(20 - self.carrier.now % 20)
            data = self.playout.tick(self.carrier.now * MS)
            if data:
                self.carrier.send("media", data)
            name = self.playout.mark_due() if data else None
            if name:
                self.carrier.send(name)
        if late:
            self._pass(late)

    def _pass(self, time: int) -> None:
        for _ in range(time):
            self.carrier.until(self.carrier.now + 1)
            for name in self.carrier.returned():
                self.playout.on_mark(name, self.carrier.now * MS)

    @rule()
    def hold(self) -> None:
        """The caller makes a sound."""
        if self.playout.hold(self.carrier.now * MS):
            self.carrier.send("clear")
            assert self.playout.ahead(self.carrier.now * MS) == 0
            self._agrees(self.playout.played(self.carrier.now * MS))

    @rule()
    def resume(self) -> None:
        self.playout.resume()

    @rule(ticks=st.integers(1, 30), late=st.integers(0, 19), held=st.integers(0, 10))
    def cough(self, ticks: int, late: int, held: int) -> None:
        """Held in mid-speech, and let go on."""
        self.resume()
        self.pass_time(ticks, late)
        self.hold()
        self.pass_time(held, 0)
        self.resume()

    @precondition(lambda self: len(self.given) > self.first)
    @rule()
    def stop(self) -> None:
        """A barge-in; another turn follows."""
        now = self.carrier.now * MS
        heard = self.playout.clear(now, self.turn)
        self.carrier.send("clear")
        self._agrees((self.turn, heard))
        del self.given[self.first + heard :]
        self._next()

    @precondition(lambda self: self.finished and self.playout.drained(self.turn, self.carrier.now * MS))
    @rule()
    def next_turn(self) -> None:
        assert self.ear() == self.given, "drained, and not heard to its end"
        self._next()

    def _next(self) -> None:
        self.turn, self.first, self.finished = self.turn + 1, len(self.given), False
        self.ledger, self.known = Ledger(), []

    def _agrees(self, told: tuple[int, int]) -> None:
        """What is said to have been heard is what was, to the sample and to the word."""
        heard = self.ear()
        assert heard == self.given[: len(heard)]
        sample = told[1] if told[0] == self.turn else 0
        assert len(heard) - self.first == sample
        assert len(self.ledger.heard(sample).split()) == sum(end <= len(heard) - self.first for end in self.known)

    @invariant()
    def no_sample_is_lost_or_doubled(self) -> None:
        if hasattr(self, "carrier"):
            heard = [sample for sample in self.carrier.heard if sample]
            assert heard == self.given[: len(heard)]

    def teardown(self) -> None:
        if not hasattr(self, "carrier"):
            return
        self.playout.resume()
        self.playout.finish(self.turn)
        self.pass_time(len(self.given) // 160 + 30, 0)
        assert self.ear() == self.given


TestEar = Ear.TestCase
TestEar.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
