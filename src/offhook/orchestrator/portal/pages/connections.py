"""Connections: the business systems that calls are written into, how they do, and all that is decided about one of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, Response

from offhook.contracts.analysis import CallResult
from offhook.errors import Conflict, DomainError, NotFound, Unreachable
from offhook.orchestrator.auth.access import COOKIE, ID, TenantAccess, TenantDoor, before_tenant, in_tenant
from offhook.orchestrator.calls import ops as calls
from offhook.orchestrator.calls.schemas import CallFilter
from offhook.orchestrator.connections import consent, ops
from offhook.orchestrator.connections.consent import Beginner
from offhook.orchestrator.connections.mapping import filled
from offhook.orchestrator.connections.schemas import Connection, System, Tested
from offhook.orchestrator.portal import steps
from offhook.orchestrator.portal.forms import Typed, refused, sentence
from offhook.orchestrator.portal.frame import Frame, Framed, onward, tenant_shell
from offhook.orchestrator.portal.outcomes import Outcome
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.security import Posted
from offhook.orchestrator.portal.show import _
from offhook.orchestrator.sync import hearing
from offhook.orchestrator.tenants import ops as tenants

router = APIRouter(tags=["portal"], include_in_schema=False)
Reading = Annotated[TenantAccess, in_tenant("connections.read")]
Writing = Annotated[TenantAccess, in_tenant("connections.write")]
Connecting = Annotated[TenantAccess, in_tenant("connections.connect")]
WritingDoor = Annotated[TenantDoor, before_tenant("connections.write")]
ConnectingDoor = Annotated[TenantDoor, before_tenant("connections.connect")]
ConnectionId = Annotated[str, Path(pattern=ID)]
Kind = Annotated[str, Path(pattern=r"^(crm|calendar)$")]
Name = Annotated[str, Path(pattern=r"^[a-z0-9_]{1,40}$")]
Word = Annotated[str, Query(max_length=64)]
FIELD: Final = "fields."
CHOSEN: Final = "chosen."
MAPPING: Final = "mapping."
STATES: Final[Mapping[str, Outcome]] = {
    "active": Outcome("ok", "circle-check", "Connected"),
    "expired": Outcome("warn", "triangle-alert", "Connect again"),
    "off": Outcome("quiet", "circle-x", "Off"),
}
TROUBLES: Final[Mapping[str, str]] = {
    "denied": "You did not agree there, so nothing was connected.",
    "refused": "The system did not let us in, so nothing was connected. Try it once more.",
    "unreachable": "The system could not be reached, so nothing was connected. Try again in a little while.",
    "account": "This is another account than the one that was connected, or it is connected already.",
    "again": "This was not begun in this browser, has been finished, or took too long. Connect it once more.",
}
DEEDS: Final[Mapping[str, str]] = {
    "find_customer": "finds callers",
    "upsert_customer": "customers",
    "create_lead": "leads",
    "create_job": "jobs",
    "create_appointment": "appointments",
    "add_note": "notes with the summary",
}
PLACES: Final[Mapping[str, str]] = {
    "contact.name": "Name",
    "contact.phone": "Phone",
    "contact.email": "Mail address",
    "contact.address": "Address",
    "intent": "What it was about",
    "job_type": "Kind of job",
    "problem": "Problem",
    "urgency": "Urgency",
    "preferred_times": "Times that suit",
    "summary": "Summary",
}
"""Of a call's result, besides its facts."""
LOOKED_AT: Final = 20
"""Past calls whose facts can be chosen."""


@dataclass(frozen=True, slots=True)
class Row:
    """A connection in the list."""

    one: Connection
    state: Outcome
    does: str


@dataclass(frozen=True, slots=True)
class Choosing:
    """Something to choose on the page: the field's name, its title and help, what there is, and what is chosen."""

    name: str
    title: str
    help: str
    many: bool
    options: Sequence[tuple[str, str]]
    chosen: Sequence[str]


# -- the list ---------------------------------------------------------------------------------------------------------------------


@router.get("/t/{tenant}/connections", response_class=HTMLResponse)
async def connections_page(request: Request, frame: Framed, access: Reading, trouble: Word = "", connected: Word = "") -> HTMLResponse:
    """What is connected, and what could be. ``trouble`` and ``connected`` are what came of signing in at a system."""
    shell, local, tenant = await tenant_shell(access, frame.brand, "connections")
    systems = await ops.systems(access.given, tenant.reseller_id)
    found = await ops.every(access.scope)
    writes = {one.adapter: one for one in systems}
    return portal(request).page(
        request,
        frame,
        "pages/connections.html",
        shell=shell,
        local=local,
        base=f"/t/{tenant.id}/connections",
        rows=[Row(one, STATES[one.state], _does(writes.get(one.adapter))) for one in found],
        systems=[one for one in systems if one.ways],
        lacking=[one for one in systems if not one.ways],
        trouble=_(TROUBLES.get(trouble, "")),
        made=next((one for one in found if one.id == connected), None),
        may=access.may,
    )


# -- connecting -------------------------------------------------------------------------------------------------------------------


@router.get("/t/{tenant}/connections/new/{kind}/{name}", response_class=HTMLResponse)
async def connect_page(request: Request, frame: Framed, access: Connecting, kind: Kind, name: Name, again: Word = "") -> HTMLResponse:
    """How a system is connected here. ``again``: the connection that is to be connected once more."""
    return await _new(request, frame, access, f"{kind}/{name}", Typed(), again)


@router.post("/t/{tenant}/connections/new/{kind}/{name}", response_class=HTMLResponse)
async def connect_form(request: Request, frame: Framed, door: ConnectingDoor, kind: Kind, name: Name, fields: Posted) -> Response:
    """Connect by the form's key, or go where one signs in."""
    adapter, again = f"{kind}/{name}", fields.get("again", "")
    given = {key.removeprefix(FIELD): value for key, value in fields.items() if key.startswith(FIELD)}
    base = f"/t/{door.tenant}/connections"
    try:
        if fields.get("way") == "oauth":
            session, host = request.cookies.get(COOKIE, ""), request.headers.get("host", "").lower()
            told = {key: value for key, value in given.items() if value.strip() and key != "key"}
            by = Beginner(door.principal, session, host)
            url = await consent.begin(door.given, door.tenant, by, adapter, told, base, again or None)
            return await _leave(request, frame, door, adapter, url)
        proven = await ops.prove(door.given, door.tenant, adapter, {key: value for key, value in given.items() if value.strip()})
        async with door.enter() as access:
            made, new = await ops.keep_proven(access.scope, access.given, proven, id=again or None)
            noted = {"adapter": made.adapter, "account": made.account, "by": made.auth}
            await access.audit("connection.created" if new else "connection.reconnected", made.id, noted)
    except NotFound:
        raise
    except DomainError as error:
        async with door.enter() as access:
            secret = {f"{FIELD}{one.name}" for one in (await _system(access, adapter)).fields if one.secret}
            shown = {key: value for key, value in fields.items() if key not in secret}
            return await _new(request, frame, access, adapter, refused(shown, error, {key: key for key in secret}), again)
    return onward(f"{base}/{made.id}", "connected")


async def _leave(request: Request, frame: Frame, door: TenantDoor, adapter: str, url: str) -> HTMLResponse:
    """A page that goes on by itself. A form must not be answered with a way to another host: browsers hold that for the form's doing,
    and pages of ours send forms to us alone.
    """
    async with door.enter() as access:
        shell, local, tenant = await tenant_shell(access, frame.brand, "connections")
        system = await _system(access, adapter)
    base = f"/t/{tenant.id}/connections"
    return portal(request).page(
        request, frame, "pages/connection_leave.html", shell=shell, local=local, base=base, system=system, onward=url
    )


async def _new(request: Request, frame: Frame, access: TenantAccess, adapter: str, typed: Typed, again: str) -> HTMLResponse:
    shell, local, tenant = await tenant_shell(access, frame.brand, "connections")
    system = await _system(access, adapter)
    base = f"/t/{tenant.id}/connections"
    old = next((one for one in await ops.every(access.scope) if one.id == again), None) if again else None
    return portal(request).page(
        request,
        frame,
        "pages/connection_new.html",
        status=typed.status,
        shell=shell,
        local=local,
        base=base,
        system=system,
        does=_does(system),
        typed=typed,
        again=old,
        here=f"{base}/new/{adapter}",
        callback=consent.callback_url(access.given),
    )


async def _system(access: TenantAccess, adapter: str) -> System:
    business = await tenants.get(access.scope)
    found = next((one for one in await ops.systems(access.given, business.reseller_id) if one.adapter == adapter), None)
    if found is None:
        raise NotFound("no such system")
    return found


# -- one --------------------------------------------------------------------------------------------------------------------------


@router.get("/t/{tenant}/connections/{connection}", response_class=HTMLResponse)
async def connection_page(request: Request, frame: Framed, access: Reading, connection: ConnectionId, call: Word = "") -> HTMLResponse:
    """A connection: how it does, what is used of it, and what it gets of a call."""
    return await _show(request, frame, access, connection, Typed(), call=call)


@router.post("/t/{tenant}/connections/{connection}/test", response_class=HTMLResponse)
async def test_connection_form(
    request: Request,
    frame: Framed,
    door: WritingDoor,
    connection: ConnectionId,
    fields: Posted,  # noqa: ARG001 - that it is asked for checks the form
) -> HTMLResponse:
    """Ask the system whose account it is. Changes nothing there, so the answer is the page."""
    tested = await ops.test(door.given, door.tenant, connection)
    async with door.enter() as access:
        return await _show(request, frame, access, connection, Typed(), tested=tested)


@router.post("/t/{tenant}/connections/{connection}/mapping", response_class=HTMLResponse)
async def map_connection_form(request: Request, frame: Framed, access: Writing, connection: ConnectionId, fields: Posted) -> Response:
    """Which of the system's fields are filled from where."""
    old = await ops.locked(access.scope, connection)
    async with steps.step(access, fields) as tried:
        steps.unchanged(fields, old.revision)
        mapping = {key.removeprefix(MAPPING): value.strip() for key, value in fields.items() if key.startswith(MAPPING)}
        new = await ops.map_fields(access.scope, access.given, old, mapping)
        await access.audit("connection.mapped", connection, {"mapping": [old.mapping, new.mapping]})
    if tried.typed is not None:
        return await _show(request, frame, access, connection, tried.typed)
    return onward(f"/t/{access.scope.tenant}/connections/{connection}", "saved")


@router.post("/t/{tenant}/connections/{connection}/disconnect", response_class=HTMLResponse)
async def disconnect_form(request: Request, frame: Framed, door: ConnectingDoor, connection: ConnectionId, fields: Posted) -> Response:
    """Switch it off: what it signed in with is deleted here, and revoked there."""
    async with door.enter() as access:
        old = await ops.locked(access.scope, connection)
        ending = None
        async with steps.step(access, fields) as tried:
            steps.unchanged(fields, old.revision)
            ending = await ops.disconnect(access.scope, access.given, old)
            noted = {"adapter": old.adapter, "account": old.account, "by": old.auth}
            await access.audit("connection.disconnected", connection, noted)
        if tried.typed is not None:
            return await _show(request, frame, access, connection, tried.typed)
    revoked = await ops.end(door.given, ending) if ending else False
    said = "disconnected" if revoked or old.auth != "oauth" else "disconnected-here"
    return onward(f"/t/{door.tenant}/connections/{connection}", said)


async def _show(
    request: Request,
    frame: Frame,
    access: TenantAccess,
    connection: str,
    typed: Typed,
    *,
    tested: Tested | None = None,
    call: str = "",
) -> HTMLResponse:
    one = await ops.show(access.scope, connection)
    shell, local, tenant = await tenant_shell(access, frame.brand, "connections")
    system = next((each for each in await ops.systems(access.given, tenant.reseller_id) if each.adapter == one.adapter), None)
    past = await _past(access, call) if system and system.mappable and "calls.read" in access.may else {}
    tried = next(iter(past.items()), None)
    mapping = {name: typed.value(MAPPING + name, one.mapping.get(name, "")) for name in (system.mappable if system else {})}
    return portal(request).page(
        request,
        frame,
        "pages/connection.html",
        status=typed.status,
        shell=shell,
        local=local,
        base=f"/t/{tenant.id}/connections",
        tenant_base=f"/t/{tenant.id}",
        one=one,
        state=STATES[one.state],
        system=system,
        does=_does(system),
        settings=[(field.title, one.settings[field.name]) for field in (system.fields if system else []) if field.name in one.settings],
        chosen=_chosen(one, system),
        mapping=mapping,
        places=_places(past.values(), mapping.values()),
        tried=tried[0] if tried else "",
        preview=filled(mapping, tried[1].model_dump(mode="json")) if tried else {},
        tested=tested,
        told_at=hearing.address(access.given, tenant.id, one.id) if _by_hand(one, system) and "connections.connect" in access.may else "",
        typed=typed,
        may=access.may,
    )


async def _past(access: TenantAccess, call: str) -> dict[str, CallResult]:
    """The results of past calls to try the mapping on: of the one that is named, else of the newest that have one, the newest first."""
    ids = [call] if call else [one.id for one in await calls.page(access.scope, CallFilter(state="ended"), LOOKED_AT, None)]
    found = await calls.results(access.scope, ids)
    return {one: found[one] for one in ids if one in found}


def _places(past: Iterable[CallResult], chosen: Iterable[str]) -> list[tuple[str, str]]:
    """Where a field can be filled from, with its name: what every call may have, what past calls had besides, and what is chosen."""
    facts = {f"facts.{name}" for one in past for name in one.facts} | set(chosen)
    return [
        ("", _("Nothing")),
        *((path, _(name)) for path, name in PLACES.items()),
        *((path, path.removeprefix("facts.").replace("_", " ")) for path in sorted(facts - PLACES.keys()) if path),
    ]


def _chosen(one: Connection, system: System | None) -> list[tuple[str, str]]:
    """What was chosen, by its title; the names that the system has for it are shown where it is chosen."""
    titles = {each.name: each.title for each in system.choosers} if system else {}
    found = []
    for name, ids in one.chosen.items():
        head, _slash, staff = name.partition("/")
        found.append((f"{titles.get(head, head)}, {staff}" if staff else titles.get(head, head), str(len(ids))))
    return found


def _by_hand(one: Connection, system: System | None) -> bool:
    return system is not None and one.state == "active" and hearing.by_hand(one.adapter)


def _does(system: System | None) -> str:
    """What calls become in a system, in words."""
    if system is None:
        return _("Its adapter is not installed here.")
    made = [_(text) for name, text in DEEDS.items() if name in system.capabilities]
    if "find_availability" in system.capabilities:
        made.append(_("busy times"))
    return ", ".join(made)


# -- choosing ---------------------------------------------------------------------------------------------------------------------


@router.get("/t/{tenant}/connections/{connection}/choose", response_class=HTMLResponse)
async def choose_page(request: Request, frame: Framed, door: WritingDoor, connection: ConnectionId) -> HTMLResponse:
    """Which of the system's staff, calendars and pipelines are used: the system is asked what there is."""
    return await _choose(request, frame, door, connection, Typed())


@router.post("/t/{tenant}/connections/{connection}/choose", response_class=HTMLResponse)
async def choose_form(request: Request, frame: Framed, door: WritingDoor, connection: ConnectionId, fields: Posted) -> Response:
    """Use these."""
    try:
        offered = await ops.choices(door.given, door.tenant, connection)
    except (Conflict, Unreachable) as error:
        return await _choose(request, frame, door, connection, refused(fields, error))
    async with door.enter() as access:
        old = await ops.locked(access.scope, connection)
        async with steps.step(access, fields, await _names(access, old)) as tried:
            steps.unchanged(fields, old.revision)
            new = await ops.choose(access.scope, access.given, old, _given(fields), offered)
            await access.audit("connection.chosen", connection, {"chosen": [old.chosen, new.chosen]})
    if tried.typed is not None:
        return await _choose(request, frame, door, connection, tried.typed)
    return onward(f"/t/{door.tenant}/connections/{connection}", "saved")


def _given(fields: Mapping[str, str]) -> dict[str, list[str]]:
    """``chosen.calendar`` holds one id; ``chosen.calendar.3`` is one of several."""
    found: dict[str, list[str]] = {}
    for key, value in fields.items():
        if key.startswith(CHOSEN) and value:
            name, _dot, _number = key.removeprefix(CHOSEN).partition(".")
            found.setdefault(name, []).append(value)
    return found


async def _names(access: TenantAccess, one: Connection) -> dict[str, str]:
    """Fields of the form by the place of a fault."""
    return {f"chosen.{each.name}": f"{CHOSEN}{each.name}" for each in (await _system(access, one.adapter)).choosers}


async def _choose(request: Request, frame: Frame, door: TenantDoor, connection: str, typed: Typed) -> HTMLResponse:
    problem, offered = "", {}
    try:
        offered = await ops.choices(door.given, door.tenant, connection)
    except (Conflict, Unreachable) as error:
        problem = sentence(error.public)
    async with door.enter() as access:
        one = await ops.show(access.scope, connection)
        shell, local, tenant = await tenant_shell(access, frame.brand, "connections")
        return portal(request).page(
            request,
            frame,
            "pages/connection_choose.html",
            status=typed.status,
            shell=shell,
            local=local,
            base=f"/t/{tenant.id}/connections",
            one=one,
            problem=problem,
            choosing=_choosers(one, await _system(access, one.adapter), tenant.diary.staff, offered),
            typed=typed,
            may=access.may,
        )


def _choosers(one: Connection, system: System, staff: Sequence[str], offered: Mapping[str, Sequence[Any]]) -> list[Choosing]:
    found = []
    for each in system.choosers:
        options = [
            (choice.id, f"{choice.group}: {choice.label}" if choice.group else choice.label) for choice in offered.get(each.name, ())
        ]
        if each.per_staff:
            found += [
                Choosing(f"staff/{who}", f"{each.title}: {who}", each.help, each.many, options, one.chosen.get(f"staff/{who}", ()))
                for who in staff
            ]
        else:
            found.append(Choosing(each.name, each.title, each.help, each.many, options, one.chosen.get(each.name, ())))
    return found
