"""A system is signed in to in Chromium: connect, refuse, consent, back in the portal, renewed, revoked there, connected again, taken out.

The portal, the callback host and the system are three sites to the browser, as they are in life.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import anyio.from_thread
import pytest
from playwright.sync_api import Page, expect
from tests.e2e.browser import CHROMIUM
from tests.e2e.business import House
from tests.e2e.people import OWNER, open_street
from tests.e2e.portal import Site, chromium, site, visit
from tests.paperwork.consenting import ADAPTER, PAGE
from tests.paperwork.figures import figure
from tests.paperwork.oauth_server import OAuthServer, needs_oauth_server, oauth_server
from tests.paperwork.tradebook import CLIENT, SECRET, Tradebook

pytestmark = [
    pytest.mark.paperwork,
    pytest.mark.timeout(180),
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH"),
    needs_oauth_server,
]


async def ann(house: House) -> None:
    """Nobody is there but Harbour's owner."""
    async with open_street(house) as street:
        await street.member(OWNER, "tenant_owner", name="Ann Haddad")


@pytest.fixture
def server() -> Iterator[tuple[OAuthServer, anyio.from_thread.BlockingPortal]]:
    with anyio.from_thread.start_blocking_portal() as portal, portal.wrap_async_context_manager(oauth_server()) as found:
        yield found, portal


@pytest.fixture
def place(
    database_url: str, owner_url: str, tmp_path: Path, tradebook: Tradebook, server: tuple[OAuthServer, anyio.from_thread.BlockingPortal]
) -> Iterator[Site]:
    del tradebook  # its adapter is installed; the requests go to the server
    settings = {"oauth_clients": {ADAPTER: {"id": CLIENT, "secret": SECRET}}, "vendor_origins": {ADAPTER: server[0].url}}
    with site(database_url, owner_url, tmp_path, ann, **settings) as found:
        yield found


def sign_in_there(page: Page, server: OAuthServer, link: str, button: str = "Sign in at Tradebook") -> None:
    """Press the button of the form, and answer the system's page of consent."""
    page.get_by_role("button", name=button).click()
    page.wait_for_url(f"{server.url}/authorize?**")
    expect(page.get_by_role("heading")).to_have_text("Let offhook in?")
    page.get_by_role("link", name=link, exact=True).click()


def test_the_whole_way_there_and_back(place: Site, server: tuple[OAuthServer, anyio.from_thread.BlockingPortal]) -> None:
    there, far = server
    here = place.address.replace("127.0.0.1", "localhost")
    with chromium() as browser, visit(browser, here) as visitor:
        page = visitor.page
        hosts: set[str] = set()
        page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
        visitor.sign_in()
        visitor.go("/t/harbour")
        page.get_by_role("link", name="Connections").first.click()
        page.get_by_role("link", name="Tradebook").click()
        sign_in_there(page, there, "Refuse")
        page.wait_for_url(f"{here}{PAGE}?trouble=denied")
        expect(page.get_by_role("status").first).to_contain_text("You did not agree there, so nothing was connected.")

        page.get_by_role("link", name="Tradebook").click()
        sign_in_there(page, there, "Allow")
        page.wait_for_url(f"{here}{PAGE}?connected=con_*")
        expect(page.get_by_role("status").first).to_contain_text("Tradebook is connected: Harbour at Tradebook.")
        page.get_by_role("link", name="Look at it").click()
        page.get_by_role("link", name="Choose").click()
        page.get_by_label("Where enquiries go").select_option("New work")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_text("1 chosen")).to_be_visible()

        far.call(lambda: there.control(forget="access"))
        page.get_by_role("button", name="Test").click()
        expect(page.get_by_text("This is the account of Harbour at Tradebook.")).to_be_visible()
        assert far.call(there.seen)["refresh_token"] == 1

        far.call(lambda: there.control(forget="all"))
        page.get_by_role("button", name="Test").click()
        expect(page.get_by_text("It does not work any more")).to_be_visible()
        page.get_by_role("link", name="Connect again").click()
        expect(page.get_by_role("heading", name="Connect Tradebook again")).to_be_visible()
        sign_in_there(page, there, "Allow")
        page.wait_for_url(f"{here}{PAGE}?connected=con_*")
        page.get_by_role("link", name="Look at it").click()
        expect(page.get_by_text("1 chosen")).to_be_visible()

        page.locator("summary", has_text="Disconnect Tradebook").click()
        page.get_by_role("button", name="Disconnect").click()
        expect(page.get_by_text("Off", exact=True)).to_be_visible()
        assert page.get_by_role("button", name="Test").count() == 0
    seen = far.call(there.seen)
    assert (seen["revoked"], seen["held"]) == (2, 0)
    assert hosts == {urlsplit(one).netloc for one in (here, place.address, there.url)}
    figure("oauth: in Chromium against oauth2-mock-server: refused, connected, renewed, ended, connected again, revoked; 3 sites")


def test_it_goes_on_by_itself_without_javascript(place: Site, server: tuple[OAuthServer, anyio.from_thread.BlockingPortal]) -> None:
    there, _ = server
    with chromium() as browser, visit(browser, place.address, java_script_enabled=False) as visitor:
        page = visitor.page
        page.goto(f"{place.address}/sign-in")
        visitor.fill({"Mail address": OWNER, "Password": "the kettle is on again"}, "Sign in")
        page.goto(f"{place.address}{PAGE}/new/{ADAPTER}")
        sign_in_there(page, there, "Allow")
        page.wait_for_url(f"{place.address}{PAGE}?connected=con_*")
        expect(page.get_by_text("Tradebook is connected")).to_be_visible()
