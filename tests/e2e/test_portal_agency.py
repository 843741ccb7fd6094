"""An agency's pages without a browser: its clients, making one, and opening one as its agency."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from tests.e2e.business import ADMIN, House
from tests.e2e.calls import NOW, ring
from tests.e2e.people import OWNER, Browser, Street, open_street
from tests.e2e.portal_http import CALLS_PAGE, get, post
from tests.isolation.routes import asked

from offhook.orchestrator.auth.permissions import Principal
from offhook.orchestrator.openas import ops as openas
from offhook.orchestrator.overview import ops as overview
from offhook.orchestrator.people.ops import session_principal

MINA, SAM = "mina@trellis.example", "sam@trellis.example"
AGENCY = "/r/direct"
CLIENT = f"{AGENCY}/clients/harbour"


@pytest.fixture
async def street(house: House) -> AsyncIterator[Street]:
    house.now[0] = NOW
    async with open_street(house) as opened:
        yield opened


async def agent_of(street: Street, role: str = "reseller_admin", email: str = MINA, at: str = "direct") -> Browser:
    return await street.member(email, role, at=f"/v1/resellers/{at}", name=email.partition("@")[0].capitalize())


async def other_agency(street: Street) -> str:
    made = await street.house.http.post("/v1/resellers", json={"name": "Other"}, headers=ADMIN)
    return str(made.json()["id"])


async def open_as(browser: Browser, *, writes: bool = False, client: str = CLIENT, reason: str = "asked by phone") -> str:
    fields = {"reason": reason, "next": CALLS_PAGE} | ({"writes": "yes"} if writes else {})
    answer = await post(browser, f"{client}/open", fields, at=f"{client}/open")
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


# -- clients ----------------------------------------------------------------------------------------------------------------------


async def test_the_page_shows_all_clients_with_problems_first(street: Street) -> None:
    await ring(street.house)
    await overview.roll_up(street.house.services)
    mina = await agent_of(street)
    page = await get(mina, AGENCY)
    assert page.status_code == 200
    assert re.findall(r'class="all" href="[^"]+">([^<]+)<', page.text) == ["Harbour Plumbing", "Quayside Heating"]
    assert "Harbour Plumbing: 1 call broke off today" in page.text
    assert '/t/harbour/calls?when=today&amp;outcome=failed">See the calls' in page.text
    assert "<dt>Calls today</dt><dd>11</dd>" in page.text
    assert '<dt>Broke off</dt><dd class="over">1</dd>' in page.text
    assert 'data-go="p">' in page.text
    assert '<span class="waits"><i aria-hidden="true"></i>1</span>' in page.text
    for name in ("Priya", "Greg", "07700"):
        assert name not in page.text  # none of a client's own
    assert re.findall(r'class="all" href="[^"]+">([^<]+)<', (await get(mina, f"{AGENCY}?q=quay")).text) == ["Quayside Heating"]
    assert "No such client" in (await get(mina, f"{AGENCY}?q=%25")).text
    assert "They are made every minute" not in page.text
    street.house.now[0] += timedelta(minutes=6)
    assert "They are made every minute" in (await get(mina, AGENCY)).text
    assert "1 call broke off today" in (await get(mina, f"{AGENCY}/problems")).text


async def test_two_thousand_clients_come_in_parts_in_the_same_order(street: Street) -> None:
    await street.house.look(
        "insert into tenant (id, reseller_id, name, timezone, region, locale, diary)"
        " select 'many' || n, 'direct', case when n % 2 = 0 then 'Même nom' else 'Client ' || n end, 'Europe/London', 'GB', 'en-GB', '{}'"
        " from generate_series(1, 120) as n"
    )
    mina = await agent_of(street)
    for sort in ("problems", "calls", "name"):
        seen: list[str] = []
        href: str | None = f"{AGENCY}?sort={sort}"
        while href:
            page = await get(mina, href, hx_request="true", hx_request_type="partial")
            seen += re.findall(r'id="row-([^"]+)"', page.text)
            more = re.search(r'hx-get="([^"]+)"', page.text)
            href = more.group(1).replace("&amp;", "&") if more else None
        assert len(seen) == len(set(seen)) == 122, sort


async def test_an_agency_sees_no_client_of_another(street: Street) -> None:
    other = await other_agency(street)
    await overview.roll_up(street.house.services)
    noor = await agent_of(street, email="noor@other.example", at=other)
    own = await get(noor, f"/r/{other}")
    assert "No client yet" in own.text
    assert "Harbour" not in own.text
    for path in (AGENCY, f"{AGENCY}/problems", CLIENT, f"{CLIENT}/open", f"/r/{other}/clients/harbour", f"/r/{other}/clients/harbour/open"):
        answer = await get(noor, path)
        assert answer.status_code == 404, path
        assert "Harbour" not in answer.text
    for what in ("open", "suspend", "resume", "limits"):
        fields = {"reason": "let me see", "max_calls": "1"}
        answer = await post(noor, f"/r/{other}/clients/harbour/{what}", fields, at=f"/r/{other}/clients/new")
        assert answer.status_code == 404, what
    ann = await street.member(OWNER, "tenant_owner")
    assert (await get(ann, AGENCY)).status_code == 404
    assert await street.actions("action like 'open_as%' or action like 'tenant.%'") == []


async def test_support_sees_no_way_that_it_cannot_go(street: Street) -> None:
    sam = await agent_of(street, "reseller_support", SAM)
    page = await get(sam, AGENCY)
    assert "New client" not in page.text
    for href in re.findall(r'<a href="([^"]+)" data-go', page.text):
        assert (await get(sam, href)).status_code == 200, href
    assert (await get(sam, f"{AGENCY}/clients/new")).status_code == 404
    assert "Suspend</button>" not in (await get(sam, CLIENT)).text
    answer = await post(sam, f"{CLIENT}/suspend", {}, at=f"{CLIENT}/open")
    assert answer.status_code == 404


# -- making, limiting, suspending -------------------------------------------------------------------------------------------------


FIELDS = {"name": "<b>Wren</b> Property", "owner": "Wren@wren.example", "timezone": "Australia/Sydney", "region": "AU", "locale": "en-AU"}


async def test_a_client_is_made_and_its_owner_invited_in_one_go(street: Street) -> None:
    mina = await agent_of(street)
    at = f"{AGENCY}/clients/new"
    answer = await post(mina, at, {**FIELDS, "max_calls": "4", "once": "abc"}, at=at)
    assert answer.status_code == 303, answer.text
    again = await post(mina, at, {**FIELDS, "max_calls": "4", "once": "abc"}, at=at)
    assert again.headers["location"] == answer.headers["location"]
    page = await get(mina, answer.headers["location"])
    assert "&lt;b&gt;Wren&lt;/b&gt; Property" in page.text
    assert "<b>Wren</b>" not in page.text
    assert "Australia/Sydney" in page.text
    id = answer.headers["location"].rpartition("/")[2]  # noqa: A001 - of the tenant
    [(limit, reseller)] = await street.house.look("select max_calls, reseller_id from tenant where id = :id", id=id)
    assert (limit, reseller) == (4, "direct")
    assert await street.actions(f"tenant_id = '{id}'") == ["member.invited"]
    assert (await street.actions("reseller_id = 'direct'"))[-1] == "tenant.created"
    token = await street.token("invitations")
    wren = await street.browser()
    await wren.done("POST", f"/v1/invitations/{token}/accept", {"name": "Wren", "password": "the kettle is on again"})
    assert (await get(wren, f"/t/{id}/calls")).status_code == 200


async def test_who_makes_a_business_for_themselves_owns_it_at_once(street: Street) -> None:
    mina = await agent_of(street)
    at = f"{AGENCY}/clients/new"
    sent = {**FIELDS, "owner": "MINA@trellis.example", "staff": "Ray, mina", "once": "abc"}
    before = len(await street.letters())
    answer = await post(mina, at, sent, at=at)
    assert answer.status_code == 303, answer.text
    assert (await post(mina, at, sent, at=at)).headers["location"] == answer.headers["location"]
    id = answer.headers["location"].removeprefix("/t/")  # noqa: A001 - of the tenant
    page = await get(mina, answer.headers["location"])
    assert "Four steps, and your calls are answered." in page.text
    assert "You look at" not in page.text
    assert len(await street.letters()) == before
    assert await street.actions(f"tenant_id = '{id}'") == ["member.joined"]
    [(diary,)] = await street.house.look("select diary from tenant where id = :id", id=id)
    assert diary["staff"] == ["ray", "mina"]
    sam = await agent_of(street, "reseller_support", SAM)
    assert (await get(sam, f"/t/{id}")).headers["location"].startswith(f"{AGENCY}/clients/{id}/open")
    ann = await street.member(OWNER, "tenant_owner")
    assert (await get(ann, f"/t/{id}")).status_code == 404


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"owner": "nobody"}, "not a mail address"),
        ({"name": " "}, "at least 1 character"),
        ({"timezone": "Mars/North"}, "no such time zone"),
        ({"region": "gb"}, "match pattern"),
        ({"max_calls": "many"}, "valid integer"),
        ({"staff": "ray!"}, "match pattern"),
    ],
)
async def test_a_form_that_is_wrong_makes_nothing(street: Street, changes: dict[str, str], said: str) -> None:
    mina = await agent_of(street)
    before = await street.house.look("select count(*) from tenant")
    answer = await post(mina, f"{AGENCY}/clients/new", {**FIELDS, **changes}, at=f"{AGENCY}/clients/new")
    assert answer.status_code == 422
    assert said in answer.text
    assert "&lt;b&gt;Wren" in answer.text or "name" in changes
    assert await street.house.look("select count(*) from tenant") == before
    assert await street.letters() == []


async def test_limits_and_suspension_are_written_down(street: Street) -> None:
    mina = await agent_of(street)
    assert (await post(mina, f"{CLIENT}/limits", {"max_calls": "-1"}, at=CLIENT)).status_code == 422
    assert (await post(mina, f"{CLIENT}/limits", {"max_calls": "3"}, at=CLIENT)).status_code == 303
    assert (await post(mina, f"{CLIENT}/suspend", {}, at=CLIENT)).status_code == 303
    page = await get(mina, CLIENT)
    assert "Its callers are turned away" in page.text
    assert "Resume</button>" in page.text
    assert (await post(mina, f"{CLIENT}/resume", {}, at=CLIENT)).status_code == 303
    [(limit, suspended)] = await street.house.look("select max_calls, suspended from tenant where id = 'harbour'")
    assert (limit, suspended) == (3, False)
    assert (await street.actions("reseller_id = 'direct'"))[-3:] == ["tenant.limited", "tenant.suspended", "tenant.resumed"]


# -- open as ----------------------------------------------------------------------------------------------------------------------


async def test_a_clients_pages_open_with_a_reason_and_say_so(street: Street) -> None:
    await ring(street.house)
    mina = await agent_of(street)
    asked = await get(mina, f"{CALLS_PAGE}?when=all")
    assert (asked.status_code, asked.headers["location"]) == (303, f"{CLIENT}/open?next=%2Ft%2Fharbour%2Fcalls%3Fwhen%3Dall")
    form = await get(mina, asked.headers["location"])
    assert 'name="next" value="/t/harbour/calls?when=all"' in form.text
    bad = await post(mina, f"{CLIENT}/open", {"reason": " x "}, at=f"{CLIENT}/open")
    assert bad.status_code == 422
    assert (await get(mina, CALLS_PAGE)).status_code == 303
    assert await open_as(mina, reason="<i>why</i> not") == CALLS_PAGE
    page = await get(mina, CALLS_PAGE)
    assert page.status_code == 200
    assert "You look at Harbour Plumbing as its agency until 11:30 am, and change nothing." in page.text
    left = await post(mina, "/leave", {}, at=CALLS_PAGE)
    assert (left.status_code, left.headers["location"]) == (303, AGENCY)
    assert (await get(mina, CALLS_PAGE)).status_code == 303
    rows = await street.house.look(
        "select action, actor_name, details from audit where tenant_id = 'harbour' and action like 'open_as%' order by seq"
    )
    assert [(row.action, row.actor_name) for row in rows] == [("open_as.begun", "Mina"), ("open_as.ended", "Mina")]
    assert rows[0].details["reason"] == "<i>why</i> not"
    assert (rows[0].details["writes"], rows[1].details["by"]) == (False, "hand")


async def test_it_is_over_after_half_an_hour_and_the_job_writes_it_down(street: Street) -> None:
    mina = await agent_of(street)
    await open_as(mina)
    street.house.now[0] += timedelta(minutes=29, seconds=59)
    assert (await get(mina, CALLS_PAGE)).status_code == 200
    assert await openas.sweep(street.house.services) == 0
    street.house.now[0] += timedelta(seconds=1)
    assert (await get(mina, CALLS_PAGE)).status_code == 303
    assert await openas.sweep(street.house.services) == 1
    assert await openas.sweep(street.house.services) == 0
    [(details,)] = await street.house.look("select details from audit where action = 'open_as.ended'")
    assert details["by"] == "time"


async def test_it_is_of_one_browser_and_of_one_client(street: Street) -> None:
    mina = await agent_of(street)
    await open_as(mina)
    assert (await get(mina, "/t/quayside/calls")).headers["location"].startswith(f"{AGENCY}/clients/quayside/open")
    elsewhere = await street.browser()
    await elsewhere.sign_in(MINA)
    assert (await get(elsewhere, CALLS_PAGE)).status_code == 303
    sam = await agent_of(street, "reseller_support", SAM)
    assert (await get(sam, CALLS_PAGE)).status_code == 303
    await open_as(mina, client=f"{AGENCY}/clients/quayside")
    assert (await get(mina, CALLS_PAGE)).status_code == 303  # the first look ended
    assert await street.actions("action like 'open_as%' and tenant_id = 'harbour'") == ["open_as.begun", "open_as.ended"]
    assert await street.actions("action like 'open_as%' and tenant_id = 'quayside'") == ["open_as.begun"]


async def test_it_ends_with_the_session_however_that_ends(street: Street) -> None:
    mina = await agent_of(street)
    await open_as(mina)
    await post(mina, "/sign-out", {}, at=CALLS_PAGE)
    assert await street.actions("action like 'open_as%'") == ["open_as.begun", "open_as.ended"]
    await mina.sign_in(MINA)
    assert (await get(mina, CALLS_PAGE)).status_code == 303
    await open_as(mina)
    await street.house.look("delete from session")
    assert (await get(mina, CALLS_PAGE)).headers["location"].startswith("/sign-in")
    assert await openas.sweep(street.house.services) == 1
    [(by,)] = await street.house.look("select details->>'by' from audit where action = 'open_as.ended' order by at desc, seq desc limit 1")
    assert by == "session"


async def test_it_gives_no_more_than_the_role_does_now(street: Street) -> None:
    mina = await agent_of(street)
    await open_as(mina, writes=True)
    assert "with changes" in (await get(mina, CALLS_PAGE)).text
    await street.house.look("update membership set role = 'reseller_support' where level = 'reseller'")
    form = (await get(mina, f"{CLIENT}/open")).text
    assert "I need to change something" not in form
    async with street.house.services.database.platform() as scope:
        principal = await _principal(street, mina)
        may, going_on = await openas.may(street.house.services, scope, principal, "harbour", "direct", mina.cookie or "", "portal.example")
    assert going_on is not None
    assert may == principal.in_tenant("harbour", "direct")
    assert "agents.write" not in may
    await street.house.look("delete from membership where level = 'reseller'")
    assert (await get(mina, CALLS_PAGE)).status_code == 404


async def _principal(street: Street, browser: Browser) -> Principal:
    found = await session_principal(street.house.services, browser.cookie or "", "portal.example")
    assert found is not None
    return found


async def test_without_changes_it_reads_only(street: Street) -> None:
    mina = await agent_of(street)
    await open_as(mina)
    async with street.house.services.database.platform() as scope:
        principal = await _principal(street, mina)
        may, _ = await openas.may(street.house.services, scope, principal, "harbour", "direct", mina.cookie or "", "portal.example")
    assert may
    assert all(one.endswith(".read") for one in may)
    assert (await mina.ask("GET", "/v1/tenants/harbour/agents")).status_code == 200  # programs are asked as before


async def test_no_page_that_changes_something_opens_to_a_look(street: Street) -> None:
    """Every page of a tenant that needs more than to read, whoever made it."""
    root = await street.admin()
    await open_as(root)
    for route in asked(street.house.app):
        if route.path.startswith("/t/") and route.level == "tenant":
            answer = await root.ask(route.method, route.at(tenant="harbour"), accept="application/json")
            refused = route.permission is not None and not route.permission.endswith(".read")
            assert (answer.status_code == 403) == refused or answer.status_code in {404, 422}, route
            assert answer.status_code < 500, route


async def test_the_platforms_people_say_why_too_and_owners_need_not(street: Street) -> None:
    root = await street.admin()
    assert (await get(root, CALLS_PAGE)).headers["location"].startswith(f"{CLIENT}/open")
    await open_as(root)
    assert "You look at Harbour Plumbing" in (await get(root, CALLS_PAGE)).text
    ann = await street.member(OWNER, "tenant_owner")
    assert "You look at" not in (await get(ann, CALLS_PAGE)).text


async def test_everybody_begins_where_they_work(street: Street) -> None:
    root, mina = await street.admin(), await agent_of(street)
    ann = await street.member(OWNER, "tenant_owner")
    assert [(await get(one, "/")).headers.get("location") for one in (root, mina)] == [AGENCY, AGENCY]
    await other_agency(street)
    assert (await get(root, "/")).headers["location"] == "/ops"
    await get(ann, "/")
    assert (await get(ann, "/")).headers["location"] == "/t/harbour"
