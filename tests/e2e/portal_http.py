"""The portal's pages over HTTP, as a browser asks for them."""

from __future__ import annotations

import re

import httpx
from tests.e2e.people import Browser

PAGE = {"accept": "text/html"}
CALLS_PAGE = "/t/harbour/calls"


async def get(browser: Browser, path: str, **headers: str) -> httpx.Response:
    sent = PAGE | {name.replace("_", "-"): value for name, value in headers.items()}
    return await browser.http.get(path, headers=sent)


async def post(browser: Browser, path: str, fields: dict[str, str], *, at: str = "/sign-in", **headers: str) -> httpx.Response:
    """Send the form of a page as a browser does: with its token, from our own page."""
    token = re.search(r'name="_token" value="([0-9a-f]{64})"', (await get(browser, at)).text)
    assert token, at
    sent = {**PAGE, "sec-fetch-site": "same-origin", **headers}
    return await browser.http.post(path, data={"_token": token.group(1), **fields}, headers=sent)


def bare(answer: httpx.Response) -> str:
    """A page without what differs from one request to the next."""
    return re.sub(r'nonce="[^"]+"|name="_token" value="[^"]+"', "", answer.text)
