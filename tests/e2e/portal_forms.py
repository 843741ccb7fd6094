"""Filling in the forms of the portal's pages as a browser does: with what is hidden in them."""

from __future__ import annotations

import html
import re

import httpx
from tests.e2e.people import Browser
from tests.e2e.portal_http import PAGE, get


def hidden(page: str, action: str) -> dict[str, str]:
    """What goes along with the form that is sent there."""
    form = re.search(rf'<form[^>]*action="{re.escape(action)}"[^>]*>(.*?)</form>', page, re.DOTALL)
    assert form, action
    return {name: html.unescape(value) for name, value in re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form.group(1))}


async def submit(browser: Browser, at: str, action: str, fields: dict[str, str] | None = None, *, page: str = "") -> httpx.Response:
    """Send a form of the page ``at``, or of this text of it."""
    shown = page or (await get(browser, at)).text
    sent = hidden(shown, action.replace("&", "&amp;")) | (fields or {})
    return await browser.http.post(action, data=sent, headers=PAGE | {"sec-fetch-site": "same-origin"})


def errors(answer: httpx.Response) -> dict[str, str]:
    """What is said at the fields."""
    found = re.findall(r'id="e-([\w./-]+)">(?:<svg.*?</svg>)?([^<]+)', answer.text, re.DOTALL)
    return {name: html.unescape(text).strip() for name, text in found}
