"""What is told of a call's turns: to the script what was heard, to the history both sides' words, to the outside events, metrics and spans.

The agent's side (``talk``) says when; here is what. Words of the caller's are a turn of their own once nothing can take them up any more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from offhook.contracts.plan import CallPlan
from offhook.core.script.dialogue import Dialogue
from offhook.core.script.state import Run
from offhook.core.speech.backchannel import real_words
from offhook.core.time import SECOND, Instant
from offhook.core.turn import effects as fx
from offhook.core.turn.user import fold
from offhook.engine.answering import Answering
from offhook.engine.driver import Driver
from offhook.engine.hear import Hearing
from offhook.engine.history import History
from offhook.engine.reply import Reply
from offhook.engine.reporter import Reporter
from offhook.engine.telemetry.calls import TurnTold


class Account:
    """One call's. ``begin`` before anything else."""

    def __init__(
        self,
        plan: CallPlan,
        dialogue: Dialogue,
        history: History,
        answering: Answering,
        driver: Driver,
        reporter: Reporter,
        launch: Callable[[tuple[Run, ...]], None],
    ) -> None:
        self.untold = set(plan.record_after)
        """Names of what the caller must have heard before anything is recorded."""
        self._plan = plan
        self._dialogue = dialogue
        self._history = history
        self._answering = answering
        self._driver = driver
        self._reporter = reporter
        self._launch = launch
        self._unreported: Reply | None = None
        self._carried = ""
        """Words of the caller's whose answer was cut off while nothing but what bridged their silence was known of it: they go on."""
        self._hearing: Hearing

    def begin(self, hearing: Hearing) -> None:
        """The call is up."""
        self._hearing = hearing

    # -- the caller's words -----------------------------------------------------------------------------------------------

    def words(self, text: str) -> str:
        """All that a reply to these words answers."""
        return f"{self._carried} {text}".strip()

    def carry(self, reply: Reply) -> None:
        """Nothing of the reply but what bridged a silence came about: the words that it answers go on."""
        self._carried = reply.text

    def taken_up(self, reply: Reply) -> None:
        """The reply answers the caller's words, and counts."""
        self._unreported = reply
        self._carried = ""
        if reply.bridged:
            # Their words were used up when that began; the answer comes after them, in the history too.
            self._report()

    def taken_back(self) -> None:
        """It does not count after all: the caller goes on."""
        self._unreported = None

    def _report(self) -> None:
        """The caller's words are used up for good: only now are they a turn of their own."""
        reply, self._unreported = self._unreported, None
        if reply is not None and reply.proposal is not None:
            self._history.caller(reply.text)
            stats = self._hearing.stats
            now = self._driver.now()
            begin, end = stats.speech_begin, reply.marks.speech_end
            self._reporter.caller_turn(reply.turn, reply.text, begin if begin is not None else now, end or now, reply.proposal.acts)

    def used_up(self, open_reply: Reply | None) -> None:
        """The caller's words are not listened to any longer. What no answer has taken up, as a word too few to break in with, is a turn of
        theirs all the same.
        """
        reply = self._unreported or open_reply
        self._report()
        taken = reply.text if reply is not None and reply.cause == "speech" else ""
        text = self._hearing.text
        # What begins otherwise are the same words, heard otherwise after all.
        rest = "" if fold(taken).endswith(fold(text)) or not text.startswith(taken) else text.removeprefix(taken).strip()
        if real_words(rest, self._plan.locale):
            self._unanswered(rest, ())

    def parting(self) -> None:
        """The caller is gone. What they said last is a turn of theirs too, whether or not its answer came about."""
        reply = self._unreported
        self._report()
        text = self.words(self._hearing.text)
        used = reply.text if reply is not None and reply.cause == "speech" else ""
        if not text.startswith(used):
            # The same words, heard otherwise after all.
            return
        text = text.removeprefix(used).strip()
        if fold(text):
            self._unanswered(text, self._dialogue.parting(text))

    def _unanswered(self, text: str, acts: tuple[dict[str, Any], ...]) -> None:
        stats, now = self._hearing.stats, self._driver.now()
        begin = stats.speech_begin if stats.speech_begin is not None else now
        end = stats.speech_end if stats.speech_end is not None and stats.speech_end >= begin else now
        self._history.caller(text)
        self._reporter.caller_turn(self._driver.state.next_turn, text, begin, end, acts)

    # -- the agent's ------------------------------------------------------------------------------------------------------

    def heard(self, reply: Reply, sample: int) -> None:
        """Tell the script what was heard of a reply, and of what it had meant to say and did not come to."""
        told = reply.ledger.items(sample)
        for item, heard, whole in told:
            self._launch(self._dialogue.spoken(item, heard, whole))
        if reply.proposal is not None and reply.accepted_already:
            begun = {item for item, _, _ in told}
            for one in reply.proposal.items:
                if one.id not in begun:
                    self._launch(self._dialogue.spoken(one.id, "", whole=False))
        self.untold -= {name for name in self.untold if self._dialogue.heard(name)}

    def cut(self, reply: Reply, sample: int) -> None:
        """A reply is over of which so much was heard."""
        heard = reply.ledger.heard(sample)
        self._history.agent(reply.kept(heard), cut=True)
        self._tell(reply, heard, interrupted=True, unheard_ms=reply.ledger.after(sample))

    def whole(self, reply: Reply) -> None:
        """A reply was heard to its end."""
        self.heard(reply, reply.ledger.samples)
        self._history.agent(reply.kept(reply.words))
        self._tell(reply, reply.words, interrupted=False)

    def barged_in(self, reply: Reply, why: fx.Why, silent: Instant) -> None:
        """A reply is given up, which was heard last at ``silent``; told if it is the caller who broke in."""
        telemetry, began = self._reporter.telemetry, self._hearing.stats.began
        if why is fx.Why.BARGE_IN and reply.audible and began is not None:
            reply.stopped = (silent - began) / SECOND
            if telemetry is not None:
                telemetry.barge_in(began, silent)

    def _tell(self, reply: Reply, heard: str, *, interrupted: bool, unheard_ms: int = 0) -> None:
        """The turn is over: events, metrics, spans."""
        use = self._answering.used(reply)
        ladder = reply.ladder()
        if self._reporter.telemetry is not None:
            models = self._plan.models
            ladder = self._reporter.telemetry.turn(
                TurnTold(
                    turn=reply.turn,
                    cause=reply.cause,
                    marks=reply.marks,
                    begun=reply.begun,
                    ended=self._driver.now(),
                    interrupted=interrupted,
                    speculated=reply.speculated,
                    stt=models.stt[0],
                    llm=use,
                    tts=models.tts[0],
                    characters=reply.characters,
                    said=reply.text,
                    heard=heard,
                )
            )
        told = (reply.turn, reply.words, heard, interrupted, reply.begun, ladder, reply.by, reply.why)
        marks = reply.marks
        self._reporter.agent_turn(*told, spoke=marks.speech_end, audible=marks.first_sent, unheard_ms=unheard_ms, stopped=reply.stopped)
