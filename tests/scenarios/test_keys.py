"""Telephone keys in a live call: menus, digits, keys typed ahead, and what is keyed in secret."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.scenarios.harness import SCRIPT, SLOTS, Business, Scene, greeted, plan_of, scene

from offhook.contracts.events import AgentTurn

pytestmark = pytest.mark.anyio
CARD = "4929123498765421"


PAYING: dict[str, Any] = {
    "offhook": 1,
    "id": "paying",
    "version": 1,
    "languages": ["en-GB"],
    "start": "greet",
    "slots": {
        "card": {
            "type": "pattern",
            "pattern": "[0-9]{16}",
            "secure": True,
            "ask": ["Please key in your card number, then press hash.", "That was not sixteen digits. Please key in all of it."],
        },
        "amount": {"type": "number", "ask": "How many pounds would you like to pay?", "confirm": "never"},
        "note": {"type": "free_text", "ask": "What shall I tell the team?"},
    },
    "tools": {
        "pay": {
            "effect": "write",
            "with": {"card": "card", "amount": "amount"},
            "gives": {"ref": "free_text"},
            "confirm": "That is {amount} pounds from the card ending in {card:last2}. Shall I take it?",
            "if_fails": {"else": {"go": "message"}},
        },
        "save_message": {
            "effect": "write",
            "with": {"note": "note"},
            "confirm": "none",
            "because": "nothing is promised",
            "if_fails": {"else": {"go": "bye"}},
        },
    },
    "universals": {"human": "message"},
    "states": {
        "greet": {"say": "Hello.", "next": "pay"},
        "pay": {"collect": ["amount", "card"], "do": "pay", "next": "paid"},
        "paid": {"say": "Thank you, that is paid. Goodbye.", "end": "paid"},
        "message": {"collect": ["note"], "do": "save_message", "next": "bye"},
        "bye": {"say": "Goodbye.", "end": "message"},
    },
    "outcomes": {"paid": "good", "message": "neutral"},
}


async def keyed(stage: Scene, digits: str, gap: float = 0.12) -> None:
    """Press keys as fingers do."""
    for digit in digits:
        stage.line.press(digit)
        await anyio.sleep(gap)


async def heard_out(stage: Scene) -> str:
    """What the agent says next, to its end."""
    await stage.line.agent_speaks()
    await stage.line.agent_done()
    return stage.business.said()[-1]


async def to_the_card(stage: Scene) -> None:
    await greeted(stage)
    await keyed(stage, "40#")
    assert "card number" in await heard_out(stage)


async def test_a_card_number_reaches_the_tool_and_nothing_else(tmp_path: Path) -> None:
    business = Business({"pay": [{"values": {"ref": "P1"}}]})
    async with scene(plan_of(PAYING), business, traces=tmp_path) as stage:
        await to_the_card(stage)
        hidden = [stage.call.keypad.hides]
        for group in (CARD[:4], CARD[4:8], CARD[8:12], f"{CARD[12:]}#"):
            # As people read a card: in groups, with pauses.
            await keyed(stage, group)
            await anyio.sleep(0 if group.endswith("#") else 2.5)
        glimpse = stage.call.glimpse().model_dump_json()
        asked = await heard_out(stage)
        assert [*hidden, stage.call.keypad.hides] == [True, False]
        assert asked.endswith("Shall I take it?")
        assert "four" not in asked.split("ending in")[0]
        await keyed(stage, "1")
        with anyio.fail_after(30):
            await stage.done.wait()
        shown = json.dumps(stage.line.shown, default=str)
        left = len(stage.call.dialogue.vault)
    assert business.runs == [("pay", business.runs[0][1], {"amount": 40, "card": CARD})]
    assert business.ended.outcome == "paid"
    assert left == 0
    told = json.dumps([event.model_dump(mode="json") for event in business.events]) + shown + glimpse
    kept = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    assert '"16 digits"' in told
    assert '"Dtmf"' in kept
    for some in (CARD, CARD[:6], CARD[4:10], CARD[-6:], *(json.dumps(CARD[at : at + 4]) for at in range(13))):
        assert some not in told
        assert some not in kept
    ended = business.ended.slots["card"]
    assert (ended["value"], ended["raw"]) == ("16 digits", "16 digits")
    assert [tool.args["card"] for tool in business.tools()] == ["16 digits"]


async def test_the_recogniser_is_fed_silence_while_something_is_keyed_in_secret() -> None:
    async with scene(plan_of(PAYING), Business({"pay": [{"values": {}}]})) as stage:
        await to_the_card(stage)
        await stage.line.say("my card number is four nine two nine")
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        await keyed(stage, f"{CARD}#")
        await heard_out(stage)
        # Nothing of it was heard, neither as words nor as somebody who breaks in.
        assert [said for said in stage.business.caller() if "nine" in said] == []
        await stage.line.say("yes please")
        with anyio.fail_after(30):
            await stage.done.wait()
    assert stage.business.ran("pay") == 1


async def test_too_few_digits_are_asked_for_again_and_a_star_begins_again() -> None:
    async with scene(plan_of(PAYING), Business({"pay": [{"values": {}}]})) as stage:
        await to_the_card(stage)
        await keyed(stage, "4929#")
        assert "not sixteen" in await heard_out(stage)
        await keyed(stage, f"11{'*'}{CARD}#")
        assert (await heard_out(stage)).endswith("Shall I take it?")


async def test_a_person_is_reached_by_zero_while_something_is_keyed_in_secret() -> None:
    async with scene(plan_of(PAYING), Business()) as stage:
        await to_the_card(stage)
        await keyed(stage, "0#")
        assert "tell the team" in await heard_out(stage)


async def test_one_key_answers_a_menu_at_once_and_a_hash_after_it_does_not_end_the_call() -> None:
    async with scene() as stage:
        await greeted(stage)
        stage.line.press("2")
        await anyio.sleep(0.1)
        stage.line.press("#")
        assert await stage.line.agent_speaks() < 0.6
        await stage.line.agent_done()
        assert "tell the team" in stage.business.said()[-1]


async def test_a_key_silences_the_agent_and_a_number_waits_for_its_hash_or_a_pause() -> None:
    async with scene() as stage:
        await stage.line.agent_speaks()
        await anyio.sleep(0.3)
        stage.line.press("1")
        await anyio.sleep(0.1)
        assert stage.line.clears
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        await keyed(stage, "07911123456")
        assert 1.2 < await stage.line.agent_speaks() < 2.5
        await stage.line.agent_done()
        assert "Tuesday at nine" in stage.business.said()[-1]


async def test_a_star_says_it_again_and_zero_brings_a_person() -> None:
    async with scene() as stage:
        await greeted(stage)
        stage.line.press("*")
        assert "How can I help?" in await heard_out(stage)
        stage.line.press("0")
        assert "tell the team" in await heard_out(stage)


async def test_keys_typed_ahead_during_a_tool_answer_the_question_that_follows() -> None:
    business = Business({"free_slots": [SLOTS], "book": [{"values": {"ref": "H18"}}]}, delay={"free_slots": 3.0})
    async with scene(plan_of(SCRIPT), business) as stage:
        await greeted(stage)
        await keyed(stage, "1")
        await heard_out(stage)
        await keyed(stage, "07911123456#")
        await anyio.sleep(0.5)
        assert stage.business.runs[-1][0] == "free_slots"
        stage.line.press("2")
        await anyio.sleep(3.0)
        await stage.line.agent_done()
        assert "Wednesday at two" in stage.business.said()[-1]


async def test_keys_typed_ahead_over_the_agent_answer_one_question_each() -> None:
    async with scene() as stage:
        await stage.line.agent_speaks()
        await keyed(stage, "107911123456#")
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        assert "Tuesday at nine" in stage.business.said()[-1]
        turns = stage.business.of(AgentTurn)
        assert [turn.interrupted for turn in turns[:1]] == [True]
