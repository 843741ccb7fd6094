"""The diary by the API: booked, moved and cancelled by the team, beside calls that do the same; nobody gets a time twice."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from tests.e2e.business import CALLER, House

WINDOW = "from=2026-11-24T00:00:00Z&to=2026-11-26T00:00:00Z"


async def _contact(house: House, **fields: object) -> str:
    answer = await house.ask("POST", "/contacts", {"name": "Ann Lee", "phone": CALLER, "address": "4 Quay Street", **fields})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def _slots(house: House, query: str = WINDOW) -> list[dict[str, Any]]:
    answer = await house.get(f"/agents/front-desk/slots?{query}")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


async def _booked(house: House, contact: str, **fields: object) -> dict[str, Any]:
    answer = await house.ask("POST", "/appointments", {"contact_id": contact, **fields})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def _told(house: House) -> list[tuple[str, dict[str, Any]]]:
    return [(row.type, row.data) for row in await house.look("select type, data from webhook_event order by seq")]


async def test_booked_moved_changed_and_cancelled_by_the_team(house: House) -> None:
    contact, slots = await _contact(house), await _slots(house)
    made = await _booked(house, contact, slot=slots[0]["id"], problem="tap")
    assert made["id"].startswith("apt_")
    assert (made["starts_at"], made["staff"], made["name"], made["address"]) == (
        slots[0]["starts_at"],
        slots[0]["staff"],
        "Ann Lee",
        "4 Quay Street",
    )
    assert (made["contact_id"], made["call_id"], made["status"], made["revision"]) == (contact, None, "booked", 1)
    path = f"/appointments/{made['id']}"
    assert (await house.ask("PATCH", path, {"problem": "boiler"})).status_code == 428
    tag = (await house.get(path)).headers["etag"]
    moved = await house.ask("PATCH", path, {"slot": slots[1]["id"], "problem": "boiler"}, If_Match=tag)
    assert moved.status_code == 200, moved.text
    assert (moved.json()["starts_at"], moved.json()["problem"], moved.json()["revision"]) == (slots[1]["starts_at"], "boiler", 2)
    assert (await house.ask("PATCH", path, {"problem": "late"}, If_Match=tag)).status_code == 412
    noted = await house.ask("PATCH", path, {"problem": "a boiler"}, If_Match=moved.headers["etag"])
    same = await house.ask("PATCH", path, {"problem": "a boiler"}, If_Match=noted.headers["etag"])
    assert (noted.json()["revision"], same.json()["revision"]) == (3, 3)
    assert (await house.ask("POST", f"{path}/cancel")).status_code == 428
    gone = await house.ask("POST", f"{path}/cancel", If_Match=same.headers["etag"])
    assert (gone.status_code, gone.json()["status"], gone.json()["revision"]) == (200, "cancelled", 4)
    again = await house.ask("POST", f"{path}/cancel", If_Match="*")
    assert again.json() == gone.json()
    assert (await house.ask("PATCH", path, {"problem": "x"}, If_Match="*")).status_code == 409
    detail = (await house.get(path)).json()
    assert detail["appointment"] == gone.json()
    history = detail["history"]
    assert [(one["kind"], one["revision"], one["by_kind"], one["by_id"]) for one in history] == [
        ("created", 1, "operator", "operator"),
        ("moved", 2, "operator", "operator"),
        ("changed", 3, "operator", "operator"),
        ("cancelled", 4, "operator", "operator"),
    ]
    assert (history[1]["before"]["starts_at"], history[1]["after"]["starts_at"]) == (slots[0]["starts_at"], slots[1]["starts_at"])
    assert (history[1]["after"]["changed"], history[2]["after"]["changed"]) == (["problem"], ["problem"])
    assert "boiler" not in str(history)
    log = await house.look("select action from audit where action like 'appointment.%' order by seq")
    assert [row.action for row in log] == ["appointment.created", *["appointment.changed"] * 3, "appointment.cancelled"]


async def test_events_go_out_once_and_with_the_change(house: House) -> None:
    hook = await house.ask("POST", "/webhooks", {"url": "https://example.com/hook"})
    assert hook.status_code == 201, hook.text
    contact, slots = await _contact(house), await _slots(house)
    made = await _booked(house, contact, slot=slots[0]["id"])
    path = f"/appointments/{made['id']}"
    taken = await house.ask("POST", "/appointments", {"contact_id": contact, "starts_at": made["starts_at"], "staff": made["staff"]})
    assert taken.status_code == 409
    await house.ask("PATCH", path, {"starts_at": slots[1]["starts_at"]}, If_Match="*")
    for _ in range(2):
        await house.ask("POST", f"{path}/cancel", If_Match="*")
    told = await _told(house)
    assert [kind for kind, _ in told] == ["appointment.created", "appointment.changed", "appointment.cancelled"]
    assert {data["appointment_id"] for _, data in told} == {made["id"]}
    assert (told[1][1]["before"]["starts_at"], told[1][1]["starts_at"]) == (made["starts_at"], slots[1]["starts_at"])
    assert (told[0][1]["by"], told[0][1]["status"], told[2][1]["status"]) == ("operator", "booked", "cancelled")
    assert "Ann" not in str(told)  # who it is stands behind the API's permissions, not in a message that is kept elsewhere


async def test_what_a_call_does_to_the_diary_is_written_down_and_told(house: House) -> None:
    await house.ask("POST", "/webhooks", {"url": "https://example.com/hook"})
    await house.plan()
    first, second, _ = await house.slots(day="2026-11-25")
    booked = (await house.tool("book", {"slot": first["id"], "name": "Ann Lee", "phone": CALLER}))["values"]
    await house.tool("move_booking", {"id": booked["id"], "slot": second["id"]})
    await house.tool("cancel_booking", {"id": booked["ref"]})
    await house.tool("cancel_booking", {"id": booked["ref"]})
    detail = (await house.get(f"/appointments/{booked['id']}")).json()
    assert [(one["kind"], one["by_kind"], one["by_id"]) for one in detail["history"]] == [
        ("created", "call", "c1"),
        ("moved", "call", "c1"),
        ("cancelled", "call", "c1"),
    ]
    assert [kind for kind, _ in await _told(house)] == [
        "appointment.created",
        "lead.created",
        "appointment.changed",
        "appointment.cancelled",
    ]


async def test_any_time_at_which_somebody_is_free(house: House) -> None:
    contact = await _contact(house)
    night = await _booked(house, contact, starts_at="2026-11-24T22:00:00+01:00", minutes=30)  # outside opening hours: the team decides
    assert (night["starts_at"], night["ends_at"]) == ("2026-11-24T21:00:00Z", "2026-11-24T21:30:00Z")
    other = await _booked(house, contact, starts_at="2026-11-24T21:15:00Z", minutes=30)
    assert other["staff"] != night["staff"]  # the next who is free
    full = await house.ask("POST", "/appointments", {"contact_id": contact, "starts_at": "2026-11-24T21:20:00Z"})
    assert (full.status_code, full.json()["title"]) == (409, "that time has been taken")
    after = await _booked(house, contact, starts_at="2026-11-24T21:30:00Z", minutes=15, staff=night["staff"])
    assert after["staff"] == night["staff"]
    longer = await house.ask("PATCH", f"/appointments/{night['id']}", {"minutes": 31}, If_Match="*")
    assert longer.status_code == 409
    shorter = await house.ask("PATCH", f"/appointments/{night['id']}", {"minutes": 20}, If_Match="*")
    assert shorter.json()["ends_at"] == "2026-11-24T21:20:00Z"
    handed = await house.ask("PATCH", f"/appointments/{after['id']}", {"staff": other["staff"]}, If_Match="*")
    assert handed.status_code == 409  # who is busy until 21:45


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"starts_at": "2026-11-20T09:00:00Z"}, "starts_at"),
        ({"starts_at": "2026-11-24T09:00:00Z", "staff": "nobody"}, "staff"),
        ({"starts_at": "2026-11-24T09:00:00"}, "starts_at"),
        ({"starts_at": "0001-01-01T00:00:00+14:00"}, "starts_at"),
        ({"starts_at": "9999-12-31T23:59:59-14:00"}, "starts_at"),
        ({"starts_at": "2026-11-24T09:00:00Z", "minutes": 1}, "minutes"),
        ({"slot": "1.2.sam.x"}, "slot"),
        ({"slot": "x", "starts_at": "2026-11-24T09:00:00Z"}, ""),
        ({}, ""),
        ({"slot": "x", "staff": "sam"}, ""),
        ({"starts_at": "2026-11-24T09:00:00Z", "colour": "red"}, "colour"),
    ],
)
async def test_what_is_wrong_is_named_by_its_path(house: House, body: dict[str, Any], path: str) -> None:
    contact = await _contact(house)
    answer = await house.ask("POST", "/appointments", {"contact_id": contact, **body})
    assert answer.status_code == 422, answer.text
    assert [one["path"].removeprefix("body") for one in answer.json()["errors"]] == [path]


async def test_a_foreign_contact_or_slot_is_no_contact_and_no_slot(house: House) -> None:
    contact, slots = await _contact(house), await _slots(house)
    body = {"contact_id": contact, "starts_at": "2026-11-24T09:00:00Z"}
    assert (await house.ask("POST", "/appointments", body, tenant="quayside")).status_code == 404
    mine = (await house.ask("POST", "/contacts", {"name": "Bob"}, tenant="quayside")).json()["id"]
    stolen = await house.ask("POST", "/appointments", {"contact_id": mine, "slot": slots[0]["id"]}, tenant="quayside")
    assert stolen.status_code == 422


async def test_slots_are_what_an_agent_could_offer(house: House) -> None:
    slots = await _slots(house)
    assert [one["starts_at"] for one in slots] == sorted(one["starts_at"] for one in slots)
    assert all("2026-11-24T00:00:00Z" <= one["starts_at"] < "2026-11-26T00:00:00Z" for one in slots)
    offered = {one["start"] for one in await house.slots(day="2026-11-24")}
    assert offered <= {one["starts_at"].replace("Z", "+00:00") for one in slots}
    assert slots[0]["label"].startswith("tomorrow at ")
    contact = await _contact(house)
    for one in await _slots(house, f"{WINDOW}&limit=1"):
        await _booked(house, contact, slot=one["id"])
        left = await _slots(house)
        assert one["id"] not in {each["id"] for each in left}
        mine = await _slots(house, f"{WINDOW}&staff={one['staff']}")
        assert one["starts_at"] not in {each["starts_at"] for each in mine}
        assert {each["staff"] for each in mine} == {one["staff"]}
    assert await _slots(house, f"{WINDOW}&staff=nobody") == []
    assert await _slots(house, "from=2020-01-01T00:00:00Z&to=2020-02-01T00:00:00Z") == []
    for query in ("from=2026-11-26T00:00:00Z&to=2026-11-24T00:00:00Z", "from=2026-01-01T00:00:00Z&to=2026-12-01T00:00:00Z", "from=x&to=y"):
        assert (await house.get(f"/agents/front-desk/slots?{query}")).status_code == 422
    assert (await house.get(f"/agents/nobody/slots?{WINDOW}")).status_code == 404


async def test_the_diary_by_window_and_page(house: House) -> None:
    contact = await _contact(house)
    for hour in range(9, 14):
        await _booked(house, contact, starts_at=f"2026-11-24T{hour:02d}:00:00Z", minutes=30)

    async def hours(query: str) -> list[int]:
        seen: list[int] = []
        cursor = ""
        while True:
            answer = await house.get(f"/appointments?limit=2&{query}{cursor}")
            assert answer.status_code == 200, answer.text
            seen += [int(one["starts_at"][11:13]) for one in answer.json()["data"]]
            if answer.json()["next_cursor"] is None:
                return seen
            cursor = f"&cursor={answer.json()['next_cursor']}"

    assert await hours("") == [13, 12, 11, 10, 9]
    assert await hours("order=soonest") == [9, 10, 11, 12, 13]
    assert await hours("order=soonest&from=2026-11-24T10:00:00Z&to=2026-11-24T13:00:00Z") == [10, 11, 12]
    assert await hours("from=2026-11-24T10:00:00Z&staff=nobody") == []
    assert await hours("status=cancelled") == []
    first = (await house.get("/appointments?limit=1")).json()
    assert (await house.get(f"/appointments?limit=1&order=soonest&cursor={first['next_cursor']}")).status_code == 422
    assert (await house.get("/appointments", tenant="quayside")).json()["data"] == []


async def test_two_of_the_team_and_a_call_want_one_slot(house: House) -> None:
    """Ten rounds of real requests on a real database: each time one wins, and the others are told so."""
    contact = await _contact(house)
    await house.plan()
    kinds: dict[str, int] = {}
    for slot in (await _slots(house, "from=2026-11-24T00:00:00Z&to=2026-12-05T00:00:00Z"))[:10]:
        won: list[str] = []

        async def team(name: str, slot: dict[str, Any] = slot, won: list[str] = won) -> None:
            answer = await house.ask("POST", "/appointments", {"contact_id": contact, "slot": slot["id"], "name": name})
            assert answer.status_code in {201, 409}, answer.text
            if answer.status_code == 201:
                won.append(name)

        async def call(slot: dict[str, Any] = slot, won: list[str] = won) -> None:
            answer = await house.tool("book", {"slot": slot["id"], "name": "Caller", "phone": CALLER})
            assert answer["error"] in {None, "conflict"}, answer
            if answer["error"] is None:
                won.append("Caller")

        async with anyio.create_task_group() as group:
            group.start_soon(team, "Left")
            group.start_soon(call)
            group.start_soon(team, "Right")
        assert len(won) == 1
        kinds[won[0]] = kinds.get(won[0], 0) + 1
        at = slot["starts_at"]
        rows = await house.look("select name from appointment where starts_at = cast(:at as timestamptz) and status = 'booked'", at=at)
        assert [row.name for row in rows] == won
    assert sum(kinds.values()) == 10


async def test_moves_to_and_fro_at_once_leave_one_place_each(house: House) -> None:
    """Two visits that swap staff and times, moved by the team and by a call at once: never two at one time, never a deadlock."""
    contact, slots = await _contact(house), await _slots(house)
    await house.plan()
    one, two = [await _booked(house, contact, slot=slots[n]["id"]) for n in (0, 3)]
    free = [slots[n]["id"] for n in (1, 2, 4)]

    async def team(visit: str, slot: str) -> None:
        answer = await house.ask("PATCH", f"/appointments/{visit}", {"slot": slot}, If_Match="*")
        assert answer.status_code in {200, 409}, answer.text

    async def call(visit: str, slot: str) -> None:
        assert (await house.tool("move_booking", {"id": visit, "slot": slot}))["error"] in {None, "conflict"}

    async with anyio.create_task_group() as group:
        for n in range(12):
            visit = (one, two)[n % 2]["id"]
            group.start_soon(team if n % 3 else call, visit, free[n % len(free)])
    rows = await house.look("select staff, starts_at from appointment where status = 'booked'")
    assert len({(row.staff, row.starts_at) for row in rows}) == 2
    for visit in (one, two):
        detail = (await house.get(f"/appointments/{visit['id']}")).json()
        assert detail["history"][-1]["revision"] == detail["appointment"]["revision"]
        assert detail["history"][-1]["after"]["starts_at"] == detail["appointment"]["starts_at"]


async def test_who_may(house: House) -> None:
    contact = await _contact(house)
    made = await _booked(house, contact, starts_at="2026-11-24T09:00:00Z")
    reader, writer = await house.key("appointments.read"), await house.key("appointments.write")
    stranger, nobody = await house.key("appointments.read", "appointments.write", tenant="quayside"), {"authorization": ""}
    for headers, reads, writes in ((reader, 200, 403), (writer, 403, 200), (stranger, 404, 404), (nobody, 401, 401)):
        for path in ("/appointments", f"/appointments/{made['id']}", f"/agents/front-desk/slots?{WINDOW}"):
            assert (await house.ask("GET", path, **headers)).status_code == reads
        answer = await house.ask("PATCH", f"/appointments/{made['id']}", {"problem": "x"}, If_Match="*", **headers)
        assert answer.status_code == writes
    mine = await house.key("appointments.read", "appointments.write", tenant="quayside")
    for method, path, body in (("GET", "", None), ("PATCH", "", {"problem": "x"}), ("POST", "/cancel", None)):
        answer = await house.ask(method, f"/appointments/{made['id']}{path}", body, tenant="quayside", If_Match="*", **mine)
        assert answer.status_code == 404
