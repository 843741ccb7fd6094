"""Messages that callers leave with a carrier when no engine is there: fetched over HTTP on this machine from each carrier's double, which
keeps them as that carrier does, and kept, played, exported and deleted as recordings are.
"""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import anyio
import pytest
import soundfile
from tests.e2e.business import CALLER, DID, House, open_house
from tests.e2e.test_agents_versions import publish
from tests.e2e.test_tenants_exports import fetched, lines, made
from tests.telephony.exchanges import KINDS, PUBLIC, Carried, carried

from offhook.orchestrator.carriers import messages
from offhook.orchestrator.recordings import ops as recordings
from offhook.orchestrator.recordings.messages import FETCH
from offhook.testing.business.base import Seen
from offhook.testing.business.serve import served
from offhook.testing.carriers.tapes import RATE, tone

pytestmark = [pytest.mark.telephony, pytest.mark.anyio]
ELSEWHERE = (
    "https://elsewhere.example.com/sound.wav",
    "http://api.twilio.com/sound.wav",
    "https://api.twilio.com.example.com/sound.wav",
    "https://10.0.0.1/sound.wav",
    "https://[sound.wav",
    "https://s3.amazonaws.com/telephony-recorder-prod/%2e%2e/another/sound.wav",
)
NO_SOUNDS = (("text/html", tone(1)), ("audio/x-wav", b"<html>no sound</html>"), ("audio/x-wav", tone(0)), ("audio/x-wav", tone(601)))


@dataclass
class Desk:
    """An orchestrator, and a carrier behind a port of this machine."""

    house: House
    line: Carried
    account: str

    async def left(self) -> str:
        """Somebody rings, no engine is there, they leave a message; our id of the call."""
        call = self.line.exchange.ring(DID, CALLER)
        with anyio.fail_after(150):
            await call.over.wait()
        assert "record" in call.heard
        [row] = await self.house.look("select id from call where carrier_call = :sid", sid=call.sid)
        found: str = row.id
        return found

    async def fetch(self, call: str) -> bool:
        """What the queue's job does."""
        return await messages.fetch(self.house.services, "harbour", call)

    async def message(self, call: str) -> dict[str, Any]:
        """As the API shows it."""
        found: dict[str, Any] = (await self.house.call(call))["voice_message"]
        return found

    async def outcome(self, call: str) -> tuple[str, str | None]:
        """Its state and what is wrong."""
        found = await self.message(call)
        return found["state"], found["fault"]

    def asked(self) -> list[Seen]:
        """The requests for recordings that came to the carrier."""
        return [one for one in self.line.exchange.log if ".wav" in one.url]


@asynccontextmanager
async def open_line(kind: str, database_url: str) -> AsyncIterator[Desk]:
    line = carried(kind)
    carrier = line.exchange
    async with (
        served(line.carrier) as origin,
        open_house(database_url, public_url=PUBLIC, vendor_origins={f"carrier/{kind}": origin}, end_grace_s=0.0) as house,
    ):
        carrier.web, carrier.clock = house.http, lambda: house.now[0]
        line.add_number(DID)
        account = (await house.ask("POST", "/carrier-accounts", line.account)).json()["id"]
        number = (await house.get("/numbers")).json()["data"][0]["id"]
        moved = await house.ask("PATCH", f"/numbers/{number}", {"carrier_account_id": account}, If_Match="*")
        assert moved.status_code == 200, moved.text
        async with carrier.running():
            yield Desk(house, line, account)
        assert carrier.problems == []


@pytest.fixture(params=KINDS)
async def desk(database_url: str, request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    """At each carrier."""
    async with open_line(request.param, database_url) as opened:
        yield opened


@pytest.fixture
async def twilio(database_url: str) -> AsyncIterator[Desk]:
    async with open_line("twilio", database_url) as opened:
        yield opened


async def test_a_message_is_fetched_once_it_is_ready_and_heard_like_a_recording(desk: Desk) -> None:
    desk.line.exchange.tape.unready = 1
    call = await desk.left()
    before = await desk.message(call)
    assert (before["state"], before["fault"], before["seconds"], before["settled_at"]) == ("fetching", None, 5.0, None)
    assert (await desk.house.get(f"/calls/{call}/voice-message")).status_code == 404
    assert not await desk.fetch(call)
    assert await desk.outcome(call) == ("fetching", None)
    assert await desk.fetch(call)
    assert await desk.outcome(call) == ("here", None)
    heard = await desk.house.get(f"/calls/{call}/voice-message")
    assert (heard.status_code, heard.headers["content-type"]) == (200, "audio/flac")
    samples, rate = soundfile.read(io.BytesIO(heard.content), dtype="int16")
    wanted, _ = soundfile.read(io.BytesIO(tone()), dtype="int16")
    assert rate == RATE
    assert (samples == wanted).all()
    part = await desk.house.ask("GET", f"/calls/{call}/voice-message", Range="bytes=0-3")
    assert (part.status_code, part.content) == (206, b"fLaC")
    rows = await desk.house.look("select action, details from audit where action = 'call.message.read' order by seq")
    assert [one.details for one in rows] == [{}, {"range": [0, 3]}]
    kept = list((desk.house.settings.state_dir / "recordings").rglob("*.message"))
    assert len(kept) == 1
    assert b"fLaC" not in kept[0].read_bytes()


async def test_two_runs_of_the_job_store_it_once(twilio: Desk) -> None:
    call = await twilio.left()
    came: list[bool] = []

    async def run() -> None:
        came.append(await twilio.fetch(call))

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        group.start_soon(run)
    assert sorted(came) == [False, True]
    asked = len(twilio.asked())
    assert not await twilio.fetch(call)
    assert len(twilio.asked()) == asked
    assert len(await twilio.house.look("select 1 from recording where kind = 'message'")) == 1
    assert len([one for one in (twilio.house.settings.state_dir / "recordings").rglob("*") if one.is_file()]) == 1


async def test_the_queue_fetches_it_by_itself_and_looks_at_it(twilio: Desk) -> None:
    call = await twilio.left()

    async def looked_at() -> bool:
        return bool(await twilio.house.look("select 1 from recording where kind = 'message' and examined_at is not null"))

    await twilio.house.work_until(looked_at)
    assert await twilio.outcome(call) == ("here", None)
    async with twilio.house.services.database.tenant("harbour") as scope:
        loud = await recordings.loudness(twilio.house.services, scope, call, 50, "message")
    assert (loud.seconds, len(loud.caller), loud.agent) == (5.0, 250, b"")
    assert max(loud.caller) > 40


async def test_a_carrier_that_never_has_it_is_given_up_in_words(desk: Desk) -> None:
    desk.line.exchange.tape.unready = 1_000
    call = await desk.left()
    for attempt in range(9):
        await desk.fetch(call)
        assert await desk.outcome(call) == ("fetching", None)
        [row] = await desk.house.look(
            "select attempts, (select count(*) from procrastinate_jobs where task_name = :job) as jobs from voice_message", job=FETCH
        )
        assert (row.attempts, row.jobs) == (attempt + 1, attempt + 2)
    desk.house.now[0] += messages.PATIENCE
    await desk.fetch(call)
    assert await desk.outcome(call) == ("failed", "gone")
    asked = len(desk.asked())
    await desk.fetch(call)
    assert len(desk.asked()) == asked


async def test_keys_that_are_not_taken_are_said_at_once(twilio: Desk) -> None:
    call = await twilio.left()
    next(iter(twilio.line.carrier.accounts.values())).token = "another"
    await twilio.fetch(call)
    assert await twilio.outcome(call) == ("failed", "keys")
    assert [one.status for one in twilio.asked()] == [401]


async def test_a_signed_address_that_is_too_old_is_said_at_once(database_url: str) -> None:
    async with open_line("telnyx", database_url) as desk:
        call = await desk.left()
        desk.house.now[0] += timedelta(minutes=11)
        await desk.fetch(call)
        assert await desk.outcome(call) == ("failed", "gone")


async def test_a_carrier_that_is_down_is_asked_again(twilio: Desk) -> None:
    call = await twilio.left()
    twilio.line.exchange.faults.planned = ["500", "429", "dropped"]
    for _ in range(3):
        assert not await twilio.fetch(call)
        assert await twilio.outcome(call) == ("fetching", None)
    assert await twilio.fetch(call)


@pytest.mark.parametrize("there", ELSEWHERE)
async def test_nobody_else_is_asked_whatever_the_carrier_says(desk: Desk, there: str) -> None:
    desk.line.exchange.tape.moved = there
    call = await desk.left()
    await desk.fetch(call)
    assert await desk.outcome(call) == ("failed", "elsewhere")
    assert desk.asked()
    assert not any(one.url.endswith("sound.wav") for one in desk.line.exchange.log)


async def test_keys_go_to_the_carriers_own_host_only(database_url: str) -> None:
    async with open_line("signalwire", database_url) as desk:
        call = await desk.left()
        assert await desk.fetch(call)
        keyed = [(one.headers["host"], "authorization" in one.headers) for one in desk.asked()]
    assert keyed == [("harbour.signalwire.com", True), ("files.signalwire.com", False)]


@pytest.mark.parametrize("chunked", [False, True])
async def test_what_is_too_large_is_not_taken(twilio: Desk, chunked: bool) -> None:
    twilio.line.exchange.tape.sound, twilio.line.exchange.tape.chunked = bytes(16_000_001), chunked
    call = await twilio.left()
    await twilio.fetch(call)
    assert await twilio.outcome(call) == ("failed", "too_large")


@pytest.mark.parametrize(("kind", "sound"), NO_SOUNDS)
async def test_what_is_no_message_is_not_taken(twilio: Desk, kind: str, sound: bytes) -> None:
    twilio.line.exchange.tape.kind, twilio.line.exchange.tape.sound = kind, sound
    call = await twilio.left()
    await twilio.fetch(call)
    assert await twilio.outcome(call) == ("failed", "not_audio")


async def test_nothing_is_fetched_once_recording_is_off(twilio: Desk) -> None:
    call = await twilio.left()
    await publish(twilio.house, recording={"record": False})
    await twilio.fetch(call)
    assert await twilio.outcome(call) == ("off", None)
    assert twilio.asked() == []


async def test_it_is_nobody_elses(twilio: Desk) -> None:
    call = await twilio.left()
    await twilio.fetch(call)
    key = await twilio.house.key("calls.read", tenant="quayside")
    for tenant in ("harbour", "quayside"):
        answer = await twilio.house.http.get(f"/v1/tenants/{tenant}/calls/{call}/voice-message", headers=key)
        assert answer.status_code in {403, 404}, answer.text
    assert (await twilio.house.get(f"/calls/{call}/voice-message", "quayside")).status_code == 404
    assert not await messages.fetch(twilio.house.services, "quayside", call)


async def test_it_goes_with_its_call_also_while_it_is_being_fetched(twilio: Desk) -> None:
    first, second = await twilio.left(), await twilio.left()
    assert await twilio.fetch(first)
    for call in (first, second):
        assert (await twilio.house.ask("DELETE", f"/calls/{call}")).status_code == 204
    assert not await twilio.fetch(second)
    assert await twilio.house.look("select 1 from voice_message") == []
    assert await twilio.house.look("select 1 from recording") == []
    assert not [one for one in (twilio.house.settings.state_dir / "recordings").rglob("*") if one.is_file()]


async def test_exports_hold_it_and_not_what_opens_it_at_the_carrier(twilio: Desk) -> None:
    call = await twilio.left()
    await twilio.fetch(call)
    file = await fetched(twilio.house, await made(twilio.house))
    samples, rate = soundfile.read(io.BytesIO(file.read(f"messages/{call}.flac")))
    assert (len(samples), rate) == (5 * RATE, RATE)
    [row] = lines(file, "voice_message")
    assert (row["call_id"], row["state"], "url" in row) == (call, "here", False)


async def test_what_opens_it_at_the_carrier_is_sealed_and_forgotten(database_url: str) -> None:
    async with open_line("telnyx", database_url) as desk:
        call = await desk.left()
        [row] = await desk.house.look("select url, voice_message::text as text from voice_message")
        assert row.url is not None
        assert "Signature" not in row.text
        jobs = await desk.house.look("select args::text as args from procrastinate_jobs where task_name = 'fetch_voice_message'")
        assert not any("amazonaws" in one.args for one in jobs)
        await desk.fetch(call)
        [row] = await desk.house.look("select url from voice_message")
        assert row.url is None
