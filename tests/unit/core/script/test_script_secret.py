"""Values that nobody may read: sealed, sent to the tools that they are for, dropped."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from typing import Any

import pytest
from tests.scenarios.test_keys import CARD, PAYING

from offhook.authoring.load import compile as compile_script
from offhook.authoring.load import inspect
from offhook.core.script import acts as act
from offhook.core.script import values
from offhook.core.script.dialogue import Dialogue, Proposal
from offhook.core.script.legal import legal
from offhook.core.script.prompt import now
from offhook.core.script.secret import Sealed, Vault
from offhook.core.understand.types import Context

CONTEXT = Context("en-GB", "GB", dt.datetime(2026, 11, 21, 10, tzinfo=dt.UTC))


def heard(dialogue: Dialogue, proposal: Proposal) -> str:
    dialogue.accept(proposal)
    for item in proposal.items:
        dialogue.spoken(item.id, item.text, whole=True)
    return " ".join(item.text for item in proposal.items)


def at_the_card() -> Dialogue:
    dialogue = Dialogue(compile_script(PAYING), CONTEXT, {}, ())
    heard(dialogue, dialogue.begin())
    assert "card number" in heard(dialogue, dialogue.keys("40#"))
    assert dialogue.secret
    return dialogue


def test_the_state_has_the_length_and_the_end_that_is_said_and_no_more() -> None:
    dialogue = at_the_card()
    said = heard(dialogue, dialogue.keys(f"{CARD}#"))
    assert "ending in two one" in said.replace(",", "")
    assert not dialogue.secret
    everything = f"{dialogue.state!r} {dialogue.slots()} {dialogue.vault!r} {now(dialogue.script, dialogue.state, '', (), structured=True)}"
    assert CARD not in everything
    assert CARD[:4] not in everything
    assert dialogue.slots()["card"]["value"] == "16 digits"
    json.dumps(dialogue.slots())


def test_a_value_is_neither_taken_from_speech_nor_from_a_model() -> None:
    dialogue = at_the_card()
    assert "card" not in legal(dialogue.script, dialogue.state).slots
    for proposal in (
        dialogue.answer("four nine two nine one two three four nine eight seven six five four two one"),
        dialogue.propose((act.Set("card", CARD, CARD),), "model", CARD),
        dialogue.propose((act.Correct("card", CARD, CARD),), "model", CARD),
    ):
        assert "card" not in proposal.after.values


def test_the_vault_keeps_a_value_until_its_tools_have_had_it() -> None:
    script = compile_script(PAYING)
    vault = Vault(script)
    assert vault.seal(script.slots["card"], "12") is None
    assert vault.seal(script.slots["card"], f"{CARD[:-1]}x") is None
    first = vault.seal(script.slots["card"], CARD)
    second = vault.seal(script.slots["card"], CARD)
    assert first is not None
    assert second is not None
    assert first != second
    assert len(vault) == 1
    sealed = {"card": second.token}
    assert vault.reveal({"amount": 4, "card": "16 digits"}, sealed) == {"amount": 4, "card": CARD}
    assert vault.reveal({"card": "16 digits"}, {"card": first.token}) == {}
    vault.had("save_message", sealed)
    assert len(vault) == 1
    vault.had("pay", sealed)
    assert len(vault) == 0
    assert vault.reveal({"amount": 4, "card": "16 digits"}, sealed) == {"amount": 4}


def test_two_values_of_one_length_are_different_work() -> None:
    one, other = Sealed("card#1", 4), Sealed("card#2", 4)
    assert not values.same(one, other)
    assert values.fingerprint("pay", {"card": one}) != values.fingerprint("pay", {"card": other})
    assert values.plain({"card": one}) == {"card": "4 digits"}


def test_a_short_value_has_no_end_that_could_be_said() -> None:
    script = compile_script(PAYING)
    slot = dataclasses.replace(script.slots["card"], pattern="[0-9]{4}")
    sealed = Vault(script).seal(slot, "4821")
    assert sealed is not None
    assert sealed.ending == ""


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"slots": {"card": {"type": "number"}}}, "S073"),
        ({"slots": {"card": {"pattern": None}}}, "S073"),
        ({"slots": {"card": {"confirm": "always"}}}, "S074"),
        ({"tools": {"pay": {"confirm": "That is {amount} pounds from {card}. Shall I take it?"}}}, "S075"),
        ({"states": {"paid": {"say": "Thank you for {card}."}}}, "S075"),
    ],
)
def test_a_script_that_would_tell_it_is_told_so(change: dict[str, dict[str, Any]], code: str) -> None:
    document = {**PAYING}
    for section, parts in change.items():
        document[section] = {**document[section]}
        for name, fields in parts.items():
            document[section][name] = {**document[section][name], **fields}
    assert code in [fault.code for fault in inspect(document)]
    assert code not in [fault.code for fault in inspect(PAYING)]
