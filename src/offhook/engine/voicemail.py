"""In a call that we placed: whether a machine has answered, and what it is told, by what is heard in the call itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from offhook.contracts.plan import MachinePlan
from offhook.core.audio.beep import BeepDetector
from offhook.core.audio.format import PCM16_8K, AudioFormat
from offhook.core.audio.link import link
from offhook.core.speech.answerer import Answerer
from offhook.core.time import Instant
from offhook.core.turn import events as ev
from offhook.engine.driver import Driver
from offhook.engine.hear import Hearing
from offhook.engine.reporter import Reporter

LEFT: Final = "voicemail_left"
"""Outcome of a call whose message was heard to its end."""
NOT_LEFT: Final = "voicemail"


class Voicemail:
    """One call's. Listens until it is known who is there; with a machine nobody talks, and it is told one thing once."""

    def __init__(self, plan: MachinePlan, format_in: AudioFormat, driver: Driver, reporter: Reporter, ends: Callable[[str], None]) -> None:
        self.message = plan.message if plan.on_machine == "leave_message" else ""
        self.leaving = False
        """The message is being told."""
        self._driver = driver
        self._reporter = reporter
        self._ends = ends
        self._answerer = Answerer(leaves=bool(self.message))
        listened = link((format_in,), (PCM16_8K,), between=("caller", "beep"))
        self._to_pcm = listened.open()
        self._beeps = BeepDetector(listened.target.rate)
        self._speaking = False
        self._told = False
        self._hushed = False
        if plan.carrier:
            self.told(machine=plan.carrier == "machine")

    @property
    def machine(self) -> bool:
        """Whether nobody is to be talked to."""
        return self._hushed

    def media(self, data: bytes) -> None:
        """What is heard of them."""
        if self._told or self._answerer.who == "person":
            return
        for _ in self._beeps.feed(self._to_pcm.feed(data)):
            self._answerer.beep(self._driver.now())
            self._reporter.counts["beeps"] += 1

    def words(self, text: str) -> None:
        """Their words in the turn that is open. What follows from them does so at the next beat, when the turn core knows them too."""
        if not self._told:
            self._answerer.words(text, self._driver.now())

    def told(self, *, machine: bool) -> None:
        """The carrier says who it is."""
        self._answerer.told(machine, self._driver.now())

    def answered(self) -> None:
        """They have heard the answer to their words."""
        if not self._hushed:
            self._answerer.answered()

    def beat(self, now: Instant, hearing: Hearing) -> None:
        """Once every 20 ms."""
        if self._told:
            return
        if hearing.speaking != self._speaking:
            self._speaking = hearing.speaking
            self._answerer.speech(self._speaking, now)
        do = self._answerer.due(now)
        self._settle()
        if do == "wait":
            return
        self._told = True
        if do == "speak":
            self.leaving = True
            hearing.shut()
            self._command("hush")
            self._command("say", self.message)
        else:
            self._ends(NOT_LEFT)
            self._command("end")

    def said(self, *, whole: bool) -> None:
        """The message is over."""
        if self.leaving:
            self._ends(LEFT if whole else NOT_LEFT)
            self._command("end")

    def _settle(self) -> None:
        """Nobody talks with a machine, and somebody who has picked up after all is talked with."""
        machine = self._answerer.who == "machine"
        if machine and not self._hushed:
            self._hushed = True
            self._reporter.counts[f"machine by {self._answerer.why}"] += 1
            self._ends(NOT_LEFT)
            self._command("hush")
        elif not machine and self._hushed:
            self._hushed = False
            self._ends("")

    def _command(self, kind: str, text: str = "") -> None:
        self._driver.feed(ev.Command(self._driver.now(), kind, text))  # type: ignore[arg-type]
