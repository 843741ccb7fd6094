"""Calls as others see them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from offhook.contracts.analysis import CallResult
from offhook.contracts.events import MediaQuality
from offhook.orchestrator.bookings.schemas import Appointment
from offhook.orchestrator.calls.words import asked
from offhook.orchestrator.crm.schemas import Lead, Message
from offhook.orchestrator.recordings.schemas import RecordingView, VoiceMessage

State = Literal["planned", "live", "ended"]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Value = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500, pattern=r"^[^\x00]*$")]
SLOW_MS: Final = 700
"""An answer that was waited for longer is slow. The index of slow calls has it too."""
Text = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class Call(BaseModel):
    """A call's record. ``at`` is when it started, else when it was planned; lists go by it.

    ``slowest_ms`` is the longest that an answer was waited for; known when the call is over. ``recorded``: there is a recording.
    ``kept``: its words and its recording have not outlived what its agent says of keeping them.
    ``flag``: why somebody of the team has marked it, empty if nobody has; ``flagged_by`` is their id.
    ``trace_id``: under which its spans are, at whatever collector its engine has; empty until it has started.
    """

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    agent_id: str
    agent_version: int | None
    transport: str
    carrier_call: str
    did: str
    caller: str
    state: State
    test: bool
    at: datetime
    planned_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    reason: str | None
    outcome: str | None
    seconds: float | None
    slowest_ms: float | None
    summary: str
    recorded: bool
    kept: bool
    flag: str
    flagged_by: str
    flagged_at: datetime | None
    trace_id: str


class CallRecord(Call):
    """A call as other domains of ours see it."""

    engine_url: str
    last_seq: int | None
    shares: int
    """How often the links to it were called in: links of before are good no longer."""


class CallFilter(BaseModel):
    """Which calls: all that is given must fit. ``since`` is in the time, ``until`` is not. ``words`` are all in it.

    ``longer`` than so many seconds, or as long; ``shorter`` than so many.
    """

    model_config = ConfigDict(frozen=True)

    state: State | None = None
    outcome: str | None = None
    agent: str | None = None
    number: str | None = None
    caller: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    test: bool | None = None
    slow: bool | None = None
    longer: float | None = None
    shorter: float | None = None
    words: tuple[str, ...] = ()


class CallQuery(BaseModel):
    """What a list of calls may be asked for; all that is given must fit."""

    model_config = ConfigDict(frozen=True)

    state: State | None = None
    outcome: Text | None = None
    agent: Text | None = None
    number: Annotated[Text | None, Field(description="The number that was rung, as +442079460000.")] = None
    caller: Annotated[Text | None, Field(description="Who rang, as +447700900123.")] = None
    since: Annotated[AwareDatetime | None, Field(description="Started (or planned) then or later.")] = None
    until: Annotated[AwareDatetime | None, Field(description="Started (or planned) before then.")] = None
    test: Annotated[bool, Field(description="Test calls, which are in no list otherwise.")] = False
    slow: Annotated[bool | None, Field(description=f"true: only those in which an answer was waited for longer than {SLOW_MS} ms.")] = None
    longer: Annotated[int | None, Field(ge=0, le=86_400, description="So many seconds long, or longer.")] = None
    shorter: Annotated[int | None, Field(ge=1, le=86_400, description="Shorter than so many seconds.")] = None
    q: Annotated[
        Text | None, Field(description="Whole words of the summary, or the last digits of the caller's number; all must be there.")
    ] = None

    def filter(self) -> CallFilter:
        """As calls are looked for."""
        return CallFilter(**self.model_dump(exclude={"q"}), words=tuple(asked(self.q) or ("",)) if self.q else ())


class CallDetail(BaseModel):
    """A call with all that came of it. Turns and tools are the engine's events, in order; ``missing`` counts those that never came."""

    model_config = ConfigDict(frozen=True)

    call: Call
    turns: list[dict[str, Any]]
    tools: list[dict[str, Any]]
    transfers: list[dict[str, Any]] = []
    """The engine's events about putting the caller through, in order."""
    recording: RecordingView | None
    voice_message: VoiceMessage | None = None
    """What the caller left after a tone, where the call could not go on."""
    usage: dict[str, Any] | None
    ended: dict[str, Any] | None
    media: MediaQuality | None = None
    """How the caller's line was; of transports that can tell, once the call is over."""
    redacted: list[tuple[int, int]] = []
    """Stretches of the recording, in milliseconds, that are silent because the caller keyed something in secret."""
    result: CallResult | None
    missing: int
    appointments: list[Appointment]
    lead: Lead | None
    messages: list[Message]


class Rhythm(BaseModel):
    """When each side spoke in a call, in milliseconds of it; none of what was said.

    ``cuts`` are where the caller took the floor from the agent. ``slowest_ms`` is the longest that an answer was waited for.
    """

    model_config = ConfigDict(frozen=True)

    caller: tuple[tuple[int, int], ...] = ()
    agent: tuple[tuple[int, int], ...] = ()
    cuts: tuple[int, ...] = ()
    slowest_ms: float | None = None

    @property
    def end_ms(self) -> int:
        """When the last turn was over."""
        return max((end for _, end in (*self.caller, *self.agent)), default=0)


class Mark(BaseModel):
    """A call on the line of a day."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    at: datetime
    seconds: float | None
    state: State
    reason: str | None
    outcome: str | None


class Ending(BaseModel):
    """A way in which calls ended, and how many did."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    state: State
    reason: str | None
    outcome: str | None
    count: int


class Speed(BaseModel):
    """How long replies were waited for: half of them no longer than ``typical_ms``. ``calls`` is what was typical in each."""

    model_config = ConfigDict(frozen=True)

    typical_ms: float
    nine_in_ten_ms: float
    calls: dict[str, float]


class AgentCalls(BaseModel):
    """What an agent has had to do. ``reply_ms`` is the median of its replies, from the caller's last sample; None where there was none."""

    model_config = ConfigDict(frozen=True)

    calls: int = 0
    reply_ms: float | None = None


class Body(BaseModel):
    """Base of what comes in."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FlagIn(Body):
    """Why a call is marked."""

    reason: Line


class Corrections(Body):
    """What was heard wrong, by the name of the value: name, phone, email, address, or one of the script's. Empty: there is none."""

    values: Annotated[dict[Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,64}$")], Value], Field(min_length=1, max_length=50)]


class Share(BaseModel):
    """A link to a call for whoever has it. Its token is shown this once."""

    model_config = ConfigDict(frozen=True)

    path: str
    expires_at: datetime


class Accepted(BaseModel):
    """An event was taken; ``duplicate`` when it had been before."""

    duplicate: bool = False
