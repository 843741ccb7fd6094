"""Appointments as others see them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from offhook.orchestrator.crm.schemas import Body, Line, Note, Place, Record, RecordId

YEARS = range(2000, 2200)


def _sensible(moment: datetime) -> datetime:
    """In UTC; ValueError for a year that no diary has."""
    if moment.year not in YEARS:
        raise ValueError(f"not a time from {YEARS.start} to {YEARS.stop - 1}")
    return moment.astimezone(UTC)


Moment: TypeAlias = Annotated[AwareDatetime, AfterValidator(_sensible)]
"""A time with its zone."""
Status: TypeAlias = Literal["booked", "cancelled"]
Staff: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,32}$")]
SlotId: TypeAlias = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9._=-]*$")]
Minutes: TypeAlias = Annotated[int, Field(ge=5, le=1_440)]


class Appointment(Record):
    """A visit. ``contact_id`` is empty once the contact was deleted, ``call_id`` when no call booked it."""

    id: str
    ref: str
    contact_id: str | None
    call_id: str | None
    staff: str
    starts_at: datetime
    ends_at: datetime
    status: Status
    name: str
    address: str
    problem: str
    extras: dict[str, Any]
    revision: int
    created_at: datetime
    updated_at: datetime


class AppointmentEvent(Record):
    """What was done to an appointment, by whom, and to which revision it led. ``changed`` names fields, without what is in them."""

    revision: int
    at: datetime
    kind: Literal["created", "moved", "changed", "cancelled"]
    by_kind: Literal["call", "person", "key", "operator"]
    by_id: str
    before: dict[str, Any]
    after: dict[str, Any]


class AppointmentDetail(BaseModel):
    """An appointment and all that was done to it, the first thing first."""

    model_config = ConfigDict(frozen=True)

    appointment: Appointment
    history: list[AppointmentEvent]


class NewAppointment(Body):
    """A visit to be booked: in a slot that was offered, or at any time at which the staff is free."""

    contact_id: RecordId
    slot: SlotId | None = None
    """A slot's ``id``; instead of ``starts_at``, ``minutes`` and ``staff``."""
    starts_at: Moment | None = None
    minutes: Minutes | None = None
    """How long; as long as the tenant's visits are, without it."""
    staff: Staff | None = None
    """Who comes; the first who is free, without it."""
    name: Line = ""
    """Empty: the contact's."""
    address: Place = ""
    problem: Note = ""

    @model_validator(mode="after")
    def _when(self) -> NewAppointment:
        if (self.slot is None) == (self.starts_at is None):
            raise ValueError("give either slot or starts_at")
        if self.slot is not None and not (self.minutes is None and self.staff is None):
            raise ValueError("a slot says itself how long it is and whose")
        return self


class AppointmentChange(Body):
    """What is left out stays as it is. ``slot``, ``starts_at``, ``minutes`` and ``staff`` move it."""

    slot: SlotId | None = None
    starts_at: Moment | None = None
    minutes: Minutes | None = None
    staff: Staff | None = None
    name: Line | None = None
    address: Place | None = None
    problem: Note | None = None

    @model_validator(mode="after")
    def _when(self) -> AppointmentChange:
        if self.slot is not None and not (self.starts_at is None and self.minutes is None and self.staff is None):
            raise ValueError("a slot says itself when, how long and whose it is")
        return self


class SlotView(BaseModel):
    """A visit that can be booked, by its ``id``. Nobody holds it until then."""

    model_config = ConfigDict(frozen=True)

    id: str
    starts_at: datetime
    ends_at: datetime
    staff: str
    label: str
    """How it is offered to callers."""
