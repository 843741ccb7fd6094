"""A card number that a caller keys in secret, and then every place where something of a call is kept or told."""

from __future__ import annotations

import io
import json
import logging
from datetime import UTC, datetime
from pathlib import Path

import anyio
import httpx
import numpy as np
import pytest
import soundfile
from tests.e2e.business import SECRET, House, open_house
from tests.e2e.test_recordings_handover import settled
from tests.scenarios.harness import Business, Scene, plan_of, scene
from tests.scenarios.test_keys import CARD, PAYING
from tests.telephony.figures import figure

from offhook.engine.handover import HandoverDesk
from offhook.orchestrator.recordings import ops

pytestmark = [pytest.mark.telephony, pytest.mark.anyio, pytest.mark.timeout(200)]


async def _keyed(stage: Scene, digits: str) -> None:
    """Press keys, each with a tone in the caller's audio as a telephone makes it."""
    for digit in digits:
        stage.line.press(digit)
        await stage.line.say("", 0.1)
        await anyio.sleep(0.05)


async def _next(stage: Scene) -> None:
    await stage.line.agent_speaks(limit=30)
    await stage.line.agent_done()


async def test_a_secret_is_in_nothing_that_is_kept_or_told(database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    business = Business({"pay": [{"values": {"ref": "P1"}}]})
    folder = tmp_path / "engine"
    async with (
        open_house(database_url) as house,
        httpx.AsyncClient(transport=httpx.ASGITransport(house.app)) as http,
        anyio.create_task_group() as group,
    ):
        house.now[0] = datetime.now(UTC)
        desk = HandoverDesk(folder / "calls", http, "http://orchestrator/v1/recordings", SECRET, group)
        plan = plan_of(PAYING, record=True, ref="harbour/front-desk")
        async with scene(plan, business, traces=folder) as stage:
            object.__setattr__(stage.call._parts, "handover", desk)  # before its first step
            await _next(stage)
            await _keyed(stage, "40#")
            await _next(stage)
            begun = stage.line.now()
            await _keyed(stage, f"{CARD}#")
            glimpse = stage.call.glimpse().model_dump_json()
            await _next(stage)
            await _keyed(stage, "1")
            with anyio.fail_after(150):
                await stage.done.wait()
            shown = json.dumps(stage.line.shown, default=str)
        await settled(desk)
        for event in business.events:
            answer = await house.post("/v1/events", event.model_dump(mode="json"))
            assert answer.is_success, answer.text
        assert await ops.examine(house.services, "harbour", "c1")
        found = await _places(house)
        detail = json.loads(found["api /calls/c1"])
        sound, rate = soundfile.read(io.BytesIO((await house.get("/calls/c1/recording")).content))
        group.cancel_scope.cancel()
    # The tool had it, and nobody else.
    assert [args["card"] for tool, _, args in business.runs if tool == "pay"] == [CARD]
    found |= {"shown": shown, "glimpse": glimpse, "log": caplog.text}
    found["events"] = json.dumps([event.model_dump(mode="json") for event in business.events])
    assert "16 digits" in found["events"]
    assert "16 digits" in found["database call_event"]
    parts = [CARD[at : at + 6] for at in range(len(CARD) - 5)]
    for place, text in found.items():
        assert not [part for part in parts if part in text], place
    # Its tones are in neither channel, and the record says from when to when.
    [(begin, end)] = detail["redacted"]
    assert abs(begin / 1000 - begun) < 6
    assert end - begin >= len(CARD) * 100
    assert not sound[begin * rate // 1000 + 1 : end * rate // 1000 - 1].any()
    assert np.abs(sound[: begin * rate // 1000, 0]).max() > 0.1
    figure(f"secret digits: 16 keyed, {len(found)} places searched, found in none; {(end - begin) / 1000:.1f} s silent in both channels")


async def _places(house: House) -> dict[str, str]:
    """All that the orchestrator keeps or tells, by where."""
    found: dict[str, str] = {}
    for row in await house.look("select tablename as table_name from pg_tables where schemaname = 'public'"):
        rows = await house.look(f'select t::text from "{row.table_name}" t')  # noqa: S608 - names of our own tables
        found[f"database {row.table_name}"] = "\n".join(one[0] for one in rows)
    for path in ("/calls", "/calls/c1", "/calls/c1/events", "/calls/c1/transcript", "/calls/c1/trace", "/contacts"):
        answer = await house.get(path)
        assert answer.status_code in {200, 404}, (path, answer.text)
        found[f"api {path}"] = answer.text
    return found
