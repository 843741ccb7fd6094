"""Events of a call, engine to orchestrator: signed webhooks, at least once, ordered per call by ``seq``, deduplicated by ``id``.

``at_ms`` is milliseconds since the call was answered; ``time`` is wall time, stamped once per event at the edge.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from offhook.contracts.ids import CallId, Ref
from offhook.contracts.plan import Contract
from offhook.contracts.transfer import Outcome


class Event(Contract):
    """What every event carries."""

    id: str
    call: CallId
    ref: Ref = ""
    seq: Annotated[int, Field(ge=1)]
    at_ms: int
    time: datetime


class CallStarted(Event):
    """The media is up and the plan is in force."""

    type: Literal["call.started"] = "call.started"
    transport: str
    did: str = ""
    caller: str = ""
    carrier_call: str = ""
    script: str = ""
    script_version: int = 0
    trace: str = ""
    """The call's trace id (32 hexadecimal digits) where its spans are; empty from an engine that tells none."""


class Ladder(Contract):
    """Where one answer's time went, in milliseconds; None where it did not happen. ``total`` is last speech to first audible sample.

    The seven steps add up to it: endpoint, stt_final, to_llm, first_token, first_clause, tts_first_byte, playout. So do the coarser ones,
    which are all that older events have: endpoint, understand (stt_final + to_llm + first_token), first_clause, tts, playout.
    """

    endpoint: float | None = None
    understand: float | None = None
    stt_final: float | None = None
    to_llm: float | None = None
    first_token: float | None = None
    first_clause: float | None = None
    tts: float | None = None
    tts_first_byte: float | None = None
    playout: float | None = None
    total: float | None = None


class Replacement(Contract):
    """A provider that gave nothing while the caller waited, and who went on in its place. ``kind`` is llm or tts."""

    kind: str
    failed: str
    by: str
    why: str
    """The name of the error's class, or ``late`` or ``stalled``."""
    took_ms: float
    """The successor's own time, from being asked to its first word or sound. What is left of that step went to the one that failed."""


class CallerTurn(Event):
    """The caller had the floor and gave it up."""

    type: Literal["turn.caller"] = "turn.caller"
    turn: int
    text: str
    start_ms: int
    end_ms: int
    acts: tuple[dict[str, Any], ...] = ()


class AgentTurn(Event):
    """The agent spoke. ``heard`` is what had been played when it ended; ``text`` is all that it meant to say.

    ``start_ms`` is when it began to work out what to say, ``audible_ms`` when the first sound of that left.
    """

    type: Literal["turn.agent"] = "turn.agent"
    turn: int
    text: str
    heard: str
    interrupted: bool
    start_ms: int
    end_ms: int
    audible_ms: int | None = None
    """None where nothing was heard, and from an engine that does not tell."""
    unheard_ms: int | None = None
    """So much speech had been made for it and was thrown away when it was cut off; None from an engine that does not tell."""
    ladder: Ladder = Ladder()
    by: str = ""
    """Who worked the answer out: rules, model, plain (a model's words without acts); empty for what is no answer to the caller's words."""
    why: str = ""
    """Why it was them."""
    stopped_ms: float | None = None
    """From the caller's first sound to the agent's last audible one, where it is the caller who broke in."""
    replaced: tuple[Replacement, ...] = ()
    """Of the time before the turn's first sound."""


class ToolFinished(Event):
    """A tool ran in the call; ``error`` is None or a kind: conflict, rejected, timeout, unavailable."""

    type: Literal["tool.finished"] = "tool.finished"
    tool: str
    key: str
    args: dict[str, Any]
    values: dict[str, Any] = {}
    error: str | None = None
    took_ms: float


class TransferStarted(Event):
    """A person is to be found for the caller, who stays with the agent meanwhile. ``transfer`` is its number within the call."""

    type: Literal["transfer.started"] = "transfer.started"
    transfer: int
    target: str


class TransferAttempted(Event):
    """One person was rung, or was not to be; ``seconds`` from the transfer's beginning to this outcome."""

    type: Literal["transfer.attempted"] = "transfer.attempted"
    transfer: int
    name: str
    outcome: Outcome
    seconds: float


class TransferEnded(Event):
    """``taken``: the caller is with ``name``, and nothing after this was recorded. Else they are with the agent, or have gone."""

    type: Literal["transfer.ended"] = "transfer.ended"
    transfer: int
    target: str
    outcome: Literal["taken", "failed", "cancelled", "hangup"]
    name: str = ""
    reason: str = ""
    seconds: float


class RecordingReady(Event):
    """The recording is whole on disk. Channel 0 is the caller, channel 1 the agent.

    ``handed_ms``: the caller was with a person from then on, in the call's milliseconds, and nothing after it is in the recording.
    """

    type: Literal["recording.ready"] = "recording.ready"
    path: str
    seconds: float
    sample_rate: int
    sha256: str
    peaks: tuple[tuple[int, int], ...] = ()
    """Waveform peaks, at most 1,000 pairs (caller, agent), each 0 to 255."""
    redacted: tuple[tuple[int, int], ...] = ()
    """Stretches of it that are silent on both channels because the caller keyed something in secret: begin and end in milliseconds."""
    handed_ms: int | None = None


class Usage(Event):
    """Units used, never money."""

    type: Literal["usage.reported"] = "usage.reported"
    call_seconds: float
    stt_seconds: float = 0.0
    tts_characters: int = 0
    llm_input_tokens: int = 0
    llm_output_tokens: int = 0
    llm_cached_tokens: int = 0
    """Of the input, what came from a vendor's cache."""
    llm_wasted_tokens: int = 0
    """Of all of them, what was used ahead of a decision that came out otherwise."""
    llm_hedged_input_tokens: int = 0
    """Beside all of them: of requests that were made twice, or of another model first, and were not the answer. Estimated where need be."""
    llm_hedged_output_tokens: int = 0
    providers: dict[str, str] = {}


class MediaQuality(Contract):
    """How the caller's media fared, from transports that can tell (SIP, WebRTC). Times are milliseconds."""

    received: int = 0
    lost: int = 0
    late: int = 0
    concealed_ms: int = 0
    jitter_ms: float = 0.0
    rtt_ms: float | None = None
    mos: float | None = None
    """Estimated mean opinion score, 1 to 4.5."""
    codec: str = ""


class CallEnded(Event):
    """The last event of a call."""

    type: Literal["call.ended"] = "call.ended"
    reason: str
    """hangup, finished, transferred, limit, idle, held (longer on hold than anybody waits), failed, refused."""
    outcome: str
    """An outcome code of the script."""
    seconds: float
    slots: dict[str, Any] = {}
    path: tuple[str, ...] = ()
    counters: dict[str, int] = {}
    media: MediaQuality | None = None


AnyEvent = Annotated[
    CallStarted
    | CallerTurn
    | AgentTurn
    | ToolFinished
    | TransferStarted
    | TransferAttempted
    | TransferEnded
    | RecordingReady
    | Usage
    | CallEnded,
    Field(discriminator="type"),
]
event_adapter: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)


class ToolRequest(Contract):
    """The body of the signed POST that runs a tool. ``key`` is also the ``Idempotency-Key`` header."""

    call: CallId
    ref: Ref = ""
    tool: str
    key: str
    args: dict[str, Any]
    secure: tuple[str, ...] = ()
    """Names of arguments that the caller keyed in secret: to be used, never to be kept, shown or logged."""


class ToolAnswer(Contract):
    """What a tool answers with status 200: either ``values`` or an ``error`` kind that the script knows how to handle."""

    values: dict[str, Any] = {}
    error: Literal["conflict", "rejected", "timeout", "unavailable"] | None = None
