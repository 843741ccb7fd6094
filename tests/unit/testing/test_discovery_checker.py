"""The checker of Google's documents finds what is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.conformance.discovery import Discovery

from offhook.testing.business.base import FaultKind, Seen

DOCUMENT = {
    "servicePath": "shop/v1/",
    "parameters": {"alt": {"type": "string", "location": "query", "enum": ["json"]}},
    "schemas": {
        "Time": {"type": "object", "properties": {"at": {"type": "string", "format": "date-time"}}},
        "Thing": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "annotations": {"required": ["shop.things.insert"]}},
                "made": {"type": "string", "format": "date-time", "description": "When it was made. Read-only."},
                "when": {"$ref": "Time"},
                "count": {"type": "integer", "format": "int32"},
                "size": {"type": "string", "format": "int64"},
                "ok": {"type": "boolean"},
                "tags": {"type": "array", "items": {"type": "string"}},
                "notes": {"type": "object", "additionalProperties": {"type": "string"}},
            },
        },
    },
    "resources": {
        "things": {
            "methods": {
                "insert": {
                    "id": "shop.things.insert",
                    "scopes": ["write", "all"],
                    "httpMethod": "POST",
                    "path": "shelves/{shelf}/things",
                    "parameters": {
                        "shelf": {"type": "string", "location": "path", "required": True},
                        "most": {"type": "integer", "location": "query", "minimum": "1"},
                        "loud": {"type": "boolean", "location": "query"},
                        "kind": {"type": "string", "location": "query", "repeated": True, "pattern": "^[a-z]+$"},
                    },
                    "request": {"$ref": "Thing"},
                    "response": {"$ref": "Thing"},
                },
                "delete": {"id": "shop.things.delete", "httpMethod": "DELETE", "path": "shelves/{shelf}/things/{thing}", "parameters": {}},
            }
        }
    },
}


def said(
    body: object,
    reply: object = None,
    *,
    query: str = "",
    status: int = 200,
    method: str = "POST",
    path: str = "/shop/v1/shelves/a@b/things",
    fault: FaultKind | None = None,
    kind: str = "application/json",
) -> list[str]:
    sent = b"" if body is None else json.dumps(body).encode()
    got = json.dumps({} if reply is None else reply).encode() if reply != "" else b""
    url = f"https://shop.example{path}" + (f"?{query}" if query else "")
    return Discovery(DOCUMENT).check(Seen(method, url, {"content-type": kind}, sent, status, {}, got, fault))


def test_what_is_as_described_is_well() -> None:
    thing = {"name": "x", "when": {"at": "2031-02-06T13:30:00Z"}, "count": 3, "size": "12", "ok": True, "tags": ["a"], "notes": {"b": "c"}}
    assert said(thing, {**thing, "made": "2031-02-06T13:30:00.000Z"}, query="alt=json&most=2&loud=true&kind=a&kind=b") == []
    assert said({"name": "x"}, {"error": {"code": 409, "errors": [{"reason": "duplicate"}]}}, status=409) == []
    assert said({"name": "x"}, "no such form", status=500, fault="500") == []


@pytest.mark.parametrize(
    ("body", "options", "found"),
    [
        ({"name": "x"}, {"path": "/shop/v1/elsewhere"}, "no such method"),
        ({"name": "x"}, {"method": "PUT"}, "no such method"),
        ({"name": "x"}, {"query": "colour=red"}, "unknown parameter colour"),
        ({"name": "x"}, {"query": "most=0"}, "out of bounds"),
        ({"name": "x"}, {"query": "most=many"}, "no integer"),
        ({"name": "x"}, {"query": "most=1&most=2"}, "more than once"),
        ({"name": "x"}, {"query": "loud=yes"}, "no boolean"),
        ({"name": "x"}, {"query": "kind=A"}, "not of its pattern"),
        ({"name": "x"}, {"query": "alt=xml"}, "not one of the values"),
        ({"name": "x"}, {"kind": "text/plain"}, "not said to be JSON"),
        ({}, {}, "request.name: is required"),
        ({"name": 1}, {}, "no string"),
        ({"name": "x", "made": "2031-02-06T13:30:00Z"}, {}, "read only"),
        ({"name": "x", "when": {"at": "2031-02-06T13:30:00"}}, {}, "without an offset"),
        ({"name": "x", "when": {"at": "soon"}}, {}, "no date-time"),
        ({"name": "x", "when": {"att": ""}}, {}, "is not described"),
        ({"name": "x", "count": True}, {}, "no integer"),
        ({"name": "x", "size": str(2**70)}, {}, "out of bounds"),
        ({"name": "x", "ok": "true"}, {}, "no boolean"),
        ({"name": "x", "tags": "a"}, {}, "no array"),
        ({"name": "x", "tags": [1]}, {}, "no string"),
        ({"name": "x", "notes": {"b": 1}}, {}, "no string"),
        ({"name": "x", "more": 1}, {}, "is not described"),
        ([], {}, "no object"),
        ({"name": "x"}, {"reply": {"name": None}}, "reply.name: no string"),
        ({"name": "x"}, {"reply": {"error": "no"}, "status": 400}, "not in the form of errors"),
        ({"x": 1}, {"method": "DELETE", "path": "/shop/v1/shelves/a/things/b", "status": 204, "reply": ""}, "a body that is not described"),
        (None, {"method": "DELETE", "path": "/shop/v1/shelves/a/things/b", "reply": {"a": 1}}, "a reply that is not described"),
    ],
)
def test_what_is_not_as_described_is_found(body: object, options: dict[str, Any], found: str) -> None:
    assert any(found in one for one in said(body, **options))


def test_a_method_that_the_connection_may_not_call_is_found() -> None:
    seen = Seen(
        "POST", "https://shop.example/shop/v1/shelves/a/things", {"content-type": "application/json"}, b'{"name": "x"}', 200, {}, b"{}"
    )
    assert Discovery(DOCUMENT).check(seen, frozenset({"read", "write"})) == []
    assert Discovery(DOCUMENT).check(seen, frozenset({"read"})) == ["shop.things.insert: needs another scope"]
