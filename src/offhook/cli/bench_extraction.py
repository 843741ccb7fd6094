"""``offhook bench extraction``: how much of what was booked is read off the words of a call."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from offhook.addresses import Rules
from offhook.orchestrator.agents.config import ExtractField
from offhook.orchestrator.calls.transcript import Said
from offhook.orchestrator.extraction import fields as by_rules
from offhook.orchestrator.extraction.model import BamlExtractor, Server
from offhook.orchestrator.extraction.port import Unread
from offhook.orchestrator.extraction.spoken import Spoken
from offhook.orchestrator.hooks.guard import Guard
from offhook.testing.bench.extraction import FORMS, WHERE, Booking, Score, answer, bookings, measure
from offhook.testing.vendors.server import Scenario, Vendors

MODEL = "double"


def spoken(one: Booking) -> Spoken:
    """A dialogue as the words of a call."""
    turns = (
        Said.model_validate({"turn": at, "speaker": turn.speaker, "start_ms": at * 1000, "end_ms": at * 1000 + 900, "text": turn.text})
        for at, turn in enumerate(one.turns, 1)
    )
    return Spoken(tuple(turns), WHERE)


def fields(one: Booking) -> tuple[ExtractField, ...]:
    """What was booked, as a tenant's own fields."""
    keys = ("name", "type", "description", "choices")
    return tuple(ExtractField.model_validate({key: getattr(each, key) for key in keys}) for each in one.fields)


async def read_by_rules(one: Booking) -> Mapping[str, Any]:
    """Without any model."""
    return {name: found.value for name, found in by_rules.read(spoken(one), fields(one)).items()}


async def through_a_model(given: Sequence[Booking]) -> tuple[Score, int]:
    """Answers of a double that knows what was booked, in every form that models write; how much is left of them, and what failed."""
    forms, failed = cycle(FORMS.values()), 0
    guard = Guard(Rules(http=True, ports=frozenset(), networks=(ipaddress.ip_network("127.0.0.0/8"),)))
    async with Vendors() as vendors:
        extractor = BamlExtractor(Server(vendors.base("vllm"), MODEL), guard)

        async def read(one: Booking) -> Mapping[str, Any]:
            nonlocal failed
            vendors.scenario("vllm", Scenario(options={"reply": next(forms)(answer(one))}))
            try:
                draft = await extractor.read(spoken(one), fields(one))
            except Unread:
                failed += 1
                return {}
            return {path.removeprefix("facts."): found.value for path, found in draft.values.items() if path.startswith("facts.")}

        return await measure(given, read), failed


async def extraction(console: Console, shared: Path) -> dict[str, Any]:
    """Both ways, with a table."""
    given = bookings(shared / "dialogues")
    rules = await measure(given, read_by_rules)
    model, failed = await through_a_model(given)
    table = Table("slot", "right", "wrong", "empty", title=f"Read by rules alone: {len(given)} bookings, {rules.slots} slots")
    for name, kinds in sorted(rules.kinds.items()):
        table.add_row(name, *(str(kinds[what]) for what in ("right", "wrong", "empty")))
    console.print(table)
    console.print(summed("rules alone", rules))
    console.print(f"{summed('a model that knows, through BAML', model)}; {len(FORMS)} forms of answer, {failed} of {len(given)} not read")
    keys = ("right", "wrong", "empty", "slots")
    return {"rules": {key: getattr(rules, key) for key in keys}, "model": {key: getattr(model, key) for key in keys} | {"unread": failed}}


def summed(what: str, score: Score) -> str:
    """One line."""
    share = 100 * score.right / max(1, score.slots)
    return f"extraction, {what}: {score.right} of {score.slots} slots right ({share:.1f} %), {score.wrong} wrong, {score.empty} left empty"
