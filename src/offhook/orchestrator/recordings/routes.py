"""Taking recordings in, and listening to them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import TypeAdapter
from starlette.requests import ClientDisconnect

from offhook import signing
from offhook.contracts.handover import HEADER, HandedOver, Handover
from offhook.errors import Invalid
from offhook.orchestrator.access import Given, parse
from offhook.orchestrator.auth.access import TenantAccess, in_tenant
from offhook.orchestrator.errors import Problem
from offhook.orchestrator.recordings import ops, serving
from offhook.orchestrator.recordings.schemas import Waveform
from offhook.orchestrator.recordings.waveform import BUCKETS

engine = APIRouter(prefix="/v1", tags=["engine"])
router = APIRouter(prefix="/v1/tenants/{tenant}/calls/{call}", tags=["recordings"])
Reading = Annotated[TenantAccess, in_tenant("calls.read")]
CallIn = Annotated[str, Path(max_length=128)]
PROBLEM: dict[str, Any] = {"model": Problem}
LINES: Final = "application/jsonl"
_BYTES: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {serving.SOUND: _BYTES}},
    206: {"content": {serving.SOUND: _BYTES}, "description": "The part that was asked for."},
    404: PROBLEM,
    416: PROBLEM,
}
_handover: TypeAdapter[Handover] = TypeAdapter(Handover)


def _handed_over(
    request: Request,
    given: Given,
    encoded: Annotated[str, Header(alias=HEADER, description="A Handover as JSON, in base64. It is what the signature is over.")] = "",
) -> Handover:
    try:
        manifest = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        manifest = b""
    signing.verify(given.settings.secrets, request.headers, manifest, given.clock().timestamp(), given.settings.tolerance_s)
    return parse(_handover, manifest)


@engine.post(
    "/recordings",
    responses={401: PROBLEM, 409: PROBLEM, 422: PROBLEM},
    openapi_extra={"requestBody": {"required": True, "content": {"application/octet-stream": _BYTES}}},
)
async def hand_over(request: Request, given: Given, one: Annotated[Handover, Depends(_handed_over)]) -> HandedOver:
    """Take a call's recording or trace from its engine, which keeps it until this has been answered. Signed."""
    return await ops.receive(given, one, _body(request))


async def _body(request: Request) -> AsyncIterator[bytes]:
    try:
        async for piece in request.stream():
            yield piece
    except ClientDisconnect as error:
        raise Invalid("the body ends early") from error


@router.get("/recording", response_class=StreamingResponse, responses=_FILE)
async def fetch_recording(
    call: CallIn,
    access: Reading,
    wanted: Annotated[str | None, Header(alias="Range", description="One range of bytes.")] = None,
    if_range: Annotated[str | None, Header()] = None,
    download: Annotated[bool, Query(description="Save it rather than play it.")] = False,
) -> Response:
    """A call's recording as FLAC, left the caller and right the agent; whole or in part. Who listens is written down."""
    return await serving.sound(access, call, wanted, if_range, download=download)


@router.head("/recording", response_class=Response, responses={404: PROBLEM})
async def head_recording(call: CallIn, access: Reading) -> Response:
    """How large a call's recording is, and that parts of it can be had."""
    view, _ = await ops.fetch(access.given, access.scope, call, "recording")
    return Response(None, 200, serving.headers(call, view, None, download=False), serving.SOUND)


@router.get("/voice-message", response_class=StreamingResponse, responses=_FILE)
async def fetch_voice_message(
    call: CallIn,
    access: Reading,
    wanted: Annotated[str | None, Header(alias="Range", description="One range of bytes.")] = None,
    if_range: Annotated[str | None, Header()] = None,
    download: Annotated[bool, Query(description="Save it rather than play it.")] = False,
) -> Response:
    """The message that the caller left where the call could not go on, as FLAC; whole or in part. Who listens is written down."""
    return await serving.sound(access, call, wanted, if_range, download=download, kind="message")


@router.head("/voice-message", response_class=Response, responses={404: PROBLEM})
async def head_voice_message(call: CallIn, access: Reading) -> Response:
    """How large the message of a call is, and that parts of it can be had."""
    view, _ = await ops.fetch(access.given, access.scope, call, "message")
    return Response(None, 200, serving.headers(call, view, None, download=False), serving.SOUND)


@router.get("/peaks", responses={404: PROBLEM, 409: PROBLEM})
async def show_peaks(
    call: CallIn,
    access: Reading,
    resolution: Annotated[int, Query(ge=1, le=BUCKETS, description="At most so many values a side.")] = 1_000,
) -> Waveform:
    """The waveform of a call's recording, by side. 409 for the moment until it is ready."""
    return await ops.peaks(access.given, access.scope, call, resolution)


@router.get("/trace", response_class=StreamingResponse, responses={200: {"content": {LINES: {"schema": {"type": "string"}}}}, 404: PROBLEM})
async def fetch_trace(call: CallIn, access: Reading) -> StreamingResponse:
    """Every event of the call's turns and when it came, as JSON lines: `offhook replay` runs them again. Who reads it is written down."""
    view, stored = await ops.fetch(access.given, access.scope, call, "trace")
    await access.audit("call.trace.read", call)
    headers = {"Content-Disposition": f'attachment; filename="{call}.jsonl"', "Content-Length": str(view.size)}
    return StreamingResponse(stored.read(0, view.size - 1), 200, headers, LINES)


routers: tuple[APIRouter, ...] = (engine, router)
