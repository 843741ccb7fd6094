"""Plans, events, and reading calls."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter

from offhook.contracts.events import AnyEvent, event_adapter
from offhook.contracts.plan import CallPlan, PlanRequest, Refusal
from offhook.orchestrator.access import Given, SignedBody, parse
from offhook.orchestrator.auth.access import TenantAccess, in_tenant
from offhook.orchestrator.bookings import ops as bookings
from offhook.orchestrator.bookings.schemas import Appointment
from offhook.orchestrator.calls import intake, ops, plans
from offhook.orchestrator.calls.schemas import Accepted, Call, CallDetail
from offhook.orchestrator.errors import Problem

engine = APIRouter(prefix="/v1", tags=["engine"])
reading = APIRouter(prefix="/v1/tenants/{tenant}", tags=["calls"])
_plan_request: TypeAdapter[PlanRequest] = TypeAdapter(PlanRequest)
_refused: dict[int | str, dict[str, Any]] = {401: {"model": Problem}, 422: {"model": Problem}}
Limit = Annotated[int, Query(ge=1, le=1_000)]


def _body(name: str) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}}}


@engine.post("/plans", response_model=CallPlan, responses={**_refused, 404: {"model": Refusal}}, openapi_extra=_body("PlanRequest"))
async def make_plan(body: SignedBody, given: Given) -> JSONResponse:
    """How to take a call: 200 with a CallPlan, or 404 with a Refusal. Signed."""
    answer = await plans.plan(given, parse(_plan_request, body))
    return JSONResponse(answer.model_dump(mode="json"), 404 if isinstance(answer, Refusal) else 200)


@engine.post("/events", responses={**_refused, 404: {"model": Problem}, 409: {"model": Problem}}, openapi_extra=_body("AnyEvent"))
async def take_event(body: SignedBody, given: Given) -> Accepted:
    """Take an event of a call: at least once, in any order. Signed."""
    event: AnyEvent = parse(event_adapter, body)
    return await intake.take(given, event)


@reading.get("/calls")
async def list_calls(access: Annotated[TenantAccess, in_tenant("calls.read")], limit: Limit = 50) -> list[Call]:
    """A tenant's calls, latest first."""
    return await ops.latest(access.scope, limit)


@reading.get("/calls/{id}", responses={404: {"model": Problem}})
async def show_call(id: str, access: Annotated[TenantAccess, in_tenant("calls.read")]) -> CallDetail:
    """A call with its turns, tools, result and what was booked."""
    return await ops.detail(access.scope, id)


@reading.get("/appointments")
async def list_appointments(access: Annotated[TenantAccess, in_tenant("appointments.read")], limit: Limit = 50) -> list[Appointment]:
    """A tenant's diary, latest first."""
    return await bookings.latest(access.scope, limit)
