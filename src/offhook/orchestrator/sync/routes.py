"""Where business systems send what happens in them."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Path, Request, Response

from offhook.errors import AdapterUnauthorized, Invalid, NotFound
from offhook.orchestrator.access import Given
from offhook.orchestrator.sync import hearing

router = APIRouter(prefix="/hooks/in", tags=["connections"])
routers = (router,)
MOST: Final = 1_000_000
"""Bytes of a message."""
Part = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


@router.post("/{tenant}/{connection}/{token}", include_in_schema=False, name="hear_system")
@router.get("/{tenant}/{connection}/{token}", include_in_schema=False, name="greet_system")
async def hear(request: Request, given: Given, tenant: Part, connection: Part, token: Part) -> Response:
    """A message, or the question whether somebody is here. 401 for one that is not the system's."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MOST:
            raise Invalid("the message is longer than any that systems send")
    wait = given.limits.requests.take(f"hooks in {tenant} {connection}")
    if wait:
        raise given.limits.refused(wait)
    # Some sign the address too: the one that they were given, whatever a proxy makes of it.
    url = hearing.address(given, tenant, connection) + (f"?{request.url.query}" if request.url.query else "")
    try:
        heard = await hearing.take(given, tenant, connection, token, hearing.incoming_of(request.headers, request.query_params, body, url))
    except AdapterUnauthorized:
        return Response(status_code=401)
    except NotFound:
        return Response(status_code=404)
    return Response(heard.answer, heard.status, media_type=heard.content_type)
