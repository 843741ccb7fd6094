"""A transfer as this domain works with it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from pydantic import BaseModel, ConfigDict

from offhook.contracts.transfer import Outcome, Ring, State, TransferAnswer, Tried
from offhook.orchestrator.carriers.words import said

OPEN: Final = frozenset({"trying", "bridging"})
WAITED_FOR: Final = frozenset({"ringing", "asked"})


class Person(BaseModel):
    """Somebody who may be rung."""

    model_config = ConfigDict(frozen=True)

    name: str
    number: str
    ring_s: int


class Attempt(BaseModel):
    """How it goes with one of them."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    place: int
    name: str
    number: str
    outcome: Outcome
    leg: str
    began_at: datetime
    asked_at: datetime
    until: datetime
    ended_at: datetime | None


class Transfer(BaseModel):
    """One attempt to put a caller through, with who was rung, in order."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    tenant_id: str
    id: str
    call_id: str
    target: str
    people: tuple[Person, ...]
    account_id: str | None
    trunk_id: str | None
    refer: bool
    carrier: str
    caller_leg: str
    did: str
    language: str
    warm: bool
    brief: str
    state: State
    reason: str
    version: int
    taken_by: int | None
    fetched: bool
    parted: bool
    created_at: datetime
    until: datetime
    attempts: tuple[Attempt, ...] = ()

    @property
    def current(self) -> Attempt | None:
        """Who is waited for."""
        return next((one for one in self.attempts if one.outcome in WAITED_FOR), None)

    def attempt(self, place: int) -> Attempt | None:
        """By its place."""
        return next((one for one in self.attempts if one.place == place), None)

    def key(self, place: int) -> str:
        """Under which a person is rung once."""
        return f"{self.id}.{place}"

    def answer(self) -> TransferAnswer:
        """What its engine is told."""
        tried = tuple(
            Tried(name=one.name, outcome=one.outcome, seconds=round(((one.ended_at or one.asked_at) - self.created_at).total_seconds(), 1))
            for one in self.attempts
        )
        return TransferAnswer(id=self.id, state=self.state, version=self.version, reason=self.reason, tried=tried, ring=self.ring())

    def ring(self) -> Ring | None:
        """Whom its engine rings, or brings the caller to; None where the carrier does, or nobody is to be rung."""
        bridging = self.attempt(self.taken_by) if self.state == "bridging" and self.taken_by is not None else None
        person = self.current if self.state == "trying" else bridging
        if self.trunk_id is None or person is None:
            return None
        lines = {name: said(name, self.language) for name in ("turned_down", "unanswered", "not_needed", "lost")}
        return Ring(
            place=person.place,
            trunk=self.trunk_id,
            to=person.number,
            caller_id=self.did,
            ring_s=self.people[person.place].ring_s,
            refer=self.refer,
            brief=self.brief if self.warm else "",
            choice=said("choice", self.language) if self.warm else "",
            **lines,
        )
