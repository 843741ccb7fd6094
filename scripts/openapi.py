"""Write the OpenAPI documents under docs/reference/openapi, or with ``--check`` fail where they are out of date."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from offhook.contracts.events import ToolRequest, event_adapter
from offhook.contracts.plan import PlanRequest
from offhook.orchestrator.app import create_app
from offhook.orchestrator.kit.once import LONGEST
from offhook.orchestrator.settings import OrchestratorSettings

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "reference" / "openapi"


def orchestrator() -> dict[str, Any]:
    """The orchestrator's document, with the bodies that it reads itself because their signatures come first."""
    settings = OrchestratorSettings(secret="not a secret: only the routes are looked at", database_url="postgresql://nowhere/none")  # noqa: S106
    app = create_app(settings)
    document = app.openapi()
    _once(app, document)
    schemas = document["components"]["schemas"]
    bodies: tuple[tuple[str, TypeAdapter[Any]], ...] = (
        ("PlanRequest", TypeAdapter(PlanRequest)),
        ("ToolRequest", TypeAdapter(ToolRequest)),
        ("AnyEvent", event_adapter),
    )
    for name, adapter in bodies:
        schema = adapter.json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(schema.pop("$defs", {}))
        schemas[name] = schema
    # By name, so that a new one moves no other; fields in the order of the code, where what matters comes first.
    document["paths"] = dict(sorted(document["paths"].items()))
    document["components"]["schemas"] = dict(sorted(schemas.items()))
    return document


def _once(app: FastAPI, document: dict[str, Any]) -> None:
    """Routes that heed Idempotency-Key say so; they read it from the request themselves."""
    header = {
        "in": "header",
        "name": "Idempotency-Key",
        "required": False,
        "description": "The same request with the same key has one effect, however often it is sent.",
        "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST},
    }
    once = {route.unique_id for route in _routes(app.routes) if getattr(route.endpoint, "once", False)}
    for item in document["paths"].values():
        for operation in item.values():
            if operation["operationId"] in once:
                operation.setdefault("parameters", []).append(header)


def _routes(routes: Iterable[object]) -> Iterator[APIRoute]:
    """All routes, those of routers within routers too."""
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        yield from _routes(getattr(getattr(route, "original_router", None), "routes", ()))


def main() -> int:
    path = FOLDER / "orchestrator.json"
    text = json.dumps(orchestrator(), indent=2) + "\n"
    if "--check" in sys.argv:
        current = path.read_text(encoding="utf-8") if path.exists() else ""
        if current != text:
            print(f"{path} is out of date: run scripts/openapi.py")
            return 1
        return 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
