"""Placing calls over trunks: ``POST /v1/dial``, ``GET`` and ``DELETE /v1/dial/{key}``, signed like everything that steers an engine."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from offhook.contracts.dial import Dial, Dialled
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
    if asked.boot not in {"", line.boot}:
        return problem(410, "this engine was started anew: what was asked of it before is not known")
    return JSONResponse((await line.place(asked)).model_dump(mode="json"), status_code=202)


async def dialled(request: Request) -> Response:
    """GET /v1/dial/{key}: how far a placed call is, or 404."""
    key = request.path_params["key"]
    refusal = refused(request.app.state.engine, request.headers, "dialled", key, b"", datetime.now(UTC).timestamp())
    if refusal is not None:
        return refusal
    line: SipLine | None = request.app.state.sip
    return _told(line.placed.get(key) if line is not None else None)


async def cancel(request: Request) -> Response:
    """DELETE /v1/dial/{key}: a placed call rings no more; how far it is, as it may have been answered."""
    key = request.path_params["key"]
    refusal = refused(request.app.state.engine, request.headers, "cancel", key, b"", datetime.now(UTC).timestamp())
    if refusal is not None:
        return refusal
    line: SipLine | None = request.app.state.sip
    return _told(await line.cancel(key) if line is not None else None)


def _told(found: Dialled | None) -> Response:
    return JSONResponse(found.model_dump(mode="json")) if found is not None else problem(404, "no such placed call")


ROUTES: Final = (
    Route("/v1/dial", dial, methods=["POST"]),
    Route("/v1/dial/{key}", dialled, methods=["GET"]),
    Route("/v1/dial/{key}", cancel, methods=["DELETE"]),
)
