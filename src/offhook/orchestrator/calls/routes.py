"""Plans, events, and reading calls."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter

from offhook.contracts.analysis import CallResult
from offhook.contracts.events import AnyEvent, event_adapter
from offhook.contracts.plan import CallPlan, PlanRequest, Refusal
from offhook.orchestrator.access import Given, SignedBody, parse
from offhook.orchestrator.auth.access import TenantAccess, in_tenant
from offhook.orchestrator.calls import intake, marking, ops, plans, removal, sharing
from offhook.orchestrator.calls import reading as looking
from offhook.orchestrator.calls.schemas import Accepted, Call, CallDetail, CallQuery, Corrections, FlagIn, Share
from offhook.orchestrator.calls.transcript import Format, Transcript, as_text, as_vtt, wanted
from offhook.orchestrator.errors import Problem
from offhook.orchestrator.kit.paging import Page, PageQuery, page, position_of

engine = APIRouter(prefix="/v1", tags=["engine"])
reading = APIRouter(prefix="/v1/tenants/{tenant}", tags=["calls"])
_plan_request: TypeAdapter[PlanRequest] = TypeAdapter(PlanRequest)
_refused: dict[int | str, dict[str, Any]] = {401: {"model": Problem}, 422: {"model": Problem}}
Reading = Annotated[TenantAccess, in_tenant("calls.read")]
Writing = Annotated[TenantAccess, in_tenant("calls.write")]
CallIn = Annotated[str, Path(max_length=128)]
PROBLEM: dict[str, Any] = {"model": Problem}
MISSING: dict[int | str, dict[str, Any]] = {404: PROBLEM}
_TEXT = {"schema": {"type": "string"}}
TEXTS: dict[int | str, dict[str, Any]] = {200: {"content": {"text/vtt": _TEXT, "text/plain": _TEXT}}, 404: PROBLEM}


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
async def list_calls(access: Reading, part: PageQuery, asked: Annotated[CallQuery, Query()]) -> Page[Call]:
    """A tenant's calls, the latest first."""
    filters = {"list": "calls", "tenant": access.scope.tenant, **asked.model_dump(mode="json", exclude_none=True)}
    position = position_of(access.given, filters, part.cursor)
    after = (datetime.fromisoformat(position[0]), str(position[1])) if position else None
    rows = await ops.page(access.scope, asked.filter(), part.limit + 1, after)
    return page(rows, part.limit, access.given, filters, lambda one: (one.at, one.id))


@reading.get("/calls/{call}", responses=MISSING)
async def show_call(call: CallIn, access: Reading) -> CallDetail:
    """A call with its turns, tools, result and what was booked."""
    return await looking.detail(access.scope, call)


@reading.delete("/calls/{call}", status_code=204, responses={404: PROBLEM, 409: PROBLEM})
async def delete_call(call: CallIn, access: Annotated[TenantAccess, in_tenant("calls.delete")]) -> None:
    """Delete a call for ever, with its recording, its trace and all that was said in it. What it booked stays."""
    await removal.delete(access.given, access.scope, call)
    await access.audit("call.deleted", call)


@reading.put("/calls/{call}/flag", status_code=204, responses=MISSING)
async def flag_call(call: CallIn, body: FlagIn, access: Writing) -> None:
    """Mark a call for the team, with why."""
    await marking.flag(access, call, body)


@reading.delete("/calls/{call}/flag", status_code=204, responses=MISSING)
async def unflag_call(call: CallIn, access: Writing) -> None:
    """Take the mark away."""
    await marking.flag(access, call, None)


@reading.patch("/calls/{call}/result", responses={404: PROBLEM, 409: PROBLEM})
async def correct_call_result(call: CallIn, body: Corrections, access: Writing) -> CallResult:
    """Put right what was heard wrong. What other systems were told already stays as it is there. 409 before there is a result."""
    return await marking.correct(access, call, body)


@reading.post("/calls/{call}/shares", status_code=201, responses=MISSING)
async def share_call(call: CallIn, access: Writing) -> Share:
    """A link to a page with the call's words and result, for whoever has it: good for seven days."""
    return await sharing.share(access, call)


@reading.delete("/calls/{call}/shares", status_code=204, responses=MISSING)
async def revoke_call_shares(call: CallIn, access: Writing) -> None:
    """End all links to this call."""
    await sharing.call_in(access, call)


@reading.get("/calls/{call}/transcript", response_model=Transcript, responses=TEXTS)
async def show_transcript(
    call: CallIn,
    access: Reading,
    format: Annotated[Format | None, Query(description="Instead of the Accept header.")] = None,
    accept: Annotated[str, Header()] = "",
) -> Response:
    """What was said in a call, and what the agent was cut off from saying: as JSON, as WebVTT, or as plain text."""
    found = await looking.transcript(access.scope, call)
    match wanted(format, accept):
        case "vtt":
            return Response(as_vtt(found.turns), media_type="text/vtt")
        case "text":
            return Response(as_text(found.turns), media_type="text/plain")
        case _:
            return Response(found.model_dump_json(), media_type="application/json")
