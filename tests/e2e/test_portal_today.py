"""The start page without a browser: what it says of a day, what needs somebody, and how that leaves the list."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.e2e.business import House
from tests.e2e.calls import CALLS, NOW, Rang, ring
from tests.e2e.people import OWNER, Street, open_street
from tests.e2e.portal_http import PAGE, get, post

from offhook.orchestrator.bookings import ops as bookings
from offhook.orchestrator.bookings.slots import Span
from offhook.orchestrator.crm import ops as crm
from offhook.orchestrator.crm.schemas import By

TODAY = "/t/harbour"


@pytest.fixture
async def street(house: House) -> AsyncIterator[Street]:
    house.now[0] = NOW
    async with open_street(house) as opened:
        yield opened


def words(html: str) -> str:
    """What is read of a page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html)).replace("\N{NO-BREAK SPACE}", " ").strip()


def sentence(html: str) -> str:
    found = re.search(r'<h1 class="sentence">(.*?)</h1>', html, re.DOTALL)
    assert found
    return words(found.group(1))


def needs(html: str) -> list[str]:
    """The titles of what needs somebody, in their order."""
    return re.findall(r'<li id="need-[^>]*>.*?<b>([^<]*)</b>', html, re.DOTALL)


async def promise(house: House, call: str = "call_2", *, due: datetime | None = None, name: str = "Greg Sandilands") -> str:
    """Somebody is promised in a call that they are rung back; the contact's id."""
    async with house.services.database.tenant("harbour") as scope:
        who = await crm.save_contact(scope, NOW, "+447700900144", name=name)
        await crm.add_message(scope, NOW - timedelta(hours=1), who.id, call, kind="callback", due=due)
        await crm.save_lead(scope, house.services, By(kind="call", id=call), who.id, status="callback", problem="renovation")
        return who.id


async def refuse(house: House, **fields: object) -> str:
    """An endpoint that does not take what is sent there."""
    made = await house.ask("POST", "/webhooks", {"url": "https://board.example.com/hook", "description": "Dispatch board"})
    hook = str(made.json()["id"])
    for _ in range(2):
        await house.ask("POST", f"/webhooks/{hook}/test", {})
    await house.look("update webhook_queue set failing_since = :at, failed_at = :at where endpoint_id = :id", at=NOW, id=hook)
    return hook


# -- what it says -----------------------------------------------------------------------------------------------------------------


async def test_the_day_in_a_sentence(street: Street) -> None:
    await ring(street.house)
    ann = await street.member(OWNER, "tenant_owner")
    page = (await get(ann, TODAY)).text
    assert sentence(page) == "11 calls answered since midnight. 3 jobs booked, 1 new lead, and 1 thing needs you."
    assert "Thursday 26 November, 11:00 am in London" in words(page)
    assert "open 8 to 6" in words(page)
    assert re.findall(r'<rect class="bar (\w+)" x=', page) == [
        "ok", "move", "info", "ok", "warn", "move", "quiet", "quiet", "bad", "ok", "ok",
    ]  # fmt: skip
    assert re.findall(r'class="who"><a class="all" href="/t/harbour/calls/call_\d">([^<]*)', page)[:2] == ["Priya Nair", "020 7946 0841"]
    ended = re.findall(r'<li><a href="([^"]+)">([^<]+)</a><svg.*?<b class="num">(\d+)', page, re.DOTALL)
    assert [one[1:] for one in ended] == [
        ("Booked", "3"), ("Moved", "1"), ("Lead", "1"), ("Message", "2"), ("Transferred", "2"), ("Hung up early", "1"), ("Failed", "1"),
    ]  # fmt: skip
    for href, word, count in ended:
        listed = await get(ann, href.replace("&amp;", "&"))
        assert listed.text.count('<tr role="row" id="row-') == int(count), word


@pytest.mark.parametrize(
    ("calls", "said"),
    [
        ([Rang(5, "+447700900123", "", "", "message", 20)], "1 call answered since midnight. Nothing needs you."),
        ([Rang(5, "+447700900123", "", "", "booked", 20)], "1 call answered since midnight. 1 job booked. Nothing needs you."),
        ([Rang(5, "+447700900123", "", "", "failed", 20, reason="failed")], "1 call answered since midnight. 1 thing needs you."),
        (
            [Rang(5, "+447700900123", "", "", "lead", 20), Rang(6, "+447700900124", "", "", "lead", 20)],
            "2 calls answered since midnight. 2 new leads. Nothing needs you.",
        ),
        ([Rang(1_500, "+447700900123", "", "", "booked", 20)], "No calls yet today. Nothing needs you."),
    ],
)
async def test_counts_of_one_and_of_none(street: Street, calls: list[Rang], said: str) -> None:
    await ring(street.house, calls)
    ann = await street.member(OWNER, "tenant_owner")
    assert sentence((await get(ann, TODAY)).text) == said


async def test_a_quiet_day_says_when_the_last_call_was(street: Street) -> None:
    await ring(street.house, CALLS[-1:])
    ann = await street.member(OWNER, "tenant_owner")
    assert "The last one was on Wednesday 25 November at 10:00 am." in words((await get(ann, TODAY)).text)


async def test_test_calls_are_no_calls(street: Street) -> None:
    await ring(street.house)
    await street.house.look("update call set test = true where id in ('call_0', 'call_8')")
    ann = await street.member(OWNER, "tenant_owner")
    page = (await get(ann, TODAY)).text
    assert sentence(page) == "9 calls answered since midnight. 2 jobs booked and 1 new lead. Nothing needs you."
    assert "Priya Nair" not in page


async def test_how_fast_replies_were(street: Street) -> None:
    slow = [Rang(minutes, "+447700900123", "", "", "message", 20, waited) for minutes, waited in ((30, 400), (20, 500), (10, 1_000))]
    await ring(street.house, slow)
    ann = await street.member(OWNER, "tenant_owner")
    page = (await get(ann, TODAY)).text
    # Two replies a call, the second waited for 0.8 times as long: 320 400 400 500 800 1000.
    assert "500 ms typical" in words(page)
    assert "9 in 10 under 1,000" in words(page)
    assert page.count("<circle") == 3
    assert page.count('<circle class="slow"') == 1


async def test_the_diary_of_the_day(street: Street) -> None:
    house = street.house
    await ring(house)
    async with house.services.database.tenant("harbour") as scope:
        who = await crm.save_contact(scope, NOW, "+447700900151", name="Dana Whitlock")
        for hours, by in ((1.5, By(kind="call", id="call_9")), (3, By(kind="person", id="usr_1")), (30, By(kind="call", id="call_8"))):
            start = NOW + timedelta(hours=hours)
            span = Span(start, start + timedelta(hours=1), "tom")
            await bookings.book(scope, house.services, by, span, contact=who.id, name=f"Dana {hours}", address="42 Fern St", problem="leak")
    ann = await street.member(OWNER, "tenant_owner")
    page = words((await get(ann, TODAY)).text)
    assert "12:30 – 1:30, booked by the agent" in page
    assert "2 – 3Dana 3" in page
    assert "Dana 30" not in page
    assert "Leak, 42 Fern St" in page
    key = await house.key("calls.read")
    assert "Diary today" not in (await house.http.get(TODAY, headers=PAGE | key)).text


# -- what needs somebody ------------------------------------------------------------------------------------------------------------


async def test_what_needs_somebody_is_there_the_worst_first_until_it_is_done(street: Street) -> None:
    house = street.house
    await ring(house)
    await promise(house, due=NOW + timedelta(hours=4))
    await refuse(house)
    await house.look("update agent set archived_at = now() where tenant_id = 'harbour' and id = 'front-desk'")
    ann = await street.member(OWNER, "tenant_owner")
    page = (await get(ann, TODAY)).text
    titles = [
        "020 7946 0000 is not answered",
        "Call back 07700 900159",
        "Dispatch board has refused 2 events, last at 11:00 am",
        "Greg Sandilands was promised a call: 3:00 pm",
    ]
    assert needs(page) == titles
    assert sentence(page).endswith("and 4 things need you.")
    assert page.count('class="b primary') == 1
    assert 'href="tel:+447700900159"' in page
    done = await post(ann, "/t/harbour/today/done", {"kind": "broken", "thing": "call_8"}, at=TODAY)
    assert (done.status_code, done.headers["location"]) == (303, TODAY)
    assert needs((await get(ann, TODAY)).text) == [titles[0], *titles[2:]]
    await house.look("update agent set archived_at = null where tenant_id = 'harbour'")
    assert needs((await get(ann, TODAY)).text) == titles[2:]
    assert "today.done" in await street.actions()


async def test_a_broken_call_needs_nobody_once_the_caller_got_through(street: Street) -> None:
    broken = Rang(30, "+447700900159", "", "", "failed", 39, reason="failed")
    await ring(street.house, [broken])
    ann = await street.member(OWNER, "tenant_owner")
    assert needs((await get(ann, TODAY)).text) == ["Call back 07700 900159"]
    await ring(street.house, [Rang(20, "+447700900159", "", "", "failed", 5, reason="failed")], prefix="again")
    assert len(needs((await get(ann, TODAY)).text)) == 2
    await ring(street.house, [Rang(10, "+447700900159", "", "", "message", 60)], prefix="later")
    assert needs((await get(ann, TODAY)).text) == []


async def test_a_promise_is_kept_when_the_team_has_taken_the_lead_up(street: Street) -> None:
    house = street.house
    await ring(house)
    who = await promise(house, due=NOW - timedelta(minutes=30))
    ann = await street.member(OWNER, "tenant_owner")
    assert needs((await get(ann, TODAY)).text)[-1] == "Greg Sandilands was to be rung back at 10:30 am"
    assert f'href="/t/harbour/people/{who}"' in (await get(ann, TODAY)).text
    lead = (await house.get("/leads")).json()["data"][0]
    await house.ask("PATCH", f"/leads/{lead['id']}", {"status": "contacted"}, if_match="*")
    assert "Greg" not in str(needs((await get(ann, TODAY)).text))


async def test_who_is_never_to_be_rung_is_not_to_be_rung_back(street: Street) -> None:
    await ring(street.house, CALLS[:3])
    who = await promise(street.house)
    ann = await street.member(OWNER, "tenant_owner")
    assert needs((await get(ann, TODAY)).text) == ["Greg Sandilands wants to be rung back"]
    await street.house.ask("PATCH", f"/contacts/{who}", {"no_calls": True}, if_match="*")
    assert needs((await get(ann, TODAY)).text) == []


async def test_a_lead_that_is_urgent(street: Street) -> None:
    house = street.house
    await ring(house, [Rang(9, "+447700900147", "Marlene Okafor", "gas smell", "lead", 73, urgency="emergency")])
    async with house.services.database.tenant("harbour") as scope:
        who = await crm.save_contact(scope, NOW, "+447700900147", name="Marlene Okafor")
        await crm.save_lead(scope, house.services, By(kind="call", id="call_0"), who.id, problem="gas smell")
    ann = await street.member(OWNER, "tenant_owner")
    assert needs((await get(ann, TODAY)).text) == ["Marlene Okafor says that it is urgent"]


async def test_what_was_refused_is_sent_at_once(street: Street) -> None:
    house = street.house
    await ring(house, CALLS[:1])
    hook = await refuse(house)
    await house.look("update webhook_delivery set state = 'failed', next_at = null, done_at = :now", now=NOW)
    await house.look("update webhook_endpoint set enabled = false, disabled_reason = 'failing', disabled_at = :now", now=NOW)
    ann = await street.member(OWNER, "tenant_owner")
    assert needs((await get(ann, TODAY)).text) == ["Dispatch board has refused 2 events, last at 11:00 am"]
    sent = await post(ann, f"/t/harbour/today/webhooks/{hook}/send", {}, at=TODAY)
    assert (sent.status_code, sent.headers["location"]) == (303, TODAY)
    assert needs((await get(ann, TODAY)).text) == []
    rows = await house.look("select state, tries from webhook_delivery")
    assert [tuple(one) for one in rows] == [("waiting", 0), ("waiting", 0)]
    assert (await house.look("select enabled from webhook_endpoint"))[0].enabled
    assert "webhook.resumed" in await street.actions()
    assert (await post(ann, "/t/harbour/today/webhooks/whk_none/send", {}, at=TODAY)).status_code == 404


async def test_nothing_is_done_about_what_is_not_there(street: Street) -> None:
    await ring(street.house)
    ann = await street.member(OWNER, "tenant_owner")
    for fields, status in (
        ({"kind": "broken", "thing": "call_0"}, 404),
        ({"kind": "broken", "thing": "x" * 5_000}, 404),
        ({"kind": "nothing", "thing": "call_8"}, 422),
        ({}, 422),
    ):
        assert (await post(ann, "/t/harbour/today/done", fields, at=TODAY)).status_code == status, fields
    assert len(needs((await get(ann, TODAY)).text)) == 1


async def test_who_may_only_look_is_offered_nothing_to_do(street: Street) -> None:
    await ring(street.house)
    await refuse(street.house)
    vera = await street.member("vera@harbour.example", "viewer", name="Vera")
    page = (await get(vera, TODAY)).text
    assert needs(page) == ["Call back 07700 900159"]  # nor does a viewer know of endpoints
    assert "/today/done" not in page
    assert (await post(vera, "/t/harbour/today/done", {"kind": "broken", "thing": "call_8"}, at=TODAY)).status_code == 404


async def test_another_tenants_day_is_not_here(street: Street) -> None:
    await ring(street.house)
    bea = await street.member("bea@quayside.example", "tenant_owner", at="/v1/tenants/quayside")
    assert (await get(bea, TODAY)).status_code == 404
    done = {"kind": "broken", "thing": "call_8"}
    assert (await post(bea, "/t/harbour/today/done", done, at="/t/quayside")).status_code == 404
    assert (await post(bea, "/t/quayside/today/done", done, at="/t/quayside")).status_code == 404
    assert await street.house.look("select 1 from seen_to") == []


async def test_what_people_say_is_text(street: Street) -> None:
    evil = '<img src=x onerror=alert(1)>" hx-get="/v1'
    await ring(street.house, [Rang(30, "+447700900144", evil, evil, "failed", 39, reason="failed")])
    await promise(street.house, "call_0", name=evil)
    ann = await street.member(OWNER, "tenant_owner")
    page = (await get(ann, TODAY)).text
    assert len(needs(page)) == 2
    assert "<img" not in page
    assert 'hx-get="/v1' not in page


# -- the first day ------------------------------------------------------------------------------------------------------------------


async def test_a_new_business_is_led_to_its_first_call(street: Street) -> None:
    house = street.house
    made = await house.http.post(
        "/v1/resellers/direct/tenants", json={"name": "Saltmarsh Electrical"}, headers={"authorization": "Bearer operator"}
    )
    tenant = made.json()["id"]
    mo = await street.member("mo@saltmarsh.example", "tenant_owner", at=f"/v1/tenants/{tenant}")

    async def steps() -> list[tuple[bool, str]]:
        page = (await get(mo, f"/t/{tenant}")).text
        assert sentence(page) == "Four steps, and your calls are answered."
        return [("made" in one[0], one[1]) for one in re.findall(r"<li([^>]*)><svg.*?<h2>([^<]*)</h2>", page, re.DOTALL)]

    names = ["An agent that answers", "A number that it answers", "A test call", "Calls coming in"]
    assert await steps() == [(False, name) for name in names]
    agent = (await house.ask("POST", "/agents", {"template": "receptionist", "name": "Front desk"}, tenant=tenant)).json()["id"]
    assert "Front desk is a draft. Publish it, and it answers." in words((await get(mo, f"/t/{tenant}")).text)
    answer = await house.ask("POST", f"/agents/{agent}/publish", {}, tenant=tenant, if_match="*")
    assert answer.status_code in {200, 201}, answer.text
    assert [done for done, _ in await steps()] == [True, False, False, False]
    answer = await house.ask("POST", "/numbers", {"did": "+442079460777", "agent_id": agent}, tenant=tenant)
    assert answer.status_code == 201, answer.text
    assert [done for done, _ in await steps()] == [True, True, False, False]
    assert "Ring 020 7946 0777 from any phone" in words((await get(mo, f"/t/{tenant}")).text)
    call: Mapping[str, Any] = {"tenant": tenant, "agent": agent, "at": NOW}
    put = "insert into call (tenant_id, id, agent_id, state, started_at, test) values (:tenant, :id, :agent, 'ended', :at, :test)"
    await house.look(put, id="t1", test=True, **call)
    assert [done for done, _ in await steps()] == [True, True, True, False]
    await house.look(put, id="c1", test=False, **call)
    assert sentence((await get(mo, f"/t/{tenant}")).text) == "1 call answered since midnight. Nothing needs you."


# -- time and weight ----------------------------------------------------------------------------------------------------------------


async def test_a_day_of_25_hours_is_longer(street: Street) -> None:
    """Sunday 25 October 2026 in London: 1 am comes twice. Calls in both are an hour apart, and neither hides the other."""
    house = street.house
    house.now[0] = datetime(2026, 10, 25, 5, 0, tzinfo=UTC)
    put = (
        "insert into call (tenant_id, id, agent_id, state, started_at, seconds, reason)"
        " values ('harbour', :id, 'front-desk', 'ended', :at, 60, 'hangup')"
    )
    for name, hour in (("a", 0), ("b", 1), ("c", -1)):  # 1 am, 1 am again, midnight
        await house.look(put, id=name, at=datetime(2026, 10, 25, hour % 24, 30, tzinfo=UTC) - timedelta(days=hour < 0))
    ann = await street.member(OWNER, "tenant_owner")
    page = (await get(ann, TODAY)).text
    assert sentence(page).startswith("3 calls answered since midnight.")
    ticks = [one.strip() for one in re.findall(r'<text class="tick[^>]*>([^<]*)', page)]
    assert ticks == ["12 am", "1 am", "1 am", "2 am", "3 am", "4 am"]
    places = [float(one) for one in re.findall(r'<rect class="bar \w+" x="([\d.]+)%', page)]
    assert places == sorted(places, reverse=True)
    assert abs((places[0] - places[1]) - (places[1] - places[2])) < 0.1


async def test_a_day_of_23_hours_leaves_out_what_is_not_there(street: Street) -> None:
    house = street.house
    house.now[0] = datetime(2027, 3, 28, 4, 0, tzinfo=UTC)
    put = "insert into call (tenant_id, id, agent_id, state, started_at, seconds) values ('harbour', 'a', 'front-desk', 'ended', :at, 60)"
    await house.look(put, at=datetime(2027, 3, 28, 0, 30, tzinfo=UTC))
    ann = await street.member(OWNER, "tenant_owner")
    ticks = re.findall(r'<text class="tick[^>]*>([^<]*)', (await get(ann, TODAY)).text)
    assert ticks == ["12 am", "2 am", "3 am", "4 am"]


async def test_only_the_part_that_changes_is_sent_again(street: Street) -> None:
    await ring(street.house)
    ann = await street.member(OWNER, "tenant_owner")
    page = (await get(ann, TODAY)).text
    assert 'hx-get="/t/harbour" hx-trigger="every 30s"' in page
    part = await get(ann, TODAY, hx_request="true", hx_request_type="partial")
    assert part.text.lstrip().startswith('<p class="date">')
    assert "<nav" not in part.text
    assert part.headers["vary"] == "HX-Request-Type"
