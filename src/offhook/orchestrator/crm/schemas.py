"""Customers, leads and messages as others see them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """Base: frozen, read from a row."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class Customer(Record):
    """Somebody known by phone number."""

    id: str
    phone: str | None
    name: str
    address: str
    email: str
    no_calls: bool


class Lead(Record):
    """A job that may come, or came, of a call."""

    id: str
    customer_id: str
    call_id: str
    status: str
    problem: str
    extras: dict[str, Any]


class Message(Record):
    """For the team."""

    id: str
    customer_id: str
    call_id: str
    kind: str
    note: str
    due: datetime | None
