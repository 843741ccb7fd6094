"""The pages of agents without a browser: their list, new ones, and the script editor's forms."""

from __future__ import annotations

import difflib
import html
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from tests.e2e.business import House
from tests.e2e.calls import CALLS, NOW, ring
from tests.e2e.people import OWNER, Browser, Street, open_street
from tests.e2e.portal_http import get, post

AGENTS = "/t/harbour/agents"
FRONT = f"{AGENTS}/front-desk"
SCRIPT = f"{FRONT}/script"


@pytest.fixture
async def street(house: House) -> AsyncIterator[Street]:
    house.now[0] = NOW
    async with open_street(house) as opened:
        yield opened


@pytest.fixture
async def ann(street: Street) -> Browser:
    return await street.member(OWNER, "tenant_owner")


async def test_the_list_says_what_each_agent_does(street: Street, ann: Browser) -> None:
    await ring(street.house, CALLS[:3])
    page = await get(ann, AGENTS)
    assert page.status_code == 200, page.text
    for text in (">Harbour Plumbing</a>", "Version 1", "No changes", "020 7946 0000"):
        assert text in page.text
    rows = re.findall(r'<td role="cell" class="num (?:had|reply)">([^<]+)<', page.text)
    assert rows == ["3", "488 ms"]


async def test_an_agent_is_begun_from_an_example_copied_put_away_and_brought_back(street: Street, ann: Browser) -> None:
    page = await get(ann, f"{AGENTS}/new?template=booking_line")
    assert re.search(r'value="booking_line" checked', page.text)
    made = await post(ann, f"{AGENTS}/new", {"template": "booking_line", "name": "Bookings <b>"}, at=f"{AGENTS}/new")
    assert made.status_code == 303, made.text
    script = made.headers["location"]
    assert re.fullmatch(f"{AGENTS}/agt_[0-9A-Z]+/script", script)
    shown = await get(ann, script)
    assert "Bookings &lt;b&gt;" in shown.text
    assert "Nobody answers by it before it is published." in shown.text
    listed = await get(ann, AGENTS)
    assert "Never published" in listed.text
    agent = script.split("/")[-2]
    copied = await post(ann, f"{AGENTS}/{agent}/duplicate", {}, at=AGENTS)
    assert copied.status_code == 303
    assert copied.headers["location"] != script
    stale = await post(ann, f"{AGENTS}/{agent}/archive", {"revision": "99"}, at=AGENTS)
    assert (stale.status_code, "Somebody has changed this agent" in stale.text) == (412, True)
    away = await post(ann, f"{AGENTS}/{agent}/archive", {"revision": "1"}, at=AGENTS)
    assert (away.status_code, away.headers["location"]) == (303, AGENTS)
    assert f"{agent}/script" not in (await get(ann, AGENTS)).text
    assert f"{agent}/unarchive" in (await get(ann, f"{AGENTS}?show=all")).text
    back = await post(ann, f"{AGENTS}/{agent}/unarchive", {"revision": "2"}, at=AGENTS)
    assert back.status_code == 303
    assert f"{agent}/script" in (await get(ann, AGENTS)).text
    assert [one for one in await street.actions() if one.startswith("agent.")][-4:] == [
        "agent.created",
        "agent.created",
        "agent.archived",
        "agent.unarchived",
    ]


async def test_an_agent_that_a_number_rings_is_not_put_away(ann: Browser) -> None:
    answer = await post(ann, f"{FRONT}/archive", {"revision": "1"}, at=AGENTS)
    if answer.status_code == 412:  # its seed may have changed it since
        revision = re.search(r'name="revision" value="(\d+)"', answer.text)
        assert revision
        answer = await post(ann, f"{FRONT}/archive", {"revision": revision.group(1)}, at=AGENTS)
    assert answer.status_code == 409
    assert "Numbers ring this agent: +442079460000" in answer.text


async def test_a_new_agent_needs_an_example_that_there_is(ann: Browser) -> None:
    for fields in ({"template": "none"}, {"template": ""}, {"template": "receptionist", "name": "x" * 300}):
        answer = await post(ann, f"{AGENTS}/new", {"name": "Mine", **fields}, at=f"{AGENTS}/new")
        assert answer.status_code in {404, 422}
        assert 'class="problem"' in answer.text or 'class="error"' in answer.text
        assert f'value="{fields.get("name", "Mine")}"' in answer.text


# -- the script -------------------------------------------------------------------------------------------------------------------------


async def fields_of(ann: Browser, path: str, form: str = "part-form") -> dict[str, str]:
    """What a form of a page would send as it stands."""
    text = (await get(ann, path)).text
    found = re.search(rf'<form id="{form}".*?</form>', text, re.DOTALL)
    assert found, text
    body = found.group()
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', body))
    fields |= dict(re.findall(r'<input id="[^"]+"[^>]* name="([^"]+)" value="([^"]*)"', body))
    fields |= dict(re.findall(r'<textarea [^>]*?name="([^"]+)"[^>]*>\n?([^<]*)</textarea>', body))
    for name, options in re.findall(r'<select id="[^"]+" name="([^"]+)"[^>]*>(.*?)</select>', body, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected', options) or re.search(r'<option value="([^"]*)"', options)
        fields[name] = chosen.group(1) if chosen else ""
    return {name: html.unescape(value) for name, value in fields.items() if not name.startswith("_")}


async def stored(house: House, agent: str = "front-desk") -> dict[str, Any]:
    answer = await house.get(f"/agents/{agent}/draft/script")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def test_a_script_is_shown_as_steps_form_and_text(ann: Browser) -> None:
    page = await get(ann, f"{SCRIPT}?step=route")
    assert page.status_code == 200
    assert re.search(r'<a class="node" id="n-route" href="[^"]+\?step=route" aria-current="true"', page.text)
    assert '<h2 id="part-title">Route</h2>' in page.text
    assert 'name="next.0.if" value="need is new_job"' in page.text
    assert '<option value="job" selected>' in page.text
    assert 'class="l here"' in page.text
    assert "nothing is written" in page.text
    assert "no such step" not in page.text
    part = await get(ann, f"{SCRIPT}?step=greet", hx_request="true", hx_request_type="partial")
    assert part.text.lstrip().startswith('<div class="head of">')
    assert part.headers["vary"] == "HX-Request-Type"


async def test_saving_a_form_as_it_stands_changes_nothing(street: Street, ann: Browser) -> None:
    before = await stored(street.house)
    for asked in ("step=greet", "step=route", "step=book", "step=bye", "slot=need", "slot=phone", "slot=visit"):
        answer = await post(ann, SCRIPT, await fields_of(ann, f"{SCRIPT}?{asked}"), at=AGENTS)
        assert answer.status_code == 303, answer.text
    assert await stored(street.house) == before


async def test_a_form_changes_its_step_and_nothing_else_of_the_text(street: Street, ann: Browser) -> None:
    made = await post(ann, f"{AGENTS}/new", {"template": "receptionist", "name": "Desk"}, at=f"{AGENTS}/new")
    script = made.headers["location"]
    agent = script.split("/")[-2]
    before = (await stored(street.house, agent))["text"]
    fields = await fields_of(ann, f"{script}?step=route")
    fields |= {"goal": "Learn, kindly: why?", "next.0.if": "need is somebody", "collect.add": "more"}
    answer = await post(ann, script, fields, at=AGENTS)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{script}?step=route")
    after = (await stored(street.house, agent))["text"]
    changed = [line for line in difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="") if line[1:2] == " "]
    assert changed == [
        "-    goal: Learn why they call.",
        "-    collect: [need]",
        "+    goal: 'Learn, kindly: why?'",
        "+    collect: [need, more]",
        "-    next: [{if: need is somebody and open_now is yes, go: connect}, {go: message}]",
        "+    next: [{if: need is somebody, go: connect}, {go: message}]",
    ]
    assert (await street.actions())[-1] == "agent.draft_changed"


async def test_rows_are_added_moved_and_taken_out_by_buttons(street: Street, ann: Browser) -> None:
    fields = await fields_of(ann, f"{SCRIPT}?step=route")
    await post(ann, SCRIPT, fields | {"act": "next.add"}, at=AGENTS)
    lines = (await stored(street.house))["document"]["states"]["route"]["next"]
    assert lines[-2:] == [{"if": "", "go": lines[-1]["go"]}, {"go": lines[-1]["go"]}]
    page = await get(ann, f"{SCRIPT}?step=route")
    assert "A value is missing (column 1)." in page.text
    fields = await fields_of(ann, f"{SCRIPT}?step=route")
    await post(ann, SCRIPT, fields | {"act": f"next.{len(lines) - 2}.remove"}, at=AGENTS)
    fields = await fields_of(ann, f"{SCRIPT}?step=route")
    await post(ann, SCRIPT, fields | {"act": "next.1.up"}, at=AGENTS)
    moved = (await stored(street.house))["document"]["states"]["route"]["next"]
    assert moved[:2] == [lines[1], lines[0]]
    fields = await fields_of(ann, f"{SCRIPT}?slot=need")
    first = list((await stored(street.house))["document"]["slots"]["need"]["options"])
    await post(ann, SCRIPT, fields | {"act": "options.1.up", "options.new": "A quote, please"}, at=AGENTS)
    options = (await stored(street.house))["document"]["slots"]["need"]["options"]
    assert list(options) == [first[1], first[0], *first[2:], "a_quote_please"]
    assert options["a_quote_please"] == {"label": "A quote, please"}


async def test_one_fault_is_said_in_the_same_words_everywhere(street: Street, ann: Browser) -> None:
    fields = await fields_of(ann, f"{SCRIPT}?step=route")
    answer = await post(ann, SCRIPT, fields | {"next.0.go": "jobb"}, at=AGENTS)
    assert answer.status_code == 303
    page = await get(ann, f"{SCRIPT}?step=route")
    said = "There is no step &#39;jobb&#39;."
    assert page.text.count(said) == 3  # in the list of problems, at the field, and where the conversation would be
    assert re.search(r'<a class="node bad" id="n-route"', page.text)
    assert "no such step" in page.text
    assert re.search(r'<span class="l bad">.*?jobb', page.text)
    assert "1 problem<" in page.text
    talk = await post(ann, f"{SCRIPT}/talk", {"act": "start"}, at=AGENTS)
    assert f"Stopped: {said}" in talk.text
    use = re.search(r'name="act" value="(use=next.0.go=job)"', page.text)
    assert use
    fields = await fields_of(ann, f"{SCRIPT}?step=route")
    await post(ann, SCRIPT, fields | {"act": use.group(1)}, at=AGENTS)
    assert (await stored(street.house))["check"]["faults"] == []


async def test_a_text_that_cannot_be_read_is_not_kept_and_not_lost(street: Street, ann: Browser) -> None:
    before = await stored(street.house)
    fields = await fields_of(ann, SCRIPT, "text-form")
    broken = fields["text"] + "\nstates: [<script>alert(1)</script>\n"
    answer = await post(ann, SCRIPT, fields | {"text": broken}, at=AGENTS)
    assert answer.status_code == 422
    assert "The text is not kept" in answer.text
    assert "[&lt;script&gt;alert(1)&lt;/script&gt;" in answer.text
    assert "<script>alert" not in answer.text
    assert await stored(street.house) == before
    comment = "# ours\n" + fields["text"]
    answer = await post(ann, SCRIPT, fields | {"text": comment.replace("\n", "\r\n")}, at=AGENTS)
    assert answer.status_code == 303
    assert (await stored(street.house))["text"] == comment
    long = await post(ann, SCRIPT, await fields_of(ann, SCRIPT, "text-form") | {"text": "x: " + "y" * 70_000}, at=AGENTS)
    assert long.status_code == 422


async def test_who_saves_last_is_told_who_was_first_and_may_keep_a_copy(street: Street, ann: Browser) -> None:
    mina = await street.member("mina@harbour.example", "tenant_admin", name="Mina Okafor")
    mine, theirs = await fields_of(ann, f"{SCRIPT}?step=bye"), await fields_of(mina, f"{SCRIPT}?step=greet")
    assert (await post(mina, SCRIPT, theirs | {"goal": "Hers"}, at=AGENTS)).status_code == 303
    street.house.now[0] += timedelta(seconds=20)
    answer = await post(ann, SCRIPT, mine | {"goal": "Mine"}, at=AGENTS)
    assert answer.status_code == 412
    assert "Mina Okafor saved 20 s ago." in answer.text
    assert re.search(r'<textarea id="f-goal"[^>]*>Mine</textarea>', answer.text)
    assert "goal" not in (await stored(street.house))["document"]["states"]["bye"]
    copied = await post(ann, SCRIPT, mine | {"goal": "Mine", "act": "copy"}, at=AGENTS)
    assert copied.status_code == 303
    agent = copied.headers["location"].split("/")[4]
    states = (await stored(street.house, agent))["document"]["states"]
    assert (states["bye"]["goal"], states["greet"]["goal"]) == ("Mine", "Hers")


async def test_a_step_is_added_and_taken_out(street: Street, ann: Browser) -> None:
    revision = {"revision": str((await stored(street.house))["revision"])}
    answer = await post(ann, SCRIPT, revision | {"what": "new", "title": "Ask for a call-back"}, at=AGENTS)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{SCRIPT}?step=ask_for_a_call_back")
    revision = {"revision": str((await stored(street.house))["revision"])}
    for title in ("greet", "7 days", "", "日本"):
        wrong = await post(ann, SCRIPT, revision | {"what": "new", "title": title}, at=AGENTS)
        assert (wrong.status_code, 'id="e-title"' in wrong.text) == (422, True), title
    gone = await post(ann, SCRIPT, revision | {"what": "step", "name": "ask_for_a_call_back", "act": "remove"}, at=AGENTS)
    assert gone.status_code == 303
    assert "ask_for_a_call_back" not in (await stored(street.house))["document"]["states"]
    lost = await post(ann, SCRIPT, {**revision, "revision": str(int(revision["revision"]) + 1), "what": "step", "name": "x"}, at=AGENTS)
    assert lost.status_code == 422


async def test_one_talks_to_the_draft_by_text_and_edits_a_turn(street: Street, ann: Browser) -> None:
    talk = f"{SCRIPT}/talk"
    begun = await post(ann, talk, {"act": "start"}, at=AGENTS)
    assert begun.status_code == 200
    assert "Harbour Plumbing" in begun.text

    def form(text: str) -> dict[str, str]:
        found = re.search(r'<form id="talk-form".*?</form>', text, re.DOTALL)
        assert found
        hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', found.group())
        return {name: html.unescape(value) for name, value in hidden if not name.startswith("_")}

    said = await post(ann, talk, form(begun.text) | {"say": "Hi, my kitchen <b>tap</b> is leaking.", "act": "say"}, at=AGENTS)
    assert "&lt;b&gt;tap&lt;/b&gt;" in said.text
    more = await post(ann, talk, form(said.text) | {"say": "This week please.", "act": "say"}, at=AGENTS)
    assert form(more.text)["turn.2"] == "caller:This week please."
    assert "Urgency</span> This week" in more.text
    again = await post(ann, talk, form(more.text) | {"edit.2": "Today please.", "act": "rerun"}, at=AGENTS)
    assert form(again.text)["turn.2"] == "caller:Today please."
    assert "Urgency</span> Today" in again.text
    cut = await post(ann, talk, form(again.text) | {"act": "cut.2"}, at=AGENTS)
    assert "turn.2" not in form(cut.text)
    part = await post(ann, talk, form(cut.text) | {"act": "silence"}, at=AGENTS, **{"hx-request": "true", "hx-request-type": "partial"})
    assert part.text.lstrip().startswith('<section class="pane talk"')
    assert "says nothing" in part.text
    bad = await post(ann, talk, form(cut.text) | {"now": "never"}, at=AGENTS)
    assert bad.status_code == 422


# -- publishing ---------------------------------------------------------------------------------------------------------------------------


async def test_a_draft_is_published_with_why_and_not_twice(street: Street, ann: Browser) -> None:
    page = await get(ann, f"{FRONT}/publish")
    assert "Nothing to publish" in page.text
    await post(ann, SCRIPT, await fields_of(ann, f"{SCRIPT}?step=bye") | {"goal": "Be short"}, at=AGENTS)
    page = await get(ann, f"{FRONT}/publish")
    for text in ("Publish as version 2", "Differs from version 1", "Bye <small>changed</small>", "Calls that are under way go on"):
        assert text in page.text
    revision = re.search(r'name="revision" value="(\d+)"', page.text)
    assert revision
    stale = await post(ann, f"{FRONT}/publish", {"revision": "1", "note": "Shorter <goodbye>"}, at=AGENTS)
    assert (stale.status_code, "Shorter &lt;goodbye&gt;" in stale.text) == (412, True)
    done = await post(ann, f"{FRONT}/publish", {"revision": revision.group(1), "note": "Shorter"}, at=AGENTS)
    assert (done.status_code, done.headers["location"]) == (303, f"{FRONT}/versions")
    assert (await street.actions())[-1] == "agent.published"
    again = await post(ann, f"{FRONT}/publish", {"revision": str(int(revision.group(1)) + 1), "note": ""}, at=AGENTS)
    assert again.status_code == 409


async def test_what_stops_a_draft_is_shown_instead_of_the_button(ann: Browser) -> None:
    await post(ann, SCRIPT, await fields_of(ann, f"{SCRIPT}?step=route") | {"next.0.go": "jobb"}, at=AGENTS)
    page = await get(ann, f"{FRONT}/publish")
    assert "This stops it" in page.text
    assert f'href="{SCRIPT}?step=route"' in page.text
    assert 'name="note"' not in page.text


# -- who may ------------------------------------------------------------------------------------------------------------------------------


async def test_roles_see_what_they_may_do(street: Street) -> None:
    viewer = await street.member("vic@harbour.example", "viewer")
    editor = await street.member("ed@harbour.example", "agent_editor")
    seen = await get(viewer, f"{SCRIPT}?step=route")
    assert seen.status_code == 200
    assert "data-quiet" not in seen.text
    assert "<fieldset disabled>" in seen.text
    assert "/publish" not in seen.text
    assert (await get(viewer, f"{AGENTS}/new")).status_code == 404
    assert (await get(viewer, f"{FRONT}/publish")).status_code == 404
    refused = await post(viewer, SCRIPT, {"what": "new", "title": "mine", "revision": "1"}, at=AGENTS)
    assert refused.status_code == 404
    assert (await post(viewer, f"{SCRIPT}/talk", {"act": "start"}, at=AGENTS)).status_code == 200
    assert (await get(editor, f"{AGENTS}/new")).status_code == 200


async def test_another_tenants_agents_are_not_there(street: Street, ann: Browser) -> None:
    bea = await street.member("bea@quayside.example", "tenant_owner", at="/v1/tenants/quayside")
    for path in (AGENTS, f"{AGENTS}/new", FRONT, SCRIPT, f"{FRONT}/publish"):
        assert (await get(bea, path)).status_code == 404
        assert (await get(ann, path)).status_code in {200, 303}
    made = await post(ann, f"{AGENTS}/new", {"template": "receptionist"}, at=f"{AGENTS}/new")
    agent = made.headers["location"].split("/")[-2]
    assert (await get(bea, f"/t/quayside/agents/{agent}/script")).status_code == 404
    for path, fields in ((f"{agent}/script", {"what": "text", "text": "x: 1"}), (f"{agent}/script/talk", {}), (f"{agent}/archive", {})):
        assert (await post(bea, f"/t/quayside/agents/{path}", fields, at="/t/quayside/agents")).status_code == 404
