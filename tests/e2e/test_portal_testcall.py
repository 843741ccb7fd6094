"""The page of a call from the browser, without a browser: who may make one, what it may reach, and what a real one leaves behind."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.e2e.business import House
from tests.e2e.online import exchange
from tests.e2e.people import OWNER, Street, open_street
from tests.e2e.portal_http import PAGE, get
from tests.e2e.test_trials_call import WORDS

from offhook.orchestrator.portal.pages.testcall import writes

TALK = "/t/harbour/agents/front-desk/test"


@pytest.fixture
async def street(house: House) -> AsyncIterator[Street]:
    async with open_street(house) as opened:
        yield opened


async def test_only_this_page_may_use_the_microphone_and_reach_the_engine(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    page = await get(ann, TALK)
    assert page.status_code == 200
    assert page.headers["permissions-policy"].startswith("microphone=(self)")
    assert "connect-src 'self' wss: ws://127.0.0.1:8081;" in page.headers["content-security-policy"]
    other = await get(ann, "/t/harbour/calls")
    assert other.headers["permissions-policy"].startswith("microphone=()")
    assert "ws://" not in other.headers["content-security-policy"]


async def test_it_offers_parts_and_writes_from_the_script_itself(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    page = (await get(ann, TALK)).text
    assert "<b>A new job</b>" in page
    assert "Say something with: leak, drip, tap." in page
    assert "Would be written" in page
    assert '<small class="mono">waits for slot, name, phone, address, problem</small>' in page
    assert "Free slots" not in page  # it only reads
    assert "Dry run. Nothing is written, no text is sent." in page
    assert 'data-asked="{}"' in page
    real = (await get(ann, f"{TALK}?of=real")).text
    assert "This is a real call" in real
    assert "&#34;real&#34;: true" in real
    assert re.search(r'href="[^"]+\?of=live" aria-current="true">Live 1<', (await get(ann, f"{TALK}?of=live")).text)


async def test_who_may_talk_and_who_may_talk_for_real(street: Street) -> None:
    house = street.house
    for permissions, dry, real in (
        (("agents.read",), 404, 404),
        (("agents.read", "agents.write"), 200, 404),
        (("agents.read", "agents.write", "appointments.write"), 200, 200),
    ):
        headers = PAGE | await house.key(*permissions)
        assert (await house.http.get(TALK, headers=headers)).status_code == dry, permissions
        assert (await house.http.get(f"{TALK}?of=real", headers=headers)).status_code == real, permissions
    asked = await house.ask("POST", "/agents/front-desk/voice-tests", {"real": True}, **await house.key("agents.write"))
    assert asked.status_code == 403
    for wrong in ({"real": True, "version": 1}, {"real": True, "tools": {"book": [{"values": {}}]}}):
        assert (await house.ask("POST", "/agents/front-desk/voice-tests", wrong)).status_code == 422
    bea = await street.member("bea@quayside.example", "tenant_owner", at="/v1/tenants/quayside")
    made = (await house.ask("POST", "/agents/front-desk/voice-tests", {})).json()
    theirs, mine = f"{TALK}/{made['id']}/_written", f"/t/quayside/agents/front-desk/test/{made['id']}/_written"
    for path in (TALK, "/t/harbour/agents/none/test", theirs, mine):
        assert (await get(bea, path)).status_code == 404, path


async def test_a_token_of_a_test_is_none_of_a_real_call(house: House) -> None:
    made = (await house.ask("POST", "/agents/front-desk/voice-tests", {})).json()
    forged = "vr_" + made["token"].removeprefix("vt_")
    answer = await house.post("/v1/plans", {"call": "t1", "transport": "browser", "token": forged})
    assert (answer.status_code, answer.json()["reason"]) == (404, "bad_token")


@pytest.mark.parametrize("real", [False, True])
async def test_what_was_said_is_written_only_for_real(database_url: str, owner_url: str, tmp_path: Path, *, real: bool) -> None:
    wanted: dict[str, Any] = {"real": True} if real else {}
    async with exchange(database_url, owner_url, tmp_path) as at:
        ann = await at.street.member(OWNER, "tenant_owner")
        async with at.ring(**wanted) as (call, talker):
            await talker.answered(1)
            for words in WORDS:
                if talker.line.ended:
                    break
                before = talker.turns()
                await talker.say(words)
                await talker.answered(before + 1)
        with anyio.fail_after(150):
            while (await at.house.call(call))["call"]["state"] != "ended":
                await anyio.sleep(0.05)
        detail = await at.house.call(call)
        assert ("book", None) in [(one["tool"], one["error"]) for one in detail["tools"]]
        assert (detail["call"]["test"], len(detail["appointments"])) == (not real, int(real))
        [test] = await at.house.look("select id from voice_test")
        part = await get(ann, f"{TALK}/{test.id}/_written?real={'true' if real else 'false'}")
        assert part.text.lstrip().startswith("<section")
        assert f'href="/t/harbour/calls/{call}"' in part.text
        assert part.text.index("<b>Book</b>") < part.text.index("<b>Move booking</b>")
        assert '<small class="mono">name Ann Lee</small>' in part.text
        assert (("Written" in part.text), ("Would be written" in part.text)) == (real, not real)
        [started] = await at.house.look("select details from audit where action = 'voice_test.started'")
        assert started.details["real"] is real


def test_what_was_chosen_from_an_offer_is_not_shown_by_its_id() -> None:
    script = {
        "slots": {"visit": {"type": "offer"}, "name": {"type": "person_name"}},
        "tools": {"book": {"effect": "write", "with": {"slot": "visit", "name": "name"}}},
    }
    ran = {"type": "tool.finished", "tool": "book", "args": {"slot": "1795420800.3600.team.x", "name": "Ann Lee"}, "error": None}
    [waiting], [done] = writes(script, []), writes(script, [ran])
    assert (waiting.done, waiting.lines) == (False, ("waits for slot, name",))
    assert (done.done, done.lines) == (True, ("name Ann Lee",))
