"""Numbers by the API: whose they are, what may be changed, and what nobody learns."""

from __future__ import annotations

import json
from typing import Any

from tests.e2e.business import ADMIN, DID, OTHER_DID, House

NEW = {"did": "020 7946 0111", "agent_id": "front-desk", "label": "Front"}
TAKEN = "this number cannot be added here"


async def _made(house: House, tenant: str = "harbour", **changes: object) -> dict[str, Any]:
    answer = await house.ask("POST", "/numbers", {**NEW, **changes}, tenant=tenant)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_a_number_is_made_changed_and_let_go(house: House) -> None:
    made = await _made(house)
    assert made["id"].startswith("num_")
    assert (made["did"], made["label"], made["enabled"], made["revision"]) == ("+442079460111", "Front", True, 1)
    path = f"/numbers/{made['id']}"
    shown = await house.get(path)
    assert shown.json() == made
    tag = shown.headers["etag"]
    assert (await house.ask("PATCH", path, {"label": "Desk"})).status_code == 428
    changed = await house.ask("PATCH", path, {"label": "Desk", "max_calls": 3, "overflow": "0113 496 0009"}, If_Match=tag)
    assert changed.status_code == 200, changed.text
    body = changed.json()
    assert (body["label"], body["max_calls"], body["overflow"], body["revision"]) == ("Desk", 3, "+441134960009", 2)
    assert (await house.ask("PATCH", path, {"label": "Late"}, If_Match=tag)).status_code == 412
    cleared = await house.ask("PATCH", path, {"max_calls": None, "overflow": None}, If_Match=changed.headers["etag"])
    assert (cleared.json()["max_calls"], cleared.json()["overflow"], cleared.json()["label"]) == (None, None, "Desk")
    assert (await house.ask("DELETE", path)).status_code == 428
    assert (await house.ask("DELETE", path, If_Match=cleared.headers["etag"])).status_code == 204
    assert (await house.get(path)).status_code == 404
    assert (await _made(house))["id"] != made["id"]  # the DID is free again
    log = await house.look("select action, target, details from audit where action like 'number.%' order by seq")
    assert [row.action for row in log] == ["number.created", "number.changed", "number.changed", "number.deleted", "number.created"]
    assert log[1].details == {"label": ["Front", "Desk"], "max_calls": [None, 3], "overflow": [None, "+441134960009"]}


async def test_an_agent_that_was_taken_out_of_use_is_rung_by_no_number(house: House) -> None:
    made = (await house.ask("POST", "/agents", {"template": "receptionist", "name": "Old desk"})).json()
    path = f"/agents/{made['id']}/archive"
    assert (await house.ask("POST", path, {}, if_match="*")).status_code == 200
    new = await house.ask("POST", "/numbers", {**NEW, "agent_id": made["id"]})
    number = await _made(house)
    given = await house.ask("PATCH", f"/numbers/{number['id']}", {"agent_id": made["id"]}, if_match="*")
    for answer in (new, given):
        assert answer.status_code == 422
        assert answer.json()["errors"] == [{"path": "agent_id", "message": "the agent is archived: bring it back first"}]


async def test_another_tenants_number_is_refused_in_the_same_words_as_a_useless_one(house: House) -> None:
    others = await house.ask("POST", "/numbers", {**NEW, "did": OTHER_DID})
    useless = await house.ask("POST", "/numbers", {**NEW, "did": "+449098790000"})
    own = await house.ask("POST", "/numbers", {**NEW, "did": DID})
    assert others.status_code == useless.status_code == own.status_code == 409
    assert others.json() == useless.json() == own.json()
    assert others.json()["title"] == TAKEN
    theirs = (await house.get("/numbers", tenant="quayside")).json()["data"][0]
    for method, body in (("GET", None), ("PATCH", {"label": "mine"}), ("DELETE", None)):
        answer = await house.ask(method, f"/numbers/{theirs['id']}", body, If_Match="*")
        assert answer.status_code == 404
        assert answer.json() == (await house.ask(method, "/numbers/num_nothing", body, If_Match="*")).json()
    assert (await house.get(f"/numbers/{theirs['id']}", tenant="quayside")).json() == theirs


async def test_what_is_wrong_is_named_by_its_path(house: House) -> None:
    async def faults(body: dict[str, object]) -> list[str]:
        answer = await house.ask("POST", "/numbers", {**NEW, **body})
        assert answer.status_code == 422, answer.text
        return [one["path"] for one in answer.json()["errors"]]

    assert await faults({"did": "not a number"}) == ["did"]
    assert await faults({"agent_id": "nobody"}) == ["agent_id"]
    assert await faults({"carrier_account_id": "acc_none"}) == ["carrier_account_id"]
    assert await faults({"overflow": "+449098790000"}) == ["overflow"]
    assert await faults({"overflow": "02079460111"}) == ["overflow"]  # itself
    assert await faults({"overflow": DID}) == ["overflow"]  # another of one's own
    assert await faults({"overflow": "elsewhere"}) == ["overflow"]
    assert await faults({"max_calls": 0}) == ["max_calls"]
    assert await faults({"label": "a\u0000b"}) == ["label"]
    assert await faults({"colour": "red"}) == ["colour"]
    half = json.dumps({**NEW, "label": "a \ud800 letter's half"}).encode()
    answer = await house.http.post("/v1/tenants/harbour/numbers", content=half, headers=ADMIN | {"content-type": "application/json"})
    assert (answer.status_code, [one["path"] for one in answer.json()["errors"]]) == (422, ["label"])
    made = await _made(house)
    for name in ("agent_id", "label", "enabled"):
        answer = await house.ask("PATCH", f"/numbers/{made['id']}", {name: None}, If_Match="*")
        assert [one["path"] for one in answer.json()["errors"]] == [name]
    answer = await house.ask("PATCH", f"/numbers/{made['id']}", {"agent_id": "nobody"}, If_Match="*")
    assert [one["path"] for one in answer.json()["errors"]] == ["agent_id"]
    assert (await house.get(f"/numbers/{made['id']}")).json() == made


async def test_the_list_goes_on_from_where_it_stopped(house: House) -> None:
    for count in range(5):
        await _made(house, did=f"+44207946020{count}")
    seen: list[str] = []
    cursor = ""
    while True:
        part = (await house.get(f"/numbers?limit=2{cursor}")).json()
        seen += [one["did"] for one in part["data"]]
        if part["next_cursor"] is None:
            break
        cursor = f"&cursor={part['next_cursor']}"
    assert seen[0] == DID or seen[-1] == DID  # seeded by the database's own clock
    assert sorted(seen) == sorted([DID, *(f"+44207946020{count}" for count in range(5))])
    assert (await house.get(f"/numbers?limit=2{cursor}", tenant="quayside")).status_code == 422  # another list's cursor


async def test_sent_again_with_its_key_it_is_made_once(house: House) -> None:
    first = await house.ask("POST", "/numbers", NEW, Idempotency_Key="k1")
    again = await house.ask("POST", "/numbers", NEW, Idempotency_Key="k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()


async def test_who_may(house: House) -> None:
    reader, writer = await house.key("numbers.read"), await house.key("numbers.write")
    stranger, nobody = await house.key("numbers.write", tenant="quayside"), {"authorization": ""}
    made = await _made(house)
    path = f"/numbers/{made['id']}"
    for headers, reads, writes in ((reader, 200, 403), (writer, 403, 200), (stranger, 404, 404), (nobody, 401, 401)):
        assert (await house.ask("GET", "/numbers", **headers)).status_code == reads
        assert (await house.ask("GET", "/lines", **headers)).status_code == reads
        assert (await house.ask("GET", path, **headers)).status_code == reads
        assert (await house.ask("PATCH", path, {"label": "x"}, If_Match="*", **headers)).status_code == writes
