"""What a call becomes in a business system. Pure: the same call, manifest and mapping give the same records."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

from offhook.adapters.model import Appointment, Customer, Job, Lead, Note, Ref
from offhook.adapters.port import Manifest
from offhook.contracts.analysis import CallResult
from offhook.orchestrator.bookings.schemas import Appointment as Visit
from offhook.orchestrator.crm.schemas import Contact, Message
from offhook.orchestrator.crm.schemas import Lead as OwnLead

Record: TypeAlias = Customer | Lead | Job | Appointment | Note
CUSTOMER: Final = "customer"
NOBODY: Final = Ref("customer", "")
"""In records that are planned, for the customer who is found or made first."""
TITLE: Final = 120
LONGEST: Final = 40
"""Characters of a call's id in a key."""
SILENT: Final = "The caller said nothing."
TEST: Final = "Nothing of a test call leaves here."
UNABLE: Final = "This system takes nothing that this call left."
CANCELLED: Final = "The visit was cancelled since."
STRANGER: Final = "The caller left nothing to follow up, and is no customer there."


@dataclass(frozen=True, slots=True)
class Told:
    """A call as its paperwork has it. Phone numbers are E.164; times are told in ``zone``."""

    call: str
    phones: tuple[str, ...]
    at: datetime
    zone: ZoneInfo
    said: bool
    """Whether the caller said anything."""
    result: CallResult
    visits: tuple[Visit, ...] = ()
    """Booked in the call."""
    lead: OwnLead | None = None
    messages: tuple[Message, ...] = ()
    contact: Contact | None = None
    """Who the caller is in the built-in CRM."""
    page: str = ""
    """The call's own page."""
    recording: str = ""

    @property
    def person(self) -> str:
        """Who called, so that two calls of theirs are known to be, without saying who: a hash."""
        who = self.phones[0] if self.phones else self.result.contact.email or f"call {self.call}"
        return hashlib.sha256(who.casefold().encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Intended:
    """A record to be written. ``needs`` names the steps whose records it refers to; ``visit`` is our appointment, of this ``revision``.

    ``reason``: why it is not written after all.
    """

    step: str
    record: Record
    needs: tuple[str, ...] = (CUSTOMER,)
    visit: str = ""
    revision: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be written, in order. Where it is nothing, ``reason`` says why."""

    items: tuple[Intended, ...] = ()
    reason: str = ""
    make: bool = True
    """Whether a caller who is no customer there becomes one."""


def plan(told: Told, manifest: Manifest, mapping: Mapping[str, str], chosen: Mapping[str, Sequence[str]]) -> Plan:
    """A visit becomes a job with an appointment where the system has them, else a lead, as everything else does that wants an answer.

    A caller who left nothing to follow up gets a note where they are a customer there, and is not made one.
    """
    if not told.said and not told.visits:
        return Plan(reason=SILENT)
    can = manifest.capabilities
    visits = told.visits if any(one.status == "booked" for one in told.visits) else ()
    wanted = bool(visits or told.lead or told.messages or told.result.problem or told.result.job_type)
    items: list[Intended] = []
    fields = mapped(told.result, {name: path for name, path in mapping.items() if name in manifest.mappable})
    person = customer(told)
    if visits and "create_job" in can and "job" in manifest.writes:
        job = Job("", title(told.result), description(told), _address(told), person=person, fields=fields)
        items.append(Intended("job", job))
    elif wanted and "create_lead" in can and "lead" in manifest.writes:
        lead = Lead("", title(told.result), description(told), _address(told), told.result.urgency or "", person=person, fields=fields)
        items.append(Intended("lead", lead))
    main = items[0].step if items else ""
    if "create_appointment" in can and "appointment" in manifest.writes:
        items += [_appointment(told, one, number, main, chosen) for number, one in enumerate(visits, 1)]
    if "add_note" in can and "note" in manifest.writes:
        items.append(Intended("note", Note(NOBODY, note(told), told.page, told.at), (CUSTOMER, main) if main else (CUSTOMER,)))
    if not items or not can & {"find_customer", "upsert_customer"}:
        return Plan(reason=UNABLE)
    return Plan((Intended(CUSTOMER, person, ()), *items), make=wanted and "upsert_customer" in can)


def key_of(call: str, step: str) -> str:
    """What a step's write is called, however often it is sent. A call's id may hold what systems do not take in a key."""
    plain = call if len(call) <= LONGEST and re.fullmatch(r"[A-Za-z0-9_:-]+", call) else hashlib.sha256(call.encode()).hexdigest()[:LONGEST]
    return f"call/{plain}/{step}"


def customer(told: Told) -> Customer:
    """Who called, as far as the call and the built-in CRM know it. One without a name goes by the number."""
    said, known = told.result.contact, told.contact
    name = said.name or (known.name if known else "")
    return Customer(
        name=name or (told.phones[0] if told.phones else "Unknown caller"),
        phones=told.phones,
        email=said.email or (known.email if known else ""),
        address=_address(told),
    )


def completed(found: Customer, ours: Customer) -> Customer | None:
    """What a customer's record there lacks and we know; None where that is nothing. What stands there is never written over."""
    email = "" if found.email else ours.email
    address = "" if found.address else ours.address
    return Customer(id=found.id, email=email, address=address) if email or address else None


def mapped(result: CallResult, mapping: Mapping[str, str]) -> dict[str, Any]:
    """The system's fields that have a value in the call, by the paths that the tenant gave them (``facts.boiler_make``)."""
    document = result.model_dump(mode="json")
    found = {name: _at(document, path) for name, path in mapping.items()}
    return {name: value for name, value in found.items() if value not in (None, "", [], {})}


def _at(document: Any, path: str) -> Any:  # noqa: ANN401 - JSON
    for part in path.split("."):
        if not isinstance(document, Mapping):
            return None
        document = document.get(part)
    return document


def title(result: CallResult) -> str:
    """One short line."""
    found = result.job_type or result.problem or result.intent.replace("_", " ")
    line = " ".join(found.split()) or "Enquiry"
    line = line[:1].upper() + line[1:]
    return line if len(line) <= TITLE else line[: TITLE - 1].rstrip() + "…"


def description(told: Told) -> str:
    """What the business has to know to go about it."""
    result = told.result
    lines = [result.problem or result.summary]
    lines += [f"Urgency: {result.urgency}"] if result.urgency else []
    lines += [f"Preferred times: {', '.join(result.preferred_times)}"] if result.preferred_times else []
    lines += [f"Message: {one.note}" for one in told.messages if one.note and one.note != result.problem]
    lines += [f"Taken by phone, {_when(told)}."]
    return "\n".join(one for one in lines if one)


def note(told: Told) -> str:
    """The call in words, with where to hear it."""
    result = told.result
    visits = [f"Booked: {_clock(one.starts_at, told.zone)}" for one in told.visits if one.status == "booked"]
    facts = [f"{name.replace('_', ' ').capitalize()}: {value}" for name, value in result.facts.items() if isinstance(value, str) and value]
    lines = [f"Call, {_when(told)}{f', {told.phones[0]}' if told.phones else ''}", result.summary, *visits, *facts]
    lines += [f"Recording: {told.recording}"] if told.recording else []
    return "\n".join(lines)


def _appointment(told: Told, visit: Visit, number: int, main: str, chosen: Mapping[str, Sequence[str]]) -> Intended:
    where = next(
        (found for key in (f"staff/{visit.staff}", f"calendar/{visit.staff}", "staff", "calendar") if (found := chosen.get(key))), ("",)
    )
    record = Appointment(
        resource=where[0],
        start=visit.starts_at,
        end=visit.ends_at,
        title=title(told.result),
        description=description(told),
        address=visit.address or _address(told),
        person=customer(told),
    )
    step = "appointment" if number == 1 else f"appointment-{number}"
    reason = "" if visit.status == "booked" else CANCELLED
    return Intended(step, record, (CUSTOMER, main) if main else (CUSTOMER,), visit.id, visit.revision, reason)


def _address(told: Told) -> str:
    return told.result.contact.address or (told.contact.address if told.contact else "")


def _when(told: Told) -> str:
    return _clock(told.at, told.zone)


def _clock(moment: datetime, zone: ZoneInfo) -> str:
    local = moment.astimezone(zone)
    return f"{local.day} {local:%B %Y, %H:%M}"
