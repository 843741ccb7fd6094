"""Who did what with an agency, or with the installation: their own logs. A client's is the client's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from offhook.orchestrator.audit import ops
from offhook.orchestrator.audit.schemas import AuditFilter, AuditView
from offhook.orchestrator.auth.access import PlatformAccess, ResellerAccess, in_reseller, on_platform
from offhook.orchestrator.kit.paging import page, position_of
from offhook.orchestrator.portal.frame import Frame, Framed, Shell, platform_shell, reseller_shell
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.show import Local

router = APIRouter(tags=["portal"], include_in_schema=False)
OfReseller = Annotated[ResellerAccess, in_reseller("audit.read")]
OfPlatform = Annotated[PlatformAccess, on_platform("platform.audit")]
Cursor = Annotated[str | None, Query(max_length=1_000)]
PART: Final = 50
LONGEST: Final = 300


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a log."""

    at: datetime
    day: str
    who: str
    action: str
    target: str
    details: str


@router.get("/r/{reseller}/audit", response_class=HTMLResponse)
async def agency_audit_page(request: Request, frame: Framed, access: OfReseller, cursor: Cursor = None) -> HTMLResponse:
    """What was done with the agency itself."""
    shell, local, reseller = await reseller_shell(access, "audit")
    return await _page(request, frame, access, shell, local, f"/r/{reseller.id}/audit", cursor)


@router.get("/ops/audit", response_class=HTMLResponse)
async def platform_audit_page(request: Request, frame: Framed, access: OfPlatform, cursor: Cursor = None) -> HTMLResponse:
    """What was done with the installation itself."""
    shell, local = platform_shell(access, frame.brand, "audit")
    return await _page(request, frame, access, shell, local, "/ops/audit", cursor)


async def _page(
    request: Request, frame: Frame, access: ResellerAccess | PlatformAccess, shell: Shell, local: Local, base: str, cursor: str | None
) -> HTMLResponse:
    filters = {"list": "portal audit", "of": base}
    position = position_of(access.given, filters, cursor)
    rows = await ops.newest(access.scope, AuditFilter(), int(position[0]) if position else None, PART + 1)
    found = page(rows, PART, access.given, filters, lambda one: (one.seq,))
    more = f"{base}?cursor={found.next_cursor}" if found.next_cursor else None
    lines = [_row(one, local) for one in found.data]
    return portal(request).page(request, frame, "pages/agency_log.html", "rows", shell=shell, local=local, lines=lines, more_href=more)


def _row(one: AuditView, local: Local) -> Row:
    details = json.dumps(one.details, ensure_ascii=False) if one.details else ""
    kept = details if len(details) <= LONGEST else details[:LONGEST] + "…"
    return Row(one.at, local.day(one.at), one.actor_name or one.actor_id, one.action, one.target, kept)
