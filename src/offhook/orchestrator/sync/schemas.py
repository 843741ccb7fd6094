"""What is known of somebody in business systems."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from offhook.orchestrator.crm.schemas import Record


class OutsideCustomer(Record):
    """A customer as a connection's system knows them. ``balance``: what they owe, None where nobody says."""

    connection_id: str
    id: str
    name: str
    email: str
    address: str
    url: str
    balance: Decimal | None
    currency: str
    read_at: datetime
    asked_at: datetime | None


class OutsideJob(Record):
    """An open job."""

    connection_id: str
    id: str
    customer_id: str
    title: str
    status: str
    url: str
    changed_at: datetime


class OutsideVisit(Record):
    """A visit that lies ahead."""

    connection_id: str
    id: str
    customer_id: str
    job_id: str
    title: str
    url: str
    starts_at: datetime
    ends_at: datetime


class OutsideView(Record):
    """One customer with what a system knows of them, for the page of a contact."""

    customer: OutsideCustomer
    jobs: list[OutsideJob]
    visits: list[OutsideVisit]
