"""Placing calls over trunks: ``POST /v1/dial`` and ``GET /v1/dial/{key}``, signed like everything that steers an engine."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from offhook.contracts.dial import Dial
from offhook.engine.control import MAX_BODY, body_of, problem, refused
from offhook.engine.sip import SipLine


async def dial(request: Request) -> Response:
    """POST /v1/dial: 202 when the call is being placed; the same key again places nothing and says how far it is."""
    body = await body_of(request, MAX_BODY)
    if body is None:
        return problem(413, f"at most {MAX_BODY} bytes")
    try:
        asked = Dial.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        asked, why = None, f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    key = asked.key if asked is not None else ""
    refusal = refused(request.app.state.engine, request.headers, "dial", key, body, datetime.now(UTC).timestamp())
    if refusal is not None:
        return refusal
    if asked is None:
        return problem(422, why)
    line: SipLine | None = request.app.state.sip
    if line is None:
        return problem(409, "this engine has no SIP line: set OFFHOOK_ENGINE_SIP_LISTEN")
    return JSONResponse((await line.place(asked)).model_dump(mode="json"), status_code=202)


async def dialled(request: Request) -> Response:
    """GET /v1/dial/{key}: how far a placed call is, or 404."""
    key = request.path_params["key"]
    refusal = refused(request.app.state.engine, request.headers, "dialled", key, b"", datetime.now(UTC).timestamp())
    if refusal is not None:
        return refusal
    line: SipLine | None = request.app.state.sip
    found = line.dialled(key) if line is not None else None
    return JSONResponse(found.model_dump(mode="json")) if found is not None else problem(404, "no such placed call")


ROUTES: Final = (
    Route("/v1/dial", dial, methods=["POST"]),
    Route("/v1/dial/{key}", dialled),
)
