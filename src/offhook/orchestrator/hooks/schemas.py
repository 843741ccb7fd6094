"""What comes in and goes out about webhooks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from offhook.addresses import LONGEST
from offhook.orchestrator.hooks.catalogue import EventType

Url = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST, pattern=r"^[^\x00-\x1f\x7f]*$")]
Description = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Types = Annotated[list[EventType], Field(min_length=1, max_length=50)]
State = Literal["waiting", "succeeded", "failed"]


class Body(BaseModel):
    """Base of what comes in."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NewWebhook(Body):
    """An endpoint for the tenant's events."""

    url: Url
    """https; no address of a private network."""
    description: Description = ""
    event_types: Types | None = None
    """Without, all types, also those that are yet to come."""
    enabled: bool = True


class WebhookChange(Body):
    """What is left out stays as it is. An endpoint that is enabled again gets at once what has waited for it, in order."""

    url: Url | None = None
    description: Description | None = None
    event_types: Types | None = None
    enabled: bool | None = None


class RotateSecret(Body):
    """How long the old secret goes on signing beside the new one."""

    overlap_hours: Annotated[int, Field(ge=0, le=168)] = 24


class ReplayRange(Body):
    """Events of a time to be sent again: those that were given up, or all that the endpoint's types cover."""

    since: AwareDatetime
    until: AwareDatetime | None = None
    which: Literal["failed", "all"] = "failed"


class View(BaseModel):
    """Base of what goes out."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class WebhookView(View):
    """An endpoint as its tenant sees it, without its secret."""

    id: str
    url: str
    description: str
    event_types: list[str] | None
    enabled: bool
    disabled_reason: Literal["hand", "failing", "gone"] | None
    """``failing``: nothing but failures for days; ``gone``: it answered 410."""
    disabled_at: datetime | None
    waiting: int
    """Events that have not arrived yet and are not given up."""
    failing_since: datetime | None
    last_failure_at: datetime | None
    last_success_at: datetime | None
    paused_until: datetime | None
    """The endpoint has asked not to be sent anything before then (Retry-After)."""
    old_secret_until: datetime | None
    """Until when the secret before the present one signs too."""
    revision: int
    created_at: datetime
    updated_at: datetime


class Trouble(View):
    """An endpoint that does not take what is sent there, or was disabled for it. ``given_up`` counts events that are not tried again."""

    id: str
    name: str
    at: datetime
    """When it last came to nothing."""
    enabled: bool
    waiting: int
    given_up: int


class WebhookSecret(WebhookView):
    """An endpoint with its new secret, which is shown this once."""

    secret: str
    """``whsec_`` and base64, for the signatures of Standard Webhooks (https://www.standardwebhooks.com)."""


class DeliveryView(View):
    """An event on its way to an endpoint."""

    id: str
    webhook_id: str
    event_id: str
    """Sent as ``webhook-id``, the same at every attempt: what a receiver tells duplicates by."""
    type: str
    subject: str
    """Events of one subject, such as a call, are sent one after the other."""
    state: State
    attempts: int
    next_at: datetime | None
    """When it is tried next, if nothing of the same subject is before it."""
    done_at: datetime | None
    last_status: int | None
    last_error: str | None
    created_at: datetime


class AttemptView(View):
    """One request and what came of it."""

    id: str
    at: datetime
    ms: int
    status: int | None
    error: str | None
    """None for a success; else url, address, dns, connect, tls, timeout, broken, redirect, gone, status or secret."""
    message: str
    response: str
    """The beginning of the answer's body."""


class EventView(View):
    """An event, as it is sent."""

    id: str
    type: str
    subject: str
    timestamp: datetime
    data: dict[str, Any]


class DeliveryDetail(View):
    """A delivery with its event and all that was tried (the newest hundred attempts, the oldest first)."""

    delivery: DeliveryView
    event: EventView
    attempts: list[AttemptView]


class SignedRequest(View):
    """A request with an event as an endpoint would be sent it, for whoever wants to send it by hand."""

    url: str
    headers: dict[str, str]
    body: str


class Replayed(View):
    """How many events will be sent again."""

    deliveries: int


class EventTypeView(View):
    """A type of event: what it says, the JSON schema of its ``data``, and an example of the whole."""

    type: str
    description: str
    data_schema: dict[str, Any]
    """JSON Schema."""
    example: dict[str, Any]


class EventTypeList(View):
    """All types of events."""

    data: list[EventTypeView]
