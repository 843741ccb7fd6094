"""Routes of trunks: for their tenants, and for engines."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Path, Request, Response
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter

from offhook import signing
from offhook.contracts.trunks import TrunkReport, Trunks, TrunksTaken
from offhook.errors import RemoteWireError
from offhook.orchestrator.access import Given, SignedBody, parse
from offhook.orchestrator.auth.access import ID, TenantAccess, in_tenant
from offhook.orchestrator.errors import Problem
from offhook.orchestrator.kit.etag import IfMatch, etag, match
from offhook.orchestrator.kit.once import once
from offhook.orchestrator.kit.paging import Page, PageQuery, page, position_of
from offhook.orchestrator.trunks import ops
from offhook.orchestrator.trunks.schemas import NewTrunk, TrunkChange, TrunkView

router = APIRouter(prefix="/v1/tenants/{tenant}/trunks", tags=["numbers"])
engine = APIRouter(prefix="/v1/trunks", tags=["engine"])
Reading = Annotated[TenantAccess, in_tenant("numbers.read")]
Writing = Annotated[TenantAccess, in_tenant("numbers.write")]
TrunkId = Annotated[str, Path(pattern=ID)]
PROBLEM: dict[str, Any] = {"model": Problem}
CHANGING: dict[int | str, dict[str, Any]] = {404: PROBLEM, 412: PROBLEM, 428: PROBLEM}
SIGNED: dict[int | str, dict[str, Any]] = {401: PROBLEM}
ABOUT: Final = "trunks."
"""How the ``webhook-id`` of an engine's questions begins: no other signed request without a body is good for this one."""
REPORT: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/TrunkReport"}}}}
}
_report: TypeAdapter[TrunkReport] = TypeAdapter(TrunkReport)


@router.get("")
async def list_trunks(access: Reading, part: PageQuery) -> Page[TrunkView]:
    """The tenant's trunks, newest first, without their passwords, and how they fare at each engine."""
    filters = {"list": "trunks", "tenant": access.scope.tenant}
    position = position_of(access.given, filters, part.cursor)
    after = (datetime.fromisoformat(position[0]), str(position[1])) if position else None
    rows = await ops.page(access.scope, part.limit + 1, after)
    return page(rows, part.limit, access.given, filters, lambda one: (one.created_at, one.id))


@router.get("/{trunk}", responses={404: PROBLEM})
async def show_trunk(trunk: TrunkId, access: Reading, response: Response) -> TrunkView:
    """A trunk without its password; its ETag is needed to change it."""
    found = await ops.show(access.scope, trunk)
    response.headers["ETag"] = etag(found.revision)
    return found


@router.post("", status_code=201)
@once
async def create_trunk(body: NewTrunk, access: Writing) -> TrunkView:
    """Keep a SIP link to a carrier or exchange. Its password is sealed and does not come out again."""
    made = await ops.create(access.scope, access.given, body)
    await access.audit("trunk.created", made.id, {"auth": made.auth, "host": made.host, "sources": list(made.sources)})
    return made


@router.patch("/{trunk}", responses=CHANGING)
async def change_trunk(
    trunk: TrunkId, body: TrunkChange, access: Writing, request: Request, response: Response, _: IfMatch = None
) -> TrunkView:
    """Change what is given of a trunk. Calls that it has go on."""
    old = await ops.show(access.scope, trunk, lock=True)
    match(request, old.revision)
    new = await ops.change(access.scope, access.given, old, body)
    await access.audit("trunk.changed", trunk, ops.differences(old, new, body.model_fields_set))
    response.headers["ETag"] = etag(new.revision)
    return new


@router.delete("/{trunk}", status_code=204, responses=CHANGING | {409: PROBLEM})
async def delete_trunk(trunk: TrunkId, access: Writing, request: Request, _: IfMatch = None) -> None:
    """Drop a trunk with its password, once no number belongs to it."""
    old = await ops.show(access.scope, trunk, lock=True)
    match(request, old.revision)
    await ops.delete(access.scope, trunk)
    await access.audit("trunk.deleted", trunk, {"auth": old.auth, "host": old.host})


@engine.get("", response_model=Trunks, responses={**SIGNED, 304: {"description": "The engine has this version."}})
async def tell_trunks(
    body: SignedBody,
    given: Given,
    message: Annotated[str, Header(alias=signing.ID, max_length=500)] = "",
    have: Annotated[str, Header(alias="If-None-Match", max_length=200)] = "",
) -> Response:
    """The trunks of all tenants, with their passwords. Signed; the ``webhook-id`` begins with ``trunks.``."""
    if body or not message.startswith(ABOUT):
        raise RemoteWireError("the request was signed for something else: webhook-id is trunks.anything, and there is no body")
    if have and have == f'"{await ops.version(given)}"':
        return Response(status_code=304)
    found = await ops.known(given)
    trunks = [one.model_dump(mode="json") | {"password": one.password.get_secret_value()} for one in found.trunks]
    headers = {"ETag": f'"{found.version}"', "Cache-Control": "no-store"}
    return JSONResponse({"version": found.version, "trunks": trunks}, headers=headers)


@engine.post("/states", responses=SIGNED, openapi_extra=REPORT)
async def take_trunk_states(body: SignedBody, given: Given) -> TrunksTaken:
    """How an engine's trunks fare, and which it registers with until it is next told. Signed."""
    return await ops.told(given, parse(_report, body))


routers: tuple[APIRouter, ...] = (router, engine)
