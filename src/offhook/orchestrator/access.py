"""Requests of engines: signed, and no larger than a body may be. Everybody else: ``auth.access``."""

from __future__ import annotations

from typing import Annotated, TypeVar

from fastapi import Depends, Request
from pydantic import BaseModel, TypeAdapter, ValidationError

from offhook import signing
from offhook.errors import Invalid
from offhook.orchestrator.errors import describe, faults_of
from offhook.orchestrator.services import Services

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
MAX_BODY = 1_000_000


def services(request: Request) -> Services:
    """The app's services."""
    found: Services = request.app.state.services
    return found


Given = Annotated[Services, Depends(services)]


async def signed_body(request: Request, given: Given) -> bytes:
    """The body of a request that an engine has signed; RemoteWireError (401) otherwise."""
    declared = request.headers.get("content-length", "0")
    if not declared.isdigit() or int(declared) > MAX_BODY:
        raise Invalid("the body is too large")
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY:
            raise Invalid("the body is too large")
    signing.verify(given.settings.secrets, request.headers, body, given.clock().timestamp(), given.settings.tolerance_s)
    return body


SignedBody = Annotated[bytes, Depends(signed_body)]


def parse(adapter: TypeAdapter[T], body: bytes) -> T:
    """The body as its contract; Invalid says which fields are wrong."""
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        raise Invalid(describe(error), faults=faults_of(error)) from error
