"""What people see where a program would be given a problem document: the same errors, as pages."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Final, cast
from urllib.parse import urlencode

from fastapi import FastAPI, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse
from starlette.exceptions import HTTPException

from offhook.orchestrator.access import services
from offhook.orchestrator.openas.schemas import OpenFirst
from offhook.orchestrator.portal.frame import frame_of_error
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.security import StaleForm

Handler = Callable[[Request, Exception], Awaitable[Response]]
_log: Final = logging.getLogger(__name__)
_PROGRAMS: Final = ("/v1/", "/carriers/", "/static/")
ID: Final = "X-Error-Id"


def install(app: FastAPI) -> None:
    """Let every error that has an answer have a page too, for browsers that ask for one."""
    for kind, handler in list(app.exception_handlers.items()):
        if isinstance(kind, type):
            app.exception_handlers[kind] = _either(cast("Handler", handler))
    app.exception_handlers[HTTPException] = app.exception_handlers.get(HTTPException) or _either(_plain)
    app.add_exception_handler(Exception, _broken)


def wants_page(request: Request) -> bool:
    """Whether a person asks, not a program."""
    return not request.url.path.startswith(_PROGRAMS) and "text/html" in request.headers.get("accept", "")


def _either(handler: Handler) -> Handler:
    async def handle(request: Request, error: Exception) -> Response:
        answer = await handler(request, error)
        return await page_of(request, answer, error) if wants_page(request) else answer

    return handle


async def _plain(_: Request, error: Exception) -> Response:
    return PlainTextResponse("", error.status_code if isinstance(error, HTTPException) else 500)


async def _broken(request: Request, error: Exception) -> Response:
    """A fault of ours. The server writes down what it was; the id tells which one somebody means."""
    answer: Response = PlainTextResponse("Internal Server Error", 500)
    return await page_of(request, answer, error) if wants_page(request) else answer


async def page_of(request: Request, answer: Response, error: Exception) -> Response:
    """The page in place of a problem document. What is not there and what is not theirs to see look the same."""
    status = answer.status_code
    if status == 401 and request.method in {"GET", "HEAD"} and request.headers.get("hx-request") is None:
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse("/sign-in?" + urlencode({"next": path}), 303, {"Cache-Control": "no-store"})
    if isinstance(error, OpenFirst) and request.method in {"GET", "HEAD"} and request.headers.get("hx-request") is None:
        path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        asked = f"/r/{error.reseller}/clients/{error.tenant}/open?" + urlencode({"next": path})
        return RedirectResponse(asked, 303, {"Cache-Control": "no-store"})
    kind = "stale" if isinstance(error, StaleForm) else _kind(status)
    if kind == "missing":
        status = 404
    id = _id() if status >= 500 else None  # noqa: A001 - of the error
    if id is not None:
        _log.error("a page was answered with %d, error %s: %s", status, id, type(error).__name__)
    frame = await frame_of_error(request, services(request), status)
    found: Any = portal(request).page(request, frame, "pages/error.html", status=status, kind=kind, id=id)
    for name in ("Retry-After", "Allow"):
        if name in answer.headers:
            found.headers[name] = answer.headers[name]
    if id is not None:
        found.headers[ID] = id
    return cast("Response", found)


def _kind(status: int) -> str:
    if status in {403, 404}:
        return "missing"
    return {401: "signed-out", 405: "missing", 429: "busy", 503: "unavailable"}.get(status, "wrong" if status < 500 else "broken")


def _id() -> str:
    text = secrets.token_hex(4).upper()
    return f"{text[:4]}-{text[4:]}"
