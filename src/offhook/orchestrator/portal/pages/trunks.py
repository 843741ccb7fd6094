"""A tenant's SIP trunks: what they log in with, where their calls come from, and how they fare. A password is not shown again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, get_args

from fastapi import APIRouter, Path, Request
from fastapi.responses import HTMLResponse, Response

from offhook.contracts.trunks import Codec
from offhook.orchestrator.auth.access import ID, TenantAccess, in_tenant
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.portal import steps
from offhook.orchestrator.portal.forms import Typed
from offhook.orchestrator.portal.frame import Framed, onward, tenant_shell
from offhook.orchestrator.portal.outcomes import Outcome
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.security import Posted
from offhook.orchestrator.portal.show import _
from offhook.orchestrator.trunks import ops
from offhook.orchestrator.trunks.schemas import NewTrunk, StateView, TrunkChange, TrunkView

router = APIRouter(tags=["portal"], include_in_schema=False)
Reading = Annotated[TenantAccess, in_tenant("numbers.read")]
Writing = Annotated[TenantAccess, in_tenant("numbers.write")]
TrunkId = Annotated[str, Path(pattern=ID)]
SECRET: Final = ("password",)
WHERE: Final = {"": "auth", "sources": "sources", "codecs": "codecs"}
"""At which field it is said what is wrong with one of several."""
CODECS: Final = {one.lower(): one for one in get_args(Codec)}
KINDS: Final[Mapping[str, Outcome]] = {
    "registered": Outcome("ok", "circle-check", "Logged in"),
    "ready": Outcome("ok", "circle-check", "Ready"),
    "standby": Outcome("quiet", "clock", "Stands by"),
    "registering": Outcome("quiet", "clock", "Logging in"),
    "failed": Outcome("bad", "circle-x", "Refused"),
    "off": Outcome("quiet", "phone-off", "Off"),
}
UNKNOWN: Final = Outcome("quiet", "clock", "Not heard of yet")


def trunk_name(one: TrunkView) -> str:
    """What a trunk is called."""
    return one.label or one.host or (one.sources[0] if one.sources else one.id)


def fares(one: TrunkView) -> Outcome:
    """A trunk in a word: the worst that an engine tells of it."""
    if not one.enabled:
        return KINDS["off"]
    active = [state for state in one.states if state.state != "standby"] or one.states
    told = sorted((state_of(state) for state in active), key=lambda found: ("bad", "quiet", "ok").index(found.kind))
    return told[0] if told else UNKNOWN


def state_of(one: StateView) -> Outcome:
    """How it fares at one engine."""
    return KINDS.get(one.state, UNKNOWN)


@router.get("/t/{tenant}/numbers/trunks/new", response_class=HTMLResponse)
async def new_trunk_page(request: Request, frame: Framed, access: Writing) -> HTMLResponse:
    """A trunk to be kept."""
    return await _new(request, frame, access, Typed())


async def _new(request: Request, frame: Framed, access: TenantAccess, typed: Typed) -> HTMLResponse:
    shell, local, tenant = await tenant_shell(access, frame.brand, "numbers")
    return portal(request).page(
        request,
        frame,
        "pages/trunk_new.html",
        status=typed.status,
        shell=shell,
        local=local,
        base=f"/t/{tenant.id}/numbers",
        typed=typed,
        once=steps.fresh(),
        **_choices(),
    )


@router.post("/t/{tenant}/numbers/trunks/new", response_class=HTMLResponse)
async def new_trunk_form(request: Request, frame: Framed, access: Writing, fields: Posted) -> Response:
    """Keep a trunk; its password is sealed."""
    async with steps.step(access, fields, WHERE, SECRET) as tried:
        await steps.first(access, fields)
        body = NewTrunk.model_validate({**_typed(fields), "password": steps.given_or_none(fields, "password")})
        made = await ops.create(access.scope, access.given, body)
        await access.audit("trunk.created", made.id, {"auth": made.auth, "host": made.host, "sources": list(made.sources)})
    if tried.typed is not None:
        return await _new(request, frame, access, tried.typed)
    return onward(f"/t/{access.scope.tenant}/numbers/trunks/{made.id}", "added")


def _typed(fields: Mapping[str, str]) -> dict[str, Any]:
    """What both forms have."""
    words = {name: fields.get(name, "").strip() for name in ("label", "auth", "host", "user", "did_from", "max_calls")}
    words |= {"transfers": fields["transfers"]} if "transfers" in fields else {}
    codecs = fields.get("codecs", "").replace(",", " ").split()
    return {
        **words,
        "sources": fields.get("sources", "").replace(",", " ").split(),
        "codecs": [CODECS.get(one.lower(), one) for one in codecs],
    }


def _choices() -> dict[str, Any]:
    return {
        "ways": [
            ("register", _("We log in there"), _("The carrier gave you a user name and a password.")),
            ("address", _("By address"), _("The carrier, or your own exchange, knows our address, and we know theirs.")),
        ],
        "places": [
            ("request", _("In the request itself, as with most")),
            ("to", _("In the header To")),
            ("p-called-party-id", _("In the header P-Called-Party-ID")),
            ("diversion", _("In the header Diversion")),
        ],
        "put_through": [
            ("bridge", _("Talks to the person through us")),
            ("refer", _("Is handed to the person by the trunk, if it can")),
        ],
    }


@router.get("/t/{tenant}/numbers/trunks/{trunk}", response_class=HTMLResponse)
async def trunk_page(request: Request, frame: Framed, access: Reading, trunk: TrunkId) -> HTMLResponse:
    """A trunk without its password, and how it fares."""
    return await _trunk(request, frame, access, trunk, Typed())


async def _trunk(request: Request, frame: Framed, access: TenantAccess, trunk: str, typed: Typed) -> HTMLResponse:
    one = await ops.show(access.scope, trunk)
    shell, local, tenant = await tenant_shell(access, frame.brand, "numbers")
    return portal(request).page(
        request,
        frame,
        "pages/trunk.html",
        status=typed.status,
        shell=shell,
        local=local,
        base=f"/t/{tenant.id}/numbers",
        one=one,
        name=trunk_name(one),
        state=fares(one),
        states=[(state, state_of(state)) for state in one.states],
        numbers=await numbers.with_trunk(access.scope, trunk),
        refused=sum((await numbers.refused_today(access.scope, trunk, local.now)).values()),
        may=access.may,
        typed=typed,
        **_choices(),
    )


@router.post("/t/{tenant}/numbers/trunks/{trunk}", response_class=HTMLResponse)
async def change_trunk_form(request: Request, frame: Framed, access: Writing, trunk: TrunkId, fields: Posted) -> Response:
    """Change what was changed; a password that is left empty stays."""
    old = await ops.show(access.scope, trunk, lock=True)
    async with steps.step(access, fields, WHERE, SECRET) as tried:
        steps.unchanged(fields, old.revision)
        body = TrunkChange.model_validate({**_typed(fields), "enabled": fields.get("enabled") == "yes"})
        differs = {name: value for name, value in body.model_dump(exclude_unset=True).items() if value != getattr(old, name)}
        password = steps.given_or_none(fields, "password")
        if differs or password:
            changes = TrunkChange.model_validate({**differs, **({"password": password} if password else {})})
            new = await ops.change(access.scope, access.given, old, changes)
            await access.audit("trunk.changed", trunk, ops.differences(old, new, changes.model_fields_set))
    if tried.typed is not None:
        return await _trunk(request, frame, access, trunk, tried.typed)
    return onward(f"/t/{access.scope.tenant}/numbers/trunks/{trunk}", "saved")


@router.post("/t/{tenant}/numbers/trunks/{trunk}/delete", response_class=HTMLResponse)
async def delete_trunk_form(request: Request, frame: Framed, access: Writing, trunk: TrunkId, fields: Posted) -> Response:
    """Drop a trunk that no number belongs to."""
    old = await ops.show(access.scope, trunk, lock=True)
    async with steps.step(access, fields) as tried:
        steps.unchanged(fields, old.revision)
        await ops.delete(access.scope, trunk)
        await access.audit("trunk.deleted", trunk, {"auth": old.auth, "host": old.host})
    if tried.typed is not None:
        return await _trunk(request, frame, access, trunk, tried.typed)
    return onward(f"/t/{access.scope.tenant}/numbers", "deleted")
