"""Call buttons on a tenant's web sites: where each may stand, and what goes into the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, Response

from offhook.orchestrator.agents.ops import reading
from offhook.orchestrator.auth.access import ID, TenantAccess, in_tenant
from offhook.orchestrator.portal import steps
from offhook.orchestrator.portal.forms import Typed
from offhook.orchestrator.portal.frame import Framed, onward, tenant_shell
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.security import Posted
from offhook.orchestrator.widgets import ops
from offhook.orchestrator.widgets.schemas import NewWidget, WidgetChange, WidgetView

router = APIRouter(tags=["portal"], include_in_schema=False)
Reading = Annotated[TenantAccess, in_tenant("numbers.read")]
Writing = Annotated[TenantAccess, in_tenant("numbers.write")]
ButtonId = Annotated[str, Path(pattern=ID)]
WHERE: Final = {"": "origins", "origins": "origins", "agent_id": "agent_id", "label": "label"}
MOST_AGENTS: Final = 200


@router.get("/t/{tenant}/call-buttons", response_class=HTMLResponse)
async def buttons_page(request: Request, frame: Framed, access: Reading) -> HTMLResponse:
    """Call buttons, newest first, each with its snippet; and the form of another."""
    return await _page(request, frame, access, Typed())


async def _page(request: Request, frame: Framed, access: TenantAccess, typed: Typed) -> HTMLResponse:
    shell, local, tenant = await tenant_shell(access, frame.brand, "numbers")
    known = [(one.id, one.name) for one in await reading.page(access.scope, MOST_AGENTS, None)]
    names = dict(known)
    return portal(request).page(
        request,
        frame,
        "pages/buttons.html",
        status=typed.status,
        shell=shell,
        local=local,
        base=f"/t/{tenant.id}/call-buttons",
        numbers_href=f"/t/{tenant.id}/numbers",
        buttons=[(one, _name(one), names.get(one.agent_id, one.agent_id)) for one in await ops.page(access.scope, access.given, ops.MOST)],
        agents=known,
        may=access.may,
        typed=typed,
        once=steps.fresh(),
    )


def _name(one: WidgetView) -> str:
    return one.label or one.origins[0].partition("://")[2]


def _read(fields: Mapping[str, str]) -> dict[str, Any]:
    return {
        "agent_id": fields.get("agent_id", ""),
        "label": fields.get("label", "").strip(),
        "origins": [one.rstrip("/") for one in fields.get("origins", "").split()],
    }


@router.post("/t/{tenant}/call-buttons", response_class=HTMLResponse)
async def new_button_form(request: Request, frame: Framed, access: Writing, fields: Posted) -> Response:
    """Make a button."""
    async with steps.step(access, fields, WHERE) as tried:
        await steps.first(access, fields)
        made = await ops.create(access.scope, access.given, NewWidget.model_validate(_read(fields)))
        await access.audit("call_button.created", made.id, {"agent": made.agent_id, "origins": list(made.origins)})
    if tried.typed is not None:
        return await _page(request, frame, access, tried.typed)
    return onward(f"/t/{access.scope.tenant}/call-buttons", "added")


@router.post("/t/{tenant}/call-buttons/{button}", response_class=HTMLResponse)
async def button_form(request: Request, frame: Framed, access: Writing, button: ButtonId, fields: Posted) -> Response:
    """Switch a button on or off (``do``), or drop it."""
    wanted = fields.get("do", "")
    async with steps.step(access, fields) as tried:
        old = await ops.show(access.scope, access.given, button, lock=True)
        if wanted == "delete":
            await ops.delete(access.scope, button)
            await access.audit("call_button.deleted", button, {"origins": list(old.origins)})
        elif wanted in {"on", "off"}:
            new = await ops.change(access.scope, access.given, old, WidgetChange(enabled=wanted == "on"))
            await access.audit("call_button.changed", button, ops.differences(old, new, {"enabled"}))
    if tried.typed is not None:
        return await _page(request, frame, access, tried.typed)
    return onward(f"/t/{access.scope.tenant}/call-buttons", "removed" if wanted == "delete" else "saved")
