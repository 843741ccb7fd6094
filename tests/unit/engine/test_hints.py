"""What recognisers are told to expect, and that they are told."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import anyio
import pytest
from tests.scenarios.harness import SCRIPT, plan_of

from offhook.authoring.load import compile as compile_script
from offhook.contracts.plan import CallPlan
from offhook.core.audio.format import MULAW_8K
from offhook.engine.detector import Detector
from offhook.engine.hints import LONGEST, MOST, hints
from offhook.engine.lineup import Lineup
from offhook.engine.prepare import EngineParts, prepare
from offhook.inference import InferencePool
from offhook.ports.transport import CallStart, CallTransport
from offhook.registry import ProviderContext
from offhook.testing.fakes import FakeVad
from offhook.testing.vendors.server import Vendors
from offhook.weights import ModelStore

NAMED: dict[str, Any] = {**SCRIPT, "given": {"caller_number": "phone", "caller_name": "person_name"}}
GIVEN = {"caller_name": "Siobhan Vaughan", "caller_number": "+447700900123"}
KNOWN = ({"title": "Boilers", "text": "We fit Worcester Bosch. When I'm out, ask for Ffion.\nLater too: Mondays. The day is free."},)


def phrases(plan: CallPlan) -> tuple[str, ...]:
    return hints(plan, compile_script(plan.script)).phrases


def test_names_come_first_then_answers_then_topics() -> None:
    assert phrases(plan_of(NAMED, given=GIVEN, knowledge=KNOWN, transfer_to={"night_desk": "+442079460001"})) == (
        "Siobhan Vaughan",
        "night desk",
        "Worcester Bosch",
        "Ffion",
        "booking",
        "message",
        "how much",
        "price",
        "book",
        "appointment",
    )


def test_there_are_never_more_than_a_recogniser_takes_and_none_twice() -> None:
    slots = {**SCRIPT["slots"]}
    slots["need"] = {**slots["need"], "options": {"message": {"label": "MESSAGE"}, "booking": {"says": [f"word{n}" for n in range(200)]}}}
    found = phrases(plan_of({**SCRIPT, "slots": slots}, transfer_to={"x" * (LONGEST + 1): "+442079460001"}))
    assert len(found) == MOST
    assert len({one.casefold() for one in found}) == MOST
    assert all(len(one) <= LONGEST for one in found)
    assert found[:2] == ("MESSAGE", "booking")


@pytest.fixture
async def vendors() -> AsyncIterator[Vendors]:
    async with Vendors() as found:
        yield found


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("stt", "parameter"), [("deepgram:nova-3", "keyterm"), ("deepgram_flux", "keyterm"), ("assemblyai", "keyterms_prompt")]
)
async def test_a_vendors_recogniser_is_told_when_it_is_opened(vendors: Vendors, stt: str, parameter: str) -> None:
    plan = plan_of(NAMED, given=GIVEN, models={"stt": (stt,), "tts": ("cartesia:sonic-3.5",), "endpoint": None})
    pool = InferencePool(inline=True)
    lineup = Lineup(ProviderContext(pool, ModelStore(None), vendors.env()))
    parts = EngineParts(lineup, Detector(FakeVad(), pool), pool, cast("Any", None), cast("Any", None), None, "", Path("unused"), False)
    with anyio.fail_after(150):
        line = SimpleNamespace(start=CallStart("twilio"), format_in=MULAW_8K, format_out=MULAW_8K, message_ms=20)
        prepared = await prepare(parts, plan, cast("CallTransport", line), Counter())
        await prepared.ears.stt.aclose()
        await prepared.mouth.voice.aclose()
        await prepared.held.aclose()
        await lineup.aclose()
    [opened] = [one for one in vendors.log if one.kind == "open" and parameter in dict(one.query)]
    told = [value for name, value in opened.query if name == parameter]
    assert (json.loads(told[0]) if parameter == "keyterms_prompt" else told) == list(phrases(plan))
