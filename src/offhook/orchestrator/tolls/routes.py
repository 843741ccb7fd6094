"""Routes of the limits on calls out."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request, Response

from offhook.orchestrator.auth.access import TenantAccess, in_tenant
from offhook.orchestrator.errors import Problem
from offhook.orchestrator.kit.etag import IfMatch, etag, match
from offhook.orchestrator.tolls import ops
from offhook.orchestrator.tolls.schemas import TollLimits, TollView

router = APIRouter(prefix="/v1/tenants/{tenant}/call-limits", tags=["outgoing calls"])
Reading = Annotated[TenantAccess, in_tenant("outgoing.read")]
Writing = Annotated[TenantAccess, in_tenant("tolls.write")]
PROBLEM: dict[str, Any] = {"model": Problem}
PUTTING: dict[int | str, dict[str, Any]] = {412: PROBLEM, 428: PROBLEM}


@router.get("")
async def show_call_limits(access: Reading, response: Response) -> TollView:
    """Where calls out may go, how many of them, and how much of that is used."""
    found = await ops.show(access.scope, access.given)
    response.headers["ETag"] = etag(found.revision)
    return found


@router.put("", responses=PUTTING)
async def put_call_limits(body: TollLimits, access: Writing, request: Request, response: Response, _: IfMatch = None) -> TollView:
    """Other limits, from the next call on."""
    old = await ops.show(access.scope, access.given, lock=True)
    match(request, old.revision)
    new = await ops.put(access.scope, access.given, body)
    names = [name for name in sorted(TollLimits.model_fields) if getattr(old, name) != getattr(new, name)]
    changed = {name: [_said(getattr(old, name)), _said(getattr(new, name))] for name in names}
    await access.audit("outgoing.limits_changed", access.scope.tenant, changed)
    response.headers["ETag"] = etag(new.revision)
    return new


@router.post("/suspend")
async def suspend_outgoing_calls(access: Writing) -> TollView:
    """Place no calls and put nobody through until somebody resumes."""
    if await ops.suspend(access.scope, access.given, "suspended by hand"):
        await access.audit("outgoing.suspended", access.scope.tenant)
    return await ops.show(access.scope, access.given)


@router.post("/resume")
async def resume_outgoing_calls(access: Writing) -> TollView:
    """Place calls again and put callers through."""
    old = await ops.show(access.scope, access.given, lock=True)
    if old.state == "suspended":
        await access.audit("outgoing.resumed", access.scope.tenant, {"why": old.suspended_why})
        return await ops.resume(access.scope, access.given)
    return old


def _said(value: Any) -> Any:  # noqa: ANN401 - of a setting
    return list(value) if isinstance(value, tuple) else value


routers: tuple[APIRouter, ...] = (router,)
