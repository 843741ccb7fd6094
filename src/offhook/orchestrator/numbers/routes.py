"""Routes of numbers, and of the carrier accounts that they belong to."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from offhook.orchestrator.agents import ops as agents
from offhook.orchestrator.auth.access import ID, TenantAccess, in_tenant
from offhook.orchestrator.carriers.routes import media
from offhook.orchestrator.carriers.routes import router as accounts
from offhook.orchestrator.errors import Problem
from offhook.orchestrator.kit.etag import IfMatch, etag, match
from offhook.orchestrator.kit.once import once
from offhook.orchestrator.kit.paging import Page, PageQuery, page, position_of
from offhook.orchestrator.numbers import ops
from offhook.orchestrator.numbers.schemas import LinesView, NewNumber, NumberChange, NumberView

router = APIRouter(prefix="/v1/tenants/{tenant}", tags=["numbers"])
Reading = Annotated[TenantAccess, in_tenant("numbers.read")]
Writing = Annotated[TenantAccess, in_tenant("numbers.write")]
NumberId = Annotated[str, Path(pattern=ID)]
PROBLEM: dict[str, Any] = {"model": Problem}
CHANGING: dict[int | str, dict[str, Any]] = {404: PROBLEM, 412: PROBLEM, 428: PROBLEM}


@router.get("/numbers")
async def list_numbers(access: Reading, part: PageQuery) -> Page[NumberView]:
    """The tenant's numbers, newest first."""
    filters = {"list": "numbers", "tenant": access.scope.tenant}
    position = position_of(access.given, filters, part.cursor)
    after = (datetime.fromisoformat(position[0]), str(position[1])) if position else None
    return page(
        await ops.page(access.scope, part.limit + 1, after), part.limit, access.given, filters, lambda one: (one.created_at, one.id)
    )


@router.get("/lines")
async def show_lines(access: Reading) -> LinesView:
    """How many calls the tenant has at once and may have, and calls that were not taken today (UTC)."""
    return await ops.lines(access.scope, access.given.clock())


@router.get("/numbers/{number}", responses={404: PROBLEM})
async def show_number(number: NumberId, access: Reading, response: Response) -> NumberView:
    """A number; its ETag is needed to change it."""
    found = await ops.show(access.scope, number)
    response.headers["ETag"] = etag(found.revision)
    return found


@router.post("/numbers", status_code=201, responses={409: PROBLEM})
@once
async def create_number(body: NewNumber, access: Writing) -> NumberView:
    """Give a DID to an agent. A number that is somebody else's is refused in the same words as one that cannot be used."""
    await agents.need_in_use(access.scope, body.agent_id)
    number = await ops.create(access.scope, body, access.given.clock())
    await access.audit("number.created", number.id, number.model_dump(include={"did", "agent_id"}))
    return number


@router.patch("/numbers/{number}", responses=CHANGING)
async def change_number(
    number: NumberId, body: NumberChange, access: Writing, request: Request, response: Response, _: IfMatch = None
) -> NumberView:
    """Change what is given of a number."""
    old = await ops.locked(access.scope, number)
    match(request, old.revision)
    if body.agent_id is not None:
        await agents.need_in_use(access.scope, body.agent_id)
    new = await ops.change(access.scope, old, body, access.given.clock())
    names = sorted(body.model_fields_set)
    await access.audit("number.changed", number, {name: [getattr(old, name), getattr(new, name)] for name in names})
    response.headers["ETag"] = etag(new.revision)
    return new


@router.delete("/numbers/{number}", status_code=204, responses=CHANGING)
async def delete_number(number: NumberId, access: Writing, request: Request, _: IfMatch = None) -> None:
    """Let a number go: calls to it are no longer taken. Calls that it has go on."""
    old = await ops.locked(access.scope, number)
    match(request, old.revision)
    await ops.delete(access.scope, number)
    await access.audit("number.deleted", number, {"did": old.did})


routers: tuple[APIRouter, ...] = (router, accounts, media)
