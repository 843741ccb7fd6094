"""What a browser is told it may do with a page, and what a form must bring."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from typing import Annotated, Any, Final

from fastapi import Depends, Request, Response

from offhook.errors import Invalid, NotPermitted
from offhook.orchestrator.access import Given
from offhook.orchestrator.auth.access import COOKIE
from offhook.orchestrator.people.csrf import same_origin
from offhook.orchestrator.services import Services

FORM_COOKIE: Final = "__Host-offhook-form"
"""Of somebody who is not signed in yet: what their forms' token is bound to. With a session it is bound to that."""
FIELD: Final = "_token"
HEADER: Final = "x-csrf-token"
LARGEST: Final = 65_536
LARGEST_SCRIPT: Final = 800_000
"""A script at its longest, as a form sends it."""
LARGEST_UPLOAD: Final = 262_144
"""Bytes of a form with a file."""
_NOWHERE: Final = ("camera", "geolocation", "payment", "usb", "serial", "midi", "display-capture")


class StaleForm(NotPermitted):
    """A form without a token of ours, or with one of another session."""

    code = "stale_form"


def policy(nonce: str, connect: str = "") -> str:
    """The page's Content-Security-Policy. ``connect``: an origin of websockets that this page needs beside our own."""
    also = f" {connect}" if connect else ""
    return (
        f"default-src 'self'; script-src 'self' 'nonce-{nonce}'; style-src 'self'; img-src 'self' data:; media-src 'self' blob:;"
        f" connect-src 'self' wss:{also}; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'"
    )


def headers(nonce: str, *, microphone: bool = False, secret_address: bool = False, connect: str = "") -> dict[str, str]:
    """Of every page. ``secret_address``: it holds a token, and no other page is told of it."""
    closed = ", ".join(f"{one}=()" for one in _NOWHERE)
    return {
        "Content-Security-Policy": policy(nonce, connect),
        "Referrer-Policy": "no-referrer" if secret_address else "same-origin",
        "Permissions-Policy": f"microphone={'(self)' if microphone else '()'}, {closed}",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-store",
    }


def bound(request: Request) -> str | None:
    """What this browser's forms are bound to; None if it has nothing yet."""
    return request.cookies.get(COOKIE) or request.cookies.get(FORM_COOKIE)


def token(given: Services, to: str) -> str:
    """The token of forms that are bound to this."""
    key = b"portal form\0" + given.settings.secret.get_secret_value().encode()
    return hmac.digest(key, to.encode(), "sha256").hex()


def bind(request: Request, given: Services) -> tuple[str, str | None]:
    """The token for a page's forms, and the cookie to set for it if there was nothing to bind it to."""
    to = bound(request)
    made = None if to else secrets.token_urlsafe(24)
    return token(given, to or made or ""), made


def set_form_cookie(response: Response, value: str) -> None:
    """Bind the forms of who is not signed in to this browser."""
    response.set_cookie(FORM_COOKIE, value, path="/", secure=True, httponly=True, samesite="lax")


async def posted(request: Request, given: Given) -> dict[str, str]:
    """The fields of a form of ours. StaleForm: another page's, or an old one; Invalid: not what a form sends."""
    return await _posted(request, given, LARGEST)


async def posted_script(request: Request, given: Given) -> dict[str, str]:
    """The same for a form that may hold a whole script."""
    return await _posted(request, given, LARGEST_SCRIPT)


async def _posted(request: Request, given: Services, largest: int) -> dict[str, str]:
    _came(request, "application/x-www-form-urlencoded", largest)
    form = await request.form(max_files=0, max_fields=100)
    fields = {name: value for name, value in form.items() if isinstance(value, str)}
    _fresh(request, given, fields)
    return fields


Posted: Any = Annotated[dict[str, str], Depends(posted)]
PostedScript: Any = Annotated[dict[str, str], Depends(posted_script)]


@dataclass(frozen=True, slots=True)
class Upload:
    """A form with one file. It was read whole, up to a limit; what is in it is nobody's word but the browser's."""

    fields: dict[str, str]
    data: bytes


async def uploaded(request: Request, given: Given) -> Upload:
    """The same for a form with a file: refused by its length before a byte of it is read."""
    _came(request, "multipart/form-data", LARGEST_UPLOAD)
    async with request.form(max_files=1, max_fields=20, max_part_size=LARGEST) as form:
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        _fresh(request, given, fields)
        file = next((value for value in form.values() if not isinstance(value, str)), None)
        return Upload(fields, await file.read(LARGEST_UPLOAD) if file is not None else b"")


Uploaded: Any = Annotated[Upload, Depends(uploaded)]


def _came(request: Request, kind: str, largest: int) -> None:
    """From a page of ours, and not as more than a form sends."""
    if not same_origin(request.headers, request.headers.get("host", "")):
        raise StaleForm("this form did not come from a page of ours")
    declared = request.headers.get("content-length", "")
    found = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if found != kind or not declared.isdigit() or int(declared) > largest:
        raise Invalid("this is not what a form of ours sends, or a file is too large")


def _fresh(request: Request, given: Services, fields: dict[str, str]) -> None:
    """With this browser's token, which is taken out of the fields."""
    to = bound(request)
    sent = fields.pop(FIELD, "") or request.headers.get(HEADER, "")
    if to is None or not hmac.compare_digest(sent.encode(), token(given, to).encode()):
        raise StaleForm("this form is too old")
