"""One of everything for Harbour, made over the API and by an engine's requests; the ids by the names that routes give them."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from tests.e2e.business import CALLER, SECRET, House

from offhook import signing
from offhook.contracts.handover import HEADER, Handover, Kind


async def furnish(house: House) -> dict[str, str]:
    """Give Harbour a call with a booking, a lead, a message and files, and whatever its routes can make."""
    await house.plan()
    slot = (await house.slots())[0]
    await house.tool("book", {"slot": slot["id"], "name": "Ann Lee", "phone": CALLER, "problem": "tap"})
    await house.tool("save_message", {"name": "Ann Lee", "phone": CALLER, "note": "ring me"})
    detail = await house.call()
    await _hand_over(house, "recording")
    await _hand_over(house, "trace")
    await house.look("insert into person (id, email, name, created_at) values ('usr_harbour', 'owner@harbour.example', 'Owner', now())")
    await house.look(
        "insert into membership (id, person_id, level, tenant_id, role, created_by, created_at)"
        " values ('mbr_harbour', 'usr_harbour', 'tenant', 'harbour', 'tenant_owner', 'test', now())"
    )

    async def made(path: str, body: dict[str, Any], *where: str) -> str:
        answer = await house.ask("POST", path, body)
        assert answer.status_code in {200, 201, 202}, (path, answer.text)
        found = answer.json()
        for step in where or ("id",):
            found = found[step]
        return str(found)

    async def first(path: str) -> str:
        answer = await house.ask("GET", path)
        assert answer.status_code == 200, (path, answer.text)
        return str(answer.json()["data"][0]["id"])

    agent = await made("/agents", {"template": "receptionist", "name": "Harbour's own"})
    webhook = await made("/webhooks", {"url": "https://hooks.example.com/harbour"})
    await made(f"/webhooks/{webhook}/test", {})
    await made("/members", {"email": "new@harbour.example", "role": "viewer"})
    provider = {"name": "Harbour's", "issuer": "https://id.harbour.example", "client_id": "c", "client_secret": "s", "enabled": False}
    return {
        "call": "c1",
        "agent": agent,
        "number": await first("/numbers"),
        "appointment": detail["appointments"][0]["id"],
        "contact": await first("/contacts"),
        "lead": detail["lead"]["id"],
        "webhook": webhook,
        "delivery": await first(f"/webhooks/{webhook}/deliveries"),
        "event": await first("/events"),
        "member": "mbr_harbour",
        "invitation": await first("/invitations"),
        "provider": await made("/oidc-providers", {**provider, "domains": ["harbour.example"]}),
        "key": await made("/keys", {"name": "k", "permissions": ["calls.read"]}),
        "account": await made("/carrier-accounts", {"account_sid": f"AC{'0' * 32}", "auth_token": "0" * 32}),
        "trunk": await made("/trunks", {"auth": "address", "sources": ["8.8.4.4"]}),
        "button": await made("/call-buttons", {"agent_id": agent, "origins": ["https://www.harbour.example"]}),
        "export": await made("/exports", {}),
        "test": await made(f"/agents/{agent}/voice-tests", {}),
        "vendor": await _account(house),
        "connection": await _connection(house),
        "outgoing": await made("/outgoing-calls", {"to": CALLER, "agent_id": "front-desk"}),
        "phone": await _phone(house),
    }


async def _phone(house: House) -> str:
    """A number that agreed to be rung, and one that is never rung; both by the same number, which goes by itself in paths."""
    phone = "+447700900456"
    for path, body in (("/do-not-call", {"phone": phone}), ("/call-consents", {"phone": phone, "how": "by mail"})):
        answer = await house.ask("POST", path, body)
        assert answer.status_code == 201, answer.text
    return phone


async def _connection(house: House) -> str:
    """A link to a business system with its key, and a word that was said over it; no system is there to ask."""
    id = "con_harbour"  # noqa: A001 - what it is
    async with house.services.database.tenant("harbour") as scope:
        key = await house.services.vault.seal(scope, f"connection/{id}/field/key", b"a key of Harbour's")
    row = "'harbour', :id, 'crm/harbours', 'key', 'acc_1', 'Harbour''s books', '', 'active', '{}', '{}', '{}', now(), now()"
    columns = "tenant_id, id, adapter, auth, account_id, account, timezone, state, settings, chosen, mapping, created_at, updated_at"
    await house.look(f"insert into connection ({columns}) values ({row})", id=id)  # noqa: S608
    await house.look("insert into connection_secret values ('harbour', :id, 'key', :key, now())", id=id, key=key)
    said = "'harbour', 'exc_1', :id, 'c1', '', now(), 'GET', '/customers', 200, '', 0.1, 'a', 'b', 'x'"
    await house.look(f"insert into connection_exchange values ({said})", id=id)  # noqa: S608
    return id


async def _account(house: House) -> str:
    """An account with a vendor, by whose name it goes."""
    answer = await house.ask("PUT", "/vendor-accounts/deepgram", {"api_key": "0" * 40})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["vendor"])


async def _hand_over(house: House, kind: Kind) -> None:
    """A file of the call, as an engine brings it."""
    body = b"what Harbour's caller said"
    one = Handover(call="c1", ref="harbour/front-desk", kind=kind, size=len(body), sha256=hashlib.sha256(body).hexdigest())
    manifest = one.model_dump_json().encode()
    headers = signing.headers(SECRET, f"handover.{kind}", int(house.now[0].timestamp()), manifest)
    sent = headers | {HEADER: base64.b64encode(manifest).decode()}
    answer = await house.http.post("/v1/recordings", content=body, headers=sent)
    assert answer.status_code == 200, answer.text
