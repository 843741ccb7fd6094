"""A transfer as this domain works with it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from pydantic import BaseModel, ConfigDict

from offhook.contracts.transfer import Outcome, State, TransferAnswer, Tried

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
        return TransferAnswer(id=self.id, state=self.state, version=self.version, reason=self.reason, tried=tried)
