"""Calls that we place as others see them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from offhook.orchestrator.crm.schemas import Phone, RecordId
from offhook.orchestrator.tolls.rules import SAID

Purpose: TypeAlias = Literal["reminder", "call-back", "other"]
OnMachine: TypeAlias = Literal["hang_up", "leave_message"]
State: TypeAlias = Literal["waiting", "dialling", "ringing", "answered", "done", "failed", "refused", "cancelled"]
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
Minute = Annotated[int, Field(ge=0, le=1_440)]
Day = Annotated[int, Field(ge=0, le=6)]
REASONS: Final[dict[str, str]] = {
    **{str(name): text for name, text in SAID.items()},
    "no_consent": "there is no consent to this call",
    "do_not_call": "the number is on the do-not-call list",
    "no_hours": "there is no time in which this number may be rung",
    "expired": "the time for this call has passed",
    "no_account": "the number that it is placed from has no carrier account that places calls",
    "no_number": "the number that it is placed from is gone",
    "no_visit": "the visit that it would remind of was moved or cancelled",
    "business_suspended": "the business is suspended",
    "no_trunk": "the trunk that it goes over is out of use, or has no host to send calls to",
    "no_engine": "no engine has the trunk that it goes over",
    "no_agent": "the agent is not there any more",
    "carrier": "the carrier did not take the call",
    "busy": "busy",
    "no-answer": "nobody answered",
    "canceled": "it was stopped while it rang",
    "failed": "the carrier could not reach the number",
    "unknown": "nobody knows whether it was placed, so it is not placed again",
    "voicemail": "a machine answered",
    "voicemail_left": "a machine answered, and was left the message",
    "by_hand": "somebody stopped it",
    "own_number": "a number of your own here: the call would come back",
}
"""Why a call did not come about or ended as it did, in words."""
FAILED: Final[dict[str, str]] = {"busy": "busy", "no_answer": "no-answer", "refused": "carrier"}
"""An engine's words for a call that was not answered."""


class Body(BaseModel):
    """Base of what comes in."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NewOutgoing(Body):
    """A call to be placed, as soon as it may be. The request's Idempotency-Key is the call's, too: it rings once."""

    to: Phone
    """A number without a country code belongs to the tenant's region."""
    agent_id: RecordId
    number_id: RecordId | None = None
    """The number that is shown; without it the agent's first one."""
    trunk_id: RecordId | None = None
    """The SIP trunk that it goes over; without it the one that the number comes by, or the number's carrier account."""
    purpose: Purpose = "other"
    about: Text = ""
    """A sentence that is said after who is calling."""
    on_machine: OnMachine | None = None
    """What is done where a machine answers; without it the message of the settings is left, if there is one."""
    contact_id: RecordId | None = None
    lead_id: RecordId | None = None
    appointment_id: RecordId | None = None
    not_before: AwareDatetime | None = None
    not_after: AwareDatetime | None = None

    @model_validator(mode="after")
    def _in_order(self) -> NewOutgoing:
        if self.not_before and self.not_after and self.not_after <= self.not_before:
            raise ValueError("not_after is not after not_before")
        return self


class OutgoingView(BaseModel):
    """A call that we place, and how it stands."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    to: str
    agent_id: str
    number_id: str
    trunk_id: str | None
    """The SIP trunk that it goes over, once it has been placed."""
    purpose: Purpose
    about: str
    on_machine: OnMachine | None
    contact_id: str | None
    lead_id: str | None
    appointment_id: str | None
    state: State
    reason: str
    """A stable word; empty while there is none."""
    consent: str
    """By what it may be placed: ``given`` (a record of consent), ``asked`` (they asked to be called back) or ``service``."""
    not_before: datetime | None
    not_after: datetime | None
    attempts: int
    next_at: datetime | None
    answered_by: str
    call_id: str | None
    """The call's own record, once somebody has answered."""
    created_at: datetime
    ended_at: datetime | None

    @field_validator("on_machine", mode="before")
    @classmethod
    def _as_the_settings_say(cls, value: str | None) -> str | None:
        return value or None

    @property
    def why(self) -> str:
        """The reason in words."""
        return REASONS.get(self.reason, self.reason)


class Setting(Body):
    """How a tenant places calls. Minutes of the day are by the clock of the business, and by that of whoever is rung."""

    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)

    opens: Minute = 540
    closes: Minute = 1_200
    days: Annotated[tuple[Day, ...], Field(max_length=7)] = (0, 1, 2, 3, 4, 5, 6)
    """On which days; Monday is 0."""
    consent_for: Annotated[tuple[Purpose, ...], Field(max_length=3)] = ("reminder", "call-back", "other")
    """Purposes that need a record of consent. Somebody who asked to be called back has given theirs for that call."""
    attempts: Annotated[int, Field(ge=1, le=5)] = 2
    """How often a number is rung that is busy or where nobody answers."""
    gap_minutes: Annotated[int, Field(ge=5, le=1_440)] = 30
    """Between two attempts."""
    voicemail: Text = ""
    """What a machine is told, once. Empty: it is hung up on."""
    reminder_hours: Annotated[int, Field(ge=1, le=168)] | None = None
    """So long before a visit its contact is reminded of it. Off without it."""
    reminder_agent: RecordId | None = None

    @model_validator(mode="after")
    def _whole(self) -> Setting:
        if self.closes <= self.opens:
            raise ValueError("closes is not after opens")
        if self.reminder_hours is not None and self.reminder_agent is None:
            raise ValueError("reminder_agent is missing")
        return self


class SettingView(Setting):
    """The same, with its revision."""

    revision: int


class NewConsent(Body):
    """Somebody has agreed to be rung by an automated assistant."""

    phone: Phone
    how: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300, pattern=r"^[^\x00-\x1f\x7f]*$")]
    """Where and in which words, so that it can be shown."""


class ConsentView(BaseModel):
    """Who agreed, when and how."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    phone: str
    how: str
    given_at: datetime
    by: str
    """Who wrote it down."""


class NewDoNotCall(Body):
    """A number that is never rung."""

    phone: Phone
    why: Text = ""


class DoNotCallView(BaseModel):
    """A number that is never rung, since when and why."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    phone: str
    why: str
    at: datetime
    by: str
