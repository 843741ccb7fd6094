"""Routes of what went where."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path

from offhook.orchestrator.auth.access import TenantAccess, in_tenant
from offhook.orchestrator.errors import Problem
from offhook.orchestrator.paperwork import ops
from offhook.orchestrator.paperwork.schemas import Again, Paperwork

router = APIRouter(prefix="/v1/tenants/{tenant}", tags=["calls"])
routers = (router,)
Reading = Annotated[TenantAccess, in_tenant("calls.read")]
Writing = Annotated[TenantAccess, in_tenant("calls.write")]
CallIn = Annotated[str, Path(max_length=128)]
MISSING: dict[int | str, dict[str, Any]] = {404: {"model": Problem}}


@router.get("/calls/{call}/paperwork", responses=MISSING)
async def show_call_paperwork(call: CallIn, access: Reading) -> Paperwork:
    """What the call became in each connected system, with links to it there."""
    return await ops.of_call(access.scope, call)


@router.post("/calls/{call}/paperwork/again", responses=MISSING)
async def send_call_paperwork_again(call: CallIn, body: Again, access: Writing) -> Paperwork:
    """Write what was given up, and at once what waits. Nothing is written twice."""
    found = await ops.again(access.scope, access.given, call, body.connection_id)
    await access.audit("call.paperwork_again", call, body.model_dump(exclude_none=True))
    return found
