"""The start page: a full day, a day without calls, and a business that has not begun."""

from __future__ import annotations

from datetime import timedelta

from tests.e2e.business import House
from tests.e2e.calls import NOW, Rang, ring
from tests.e2e.stops import Stop

from offhook.orchestrator.bookings import ops as bookings
from offhook.orchestrator.bookings.slots import Span
from offhook.orchestrator.crm import ops as crm
from offhook.orchestrator.crm.schemas import By

ROOT = "root@platform.example"
STOPS = {
    "today": Stop("/t/harbour"),
    "today-quiet": Stop("/t/quayside", who=ROOT),
    "today-begun": Stop("/t/saltmarsh", who=ROOT),
}
VISITS = (
    (-1, 2.0, "tom", "+447700900151", "Dana Whitlock", "hot water leaking", "42 Fern Street", "call_9"),
    (1.5, 1.0, "priya", "+447700900171", "Kahu Builders", "rough-in inspection", "7 Dock Road", None),
    (3, 1.5, "tom", "+447700900123", "Priya Nair", "blocked kitchen drain", "Mayfield", "call_0"),
    (5, 1.5, "priya", "+447700900152", "Peter Vella", "toilet cistern", "Wickham", "call_10"),
)
"""Hours from now, hours, who comes, and for whom and what; the call that booked it."""


async def furnish(house: House) -> None:
    """Visits of today, somebody who was promised a call, an endpoint that refuses; a quiet neighbour and a new one."""
    async with house.services.database.tenant("harbour") as scope:
        for begins, hours, staff, phone, name, problem, address, call in VISITS:
            who = await crm.save_contact(scope, NOW, phone, name=name, address=address)
            start = NOW + timedelta(hours=begins)
            by = By(kind="call", id=call) if call else By(kind="person", id="usr_ann")
            span = Span(start, start + timedelta(hours=hours), staff)
            await bookings.book(scope, house.services, by, span, contact=who.id, name=name, address=address, problem=problem)
        greg = await crm.save_contact(scope, NOW, "+447700900144", name="Greg Sandilands")
        due = NOW + timedelta(hours=4)
        await crm.add_message(scope, NOW - timedelta(minutes=60), greg.id, "call_2", kind="callback", due=due)
        about = "two-bathroom renovation, New Lambton; wants a price"
        await crm.save_lead(scope, house.services, By(kind="call", id="call_2"), greg.id, status="callback", problem=about)
    await ring(
        house, [Rang(2_600, "+447700900181", "Ines Duarte", "radiator cold upstairs", "booked", 88)], tenant="quayside", prefix="quay"
    )
    await house.look(
        "insert into tenant (id, reseller_id, name, timezone, region, locale, diary)"
        " select 'saltmarsh', 'direct', 'Saltmarsh Electrical', timezone, region, locale, diary from tenant where id = 'harbour'"
    )
    made = await house.ask("POST", "/webhooks", {"url": "https://board.example.com/hook", "description": "Dispatch board"})
    assert made.status_code == 201, made.text
    await house.look(
        "update webhook_queue set failing_since = :since, failed_at = :last where endpoint_id = :id",
        since=NOW - timedelta(hours=3, minutes=17),
        last=NOW - timedelta(minutes=4),
        id=made.json()["id"],
    )
    for _ in range(4):
        await house.ask("POST", f"/webhooks/{made.json()['id']}/test", {})
