"""The agent's side of a call: its turns, from what the turn core wants done to what the caller has heard of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import anyio

from offhook.core.script import acts as act
from offhook.core.script.dialogue import Dialogue, Item, Proposal
from offhook.core.script.state import Run
from offhook.core.speech.staying import stays
from offhook.core.time import SECOND, Instant
from offhook.core.turn import effects as fx
from offhook.core.turn import events as ev
from offhook.core.turn.state import Phase, Silent
from offhook.engine.account import Account
from offhook.engine.answering import Answering
from offhook.engine.bridge import Bridges
from offhook.engine.callclock import CallClock
from offhook.engine.driver import Driver
from offhook.engine.hear import Hearing
from offhook.engine.history import History
from offhook.engine.keypad import Keypad
from offhook.engine.metering import Meter
from offhook.engine.prepare import EngineParts, Prepared
from offhook.engine.putting import Putting
from offhook.engine.record import Recorder
from offhook.engine.reply import Cause, Reply, Thinking
from offhook.engine.reporter import Reporter
from offhook.engine.scopes import CallScope, TurnScope
from offhook.engine.trace import TraceWriter
from offhook.engine.voicebox import Recovery, Voicebox
from offhook.engine.voicemail import Voicemail
from offhook.errors import OffhookError, Timeout
from offhook.ports.transport import CallTransport

PROGRESS_TICKS = 10
"""Wheel ticks between reports of what has been played: 200 ms."""
_STANDS = {fx.Why.BARGE_IN, fx.Why.HANGUP, fx.Why.ENDED}
"""A reply that is cut off for these was well meant: the caller is not told that they were not understood, and does not say it again."""
RECOVERY_SECONDS = 0.3
"""A voice in place of one that broke is there by then, or the caller hears that something is done about it."""
COMPANY_SECONDS = 8.0
"""A caller who is being put through hears something at least this often."""
DEAD_AIR = 3 * SECOND
"""A caller who waits so long for a sound has heard dead air."""


class Talk:
    """One call's agent. ``begin`` before anything else."""

    def __init__(
        self,
        parts: EngineParts,
        prepared: Prepared,
        dialogue: Dialogue,
        clock: CallClock,
        driver: Driver,
        transport: CallTransport,
        reporter: Reporter,
        recorder: Recorder | None,
        keypad: Keypad,
        launch: Callable[[tuple[Run, ...]], None],
        running: Callable[[], int],
        failed: Callable[[OffhookError], None],
    ) -> None:
        self.plan = prepared.plan
        self.dialogue = dialogue
        self.mouth = prepared.mouth
        self.bridges = Bridges(prepared.plan)
        history = History()
        self.answering = Answering(parts, prepared, dialogue, history, reporter)
        self.account = Account(prepared.plan, dialogue, history, self.answering, driver, reporter, launch)
        self._voice = Voicebox(prepared.mouth, parts.phrases, prepared.open_voice, prepared.plan.lines, failed)
        self._clock = clock
        self._driver = driver
        self._transport = transport
        self._reporter = reporter
        self._recorder = recorder
        self._keypad = keypad
        self._launch = launch
        self._running = running
        self._reply: Reply | None = None
        self._turn_scope: TurnScope | None = None
        self._ticks = 0
        self._sent = 0
        self._progress = 0
        self._silent: Instant | None = None
        """When the agent was heard last, while it is held."""
        self._cleared = False
        """The other side was told to drop what it had, and has been sent nothing since."""
        self._menu = False
        """The caller is to be told what can be keyed."""
        self._handed_over = False
        self.putting: Putting | None = None
        """The attempt to put the caller through that is under way, or that has come to nothing and they do not know it yet."""
        self._announced = False
        """The caller has just been told that they are put through."""
        self.voicemail: Voicemail | None = None
        """Of a call that we placed."""
        self._message: int | None = None
        """The turn in which a machine is told the message."""
        self._broken_off = ""
        """Where the script was about to put them through, when they broke into its words."""
        self._scope: CallScope
        self._hearing: Hearing

    def begin(self, scope: CallScope, hearing: Hearing, trace: TraceWriter | None) -> None:
        """The call is up."""
        self._scope = scope
        self._hearing = hearing
        self._voice.begin(scope)
        self.account.begin(hearing)
        self.answering.begin(scope, trace)

    @property
    def voices(self) -> Meter:
        """What voices have used that were thrown away."""
        return self._voice.meter

    def glimpse(self) -> dict[str, str]:
        """What the agent says at this moment, or is about to say."""
        reply = self._reply
        if reply is None:
            return {}
        if not reply.audible:
            return {"preparing": reply.words}
        # What was reported last: to ask the playout would change what it answers the call itself.
        return {"saying": reply.words, "heard": reply.ledger.heard(self._progress)}

    # -- the wheel --------------------------------------------------------------------------------------------------------

    def left(self, now: Instant) -> None:
        """Audio has just been sent."""
        reply = self._reply
        if reply is None or reply.marks.first_sent is not None:
            return
        turn, count = self.mouth.playout.sent
        if turn != reply.turn:
            return
        reply.audible = True
        if count > reply.answer_from or reply.opened:
            reply.marks.first_sent = now
            self._reporter.speaking(reply.turn, reply.words, reply.ladder())
            since, telemetry = reply.marks.speech_end, self._reporter.telemetry
            if telemetry is not None and since is not None and now - since > DEAD_AIR:
                telemetry.dead_air(since, now)

    def beat(self, now: Instant) -> None:
        """Once every 20 ms: report what was played."""
        self._ticks += 1
        reply, playout = self._reply, self.mouth.playout
        if reply is None or not reply.audible:
            return
        if playout.drained(reply.turn, now):
            self._driver.feed(ev.Drained(now, reply.turn))
        elif self._ticks % PROGRESS_TICKS == 0:
            turn, sample = playout.played(now)
            if turn == reply.turn and sample > self._progress:
                # Only what is new is progress: a voice that hangs in the middle is a stall.
                self._progress = sample
                self._driver.feed(ev.Played(now, turn, sample))

    # -- turns are opened -------------------------------------------------------------------------------------------------

    def open(self, turn: int, cause: Cause, text: str, *, speculative: bool) -> None:
        """Answer something."""

        def work_out() -> Proposal | Thinking:
            if self._to_nobody:
                return self._fixed()
            if self._between():
                return self._while_put_through(cause, text)
            match cause:
                case "keys":
                    return self._something(self.dialogue.keys(keys))
                case "speech" if text:
                    answer = self.answering.answer(reply, self._hearing.stats.spoken, settled=settled)
                    return self._something(answer) if isinstance(answer, Proposal) else answer
                case _:
                    return self._something(self.dialogue.answer(text))

        keys = ""
        settled = speculative and self._hearing.stats.settling
        if cause == "speech" and text:
            text = self.account.words(text)
        elif cause == "keys":
            self._hearing.keyed()
            keys, text = self._keypad.taken(text)
        reply = Reply(turn, cause, text, work_out, self._accept, real=not speculative)
        self._start(reply)

    def _something(self, proposal: Proposal) -> Proposal:
        """A script that has nothing to say, to run or to end would leave the caller in silence."""
        if proposal.empty and not self._running():
            self._reporter.counts["mute_replies"] += 1
            proposal.items = (Item("", self.plan.lines.fallback),)
        return self._voice.sayable(proposal)

    def prompt(self, effect: fx.Prompt) -> None:
        """Say a fixed line."""
        lines = self.plan.lines

        fixed = self._fixed

        def work_out() -> Proposal | Thinking:
            if self._to_nobody:
                return self._voice.sayable(fixed(effect.text)) if effect.turn == self._message else fixed()
            match effect.line:
                case fx.Line.GREETING:
                    return self._something(self.dialogue.begin())
                case fx.Line.STILL_THERE:
                    asked = self.dialogue.silence()
                    return self._voice.sayable(asked if asked.items else fixed(lines.still_there))
                case fx.Line.SAY if self._menu and effect.text == lines.deaf:
                    return self._by_keys()
                case fx.Line.SAY:
                    return fixed(effect.text)
                case fx.Line.FALLBACK if self._voice.broke:
                    return Recovery(self.recover, fixed(lines.fallback))
                case _:
                    return fixed(str(getattr(lines, effect.line.value)))

        if self.voicemail is not None and self.voicemail.leaving and self._message is None and effect.line is fx.Line.SAY:
            self._message = effect.turn
        self._start(Reply(effect.turn, "prompt", "", work_out, self._accept, real=True))

    @property
    def _to_nobody(self) -> bool:
        """A machine has answered: it is told its message, and nothing else."""
        return self.voicemail is not None and self.voicemail.machine

    def _fixed(self, *texts: str) -> Proposal:
        return Proposal(self.dialogue.state, self.dialogue.state, items=tuple(Item("", text) for text in texts))

    # -- while the caller is put through ----------------------------------------------------------------------------------

    def _between(self) -> bool:
        """Whether the caller is being put through, or is to hear that they are not."""
        return self.putting is not None or bool(self.dialogue.state.transferring)

    def _while_put_through(self, cause: Cause, text: str) -> Proposal:
        """What they are told: that it goes on; that it is over and what follows; nothing yet, if they have just taken it back."""
        lines, would_stay = self.plan.lines, cause == "keys" or stays(text, self.plan.locale)
        if self._driver.state.phase is Phase.TRANSFERRING and self.putting is not None:
            if not would_stay:
                return self._voice.sayable(self._fixed(lines.still_trying))
            self.putting.give_up(by_caller=True)
            return self._fixed()
        target = self._broken_off
        if target and not would_stay and self.putting is None:
            again = self._fixed(lines.putting_through)
            again.transfer = target
            return self._voice.sayable(again)
        words = text if cause == "speech" and not would_stay else ""
        if self.dialogue.state.transferring:
            proposal = self.dialogue.transferred(ok=False, text=words)
        else:
            proposal = self.dialogue.answer(words) if words else self._fixed()
            proposal.items = (*(Item("", line) for line in self._not_through()), *proposal.items)
        if would_stay or (self.putting is not None and self.putting.cancelled):
            proposal.items = (Item("", lines.staying), *proposal.items)
        return self._something(proposal)

    def _not_through(self) -> tuple[str, ...]:
        """For a transfer that was commanded, of which the script knows nothing."""
        return () if self.putting is not None and self.putting.cancelled else (self.plan.lines.not_through,)

    async def company(self, putting: Putting) -> None:
        """Tell the caller now and then that somebody is still looked for. Nobody listens to a silence without knowing why."""
        if not self._announced:
            self._driver.feed(ev.Command(self._clock.now(), "say", self.plan.lines.putting_through))
        self._announced = False
        while True:
            with anyio.move_on_after(COMPANY_SECONDS):
                await putting.finished.wait()
            if putting.finished.is_set() or self._driver.state.phase is not Phase.TRANSFERRING:
                return
            if self._reply is None and isinstance(self._driver.state.user, Silent):
                self._driver.feed(ev.Command(self._clock.now(), "say", self.plan.lines.still_trying))

    def _start(self, reply: Reply) -> None:
        reply.begun = self._clock.now()
        reply.speculated = not reply.real
        self._stamp(reply)
        if not reply.real:
            self.mouth.playout.mute(reply.turn)
        self._reply = reply
        self._progress = 0
        self._silent = None

        async def work() -> None:
            with self._voice.speaking():
                await reply.run(self._driver, self.mouth, self._voice.broken)

        self._turn_scope = self._scope.start_turn(work, f"turn {reply.turn}")
        if reply.real:
            self._decided(reply)

    def _stamp(self, reply: Reply) -> None:
        """When the caller stopped, and when it was known what they had said."""
        stats = self._hearing.stats
        if reply.cause == "speech":
            reply.marks.speech_end = stats.speech_end
            fresh = stats.final_at is not None and (stats.speech_end is None or stats.final_at >= stats.speech_end)
            reply.marks.stt_final = stats.final_at if fresh else None
        if reply.real:
            reply.marks.decided = self._clock.now()

    def promote(self, turn: int) -> None:
        """The shift is sure: what was prepared is real."""
        reply = self._reply
        if reply is None or reply.turn != turn:
            return
        reply.real = True
        self._stamp(reply)
        self.mouth.playout.unmute(turn)
        self.answering.speculated(reply, "committed")
        reply.promote()
        self._decided(reply)
        self.mouth.kick()

    def _accept(self, reply: Reply) -> None:
        """A real turn's proposal becomes the call's state, and its work begins."""
        proposal = reply.proposal
        if proposal is None or self._reply is not reply:
            # One that was cancelled before its work had begun has no effect.
            return
        self.dialogue.accept(proposal)
        self._broken_off = ""
        if self._driver.state.phase is not Phase.TRANSFERRING and reply.cause != "prompt":
            self.putting = None  # what came of it is told now
        if reply.cause in {"speech", "keys"} and reply.text:
            self.account.taken_up(reply)
        if proposal.writes:
            reply.taken = True
            self._driver.feed(ev.Taken(self._clock.now(), reply.turn))
        self._launch(proposal.runs)

    # -- what bridges a silence -----------------------------------------------------------------------------------------

    def _decided(self, reply: Reply) -> None:
        """The caller's turn is over: from now on it is their silence."""
        if reply.cause in {"speech", "keys"}:
            self.bridges.new_turn(reply.text)
            if self._voice.phrases is not None and self.bridges.wanted:
                self._scope.start(partial(self._bridge, reply), "bridge")

    async def _bridge(self, reply: Reply) -> None:
        """Say something short where the answer is late: at once where the agent opens so, else when the silence would be long."""
        for seconds, lines, opens in self.bridges.steps():
            await anyio.sleep(seconds)
            if self._reply is not reply or not isinstance(self._driver.state.user, Silent):
                return
            line = self.bridges.choose(lines)
            if line and reply.bridge(line, self._driver, self.mouth, opens=opens):
                self.bridges.said(line)
                self._reporter.counts["openers" if opens else "fillers"] += 1
                return

    def filler(self, wanted: str) -> None:
        """A tool is late: say its filler, if nobody speaks and nothing has bridged this turn yet."""
        silent = self._reply is None and isinstance(self._driver.state.user, Silent)
        line = self.bridges.choose((wanted, *self.plan.fillers.lines)) if silent else ""
        if line:
            self.bridges.said(line)
            self._reporter.counts["fillers"] += 1
            self._driver.feed(ev.Command(self._clock.now(), "say", line))

    # -- a voice breaks ---------------------------------------------------------------------------------------------------

    async def recover(self, line: Proposal, reply: Reply) -> Proposal:
        """What to say after a voice broke: the line if there is a voice again, else what the script has for a caller who wants a person.

        The caller has waited for the voice that broke. While it takes longer to know, they hear something short that is kept.
        """
        with anyio.move_on_after(RECOVERY_SECONDS) as waiting:
            await self._voice.ready()
        short = self.bridges.choose(self.plan.fillers.lines) if waiting.cancelled_caught else ""
        if short and reply.bridge(short, self._driver, self.mouth, opens=False):
            self.bridges.said(short)
            self._reporter.counts["fillers"] += 1
        if await self._voice.settled():
            return line
        if self._handed_over:
            return self._voice.sayable(line)
        self._handed_over = True
        self._reporter.counts["handed over without a voice"] += 1
        return self._voice.sayable(self.dialogue.propose((act.Human(),), "rules", ""))

    def deaf(self, deaf: bool) -> None:
        """There is no recogniser, or there is one again."""
        if deaf:
            self._reporter.counts["deaf"] += 1
            self._menu = True
            self._driver.feed(ev.Command(self._clock.now(), "say", self.plan.lines.deaf))
        else:
            self._menu = False
            self.dialogue.accept(self.dialogue.mode("voice"))

    def _by_keys(self) -> Proposal:
        """What can be keyed, once it can be said."""
        self._menu = False
        proposal = self.dialogue.mode("keys")
        proposal.items = (Item("", self.plan.lines.deaf), *proposal.items)
        return self._voice.sayable(proposal)

    # -- turns are closed ---------------------------------------------------------------------------------------------------

    def used_up(self) -> None:
        """The caller's words are not listened to any longer."""
        self.account.used_up(self._reply)

    def hold(self, at: Instant) -> None:
        """The caller makes a sound: silence at once, what they have not heard is said when it turns out to be nothing."""
        playout = self.mouth.playout
        if playout.hold(at, clears=self._transport.can_clear):
            self._cleared = True
            self._transport.clear()
            if self._recorder is not None:
                self._recorder.agent_cut(playout.play_position(at))
        self._silent = at + playout.ahead(at)

    def resume(self) -> None:
        """It was nothing."""
        self._silent, self._cleared = None, False
        self.mouth.playout.resume()
        if self._reporter.telemetry is not None:
            self._reporter.telemetry.false_interruption()

    def flush(self, at: Instant) -> None:
        """Silence first: our buffer, then the carrier's; what was heard is read before either forgets."""
        playout = self.mouth.playout
        reply = self._reply
        if not self._cleared:
            self._transport.clear()
        self._cleared = False
        self._sent = playout.clear(at, reply.turn if reply is not None else None)
        if self._recorder is not None:
            self._recorder.agent_cut(playout.play_position(at))
        if reply is not None:
            self.account.heard(reply, self._sent)

    def cancel(self, turn: int, why: fx.Why, at: Instant) -> None:
        """Nothing more comes of the turn."""
        reply, scope = self._reply, self._turn_scope
        if reply is None or reply.turn != turn:
            return
        self._reply = self._turn_scope = None
        if self.voicemail is not None and turn == self._message:
            self.voicemail.said(whole=False)
        if scope is not None:
            self._scope.cancel_turn(scope)
        if not reply.audible:
            self.mouth.playout.clear(at, turn)
        if not reply.real:
            self.answering.speculated(reply, "aborted")
        self.account.barged_in(reply, why, at if self._silent is None else min(at, self._silent))
        if why is fx.Why.STALLED and reply.characters and not reply.finished:
            self._voice.broken(Timeout("tts", "the voice has stopped in a reply"))
        if reply.bridged and not reply.accepted_already and reply.cause == "speech" and why in _STANDS:
            self.account.carry(reply)
        if reply.accepted_already and reply.proposal is not None and reply.proposal.transfer and why is not fx.Why.RESUMED:
            self._broken_off = reply.proposal.transfer
        if reply.audible:
            self.account.cut(reply, self._sent)
        elif reply.accepted_already and reply.proposal is not None:
            self.answering.used(reply)
            if why is fx.Why.RESUMED and not reply.taken:
                self.dialogue.take_back(reply.proposal)
                self.account.taken_back()
            else:
                for item in reply.proposal.items:
                    self.dialogue.spoken(item.id, "", whole=False)
        else:
            self.answering.used(reply)

    def commit(self, turn: int) -> None:
        """The turn was heard to its end."""
        reply = self._reply
        if reply is None or reply.turn != turn:
            return
        self._reply = self._turn_scope = None
        proposal = reply.proposal
        if self.voicemail is not None and turn == self._message:
            self.voicemail.said(whole=True)
        elif self.voicemail is not None and reply.words and reply.cause != "prompt":
            self.voicemail.answered()
        if reply.words:
            self.account.whole(reply)
        else:
            self.answering.used(reply)
        if proposal is None:
            return
        now = self._clock.now()
        if proposal.transfer:
            self._announced = bool(reply.words)
            self._driver.feed(ev.Command(now, "transfer", proposal.transfer))
        elif proposal.end is not None:
            self.dialogue.outcome = proposal.end
            self._driver.feed(ev.Command(now, "end"))
