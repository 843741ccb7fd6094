"""The diary: what the start page's module has booked, as days and weeks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.e2e.business import House
from tests.e2e.calls import NOW
from tests.e2e.stops import Stop

from offhook.orchestrator.bookings import ops as bookings
from offhook.orchestrator.bookings.slots import Span
from offhook.orchestrator.crm import ops as crm
from offhook.orchestrator.crm.schemas import By

DIARY = "/t/harbour/diary"
ROOT = "root@platform.example"
_WRONG = """() => {
  document.querySelector('[name=phone]').value = '12';
  document.querySelector('[value=""][name=slot]').checked = true;
  document.querySelector('[name=time]').value = '08:00';
  document.querySelector('main form').submit();
}"""
STOPS = {
    "diary": Stop(DIARY),
    "diary-day": Stop(f"{DIARY}?view=day"),
    "diary-clocks": Stop(f"{DIARY}?on=2026-10-25"),
    "diary-new": Stop(f"{DIARY}/new?who=dana"),
    "diary-new-wrong": Stop(f"{DIARY}/new", _WRONG, wait=".problem, .error"),
    "diary-visit": Stop(f"{DIARY}/apt_stop"),
    "diary-cancelled": Stop(f"{DIARY}/apt_gone"),
    "diary-empty": Stop("/t/saltmarsh/diary", who=ROOT),
}


async def furnish(house: House) -> None:
    """Two visits that the addresses above name: one that a call booked and the team moved, one that was cancelled."""
    ann = By(kind="person", id="usr_ann")
    named = {}
    async with house.services.database.tenant("harbour") as scope:
        who = await crm.save_contact(scope, NOW, "+447700900172", name="Imogen Farrow", address="3 Quay Lane")
        fields: dict[str, Any] = {"contact": who.id, "name": who.name, "address": who.address, "problem": "tap drips in the kitchen"}
        start = NOW + timedelta(days=1, hours=2)
        span = Span(start, start + timedelta(minutes=90), "tom")
        moved = await bookings.book(scope, house.services, By(kind="call", id="call_10"), span, **fields)
        later = Span(start + timedelta(hours=1), start + timedelta(minutes=150), "priya")
        await bookings.move(scope, house.services, ann, moved.id, later)
        gone = await bookings.book(scope, house.services, ann, span, **fields)
        await bookings.cancel(scope, house.services, ann, gone.id)
        named = {"apt_stop": moved.id, "apt_gone": gone.id}
    for name, id in named.items():  # noqa: A001 - of a visit
        await house.look(
            "with renamed as (update appointment set id = :new where id = :old)"
            " update appointment_change set appointment_id = :new where appointment_id = :old",
            new=name,
            old=id,
        )
