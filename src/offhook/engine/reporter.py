"""What a call reports: numbered events, usage, and what a browser is shown."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Literal

from offhook.contracts.events import (
    AgentTurn,
    AnyEvent,
    CallEnded,
    CallerTurn,
    CallStarted,
    Ladder,
    MediaQuality,
    RecordingReady,
    Replacement,
    ToolFinished,
    TransferAttempted,
    TransferEnded,
    TransferStarted,
    Usage,
)
from offhook.contracts.plan import CallPlan
from offhook.contracts.transfer import Tried
from offhook.core.time import MS, Instant
from offhook.engine.callclock import CallClock
from offhook.engine.failover.health import Replaced
from offhook.engine.outbox import Sender
from offhook.engine.record import RecordingInfo
from offhook.engine.telemetry.calls import CallTelemetry
from offhook.engine.tools import ToolResult
from offhook.ports.llm import TokenUsage
from offhook.ports.transport import CallStart


class Reporter:
    """Numbers a call's events and hands them to the outbox; keeps the last ones for whoever asks over REST."""

    def __init__(self, plan: CallPlan, clock: CallClock, sender: Sender | None, show: Callable[[dict[str, object]], None]) -> None:
        self._plan = plan
        self._clock = clock
        self._sender = sender
        self._show = show
        self._seq = 0
        self.counts: Counter[str] = Counter()
        self.words = ""
        """What the caller said last."""
        self.ladders: list[Ladder] = []
        self.telemetry: CallTelemetry | None = None
        self._replaced: list[tuple[Instant, Replacement]] = []
        self._hedged_input = 0
        self._hedged_output = 0

    @property
    def told(self) -> int:
        """How many events there have been."""
        return self._seq

    def now(self) -> Instant:
        """On the call's clock."""
        return self._clock.now()

    def traceparent(self) -> str:
        """For requests that the call makes; empty where nobody is told of it."""
        return self.telemetry.traceparent if self.telemetry is not None else ""

    def _common(self) -> dict[str, Any]:
        self._seq += 1
        now = self._clock.now()
        return {
            "id": f"evt_{uuid.uuid4().hex}",
            "call": self._plan.call,
            "ref": self._plan.ref,
            "seq": self._seq,
            "at_ms": now // MS,
            "time": self._clock.wall(now),
        }

    def _send(self, event: AnyEvent) -> None:
        if self._sender is not None:
            self._sender.put(event)

    def started(self, start: CallStart, script: str, version: int) -> None:
        """The media is up."""
        self._send(
            CallStarted(
                **self._common(),
                transport=start.transport,
                did=start.did,
                caller=start.caller,
                carrier_call=start.carrier_call,
                script=script,
                script_version=version,
                trace=self.telemetry.trace_id if self.telemetry is not None else "",
            )
        )

    def hearing(self, text: str, final: bool) -> None:
        """Words so far, for a browser."""
        self._show({"type": "partial", "text": text, "final": final})

    def caller_turn(self, turn: int, text: str, start: Instant, end: Instant, acts: tuple[dict[str, Any], ...]) -> None:
        """The caller's turn is over and has been understood."""
        self.counts["caller_turns"] += 1
        self.words = text
        self._show({"type": "caller", "turn": turn, "text": text})
        self._send(CallerTurn(**self._common(), turn=turn, text=text, start_ms=start // MS, end_ms=end // MS, acts=acts))

    def agent_turn(
        self,
        turn: int,
        text: str,
        heard: str,
        interrupted: bool,
        start: Instant,
        ladder: Ladder,
        by: str = "",
        why: str = "",
        *,
        spoke: Instant | None = None,
        audible: Instant | None = None,
        unheard_ms: int = 0,
        stopped: float | None = None,
    ) -> None:
        """The agent's turn is over.

        ``spoke``: when the caller's last sample had been; ``audible``: when its first sound left; ``stopped``: seconds that it went on
        while the caller broke in.
        """
        self.counts["agent_turns"] += 1
        self.counts["interrupted"] += interrupted
        if ladder.total is not None:
            self.ladders = [*self.ladders[-99:], ladder]
        self._show({"type": "agent", "turn": turn, "text": text, "heard": heard, "interrupted": interrupted})
        common = self._common()
        self._send(
            AgentTurn(
                **common,
                turn=turn,
                text=text,
                heard=heard,
                interrupted=interrupted,
                start_ms=start // MS,
                end_ms=common["at_ms"],
                audible_ms=None if audible is None else audible // MS,
                unheard_ms=unheard_ms,
                ladder=ladder,
                by=by,
                why=why,
                stopped_ms=round(stopped * 1000, 1) if stopped is not None else None,
                replaced=self._replaced_in(spoke, audible),
            )
        )

    def speaking(self, turn: int, text: str, ladder: Ladder) -> None:
        """The agent's first sound has left, for a browser."""
        self._show({"type": "speaking", "turn": turn, "text": text})
        if ladder.total is not None:
            self._show({"type": "ladder", "turn": turn, **ladder.model_dump()})

    def tool(self, result: ToolResult) -> None:
        """A tool has ended."""
        self.counts["tools"] += 1
        if self.telemetry is not None:
            self.telemetry.tool(result.tool, result.key, self._clock.now(), result.took_ms, result.error)
        self._send(
            ToolFinished(
                **self._common(),
                tool=result.tool,
                key=result.key,
                args=dict(result.args),
                values=dict(result.values),
                error=result.error,
                took_ms=round(result.took_ms, 1),
            )
        )

    def transfer_started(self, number: int, target: str) -> None:
        """A person is looked for."""
        self.counts["transfers"] += 1
        self._show({"type": "transfer", "state": "trying", "target": target})
        self._send(TransferStarted(**self._common(), transfer=number, target=target))

    def transfer_attempted(self, number: int, tried: Tried) -> None:
        """It is known how it went with one of them."""
        self._send(TransferAttempted(**self._common(), transfer=number, **tried.model_dump()))

    def transfer_ended(
        self,
        number: int,
        target: str,
        outcome: Literal["taken", "failed", "cancelled", "hangup"],
        seconds: float,
        name: str = "",
        reason: str = "",
    ) -> None:
        """The caller is with somebody, or is not going to be."""
        self.counts[f"transfers {outcome}"] += 1
        self._show({"type": "transfer", "state": outcome, "target": target})
        told = {"transfer": number, "target": target, "outcome": outcome, "name": name, "reason": reason}
        self._send(TransferEnded(**self._common(), **told, seconds=round(seconds, 1)))

    def replaced(self, change: Replaced) -> None:
        """One provider goes on in place of another."""
        now = self._clock.now()
        if self.telemetry is not None:
            self.telemetry.failover(change.kind, change.failed, change.by, change.why, now)
        if change.kind in {"llm", "tts"}:
            took = change.seconds if change.took is None else change.took
            names = {"kind": change.kind, "failed": change.failed, "by": change.by, "why": change.why}
            self._replaced.append((now, Replacement(**names, took_ms=round(took * 1000, 1))))

    def _replaced_in(self, since: Instant | None, until: Instant | None) -> tuple[Replacement, ...]:
        """Those of a reply that was waited for from then to then. Earlier ones are nobody's."""
        if since is None or until is None:
            return ()
        found = tuple(one for at, one in self._replaced if since <= at <= until)
        self._replaced = [(at, one) for at, one in self._replaced if at > until]
        return found

    def hedged(self, usage: TokenUsage) -> None:
        """Tokens of a request that was made beside the one which answered."""
        self._hedged_input += usage.input
        self._hedged_output += usage.output
        if self.telemetry is not None:
            self.telemetry.hedged(usage)

    def recording(self, info: RecordingInfo, handed: Instant | None = None) -> None:
        """The recording is whole; a person had the caller from ``handed`` on."""
        self._send(
            RecordingReady(
                **self._common(),
                path=str(info.path),
                seconds=round(info.seconds, 3),
                sample_rate=info.rate,
                sha256=info.sha256,
                peaks=tuple(tuple(pair) for pair in info.peaks),
                redacted=info.redacted,
                handed_ms=handed // MS if handed is not None else None,
            )
        )

    def leaving(self, reason: str) -> None:
        """The leg is about to be closed, for a browser."""
        self._show({"type": "ended", "reason": reason})

    def ended(
        self,
        reason: str,
        outcome: str,
        slots: Mapping[str, Any],
        path: tuple[str, ...],
        usage: Mapping[str, Any],
        media: MediaQuality | None = None,
    ) -> None:
        """Usage, then the last event."""
        if self.telemetry is not None and media is not None:
            self.telemetry.media(media)
        seconds = round(self._clock.now() / 1e9, 2)
        hedged = {"llm_hedged_input_tokens": self._hedged_input, "llm_hedged_output_tokens": self._hedged_output}
        self._send(Usage(**self._common(), call_seconds=seconds, **hedged, **usage))
        self._send(
            CallEnded(
                **self._common(),
                reason=reason,
                outcome=outcome,
                seconds=seconds,
                slots=dict(slots),
                path=path,
                counters=dict(self.counts),
                media=media,
            )
        )
