"""Where a call went in business systems: on its page and on Today, in each of its states."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from tests.e2e.business import House
from tests.e2e.people import Browser, Street, open_street
from tests.e2e.portal_http import get, post
from tests.e2e.stops.call import written

OWNER, VIEWER = "olga@harbour.example", "vic@harbour.example"
PAGE = "/t/harbour/calls/c1"


@pytest.fixture
async def street(house: House) -> AsyncIterator[Street]:
    async with open_street(house) as opened:
        await opened.letters()
        yield opened


async def of(street: Street, house: House, state: str, who: str = "tenant_owner") -> Browser:
    """A call whose paperwork stands like this, and somebody who looks at it."""
    await house.plan()
    await house.event(1, "call.started", transport="loopback", did="+442079460000", caller="+447700900123")
    await house.event(2, "call.ended", reason="hangup", outcome="booked", seconds=60.0)
    await written(house, "harbour", "c1", state)
    return await street.member(OWNER, who)


@pytest.mark.parametrize(
    ("state", "said", "button"),
    [
        ("done", "Written, ", ""),
        ("waiting", "The system has a fault of its own (503), next try ", "Try now"),
        ("begun", "Being written", ""),
        ("held", "Waits until the system is connected again", "Try now"),
        ("failed", "Given up: job, the system refused what it was sent (422)", "Retry"),
        ("skipped", "The caller said nothing.", ""),
    ],
)
async def test_each_state_is_told_with_what_to_do(street: Street, house: House, state: str, said: str, button: str) -> None:
    page = (await get(await of(street, house, state), PAGE)).text
    assert "ServiceM8" in page
    assert said in page
    found = re.search(r'paperwork/con_1/again"[^>]*>.*?<button[^>]*>([^<]+)<', page)
    assert (found.group(1) if found else "") == button
    if state == "done":
        assert 'href="https://go.servicem8.com/job?uuid=1" rel="noreferrer noopener"' in page


async def test_a_link_that_a_browser_would_run_is_none(street: Street, house: House) -> None:
    browser = await of(street, house, "done")
    await house.look("update paperwork_step set record_url = 'javascript:alert(1)'")
    page = (await get(browser, PAGE)).text
    assert "javascript:" not in page
    assert "<span>Job</span>" in page


async def test_one_click_sends_it_again(street: Street, house: House) -> None:
    browser = await of(street, house, "failed")
    today = (await get(browser, "/t/harbour")).text
    assert "1 call was not written to ServiceM8" in today
    answer = await post(browser, f"{PAGE}/paperwork/con_1/again", {}, at=PAGE)
    assert answer.status_code == 303
    rows = await house.look("select state, next_at from paperwork_run where connection_id = 'con_1'")
    assert rows == [("waiting", house.now[0])]
    assert "not written" not in (await get(browser, "/t/harbour")).text
    assert "call.paperwork_again" in await street.actions()


async def test_one_click_on_today_sends_all_of_a_systems(street: Street, house: House) -> None:
    browser = await of(street, house, "failed")
    answer = await post(browser, "/t/harbour/today/paperwork/con_1/again", {}, at="/t/harbour")
    assert answer.status_code == 303
    assert await house.look("select state from paperwork_run where connection_id = 'con_1'") == [("waiting",)]
    nothing = await post(browser, "/t/harbour/today/paperwork/con_2/again", {}, at="/t/harbour")
    assert nothing.status_code == 404


async def test_a_viewer_sees_it_and_sends_nothing(street: Street, house: House) -> None:
    browser = await of(street, house, "failed", "viewer")
    page = (await get(browser, PAGE)).text
    assert "Given up" in page
    assert "paperwork/con_1/again" not in page
    assert (await post(browser, f"{PAGE}/paperwork/con_1/again", {}, at=PAGE)).status_code == 404
