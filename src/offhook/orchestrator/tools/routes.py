"""POST /v1/tools/{tool}."""

from __future__ import annotations

from fastapi import APIRouter, Request
from pydantic import TypeAdapter

from offhook.contracts.events import ToolAnswer, ToolRequest
from offhook.errors import Invalid
from offhook.orchestrator.access import Given, SignedBody, parse
from offhook.orchestrator.errors import Problem
from offhook.orchestrator.tools import ops

router = APIRouter(prefix="/v1/tools", tags=["engine"])
_request: TypeAdapter[ToolRequest] = TypeAdapter(ToolRequest)


@router.post(
    "/{tool}",
    responses={401: {"model": Problem}, 404: {"model": Problem}, 422: {"model": Problem}},
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ToolRequest"}}}}
    },
)
async def run_tool(tool: str, request: Request, body: SignedBody, given: Given) -> ToolAnswer:
    """Run a tool in a call. Signed. A repeated ``key`` is answered as the first time, without a second effect."""
    asked = parse(_request, body)
    if asked.tool != tool:
        raise Invalid("the tool in the address is not the tool in the body")
    if request.headers.get("idempotency-key", asked.key) != asked.key:
        raise Invalid("Idempotency-Key is not the body's key")
    return await ops.run(given, asked)
