"""The grammars on callers' sentences that were labelled by others. The floors are just below what is reached."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from tests.shared import SHARED, needs_shared

from offhook.core.understand.parse import parse
from offhook.core.understand.types import Context, Found

pytestmark = needs_shared
LONDON = ZoneInfo("Europe/London")


def _lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (SHARED / "dialogues" / name).read_text().splitlines()]


def _report(capsys: pytest.CaptureFixture[str], what: str, good: int, missed: list[str]) -> float:
    total = good + len(missed)
    with capsys.disabled():
        print(f"\n{what}: {good}/{total}" + "".join(f"\n    {each}" for each in missed[:SHOW]))  # noqa: T201
    return good / total


SHOW = 0
NLUPP = Context(now=datetime(2022, 3, 15, 9, 0, tzinfo=LONDON))


def _date_in_scope(slot: dict[str, Any]) -> bool:
    return isinstance(slot.get("value"), dict) and "day" in slot["value"]


def test_dates_of_nlupp(capsys: pytest.CaptureFixture[str]) -> None:
    good, missed = 0, []
    for line in _lines("nlu_nlupp.jsonl"):
        for name, slot in (line.get("slots") or {}).items():
            if not name.startswith("date") or not _date_in_scope(slot):
                continue
            want = "{year}-{month:02d}-{day:02d}".format(**slot["value"])
            got = parse("date", slot["text"], NLUPP, asked=True)
            if got and got[0].value == want:
                good += 1
            else:
                missed.append(f"{slot['text']!r} in {line['text']!r}: {want}, got {[f.value for f in got]}")
    assert _report(capsys, "nlu++ dates", good, missed) >= 0.92


def test_times_of_nlupp(capsys: pytest.CaptureFixture[str]) -> None:
    """Twelve hours apart counts where neither words nor hours decide: the labels take the hour as it is said."""
    good, missed = 0, []
    for line in _lines("nlu_nlupp.jsonl"):
        for name, slot in (line.get("slots") or {}).items():
            if name not in {"time", "time_from", "time_to"} or not isinstance(slot.get("value"), dict) or "hour" not in slot["value"]:
                continue
            want = slot["value"]["hour"] * 60 + slot["value"]["minute"]
            got = parse("time", slot["text"], NLUPP, asked=True)
            minutes = [int(str(f.value)[:2]) * 60 + int(str(f.value)[3:]) for f in got]
            loose = bool(got) and got[0].sure <= 0.65
            if minutes and (minutes[0] == want or (loose and (minutes[0] - want) % 720 == 0)):
                good += 1
            else:
                missed.append(f"{slot['text']!r} in {line['text']!r}: {slot['value']}, got {[f.value for f in got]}")
    assert _report(capsys, "nlu++ times", good, missed) >= 0.9


def test_money_of_nlupp(capsys: pytest.CaptureFixture[str]) -> None:
    good, missed = 0, []
    for line in _lines("nlu_nlupp.jsonl"):
        slot = (line.get("slots") or {}).get("amount_of_money")
        if slot is None or not isinstance(slot.get("value"), dict) or slot["value"]["currency"] == "ambiguous":
            continue
        got = parse("money", line["text"], NLUPP)
        want = {"minor": round(slot["value"]["amount"] * 100), "currency": slot["value"]["currency"]}
        if any(f.value == want for f in got):
            good += 1
        else:
            missed.append(f"{line['text']!r}: {want}, got {[f.value for f in got]}")
    assert _report(capsys, "nlu++ money in sentences", good, missed) >= 0.9


def _overlaps(found: tuple[Found, ...], slot: dict[str, Any]) -> bool:
    return any(f.start < slot["end"] and f.end > slot["start"] for f in found)


@pytest.mark.parametrize(("slot", "kind", "floor"), [("date", "date", 0.97), ("time", "time", 0.98), ("people", "number", 0.97)])
def test_spans_of_restaurant8k(slot: str, kind: str, floor: float, capsys: pytest.CaptureFixture[str]) -> None:
    """The labelled span is found in the whole sentence, and nothing is found where nothing is labelled."""
    context = Context(now=datetime(2018, 8, 1, 12, 0, tzinfo=LONDON))
    good, missed, wrong, empty = 0, [], [], 0
    for line in _lines("phone_slots_restaurant8k.jsonl"):
        asked = slot in line.get("requested", ())
        found = parse(kind, line["text"], context, asked=asked)
        spans = [s for s in line.get("slots", ()) if s["slot"] == slot]
        for each in spans:
            if _overlaps(found, each):
                good += 1
            else:
                missed.append(f"{each['text']!r} in {line['text']!r}: {[f.raw for f in found]}")
        if not spans:
            empty += 1
            if any(f.sure >= 0.75 for f in found):
                wrong.append(f"{line['text']!r}: {[(f.raw, f.sure) for f in found]}")
    share = _report(capsys, f"restaurant8k {slot}", good, missed)
    assert _report(capsys, f"restaurant8k without {slot}", empty - len(wrong), wrong) >= 0.93
    assert share >= floor


def test_names_of_restaurant8k(capsys: pytest.CaptureFixture[str]) -> None:
    context = Context()
    good, missed, wrong, empty = 0, [], [], 0
    for line in _lines("phone_slots_restaurant8k.jsonl"):
        names = {s["slot"]: s["text"] for s in line.get("slots", ()) if s["slot"] in {"first_name", "last_name"}}
        asked = any(each in {"first_name", "last_name"} for each in line.get("requested", ()))
        found = parse("person_name", line["text"], context, asked=asked)
        value = found[0].value if found else {}
        assert isinstance(value, dict)
        got = [each.casefold() for each in (value.get("given"), value.get("family")) if each]
        if not names:
            empty += 1
            if any(f.sure >= 0.75 for f in found):
                wrong.append(f"{line['text']!r}: {got}")
            continue
        want = [names[each].casefold() for each in ("first_name", "last_name") if each in names]
        if got == want:
            good += 1
        else:
            missed.append(f"{line['text']!r}: {got}")
    share = _report(capsys, "restaurant8k names", good, missed)
    assert _report(capsys, "restaurant8k without names", empty - len(wrong), wrong) >= 0.93
    assert share >= 0.94


def test_days_and_times_of_booking_dialogues(capsys: pytest.CaptureFixture[str]) -> None:
    """What callers called a day or a time is understood as one."""
    context = Context(region="US", locale="en-US", now=datetime(2019, 3, 1, 9, 0, tzinfo=LONDON))
    for kind in ("date", "time"):
        good, missed = 0, []
        for line in _lines("booking_dialogues.jsonl"):
            for turn in line["turns"]:
                for slot in turn.get("slots", ()) if turn["speaker"] == "caller" else ():
                    if slot["slot"].endswith(kind):
                        found = parse(kind, turn["text"], context)
                        if any(f.start <= slot["start"] + 4 and f.end >= slot["end"] - 4 for f in found):
                            good += 1
                        else:
                            missed.append(f"{slot['text']!r} in {turn['text']!r}: {[f.raw for f in found]}")
        assert _report(capsys, f"booking dialogues {kind}", good, missed) >= 0.9
