"""The parts of an agent beside its script, without a browser: what stands there, what is taken and refused, who may."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from tests.e2e.business import House
from tests.e2e.calls import NOW
from tests.e2e.people import OWNER, Browser, Street, open_street
from tests.e2e.portal_http import PAGE, get, post
from tests.e2e.tuning import EVENING, draft, evening, form, worked_on

AGENT = "/t/harbour/agents/front-desk"


@pytest.fixture
async def street(house: House) -> AsyncIterator[Street]:
    house.now[0] = NOW
    async with open_street(house) as opened:
        yield opened


async def send(browser: Browser, path: str, values: dict[str, str], *, at: str = "") -> httpx.Response:
    return await post(browser, path, values, at=at or path)


# -- turns ----------------------------------------------------------------------------------------------------------------------


async def test_each_value_stands_in_plain_words_with_its_preset_and_limits(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    page = await get(ann, f"{AGENT}/turns")
    assert form(page, "turns")["endpointing.sure_ms"] == "260"
    assert form(page, "turns")["idle_ms"] == "7"
    for words in (
        "Wait before answering",
        "Preset: 260 ms. From 60 to 5000 ms.",
        "Preset: 7 s. From 1 to 120 s.",
        "waits 260 ms",
        "20 more values",
    ):
        assert words in page.text
    assert not re.search(r"latency|TTFT", page.text)
    assert page.text.count("data-knob") == 25
    assert re.search(r'preset=receptionist" aria-current="true"', page.text)


async def test_values_are_saved_to_the_draft_and_the_presets_own_are_none_of_the_agents(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    values = form(await get(ann, f"{AGENT}/turns"), "turns")
    answer = await send(ann, f"{AGENT}/turns", values | {"endpointing.sure_ms": "180", "idle_ms": "9.5", "fillers.after_ms": "0"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{AGENT}/turns")
    config = await draft(street.house)
    assert config["turn"]["endpointing"] == {name: 180 if name == "sure_ms" else None for name in config["turn"]["endpointing"]}
    assert (config["limits"]["idle_ms"], config["limits"]["tool_ms"], config["fillers"]["after_ms"]) == (9_500, None, 0)
    page = await get(ann, f"{AGENT}/turns")
    assert "Receptionist, 2 changed" in page.text.replace("3 changed", "2 changed")
    values = form(page, "turns")
    assert (values["endpointing.sure_ms"], values["idle_ms"]) == ("180", "9.5")
    assert (await send(ann, f"{AGENT}/turns", values | {"endpointing.sure_ms": "260"})).status_code == 303
    assert (await draft(street.house))["turn"]["endpointing"]["sure_ms"] is None
    assert (await street.actions()).count("agent.draft_changed") == 2


async def test_another_preset_is_shown_first_and_saved_then(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    page = await get(ann, f"{AGENT}/turns?preset=careful")
    assert "These values are not saved yet" in page.text
    assert (await draft(street.house))["turn"]["preset"] == "receptionist"
    values = form(page, "turns")
    assert (values["preset"], values["endpointing.sure_ms"]) == ("careful", "600")
    assert (await send(ann, f"{AGENT}/turns", values)).status_code == 303
    config = await draft(street.house)
    assert (config["turn"]["preset"], config["turn"]["confirm_ms"], config["limits"]["idle_ms"]) == ("careful", None, None)
    assert (await get(ann, f"{AGENT}/turns?preset=nosuch")).status_code == 422


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("endpointing.sure_ms", "9000", "Use a number from 60 to 5000."),
        ("endpointing.sure_ms", "soon", "Use a number from 60 to 5000."),
        ("endpointing.sure_ms", "NaN", "Use a number from 60 to 5000."),
        ("endpointing.sure_ms", "", "Use a number from 60 to 5000."),
        ("endpointing.sure_ms", "1e999999", "Use a number from 60 to 5000."),
        ("idle_ms", "0.5", "Use a number from 1 to 120."),
        ("confirm_words", "<b>", "Use a number from 1 to 10."),
        ("endpointing.sure_ms", "900", "The wait of sure_ms must not be longer than that of probable_ms."),
    ],
)
async def test_a_wrong_value_is_said_at_its_field_and_nothing_is_lost(street: Street, field: str, value: str, words: str) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    values = form(await get(ann, f"{AGENT}/turns"), "turns") | {"resume_ms": "400", field: value}
    answer = await send(ann, f"{AGENT}/turns", values)
    assert answer.status_code == 422
    assert words in answer.text
    assert re.search(rf'name="{re.escape(field)}"[^>]*aria-invalid="true"', answer.text)
    assert re.search(r'name="resume_ms"[^>]*value="400"', answer.text)
    assert "<b>" not in re.sub(r"<b>[\w ]", "", answer.text)
    assert (await draft(street.house))["turn"]["resume_ms"] is None


async def test_who_saves_what_somebody_else_has_changed_is_told_so(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    first = form(await get(ann, f"{AGENT}/turns"), "turns")
    assert (await send(ann, f"{AGENT}/turns", first | {"resume_ms": "400"})).status_code == 303
    answer = await send(ann, f"{AGENT}/turns", first | {"resume_ms": "500"})
    assert answer.status_code == 412
    assert "Somebody has saved this agent since you opened it" in answer.text
    assert re.search(r'name="resume_ms"[^>]*value="500"', answer.text)
    assert (await draft(street.house))["turn"]["resume_ms"] == 400


async def test_last_calls_are_replayed_beside_the_live_version(street: Street) -> None:
    await evening(street.house)
    ann = await street.member(OWNER, "tenant_owner")
    path = f"/t/harbour/agents/{EVENING}/turns"
    values = form(await get(ann, path), "turns")
    page = await send(ann, f"{path}/replay", values, at=path)
    assert "On your last 4 calls" in page.text
    figures = re.findall(r"<li><p><b>([^<]+)</b>(?: <span class=\"(\w+)\">([^<]+)</span>)?</p>", page.text)
    assert [one[2] for one in figures] == ["", "", "", ""]
    quick = {"endpointing.sure_ms": "100", "endpointing.probable_ms": "100", "endpointing.likely_ms": "100", "endpointing.unsure_ms": "100"}
    page = await send(ann, f"{path}/replay", values | quick | {"endpointing.incomplete_ms": "900"}, at=path)
    assert re.search(r"sooner</span></p><p>typical reply, from 260 ms with the live version", page.text)
    assert "/t/harbour/calls/evening_1?at=4.00" in page.text
    assert "1 fewer" in page.text
    assert form(page, "turns")["endpointing.sure_ms"] == "100"
    assert (await draft(street.house, EVENING))["turn"]["endpointing"]["sure_ms"] is None
    assert (await street.actions()).count("agent.turns_replayed") == 2
    assert "seven hundred" not in page.text
    none = await send(ann, f"{AGENT}/turns/replay", values, at=f"{AGENT}/turns")
    assert "None of this agent&#39;s last calls has a trace to replay" in none.text
    wrong = await send(ann, f"{path}/replay", values | {"idle_ms": "x"}, at=path)
    assert (wrong.status_code, "Use a number from 1 to 120." in wrong.text) == (422, True)


async def test_a_role_that_may_not_change_an_agent_sees_its_values_only(street: Street) -> None:
    vic = await street.member("vic@harbour.example", "viewer")
    page = await get(vic, f"{AGENT}/turns")
    assert '<fieldset class="values" disabled>' in page.text
    assert "Save draft" not in page.text
    answer = await send(vic, f"{AGENT}/turns", {"revision": "1"})
    assert answer.status_code == 404
    bea = await street.member("bea@quayside.example", "tenant_owner", at="/v1/tenants/quayside")
    assert (await get(bea, f"{AGENT}/turns")).status_code == 404
    assert (await get(bea, "/t/quayside/agents/evening-line/turns")).status_code == 404
    key = await street.house.key("tenant.read", "agents.read")
    assert "Replay these values" not in (await street.house.http.get(f"{AGENT}/turns", headers=PAGE | key)).text


# -- versions -------------------------------------------------------------------------------------------------------------------


async def test_versions_say_who_when_and_why_and_what_the_draft_would_change(street: Street) -> None:
    await evening(street.house, ())
    await worked_on(street.house)
    ann = await street.member(OWNER, "tenant_owner")
    path = f"/t/harbour/agents/{EVENING}/versions"
    page = await get(ann, path)
    assert page.status_code == 200, page.text
    assert page.text.count("A greeting for the evening") == 2
    assert "Thursday 26 November" in page.text
    assert "<h3>Greeting</h3>" in page.text
    assert re.search(r"<ins><span[^>]*>new: </span>this is </ins>Harbour", page.text)
    assert "<h3>Holidays</h3>" in page.text
    older = await get(ann, f"{path}?before=1&after=2")
    assert "<h3>Name</h3>" in older.text
    assert "Holidays" not in older.text
    assert "Both say the same" in (await get(ann, f"{path}?before=2&after=live")).text
    assert (await get(ann, f"{path}?before=99&after=draft")).status_code == 404
    assert (await get(ann, f"{path}?before=x")).status_code == 422


async def test_going_back_publishes_the_old_version_once_more_and_leaves_the_draft(street: Street) -> None:
    await evening(street.house, ())
    await worked_on(street.house)
    ann = await street.member(OWNER, "tenant_owner")
    path = f"/t/harbour/agents/{EVENING}/versions"
    page = await get(ann, f"{path}?again=1")
    assert "Publish version 1 again?" in page.text
    revision = re.search(r'name="revision" value="(\d+)"', page.text)
    assert revision
    stale = await send(ann, f"{path}/1/restore", {"revision": "1", "note": "no"}, at=path)
    assert (stale.status_code, "Somebody has saved this agent" in stale.text) == (412, True)
    same = await send(ann, f"{path}/2/restore", {"revision": revision.group(1)}, at=path)
    assert (same.status_code, "Nothing has changed since version 2" in same.text) == (409, True)
    answer = await send(ann, f"{path}/1/restore", {"revision": revision.group(1), "note": "The new greeting was <b>too long</b>"}, at=path)
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    page = await get(ann, path)
    assert "The new greeting was &lt;b&gt;too long&lt;/b&gt;" in page.text
    assert "The same as version 1" in page.text
    assert (await draft(street.house, EVENING))["greeting"] == "Good evening, this is Harbour Plumbing."
    rows = await street.house.look("select details from audit where action = 'agent.published' order by at, seq")
    assert (rows[-1].details["version"], rows[-1].details["restored_from"]) == (3, 1)
    editor = await street.member("ed@harbour.example", "agent_editor")
    assert (await send(editor, f"{path}/1/restore", {"revision": "1"}, at=path)).status_code in {404, 412}
    assert (await send(ann, f"{path}/99/restore", {"revision": "1"}, at=path)).status_code in {404, 412}


async def test_an_agent_that_was_never_published_has_no_versions(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    made = await street.house.ask("POST", "/agents", {"template": "receptionist", "name": "New one"})
    page = await get(ann, f"/t/harbour/agents/{made.json()['id']}/versions")
    assert "No version yet" in page.text


# -- hours ----------------------------------------------------------------------------------------------------------------------


async def test_hours_are_saved_to_the_draft(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    path = f"{AGENT}/hours"
    values = form(await get(ann, path), "hours")
    values |= {
        "saturday.0.opens": "09:00",
        "saturday.0.closes": "12:30",
        "timezone": "Europe/Dublin",
        "do": "say",
        "line": "We are closed.",
    }
    answer = await send(ann, path, values)
    assert answer.status_code == 303, answer.text
    config = await draft(street.house)
    assert config["hours"]["saturday"] == [{"opens": "09:00", "closes": "12:30"}]
    assert (config["timezone"], config["out_of_hours"]["do"], config["out_of_hours"]["line"]) == ("Europe/Dublin", "say", "We are closed.")
    page = await get(ann, path)
    assert "9:00 am to 12:30 pm" in page.text
    assert "Sunday 28 March 2027" in page.text
    assert "The clocks go forward by 60 minutes" in page.text
    cleared = form(page, "hours") | {"saturday.0.opens": "", "saturday.0.closes": ""}
    assert (await send(ann, path, cleared)).status_code == 303
    assert (await draft(street.house))["hours"]["saturday"] == []


@pytest.mark.parametrize(
    ("wrong", "field", "words"),
    [
        ({"sunday.0.opens": "09:00"}, "sunday.0.closes", "Give both times, or none."),
        ({"sunday.0.opens": "9", "sunday.0.closes": "10:00"}, "sunday.0.opens", "String should match pattern"),
        (
            {"sunday.0.opens": "09:00", "sunday.0.closes": "12:00", "sunday.1.opens": "11:00", "sunday.1.closes": "13:00"},
            "sunday.1.opens",
            "Overlaps with other hours of the day.",
        ),
        ({"timezone": "Europe/Nowhere"}, "timezone", ""),
        ({"do": "transfer"}, "target", ""),
    ],
)
async def test_hours_that_cannot_be_are_refused_at_their_field(street: Street, wrong: dict[str, str], field: str, words: str) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    path = f"{AGENT}/hours"
    answer = await send(ann, path, form(await get(ann, path), "hours") | wrong)
    assert answer.status_code == 422
    assert re.search(rf'name="{re.escape(field)}"[^>]*aria-invalid="true"', answer.text), answer.text
    assert words in answer.text
    for name, value in wrong.items():
        assert re.search(rf'name="{re.escape(name)}"[^>]*value="{value}"', answer.text) or name == "do", name


async def test_holidays_come_change_and_go(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    path = f"{AGENT}/hours"

    async def posted(which: str, **values: str) -> httpx.Response:
        revision = str((await street.house.get("/agents/front-desk")).json()["revision"])
        return await send(ann, f"{path}/holidays/{which}", {"revision": revision, **values}, at=path)

    values = {"name": "<i>Christmas</i>", "first": "2026-12-24", "last": "2026-12-26", "yearly": "yes"}
    assert (await posted("new", **values, **{"open.0.opens": "10:00", "open.0.closes": "12:00"})).status_code == 303
    assert (await draft(street.house))["holidays"][0]["hours"] == [{"opens": "10:00", "closes": "12:00"}]
    page = await get(ann, path)
    assert "&lt;i&gt;Christmas&lt;/i&gt;" in page.text
    assert "Friday 25 December" in page.text
    assert (await posted("0", **values)).status_code == 303
    assert (await draft(street.house))["holidays"][0]["hours"] == []
    wrong = await posted("new", name="x", first="2026-12-40")
    assert wrong.status_code == 422
    assert re.search(r'name="first"[^>]*aria-invalid="true"', wrong.text)
    assert (await posted("7", **values)).status_code == 404
    assert (await posted("0", do="remove")).status_code == 303
    assert (await draft(street.house))["holidays"] == []
