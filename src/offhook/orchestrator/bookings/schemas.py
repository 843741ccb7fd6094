"""Appointments as others see them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict


class Appointment(BaseModel):
    """A visit."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    id: str
    ref: str
    customer_id: str
    call_id: str
    staff: str
    starts_at: datetime
    ends_at: datetime
    status: str
    name: str
    address: str
    problem: str
    extras: dict[str, Any]
