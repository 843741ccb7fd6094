"""Routes of connections: what can be connected, what is, and how it does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from offhook.errors import NotFound, NotPermitted
from offhook.orchestrator.auth.access import COOKIE, ID, TenantAccess, TenantDoor, before_tenant, in_tenant
from offhook.orchestrator.calls import ops as calls
from offhook.orchestrator.connections import consent, ops
from offhook.orchestrator.connections.consent import Beginner
from offhook.orchestrator.connections.mapping import filled
from offhook.orchestrator.connections.schemas import (
    Authorize,
    ChoiceView,
    Choosing,
    Connection,
    Disconnected,
    ExchangeView,
    FieldMapping,
    Leaving,
    NewConnection,
    Offered,
    Preview,
    Previewed,
    Reconnect,
    Systems,
    Tested,
)
from offhook.orchestrator.errors import Problem
from offhook.orchestrator.kit.etag import IfMatch, etag, match
from offhook.orchestrator.kit.once import once
from offhook.orchestrator.kit.paging import Page, PageQuery, page, position_of
from offhook.orchestrator.tenants import ops as tenants

router = APIRouter(prefix="/v1/tenants/{tenant}", tags=["connections"])
Reading = Annotated[TenantAccess, in_tenant("connections.read")]
Writing = Annotated[TenantAccess, in_tenant("connections.write")]
ReadingDoor = Annotated[TenantDoor, before_tenant("connections.read")]
WritingDoor = Annotated[TenantDoor, before_tenant("connections.write")]
ConnectingDoor = Annotated[TenantDoor, before_tenant("connections.connect")]
ConnectionId = Annotated[str, Path(pattern=ID)]
PROBLEM: dict[str, Any] = {"model": Problem}
MISSING: dict[int | str, dict[str, Any]] = {404: PROBLEM}
ASKING: dict[int | str, dict[str, Any]] = {404: PROBLEM, 409: PROBLEM, 503: PROBLEM}
CONNECTING: dict[int | str, dict[str, Any]] = {404: PROBLEM, 409: PROBLEM, 503: PROBLEM}
CHANGING: dict[int | str, dict[str, Any]] = {404: PROBLEM, 412: PROBLEM, 428: PROBLEM}
CHOOSING: dict[int | str, dict[str, Any]] = {**ASKING, **CHANGING}


@router.get("/systems")
async def list_systems(access: Reading) -> Systems:
    """The systems that can be connected, with the forms that connect them."""
    business = await tenants.get(access.scope)
    return Systems(data=await ops.systems(access.given, business.reseller_id))


@router.get("/connections")
async def list_connections(access: Reading, part: PageQuery) -> Page[Connection]:
    """The tenant's connections, the newest first, and how they do."""
    filters = {"list": "connections", "tenant": access.scope.tenant}
    position = position_of(access.given, filters, part.cursor)
    after = (datetime.fromisoformat(position[0]), str(position[1])) if position else None
    rows = await ops.page(access.scope, part.limit + 1, after)
    return page(rows, part.limit, access.given, filters, lambda one: (one.created_at, one.id))


@router.post("/connections", status_code=201, responses=CONNECTING)
async def create_connection(body: NewConnection, door: ConnectingDoor, response: Response) -> Connection:
    """Connect a system by its key. It is asked whose account it is before anything is kept.

    An account that was connected before gets its connection back, with all that was chosen.
    """
    proven = await ops.prove(door.given, door.tenant, body.adapter, body.fields)

    async def keep(access: TenantAccess) -> Connection:
        made, new = await ops.keep_proven(access.scope, access.given, proven)
        await access.audit("connection.created" if new else "connection.reconnected", made.id, _noted(made))
        return made

    return await _within(door, response, keep)


@router.post("/connections/authorize", responses=CONNECTING)
async def authorize_connection(body: Authorize, door: ConnectingDoor) -> Leaving:
    """Begin to connect a system by signing in there: for a person, who finishes it in the same browser."""
    session = door.request.cookies.get(COOKIE, "")
    if door.principal.kind != "person" or not session:
        raise NotPermitted("a system is signed in to by a person, in the browser that the portal is open in")
    by = Beginner(door.principal, session, door.request.headers.get("host", "").lower())
    path = body.path or f"/t/{door.tenant}/connections"
    return Leaving(url=await consent.begin(door.given, door.tenant, by, body.adapter, body.fields, path, body.connection))


@router.get("/connections/{connection}", responses=MISSING)
async def show_connection(connection: ConnectionId, access: Reading, response: Response) -> Connection:
    """A connection without its secrets; its ETag is needed to change it."""
    return _tagged(response, await ops.show(access.scope, connection))


@router.post("/connections/{connection}/reconnect", responses=CONNECTING)
async def reconnect_connection(connection: ConnectionId, body: Reconnect, door: ConnectingDoor, response: Response) -> Connection:
    """Connect the same account again by its key: what was chosen stays, and what has waited is written."""
    async with door.enter() as access:
        old = await ops.show(access.scope, connection)
    proven = await ops.prove(door.given, door.tenant, old.adapter, body.fields)

    async def keep(access: TenantAccess) -> Connection:
        made, _ = await ops.keep_proven(access.scope, access.given, proven, id=connection)
        await access.audit("connection.reconnected", made.id, _noted(made))
        return made

    return await _within(door, response, keep)


@router.post("/connections/{connection}/test", responses=MISSING)
async def test_connection(connection: ConnectionId, door: WritingDoor) -> Tested:
    """Ask the system, now, whose account it is."""
    return await ops.test(door.given, door.tenant, connection)


@router.get("/connections/{connection}/choices", responses=ASKING)
async def list_connection_choices(connection: ConnectionId, door: WritingDoor) -> Offered:
    """What the system has to choose from: its staff, calendars, pipelines."""
    found = await ops.choices(door.given, door.tenant, connection)
    views = {name: [ChoiceView(id=one.id, label=one.label, group=one.group) for one in some] for name, some in found.items()}
    return Offered(choices=views)


@router.put("/connections/{connection}/chosen", responses=CHOOSING)
async def choose_for_connection(
    connection: ConnectionId, body: Choosing, door: WritingDoor, request: Request, response: Response, _: IfMatch = None
) -> Connection:
    """Say what is used of the system, all of it: by chooser, or by ``staff/<name>`` for one of the diary's staff."""
    async with door.enter() as access:
        match(request, (await ops.show(access.scope, connection)).revision)
    offered = await ops.choices(door.given, door.tenant, connection)
    async with door.enter() as access:
        old = await ops.locked(access.scope, connection)
        match(request, old.revision)
        new = await ops.choose(access.scope, access.given, old, body.chosen, offered)
        await access.audit("connection.chosen", connection, {"chosen": [old.chosen, new.chosen]})
    return _tagged(response, new)


@router.put("/connections/{connection}/mapping", responses=CHANGING)
async def map_connection_fields(
    connection: ConnectionId, body: FieldMapping, access: Writing, request: Request, response: Response, _: IfMatch = None
) -> Connection:
    """Say which of the system's fields are filled from where in a call's result, all of them."""
    old = await ops.locked(access.scope, connection)
    match(request, old.revision)
    new = await ops.map_fields(access.scope, access.given, old, body.mapping)
    await access.audit("connection.mapped", connection, {"mapping": [old.mapping, new.mapping]})
    return _tagged(response, new)


@router.post("/connections/{connection}/mapping/preview", responses=MISSING)
async def preview_connection_mapping(connection: ConnectionId, body: Preview, access: Writing) -> Previewed:
    """What the system's fields would get of a past call. Nothing is written."""
    found = await ops.show(access.scope, connection)
    result = (await calls.results(access.scope, [body.call])).get(body.call)
    if result is None:
        raise NotFound("no such call, or nothing came of it")
    mapping = found.mapping if body.mapping is None else body.mapping
    return Previewed(fields=filled(mapping, result.model_dump(mode="json")))


@router.post("/connections/{connection}/disconnect", responses=CHANGING)
async def disconnect_connection(
    connection: ConnectionId, door: ConnectingDoor, request: Request, response: Response, _: IfMatch = None
) -> Disconnected:
    """Switch a connection off: its key or tokens are deleted here, and revoked at the system where that can be done."""
    async with door.enter() as access:
        old = await ops.locked(access.scope, connection)
        match(request, old.revision)
        ending = await ops.disconnect(access.scope, access.given, old)
        new = await ops.show(access.scope, connection)
        await access.audit("connection.disconnected", connection, _noted(old))
    revoked = await ops.end(door.given, ending) if ending else False
    return Disconnected(connection=_tagged(response, new), revoked=revoked)


@router.get("/connections/{connection}/exchanges", responses=MISSING)
async def list_connection_exchanges(connection: ConnectionId, access: Reading, part: PageQuery) -> Page[ExchangeView]:
    """What was said to the system and what came back, the newest first: hashes of the bodies, for support."""
    filters = {"list": "exchanges", "tenant": access.scope.tenant, "connection": connection}
    position = position_of(access.given, filters, part.cursor)
    rows = await ops.exchanges(access.scope, connection, part.limit + 1, str(position[0]) if position else None)
    return page(rows, part.limit, access.given, filters, lambda one: (one.id,))


async def _within(door: TenantDoor, response: Response, keep: Callable[[TenantAccess], Awaitable[Connection]]) -> Connection:
    """In the tenant's transaction, once for an Idempotency-Key."""

    @once
    async def kept(access: TenantAccess) -> Connection:
        return await keep(access)

    async with door.enter() as access:
        found = await kept(access=access)
    # A request that is sent again is answered with the response that was kept.
    return _tagged(response, found) if isinstance(found, Connection) else found


def _tagged(response: Response, connection: Connection) -> Connection:
    response.headers["ETag"] = etag(connection.revision)
    return connection


def _noted(connection: Connection) -> Mapping[str, Any]:
    """What the audit log says of it: whose account; nothing of the form."""
    return {"adapter": connection.adapter, "account": connection.account, "by": connection.auth}


for _endpoint in (create_connection, reconnect_connection):
    _endpoint.__dict__["once"] = True  # as the decorator writes it: these heed the key in a transaction of their own

routers: tuple[APIRouter, ...] = (router,)
