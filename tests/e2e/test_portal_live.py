"""Live calls in the portal, without a browser: what stands there, what its streams bring, and what a command does at a real engine."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import unescape
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from tests.e2e.business import ADMIN, House, open_house
from tests.e2e.online import exchange
from tests.e2e.people import OWNER, Browser, Street, open_street
from tests.e2e.portal_http import PAGE, get, post
from tests.e2e.test_live_api import NOWHERE, ringing, served, until, up

from offhook.orchestrator.live import hub

LIVE = "/t/harbour/live"
PART = {"hx-request-type": "partial"}


@pytest.fixture
async def street(house: House) -> AsyncIterator[Street]:
    async with open_street(house) as opened:
        yield opened


async def say(house: House, seq: int, text: str, call: str = "c1", **fields: Any) -> None:
    """The caller says something, or (``heard``) the agent does."""
    kind = "turn.agent" if "heard" in fields else "turn.caller"
    body = {"turn": seq, "text": text, "start_ms": seq * 1_000, "end_ms": seq * 1_000 + 500, **fields}
    answer = await house.event(seq, kind, call, **body)
    assert answer.status_code == 200, answer.text


def words(text: str) -> list[str]:
    """The turns of a page or a stream, in order."""
    found = re.findall(r'<p class="turn (caller|agent)" data-seq="(\d+)">.*?<span class="words">(.*?)</span></p>', text, re.DOTALL)
    return [f"{seq} {who}: {unescape(re.sub('<.*?>', '', said))}" for who, seq, said in found]


# -- what stands there --------------------------------------------------------------------------------------------------------------


async def test_a_quiet_line_says_how_many_are_free(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    page = await get(ann, LIVE)
    assert page.status_code == 200
    assert "The line is quiet." in page.text
    assert re.search(r'<span id="free">\d+ lines free</span>', page.text)
    assert 'class="waits"' not in page.text
    key = await street.house.key("calls.read")
    assert "lines free" not in (await street.house.http.get(LIVE, headers=PAGE | key)).text


async def test_who_is_on_the_line_and_who_just_was(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    await up(street.house, "c1", NOWHERE)
    await say(street.house, 2, "my tap <b>is</b> dripping")
    await up(street.house, "c2", NOWHERE)
    await street.house.event(2, "call.ended", "c2", reason="hangup", outcome="booked", seconds=80.0, slots={}, path=[], counters={})
    page = await get(ann, LIVE)
    assert f'href="{LIVE}/c1"' in page.text
    assert "my tap &lt;b&gt;is&lt;/b&gt; dripping" in page.text
    assert 'href="/t/harbour/calls/c2"' in page.text
    assert "Booked" in page.text
    assert '<span class="waits"><i aria-hidden="true"></i>1</span>' in page.text
    assert ">1</span>" in (await get(ann, "/t/harbour/calls")).text
    over = await get(ann, f"{LIVE}/c2")
    assert (over.status_code, over.headers["location"]) == (303, "/t/harbour/calls/c2")
    assert (await get(ann, f"{LIVE}/none")).status_code == 404


async def test_a_call_shows_what_was_said_and_how_long_an_answer_took(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    await up(street.house, "c1", NOWHERE)
    await say(street.house, 2, "my tap is dripping")
    ladder = {"endpoint": 200.0, "stt_final": 40.0, "to_llm": 5.0, "first_token": 90.0, "first_clause": 20.0, "tts_first_byte": 60.0}
    await say(
        street.house, 3, "First turn the tap off.", heard="First turn", interrupted=True, ladder={**ladder, "playout": 32.0, "total": 447.0}
    )
    page = await get(ann, f"{LIVE}/c1")
    assert words(page.text) == ["2 caller: my tap is dripping", "3 agent: First turn not heard: the tap off."]
    assert "447 ms" in page.text
    assert "waiting to be sure 200, transcript 40, model 115, voice 60, line out 32" in page.text
    assert f'{LIVE}/c1/_events?after=3"' in page.text


@pytest.mark.parametrize(("permissions", "steers"), [(("calls.read", "live.control"), True), (("calls.read",), False)])
async def test_only_who_may_steer_sees_how(house: House, permissions: tuple[str, ...], steers: bool) -> None:
    await up(house, "c1", NOWHERE)
    page = await house.http.get(f"{LIVE}/c1", headers=PAGE | await house.key(*permissions))
    assert (f'action="{LIVE}/c1/say"' in page.text, "You can read along." in page.text) == (steers, not steers)


async def test_nobody_sees_another_tenants_calls(street: Street) -> None:
    await up(street.house, "c1", NOWHERE)
    bea = await street.member("bea@quayside.example", "tenant_owner", at="/v1/tenants/quayside")
    for path in (LIVE, f"{LIVE}/c1", f"{LIVE}/c1/_events", f"{LIVE}/_events", "/t/quayside/live/c1", "/t/quayside/live/c1/_events"):
        assert (await get(bea, path)).status_code == 404, path
    assert "/c1" not in (await get(bea, "/t/quayside/live")).text  # without the stroke a token of the page may hold it by chance
    for action in ("say", "transfer", "end"):
        at = "/t/quayside/live"
        assert (await post(bea, f"/t/quayside/live/c1/{action}", {"text": "x", "target": "desk"}, at=at)).status_code == 404


# -- streams --------------------------------------------------------------------------------------------------------------------------


async def read(browser: Browser, path: str, last: str = "") -> httpx.Response:
    return await browser.http.get(path, headers={"accept": "text/html, text/event-stream"} | ({"last-event-id": last} if last else {}))


async def test_a_stream_brings_what_came_after_the_place_that_is_named(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    await up(street.house, "c1", NOWHERE)
    for seq in range(2, 6):
        await say(street.house, seq, f"word {seq}")
    await say(street.house, 7, "word 7")  # before the one that it comes after
    path = f"{LIVE}/c1/_events"
    answer = await read(ann, path)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-accel-buffering"] == "no"
    assert [one[:1] for one in words(answer.text)] == ["2", "3", "4", "5"]
    assert "\nid: 5\n" in "\n" + answer.text
    assert words((await read(ann, f"{path}?after=4")).text) == ["5 caller: word 5"]
    assert words((await read(ann, f"{path}?after=2", last="5")).text) == []
    await say(street.house, 6, "word 6")
    assert [one[:1] for one in words((await read(ann, path, last="5")).text)] == ["6", "7"]
    for strange in ("x", "-1", "5, 6"):
        assert len(words((await read(ann, path, last=strange)).text)) == 6


async def test_the_end_of_a_call_is_told_and_ends_its_stream(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    await up(street.house, "c1", NOWHERE)
    await say(street.house, 2, "bye")
    await street.house.event(3, "call.ended", reason="hangup", outcome="done", seconds=80.0, slots={}, path=[], counters={})
    answer = await read(ann, f"{LIVE}/c1/_events?after=1")
    assert words(answer.text) == ["2 caller: bye"]
    assert answer.text.endswith("event: over\ndata: c1\n\n")


async def test_a_stream_ends_with_the_session(database_url: str, owner_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not when its time is over, which is long, but when whoever reads it is signed out, or has lost the role."""
    monkeypatch.setattr("offhook.orchestrator.portal.watching.LOOK", 0.0)
    async with opened(database_url, owner_url, tmp_path) as (street, url):
        await street.member("bob@harbour.example", "tenant_owner")
        ann = await street.member(OWNER, "tenant_owner")
        await up(street.house, "c1", NOWHERE)
        async with reading(url, ann, f"{LIVE}/c1/_events") as got:
            await until(lambda: "data" in got.text)
            [member] = [one for one in (await street.house.get("/members")).json()["data"] if one["email"] == OWNER]
            gone = await street.house.http.delete(f"/v1/tenants/harbour/members/{member['id']}", headers=ADMIN)
            assert gone.status_code == 204, gone.text
            await say(street.house, 2, "a secret")
            await until(lambda: got.over)
        assert "a secret" not in got.text
        await until(lambda: not street.house.app.state.live._watching)


async def test_only_so_many_watch_at_a_time(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    await up(street.house, "c1", NOWHERE)
    monkeypatch.setattr(hub, "MOST_WATCHING", 0)
    for path in (f"{LIVE}/_events", f"{LIVE}/c1/_events"):
        assert (await read(ann, path)).status_code == 429
    assert (await street.house.get("/live-calls/events")).status_code == 429


class Got:
    """What a stream has brought."""

    text = ""
    over = False


@asynccontextmanager
async def opened(database_url: str, owner_url: str, folder: Path) -> AsyncIterator[tuple[Street, str]]:
    """An orchestrator on real sockets whose streams go on for minutes."""
    async with open_house(database_url, folder / "house", owner_url=owner_url, live_stream_s=600.0) as house, open_street(house) as street:
        async with served(house.app, lifespan="off") as url:
            yield street, url


@asynccontextmanager
async def reading(url: str, browser: Browser, path: str, last: str = "") -> AsyncIterator[Got]:
    """Read a stream beside the test."""
    got = Got()
    headers = {"cookie": f"__Host-offhook={browser.cookie}", "host": "portal.example", "accept": "text/event-stream"}
    headers |= {"last-event-id": last} if last else {}

    async def read() -> None:
        async with (
            httpx.AsyncClient(timeout=60) as http,
            http.stream("GET", url + path, headers=headers | ({"last-event-id": last} if last else {})) as answer,
        ):
            assert answer.status_code == 200
            async for piece in answer.aiter_text():
                got.text += piece
        got.over = True

    async with anyio.create_task_group() as group:
        group.start_soon(read)
        yield got
        group.cancel_scope.cancel()


# -- with a real engine -----------------------------------------------------------------------------------------------------------------


async def test_words_are_seen_before_they_are_final_and_a_command_is_carried_out(database_url: str, owner_url: str, tmp_path: Path) -> None:
    async with exchange(database_url, owner_url, tmp_path) as at, at.ring() as (call, talker):
        ann = await at.street.member(OWNER, "tenant_owner")
        path = f"{LIVE}/{call}"
        async with reading(at.url, ann, f"{path}/_events") as got:
            await until(lambda: 'class="turn agent moving"' in got.text)
            await talker.answered(1)
            await talker.say("My boiler has no hot water.")
            await until(lambda: re.search(r'class="turn caller moving">.*?boiler', got.text, re.DOTALL))
            assert not any("caller" in one for one in words(got.text))
            await talker.answered(2)
            await until(lambda: any("caller: My boiler has no hot water." in one for one in words(got.text)))
            assert 'aria-current="step"' in got.text
            assert "<dt>Problem</dt>" in got.text
            said = {"text": "The engineer is on the way.", "key": "k1"}
            sent = await post(ann, f"{path}/say", said, at=path, **PART)
            assert (sent.status_code, "Sent. It is said at the next gap." in sent.text) == (200, True)
            again = await post(ann, f"{path}/say", said, at=path)
            assert (again.status_code, again.headers["location"]) == (303, path)
            await until(lambda: any("The engineer is on the way." in one for one in words(got.text)))
            refused = await post(ann, f"{path}/transfer", {"target": "+447700900999", "key": "k2"}, at=path, **PART)
            assert (refused.status_code, 'class="told bad"' in refused.text) == (422, True)
            empty = await post(ann, f"{path}/say", {"text": " "}, at=path)
            assert (empty.status_code, 'class="told bad"' in empty.text) == (422, True)
            assert (await post(ann, f"{path}/end", {"at_once": "yes", "key": "k3"}, at=path)).status_code == 303
            await until(lambda: got.over)
        said_in_all = words(got.text)
        assert sum("engineer" in one for one in said_in_all) == 1
        assert len(said_in_all) == len(set(said_in_all))
        turns = (await at.house.get(f"/calls/{call}/transcript")).json()["turns"]
        assert len(said_in_all) == len([one for one in turns if one["text"] or one["unheard"]])


async def test_every_command_is_written_down_without_its_words(street: Street, tmp_path: Path) -> None:
    async with ringing(street.house, tmp_path) as at:
        ann = await street.member(OWNER, "tenant_owner")
        path = f"{LIVE}/{at.call}"
        for action, fields in (("say", {"text": "Hello there."}), ("transfer", {"target": "desk"}), ("end", {"at_once": "yes"})):
            answer = await post(ann, f"{path}/{action}", {**fields, "key": action}, at=path)
            assert answer.status_code == 303, answer.text
        await until(lambda: at.engine.ended["stopped"] == 1)
    log = await street.house.look("select action, target, details from audit where action like 'call.%' order by seq")
    assert [(row.action, row.target) for row in log] == [(f"call.{action}", at.call) for action in ("say", "transfer", "end")]
    assert "Hello" not in str(log)


async def test_a_form_of_another_page_steers_nothing(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    await up(street.house, "c1", NOWHERE)
    for headers in ({"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-origin"}):
        answer = await ann.http.post(f"{LIVE}/c1/end", data={"key": "k"}, headers={**PAGE, **headers})
        assert answer.status_code in {403, 404}, answer.text
