"""A message that a caller left with the carrier, on the call's page: what became of it in words, and the player once it is here."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.e2e.business import House, open_house
from tests.e2e.calls import NOW
from tests.e2e.people import OWNER, Street, open_street
from tests.e2e.portal_http import bare, get

from offhook.orchestrator.calls import ops as calls
from offhook.orchestrator.recordings import messages, ops
from offhook.orchestrator.recordings.messages import Left
from offhook.orchestrator.recordings.schemas import MessageFault
from offhook.orchestrator.recordings.sound import as_flac
from offhook.testing.carriers.tapes import tone

CALL = "/t/harbour/calls/call_left"


@pytest.fixture
async def street(database_url: str, tmp_path: Path) -> AsyncIterator[Street]:
    async with open_house(database_url, tmp_path) as house, open_street(house) as found:
        house.now[0] = NOW
        yield found


async def left(house: House) -> None:
    """A call that never came to an engine, whose caller left a message of five seconds."""
    given = house.services
    async with given.database.tenant("harbour") as scope:
        await calls.ensure(scope, "call_left", "front-desk", transport="twilio", carrier_call="CA1", caller="+447700900123")
        await calls.lost(scope, "call_left", given.clock())
        await messages.begin(scope, given, "call_left", Left("twilio", None, "RE1", "https://api.twilio.com/RE1", 5.0))


def section(text: str) -> str:
    """The part of the page that is about the message."""
    found = re.search(r'<section class="left".*?<div class="cols">', text, re.DOTALL)
    assert found, text
    return found.group(0)


async def test_it_says_that_it_is_being_fetched_and_then_plays_it(street: Street) -> None:
    await left(street.house)
    ann = await street.member(OWNER, "tenant_owner")
    before = section((await get(ann, CALL)).text)
    assert "The message is being fetched from the carrier." in before
    assert "<audio" not in before
    assert (await get(ann, f"{CALL}/message/_wave")).json()["loud"] is None
    assert (await get(ann, f"{CALL}/message/audio")).status_code == 404
    sound = as_flac(tone(5.5))
    assert sound is not None
    assert await messages.keep(street.house.services, "harbour", "call_left", sound)
    assert await ops.examine(street.house.services, "harbour", "call_left", "message")
    page = (await get(ann, CALL)).text
    after = section(page)
    assert 'data-seconds="5.5"' in after  # not what the carrier said
    assert f'<audio controls preload="none" src="{CALL}/message/audio">' in after
    assert "/calls/call_left/voice-message?download=true" in page
    assert len(re.findall(r'id="(player|message)-text"', page)) == 2
    known = len(await street.actions())
    heard = await get(ann, f"{CALL}/message/audio")
    assert (heard.content, heard.headers["cache-control"]) == (sound.data, "no-store")
    assert (await street.actions())[known:] == ["call.message.read"]
    drawn = (await get(ann, f"{CALL}/message/_wave")).json()
    assert (drawn["seconds"], drawn["turns"], len(base64.b64decode(drawn["loud"]["caller"]))) == (5.5, [[0.0, 5.5, "caller"]], 275)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (None, "recording is off for this agent"),
        ("gone", "the carrier does not have it"),
        ("keys", "does not take the account&#39;s keys"),
        ("elsewhere", "an address that is not its own"),
        ("too_large", "it is too large"),
        ("not_audio", "what the carrier sent is no sound"),
        ("unreachable", "did not answer for an hour"),
        ("broken", "something went wrong here"),
    ],
)
async def test_it_says_why_it_is_not_here(street: Street, fault: MessageFault | None, words: str) -> None:
    await left(street.house)
    async with street.house.services.database.tenant("harbour") as scope:
        await messages.leave(scope, street.house.services, "call_left", fault)
    ann = await street.member(OWNER, "tenant_owner")
    said = section((await get(ann, CALL)).text)
    assert words in said
    assert "<audio" not in said


async def test_it_is_nobody_elses(street: Street) -> None:
    await left(street.house)
    sound = as_flac(tone(1))
    assert sound is not None
    await messages.keep(street.house.services, "harbour", "call_left", sound)
    bea = await street.member("bea@quayside.example", "tenant_owner", at="/v1/tenants/quayside")
    for path in ("_wave", "audio"):
        theirs, nowhere = await get(bea, f"{CALL}/message/{path}"), await get(bea, f"/t/quayside/calls/call_left/message/{path}")
        assert (theirs.status_code, nowhere.status_code) == (404, 404)
        assert bare(theirs) == bare(await get(bea, "/no/such/page"))


async def test_what_is_told_again_changes_nothing_and_what_was_let_go_does_not_come_back(street: Street) -> None:
    await left(street.house)
    given = street.house.services
    async with given.database.tenant("harbour") as scope:
        await messages.begin(scope, given, "call_left", Left("twilio", None, "RE2", "https://api.twilio.com/RE2", 9.0))
        found = await messages.show(scope, "call_left")
    assert found is not None
    assert (found.recording, found.seconds) == ("RE1", 5.0)
    jobs = await street.house.look("select 1 from procrastinate_jobs where task_name = :name", name=messages.FETCH)
    assert len(jobs) == 1
    async with given.database.tenant("harbour") as scope:
        await calls.locked(scope, "call_left")
        await ops.remove(given, scope, "call_left")
    sound = as_flac(tone(1))
    assert sound is not None
    assert not await messages.keep(given, "harbour", "call_left", sound)
    assert await street.house.look("select 1 from recording") == []
    assert not [one for one in (street.house.settings.state_dir / "recordings").rglob("*") if one.is_file()]


def test_only_sounds_are_taken() -> None:
    assert as_flac(b"") is None
    assert as_flac(b"RIFF") is None
    assert as_flac(tone(0)) is None
    assert as_flac(tone(601)) is None
    fast = io.BytesIO()
    soundfile.write(fast, np.zeros(480_000, "<i2"), 96_000, format="FLAC")
    assert as_flac(fast.getvalue()) is None
    flac = as_flac(tone(2))
    assert flac is not None
    assert (flac.data[:4], flac.seconds) == (b"fLaC", 2.0)
