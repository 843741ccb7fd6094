"""When somebody may be rung, over changes of the clocks too, and what they hear first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from offhook.orchestrator.agents.compose import ENTRY
from offhook.orchestrator.outgoing.hours import AHEAD, Hours, next_time, zones_of
from offhook.orchestrator.outgoing.opening import WORDS, line, of_visit, opened

LONDON, YORK, SYDNEY, CHATHAM = (ZoneInfo(name) for name in ("Europe/London", "America/New_York", "Australia/Sydney", "Pacific/Chatham"))
WEEKDAYS = Hours(days=frozenset(range(5)))


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "zones", "hours", "expected"),
    [
        ("2026-11-23T10:00", (LONDON,), Hours(), "2026-11-23T10:00"),
        ("2026-11-23T07:00", (LONDON,), Hours(), "2026-11-23T09:00"),
        ("2026-11-23T20:00", (LONDON,), Hours(), "2026-11-24T09:00"),
        ("2026-11-27T20:00", (LONDON,), WEEKDAYS, "2026-11-30T09:00"),
        ("2026-11-23T10:00", (LONDON, YORK), Hours(), "2026-11-23T14:00"),  # nobody is rung at five in the morning
        ("2026-11-23T21:00", (LONDON, YORK), Hours(), "2026-11-24T14:00"),
        ("2026-11-23T10:00", (LONDON, SYDNEY), Hours(closes=1_260), "2026-11-24T09:00"),  # one hour of the day is left for both
        ("2026-11-23T10:00", (LONDON, CHATHAM), Hours(opens=600, closes=1080), None),  # none is
        ("2026-07-01T07:30", (LONDON,), Hours(), "2026-07-01T08:00"),  # summer time
        ("2026-03-28T21:00", (LONDON,), Hours(), "2026-03-29T08:00"),  # the clocks went forward in the night
        ("2026-10-24T20:30", (LONDON,), Hours(), "2026-10-25T09:00"),  # and back
        (
            "2026-03-28T22:00",
            (LONDON,),
            Hours(opens=90, closes=105),
            "2026-03-30T00:30",
        ),  # 01:30 to 01:45 is missing that night
        ("2026-10-25T00:40", (LONDON,), Hours(opens=90, closes=150), "2026-10-25T00:40"),  # 01:40 is there twice: the first
        ("2026-10-25T01:10", (LONDON,), Hours(opens=90, closes=150), "2026-10-25T01:30"),  # and the second
        ("2026-11-23T10:00", (LONDON,), Hours(opens=600, closes=600), None),
        ("2026-11-23T10:00", (LONDON,), Hours(days=frozenset()), None),
        ("2026-11-23T10:00", (), Hours(), "2026-11-23T10:00"),
    ],
)
def test_the_first_time_that_suits_everybody(now: str, zones: tuple[ZoneInfo, ...], hours: Hours, expected: str | None) -> None:
    assert next_time(_at(now), zones, hours, None) == (_at(expected) if expected else None)


def test_no_later_than_it_is_wanted() -> None:
    now = _at("2026-11-23T20:30")
    assert next_time(now, (LONDON,), Hours(), now + timedelta(hours=12)) is None
    assert next_time(now, (LONDON,), Hours(), now + timedelta(hours=13)) == _at("2026-11-24T09:00")


@pytest.mark.parametrize("zones", [(LONDON,), (YORK,), (LONDON, YORK), (SYDNEY, LONDON)])
def test_whatever_the_hour_it_is_open_then_and_not_before(zones: tuple[ZoneInfo, ...]) -> None:
    hours = Hours(opens=8 * 60 + 30, closes=20 * 60)
    for step in range(0, 24 * 366, 5):  # a year with all its changes of the clocks
        now = _at("2026-01-01T00:10") + timedelta(hours=step)
        found = next_time(now, zones, hours, None)
        assert found is not None
        assert now <= found <= now + AHEAD
        assert all(hours.open_at(found, zone) for zone in zones)
        assert found == now or not all(hours.open_at(found - timedelta(minutes=1), zone) for zone in zones)


def test_where_a_number_is() -> None:
    assert zones_of("+442079460000") == (LONDON,)
    assert zones_of("+12125550100") == (YORK,)
    assert zones_of("+61291234567") == (SYDNEY,)
    assert zones_of("+8835100001234") == ()
    assert len(zones_of("+18005550100")) > 3  # anywhere: all of them count


def test_who_is_calling_comes_first() -> None:
    visit = of_visit(_at("2026-11-24T09:00"), LONDON, _at("2026-11-23T15:00"), "en-GB")
    said = line("reminder", "Harbour Plumbing", "Please have the stopcock free.", visit, "en-GB")
    assert said.startswith("Hello, this is the automated assistant of Harbour Plumbing.")
    assert "your visit tomorrow at nine." in said
    assert said.endswith("stopcock free.")
    assert line("other", "Harbour Plumbing", "", "", "en-GB") == "Hello, this is the automated assistant of Harbour Plumbing."


@pytest.mark.parametrize(
    ("locale", "says"),
    [
        ("de-DE", "an Ihren Termin am Dienstag, dem 24., um 14:30 Uhr zu erinnern"),
        ("fr-FR", "votre rendez-vous du mardi 24, à 14 h 30."),
        ("es-ES", "su cita del martes 24 a las 14:30."),
        ("it-IT", "il suo appuntamento di martedì 24 alle 14:30."),
        ("nl-NL", "uw afspraak op dinsdag de 24e om 14:30 uur."),
        ("pl-PL", "your visit tomorrow at half past two."),
    ],
)
def test_it_is_said_in_the_agents_language(locale: str, says: str) -> None:
    visit = of_visit(_at("2026-11-24T14:30"), LONDON, _at("2026-11-23T15:00"), locale)
    said = line("reminder", "Bad & Co", "", visit, locale)
    assert says in said
    assert "Bad & Co." in said


def test_no_language_lacks_a_line() -> None:
    for language, words in WORDS.items():
        assert {"who", "reminder", "call-back"} <= words.keys()
        assert language == "en" or len(words["days"].split()) == 7
        assert "  " not in line("reminder", "A", "", "", language)
        assert line("call-back", "A", "", "", language).endswith(words["call-back"])


def test_the_greeting_is_replaced_and_nothing_else() -> None:
    script = {
        "start": ENTRY,
        "must_say": {"agent.disclosure": {"text": "This call is recorded.", "before": "first question"}},
        "states": {
            ENTRY: {"next": [{"if": "open_now is no", "go": "agent.closed"}, {"go": "greet"}]},
            "greet": {"say": "Thank you for calling.", "ask": "reason"},
            "agent.closed": {"say": "We are closed.", "end": "agent.out_of_hours"},
        },
    }
    made = opened(script, "Hello.")
    assert made["start"] == "greet"
    assert made["states"]["greet"] == {"say": "Hello.", "ask": "reason"}
    assert made["must_say"] == script["must_say"]
    assert script["start"] == ENTRY
    assert opened({"start": "nowhere", "states": 3}, "Hello.") == {"start": "nowhere", "states": 3}
