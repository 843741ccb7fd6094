"""Trunks: a tenant's SIP links, what engines are told of them, and whose call a call over one is."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from tests.e2e.business import CALLER, DID, OTHER_DID, SECRET, House, open_house

from offhook import signing
from offhook.contracts.trunks import Trunks

PASSWORD = "s3cret-of-the-trunk"
LOGIN = {"label": "Main", "auth": "register", "host": "SIP.carrier.example:5070", "user": "harbour", "password": PASSWORD}
PEER = {"label": "Exchange", "auth": "address", "sources": ["8.8.4.4", "9.9.9.0/24"]}


async def _made(house: House, body: dict[str, Any], tenant: str = "harbour") -> dict[str, Any]:
    answer = await house.ask("POST", "/trunks", body, tenant=tenant)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def _asked(house: House, message: str = "trunks.poll.1", **headers: str) -> httpx.Response:
    signed = signing.headers(SECRET, message, int(house.now[0].timestamp()), b"")
    return await house.http.get("/v1/trunks", headers=signed | headers)


async def _told(house: House) -> Trunks:
    answer = await _asked(house)
    assert answer.status_code == 200, answer.text
    return Trunks.model_validate_json(answer.content)


async def _number(house: House, did: str, **fields: object) -> dict[str, Any]:
    answer = await house.ask("POST", "/numbers", {"did": did, "agent_id": "front-desk", **fields})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def _rung(house: House, trunk: dict[str, Any], did: str, tenant: str = "harbour", call: str = "s1") -> httpx.Response:
    over = {"trunk": trunk["id"], "trunk_ref": f"{tenant}/{trunk['id']}", "sip_call_id": "x@y"}
    return await house.post("/v1/plans", {"call": call, "transport": "sip", "did": did, "caller": CALLER, "parameters": over})


async def test_a_password_goes_in_and_comes_out_to_engines_alone(house: House) -> None:
    made = await _made(house, LOGIN)
    path = f"/trunks/{made['id']}"
    assert (made["host"], made["password_set"], made["states"]) == ("sip.carrier.example:5070", True, [])
    shown = await house.get(path)
    assert shown.json() == made
    changed = await house.ask("PATCH", path, {"password": PASSWORD + "2", "max_calls": 5}, If_Match=shown.headers["etag"])
    assert (changed.status_code, changed.json()["max_calls"]) == (200, 5)
    assert (await house.ask("PATCH", path, {"label": "x"}, If_Match=shown.headers["etag"])).status_code == 412
    everything = shown.text + changed.text + (await house.get("/trunks")).text
    kept = json.dumps([str(row) for row in await house.look("select trunk::text from trunk")])
    log = json.dumps([str(row) for row in await house.look("select audit::text from audit where audit::text like '%trunk%'")])
    again = json.dumps([str(row) for row in await house.look("select idempotency::text from idempotency")])
    assert PASSWORD not in everything + kept + log + again
    assert PASSWORD.encode().hex() not in kept
    assert "trunk.created" in log
    assert "trunk.changed" in log
    (told,) = (await _told(house)).trunks
    assert (told.password.get_secret_value(), told.ref, told.calls) == (PASSWORD + "2", f"harbour/{made['id']}", 5)
    gone = await house.ask("PATCH", path, {"auth": "address", "sources": ["8.8.8.8"], "password": None}, If_Match="*")
    assert (gone.status_code, gone.json()["password_set"]) == (200, False)
    assert (await house.ask("DELETE", path, If_Match="*")).status_code == 204
    assert (await _told(house)).trunks == ()


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"sources": []}, "sources"),
        ({"sources": ["10.0.0.7"]}, "sources.0"),
        ({"sources": ["8.8.8.8", "127.0.0.1"]}, "sources.1"),
        ({"sources": ["0.0.0.0/0"]}, "sources.0"),
        ({"sources": ["8.0.0.0/9"]}, "sources.0"),
        ({"sources": ["8.8.8.8/24"]}, "sources.0"),
        ({"sources": ["::ffff:7f00:1"]}, "sources.0"),
        ({"host": "127.0.0.1:5060"}, "host"),
        ({"host": "localhost"}, "host"),
        ({"host": "a.example/x"}, "host"),
        ({"host": "user@a.example"}, "host"),
        ({"host": "a.example:99999"}, "host"),
        ({"codecs": ["PCMU", "PCMU"]}, "codecs"),
        ({"codecs": []}, "codecs"),
        ({"auth": "register"}, "host"),
        ({"user": "two words"}, "user"),
        ({"max_calls": 0}, "max_calls"),
    ],
)
async def test_what_is_wrong_is_named(house: House, changes: dict[str, Any], path: str) -> None:
    answer = await house.ask("POST", "/trunks", {**PEER, **changes})
    assert answer.status_code == 422, answer.text
    assert path in [one["path"] for one in answer.json()["errors"]], answer.text


async def test_private_networks_are_the_operators_to_allow(database_url: str) -> None:
    async with open_house(database_url, trunk_networks=("10.1.0.0/16", "127.0.0.0/8")) as house:
        made = await _made(house, {**PEER, "sources": ["10.1.2.0/24", "127.0.0.1/32"], "host": "127.0.0.1:5070"})
        assert (made["sources"], made["host"]) == (["10.1.2.0/24", "127.0.0.1"], "127.0.0.1:5070")
        assert (await house.ask("POST", "/trunks", {**PEER, "sources": ["10.2.0.1"]})).status_code == 422


async def test_engines_are_told_of_every_trunk_and_of_changes(house: House) -> None:
    mine, theirs = await _made(house, LOGIN), await _made(house, PEER, tenant="quayside")
    off = await _made(house, {**PEER, "enabled": False})
    number = await _number(house, "+442079460111", trunk_id=mine["id"])
    first = await _told(house)
    assert {one.ref for one in first.trunks} == {f"harbour/{mine['id']}", f"quayside/{theirs['id']}"}
    assert {one.id: one.dids for one in first.trunks}[mine["id"]] == ("+442079460111",)
    same = await _asked(house, **{"if-none-match": f'"{first.version}"'})
    assert (same.status_code, same.content) == (304, b"")
    versions = {first.version}
    for path, change in (
        (f"/trunks/{off['id']}", {"enabled": True}),
        (f"/trunks/{mine['id']}", {"max_calls": 7}),
        (f"/numbers/{number['id']}", {"enabled": False}),
    ):
        assert (await house.ask("PATCH", path, change, If_Match="*")).status_code == 200
        assert (await _asked(house, **{"if-none-match": f'"{first.version}"'})).status_code == 200
        versions.add((await _told(house)).version)
    assert len(versions) == 4
    await house.look("update tenant set suspended = true where id = 'quayside'")
    assert {one.ref.split("/")[0] for one in (await _told(house)).trunks} == {"harbour"}


async def test_only_an_engine_is_told(house: House) -> None:
    await _made(house, LOGIN)
    for answer in (
        await house.http.get("/v1/trunks"),
        await house.http.get("/v1/trunks", headers={"authorization": "Bearer operator"}),
        await _asked(house, "show.c1.x"),  # signed to ask an engine something
        await _asked(house, **{"webhook-id": "trunks.poll.2"}),
    ):
        assert answer.status_code == 401
        assert PASSWORD not in answer.text


async def test_a_number_comes_by_a_carrier_or_by_a_trunk(house: House) -> None:
    trunk = await _made(house, PEER)
    account = (await house.ask("POST", "/carrier-accounts", {"account_sid": f"AC{'0' * 32}", "auth_token": "0" * 32})).json()
    both = {"did": "+442079460111", "agent_id": "front-desk", "trunk_id": trunk["id"], "carrier_account_id": account["id"]}
    refused = await house.ask("POST", "/numbers", both)
    assert [one["path"] for one in refused.json()["errors"]] == ["trunk_id"]
    number = await _number(house, "+442079460111", trunk_id=trunk["id"])
    assert (await house.ask("DELETE", f"/trunks/{trunk['id']}", If_Match="*")).status_code == 409
    moved = await house.ask("PATCH", f"/numbers/{number['id']}", {"carrier_account_id": account["id"]}, If_Match="*")
    assert (moved.json()["trunk_id"], moved.json()["carrier_account_id"]) == (None, account["id"])
    back = await house.ask("PATCH", f"/numbers/{number['id']}", {"trunk_id": trunk["id"]}, If_Match="*")
    assert (back.json()["trunk_id"], back.json()["carrier_account_id"]) == (trunk["id"], None)
    other = await house.ask("POST", "/numbers", {**both, "did": "+441134960111", "carrier_account_id": None}, tenant="quayside")
    assert [one["path"] for one in other.json()["errors"]] == ["trunk_id"]  # another tenant's trunk is no trunk


async def test_a_call_over_a_trunk_reaches_its_own_tenant_and_no_other(house: House) -> None:
    mine, theirs = await _made(house, PEER), await _made(house, PEER, tenant="quayside")
    answer = await _rung(house, mine, DID)
    assert (answer.status_code, answer.json()["ref"]) == (200, "harbour/front-desk")
    record = (await house.call("s1"))["call"]
    assert (record["transport"], record["did"], record["caller"]) == ("sip", DID, CALLER)
    assert (await house.get("/lines")).json()["calls"] == 1  # it has its place
    for trunk, did, tenant in ((mine, OTHER_DID, "harbour"), (theirs, DID, "quayside"), (mine, "+442079460999", "harbour")):
        refused = await _rung(house, trunk, did, tenant, call="s2")
        assert (refused.status_code, refused.json()["reason"]) == (404, "unknown_number")
    counted = {(row[0], row[1]): tuple(row[2:]) for row in await house.look("select tenant_id, number_id, reason, count from refused_call")}
    assert counted == {("harbour", mine["id"]): ("unknown_number", 2), ("quayside", theirs["id"]): ("unknown_number", 1)}
    for tenant, trunk in (("quayside", mine), ("harbour", {"id": "trk_none"}), ("", mine)):  # not that tenant's trunk; none at all
        assert (await _rung(house, trunk, DID, tenant, call="s3")).json()["reason"] == "unknown_number"
    stray = await house.look("select did, count from stray_call")
    assert [tuple(row) for row in stray] == [(DID, 3)]
    assert await house.look("select id from call where id in ('s2', 's3')") == []
    await house.ask("PATCH", f"/trunks/{mine['id']}", {"enabled": False}, If_Match="*")
    assert (await _rung(house, mine, DID, call="s4")).status_code == 404


async def test_how_a_trunk_fares_is_kept_by_engine(house: House) -> None:
    trunk = await _made(house, LOGIN)
    ref = f"harbour/{trunk['id']}"
    for engine, state, error in (
        ("http://e1", "registered", ""),
        ("http://e2", "registering", ""),
        ("http://e2", "failed", "403 Forbidden"),
    ):
        report = {"engine": engine, "states": [{"ref": ref, "state": state, "error": error}, {"ref": "quayside/none", "state": "ready"}]}
        answer = await house.post("/v1/trunks/states", report)
        assert (answer.status_code, answer.json()) == (200, {"kept": 1, "registers": []})
    states = (await house.get(f"/trunks/{trunk['id']}")).json()["states"]
    assert [(one["engine"], one["state"], one["error"]) for one in states] == [
        ("http://e1", "registered", ""),
        ("http://e2", "failed", "403 Forbidden"),
    ]
    assert (await house.post("/v1/trunks/states", {"engine": "", "states": []})).status_code == 422
    assert (await house.http.post("/v1/trunks/states", json={"engine": "x"})).status_code == 401
