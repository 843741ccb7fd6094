"""The player over HTTP: what it draws is what was recorded, and who hears it is written down."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from tests.e2e.business import House, open_house
from tests.e2e.calls import NOW
from tests.e2e.long_call import DANA, RATE, Talk, flac, hand_over, recorded, sound, talked
from tests.e2e.people import OWNER, Street, open_street
from tests.e2e.portal_http import PAGE, bare, get
from tests.e2e.test_agents_versions import publish

CALL = "/t/harbour/calls/call_dana"


@pytest.fixture
async def street(database_url: str, tmp_path: Path) -> AsyncIterator[Street]:
    async with open_house(database_url, tmp_path, portal_parts=True) as house, open_street(house) as found:
        house.now[0] = NOW
        yield found


async def dana(house: House) -> None:
    await recorded(house, "call_dana", DANA, 99.0, minutes_ago=198, slots={"name": "Dana Whitlock"})


def values(text: str) -> NDArray[np.uint8]:
    return np.frombuffer(base64.b64decode(text), dtype=np.uint8)


async def test_the_gaps_that_are_drawn_are_those_of_the_recording_and_of_the_ladder(street: Street) -> None:
    await dana(street.house)
    ann = await street.member(OWNER, "tenant_owner")
    answer = await get(ann, f"{CALL}/_wave")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    drawn = answer.json()
    waited = [one.waited for one in DANA if one.waited is not None]
    assert (drawn["seconds"], drawn["loud"]["a_second"], len(drawn["gaps"])) == (99.0, 50.0, len(waited))
    caller, agent = values(drawn["loud"]["caller"]), values(drawn["loud"]["agent"])
    assert len(caller) == len(agent) == 99 * 50
    for (begin, end, over), ms in zip(drawn["gaps"], waited, strict=True):
        assert (end - begin) * 1000 == pytest.approx(ms, abs=1)
        assert over == (ms > 700)
        # On the recording: the agent's first sound, and the caller's last before it.
        first = np.flatnonzero(agent[round((begin + 0.04) * 50) :])[0] / 50 + begin + 0.04
        last = (np.flatnonzero(caller[: round((begin + 0.2) * 50)])[-1] + 1) / 50
        assert first == pytest.approx(end, abs=0.05)
        assert last == pytest.approx(begin, abs=0.05)
    assert drawn["unheard"] == [[26.7, 4.4, "4.4 s made, never heard"]]
    assert all(begin >= 0 and end <= 99.0 and end - begin > 0.59 for begin, end in drawn["silences"])
    assert [side for _, _, side in drawn["turns"]] == [one.side for one in DANA]


async def test_a_long_call_is_sent_coarse(street: Street) -> None:
    await recorded(street.house, "call_dana", talked(7, 40), 420.0, minutes_ago=198)
    ann = await street.member(OWNER, "tenant_owner")
    answer = await get(ann, f"{CALL}/_wave")
    loud = answer.json()["loud"]
    assert (loud["a_second"], len(values(loud["caller"]))) == (5.0, 420 * 5)
    assert len(answer.content) < 20_000


async def test_the_sound_is_had_in_parts_and_who_hears_it_is_written_down(street: Street) -> None:
    await dana(street.house)
    ann = await street.member(OWNER, "tenant_owner")
    before = await street.actions()
    whole = await get(ann, f"{CALL}/audio")
    assert (whole.status_code, whole.headers["content-type"], whole.headers["cache-control"]) == (200, "audio/flac", "no-store")
    heard, rate = soundfile.read(io.BytesIO(whole.content), dtype="int16")
    assert (rate, heard.shape) == (RATE, (99 * RATE, 2))
    assert (heard == sound(DANA, 99.0)).all()
    part = await get(ann, f"{CALL}/audio", range="bytes=1000-1999")
    assert (part.status_code, part.content) == (206, whole.content[1000:2000])
    assert (await get(ann, f"{CALL}/audio", range=f"bytes={len(whole.content)}-")).status_code == 416
    saved = await get(ann, f"{CALL}/audio?download=true")
    assert saved.headers["content-disposition"].startswith("attachment")
    assert (await street.actions())[len(before) :] == ["call.recording.read"] * 3
    await get(ann, f"{CALL}/_wave")
    await get(ann, "/_player/harbour/call_dana")
    assert len(await street.actions()) == len(before) + 3  # to look is not to listen


async def test_nobody_else_sees_or_hears_it(street: Street) -> None:
    await dana(street.house)
    bea = await street.member("bea@quayside.example", "tenant_owner", at="/v1/tenants/quayside")
    stranger = await street.browser()
    lesser = PAGE | await street.house.key("tenant.read")
    for path in ("_wave", "audio"):
        theirs, nowhere = await get(bea, f"{CALL}/{path}"), await get(bea, f"/t/quayside/calls/call_dana/{path}")
        assert (theirs.status_code, nowhere.status_code) == (404, 404)
        assert bare(theirs) == bare(await get(bea, "/no/such/page"))
        assert (await get(stranger, f"{CALL}/{path}")).status_code == 303
        assert (await street.house.http.get(f"{CALL}/{path}", headers=lesser)).status_code == 404


async def test_without_a_recording_it_says_why(street: Street) -> None:
    house = street.house
    ann = await street.member(OWNER, "tenant_owner")
    page = "/_player/harbour/call_dana"

    async def why() -> str:
        text = (await get(ann, page)).text
        assert "<audio" not in text
        found = re.search(r'class="why">.*?<span>([^<]+)', text)
        assert found
        return found.group(1)

    await recorded(house, "call_dana", DANA[:5], 30.0, minutes_ago=198, heard=False)
    assert "it has not come yet" in await why()
    drawn = (await get(ann, f"{CALL}/_wave")).json()
    assert (drawn["loud"], len(drawn["turns"])) == (None, 5)
    await publish(house, recording={"record": False})
    assert "recording is off for this agent" in await why()
    await house.look("update call set kept = false where id = 'call_dana'")
    assert "kept no longer" in await why()
    await house.look("update call set state = 'live', kept = true where id = 'call_dana'")
    assert "when the call is over" in await why()
    await house.look("delete from call_event where call_id = 'call_dana' and type like 'turn.%'")
    await house.look("update call set state = 'ended' where id = 'call_dana'")
    assert "Nobody spoke" in await why()


async def test_a_recording_without_a_waveform_is_played_all_the_same(street: Street) -> None:
    await recorded(street.house, "call_dana", DANA[:5], 30.0, minutes_ago=198, heard=False)
    await hand_over(street.house, "call_dana", b"what is no sound")
    ann = await street.member(OWNER, "tenant_owner")
    assert (await get(ann, f"{CALL}/_wave")).json()["loud"] is None
    assert '<audio controls preload="none" src="/t/harbour/calls/call_dana/audio">' in (await get(ann, "/_player/harbour/call_dana")).text


async def test_one_channel_is_the_callers(street: Street) -> None:
    await recorded(street.house, "call_dana", DANA[:5], 30.0, minutes_ago=198, heard=False)
    await hand_over(street.house, "call_dana", flac(sound(DANA, 30.0)[:, :1]))
    ann = await street.member(OWNER, "tenant_owner")
    loud = (await get(ann, f"{CALL}/_wave")).json()["loud"]
    assert (len(values(loud["caller"])), loud["agent"]) == (1_500, "")


async def test_a_tools_name_is_text_and_nothing_else(street: Street) -> None:
    evil = "<img src=x onerror=alert(1)>"
    await recorded(street.house, "call_dana", [DANA[0], Talk(8, 2, "Yes.", 500, tools=((evil, 10, None),))], 12.0, minutes_ago=9)
    ann = await street.member(OWNER, "tenant_owner")
    text = (await get(ann, "/_player/harbour/call_dana")).text
    assert "<img" not in text
    assert "&lt;img" in text


async def test_the_page_of_the_player_is_for_development(house: House) -> None:
    headers = PAGE | await house.role("platform_admin")
    assert (await house.http.get("/_player/harbour/c1", headers=headers)).status_code == 404
