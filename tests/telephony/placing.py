"""An orchestrator with a simulated carrier account whose people answer, and what an engine does when the media comes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio
from tests.e2e.business import DID, OTHER_DID, House, open_house
from tests.telephony.exchanges import PUBLIC, carried

from offhook.orchestrator.outgoing import ops
from offhook.testing.carriers.exchange import Account, Call, Exchange, Person
from offhook.testing.carriers.twilio import TwilioCarrier

SIDS = {"harbour": ("AC" + "a" * 32, "1" * 32), "quayside": ("AC" + "b" * 32, "2" * 32)}
PERSON = "+447700900777"


@dataclass
class Desk:
    """An orchestrator, the carrier, and what engines were told."""

    house: House
    carrier: Exchange
    accounts: dict[str, Account]
    plans: list[dict[str, Any]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    kind: str = "twilio"
    talk: Callable[[str], Any] | None = None
    """What happens in a call once its plan is there; the engine's id of the call is given."""

    async def media(self, call: Call, url: str, parameters: Mapping[str, str]) -> None:
        """An engine: it asks for the plan with the token, talks, and hangs up."""
        id = f"c_{call.sid[-6:]}"  # noqa: A001 - the engine's
        body = {"call": id, "transport": self.kind, "did": "", "caller": "", "carrier_call": call.sid, "token": parameters["token"]}
        answer = await self.house.post("/v1/plans", body)
        if answer.status_code != 200:  # it has no plan, and hangs up
            self.refused.append(answer.text)
            return
        self.plans.append(answer.json())
        if self.talk is not None:
            await self.talk(id)

    async def place(self, to: str = PERSON, tenant: str = "harbour", key: str = "", **fields: object) -> dict[str, Any]:
        """Ask for a call by the API."""
        body = {"to": to, "agent_id": "front-desk", **fields}
        headers = {"Idempotency_Key": key} if key else {}
        answer = await self.house.ask("POST", "/outgoing-calls", body, tenant=tenant, **headers)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def dial(self, id: str, tenant: str = "harbour") -> str:
        """What the queue's job does."""
        return await ops.dial(self.house.services, tenant, id)

    async def show(self, id: str, tenant: str = "harbour") -> dict[str, Any]:
        """How a call stands."""
        answer = await self.house.get(f"/outgoing-calls/{id}", tenant)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def until(self, id: str, *states: str, tenant: str = "harbour") -> dict[str, Any]:
        """Wait until it is in one of these states; it."""
        with anyio.fail_after(150):
            while True:
                async with self.house.services.database.tenant(tenant) as scope:
                    found = await ops.show(scope, id)
                if found.state in states:
                    return found.model_dump(mode="json")
                await anyio.sleep(0.01)

    async def quiet(self) -> None:
        """Wait until every call at the carrier is over, and we have been told so."""
        await self.carrier.until(lambda: all(not one.alive for one in self.carrier.calls.values()))
        with anyio.fail_after(150):
            while await self.house.look("select id from outgoing_call where state in ('ringing', 'answered')"):
                await anyio.sleep(0.02)

    def rung(self, to: str = PERSON) -> list[Call]:
        """Legs that the carrier rang to a number."""
        return [one for one in self.carrier.calls.values() if one.to == to and one.direction == "outbound-api"]

    async def put(self, path: str, tenant: str = "harbour", **changes: object) -> None:
        """Other settings."""
        old = (await self.house.get(path, tenant)).json()
        body = {name: value for name, value in old.items() if name in CHANGED[path]} | changes
        answer = await self.house.ask("PUT", path, body, tenant=tenant, If_Match="*")
        assert answer.status_code == 200, answer.text

    async def agreed(self, phone: str = PERSON, tenant: str = "harbour") -> None:
        """Somebody has agreed to be rung."""
        answer = await self.house.ask("POST", "/call-consents", {"phone": phone, "how": "ticked on the web form"}, tenant=tenant)
        assert answer.status_code == 201, answer.text


CHANGED = {
    "/outgoing-settings": {
        "opens", "closes", "days", "consent_for", "attempts", "gap_minutes", "voicemail", "reminder_hours", "reminder_agent",
    },
    "/call-limits": {
        "countries", "hosts", "at_once", "per_minute", "minutes_per_hour", "spend_per_hour", "max_minutes", "price_home", "price_abroad",
    },
}  # fmt: skip


@asynccontextmanager
async def open_desk(database_url: str, owner_url: str) -> AsyncIterator[Desk]:
    """Both businesses have an account with the carrier and their number there. It is Monday, ten o'clock in London."""
    carrier = TwilioCarrier()
    async with open_house(
        database_url, owner_url=owner_url, public_url=PUBLIC, transports={"carrier/twilio": carrier.transport()}, end_grace_s=0.0
    ) as house:
        house.now[0] = house.now[0].replace(hour=10)
        carrier.web, carrier.clock = house.http, lambda: house.now[0]
        accounts = {}
        for tenant, did in (("harbour", DID), ("quayside", OTHER_DID)):
            sid, token = SIDS[tenant]
            accounts[tenant] = carrier.add_account(sid, token)
            carrier.add_number(accounts[tenant], did, tenant)
            made = await house.ask("POST", "/carrier-accounts", {"account_sid": sid, "auth_token": token}, tenant=tenant)
            number = (await house.get("/numbers", tenant)).json()["data"][0]["id"]
            change = {"carrier_account_id": made.json()["id"]}
            assert (await house.ask("PATCH", f"/numbers/{number}", change, tenant=tenant, If_Match="*")).status_code == 200
        desk = Desk(house, carrier, accounts)
        carrier.media = desk.media
        carrier.people |= {to: Person() for to in (PERSON, "+447700900778")}
        async with carrier.running():
            yield desk
        assert carrier.problems == []


@asynccontextmanager
async def open_desk_at(kind: str, database_url: str, owner_url: str) -> AsyncIterator[Desk]:
    """Harbour has an account with this carrier and its number there."""
    line = carried(kind)
    carrier = line.exchange
    transports = {f"carrier/{kind}": carrier.transport()}
    async with open_house(database_url, owner_url=owner_url, public_url=PUBLIC, transports=transports, end_grace_s=0.0) as house:
        house.now[0] = house.now[0].replace(hour=10)
        carrier.web, carrier.clock = house.http, lambda: house.now[0]
        line.add_number(DID)
        made = await house.ask("POST", "/carrier-accounts", line.account)
        number = (await house.get("/numbers")).json()["data"][0]["id"]
        moved = await house.ask("PATCH", f"/numbers/{number}", {"carrier_account_id": made.json()["id"]}, If_Match="*")
        assert moved.status_code == 200, moved.text
        desk = Desk(house, carrier, {}, kind=kind)
        carrier.media = desk.media
        carrier.people[PERSON] = Person()
        async with carrier.running():
            yield desk
        assert carrier.problems == []
