"""The portal as people meet it: in headless Chromium, in both themes, at every width."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from tests.e2e.browser import CHROMIUM
from tests.e2e.portal import Site, chromium, site, visit
from tests.e2e.server import EMPTY, Server

pytestmark = [pytest.mark.portal, pytest.mark.timeout(300), pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")]


@pytest.fixture(scope="module")
def place(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    name = f"{EMPTY}_portal"
    postgres.sql(f"create database {name} template {EMPTY}")
    with site(postgres.url(name, "offhook_app"), postgres.url(name), tmp_path_factory.mktemp("portal")) as found:
        yield found
    postgres.sql(f"drop database {name} with (force)")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


PAGES = {
    "calls": "/t/harbour/calls",
    "calls-none": "/t/harbour/calls?q=nosuchword",
    "missing": "/t/nowhere/calls",
    "parts": "/_parts",
}
OPEN = {"sign-in": "/sign-in", "forgot": "/forgot", "reset": "/reset/none", "setup": "/setup/none", "invitation": "/invitations/none"}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_pictures(place: Site, browser: Browser, theme: str, width: int) -> None:
    scale = 2 if width == 390 else 1
    with visit(browser, place.address, width, expected=("404",), color_scheme=theme, device_scale_factor=scale) as ann:
        for name, path in OPEN.items():
            ann.go(path)
            ann.picture(f"{name}-{theme}-{width}")
        ann.sign_in()
        for name, path in PAGES.items():
            ann.go(path)
            ann.picture(f"{name}-{theme}-{width}")
