"""Voice, transfers, knowledge and results of an agent, without a browser."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from tests.e2e.business import House
from tests.e2e.calls import NOW
from tests.e2e.people import OWNER, Street, open_street
from tests.e2e.portal_http import get, post
from tests.e2e.tuning import EVENING, draft, evening, form

AGENT = "/t/harbour/agents/front-desk"


@pytest.fixture
async def street(house: House) -> AsyncIterator[Street]:
    house.now[0] = NOW
    async with open_street(house) as opened:
        yield opened


async def revision(house: House) -> str:
    return str((await house.get("/agents/front-desk")).json()["revision"])


# -- voice ----------------------------------------------------------------------------------------------------------------------


async def test_voice_greeting_lines_and_services_are_saved(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    page = await get(ann, f"{AGENT}/voice")
    assert "Voices of local: heart." in page.text
    assert "deepgram, no account yet" in page.text
    before = await draft(street.house)
    assert (await post(ann, f"{AGENT}/voice", form(page, "voice"), at=f"{AGENT}/voice")).status_code == 303
    assert await draft(street.house) == before
    values = form(await get(ann, f"{AGENT}/voice"), "voice") | {
        "greeting": 'Harbour Plumbing, "hello".',
        "lines.goodbye": "Bye for now.",
        "lines.deaf": "",
        "llm.1": "openai:gpt-4.1-mini",
    }
    answer = await post(ann, f"{AGENT}/voice", values, at=f"{AGENT}/voice")
    assert answer.status_code == 303, answer.text
    config = await draft(street.house)
    assert (config["greeting"], config["lines"]["goodbye"], config["providers"]["llm"][-1]) == (
        'Harbour Plumbing, "hello".',
        "Bye for now.",
        "openai:gpt-4.1-mini",
    )
    page = await get(ann, f"{AGENT}/voice")
    assert "Harbour Plumbing, &#34;hello&#34;.</textarea>" in page.text
    assert "agent.draft_changed" in await street.actions()


@pytest.mark.parametrize(
    ("wrong", "field", "words"),
    [
        ({"voice": "hart"}, "voice", "has no voice"),
        ({"voice": ""}, "voice", "String should"),
        ({"greeting": "<b>hi</b>"}, "greeting", "cannot be read aloud"),
        ({"llm.0": "no such"}, "llm.0", "String should"),
        ({"locale": "english"}, "locale", ""),
        ({"locale": "fr-FR"}, "stt.0", "does not know fr-FR"),
        ({"stt.0": "", "stt.2": "nosuch"}, "stt.2", "no stt provider"),
        ({"tts.0": "", "tts.1": ""}, "tts.0", ""),
    ],
)
async def test_what_cannot_be_said_or_heard_is_refused_at_its_field(street: Street, wrong: dict[str, str], field: str, words: str) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    values = form(await get(ann, f"{AGENT}/voice"), "voice") | wrong
    answer = await post(ann, f"{AGENT}/voice", values, at=f"{AGENT}/voice")
    assert answer.status_code == 422, answer.text
    assert re.search(rf'name="{re.escape(field)}"[^>]*aria-invalid="true"', answer.text), answer.text
    assert words.lower() in answer.text.replace("&#39;", "'").lower()


# -- transfers ------------------------------------------------------------------------------------------------------------------


async def test_somebody_to_put_through_to_is_added_changed_and_taken_out(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    path = f"{AGENT}/transfers"

    async def sent(target: str, **values: str) -> httpx.Response:
        return await post(ann, f"{path}/{target}", {"revision": await revision(street.house), **values}, at=f"{path}?target=new")

    assert (await sent("new", name="on_call", number="020 7946 0777", order="1", always="yes")).status_code == 303
    made = (await draft(street.house))["transfer"]["on_call"]
    assert made == {"number": "+442079460777", "hours": None, "order": 1, "people": [], "ring_s": 20, "announce": True}
    page = await get(ann, path)
    for words in ("On call", "020 7946 0777", "always", "No step of the script puts through to it."):
        assert words in page.text
    hours = {"monday.0.opens": "09:00", "monday.0.closes": "17:00"}
    assert (await sent("on_call", number="020 7946 0777", **hours)).status_code == 303
    made = (await draft(street.house))["transfer"]["on_call"]
    assert (made["order"], made["hours"]["monday"]) == (None, [{"opens": "09:00", "closes": "17:00"}])
    assert "at its hours" in (await get(ann, path)).text
    others = {"ring_s": "25", "people": "Kim Lee, 020 7946 0778\n\nLee, 020 7946 0779"}
    assert (await sent("on_call", number="020 7946 0777", always="yes", **others)).status_code == 303
    made = (await draft(street.house))["transfer"]["on_call"]
    assert [(one["name"], one["number"]) for one in made["people"]] == [("Kim Lee", "+442079460778"), ("Lee", "+442079460779")]
    assert (made["ring_s"], made["announce"]) == (25, False)
    assert "Kim Lee, +442079460778" in (await get(ann, f"{path}?target=on_call")).text
    for target, values, field in (
        ("new", {"name": "Bad Name", "always": "yes"}, "name"),
        ("new", {"name": "on_call", "always": "yes"}, "name"),
        ("on_call", {"number": "12", "always": "yes"}, "number"),
        ("on_call", {"number": "020 7946 0777", "order": "many", "always": "yes"}, "order"),
        ("on_call", {"number": "020 7946 0777"}, "always"),
        ("on_call", {"number": "020 7946 0777", "always": "yes", "ring_s": "20", "people": "Kim, 12"}, "people"),
        ("on_call", {"number": "020 7946 0777", "monday.0.opens": "09:00", "monday.0.closes": ""}, "monday.0.closes"),
    ):
        wrong = await sent(target, **values)
        assert wrong.status_code == 422, (target, values)
        assert re.search(rf'name="{re.escape(field)}"[^>]*aria-invalid="true"', wrong.text), (field, wrong.text)
    assert (await sent("nobody", number="020 7946 0777", always="yes")).status_code == 404
    assert (await sent("on_call", do="remove")).status_code == 303
    assert "on_call" not in (await draft(street.house))["transfer"]


async def test_somebody_the_script_puts_through_to_cannot_be_taken_out(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    page = await get(ann, f"{AGENT}/transfers")
    used = re.search(r'target=(\w+)#target">[^<]*</a></b><p class="help">From the step', page.text)
    assert used, page.text
    values = {"revision": await revision(street.house), "do": "remove"}
    answer = await post(ann, f"{AGENT}/transfers/{used.group(1)}", values, at=f"{AGENT}/transfers?target=new")
    assert answer.status_code == 422
    assert "transfer target" in answer.text


# -- knowledge ------------------------------------------------------------------------------------------------------------------


async def test_what_it_knows_is_added_changed_and_taken_out(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    path = f"{AGENT}/knowledge"

    async def sent(piece: str, **values: str) -> httpx.Response:
        return await post(ann, f"{path}/{piece}", {"revision": await revision(street.house), **values}, at=f"{path}?piece=new")

    before = (await draft(street.house))["knowledge"]
    assert (await sent("new", title="Parking", text="Behind the <b>yard</b>.\r\nFree.")).status_code == 303
    after = (await draft(street.house))["knowledge"]
    assert after == [*before, {"title": "Parking", "text": "Behind the <b>yard</b>.\nFree."}]
    page = await get(ann, path)
    assert "Behind the &lt;b&gt;yard&lt;/b&gt;." in page.text
    last = str(len(before))
    assert (await sent(last, title="Parking", text="In the street.")).status_code == 303
    assert (await draft(street.house))["knowledge"][-1]["text"] == "In the street."
    for values in ({"text": ""}, {"text": "x" * 10_001}):
        wrong = await sent(last, **values)
        assert (wrong.status_code, 'id="e-text"' in wrong.text) == (422, True)
    assert (await sent("999", text="x")).status_code == 404
    stale = await post(ann, f"{path}/{last}", {"revision": "1", "text": "late"}, at=f"{path}?piece=new")
    assert (stale.status_code, ">late</textarea>" in stale.text) == (412, True)
    assert (await sent(last, do="remove")).status_code == 303
    assert (await draft(street.house))["knowledge"] == before


async def test_what_may_be_said_to_known_callers_is_ticked(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    values = form(await get(ann, f"{AGENT}/voice"), "voice")
    assert {name for name in values if name.startswith("callers.")} == {"callers.greet", "callers.visits"}
    del values["callers.greet"]
    values["callers.balance"] = "yes"
    assert (await post(ann, f"{AGENT}/voice", values, at=f"{AGENT}/voice")).status_code == 303
    assert (await draft(street.house))["callers"] == {"greet": False, "visits": True, "balance": True}


async def test_who_is_told_is_a_mail_address_a_line(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    path = f"{AGENT}/results"
    values = form(await get(ann, path), "told") | {"emails": "desk@harbour.example\n\n owner@harbour.example ", "when": "urgent"}
    assert (await post(ann, f"{AGENT}/told", values, at=path)).status_code == 303
    assert (await draft(street.house))["notify"] == {"emails": ["desk@harbour.example", "owner@harbour.example"], "when": "urgent"}
    wrong = form(await get(ann, path), "told") | {"emails": "desk@harbour.example\nnobody"}
    answer = await post(ann, f"{AGENT}/told", wrong, at=path)
    assert answer.status_code == 422
    assert 'id="e-emails"' in answer.text
    assert "nobody</textarea>" in answer.text


# -- results --------------------------------------------------------------------------------------------------------------------


async def test_what_is_noted_of_every_call_is_added_changed_and_taken_out(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    path = f"{AGENT}/results"

    async def sent(field: str, **values: str) -> httpx.Response:
        return await post(ann, f"{path}/{field}", {"revision": await revision(street.house), **values}, at=f"{path}?field=new")

    assert "Nothing of your own yet" in (await get(ann, path)).text
    answer = await sent("new", name="boiler_make", type="text", description="the <b>make</b> of the boiler")
    assert answer.status_code == 303, answer.text
    assert (await sent("new", name="tenure", type="choice", choices="own\r\n\r\nrent\r\n")).status_code == 303
    assert (await draft(street.house))["extract"] == [
        {"name": "boiler_make", "type": "text", "description": "the <b>make</b> of the boiler", "choices": []},
        {"name": "tenure", "type": "choice", "description": "", "choices": ["own", "rent"]},
    ]
    page = await get(ann, path)
    for words in ("Boiler make", "the &lt;b&gt;make&lt;/b&gt; of the boiler", "One of several", "own, rent"):
        assert words in page.text
    assert (await sent("1", name="tenure", type="choice", choices="own\nrent\nother")).status_code == 303
    assert (await draft(street.house))["extract"][1]["choices"] == ["own", "rent", "other"]
    for field, values, wrong in (
        ("new", {"name": "Bad Name", "type": "text"}, "name"),
        ("new", {"name": "urgency", "type": "text"}, "name"),
        ("new", {"name": "tenure", "type": "text"}, "name"),
        ("1", {"name": "tenure", "type": "list"}, "type"),
        ("1", {"name": "tenure", "type": "choice", "choices": "own"}, "choices"),
        ("1", {"name": "tenure", "type": "number", "choices": "own"}, "choices"),
    ):
        answer = await sent(field, **values)
        assert answer.status_code == 422, (field, values)
        assert re.search(rf'name="{wrong}"[^>]*aria-invalid="true"', answer.text), (wrong, answer.text)
    assert (await sent("9", name="x", type="text")).status_code == 404
    assert (await get(ann, f"{path}?field=9")).status_code == 404
    stale = await post(ann, f"{path}/0", {"revision": "1", "name": "late", "type": "text"}, at=f"{path}?field=0")
    assert (stale.status_code, 'value="late"' in stale.text) == (412, True)
    assert (await sent("0", do="remove")).status_code == 303
    assert [one["name"] for one in (await draft(street.house))["extract"]] == ["tenure"]


async def test_the_id_of_another_tenants_agent_finds_nothing_under_ones_own_name(street: Street) -> None:
    await evening(street.house, ())
    bea = await street.member("bea@quayside.example", "tenant_owner", at="/v1/tenants/quayside")
    theirs = f"/t/quayside/agents/{EVENING}"
    before = await draft(street.house, EVENING)
    for part in ("turns", "voice", "hours", "transfers", "knowledge", "results", "versions"):
        page = await get(bea, f"{theirs}/{part}")
        assert (page.status_code, "Evening" in page.text) == (404, False)
    for path in (
        "turns",
        "turns/replay",
        "voice",
        "hours",
        "hours/holidays/new",
        "transfers/new",
        "knowledge/new",
        "results/new",
        "told",
        "versions/1/restore",
    ):
        assert (await post(bea, f"{theirs}/{path}", {"revision": "1"}, at="/t/quayside/calls")).status_code == 404, path
        assert (await bea.http.post(f"{theirs}/{path}", data={"revision": "1"})).status_code == 403, path
    assert await draft(street.house, EVENING) == before


async def test_others_see_these_parts_and_change_nothing(street: Street) -> None:
    vic = await street.member("vic@harbour.example", "viewer")
    bea = await street.member("bea@quayside.example", "tenant_owner", at="/v1/tenants/quayside")
    for part in ("voice", "hours", "transfers", "knowledge", "results", "versions"):
        page = await get(vic, f"{AGENT}/{part}")
        assert page.status_code == 200
        assert "Save draft" not in page.text
        assert "Add" not in page.text.replace("Address", "")
        assert (await get(bea, f"{AGENT}/{part}")).status_code == 404
    for path in ("voice", "hours", "hours/holidays/new", "transfers/new", "knowledge/new", "results/new", "told", "versions/1/restore"):
        assert (await post(vic, f"{AGENT}/{path}", {"revision": "1"}, at=f"{AGENT}/hours")).status_code == 404
        assert (await post(bea, f"{AGENT}/{path}", {"revision": "1"}, at="/t/quayside/calls")).status_code == 404
