"""Routes of call buttons: for their tenants, and for the pages that they stand on."""

from __future__ import annotations

import functools
import gzip
import hashlib
import re
from datetime import datetime
from importlib.resources import files
from pathlib import Path as File
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Request, Response

from offhook.orchestrator.access import Given
from offhook.orchestrator.auth.access import ID, TenantAccess, in_tenant
from offhook.orchestrator.errors import Problem
from offhook.orchestrator.kit.etag import IfMatch, etag, match
from offhook.orchestrator.kit.once import once
from offhook.orchestrator.kit.paging import Page, PageQuery, page, position_of
from offhook.orchestrator.widgets import ops
from offhook.orchestrator.widgets.schemas import NewWidget, Visit, WidgetChange, WidgetView

router = APIRouter(prefix="/v1/tenants/{tenant}/call-buttons", tags=["numbers"])
visitors = APIRouter(prefix="/widget", tags=["visitors"])
Reading = Annotated[TenantAccess, in_tenant("numbers.read")]
Writing = Annotated[TenantAccess, in_tenant("numbers.write")]
ButtonId = Annotated[str, Path(pattern=ID)]
Key = Annotated[str, Path(pattern=r"^cb_[A-Za-z0-9_-]{10,60}$")]
PROBLEM: dict[str, Any] = {"model": Problem}
CHANGING: dict[int | str, dict[str, Any]] = {404: PROBLEM, 412: PROBLEM, 428: PROBLEM}
ANYWHERE: Final = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin", "Vary": "Accept-Encoding"}
TALK: Final = File(str(files("offhook.transports"))) / "static" / "talk"
_MODULES: Final = re.compile(r"^(?:import .*\n|export )", re.MULTILINE)


@router.get("")
async def list_call_buttons(access: Reading, part: PageQuery) -> Page[WidgetView]:
    """The tenant's call buttons, newest first."""
    filters = {"list": "call-buttons", "tenant": access.scope.tenant}
    position = position_of(access.given, filters, part.cursor)
    after = (datetime.fromisoformat(position[0]), str(position[1])) if position else None
    rows = await ops.page(access.scope, access.given, part.limit + 1, after)
    return page(rows, part.limit, access.given, filters, lambda one: (one.created_at, one.id))


@router.get("/{button}", responses={404: PROBLEM})
async def show_call_button(button: ButtonId, access: Reading, response: Response) -> WidgetView:
    """A call button, with what goes into the page; its ETag is needed to change it."""
    found = await ops.show(access.scope, access.given, button)
    response.headers["ETag"] = etag(found.revision)
    return found


@router.post("", status_code=201)
@once
async def create_call_button(body: NewWidget, access: Writing) -> WidgetView:
    """Make a call button for the pages of some origins."""
    made = await ops.create(access.scope, access.given, body)
    await access.audit("call_button.created", made.id, {"agent": made.agent_id, "origins": list(made.origins)})
    return made


@router.patch("/{button}", responses=CHANGING)
async def change_call_button(
    button: ButtonId, body: WidgetChange, access: Writing, request: Request, response: Response, _: IfMatch = None
) -> WidgetView:
    """Change what is given of a call button. Calls that were begun with it go on."""
    old = await ops.show(access.scope, access.given, button, lock=True)
    match(request, old.revision)
    new = await ops.change(access.scope, access.given, old, body)
    await access.audit("call_button.changed", button, ops.differences(old, new, body.model_fields_set))
    response.headers["ETag"] = etag(new.revision)
    return new


@router.delete("/{button}", status_code=204, responses=CHANGING)
async def delete_call_button(button: ButtonId, access: Writing, request: Request, _: IfMatch = None) -> None:
    """Drop a call button: pages that still have it call nobody."""
    old = await ops.show(access.scope, access.given, button, lock=True)
    match(request, old.revision)
    await ops.delete(access.scope, button)
    await access.audit("call_button.deleted", button, {"origins": list(old.origins)})


@visitors.post("/{key}/calls", status_code=201, responses={403: PROBLEM, 404: PROBLEM, 429: PROBLEM})
async def begin_visit(
    key: Key, given: Given, request: Request, response: Response, origin: Annotated[str, Header(max_length=300)] = ""
) -> Visit:
    """Begin a call from a page: for browsers, which say what page asks. The address is limited, and so is the button."""
    found = await ops.visit(given, key, origin, request.client.host if request.client else "")
    response.headers.update({"Access-Control-Allow-Origin": origin, "Vary": "Origin"})
    return found


@functools.cache
def component() -> bytes:
    """The button's module: how a call is made, as the pages at ``/talk`` make it, and what is shown of it."""
    parts = [(TALK / "rtc.js"), (TALK / "line.js"), File(__file__).with_name("offhook-call.js")]
    return "\n".join(_MODULES.sub("", one.read_text(encoding="utf-8")) for one in parts).encode()


@visitors.get("/offhook-call.js", response_class=Response, include_in_schema=False)
async def call_button(request: Request) -> Response:
    """The module that a page takes in."""
    return _script(request, component())


@visitors.get("/worklet.js", response_class=Response, include_in_schema=False)
async def call_button_sound(request: Request) -> Response:
    """What the module needs where a call goes over a websocket."""
    return _script(request, (TALK / "worklet.js").read_bytes())


def _script(request: Request, body: bytes) -> Response:
    headers = {**ANYWHERE, "Cache-Control": "public, max-age=3600", "ETag": f'"{hashlib.sha256(body).hexdigest()[:16]}"'}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(None, 304, headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(gzip.compress(body, 9, mtime=0), headers={**headers, "Content-Encoding": "gzip"}, media_type="text/javascript")
    return Response(body, headers=headers, media_type="text/javascript")


routers: tuple[APIRouter, ...] = (router, visitors)
