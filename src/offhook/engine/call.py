"""One call: its scopes, its parts, and what each effect of the turn core does to them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import ParamSpec

import anyio

from offhook.authoring.rehearse import context_of
from offhook.core.audio.format import AudioFormat, silence
from offhook.core.script.dialogue import Dialogue, Item, Proposal
from offhook.core.script.state import Run
from offhook.core.time import SECOND
from offhook.core.turn import effects as fx
from offhook.core.turn import events as ev
from offhook.core.turn.state import Silent
from offhook.engine.bridge import Bridges
from offhook.engine.callclock import CallClock
from offhook.engine.driver import Driver
from offhook.engine.hear import Hearing
from offhook.engine.prepare import EngineParts, Prepared
from offhook.engine.record import Recorder
from offhook.engine.reply import Cause, Reply
from offhook.engine.reporter import Reporter
from offhook.engine.scopes import CallScope, ScopeReport, TurnScope, call_scope
from offhook.engine.tools import ToolResult, Tools
from offhook.engine.trace import TraceWriter
from offhook.errors import OffhookError, ProviderError, TransferFailed
from offhook.ports.transport import CallTransport, ClientIn, Closed, KeyIn, MarkIn, MediaIn

log = logging.getLogger("offhook.engine")
P = ParamSpec("P")
PROGRESS_TICKS = 10
"""Wheel ticks between reports of what has been played: 200 ms."""
LINGER_SECONDS = 0.3
TOOLS_LINGER = 8.0


class Call:
    """One call from answer to end. ``run`` returns when everything of it has been released."""

    def __init__(self, parts: EngineParts, transport: CallTransport, prepared: Prepared, failures: Counter[str]) -> None:
        plan = prepared.plan
        self.plan = plan
        self.transport = transport
        self.failures = failures
        self.clock = CallClock()
        self.reason = ""
        self.scope_report: ScopeReport | None = None
        self._parts = parts
        self._prepared = prepared
        self._mouth = prepared.mouth
        self._context = context_of(plan, self.clock.answered)
        self.dialogue = Dialogue(prepared.script, self._context, plan.given, tuple((p.title, p.text) for p in plan.knowledge))
        folder = self._folder = parts.state_dir / "calls" / plan.call.replace(":", "_")
        self.trace = TraceWriter(folder / "trace.jsonl", plan.call, plan.turn.model_dump()) if parts.keep_traces else None
        self._recorder = (
            Recorder(folder / "call.flac", transport.format_in, transport.format_out, failed=self._count) if plan.record else None
        )
        sender = parts.outbox.begin(plan.call, str(plan.events_url)) if parts.outbox is not None and plan.events_url else None
        self.reporter = Reporter(plan, self.clock, sender, transport.show)
        self.driver = Driver(self.clock, prepared.policy, self._apply, self.trace)
        self._tools = Tools(parts.http, plan, parts.secret)
        self._tool_count = 0
        self._bridges = Bridges(plan)
        self._progress = 0
        self._untold = set(plan.record_after)
        self._reply: Reply | None = None
        self._turn_scope: TurnScope | None = None
        self._unreported: Reply | None = None
        self._ticks = 0
        self._tick = self._guarded(self._beat)
        self._sent = 0
        self._scope: CallScope
        self._hearing: Hearing

    # -- life -----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Answer, talk, close, release."""
        start = self.transport.start
        desk = self._parts.handover if self._recorder is not None or self.trace is not None else None
        held = await desk.begin(self._folder, self.plan.call, self.plan.ref) if desk is not None else None
        self.reporter.started(start, self._prepared.script.id, self._prepared.script.version)
        try:
            async with call_scope() as scope:
                self._scope = scope
                self.scope_report = scope.report
                self._hearing = Hearing(
                    self._prepared.ears,
                    self.driver,
                    scope,
                    self.transport.format_in,
                    self._context,
                    self.dialogue.expecting,
                    self._count,
                    self.reporter.hearing,
                    self._guarded,
                )
                scope.start(self._receive, "transport events")
                scope.start(self._hearing.run, "hearing")
                scope.start(self.driver.run, "deadlines")
                if self._recorder is not None:
                    scope.start(self._recorder.run, "recorder")
                if self.trace is not None:
                    scope.start(self._write_trace, "trace")
                self._parts.wheel.add(self._tick)
                try:
                    self.driver.feed(ev.Answered(self.clock.now()))
                    await self.driver.ended.wait()
                    await self._say_goodbye()
                    await self._tools.settled(TOOLS_LINGER)
                finally:
                    self._parts.wheel.remove(self._tick)
                    scope.cancel()
        finally:
            with anyio.CancelScope(shield=True), anyio.move_on_after(10):
                await self._release()
            if desk is not None and held is not None:
                desk.finish(held)

    def stop(self) -> None:
        """End at once, whoever is speaking."""
        if not self.driver.ended.is_set():
            self.driver.feed(ev.Hangup(self.clock.now()))
            self.reason = "stopped"

    async def _say_goodbye(self) -> None:
        """Let the last frames at the carrier be played, then close the leg."""
        if self.reason not in {"hangup", "transferred"}:
            await anyio.sleep(LINGER_SECONDS)
        with anyio.move_on_after(2):
            await self.transport.end()

    async def _release(self) -> None:
        await self._hearing.aclose()
        await self._mouth.voice.aclose()
        await self.transport.end()
        self.dialogue.hung_up()
        self._report_caller()
        if self._recorder is not None:
            info = await self._recorder.close()
            if info is not None:
                self.reporter.recording(info)
        if self.trace is not None:
            await self.trace.write()
        dialogue = self.dialogue
        usage = {
            "stt_seconds": round(self.clock.now() / SECOND, 2),
            "tts_characters": self._mouth.characters,
            "providers": {"stt": self.plan.models.stt[0], "tts": self.plan.models.tts[0]},
        }
        self.reporter.counts.update({f"ignored {reason}": count for reason, count in self.driver.ignored.items()})
        self.reporter.counts.update(self.failures)
        self.reporter.ended(self.reason or "hangup", dialogue.outcome, dialogue.slots(), dialogue.path(), usage)

    async def _write_trace(self) -> None:
        while self.trace is not None:
            await anyio.sleep(1.0)
            if self.trace.due:
                await self.trace.write()

    def _guarded(self, work: Callable[P, None]) -> Callable[P, None]:
        """Run a call's code where a task of the process would: a fault in it ends this call and touches no other."""

        def run(*args: P.args, **kwargs: P.kwargs) -> None:
            if self.driver.ended.is_set():
                return
            try:
                work(*args, **kwargs)
            except Exception as error:
                self.failures[f"crash {type(error).__name__}"] += 1
                log.error("a call's code failed: %s", type(error).__name__, exc_info=True)
                self.reason = "failed"
                self.driver.ended.set()

        return run

    def _count(self, error: OffhookError) -> None:
        name = f"{error.provider} " if isinstance(error, ProviderError) else ""
        self.failures[f"{name}{type(error).__name__}"] += 1

    # -- in: the transport, the wheel --------------------------------------------------------------------------------

    async def _receive(self) -> None:
        async for event in self.transport:
            match event:
                case MediaIn():
                    if self._recorder is not None:
                        self._recorder.caller(event.start, self._recorded(event.data, self.transport.format_in))
                    self._hearing.media(event)
                case MarkIn():
                    self._mouth.playout.on_mark(event.name, self.clock.now())
                case KeyIn():
                    self.driver.feed(ev.Dtmf(self.clock.now(), event.digit))
                case ClientIn():
                    self.reporter.counts["client_messages"] += 1
                case Closed():
                    if event.lost:
                        self.reporter.counts["media_lost"] += 1
                    self.driver.feed(ev.Hangup(self.clock.now()))
                    return

    def _beat(self) -> None:
        """Once every 20 ms, from the wheel: send what is due, report what was played."""
        now = self.clock.now()
        playout = self._mouth.playout
        data = playout.tick(now)
        if data:
            self.transport.send(data)
            if self._recorder is not None:
                self._recorder.agent(playout.play_position(now), self._recorded(data, self.transport.format_out))
            mark = playout.mark_due()
            if mark is not None:
                self.transport.mark(mark)
            if self._reply is not None and self._reply.instants.first_sent is None:
                self._left(self._reply, now)
        self._ticks += 1
        reply = self._reply
        if reply is None or not reply.audible:
            return
        if playout.drained(reply.turn, now):
            self.driver.feed(ev.Drained(now, reply.turn))
        elif self._ticks % PROGRESS_TICKS == 0:
            turn, sample = playout.played(now)
            if turn == reply.turn and sample > self._progress:
                # Only what is new is progress: a voice that hangs in the middle is a stall.
                self._progress = sample
                self.driver.feed(ev.Played(now, turn, sample))

    def _left(self, reply: Reply, now: int) -> None:
        """Something has left of the turn: what bridges a silence, or its answer."""
        turn, count = self._mouth.playout.sent
        if turn != reply.turn:
            return
        if count > reply.answer_from:
            reply.instants.first_sent = now
            self.reporter.speaking(reply.turn, reply.words, reply.instants.ladder())
        elif reply.instants.bridged is None:
            reply.instants.bridged = now

    # -- out: the effects of the turn core ---------------------------------------------------------------------------

    def _apply(self, effect: fx.Effect, event: ev.Event) -> None:
        match effect:
            case fx.OpenTurn():
                self._open(effect.turn, effect.cause, effect.text, speculative=effect.speculative)
            case fx.PromoteTurn():
                self._promote(effect.turn)
            case fx.Prompt():
                self._prompt(effect)
            case fx.HoldPlayout():
                self._mouth.playout.hold()
            case fx.ResumePlayout():
                self._mouth.playout.resume(event.at)
            case fx.Flush():
                self._flush(event.at)
            case fx.CancelTurn():
                self._cancel(effect.turn, effect.why, event.at)
            case fx.CommitTurn():
                self._commit(effect.turn)
            case fx.Listen():
                self._report_caller()
                self._hearing.listen()
            case fx.Transfer():
                self._scope.start(lambda: self._transfer(effect.target), "transfer")
            case fx.End():
                self.reason = effect.reason
            case fx.Ignored():
                pass

    def _open(self, turn: int, cause: Cause, text: str, *, speculative: bool) -> None:
        def work_out() -> Proposal:
            match cause:
                case "keys":
                    return self.dialogue.keys(text)
                case "transfer":
                    return self.dialogue.transferred(ok=False)
                case _:
                    return self.dialogue.answer(text)

        self._start(Reply(turn, cause, text, lambda: self._something(work_out()), self._accept, real=not speculative))

    def _something(self, proposal: Proposal) -> Proposal:
        """A script that has nothing to say, to run or to end would leave the caller in silence."""
        if proposal.empty and not self._tools.running:
            self.reporter.counts["mute_replies"] += 1
            proposal.items = (Item("", self.plan.lines.fallback),)
        return proposal

    def _prompt(self, effect: fx.Prompt) -> None:
        lines = self.plan.lines

        def fixed(text: str) -> Proposal:
            return Proposal(self.dialogue.state, self.dialogue.state, items=(Item("", text),))

        def work_out() -> Proposal:
            match effect.line:
                case fx.Line.GREETING:
                    return self._something(self.dialogue.begin())
                case fx.Line.STILL_THERE:
                    asked = self.dialogue.silence()
                    return asked if asked.items else fixed(lines.still_there)
                case fx.Line.SAY:
                    return fixed(effect.text)
                case _:
                    return fixed(str(getattr(lines, effect.line.value)))

        self._start(Reply(effect.turn, "prompt", "", work_out, self._accept, real=True))

    def _start(self, reply: Reply) -> None:
        reply.begun = self.clock.now()
        if reply.cause == "speech":
            reply.instants.speech_end = self._hearing.stats.speech_end
        if reply.real:
            reply.instants.decided = reply.begun
        else:
            self._mouth.playout.mute(reply.turn)
        self._reply = reply
        self._progress = 0
        phrases = self._parts.phrases

        async def work() -> None:
            with phrases.speaking() if phrases is not None else nullcontext():
                await reply.run(self.driver, self._mouth, self._broken)

        self._turn_scope = self._scope.start_turn(work, f"turn {reply.turn}")
        if reply.real:
            self._decided(reply)

    def _decided(self, reply: Reply) -> None:
        """The caller's turn is over: from now on it is their silence."""
        if reply.cause in {"speech", "keys"}:
            self._bridges.new_turn(reply.text)
            if self._bridges.wanted:
                self._scope.start(partial(self._bridge, reply), "bridge")

    async def _bridge(self, reply: Reply) -> None:
        """Say something short where the answer is late: at once where the agent opens so, else when the silence would be long."""
        bridges = self._bridges
        for seconds, lines in bridges.steps():
            await anyio.sleep(seconds)
            if self._reply is not reply or not isinstance(self.driver.state.user, Silent):
                return
            line = bridges.choose(lines)
            if line and reply.bridge(line, self.driver, self._mouth):
                bridges.said(line)
                self.reporter.counts["bridged"] += 1
                return

    def _broken(self, error: ProviderError) -> None:
        self._count(error)
        self._scope.start(self._new_voice, "new voice")

    async def _new_voice(self) -> None:
        """A voice that broke is thrown away, never reused."""
        broken = self._mouth.voice
        try:
            self._mouth.voice = await self._prepared.open_voice()
        except ProviderError as error:
            self._count(error)
        else:
            await broken.aclose()

    def _promote(self, turn: int) -> None:
        reply = self._reply
        if reply is not None and reply.turn == turn:
            reply.instants.decided = self.clock.now()
            reply.instants.speech_end = self._hearing.stats.speech_end
            self._mouth.playout.unmute(turn)
            reply.promote()
            self._decided(reply)

    def _accept(self, reply: Reply) -> None:
        """A real turn's proposal becomes the call's state, and its work begins."""
        proposal = reply.proposal
        if proposal is None:
            return
        self.dialogue.accept(proposal)
        if reply.cause in {"speech", "keys"} and reply.text:
            self._unreported = reply
        if proposal.writes:
            reply.taken = True
            self.driver.feed(ev.Taken(self.clock.now(), reply.turn))
        self._launch(proposal.runs)

    def _launch(self, runs: tuple[Run, ...]) -> None:
        for run in runs:
            self._tool_count += 1
            number = self._tool_count
            self.driver.feed(ev.ToolStarted(self.clock.now(), number))
            self._scope.start(partial(self._tool, run, number), f"tool {run.tool}")

    def _report_caller(self) -> None:
        """The caller's words are used up for good: only now are they a turn of their own."""
        reply, self._unreported = self._unreported, None
        if reply is not None and reply.proposal is not None:
            stats = self._hearing.stats
            now = self.clock.now()
            begin, end = stats.speech_begin, reply.instants.speech_end
            self.reporter.caller_turn(reply.turn, reply.text, begin if begin is not None else now, end or now, reply.proposal.acts)

    async def _tool(self, run: Run, number: int) -> None:
        def done(result: ToolResult) -> None:
            self.reporter.tool(result)
            self.dialogue.tool_done(result.key, result.values, result.error)
            self.driver.feed(ev.ToolDone(self.clock.now(), number))

        finished = anyio.Event()

        async def filler() -> None:
            with anyio.move_on_after(self._bridges.tool_after):
                await finished.wait()
            quiet = self._reply is None and isinstance(self.driver.state.user, Silent)
            line = self._bridges.choose((run.filler, *self.plan.fillers.lines)) if run.filler else ""
            if line and quiet and not finished.is_set():
                self._bridges.said(line)
                self.driver.feed(ev.Command(self.clock.now(), "say", line))

        self._scope.start(filler, "filler")
        try:
            await self._tools.run(run.tool, run.args, run.key, run.timeout_ms, done)
        finally:
            finished.set()

    def _flush(self, at: int) -> None:
        """Silence first: our buffer, then the carrier's; what was heard is read before either forgets."""
        playout = self._mouth.playout
        reply = self._reply
        self.transport.clear()
        self._sent = playout.clear(at, reply.turn if reply is not None else None)
        if self._recorder is not None:
            self._recorder.agent_cut(playout.play_position(at))
        if reply is not None:
            self._told(reply, self._sent)

    def _recorded(self, data: bytes, format: AudioFormat) -> bytes:
        """What the recording gets: silence, until the caller has heard that there is one."""
        return silence(format, format.samples_in(len(data))) if self._untold else data

    def _told(self, reply: Reply, sample: int) -> str:
        """Tell the script what was heard of a reply; returns the heard text."""
        for item, heard, whole in reply.ledger.items(sample):
            self._launch(self.dialogue.spoken(item, heard, whole))
        self._untold -= {name for name in self._untold if self.dialogue.heard(name)}
        return reply.ledger.heard(sample)

    def _cancel(self, turn: int, why: fx.Why, at: int) -> None:
        reply, scope = self._reply, self._turn_scope
        if reply is None or reply.turn != turn:
            return
        self._reply = self._turn_scope = None
        if scope is not None:
            self._scope.cancel_turn(scope)
        heard_any = reply.audible
        if not heard_any:
            self._mouth.playout.clear(at, turn)
        if reply.accepted_already and reply.proposal is not None:
            if heard_any:
                heard = reply.ledger.heard(self._sent)
                self.reporter.agent_turn(turn, reply.words, heard, True, reply.begun, reply.instants.ladder())
            elif why is fx.Why.RESUMED and not reply.taken:
                self.dialogue.take_back(reply.proposal)
                self._unreported = None
            else:
                for item in reply.proposal.items:
                    self.dialogue.spoken(item.id, "", whole=False)

    def _commit(self, turn: int) -> None:
        reply = self._reply
        if reply is None or reply.turn != turn:
            return
        self._reply = self._turn_scope = None
        proposal = reply.proposal
        if proposal is None:
            return
        if reply.words:
            self._told(reply, reply.ledger.samples)
            self.reporter.agent_turn(turn, reply.words, reply.words, False, reply.begun, reply.instants.ladder())
        now = self.clock.now()
        if proposal.transfer:
            self.driver.feed(ev.Command(now, "transfer", proposal.transfer))
        elif proposal.end is not None:
            self.dialogue.outcome = proposal.end
            self.driver.feed(ev.Command(now, "end"))

    async def _transfer(self, target: str) -> None:
        address = self.plan.transfer_to.get(target, "")
        try:
            if not address:
                raise TransferFailed(f"the plan's transfer_to has no {target!r}")
            await self.transport.transfer(address)
        except TransferFailed as error:
            self._count(error)
            self.driver.feed(ev.Transferred(self.clock.now(), ok=False))
            return
        self.driver.feed(ev.Transferred(self.clock.now(), ok=True))
