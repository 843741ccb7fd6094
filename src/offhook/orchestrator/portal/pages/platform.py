"""The installation's own pages: its resellers and its jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import ValidationError

from offhook.errors import DomainError
from offhook.orchestrator.auth.access import ID, PlatformAccess, on_platform
from offhook.orchestrator.kit import queues
from offhook.orchestrator.kit.paging import page, position_of
from offhook.orchestrator.portal.forms import Typed, refused
from offhook.orchestrator.portal.frame import Frame, Framed, onward, platform_shell
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.security import Posted
from offhook.orchestrator.resellers import ops
from offhook.orchestrator.resellers.schemas import NewReseller

router = APIRouter(tags=["portal"], include_in_schema=False)
Reading = Annotated[PlatformAccess, on_platform("resellers.read")]
Writing = Annotated[PlatformAccess, on_platform("resellers.write")]
Auditing = Annotated[PlatformAccess, on_platform("platform.audit")]
ResellerId = Annotated[str, Path(pattern=ID)]
PART: Final = 50


@router.get("/ops", response_class=HTMLResponse)
async def resellers_page(
    request: Request, frame: Framed, access: Reading, cursor: Annotated[str | None, Query(max_length=1_000)] = None
) -> HTMLResponse:
    """All resellers, the newest first."""
    return await _resellers(request, frame, access, Typed(), cursor)


@router.post("/ops/resellers", response_class=HTMLResponse)
async def make_reseller(request: Request, frame: Framed, access: Writing, fields: Posted) -> Response:
    """Make one; its people are invited on its own pages."""
    try:
        new = NewReseller.model_validate({"name": fields.get("name", "")})
    except ValidationError as error:
        return await _resellers(request, frame, access, refused(fields, error), None)
    made = await ops.create(access.scope, new, access.given.clock())
    await access.audit("reseller.created", made.id, {"name": made.name})
    return onward(f"/r/{made.id}/team", "added")


@router.post("/ops/resellers/{reseller}", response_class=HTMLResponse)
async def suspend_reseller_here(request: Request, frame: Framed, access: Writing, reseller: ResellerId, fields: Posted) -> Response:
    """Turn away the callers of all its clients, or answer them again."""
    suspended = fields.get("do") == "suspend"
    try:
        await ops.suspend(access.scope, reseller, suspended=suspended)
    except DomainError as error:
        return await _resellers(request, frame, access, refused({}, error), None)
    await access.audit("reseller.suspended" if suspended else "reseller.resumed", reseller)
    return onward("/ops", "suspended" if suspended else "resumed")


async def _resellers(request: Request, frame: Frame, access: PlatformAccess, typed: Typed, cursor: str | None) -> HTMLResponse:
    shell, local = platform_shell(access, frame.brand, "")
    filters = {"list": "portal resellers"}
    position = position_of(access.given, filters, cursor)
    after = (datetime.fromisoformat(position[0]), str(position[1])) if position else None
    rows = await ops.page(access.scope, PART + 1, after)
    found = page(rows, PART, access.given, filters, lambda one: (one.created_at, one.id))
    return portal(request).page(
        request, frame, "pages/resellers.html", "rows", status=typed.status, shell=shell, local=local, typed=typed, resellers=found.data,
        more_href=f"/ops?cursor={found.next_cursor}" if found.next_cursor else None, may_write="resellers.write" in access.may,
        direct=ops.DIRECT,
    )  # fmt: skip


@router.get("/ops/jobs", response_class=HTMLResponse)
async def jobs_page(request: Request, frame: Framed, access: Auditing) -> HTMLResponse:
    """What waits to be done, what is under way, and what was given up."""
    shell, local = platform_shell(access, frame.brand, "jobs")
    tasks = await queues.counts(access.given)
    return portal(request).page(request, frame, "pages/jobs.html", shell=shell, local=local, tasks=tasks)
