"""The diary as the team works on it: a visit for somebody who may be new, and what the log says of a change."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from pydantic import ConfigDict

from offhook.errors import Fault, Invalid
from offhook.orchestrator.bookings import ops
from offhook.orchestrator.bookings.repo import AppointmentRepo
from offhook.orchestrator.bookings.schemas import Appointment, NewAppointment
from offhook.orchestrator.crm import ops as crm
from offhook.orchestrator.crm.schemas import Body, By, Line, Place
from offhook.orchestrator.numbers.ops import e164
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.tenants.schemas import Tenant


class ForWhom(Body):
    """Somebody by number, new or known; ``contact`` where it was said which one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    contact: str | None = None
    phone: Line = ""
    name: Line = ""
    address: Place = ""


async def book(
    scope: TenantScope, given: Services, by: By, tenant: Tenant, who: ForWhom, new: dict[str, Any], held: str = ""
) -> Appointment:
    """Book a visit; whoever it is for is a contact from then on. If it cannot be booked nothing is changed. Invalid, Conflict, NotFound."""
    async with scope.session.begin_nested():
        if who.contact is not None:
            contact = await crm.contact(scope, who.contact)
        else:
            phone = e164(who.phone, tenant.region) if who.phone else None
            if who.phone and phone is None:
                raise Invalid("the phone number is none", faults=(Fault("phone", "not a phone number: use one such as +447700900123"),))
            if phone is None and not who.name:
                raise Invalid("for whom", faults=(Fault("phone", "say for whom it is: a phone number or a name"),))
            contact = await crm.save_contact(scope, given.clock(), phone, name=who.name, address=who.address)
        wanted = NewAppointment.model_validate({**new, "contact_id": contact.id, "name": who.name, "address": who.address})
        return await ops.create(scope, given, by, tenant, contact, wanted, held=held)


async def sources(scope: TenantScope, appointments: Collection[str]) -> dict[str, str]:
    """Who made each of these: ``call``, ``person``, ``key`` or ``operator``."""
    return await AppointmentRepo(scope).makers(appointments)


async def ahead(scope: TenantScope, contacts: Collection[str], now: datetime) -> set[str]:
    """Those of these contacts who have a visit ahead."""
    return await AppointmentRepo(scope).ahead(contacts, now)


def noted(old: Appointment, new: Appointment, fields: Collection[str]) -> dict[str, Any]:
    """What the log says of a change: which fields, and from when to when."""
    details: dict[str, Any] = {"fields": sorted(fields)}
    if (old.starts_at, old.staff) != (new.starts_at, new.staff):
        details |= {"starts_at": [old.starts_at.isoformat(), new.starts_at.isoformat()], "staff": [old.staff, new.staff]}
    return details
