"""The page of a call without a browser: what stands on it, what can be done there, by whom, and what is written down."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from html import unescape
from itertools import pairwise
from typing import Any

import pytest
from tests.e2e.business import House
from tests.e2e.calls import NOW
from tests.e2e.people import OWNER, Browser, Street, open_street
from tests.e2e.portal_http import PAGE, get, post
from tests.e2e.story import DANA, QUICK, SAID, ladder_of, tell

from offhook.contracts.events import AgentTurn
from offhook.orchestrator.calls import intake

HERE = "/t/harbour/calls/dana"


@pytest.fixture
async def street(house: House) -> AsyncIterator[Street]:
    house.now[0] = NOW
    async with open_street(house) as opened:
        yield opened


@pytest.fixture
async def ann(street: Street) -> Browser:
    """The owner, and Dana's call."""
    await tell(street.house, "dana")
    return await street.member(OWNER, "tenant_owner")


async def shown(browser: Browser, path: str = HERE, status: int = 200) -> str:
    answer = await get(browser, path)
    assert answer.status_code == status, answer.text
    return answer.text


def text_of(page: str) -> str:
    """What is read, without tags."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


# -- what stands there --------------------------------------------------------------------------------------------------------------


async def test_it_says_who_rang_about_what_what_was_said_and_what_each_reply_waited_for(ann: Browser) -> None:
    page = await shown(ann)
    for words in ("Dana Whitlock", "Hot water unit leaking", "07700 900151", "Thursday 26 November, 7:42 am", "1:39", "Booked"):
        assert words in page
    assert page.count("<li id=") == len([one for one in SAID if "tool" not in one])
    assert re.findall(r'id="turn-13" class="agent" data-from="([\d.]+)" data-to="([\d.]+)"', page) == [("66.08", "78.40")]
    assert "<del>" in page
    assert "also turn the control knob to off and leave the</del>" in page
    assert "took the floor, agent stopped in 64 ms" in page
    assert "free_slots" in page
    totals = [f"{sum(one['parts']):,.0f}" for one in SAID if "parts" in one]
    assert re.findall(r'<text class="(?:over)?" x="[\d.]+" y="14">([\d,]+)</text>', page) == totals
    assert "Typical reply" in page
    assert "488 ms" in text_of(page)


async def test_it_says_how_the_line_was_where_that_is_known(ann: Browser, street: Street) -> None:
    assert 'id="line-title"' not in await shown(ann)
    media = {"received": 979, "lost": 21, "jitter_ms": 14.2, "mos": 3.9, "codec": "PCMU"}
    body = "update call_event set body = jsonb_set(body, '{media}', cast(:media as jsonb)) where call_id = 'dana' and type = 'call.ended'"
    await street.house.look(body, media=json.dumps(media))
    page = text_of(await shown(ann))
    assert "Line Fair Lost 2.1 % Jitter 14 ms MOS 3.9 Codec PCMU" in page
    detail = (await street.house.get("/calls/dana")).json()
    assert {name: detail["media"][name] for name in media} == media


async def test_a_turn_is_opened_by_its_number_and_found_by_its_second(ann: Browser) -> None:
    closed, opened, at = await shown(ann), await shown(ann, f"{HERE}?turn=13"), await shown(ann, f"{HERE}?at=31.5")
    assert not re.search(r'id="why-13">', closed)
    assert re.search(r'id="why-13">', opened)
    assert "the first model gave nothing for 700 ms, the second answered in 162 ms" in text_of(opened)
    assert "Sum of parts 1,184 · measured 1,184 · unexplained 0" in text_of(opened)
    assert re.findall(r'id="turn-(\d+)" class="\w+ now"', opened) == ["13"]
    assert re.findall(r'id="turn-(\d+)" class="\w+ now"', at) == ["8"]
    part = await shown(ann, f"{HERE}/_turn/13")
    assert "the second answered in 162 ms" in text_of(part)
    assert "<html" not in part
    for nothing in ("2", "99"):
        await shown(ann, f"{HERE}/_turn/{nothing}", 404)
    for wrong in ("?turn=0", "?at=-1", "?at=never", "?turn=1e9"):
        await shown(ann, HERE + wrong, 422)


async def test_all_parts_sum_to_what_was_measured_and_the_budget_stands_in_one_place(ann: Browser) -> None:
    page = await shown(ann)
    lines = re.findall(r'<line class="budget" x1="([\d.]+)" x2="([\d.]+)"', page)
    assert len(lines) == 9  # one through all, and one a reply
    assert len(set(lines)) == 1
    scale = float(lines[0][0]) / 700
    rungs = re.findall(r'<a class="rung".*?</a>', page, re.DOTALL)
    assert len(rungs) == 8
    for rung in rungs:
        parts = [(float(x), float(width)) for x, width in re.findall(r'<rect [^>]*x="([\d.]+)" y="6" width="([\d.]+)"', rung)]
        measured = float(re.findall(r">([\d,]+)</text>", rung)[0].replace(",", ""))
        assert abs(parts[-1][0] + parts[-1][1] - measured * scale) <= 1.1
        for (x, width), (after, _) in pairwise(parts):
            assert abs(x + width + 1 - after) <= 0.05


async def test_what_was_learned_leads_to_where_it_was_said(ann: Browser) -> None:
    page = await shown(ann)
    told = re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)</dd><dd class=\"from\">(.*?)</dd>", page)
    assert [(label, value, text_of(source)) for label, value, source in told] == [
        ("Wants", "A new job", "said at 0:06"),
        ("Problem", "Hot water unit leaking", "said at 0:06"),
        ("Urgency", "Today", "said at 0:18"),
        ("Address", "42 Fern Street, PO5 2AB", "said at 0:31"),
        ("Name", "Dana Whitlock", "said at 0:46"),
        ("Phone", "07700 900151", "Caller ID"),
        ("Visit", "Today between ten and twelve", ""),
    ]
    assert 'data-seek="31.20"' in page
    assert "Not told" not in page


async def test_what_was_not_told_is_said_to_be(street: Street) -> None:
    slots = {"need": "new_job", "problem": "a tap"}
    await tell(street.house, "short", said=SAID[:4], end={"path": ("greet", "route", "job"), "slots": slots, "outcome": "left_early"})
    page = await shown(await street.member(OWNER, "tenant_owner"), "/t/harbour/calls/short")
    assert re.findall(r'<dt>([^<]+)</dt><dd class="untold">', page) == ["Urgency", "Address"]


STATES: list[tuple[str, dict[str, Any], str, list[str], list[str]]] = [
    ("live", {"end": {"type": ""}}, "", ["This call is going on", "/t/harbour/live/x", "when the call has ended"], ["Nobody spoke"]),
    ("pending", {"finish": False}, "", ["This fills by itself", 'hx-trigger="every 3s"'], ["No result was made"]),
    ("failed", {"end": {"reason": "failed", "outcome": "failed"}}, "", ["broke off on our side", "Failed"], ["hx-trigger"]),
    (
        "nobody",
        {"said": (), "end": {"slots": {}, "path": ()}},
        "",
        ["Nobody spoke", "so there is no recording"],
        ["data-ladders", "Rerun on"],
    ),
    (
        "old",
        {},
        "update call set kept = false; update call_event set body = body - array['text','heard','acts','args','values','slots']",
        ["The words are deleted", "were kept for as long as the agent says", "Dana Whitlock"],
        ["Fern Street.", "said at"],
    ),
    ("stuck", {"finish": False}, "update call set ended_at = ended_at - interval '1 hour'", ["No result was made"], ["hx-trigger"]),
]


@pytest.mark.parametrize(("state", "told", "sql", "there", "gone"), STATES, ids=[one[0] for one in STATES])
async def test_every_state_has_its_words(
    street: Street, state: str, told: dict[str, Any], sql: str, there: list[str], gone: list[str]
) -> None:
    assert state
    await tell(street.house, "x", began=NOW - timedelta(minutes=5), **told)
    for one in filter(None, sql.split("; ")):
        await street.house.look(one)
    page = await shown(await street.member(OWNER, "tenant_owner"), "/t/harbour/calls/x")
    for words in there:
        assert words in page, words
    for words in gone:
        assert words not in page, words


async def test_a_card_that_waits_fills_itself(street: Street) -> None:
    await tell(street.house, "x", began=NOW - timedelta(minutes=5), finish=False)
    ann = await street.member(OWNER, "tenant_owner")
    page = await get(ann, "/t/harbour/calls/x", hx_request="true", hx_request_type="partial")
    assert page.text.lstrip().startswith("<section")
    assert "every 3s" in page.text
    assert page.headers["vary"] == "HX-Request-Type"
    await intake.finish(street.house.services, "harbour", "x")
    filled = await get(ann, "/t/harbour/calls/x", hx_request="true", hx_request_type="partial")
    assert "every 3s" not in filled.text
    assert "42 Fern Street" in filled.text


async def test_a_reply_of_which_no_parts_were_told_is_all_unexplained(street: Street) -> None:
    bare = {"type": "turn.agent", "turn": 1, "text": "I see.", "heard": "I see.", "interrupted": False, "start_ms": 0, "end_ms": 900}
    await street.house.event(1, "turn.agent", "x", **{name: value for name, value in bare.items() if name != "type"}, ladder={"total": 640})
    page = await shown(await street.member(OWNER, "tenant_owner"), "/t/harbour/calls/x?turn=1")
    assert 'fill="url(#hatch-unexplained)"' in page
    assert "does not add up" in page
    assert AgentTurn.model_fields["stopped_ms"].default is None  # as an engine of before says it


# -- what is done there -------------------------------------------------------------------------------------------------------------


async def test_a_call_is_flagged_with_why_and_the_flag_is_taken_away(street: Street, ann: Browser) -> None:
    answer = await post(ann, f"{HERE}/flag", {"reason": "  price was wrong <b> "}, at=HERE)
    assert (answer.status_code, answer.headers["location"]) == (303, HERE)
    page = await shown(ann)
    assert "price was wrong &lt;b&gt;" in page
    assert "Flagged for the team." in page
    assert (await street.house.call("dana"))["call"]["flag"] == "price was wrong <b>"
    for wrong in ("", " ", "x" * 201, "line\nbreak"):
        refused = await post(ann, f"{HERE}/flag", {"reason": wrong}, at=HERE)
        assert refused.status_code == 422, wrong
        assert 'id="e-reason"' in refused.text
    await post(ann, f"{HERE}/flag", {"off": "yes"}, at=HERE)
    assert (await street.house.call("dana"))["call"]["flag"] == ""
    assert [one for one in await street.actions() if one.startswith("call.")] == ["call.flagged", "call.unflagged"]


async def test_what_was_heard_wrong_is_put_right_and_who_did_it_is_known(street: Street, ann: Browser) -> None:
    form = await shown(ann, f"{HERE}?edit=1")
    fields = {name: unescape(value) for name, value in re.findall(r'<input id="f-(\w+)"[^>]*?value="([^"]*)"', form) if name != "reason"}
    assert fields["phone"] == DANA
    answer = await post(ann, f"{HERE}/learned", {**fields, "name": "Diana Whitlock", "urgency": "", "strange": "x"}, at=HERE)
    assert answer.status_code == 303
    page = await shown(ann)
    assert "Diana Whitlock" in page
    assert "Diana Whitlock" in await shown(ann, "/t/harbour/calls?when=all")
    result = (await street.house.call("dana"))["result"]
    assert (result["contact"]["name"], result["urgency"], "urgency" in result["facts"]) == ("Diana Whitlock", None, False)
    assert "strange" not in result["facts"]
    [(details,)] = await street.house.look("select details from audit where action = 'call.result.corrected'")
    assert details == {"values": ["name", "urgency"]}
    # The result is made anew when late events come; what people have put right stays.
    await street.house.look("update call_result set missing = 1")
    assert await intake.finish(street.house.services, "harbour", "dana")
    assert "Diana Whitlock" in await shown(ann)
    long = await post(ann, f"{HERE}/learned", {**fields, "name": "x" * 501}, at=HERE)
    assert long.status_code == 422
    assert 'id="e-name"' in long.text
    assert "x" * 501 in long.text


async def test_a_link_shows_the_words_to_whoever_has_it_until_it_ends(street: Street, ann: Browser) -> None:
    made = await post(ann, f"{HERE}/share", {}, at=f"{HERE}/share")
    link = re.search(r'value="(https://[^"]+)" readonly', made.text)
    assert link
    path = link.group(1).removeprefix("https://portal.example")
    nobody = await street.browser()
    page = await get(nobody, path)
    assert page.status_code == 200, page.text
    assert "Dana Whitlock" in page.text
    assert "42 Fern Street" in page.text
    assert page.headers["referrer-policy"] == "no-referrer"
    for absent in ("<nav", "<form", "/t/harbour", "/v1/", "Harbour Plumbing and"):
        assert absent not in page.text, absent
    assert "the second answered in 162 ms" in text_of((await get(nobody, f"{path}?turn=13")).text)
    raw = base64.urlsafe_b64decode(path.rpartition("/")[2] + "==")
    other = base64.urlsafe_b64encode(raw[:32] + raw[32:].replace(b"dana", b"gate")).decode().rstrip("=")
    for wrong in (path[:-2] + "AA", path + "A", "/shared/calls/x", f"/shared/calls/{other}", "/shared/calls/" + "A" * 80):
        assert (await get(nobody, wrong)).status_code == 404, wrong
    assert (await get(nobody, "/shared/calls/a.b")).status_code in {404, 422}
    ended = await post(ann, f"{HERE}/share/end", {}, at=f"{HERE}/share")
    assert ended.status_code == 303
    assert (await get(nobody, path)).status_code == 404
    again = await post(ann, f"{HERE}/share", {}, at=f"{HERE}/share")
    later = re.search(r'value="https://portal\.example([^"]+)" readonly', again.text)
    assert later
    assert (await get(nobody, later.group(1))).status_code == 200
    street.house.now[0] += timedelta(days=7)
    assert (await get(nobody, later.group(1))).status_code == 404
    assert [one for one in await street.actions() if "share" in one] == ["call.shared", "call.share.revoked", "call.shared"]


async def test_the_callers_words_are_said_to_the_draft(street: Street, ann: Browser) -> None:
    before = await shown(ann, f"{HERE}/rerun")
    assert "reruns" not in before
    answer = await post(ann, f"{HERE}/rerun", {}, at=f"{HERE}/rerun")
    assert answer.status_code == 200, answer.text
    rows = re.findall(r'<tr role="row"><td role="cell">(.*?)</td><td role="cell">(.*?)</td><td role="cell">(.*?)</td></tr>', answer.text)
    assert len(rows) == 1 + len([one for one in SAID if "c" in one])
    assert rows[0][0] == "–"
    assert "Calls are recorded." in rows[0][2]
    assert text_of(rows[1][2]) == "How soon do you need us?"
    assert "Outcome" in answer.text
    await tell(street.house, "quiet", said=SAID[:1], began=NOW - timedelta(hours=5))
    assert (await post(ann, "/t/harbour/calls/quiet/rerun", {}, at=f"{HERE}/rerun")).status_code == 404


async def test_a_call_is_deleted_after_one_was_asked(street: Street, ann: Browser) -> None:
    page = await shown(ann, f"{HERE}/delete")
    assert "What it booked stays in the Diary" in page
    await tell(street.house, "x", began=NOW - timedelta(minutes=2), end={"type": ""})
    live = await post(ann, "/t/harbour/calls/x/delete", {}, at=f"{HERE}/delete")
    assert (live.status_code, "End it first" in live.text or "end it first" in live.text) == (409, True)
    answer = await post(ann, f"{HERE}/delete", {}, at=f"{HERE}/delete")
    assert (answer.status_code, answer.headers["location"]) == (303, "/t/harbour/calls")
    await shown(ann, HERE, 404)
    assert "call.deleted" in await street.actions()


async def test_a_webhook_that_refused_is_shown_and_sent_again(street: Street) -> None:
    house = street.house
    made = await house.ask("POST", "/webhooks", {"url": "https://dispatch.example.com/x", "description": "dispatch <board>"})
    webhook = made.json()["id"]
    await tell(house, "dana")
    await house.look("update webhook_delivery set state = 'failed', attempts = 9, last_status = 503, done_at = now(), next_at = null")
    ann = await street.member(OWNER, "tenant_owner")
    page = await shown(ann)
    assert "Webhook, dispatch &lt;board&gt;" in page
    assert "Given up: Refused (503) 9 times" in page
    href = re.search(r'action="([^"]+/replay)"', page)
    assert href
    answer = await post(ann, href.group(1), {}, at=HERE)
    assert (answer.status_code, answer.headers["location"]) == (303, HERE)
    assert [row.state for row in await house.look("select state from webhook_delivery where state = 'waiting'")] == ["waiting"]
    assert "webhook.replayed" in await street.actions()
    other = href.group(1).replace("/dana/", "/else/")
    assert (await post(ann, other, {}, at=HERE)).status_code == 404
    assert webhook in page


# -- who may ------------------------------------------------------------------------------------------------------------------------


async def test_a_viewer_reads_and_does_nothing(street: Street, ann: Browser) -> None:
    viewer = await street.member("vic@harbour.example", "viewer")
    page = await shown(viewer)
    assert "Dana Whitlock" in page
    for absent in ("/flag", "/share", "/delete", "/learned", "?edit=1", "/replay"):
        assert f"{HERE}{absent}" not in page, absent
    assert "Rerun on draft" in page
    for path in ("flag", "learned", "share", "share/end", "delete"):
        answer = await post(viewer, f"{HERE}/{path}", {"reason": "x"}, at=HERE.replace("dana", "dana/rerun"))
        assert answer.status_code == 404, path
    assert (await get(viewer, f"{HERE}?edit=1")).text.count("/learned") == 0
    assert (await street.house.call("dana"))["call"]["flag"] == ""
    assert ann.cookie


async def test_another_tenants_call_is_not_there(street: Street, ann: Browser) -> None:
    await tell(street.house, "theirs", ref="quayside/front-desk")
    assert (await get(ann, "/t/harbour/calls/theirs")).status_code == 404
    assert (await get(ann, "/t/quayside/calls/theirs")).status_code == 404
    missing = await get(ann, "/t/harbour/calls/none")
    assert "This page is not here" in missing.text
    assert (await post(ann, "/t/harbour/calls/theirs/flag", {"reason": "x"}, at=HERE)).status_code == 404


async def test_what_was_said_is_text_and_nothing_else(street: Street) -> None:
    evil = "<img src=x onerror=alert(1)>\" hx-get='/v1' {{ 7*7 }}"
    said = ({"c": evil, "at": 1, "to": 2, "sets": {"name": evil}}, {"a": evil, "heard": "", "at": 3, "to": 4, "parts": QUICK})
    await tell(street.house, "evil", said=said, end={"slots": {"name": evil, "odd<slot>": evil}, "outcome": "<b>odd"})
    ann = await street.member(OWNER, "tenant_owner")
    await post(ann, "/t/harbour/calls/evil/flag", {"reason": evil}, at="/t/harbour/calls/evil")
    for path in ("", "?edit=1", "/share", "/delete", "/rerun"):
        page = await shown(ann, f"/t/harbour/calls/evil{path}")
        assert "<img" not in page
        assert "<b>odd" not in page
        assert not re.search(r"<[^>]*hx-get='", page)
    again = await post(ann, "/t/harbour/calls/evil/rerun", {}, at="/t/harbour/calls/evil/rerun")
    assert "<img" not in again.text
    assert "{{ 7*7 }}" in again.text


async def test_forms_are_taken_from_our_own_pages_only(ann: Browser) -> None:
    for path in ("flag", "learned", "share", "share/end", "delete", "rerun"):
        bare = await ann.http.post(f"{HERE}/{path}", data={"reason": "x"}, headers={**PAGE, "sec-fetch-site": "same-origin"})
        assert bare.status_code == 403, path
    assert (await get(ann, HERE)).status_code == 200


async def test_a_long_call_is_one_page_and_not_slow_to_make(street: Street) -> None:
    """300 turns; the time is measured in the browser's tests."""
    said = tuple(_turn(at) for at in range(300))
    await tell(street.house, "long", said=said)
    page = await shown(await street.member(OWNER, "tenant_owner"), "/t/harbour/calls/long?turn=299")
    assert page.count("<li id=") == 300
    assert ladder_of(QUICK)["total"] == 468


def _turn(at: int) -> dict[str, Any]:
    if at % 2:
        return {"c": f"word {at}", "at": at * 6.0, "to": at * 6 + 2.0}
    return {"a": f"I see {at}.", "at": at * 6.0, "to": at * 6 + 3.0, "parts": QUICK}
