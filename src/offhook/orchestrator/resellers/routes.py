"""Routes of resellers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from offhook.orchestrator.auth.access import ID, PlatformAccess, ResellerAccess, in_reseller, on_platform
from offhook.orchestrator.errors import Problem
from offhook.orchestrator.kit.etag import IfMatch, etag, match
from offhook.orchestrator.kit.once import once
from offhook.orchestrator.kit.paging import Page, PageQuery, page, position_of
from offhook.orchestrator.resellers import ops
from offhook.orchestrator.resellers.schemas import NewReseller, ResellerChange, ResellerView

router = APIRouter(prefix="/v1/resellers", tags=["resellers"])
Reading = Annotated[PlatformAccess, on_platform("resellers.read")]
Writing = Annotated[PlatformAccess, on_platform("resellers.write")]
ResellerId = Annotated[str, Path(pattern=ID)]
PROBLEM: dict[str, Any] = {"model": Problem}


@router.get("")
async def list_resellers(access: Reading, part: PageQuery) -> Page[ResellerView]:
    """All resellers, newest first."""
    filters = {"list": "resellers"}
    position = position_of(access.given, filters, part.cursor)
    after = (datetime.fromisoformat(position[0]), str(position[1])) if position else None
    rows = await ops.page(access.scope, part.limit + 1, after)
    return page(rows, part.limit, access.given, filters, lambda one: (one.created_at, one.id))


@router.post("", status_code=201)
@once
async def create_reseller(body: NewReseller, access: Writing) -> ResellerView:
    """Make a reseller: it sells to tenants under its own name."""
    reseller = await ops.create(access.scope, body, access.given.clock())
    await access.audit("reseller.created", reseller.id, {"name": reseller.name})
    return reseller


@router.get("/{reseller}", responses={404: PROBLEM})
async def show_reseller(access: Annotated[ResellerAccess, in_reseller("reseller.read")], response: Response) -> ResellerView:
    """A reseller; its ETag is needed to change it."""
    reseller = await ops.show(access.scope)
    response.headers["ETag"] = etag(reseller.revision)
    return reseller


@router.patch("/{reseller}", responses={404: PROBLEM, 412: PROBLEM, 428: PROBLEM})
async def change_reseller(
    body: ResellerChange,
    access: Annotated[ResellerAccess, in_reseller("reseller.write")],
    request: Request,
    response: Response,
    _: IfMatch = None,
) -> ResellerView:
    """Change what is given of a reseller: its name and how it presents itself."""
    old = await ops.locked(access.scope)
    match(request, old.revision)
    reseller = await ops.change(access.scope, body)
    before, after = old.model_dump(mode="json"), reseller.model_dump(mode="json")
    await access.audit("reseller.changed", old.id, {name: [before[name], after[name]] for name in sorted(body.model_fields_set)})
    response.headers["ETag"] = etag(reseller.revision)
    return reseller


@router.post("/{reseller}/suspend", responses={404: PROBLEM, 409: PROBLEM})
async def suspend_reseller(reseller: ResellerId, access: Writing) -> ResellerView:
    """Refuse the calls of all its tenants."""
    found = await ops.suspend(access.scope, reseller, suspended=True)
    await access.audit("reseller.suspended", reseller)
    return found


@router.post("/{reseller}/resume", responses={404: PROBLEM})
async def resume_reseller(reseller: ResellerId, access: Writing) -> ResellerView:
    """Take the calls of its tenants again."""
    found = await ops.suspend(access.scope, reseller, suspended=False)
    await access.audit("reseller.resumed", reseller)
    return found


@router.delete("/{reseller}", status_code=204, responses={404: PROBLEM, 409: PROBLEM, 412: PROBLEM, 428: PROBLEM})
async def delete_reseller(reseller: ResellerId, access: Writing, request: Request, _: IfMatch = None) -> None:
    """Delete a reseller that nothing belongs to any more."""
    match(request, (await ops.find(access.scope, reseller)).revision)
    gone = await ops.delete(access.scope, reseller, access.given.clock())
    await access.audit("reseller.deleted", reseller, {"name": gone.name})


routers: tuple[APIRouter, ...] = (router,)
