"""Values of the orchestrator's interface. Made by ``scripts/client.py``; do not edit."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from pydantic import Field

from offhook.client.base import Document, Model, Sent


class AccountChange(Sent):
    """What is left out stays as it is. An API key is changed, or taken away by null, with its secret."""

    label: str | None = None
    auth_token: str | None = Field(default=None, repr=False)
    api_key_sid: str | None = None
    api_key_secret: str | None = Field(default=None, repr=False)


class AccountTest(Model):
    """Whether an account could be used. The carrier itself is not asked."""

    ok: bool
    faults: list[str]


class AccountView(Model):
    """A carrier account as its tenant sees it."""

    id: str
    kind: str
    label: str
    account_sid: str
    auth_token: SecretView
    api_key_sid: str | None
    api_key_secret: SecretView
    voice_url: str
    revision: int
    created_at: dt.datetime
    updated_at: dt.datetime


class Appointment(Model):
    """A visit."""

    id: str
    ref: str
    customer_id: str
    call_id: str
    staff: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    status: str
    name: str
    address: str
    problem: str
    extras: dict[str, Any]


class AuditView(Model):
    """Who did what to what, when, from where."""

    id: str
    seq: int
    at: dt.datetime
    actor_kind: Literal["person", "key", "operator"]
    actor_id: str
    actor_name: str
    action: str
    target: str
    details: dict[str, Any]
    ip: str


class Brand(Document):
    """How a reseller presents itself to its tenants."""

    product_name: str = ""
    hosts: list[str] = Field(default_factory=list)
    sender_name: str = ""
    sender_address: str | None = None
    support_address: str | None = None
    support_url: str | None = None


class Call(Model):
    """A call's record."""

    id: str
    agent_id: str
    transport: str
    carrier_call: str
    did: str
    caller: str
    state: str
    planned_at: dt.datetime
    started_at: dt.datetime | None
    ended_at: dt.datetime | None
    reason: str | None
    outcome: str | None
    seconds: float | None


class CallDetail(Model):
    """A call with all that came of it. ``events`` are whole and in order; ``missing`` counts those that never came."""

    call: Call
    turns: list[dict[str, Any]]
    tools: list[dict[str, Any]]
    recording: dict[str, Any] | None
    usage: dict[str, Any] | None
    ended: dict[str, Any] | None
    result: CallResult | None
    missing: int
    appointments: list[Appointment]
    lead: Lead | None
    messages: list[Message]


class CallResult(Model):
    """The result of one call, written once."""

    intent: str
    job_type: str | None = None
    problem: str | None = None
    urgency: str | None = None
    contact: Contact | None = None
    preferred_times: list[str] = Field(default_factory=list)
    appointment: dt.datetime | None = None
    outcome: str
    success: Literal["good", "neutral", "bad"]
    summary: str
    facts: dict[str, Any] = Field(default_factory=dict)


class Checked(Model):
    """What checking a log's chain found. ``head`` is the hash of its last row in hex: keep it elsewhere to be able to compare."""

    whole: bool
    rows: int
    broken_at: int | None = None
    head: str


class Confirmation(Sent):
    """The tenant's name, once more: erasing cannot be undone."""

    name: str


class Contact(Model):
    """Who called and how to reach them."""

    name: str | None = None
    phone: str | None = None
    email: str | None = None
    address: str | None = None


class Diary(Document):
    """How visits are planned. Minutes, unless a name says otherwise."""

    staff: list[str] = Field(default_factory=list)
    visit_minutes: int = 60
    lead_minutes: int = 120
    horizon_days: int = 21


class Erasing(Model):
    """A tenant is being erased; its certificate will be found by ``erasure``."""

    erasure: str
    subject: str


class ErasureView(Model):
    """That a tenant was erased: a certificate that holds nothing of it. ``subject`` is a hash of its id."""

    id: str
    subject: str
    requested_at: dt.datetime
    finished_at: dt.datetime | None
    counts: dict[str, int]
    verified: bool


class ExportView(Model):
    """All data of a tenant in one zip file, made by a job. It is fetched from ``/exports/{id}/file`` once it is ``ready``."""

    id: str
    state: Literal["waiting", "ready", "failed"]
    requested_at: dt.datetime
    ready_at: dt.datetime | None
    expires_at: dt.datetime
    size: int | None
    sha256: str | None
    counts: dict[str, int]


class Lead(Model):
    """A job that may come, or came, of a call."""

    id: str
    customer_id: str
    call_id: str
    status: str
    problem: str
    extras: dict[str, Any]


class LineUse(Model):
    """Calls of one number: at once now, and those that were not taken today (UTC), by reason."""

    number_id: str
    did: str
    calls: int
    max_calls: int | None
    refused: dict[str, int]


class LinesView(Model):
    """How many calls the tenant has and may have at once."""

    calls: int
    max_calls: int
    numbers: list[LineUse]


class Message(Model):
    """For the team."""

    id: str
    customer_id: str
    call_id: str
    kind: str
    note: str
    due: dt.datetime | None


class Move(Sent):
    """To which reseller a tenant goes."""

    reseller_id: str


class NewAccount(Sent):
    """An account with a carrier."""

    kind: Literal["twilio"] = "twilio"
    label: str = ""
    account_sid: str
    auth_token: str = Field(repr=False)
    api_key_sid: str | None = None
    api_key_secret: str | None = Field(default=None, repr=False)


class NewNumber(Sent):
    """A DID for an agent."""

    did: str
    agent_id: str
    label: str = ""
    carrier_account_id: str | None = None
    overflow: str | None = None
    enabled: bool = True
    max_calls: int | None = None


class NewReseller(Sent):
    """A reseller to be made."""

    name: str
    brand: Brand | None = None


class NewTenant(Sent):
    """A business to be made."""

    name: str
    timezone: str = "Europe/London"
    region: str = "GB"
    locale: str = "en-GB"
    fallback_number: str | None = None
    diary: Diary | None = None
    max_calls: int = 10


class NumberChange(Sent):
    """What is left out stays as it is."""

    agent_id: str | None = None
    label: str | None = None
    carrier_account_id: str | None = None
    overflow: str | None = None
    enabled: bool | None = None
    max_calls: int | None = None


class NumberView(Model):
    """A number as its tenant sees it."""

    id: str
    did: str
    agent_id: str
    label: str
    carrier_account_id: str | None
    overflow: str | None
    enabled: bool
    max_calls: int | None
    revision: int
    created_at: dt.datetime
    updated_at: dt.datetime


class ResellerChange(Sent):
    """What is left out stays as it is."""

    name: str | None = None
    brand: Brand | None = None


class ResellerView(Model):
    """A reseller as those see it who may."""

    id: str
    name: str
    state: Literal["active", "suspended"]
    brand: Brand
    revision: int
    created_at: dt.datetime


class SecretView(Model):
    """All that is shown of a secret."""

    set: bool
    last4: str | None = None


class TenantChange(Sent):
    """What is left out stays as it is."""

    name: str | None = None
    timezone: str | None = None
    region: str | None = None
    locale: str | None = None
    fallback_number: str | None = None
    diary: Diary | None = None


class TenantLimits(Sent):
    """What a tenant may have at once."""

    max_calls: int


class TenantView(Model):
    """A business as those see it who may."""

    id: str
    reseller_id: str
    name: str
    timezone: str
    region: str
    locale: str
    fallback_number: str | None
    diary: Diary
    max_calls: int
    state: Literal["active", "suspended"]
    revision: int
    created_at: dt.datetime
    subject: str
