"""Contacts and leads by the API: found, changed, merged, forgotten; and what calls do to them meanwhile."""

from __future__ import annotations

from typing import Any

import anyio
from tests.e2e.business import CALLER, House

ANN = {"name": "Ann O'Neil-Lee", "phone": "07700 900123", "email": "ann@example.com", "address": "4 Quay Street"}
OTHER = "+447700900456"


async def _made(house: House, **fields: object) -> dict[str, Any]:
    answer = await house.ask("POST", "/contacts", fields)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def _found(house: House, **query: str) -> list[str]:
    answer = await house.http.get("/v1/tenants/harbour/contacts", params=query, headers={"authorization": "Bearer operator"})
    assert answer.status_code == 200, answer.text
    return [one["name"] for one in answer.json()["data"]]


async def _show(house: House, id: str) -> dict[str, Any]:
    answer = await house.get(f"/contacts/{id}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def _booked(house: House, call: str, phone: str, name: str, nth: int = 0, day: str = "2026-11-25") -> dict[str, Any]:
    """A visit booked in a call: the call's record."""
    await house.plan(call, caller=phone)
    slot = (await house.slots(day=day))[nth]
    answer = await house.tool("book", {"slot": slot["id"], "name": name, "phone": phone, "problem": "tap"}, call=call)
    assert answer["error"] is None, answer
    return await house.call(call)


async def test_a_contact_is_made_changed_and_forgotten(house: House) -> None:
    made = await _made(house, **ANN)
    assert made["id"].startswith("con_")
    assert (made["phone"], made["name"], made["revision"]) == (CALLER, "Ann O'Neil-Lee", 1)
    path = f"/contacts/{made['id']}"
    shown = await house.get(path)
    assert shown.json()["contact"] == made
    assert shown.json()["phones"] == [CALLER]
    tag = shown.headers["etag"]
    assert (await house.ask("PATCH", path, {"name": "Ann"})).status_code == 428
    changed = await house.ask("PATCH", path, {"name": "Ann Low", "phone": OTHER, "no_calls": True}, If_Match=tag)
    assert changed.status_code == 200, changed.text
    body = changed.json()
    assert (body["name"], body["phone"], body["no_calls"], body["email"], body["revision"]) == ("Ann Low", OTHER, True, ANN["email"], 2)
    assert (await house.ask("PATCH", path, {"name": "Late"}, If_Match=tag)).status_code == 412
    assert (await _show(house, made["id"]))["phones"] == sorted([CALLER, OTHER])  # she still rings from the old one
    assert (await house.plan())["given"]["caller_name"] == "Ann Low"
    assert (await house.ask("DELETE", path, If_Match=changed.headers["etag"])).status_code == 204
    assert (await house.get(path)).status_code == 404
    for table in ("contact", "contact_phone", "contact_word"):
        assert (await house.look(f"select count(*) from {table}"))[0][0] == 0  # noqa: S608
    log = await house.look("select action, details::text from audit where action like 'contact.%' order by seq")
    assert [row.action for row in log] == ["contact.created", "contact.changed", "contact.deleted"]
    for row in log:
        for word in ("Ann", CALLER, OTHER, "example.com"):
            assert word not in row.details


async def test_a_number_is_one_contacts(house: House) -> None:
    await _made(house, **ANN)
    other = await _made(house, name="Bob", phone=OTHER)
    assert (await house.ask("POST", "/contacts", {"name": "Third", "phone": "+44 7700 900123"})).status_code == 409
    assert (await house.ask("PATCH", f"/contacts/{other['id']}", {"phone": CALLER}, If_Match="*")).status_code == 409
    assert (await _show(house, other["id"]))["contact"] == other
    for field, value in (("phone", "not a number"), ("email", "nobody"), ("name", "a\x00b"), ("name", "x" * 201), ("colour", "red")):
        answer = await house.ask("POST", "/contacts", {field: value})
        assert (answer.status_code, [one["path"] for one in answer.json()["errors"]]) == (422, [field])
    cleared = await house.ask("PATCH", f"/contacts/{other['id']}", {"phone": None}, If_Match="*")
    assert cleared.json()["phone"] is None
    await _made(house, name="Carl", phone=OTHER)  # free again


async def test_contacts_are_found_by_number_name_and_mail(house: House) -> None:
    await _made(house, **ANN)
    await _made(house, name="Annabel Ray", phone=OTHER)
    await _made(house, name="Zoë Straße", email="zoe_%@example.org")
    await _made(house, name="100% Pipes")
    assert await _found(house, q="07700 900123") == ["Ann O'Neil-Lee"]
    assert await _found(house, q="ann") == ["Annabel Ray", "Ann O'Neil-Lee"] or sorted(await _found(house, q="ann")) == [
        "Ann O'Neil-Lee",
        "Annabel Ray",
    ]
    assert await _found(house, q="neil ANN") == ["Ann O'Neil-Lee"]
    assert await _found(house, q="example.org") == ["Zoë Straße"]
    assert await _found(house, q="zoë STRASSE") == ["Zoë Straße"]
    assert await _found(house, q="100%") == ["100% Pipes"]
    assert await _found(house, q="%") == []
    assert await _found(house, q="_") == []
    assert await _found(house, q="nobody") == []
    assert len(await _found(house)) == 4
    assert (await house.get("/contacts?q=ann", tenant="quayside")).json()["data"] == []


async def test_the_list_goes_on_from_where_it_stopped(house: House) -> None:
    names = {(await _made(house, name=f"Name {n}"))["name"] for n in range(5)}
    seen: list[str] = []
    cursor = ""
    while True:
        part = (await house.get(f"/contacts?limit=2{cursor}")).json()
        seen += [one["name"] for one in part["data"]]
        if part["next_cursor"] is None:
            break
        cursor = f"&cursor={part['next_cursor']}"
    assert len(seen) == 5
    assert set(seen) == names
    assert (await house.get(f"/contacts?q=name{cursor}")).status_code == 422  # another list's cursor


async def test_what_calls_leave_is_shown_with_the_contact(house: House) -> None:
    detail = await _booked(house, "c1", CALLER, "Ann Lee")
    await house.tool("save_message", {"name": "Ann Lee", "phone": CALLER, "note": "ring me"})
    contact = detail["appointments"][0]["contact_id"]
    shown = await _show(house, contact)
    assert (shown["contact"]["name"], shown["contact"]["phone"]) == ("Ann Lee", CALLER)
    assert [one["id"] for one in shown["calls"]] == ["c1"]
    assert [one["id"] for one in shown["appointments"]] == [detail["appointments"][0]["id"]]
    assert [one["call_id"] for one in shown["leads"]] == ["c1"]
    assert [one["note"] for one in shown["messages"]] == ["ring me"]


async def test_a_call_from_a_hidden_number_is_the_contacts_too(house: House) -> None:
    await house.plan("hidden", caller="")
    await house.tool("save_lead", {"name": "Ann Lee", "phone": CALLER}, call="hidden")
    contact = (await house.get("/contacts")).json()["data"][0]["id"]
    assert [one["id"] for one in (await _show(house, contact))["calls"]] == ["hidden"]


async def test_two_contacts_become_one(house: House) -> None:
    first = (await _booked(house, "c1", CALLER, "Ann Lee"))["appointments"][0]
    second = (await _booked(house, "c2", OTHER, "A. Lee", nth=1))["appointments"][0]
    await house.tool("save_message", {"phone": OTHER, "note": "ring me"}, call="c2")
    await house.ask("PATCH", f"/contacts/{second['contact_id']}", {"email": "ann@example.com", "note": "by the quay"}, If_Match="*")
    path = f"/contacts/{first['contact_id']}/merge"
    merged = await house.ask("POST", path, {"other": second["contact_id"]}, Idempotency_Key="m1")
    assert merged.status_code == 200, merged.text
    assert (merged.json()["name"], merged.json()["phone"], merged.json()["email"]) == ("Ann Lee", CALLER, "ann@example.com")
    again = await house.ask("POST", path, {"other": second["contact_id"]}, Idempotency_Key="m1")
    assert again.json() == merged.json()
    assert (await house.ask("POST", path, {"other": second["contact_id"]})).status_code == 404
    assert (await house.ask("POST", path, {"other": first["contact_id"]})).status_code == 422
    shown = await _show(house, first["contact_id"])
    assert shown["phones"] == sorted([CALLER, OTHER])
    assert {one["id"] for one in shown["calls"]} == {"c1", "c2"}
    assert {one["id"] for one in shown["appointments"]} == {first["id"], second["id"]}
    assert {one["call_id"] for one in shown["leads"]} == {"c1", "c2"}
    assert [one["note"] for one in shown["messages"]] == ["ring me"]
    assert (await house.get(f"/contacts/{second['contact_id']}")).status_code == 404
    assert await _found(house, q="ann@example.com") == ["Ann Lee"]
    assert (await house.plan("c3", caller=OTHER))["given"]["caller_name"] == "Ann Lee"  # known by either number from now on
    assert (await house.tool("find_booking", {"phone": OTHER}, call="c3"))["values"]["found"]


async def test_two_merges_of_the_same_two_at_once(house: House) -> None:
    one, two = (await _made(house, name="One", phone=CALLER))["id"], (await _made(house, name="Two", phone=OTHER))["id"]
    answers: list[int] = []

    async def merge(into: str, other: str) -> None:
        answers.append((await house.ask("POST", f"/contacts/{into}/merge", {"other": other})).status_code)

    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(merge, one, two)
            group.start_soon(merge, two, one)
    assert sorted(answers) == [200] + [404] * 7
    [left] = (await house.get("/contacts")).json()["data"]
    assert (await _show(house, left["id"]))["phones"] == sorted([CALLER, OTHER])


async def test_callers_at_once_with_one_new_number_are_one_contact(house: House) -> None:
    async def message(n: int) -> None:
        assert (await house.tool("save_message", {"phone": CALLER, "name": "Ann", "note": f"{n}"}, call=f"many{n}"))["error"] is None

    async with anyio.create_task_group() as group:
        for n in range(20):
            group.start_soon(message, n)
    [contact] = (await house.get("/contacts")).json()["data"]
    assert len((await _show(house, contact["id"]))["messages"]) == 20


async def test_calls_go_on_while_their_contacts_are_merged_and_changed(house: House) -> None:
    """Bookings, leads and messages of two numbers, while the team merges the two: nothing is lost, nobody is refused, no deadlock."""
    one, two = (await _made(house, name="One", phone=CALLER))["id"], (await _made(house, name="Two", phone=OTHER))["id"]
    slots = await house.slots(day="2026-11-25") + await house.slots(day="2026-11-26") + await house.slots(day="2026-11-27")

    async def call(n: int) -> None:
        phone = (CALLER, OTHER)[n % 2]
        for tool, args in (
            ("save_lead", {"problem": "tap"}),
            ("book", {"slot": slots[n]["id"]}),
            ("save_lead", {"problem": "tap"}),
            ("save_message", {"note": "hello"}),
        ):
            answer = await house.tool(tool, {"phone": phone, **args}, call=f"call{n}")
            assert answer["error"] is None, (tool, answer)

    async def change() -> None:
        for n in range(4):
            answer = await house.ask("PATCH", f"/contacts/{one}", {"note": f"{n}"}, If_Match="*")
            assert answer.status_code == 200, answer.text

    async def merge() -> None:
        answer = await house.ask("POST", f"/contacts/{one}/merge", {"other": two})
        assert answer.status_code == 200, answer.text

    async with anyio.create_task_group() as group:
        for n in range(8):
            group.start_soon(call, n)
        group.start_soon(change)
        group.start_soon(merge)
    shown = await _show(house, one)
    assert (len(shown["appointments"]), len(shown["leads"]), len(shown["messages"])) == (8, 8, 8)
    assert len((await house.get("/contacts")).json()["data"]) == 1


async def test_a_contact_is_forgotten_and_the_diary_keeps_its_times(house: House) -> None:
    visit = (await _booked(house, "c1", CALLER, "Ann Lee"))["appointments"][0]
    path = f"/contacts/{visit['contact_id']}"
    more = {"contact_id": visit["contact_id"], "starts_at": "2026-11-24T21:00:00Z"}
    kept = await house.ask("POST", "/appointments", more, Idempotency_Key="k1")
    assert "Ann Lee" in kept.text
    assert (await house.ask("POST", f"/appointments/{kept.json()['id']}/cancel", If_Match="*")).status_code == 200
    refused = await house.ask("DELETE", path, If_Match="*")
    assert refused.status_code == 409
    assert "visits ahead" in refused.json()["title"]
    house.now[0] = house.now[0].replace(day=30)
    assert (await house.ask("DELETE", path, If_Match="*")).status_code == 204
    left, _ = (await house.get("/appointments")).json()["data"]
    assert (left["contact_id"], left["name"], left["address"], left["problem"]) == (None, "", "", "")
    assert (left["id"], left["starts_at"]) == (visit["id"], visit["starts_at"])
    for table in ("contact", "contact_phone", "contact_word", "lead", "message", "idempotency"):
        assert (await house.look(f"select count(*) from {table}"))[0][0] == 0  # noqa: S608
    assert (await house.get("/calls/c1")).json()["lead"] is None


async def test_a_lead_is_worked_on_and_no_call_takes_it_back(house: House) -> None:
    await house.plan()
    await house.tool("save_lead", {"name": "Ann Lee", "phone": CALLER, "problem": "tap"})
    [lead] = (await house.get("/leads")).json()["data"]
    assert (lead["status"], lead["problem"], lead["call_id"], lead["revision"]) == ("new", "tap", "c1", 1)
    path = f"/leads/{lead['id']}"
    assert (await house.ask("PATCH", path, {"status": "won"})).status_code == 428
    tag = (await house.get(path)).headers["etag"]
    changed = await house.ask("PATCH", path, {"status": "contacted", "note": "rang back", "assigned": "Sam"}, If_Match=tag)
    assert changed.status_code == 200, changed.text
    assert (changed.json()["status"], changed.json()["note"], changed.json()["assigned"]) == ("contacted", "rang back", "Sam")
    assert (await house.ask("PATCH", path, {"status": "won"}, If_Match=tag)).status_code == 412
    for status in ("booked", "callback", "maybe", None):
        assert (await house.ask("PATCH", path, {"status": status}, If_Match="*")).status_code == 422
    await house.tool("save_lead", {"name": "Ann Lee", "phone": CALLER, "problem": "a dripping tap"})
    again = (await house.get(path)).json()
    assert (again["status"], again["note"], again["problem"]) == ("contacted", "rang back", "a dripping tap")
    [row] = await house.look("select details from audit where action = 'lead.changed'")
    assert row.details == {"fields": ["assigned", "note", "status"], "status": ["new", "contacted"]}


async def test_leads_by_status_and_time(house: House) -> None:
    for n in range(3):
        await house.plan(f"c{n}")
        await house.tool("save_lead", {"phone": f"+44770090010{n}", "problem": f"{n}"}, call=f"c{n}")
        house.now[0] = house.now[0].replace(hour=house.now[0].hour + 1)

    async def problems(query: str) -> list[str]:
        answer = await house.get(f"/leads?{query}")
        assert answer.status_code == 200, answer.text
        return [one["problem"] for one in answer.json()["data"]]

    assert await problems("") == ["2", "1", "0"]
    first = (await house.get("/leads?limit=1")).json()
    assert await problems(f"limit=1&cursor={first['next_cursor']}") == ["1"]
    assert await problems("since=2026-11-23T08:00:00Z") == ["2", "1"]
    assert await problems("until=2026-11-23T08:00:00Z") == ["0"]
    assert await problems("status=won") == []
    lead = first["data"][0]["id"]
    await house.ask("PATCH", f"/leads/{lead}", {"status": "won"}, If_Match="*")
    assert await problems("status=won") == ["2"]
    assert await problems("status=new") == ["1", "0"]
    for query in ("status=maybe", "since=yesterday", "since=0001-01-01T00:00:00Z", "since=2026-11-23T08:00:00"):
        assert (await house.get(f"/leads?{query}")).status_code == 422


async def test_a_new_lead_is_told_once(house: House) -> None:
    hook = await house.ask("POST", "/webhooks", {"url": "https://example.com/hook", "event_types": ["lead.created"]})
    assert hook.status_code == 201, hook.text
    await house.plan()
    for problem in ("tap", "a dripping tap"):
        await house.tool("save_lead", {"name": "Ann Lee", "phone": CALLER, "problem": problem})
    lead = (await house.get("/leads")).json()["data"][0]
    [told] = await house.look("select type, subject, data from webhook_event")
    assert (told.type, told.subject, told.data["lead_id"], told.data["call_id"]) == ("lead.created", "c1", lead["id"], "c1")


async def test_who_may(house: House) -> None:
    contact = (await _made(house, **ANN))["id"]
    reader, writer = await house.key("contacts.read"), await house.key("contacts.write")
    stranger, nobody = await house.key("contacts.read", "contacts.write", tenant="quayside"), {"authorization": ""}
    for headers, reads, writes in ((reader, 200, 403), (writer, 403, 200), (stranger, 404, 404), (nobody, 401, 401)):
        assert (await house.ask("GET", "/contacts", **headers)).status_code == reads
        assert (await house.ask("GET", f"/contacts/{contact}", **headers)).status_code == reads
        assert (await house.ask("GET", "/leads", **headers)).status_code == reads
        answer = await house.ask("PATCH", f"/contacts/{contact}", {"note": "x"}, If_Match="*", **headers)
        assert answer.status_code == writes
    mine = await house.key("contacts.read", "contacts.write", tenant="quayside")
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"note": "x"}),
        ("DELETE", "", None),
        ("POST", "/merge", {"other": contact}),
    ):
        answer = await house.ask(method, f"/contacts/{contact}{path}", body, tenant="quayside", If_Match="*", **mine)
        assert answer.status_code == 404, (method, path)
