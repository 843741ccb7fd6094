"""What people are told and what they mean, who is rung in which order, and what a caller means who waits."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest

from offhook.contracts.transfer import Brief
from offhook.core.speech.staying import stays
from offhook.orchestrator.agents.config import TransferPerson, TransferTarget, Week
from offhook.orchestrator.agents.schemas import Agent
from offhook.orchestrator.carriers.words import WORDS, said, voice
from offhook.orchestrator.portal.putthrough import put_through
from offhook.orchestrator.transfers.brief import brief, takes
from offhook.orchestrator.transfers.people import people_of

MONDAY_NIGHT = datetime(2026, 11, 23, 22, 0, tzinfo=UTC)
NINE_TO_FIVE = Week.model_validate({"monday": [{"opens": "09:00", "closes": "17:00"}]})


@pytest.mark.parametrize(
    ("digits", "speech", "expected"),
    [
        ("1", "", True),
        ("2", "", False),
        ("9", "", False),
        ("", "Yes, go ahead.", True),
        ("", "okay", True),
        ("", "No, not now", False),
        ("", "I can\u2019t just now, yes I know", False),
        ("", "You have reached the voicemail of", None),
        ("", "", None),
    ],
)
def test_only_a_yes_is_a_yes(digits: str, speech: str, expected: bool | None) -> None:
    assert takes(digits, speech) is expected


def test_a_person_hears_what_is_known_and_nothing_twice() -> None:
    told = Brief(name="", words="My boiler leaks.", values={"name": {"raw": "Ann Lee", "value": "Ann Lee"}, "problem": "my boiler leaks"})
    assert brief(told, "+447700900123", "Harbour") == (
        "A call for Harbour from Ann Lee, number 4 4 7 7 0 0 9 0 0 1 2 3. It is about: my boiler leaks."
    )
    assert brief(Brief(words="x" * 500), "", "Harbour").startswith("A call for Harbour from a caller. They said: x")
    assert len(brief(Brief(words="word " * 100), "", "Harbour")) < 260


@pytest.mark.parametrize("language", sorted(WORDS))
def test_every_language_says_all_there_is_to_say_and_understands_its_own_yes_and_no(language: str) -> None:
    assert set(WORDS[language]) == set(WORDS["en"])
    for name, line in WORDS[language].items():
        assert sorted(re.findall(r"{(\w+)}", line)) == sorted(re.findall(r"{(\w+)}", WORDS["en"][name]))
        assert language == "en" or name in {"yes", "no"} or line != WORDS["en"][name]
    locale = f"{language}-XX"
    assert voice(locale) == locale
    for name, expected in (("yes", True), ("no", False)):
        assert takes("", f"{WORDS[language][name].capitalize()}.", locale) is expected
    heard = brief(Brief(name="Ann Lee", words="help", values={"problem": "tap"}), "+4420", "Harbour", locale)
    assert all(word in heard for word in ("Harbour", "Ann Lee", "4 4 2 0", "tap", "help"))


def test_a_language_that_carriers_voices_do_not_have_from_us_is_english_throughout() -> None:
    assert (said("thanks", "pl-PL"), voice("pl-PL")) == (WORDS["en"]["thanks"], "en-GB")
    assert takes("", "yes", "pl-PL") is True


def _agent(**targets: TransferTarget) -> Agent:
    return cast("Agent", SimpleNamespace(config=SimpleNamespace(transfer=targets), zone=ZoneInfo("Europe/London")))


def test_people_are_rung_in_order_at_their_hours_and_once() -> None:
    agent = _agent(
        office=TransferTarget(number="+441", people=(TransferPerson(name="Kim", number="+442", hours=NINE_TO_FIVE),), ring_s=10),
        on_call=TransferTarget(number="+443", order=2),
        owner=TransferTarget(number="+441", people=(TransferPerson(name="Lee", number="+444"),), order=1),
        closed=TransferTarget(number="+445", hours=NINE_TO_FIVE, order=3),
    )
    found = people_of(agent, "office", MONDAY_NIGHT)
    assert [(one.name, one.number, one.ring_s) for one in found] == [("office", "+441", 10), ("Lee", "+444", 20), ("on call", "+443", 20)]
    assert people_of(agent, "nobody", MONDAY_NIGHT) == ()
    assert people_of(_agent(none=TransferTarget()), "none", MONDAY_NIGHT) == ()


@pytest.mark.parametrize("words", ["Never mind", "oh, forget it", "no wait", "cancel that please", "I would rather talk to you"])
def test_words_that_take_a_transfer_back(words: str) -> None:
    assert stays(words, "en-GB")
    assert not stays(words, "xx")


@pytest.mark.parametrize("words", ["is anybody there", "yes please", "how long will it take", "thank you"])
def test_words_that_do_not(words: str) -> None:
    assert not stays(words, "en-GB")


def test_the_calls_page_says_who_was_rung_and_what_came_of_it() -> None:
    def event(kind: str, **fields: Any) -> dict[str, Any]:
        return {"type": f"transfer.{kind}", "transfer": 1, **fields}

    begun, busy = event("started", target="on_call"), event("attempted", name="Sam", outcome="busy", seconds=3.0)
    taken = event("ended", target="on_call", outcome="taken", name="Kim", seconds=14.2)
    [one] = put_through([begun, busy, event("attempted", name="Kim", outcome="accepted", seconds=14.0), taken])
    assert (one.said, one.tried) == ("Put through to Kim after 14 s", (("Sam", "was busy"), ("Kim", "took the call")))
    assert put_through([begun])[0].said == "Being put through to on call"
    for outcome, words in (("failed", "Nobody took"), ("cancelled", "would rather not"), ("hangup", "hung up")):
        ended = event("ended", target="on_call", outcome=outcome, name="", seconds=5.0)
        assert words in put_through([begun, ended])[0].said
    assert put_through([]) == ()
