"""The people whom a call's engine rings itself: rung, told who rings, heard, and brought together with the caller.

One process has both legs, so that of a person who takes the call and a caller who hangs up or takes it back one comes first: ``_together``
is decided in one pass of the loop.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

import anyio

from offhook.contracts.transfer import Ring, Told, TransferAnswer
from offhook.core.audio.link import link
from offhook.engine.metering import Meter
from offhook.engine.person_ear import PersonEar
from offhook.engine.phrases import record
from offhook.engine.prepare import EngineParts, Prepared
from offhook.engine.scopes import CallScope
from offhook.engine.second_leg import SecondLeg
from offhook.engine.together import Together
from offhook.errors import OffhookError
from offhook.ports.transport import CallTransport

WORDS_S: Final = 20.0
"""What a person is to hear is audio by then, or they are not asked."""


class People:
    """One call's; at most one of them at a time."""

    def __init__(
        self,
        parts: EngineParts,
        prepared: Prepared,
        transport: CallTransport,
        scope: CallScope,
        used: Meter,
        there: Callable[[], bool],
        failed: Callable[[OffhookError], None],
    ) -> None:
        self.together: Together | None = None
        """The talk of the caller and whoever has taken their call."""
        self._parts = parts
        self._prepared = prepared
        self._transport = transport
        self._scope = scope
        self._used = used
        self.there = there
        """Whether the caller is still to be put through."""
        self._failed = failed
        self._person: SecondLeg | None = None
        self._words: dict[str, bytes] = {}
        """What the person may hear, as audio in the voice's format."""
        self._briefed = anyio.Event()
        """What they are to be told is audio, or never will be."""
        self._asked = False
        self._attention: anyio.CancelScope | None = None

    async def next(self, answer: TransferAnswer) -> Told | None:
        """Do what is to be done now, and wait for what comes of it; None where there is nothing to be done."""
        ring = answer.ring
        if ring is None or answer.state not in {"trying", "bridging"}:
            self.let_go(answer)
            return None
        person = self._person
        if person is None or person.ring.place != ring.place:
            self.let_go(answer)
            line = self._parts.lines.sip
            if line is None:
                return Told(place=ring.place, what="failed")
            person = self._ring(ring, SecondLeg(ring, line))
            line.start(person.carry, "a second leg")
        elif answer.state == "bridging":
            return self._bring(person)
        elif person.leg is not None and not self._asked:
            self._asked = True
            if not await self._ask(person):
                return Told(place=ring.place, what="failed")
        return await person.next()

    def _ring(self, ring: Ring, person: SecondLeg) -> SecondLeg:
        self._person, self._words, self._briefed, self._asked = person, {}, anyio.Event(), False
        if ring.brief:
            self._scope.start(partial(self._say_all, ring, self._words, self._briefed), "a person's words")
        return person

    async def _say_all(self, ring: Ring, words: dict[str, bytes], briefed: anyio.Event) -> None:
        """Have all that they may hear as audio: what they are told first, then how they may be let go."""
        source = self._prepared.mouth.link.source
        same = link((source,), (source,), between=("tts", "a second leg"))
        try:
            voice = await self._prepared.open_voice()
            try:
                for texts in ((ring.brief, ring.choice), (ring.turned_down, ring.unanswered, ring.not_needed, ring.lost)):
                    for text in texts:
                        if text:
                            self._prepared.mouth.characters += len(text)
                            words[text] = (await record(voice, same, text)).data
                    briefed.set()
            finally:
                with anyio.CancelScope(shield=True), anyio.move_on_after(1):
                    await voice.aclose()
                self._used.add(voice)
        except OffhookError as error:
            self._failed(error)
        finally:
            briefed.set()

    def _audio(self, person: SecondLeg, *texts: str) -> bytes:
        """Words as the person's leg wants them; what is not audio is left out."""
        target = person.format_out
        if target is None:
            return b""
        convert = link((self._prepared.mouth.link.source,), (target,), between=("tts", "a second leg")).open()
        said = b"".join(self._words.get(text, b"") for text in texts)
        return convert.feed(said) + convert.flush() if said else b""

    async def _ask(self, person: SecondLeg) -> bool:
        """Tell them who rings; False where that cannot be said."""
        ring = person.ring
        with anyio.move_on_after(WORDS_S):
            await self._briefed.wait()
        if not {ring.brief, ring.choice} <= self._words.keys():
            return False
        person.ask(self._audio(person, ring.brief, ring.choice))
        self._attention = anyio.CancelScope()
        self._scope.start(partial(self._listen, person, self._attention), "a person's answer")
        return True

    async def _listen(self, person: SecondLeg, scope: anyio.CancelScope) -> None:
        if person.leg is None:
            return
        ear = PersonEar(self._prepared.ears, person.leg.format_in, partial(person.tell, "said", ""), self._failed)
        person.listens = ear.media
        with scope:
            await ear.run(self._used)

    def _bring(self, person: SecondLeg) -> Told:
        """Bring the caller to them, if both are there."""
        self._inattentive()
        if not self.there() or person.leg is None or person.over.is_set() or person.left:
            return Told(place=person.ring.place, what="lost")
        self.together = Together(self._transport, person, self._parts.wheel, anyio.current_time, self._parts.hold_s)
        self._person = None
        if person.ring.refer:
            self._scope.start(partial(self.together.hand_over, self._failed), "handing over")
        return Told(place=person.ring.place, what="together")

    def _inattentive(self) -> None:
        if self._attention is not None:
            self._attention.cancel()
            self._attention = None

    def let_go(self, answer: TransferAnswer | None = None) -> None:
        """Nobody is waited for any longer; whoever had answered is told so."""
        self._inattentive()
        person, self._person = self._person, None
        if person is None:
            return
        ring = person.ring
        tried = answer.tried if answer is not None else ()
        outcome = tried[ring.place].outcome if ring.place < len(tried) else "cancelled"
        last = {"refused": ring.turned_down, "unaccepted": ring.unanswered, "failed": ring.lost, "accepted": ring.lost}
        person.let_go(self._audio(person, last.get(outcome, ring.not_needed)) if self._asked else b"")
