"""People: who rang, how far it has come with each, and all that hangs on one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, ConfigDict, ValidationError

from offhook.errors import Conflict, Invalid, NotFound, PreconditionFailed
from offhook.orchestrator.auth.access import ID, TenantAccess, in_tenant
from offhook.orchestrator.bookings import desk
from offhook.orchestrator.connections import ops as connections
from offhook.orchestrator.crm import contacts as ops
from offhook.orchestrator.crm.schemas import Contact, ContactChange, Lead, LeadChange, LeadStatus, Merge
from offhook.orchestrator.crm.views import ContactDetail
from offhook.orchestrator.kit.paging import page, position_of
from offhook.orchestrator.outgoing import ops as outgoing
from offhook.orchestrator.portal.forms import Typed, refused
from offhook.orchestrator.portal.frame import Frame, Framed, onward, tenant_shell
from offhook.orchestrator.portal.outcomes import Outcome, of_call
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.security import Posted
from offhook.orchestrator.portal.show import Local, _, duration
from offhook.orchestrator.sync import ops as systems
from offhook.orchestrator.sync.context import balance
from offhook.orchestrator.sync.schemas import OutsideView

router = APIRouter(tags=["portal"], include_in_schema=False)
Reading = Annotated[TenantAccess, in_tenant("contacts.read")]
Writing = Annotated[TenantAccess, in_tenant("contacts.write")]
ContactId = Annotated[str, Path(pattern=ID)]
LeadId = Annotated[str, Path(pattern=ID)]
PART: Final = 50
STAGES: Final[Mapping[LeadStatus, Outcome]] = {
    "new": Outcome("info", "user-plus", "New lead"),
    "callback": Outcome("warn", "phone-outgoing", "Wants a call"),
    "booked": Outcome("ok", "calendar-check", "Booked"),
    "contacted": Outcome("move", "phone-call", "Contacted"),
    "won": Outcome("ok", "circle-check", "Won"),
    "lost": Outcome("quiet", "circle-x", "Lost"),
}
AHEAD: Final = Outcome("ok", "calendar-days", "Visit ahead")
"""Of who has left no lead, and has a visit booked."""
BY_HAND: Final[tuple[LeadStatus, ...]] = ("new", "contacted", "won", "lost")
"""Stages that the team gives."""
MESSAGES: Final[Mapping[str, tuple[str, str]]] = {
    "message": ("message-square", "Left a message"),
    "callback": ("phone-outgoing", "Was promised a call"),
    "stop": ("phone-off", "Asked never to be rung"),
}
FIELDS: Final = {"other": "other"}


class Asked(BaseModel):
    """What the list is asked for; it stands in the address."""

    model_config = ConfigDict(frozen=True)

    q: Annotated[str, Query(max_length=200)] = ""
    stage: LeadStatus | None = None

    def href(self, base: str, **changes: object) -> str:
        """The address of the list with this changed."""
        kept = {name: str(value) for name, value in (self.model_dump() | changes).items() if value}
        return f"{base}?{urlencode(kept)}" if kept else base


@dataclass(frozen=True, slots=True)
class Row:
    """Somebody as the list shows them."""

    id: str
    who: str
    phone: str
    about: str
    stage: Outcome | None
    no_calls: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Back:
    """A call back by an agent: where it is placed, or why it may not be; ``consent`` is where that is kept."""

    href: str
    consent: str
    why: str


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happened with somebody; ``href`` is where it stands."""

    at: datetime
    icon: str
    kind: str
    title: str
    text: str
    href: str


@router.get("/t/{tenant}/people", response_class=HTMLResponse)
async def people_page(
    request: Request,
    frame: Framed,
    access: Reading,
    asked: Annotated[Asked, Query()],
    cursor: Annotated[str | None, Query(max_length=1_000)] = None,
) -> HTMLResponse:
    """Everybody, the newest first; those at a stage, or those found by name or number."""
    shell, local, tenant = await tenant_shell(access, frame.brand, "people")
    base = f"/t/{tenant.id}/people"
    filters = {"list": "portal people", "tenant": tenant.id, **asked.model_dump()}
    position = position_of(access.given, filters, cursor)
    after = (datetime.fromisoformat(position[0]), str(position[1])) if position else None
    words = asked.q.replace("\0", "").strip()
    if asked.stage is not None and not words:
        staged = page(
            await ops.at_stage(access.scope, asked.stage, PART + 1, after),
            PART,
            access.given,
            filters,
            lambda one: (one[1].created_at, one[1].id),
        )
        rows, cursor = [_row(who, lead, local, lead.created_at) for who, lead in staged.data], staged.next_cursor
    else:
        found = page(
            await ops.page(access.scope, words or None, PART + 1, after), PART, access.given, filters, lambda one: (one.created_at, one.id)
        )
        leads = await ops.stages(access.scope, {one.id for one in found.data})
        may = "appointments.read" in access.may
        ahead = await desk.ahead(access.scope, {one.id for one in found.data} - leads.keys(), local.now) if may else set()
        rows = [_row(one, leads.get(one.id), local, one.created_at, ahead=one.id in ahead) for one in found.data]
        cursor = found.next_cursor
    tabs = [(_("Everybody"), asked.href(base, stage=None, q=""), asked.stage is None)]
    tabs += [(_(one.word), asked.href(base, stage=stage, q=""), asked.stage == stage) for stage, one in STAGES.items()]
    return portal(request).page(
        request,
        frame,
        "pages/people.html",
        "rows",
        shell=shell,
        local=local,
        base=base,
        asked=asked,
        rows=rows,
        tabs=tabs,
        more_href=asked.href(base, cursor=cursor) if cursor else None,
    )


@router.get("/t/{tenant}/people/{contact}", response_class=HTMLResponse)
async def contact_page(request: Request, frame: Framed, access: Reading, contact: ContactId) -> HTMLResponse:
    """Somebody: what is known, what happened, and what comes next."""
    return await _show(request, frame, access, contact, Typed())


@router.post("/t/{tenant}/people/{contact}", response_class=HTMLResponse)
async def change_contact(request: Request, frame: Framed, access: Writing, contact: ContactId, fields: Posted) -> Response:
    """Change what is known of somebody, or whether they may be rung."""
    old = await ops.locked(access.scope, contact)
    try:
        _match(fields, old.revision)
        wanted: dict[str, object] = {name: fields[name] for name in ("name", "address", "email", "note") if name in fields}
        if "phone" in fields and fields["phone"].strip() != (old.phone or ""):
            wanted["phone"] = fields["phone"].strip() or None
        if "no_calls" in fields:
            wanted["no_calls"] = fields["no_calls"] == "yes"
        changes = ContactChange.model_validate(wanted)
        await ops.change(access.scope, old, changes, access.given.clock())
    except (Invalid, Conflict, PreconditionFailed, ValidationError) as error:
        return await _show(request, frame, access, contact, refused(fields, error))
    await access.audit("contact.changed", contact, {"fields": sorted(changes.model_fields_set)})
    return onward(f"/t/{access.scope.tenant}/people/{contact}", "saved")


@router.post("/t/{tenant}/people/{contact}/merge", response_class=HTMLResponse)
async def merge_contacts(request: Request, frame: Framed, access: Writing, contact: ContactId, fields: Posted) -> Response:
    """Make one of two who are the same person; the other one is gone."""
    try:
        body = Merge(other=fields.get("other", ""))
        await ops.merge(access.scope, contact, body.other, access.given.clock())
    except (Invalid, Conflict, ValidationError) as error:
        return await _show(request, frame, access, contact, refused(fields, error, FIELDS))
    await access.audit("contact.merged", contact, {"other": body.other})
    return onward(f"/t/{access.scope.tenant}/people/{contact}", "merged")


@router.post("/t/{tenant}/people/{contact}/delete", response_class=HTMLResponse)
async def delete_contact(request: Request, frame: Framed, access: Writing, contact: ContactId, fields: Posted) -> Response:
    """Forget somebody."""
    old = await ops.locked(access.scope, contact)
    try:
        _match(fields, old.revision)
        if fields.get("sure") != "yes":
            raise Conflict("tick that you are sure: this cannot be undone")
        await ops.delete(access.scope, old, access.given.clock())
    except (Conflict, PreconditionFailed) as error:
        return await _show(request, frame, access, contact, refused(fields, error))
    await access.audit("contact.deleted", contact)
    return onward(f"/t/{access.scope.tenant}/people", "deleted")


@router.post("/t/{tenant}/people/{contact}/leads/{lead}", response_class=HTMLResponse)
async def change_lead(request: Request, frame: Framed, access: Writing, contact: ContactId, lead: LeadId, fields: Posted) -> Response:
    """Say how far it has come, who looks after it, and what there is to note."""
    old = await ops.lead(access.scope, lead, lock=True)
    if old.contact_id != contact:
        raise NotFound("no such lead")
    try:
        _match(fields, old.revision)
        wanted = {name: fields[name] for name in ("note", "assigned") if name in fields}
        # What the call said stays until somebody of the team says something else.
        wanted |= {"status": fields["status"]} if fields.get("status", old.status) != old.status else {}
        changes = LeadChange.model_validate(wanted)
        new = await ops.change_lead(access.scope, old, changes, access.given.clock())
    except (Invalid, PreconditionFailed, ValidationError) as error:
        typed = refused(fields, error)
        return await _show(request, frame, access, contact, Typed(problem=typed.problem, status=typed.status), lead=(lead, typed))
    await access.audit("lead.changed", lead, ops.noted(old, new, changes.model_fields_set))
    return onward(f"/t/{access.scope.tenant}/people/{contact}", "saved")


async def _show(
    request: Request, frame: Frame, access: TenantAccess, id: str, typed: Typed, *, lead: tuple[str, Typed] | None = None
) -> HTMLResponse:
    shell, local, tenant = await tenant_shell(access, frame.brand, "people")
    detail = await ops.show(access.scope, id)
    writing = "contacts.write" in access.may
    search = request.query_params.get("who", "")[:200].replace("\0", "").strip() if writing else ""
    twins = [one for one in await ops.page(access.scope, search, 7, None) if one.id != id] if search else []
    return portal(request).page(
        request,
        frame,
        "pages/contact.html",
        status=typed.status,
        shell=shell,
        local=local,
        base=f"/t/{tenant.id}",
        who=detail.contact,
        back=await _back(access, detail, f"/t/{tenant.id}/settings"),
        others=", ".join(local.phone(one) for one in detail.phones if one != detail.contact.phone),
        stage=STAGES[detail.leads[0].status] if detail.leads else None,
        leads=detail.leads,
        stages=STAGES,
        choices={one.id: _choices(one) for one in detail.leads},
        typed_lead=lead[1] if lead else Typed(),
        refused_lead=lead[0] if lead else None,
        moments=_moments(detail, local, f"/t/{tenant.id}", access),
        elsewhere=await _elsewhere(access, detail.phones, local),
        typed=typed,
        writing=writing,
        booking="appointments.write" in access.may,
        calls_may="calls.read" in access.may,
        search=search,
        twins=twins[:6],
    )


async def _back(access: TenantAccess, detail: ContactDetail, settings: str) -> Back | None:
    """Whether an agent may call somebody back; None for who may not place calls, and where there is no number."""
    who = detail.contact
    if who.phone is None or "outgoing.write" not in access.may:
        return None
    lead = next((one.id for one in detail.leads if one.status == "callback"), None)
    asked = {"to": who.phone, "contact": who.id} | ({"lead": lead} if lead else {})
    why = await outgoing.why_not(access.scope, who.phone, "call-back", lead)
    return Back(f"{settings}/calls-out/new?{urlencode(asked)}", f"{settings}/consent?{urlencode({'phone': who.phone})}", why)


async def _elsewhere(access: TenantAccess, phones: Sequence[str], local: Local) -> list[tuple[str, OutsideView, str]]:
    """What connected systems know of somebody: the system's name, what it knows, and what they owe there."""
    found = await systems.of_phone(access.scope, list(phones), local.now)
    titles = {one.id: one.title for one in await connections.every(access.scope)} if found else {}
    return [(titles.get(one.customer.connection_id, ""), one, balance([one.customer], local.now)) for one in found]


def _row(who: Contact, lead: Lead | None, local: Local, at: datetime, *, ahead: bool = False) -> Row:
    return Row(
        id=who.id,
        who=who.name or (local.phone(who.phone) if who.phone else who.email) or _("No name yet"),
        phone=local.phone(who.phone) if who.phone else "",
        about=_capital(lead.problem) if lead else "",
        stage=STAGES[lead.status] if lead else AHEAD if ahead else None,
        no_calls=who.no_calls,
        at=at,
    )


def _choices(lead: Lead) -> list[tuple[str, str]]:
    """Stages that the team may give, and the one that it is at."""
    return [(one, _(STAGES[one].word)) for one in ([lead.status] if lead.status not in BY_HAND else []) + list(BY_HAND)]


def _match(fields: Mapping[str, str], revision: int) -> None:
    if fields.get("revision") != str(revision):
        raise PreconditionFailed("somebody has changed this in the meantime: it is shown as it is now")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _moments(detail: ContactDetail, local: Local, base: str, access: TenantAccess) -> Sequence[Moment]:
    """All that happened, the latest first; what lies ahead stands above it by its day."""
    found = []
    if "calls.read" in access.may:
        for call in detail.calls:
            outcome = of_call(call)
            text = " · ".join(one for one in (_(outcome.word), duration(call.seconds) if call.seconds is not None else "") if one)
            found.append(Moment(call.at, outcome.icon, outcome.kind, _("Call"), text, f"{base}/calls/{call.id}"))
    if "appointments.read" in access.may:
        for visit in detail.appointments:
            gone = visit.status == "cancelled"
            title = _("Visit cancelled") if gone else _("Visit") if visit.starts_at < local.now else _("Visit booked")
            icon, kind = ("calendar-x", "quiet") if gone else ("calendar-check", "ok")
            text = ", ".join(one for one in (_capital(visit.problem), visit.address, visit.staff) if one)
            found.append(Moment(visit.starts_at, icon, kind, title, text, f"{base}/diary/{visit.id}"))
    for message in detail.messages:
        icon, word = MESSAGES.get(message.kind, ("message-square", "Left a message"))
        due = _("for {day}, {time}").format(day=local.day(message.due), time=local.clock(message.due)) if message.due else ""
        text = " · ".join(one for one in (message.note, due) if one)
        href = f"{base}/calls/{message.call_id}" if "calls.read" in access.may else ""
        found.append(Moment(message.created_at, icon, "info", _(word), text, href))
    found += [Moment(lead.created_at, "user-plus", "info", _("Lead"), _capital(lead.problem), "") for lead in detail.leads]
    return sorted(found, key=lambda one: one.at, reverse=True)
