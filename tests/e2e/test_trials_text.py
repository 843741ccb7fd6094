"""Talking to an agent by text: nothing is stored, nothing is done, and the same list gives the same conversation."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import anyio
import pytest
from tests.e2e.business import CALLER, House

TALK = [
    {"caller": "Hi, my kitchen tap is leaking."},
    {"caller": "This week please."},
    {"caller": "It's 4 Mill Lane, Southsea, PO5 2AB."},
    {"caller": "Ann Lee."},
    {"caller": "Yes."},
    {"caller": "Tuesday."},
    {"caller": "The first one please."},
    {"caller": "Yes, please."},
    {"caller": "No, that's all, thank you."},
]
COUNTED = ("call", "appointment", "contact", "lead", "message", "tool_run", "voice_test", "placement", "audit")


async def ask(house: House, body: dict[str, Any], **headers: str) -> dict[str, Any]:
    answer = await house.ask("POST", "/agents/front-desk/text-tests", body, **headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def rows(house: House) -> dict[str, int]:
    return {table: (await house.look(f"select count(*) from {table}"))[0][0] for table in COUNTED}  # noqa: S608 - our own names


async def test_a_whole_booking_and_nothing_is_left_of_it(house: House) -> None:
    before = await rows(house)
    done = await ask(house, {"turns": TALK, "caller": CALLER})
    assert await rows(house) == before
    assert (done["ended"], done["outcome"], done["success"], done["faults"]) == (True, "booked", "good", [])
    assert [turn["kind"] for turn in done["turns"]] == ["begin", *["caller"] * len(TALK)]
    assert done["turns"][0]["agent"][0]["text"].startswith("Harbour Plumbing")
    tools = [(number, one["tool"], one["effect"], one["error"]) for number, turn in enumerate(done["turns"]) for one in turn["tools"]]
    assert tools == [(6, "free_slots", "read", None), (8, "book", "write", None)]
    offered = done["turns"][6]["tools"][0]["values"]["slots"]
    assert {one["start"][:10] for one in offered} == {"2026-11-24"}
    booked = done["turns"][8]["tools"][0]
    assert booked["args"]["slot"] == offered[0]["id"]
    assert booked["values"]["ref"] in done["turns"][8]["agent"][0]["text"] + done["turns"][8]["agent"][1]["text"]
    assert done["turns"][4]["asks"] == "guess phone"
    assert done["turns"][5]["slots"]["phone"]["value"] == CALLER
    assert any(reason["text"].startswith("states/") for turn in done["turns"] for reason in turn["reasons"])
    assert done["path"][0] == "greet"


async def test_an_edited_turn_differs_from_there_on(house: House) -> None:
    body = {"turns": TALK, "caller": CALLER, "now": "2026-11-23T09:00:00Z"}
    first = await ask(house, body)
    house.now[0] += timedelta(days=3)
    digests = [turn["digest"] for turn in first["turns"]]
    again = await ask(house, {**body, "former": digests})
    assert again["turns"] == first["turns"]
    assert again["same_until"] == len(TALK) + 1
    edited = await ask(house, {**body, "turns": [*TALK[:3], {"caller": "Joe Mint."}, *TALK[4:]], "former": digests})
    assert edited["same_until"] == 4
    assert edited["turns"][:4] == first["turns"][:4]
    assert edited["turns"][4]["slots"]["name"]["value"]["given"] == "Joe"


async def test_tools_that_fail_as_they_are_told(house: House) -> None:
    tools = {
        "book": [{"error": "conflict"}, {"error": "timeout"}],
        "free_slots": [{"values": {"slots": ["Tuesday at nine", "Friday at two"]}}],
    }
    done = await ask(house, {"turns": TALK[:8], "caller": CALLER, "tools": tools})
    failed = done["turns"][8]
    assert next((one["tool"], one["error"]) for one in failed["tools"]) == ("book", "conflict")
    assert "just gone" in " ".join(one["text"] for one in failed["agent"])


async def test_open_and_closed_and_nobody_there(house: House) -> None:
    wish = [{"caller": "Can I speak to a person?"}]
    closed = await ask(house, {"turns": wish})
    assert (closed["open_now"], closed["turns"][1]["transfer"]) == (False, None)
    at_noon = "2026-11-23T12:00:00Z"
    opened = await ask(house, {"turns": wish, "now": at_noon})
    assert (opened["open_now"], opened["turns"][1]["transfer"]) == (True, "staff")
    assert (opened["ended"], opened["turns"][1]["asks"]) == (False, "name")  # the document names nobody for "staff"


async def test_a_document_that_is_nowhere_stored(house: House) -> None:
    [(config,)] = await house.look("select config from agent_version where tenant_id = 'harbour' and number = 1")
    config["greeting"] = "Good day from the document."
    done = await ask(house, {"config": config})
    assert done["turns"][0]["agent"][0]["text"].startswith("Good day from the document.")
    of_version = await ask(house, {"version": 1})
    assert of_version["turns"][0]["agent"][0]["text"].startswith("Harbour Plumbing")
    config["script"]["states"]["greet"]["next"] = "nowhere"
    answer = await house.ask("POST", "/agents/front-desk/text-tests", {"config": config})
    assert answer.status_code == 422
    assert next(one["path"] for one in answer.json()["errors"]).startswith("script.states.greet.next")


@pytest.mark.parametrize(
    "body",
    [
        {"turns": [{}]},
        {"turns": [{"caller": "a", "keys": "1"}]},
        {"turns": [{"caller": ""}]},
        {"turns": [{"caller": "x" * 1_001}]},
        {"turns": [{"keys": "x"}]},
        {"turns": [{"silence": False}]},
        {"turns": [{"silence": True, "cut_at": "Hello"}]},
        {"turns": [{"caller": "a"}] * 101},
        {"tools": {"book": []}},
        {"tools": {"book": [{"error": "no such error"}]}},
        {"version": 1, "config": {"name": "x", "script": {}}},
        {"version": 0},
        {"now": "2026-11-23T12:00:00"},
        {"former": ["x"]},
        {"caller": "me"},
        {"more": 1},
    ],
)
async def test_what_is_out_of_bounds_is_refused(house: House, body: dict[str, Any]) -> None:
    answer = await house.ask("POST", "/agents/front-desk/text-tests", body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"]


async def test_agents_and_versions_that_are_not_there(house: House) -> None:
    assert (await house.ask("POST", "/agents/nobody/text-tests", {})).status_code == 404
    assert (await house.ask("POST", "/agents/front-desk/text-tests", {"version": 99})).status_code == 404
    stranger = await house.key("agents.read", tenant="quayside")
    assert (await house.ask("POST", "/agents/front-desk/text-tests", {}, **stranger)).status_code == 404
    reader = await house.key("agents.read")
    assert (await house.ask("POST", "/agents/front-desk/text-tests", {}, **reader)).status_code == 200
    other = await house.key("calls.read")
    assert (await house.ask("POST", "/agents/front-desk/text-tests", {}, **other)).status_code == 403


async def test_other_requests_do_not_wait_for_a_long_one(house: House) -> None:
    waits: list[float] = []
    over = anyio.Event()

    async def watch() -> None:
        while not over.is_set():
            begin = anyio.current_time()
            assert (await house.ask("GET", "/lines")).status_code == 200
            waits.append(anyio.current_time() - begin)
            await anyio.sleep(0.01)

    await ask(house, {})  # the process is started
    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        await ask(house, {"turns": [{"caller": "And then the boiler in the cellar made a noise again, would you believe it."}] * 100})
        over.set()
    assert waits
    assert max(waits) < 1.0
