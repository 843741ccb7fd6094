"""The API's description (OpenAPI): FastAPI's, and what it cannot know: bodies that are read after their signature, problem documents,
``Idempotency-Key``.
"""

from __future__ import annotations

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import iter_route_contexts
from pydantic import TypeAdapter

from offhook.contracts.dial import Dialled
from offhook.contracts.events import ToolRequest, event_adapter
from offhook.contracts.plan import PlanRequest
from offhook.contracts.trunks import TrunkReport
from offhook.orchestrator.errors import Problem
from offhook.orchestrator.kit.once import LONGEST

_PROBLEMS: Final = {
    "401": "Nobody known asks.",
    "403": "Seen, but not permitted.",
    "404": "No such thing, or not yours to see.",
    "409": "The state of things does not allow it.",
    "412": "Somebody else has changed it in between.",
    "422": "The request is wrong; `errors` says where.",
    "428": "Say which revision this changes, by If-Match.",
    "429": "Too many requests; Retry-After says when there is room.",
    "503": "What the request needs does not answer.",
}
_BODIES: Final[tuple[tuple[str, TypeAdapter[Any]], ...]] = (
    ("PlanRequest", TypeAdapter(PlanRequest)),
    ("ToolRequest", TypeAdapter(ToolRequest)),
    ("AnyEvent", event_adapter),
    ("TrunkReport", TypeAdapter(TrunkReport)),
    ("Dialled", TypeAdapter(Dialled)),
)


def install(app: FastAPI) -> None:
    """Let the app describe itself in full, at /openapi.json too."""

    def openapi() -> dict[str, Any]:
        if not app.openapi_schema:
            app.openapi_schema = _describe(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _describe(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, routes=app.routes, separate_input_output_schemas=app.separate_input_output_schemas
    )
    schemas = document["components"]["schemas"]
    for name, adapter in (*_BODIES, ("Problem", TypeAdapter(Problem))):
        schema = adapter.json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(schema.pop("$defs", {}))
        schemas[name] = schema
    _problems(document)
    _once(app, document)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    # By name, so that a new one moves no other; fields in the order of the code, where what matters comes first.
    document["paths"] = dict(sorted(document["paths"].items()))
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    return document


def _problems(document: dict[str, Any]) -> None:
    """Every refusal is a problem document. A route may say of a status what it means there."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for item in document["paths"].values():
        for operation in item.values():
            responses = operation["responses"]
            for status, words in _PROBLEMS.items():
                declared = responses.get(status, {})
                schema = declared.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
                if status in responses and schema and not schema.endswith(("/Problem", "/HTTPValidationError")):
                    continue
                said = declared.get("description", "")
                fixed = said in {"", "Validation Error", "Not Found", "Conflict", "Unauthorized", "Forbidden", "Unprocessable Content"}
                responses[status] = {"description": words if fixed else said, "content": content}
            operation["responses"] = dict(sorted(responses.items()))


def _once(app: FastAPI, document: dict[str, Any]) -> None:
    """Routes that heed Idempotency-Key say so; they read it from the request themselves."""
    header = {
        "in": "header",
        "name": "Idempotency-Key",
        "required": False,
        "description": "The same request with the same key has one effect, however often it is sent.",
        "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST},
    }
    for route in iter_route_contexts(app.routes):
        if getattr(getattr(route, "endpoint", None), "once", False):
            for method in route.methods or ():
                document["paths"][route.path_format][method.lower()].setdefault("parameters", []).append(header)
