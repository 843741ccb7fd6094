"""One call: its scopes, its parts, and what each effect of the turn core does to them."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import ParamSpec

import anyio

from offhook.authoring.rehearse import context_of
from offhook.contracts.control import Glimpse
from offhook.contracts.transfer import Brief
from offhook.core.audio.format import AudioFormat, silence
from offhook.core.script.dialogue import Dialogue
from offhook.core.script.state import Run
from offhook.core.time import MS, SECOND, Instant
from offhook.core.turn import effects as fx
from offhook.core.turn import events as ev
from offhook.core.turn.state import Phase
from offhook.engine.callclock import CallClock
from offhook.engine.driver import Driver
from offhook.engine.hear import Hearing
from offhook.engine.keypad import Keypad
from offhook.engine.pacing import Pacing
from offhook.engine.people import People
from offhook.engine.prepare import EngineParts, Prepared
from offhook.engine.putting import Putting
from offhook.engine.quality import quality
from offhook.engine.record import Recorder
from offhook.engine.reporter import Reporter
from offhook.engine.scopes import CallScope, ScopeReport, call_scope
from offhook.engine.talk import Talk
from offhook.engine.together import Together
from offhook.engine.tools import ToolResult, Tools
from offhook.engine.trace import TraceWriter
from offhook.engine.voicemail import Voicemail
from offhook.errors import OffhookError, TransferFailed
from offhook.ports.transport import CallTransport, ClientIn, Closed, HoldIn, KeyIn, MarkIn, MediaIn, TransportEvent

log = logging.getLogger("offhook.engine")
P = ParamSpec("P")
LINGER_SECONDS = 0.3
TOOLS_LINGER = 8.0
APART_S = 4.0
"""How long it is tried to say that a talk with a person is over."""


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
        policy = {**plan.turn.model_dump(), "vendor_ends": prepared.policy.vendor_ends}
        self.trace = TraceWriter(folder / "trace.jsonl", plan.call, policy) if parts.keep_traces else None
        self._recorder = (
            Recorder(folder / "call.flac", transport.format_in, transport.format_out, failed=self._count) if plan.record else None
        )
        sender = parts.outbox.begin(plan.call, str(plan.events_url)) if parts.outbox is not None and plan.events_url else None
        self.reporter = prepared.mishaps.reporter = Reporter(plan, self.clock, sender, transport.show)
        self.driver = Driver(self.clock, prepared.policy, self._apply, self.trace)
        self.pacing = Pacing(prepared.mouth.playout, transport.message_ms * MS)
        self.keypad = Keypad(self.dialogue, self.driver)
        self._tools = Tools(parts.http, plan, parts.secret, self.reporter.traceparent)
        self._tool_count = 0
        self._putting: Putting | None = None
        self._people: People | None = None
        self._until: Instant | None = None
        """When the agent had the caller no longer."""
        self._listening = anyio.CancelScope()
        self._held: float | None = None
        """Since when the other side is on hold, by the loop's time."""
        self._put = 0
        """How often the caller was to be put through."""
        self._taken = False
        """Somebody has the caller."""
        self._handed: Instant | None = None
        """When they had them: nothing after that is recorded."""
        self._tick = self._mouth.kick = self._guarded(self._beat)
        self._talk = Talk(
            parts,
            prepared,
            self.dialogue,
            self.clock,
            self.driver,
            transport,
            self.reporter,
            self._recorder,
            self.keypad,
            self._launch,
            lambda: self._tools.running,
            self._count,
        )
        self.voicemail = self._talk.voicemail = (
            Voicemail(plan.machine, transport.format_in, self.driver, self.reporter, self._amounts_to) if plan.machine is not None else None
        )
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
                    self._heard,
                    self._guarded,
                    self._talk.deaf,
                    self._talk.answering.early,
                )
                self._talk.begin(scope, self._hearing, self.trace)
                self._people = People(self._parts, self._prepared, self.transport, scope, self._talk.voices, self._still_there, self._count)
                scope.start(partial(self.transport.read, self._event), "transport events")
                scope.start(self._hear, "hearing")
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
                    await self._hear_out()
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
        elif self._together is not None:
            self._together.end()

    @property
    def phase(self) -> Phase:
        """Where the call is; a caller who talks to a person through this engine is not gone."""
        if self._together is not None and not self._together.over.is_set():
            return Phase.TRANSFERRING
        return self.driver.state.phase

    def glimpse(self) -> Glimpse:
        """The call as it is at this moment, beyond what its events tell."""
        return Glimpse(
            events=self.reporter.told,
            phase=self.phase.value,
            hearing=self._hearing.text if self.scope_report is not None else "",  # else it has not begun
            path=self.dialogue.path(),
            values=self.dialogue.slots(),
            **self._talk.glimpse(),
        )

    async def _say_goodbye(self) -> None:
        """Let the last frames at the carrier be played, then close the leg; or let the caller talk to whoever has taken their call."""
        if self._together is not None and self._putting is not None:
            await self._talking(self._together, self._putting)
        elif self.reason not in {"hangup", "transferred"}:
            await anyio.sleep(LINGER_SECONDS)
        with anyio.move_on_after(2):
            await self._leave()

    async def _hear(self) -> None:
        with self._listening:
            await self._hearing.run()

    async def _talking(self, together: Together, putting: Putting) -> None:
        """Until one of the two hangs up, or the call has lasted as long as it may. Nothing of it is heard here or recorded."""
        self.driver.wait(False)
        self._until = self.clock.now()
        left = self.plan.turn.max_call_ms / 1000 - self._until / SECOND
        self._scope.start(partial(putting.tell, "together"), "together")
        self._listening.cancel()
        await self._hearing.aclose()
        await self._mouth.voice.aclose()
        with anyio.move_on_after(max(0.0, left)):
            await together.over.wait()
        together.end()

    async def _hear_out(self) -> None:
        """Know what a caller who is gone said last; it is no time of the call's. After any other end a carrier waits to know of it."""
        if self.reason != "hangup" or self._together is not None:
            return  # or they said it to somebody else
        self.clock.stop()
        await self._hearing.hear_out()
        self.clock.go()

    async def _leave(self) -> None:
        """Tell a browser why the call ends, while it can be told, and close the leg."""
        self.reporter.leaving(self.reason or "failed")
        await self.transport.end()

    async def _release(self) -> None:
        if self._putting is not None and await self._putting.settle():
            self._taken = True
        if self._people is not None:
            self._people.let_go()
        if self._together is not None:
            self._together.end()
            self.reporter.counts.update(self._together.counts)
            self.reason = "held" if self._together.held_out else self.reason
            if self._putting is not None:
                with anyio.move_on_after(APART_S):
                    await self._putting.tell("apart")
        if self._taken and self.reason == "hangup":
            self.reason = "transferred"  # their leg has left the media because somebody has it
        await self._hearing.aclose()
        await self._mouth.voice.aclose()
        await self._prepared.held.aclose()
        await self._leave()
        self._talk.account.parting()
        self.dialogue.hung_up()
        self.dialogue.vault.clear()
        if self._recorder is not None:
            info = await self._recorder.close()
            if info is not None:
                self.reporter.recording(info, self._handed)
        if self.trace is not None:
            await self.trace.write()
        dialogue, answering = self.dialogue, self._talk.answering
        model = {"llm": answering.name} if answering.name else {}
        meter = self._talk.voices
        meter.add(self._hearing.session)
        meter.add(self._mouth.voice)
        self.reporter.counts.update(meter.oddities)
        usage = {
            "stt_seconds": round(meter.seconds if meter.seconds is not None else (self._until or self.clock.now()) / SECOND, 2),
            "tts_characters": meter.characters if meter.characters is not None else self._mouth.characters,
            "llm_input_tokens": answering.input_tokens,
            "llm_output_tokens": answering.output_tokens,
            "llm_cached_tokens": answering.cached_tokens,
            "llm_wasted_tokens": answering.wasted_tokens,
            "providers": {"stt": self.plan.models.stt[0], "tts": self.plan.models.tts[0], **model},
        }
        self.reporter.counts.update({f"ignored {reason}": count for reason, count in self.driver.ignored.items()})
        self.reporter.counts.update(self.failures)
        concealed = self._hearing.concealed_ms
        self.reporter.counts.update({"concealed_ms": concealed} if concealed else {})
        media = quality(self.transport.stats(), concealed)
        self.reporter.ended(self.reason or "hangup", dialogue.outcome, dialogue.slots(), dialogue.path(), usage, media)

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

    def _heard(self, text: str, final: bool) -> None:
        self.reporter.hearing(text, final)
        if self.voicemail is not None:
            self.voicemail.words(text)

    def _amounts_to(self, outcome: str) -> None:
        """What came of a call that the script has no say in."""
        self.dialogue.outcome = outcome

    def _count(self, error: OffhookError) -> None:
        self._prepared.mishaps.failed(error)

    # -- in: the transport, the wheel --------------------------------------------------------------------------------

    @property
    def _together(self) -> Together | None:
        """The caller's talk with a person, once they have one through this engine."""
        return self._people.together if self._people is not None else None

    def _still_there(self) -> bool:
        return not self.driver.ended.is_set()

    def _event(self, event: TransportEvent) -> None:
        if self._together is not None:
            self._together.heard(True, event)
            return
        match event:
            case MediaIn():
                hidden = self.keypad.hides
                if self._recorder is not None and self._handed is None:
                    self._recorder.redact(hidden=hidden)
                    self._recorder.caller(event.start, self._recorded(event.data, self.transport.format_in))
                if self.voicemail is not None:
                    self.voicemail.media(event.data)
                self._hearing.media(MediaIn(self._blank(event.data), event.start) if hidden else event)
            case MarkIn():
                self._mouth.playout.on_mark(event.name, self.clock.now())
            case KeyIn():
                self.keypad.pressed(event.digit)
            case HoldIn():
                self.reporter.counts["held"] += event.on and not self.clock.stopped
                self.driver.wait(event.on)
                self._held = anyio.current_time() if event.on else None
            case ClientIn():
                self.reporter.counts["client_messages"] += 1
            case Closed():
                if event.lost:
                    self.reporter.counts["media_lost"] += 1
                self.driver.feed(ev.Hangup(self.clock.now()))

    def _beat(self) -> None:
        """Once every 20 ms, from the wheel: send what is due, report what was played."""
        if self._together is not None:
            return
        if self._held is not None and anyio.current_time() - self._held > self._parts.hold_s:
            self.driver.feed(ev.Hangup(self.clock.now()))
            self.reason = "held"
            return
        now = self.clock.now()
        playout = self._mouth.playout
        data = self.pacing.due(now)
        if data:
            self.transport.send(data)
            if self._recorder is not None and self._handed is None:
                self._recorder.agent(playout.play_position(now), self._recorded(data, self.transport.format_out))
            mark = playout.mark_due()
            if mark is not None:
                self.transport.mark(mark)
            self._talk.left(now)
        self._talk.beat(now)
        if self._putting is not None and self.driver.state.phase is not Phase.TRANSFERRING:
            self._putting.give_up()  # its time is over, or the call's: nobody is to be rung for it any longer
        self.keypad.beat()
        if self.voicemail is not None:
            self.voicemail.beat(now, self._hearing)

    # -- out: the effects of the turn core ---------------------------------------------------------------------------

    def _apply(self, effect: fx.Effect, event: ev.Event) -> None:
        match effect:
            case fx.OpenTurn():
                self._talk.open(effect.turn, effect.cause, effect.text, speculative=effect.speculative)
            case fx.PromoteTurn():
                self._talk.promote(effect.turn)
            case fx.Prompt():
                self._talk.prompt(effect)
            case fx.HoldPlayout():
                self._talk.hold(event.at)
            case fx.ResumePlayout():
                self._talk.resume()
            case fx.Flush():
                self._talk.flush(event.at)
            case fx.CancelTurn():
                self._talk.cancel(effect.turn, effect.why, event.at)
            case fx.CommitTurn():
                self._talk.commit(effect.turn)
            case fx.Listen():
                self._talk.used_up()
                self._hearing.listen()
            case fx.Transfer():
                self._begin_transfer(effect.target)
            case fx.End():
                self.reason = effect.reason
            case fx.Ignored():
                pass

    def _launch(self, runs: tuple[Run, ...]) -> None:
        for run in runs:
            self._tool_count += 1
            number = self._tool_count
            self.driver.feed(ev.ToolStarted(self.clock.now(), number))
            self._scope.start(partial(self._tool, run, number), f"tool {run.tool}")

    async def _tool(self, run: Run, number: int) -> None:
        def done(result: ToolResult) -> None:
            if result.error not in {"timeout", "unavailable"}:
                self.dialogue.vault.had(run.tool, run.sealed)
            self.reporter.tool(replace(result, args=run.args))
            self.dialogue.tool_done(result.key, result.values, result.error)
            self.driver.feed(ev.ToolDone(self.clock.now(), number))

        finished = anyio.Event()

        async def filler() -> None:
            with anyio.move_on_after(self._talk.bridges.tool_after):
                await finished.wait()
            if not finished.is_set():
                self._talk.filler(run.filler)

        self._scope.start(filler, "filler")
        try:
            args = self.dialogue.vault.reveal(run.args, run.sealed) if run.sealed else run.args
            await self._tools.run(run.tool, args, run.key, run.timeout_ms, done, secure=tuple(run.sealed))
        finally:
            finished.set()

    def _blank(self, data: bytes) -> bytes:
        """So much silence in place of the caller's audio."""
        return silence(self.transport.format_in, self.transport.format_in.samples_in(len(data)))

    def _recorded(self, data: bytes, format: AudioFormat) -> bytes:
        """What the recording gets: silence, until the caller has heard that there is one."""
        return silence(format, format.samples_in(len(data))) if self._talk.account.untold else data

    def _begin_transfer(self, target: str) -> None:
        self._put += 1
        brief = Brief(
            name=str(self.plan.given.get("caller_name") or "")[:200], words=self.reporter.words[:1_000], values=self.dialogue.slots()
        )
        by_transport, parts = self.transport.transfer, self._parts
        putting = Putting(self.plan, parts.http, parts.secret, self.reporter, by_transport, target, self._put, brief, self._people)
        self._putting = self._talk.putting = putting
        self._scope.start(partial(self._transfer, putting), "transfer")
        self._scope.start(partial(self._talk.company, putting), "company")

    async def _transfer(self, putting: Putting) -> None:
        try:
            await putting.run()
        except TransferFailed as error:
            self._count(error)
            self.driver.feed(ev.Transferred(self.clock.now(), ok=False))
            return
        self._taken, self._handed = True, self.clock.now()
        if self._together is not None and self._held is not None:
            self._together.heard(True, HoldIn(on=True))
        self.driver.feed(ev.Transferred(self.clock.now(), ok=True))
