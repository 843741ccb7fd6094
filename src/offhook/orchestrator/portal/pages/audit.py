"""The audit log of a business: who did what, when, and whether the log is whole."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from offhook.orchestrator.audit import ops
from offhook.orchestrator.audit.schemas import AuditFilter, AuditView
from offhook.orchestrator.auth.access import TenantAccess, in_tenant
from offhook.orchestrator.kit.paging import page, position_of
from offhook.orchestrator.portal import settling, steps
from offhook.orchestrator.portal.frame import Framed
from offhook.orchestrator.portal.show import Local
from offhook.orchestrator.tenants import ops as tenants

router = APIRouter(tags=["portal"], include_in_schema=False)
Reading = Annotated[TenantAccess, in_tenant("audit.read")]
Word = Annotated[str, StringConstraints(strip_whitespace=True, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
Day = Annotated[Annotated[date, Field(ge=date(2000, 1, 1), le=date(2200, 1, 1))] | None, BeforeValidator(lambda text: text or None)]


class Asked(BaseModel):
    """What the list is asked for; it stands in the address. An empty field of the form asks for nothing."""

    model_config = ConfigDict(frozen=True)

    who: Word = ""
    what: Word = ""
    since: Day = None
    until: Day = None

    def filter(self, local: Local) -> AuditFilter:
        """The same as the log is asked; ``until`` is the last day that is in it."""
        since = local.begin(self.since) if self.since else None
        until = local.begin(self.until + timedelta(days=1)) if self.until else None
        return AuditFilter(actor=self.who or None, action=self.what or None, since=since, until=until)

    def href(self, base: str, **changes: str | None) -> str:
        """The address of the list with this changed."""
        kept = {name: value for name, value in (self.model_dump(mode="json") | changes).items() if value}
        return f"{base}?{urlencode(kept)}" if kept else base


@router.get("/t/{tenant}/settings/audit", response_class=HTMLResponse)
async def audit_page(
    request: Request,
    frame: Framed,
    access: Reading,
    asked: Annotated[Asked, Query()],
    cursor: Annotated[str | None, Query(max_length=1_000)] = None,
    check: bool = False,
) -> HTMLResponse:
    """Who did what, the newest first. ``check`` follows the log's chain from its first row."""
    tenant = await tenants.get(access.scope)
    wanted = asked.filter(Local(tenant.zone, tenant.region, access.given.clock()))
    filters = {"list": "portal audit", "tenant": tenant.id, **wanted.model_dump(mode="json")}
    position = position_of(access.given, filters, cursor)
    part = await ops.newest(access.scope, wanted, int(position[0]) if position else None, steps.PART + 1)
    found = page(part, steps.PART, access.given, filters, lambda one: (one.seq,))
    here = f"/t/{tenant.id}/settings/audit"
    return await settling.show(
        request,
        frame,
        access,
        "audit",
        part="rows",
        here=here,
        rows=[(one, _details(one)) for one in found.data],
        asked=asked,
        checked=await ops.verify(access.scope) if check else None,
        more_href=asked.href(here, cursor=found.next_cursor) if found.next_cursor else None,
    )


def _details(one: AuditView) -> str:
    return json.dumps(one.details, indent=2, ensure_ascii=False) if one.details else ""
