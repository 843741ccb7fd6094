"""People, and one of them with all that may hang on somebody."""

from __future__ import annotations

from datetime import timedelta

from tests.e2e.business import House
from tests.e2e.calls import NOW
from tests.e2e.stops import Stop

from offhook.orchestrator.crm import contacts
from offhook.orchestrator.crm import ops as crm
from offhook.orchestrator.crm.schemas import By, NewContact

PEOPLE = "/t/harbour/people"
ROOT = "root@platform.example"
_OPEN = "() => document.querySelectorAll('details.more').forEach((one) => { one.open = true; })"
_WRONG = """() => {
  document.querySelector('[name=phone]').value = '12';
  document.querySelector('aside form').submit();
}"""
STOPS = {
    "people": Stop(PEOPLE),
    "people-stage": Stop(f"{PEOPLE}?stage=new"),
    "people-none": Stop(f"{PEOPLE}?q=nosuchname"),
    "people-empty": Stop("/t/saltmarsh/people", who=ROOT),
    "person": Stop(f"{PEOPLE}/con_stop?who=sunrise", _OPEN),
    "person-wrong": Stop(f"{PEOPLE}/con_stop", _WRONG, wait=".error"),
    "person-bare": Stop(f"{PEOPLE}/con_bare"),
}


async def furnish(house: House) -> None:
    """Somebody with a lead, a message and a note, and somebody of whom a number is all that is known."""
    named = {}
    async with house.services.database.tenant("harbour") as scope:
        who = await crm.save_contact(
            scope, NOW - timedelta(days=1), "+447700900153", name="Sunrise Cafe", address="12 Wharf Street", email="hello@sunrise.example"
        )
        about = "grease trap service, wants monthly"
        await crm.save_lead(scope, house.services, By(kind="call", id="call_11"), who.id, problem=about)
        await crm.add_message(
            scope, NOW - timedelta(days=1), who.id, "call_11", kind="message", note="Ring the kitchen door, not the front."
        )
        bare = await contacts.create(scope, NewContact(phone="+447700900189", no_calls=True), NOW)
        await contacts.create(scope, NewContact(phone="+447700900190", name="Sunrise Cafe Kitchen"), NOW - timedelta(days=3))
        named = {"con_stop": who.id, "con_bare": bare.id}
    for name, old in named.items():
        await house.look(
            "with renamed as (update contact set id = :new where id = :old),"
            " phones as (update contact_phone set contact_id = :new where contact_id = :old),"
            " words as (update contact_word set contact_id = :new where contact_id = :old),"
            " messages as (update message set contact_id = :new where contact_id = :old)"
            " update lead set contact_id = :new where contact_id = :old",
            new=name,
            old=old,
        )
