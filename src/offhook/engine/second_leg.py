"""A second leg of a call: somebody whom the engine rings itself, over a trunk, while the caller is with the agent.

It belongs to the process and not to the call, so that whoever is hung up on can be told so when the call has gone. What becomes of it are
facts, one after the other, for whoever put it there.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

import anyio

from offhook.contracts.transfer import Ring, Told, What
from offhook.core.audio.format import AudioFormat
from offhook.engine.scopes import Work, beside
from offhook.errors import NotReached, OffhookError
from offhook.ports.transport import CallTransport, Closed, KeyIn, MarkIn, MediaIn, TransportEvent

log = logging.getLogger("offhook.engine")
ANSWER_S: Final = 8.0
"""Somebody who was asked and says nothing for so long is nobody, or a voicemail."""
GOODBYE_S: Final = 8.0
"""A last line is heard by then."""
GONE_S: Final = 3.0
ASKED: Final = "asked"
BYE: Final = "bye"
_WHY: Final[dict[str, What]] = {"busy": "busy", "no_answer": "no_answer", "refused": "refused"}


class Leg(CallTransport, Protocol):
    """A leg that is placed."""

    async def reached(self, timeout: float) -> None:
        """Wait for the other side to answer. Raises NotReached, with the leg ended."""


class Outside(Protocol):
    """A line by which calls go out."""

    async def dial(self, trunk: str, to: str, caller_id: str = "") -> Leg:
        """Place a call; its leg rings. Raises NotReached."""
        ...

    def gone(self, leg: Leg) -> None:
        """A leg is over."""

    def start(self, work: Work, name: str) -> None:
        """Run something for as long as the line is open."""


@dataclass(slots=True)
class Lines:
    """The lines of a process by which calls go out, where there are any."""

    sip: Outside | None = None


class SecondLeg:
    """One person's. ``carry`` it in the line's own time; ``next`` tells what has become of it."""

    def __init__(self, ring: Ring, line: Outside) -> None:
        self.ring = ring
        self.leg: Leg | None = None
        """Once they have answered."""
        self.over = anyio.Event()
        self.left = False
        """They are not waited for any longer."""
        self.hears: Callable[[TransportEvent], None] | None = None
        """Who is told what comes from them, once they are with the caller."""
        self.listens: Callable[[MediaIn], None] | None = None
        """What hears their answer."""
        self._line = line
        self._facts: deque[Told] = deque()
        self._news = anyio.Event()
        self._ringing: anyio.CancelScope | None = None
        """While they are waited for."""
        self._asked = anyio.Event()
        """They have been told all, and are waited for."""
        self._leaving = anyio.Event()
        self._said_bye = anyio.Event()

    # -- life -----------------------------------------------------------------------------------------------------

    async def carry(self) -> None:
        """Ring them, and carry their leg until it is over. Raises nothing: a fault in one leg is no other's."""
        try:
            await self._carry()
        except NotReached as error:
            self.tell(_WHY.get(error.why, "failed"))
        except OffhookError as error:
            log.warning("somebody could not be rung: %s", error.public, extra={"pii.detail": error.detail})
            self.tell("failed")
        except Exception as error:
            log.error("a second leg failed: %s", type(error).__name__, exc_info=True)
            self.tell("failed")
        finally:
            self.over.set()
            self.tell("gone")

    async def _carry(self) -> None:
        leg = await self._line.dial(self.ring.trunk, self.ring.to, self.ring.caller_id)
        try:
            async with beside(leg.run), beside(self._leave):
                await self._answered(leg)
        finally:
            with anyio.CancelScope(shield=True), anyio.move_on_after(GONE_S):
                await leg.end()
            self._line.gone(leg)

    async def _answered(self, leg: Leg) -> None:
        with anyio.CancelScope() as self._ringing:
            if self.left:
                return
            try:
                await leg.reached(self.ring.ring_s)
            except NotReached as error:
                self.tell(_WHY.get(error.why, "failed"))
                return
        if self.left:
            return
        self.leg = leg
        self.tell("answered")
        await leg.read(self._event)

    def _event(self, event: TransportEvent) -> None:
        if self.hears is not None:
            self.hears(event)
            return
        match event:
            case KeyIn():
                self.tell("said", keys=event.digit)
            case MediaIn() if self.listens is not None:
                self.listens(event)
            case MarkIn() if event.name == ASKED:
                self._asked.set()
            case MarkIn() if event.name == BYE:
                self._said_bye.set()
            case Closed():
                self._said_bye.set()
            case _:
                pass

    # -- what has become of them ----------------------------------------------------------------------------------

    def tell(self, what: What, keys: str = "", words: str = "") -> None:
        """A fact."""
        self._facts.append(Told(place=self.ring.place, what=what, keys=keys, words=words[:1_000]))
        self._news.set()

    async def next(self) -> Told:
        """The next fact; once they have been asked and say nothing for long, that."""
        while not self._facts:
            self._news = anyio.Event()
            if not self._asked.is_set():
                async with beside(self._wake_when_asked):
                    await self._news.wait()
                continue
            with anyio.move_on_after(ANSWER_S):
                await self._news.wait()
            if not self._facts:
                return Told(place=self.ring.place, what="silent")
        return self._facts.popleft()

    async def _wake_when_asked(self) -> None:
        await self._asked.wait()
        self._news.set()

    # -- what is done with them -----------------------------------------------------------------------------------

    @property
    def format_out(self) -> AudioFormat | None:
        """Of what they are sent; None until they have answered."""
        return self.leg.format_out if self.leg is not None else None

    def ask(self, audio: bytes) -> None:
        """Tell them who rings, and begin to wait for their answer when that has been played."""
        if self.leg is not None:
            self.leg.send(audio)
            self.leg.mark(ASKED)

    def let_go(self, audio: bytes = b"") -> None:
        """They are not needed any longer: hang up, after these last words."""
        if self.left:
            return
        self.left = True
        self.hears = self.listens = None
        if self.leg is None and self._ringing is not None:
            self._ringing.cancel()
        if self.leg is not None:
            self.leg.clear()
            if audio:
                self.leg.send(audio)
                self.leg.mark(BYE)
            else:
                self._said_bye.set()
        self._leaving.set()

    async def _leave(self) -> None:
        await self._leaving.wait()
        with anyio.move_on_after(GOODBYE_S):
            await self._said_bye.wait()
        if self.leg is not None:
            await self.leg.end()
