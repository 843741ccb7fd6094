"""Routes of resellers' own OAuth clients with systems."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from offhook.errors import PreconditionFailed
from offhook.orchestrator.auth.access import ResellerAccess, in_reseller
from offhook.orchestrator.connections import consent, lent
from offhook.orchestrator.connections.schemas import OwnClient, OwnClients, OwnClientView
from offhook.orchestrator.errors import Problem
from offhook.orchestrator.kit.etag import IfMatch, etag, match
from offhook.orchestrator.kit.once import once

router = APIRouter(prefix="/v1/resellers/{reseller}", tags=["connections"])
Reading = Annotated[ResellerAccess, in_reseller("connections.read")]
Writing = Annotated[ResellerAccess, in_reseller("connections.connect")]
Kind = Annotated[str, Path(pattern=r"^(crm|calendar)$")]
Name = Annotated[str, Path(pattern=r"^[a-z0-9_]{1,40}$")]
PROBLEM: dict[str, Any] = {"model": Problem}
PUTTING: dict[int | str, dict[str, Any]] = {412: PROBLEM, 428: PROBLEM}
CHANGING: dict[int | str, dict[str, Any]] = {404: PROBLEM, 412: PROBLEM, 428: PROBLEM}


@router.get("/oauth-clients")
async def list_oauth_clients(access: Reading) -> OwnClients:
    """The reseller's own clients with systems, without their secrets, and the address to give the systems."""
    return OwnClients(data=await lent.every(access.scope), callback_url=consent.callback_url(access.given))


@router.put("/oauth-clients/{kind}/{name}", responses=PUTTING)
@once
async def put_oauth_client(
    kind: Kind, name: Name, body: OwnClient, access: Writing, request: Request, response: Response, _: IfMatch = None
) -> OwnClientView:
    """Keep the reseller's client with a system: its tenants then sign in there by it.

    One that is there is replaced under its ETag; for one that is not, If-Match is `"r0"` or left out.
    """
    adapter = f"{kind}/{name}"
    old = await lent.find(access.scope, adapter, lock=True)
    if old is not None:
        match(request, old.revision)
    elif request.headers.get("if-match") not in {None, etag(0)}:
        raise PreconditionFailed(f"there is no client with this system: to make one send If-Match {etag(0)}, or none")
    new = await lent.put(access.scope, access.given, adapter, body)
    await access.audit("oauth_client.changed" if old else "oauth_client.created", adapter, {"client_id": new.client_id})
    response.headers["ETag"] = etag(new.revision)
    return new


@router.delete("/oauth-clients/{kind}/{name}", status_code=204, responses=CHANGING)
async def delete_oauth_client(kind: Kind, name: Name, access: Writing, request: Request, _: IfMatch = None) -> None:
    """Drop a client with its secret. Connections that were made by it end when their tokens do."""
    adapter = f"{kind}/{name}"
    old = await lent.show(access.scope, adapter, lock=True)
    match(request, old.revision)
    await lent.delete(access.scope, adapter)
    await access.audit("oauth_client.deleted", adapter, {"client_id": old.client_id})


routers: tuple[APIRouter, ...] = (router,)
