"""Errors on the wire: RFC 9457 problem documents made of DomainErrors."""

from __future__ import annotations

import math
from collections.abc import Sequence

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from offhook.errors import DomainError, Fault, Invalid, RemoteWireError, TooManyRequests

MOST: int = 50
"""Faults that one answer names."""


class FieldProblem(BaseModel):
    """What is wrong with one field: its path in the document, and the line where the document was text."""

    path: str
    message: str
    line: int | None = None


class Problem(BaseModel):
    """What a refused request is answered with (RFC 9457); ``type`` is stable, ``title`` is for people."""

    type: str
    title: str
    status: int
    errors: list[FieldProblem] = []


def answer(status: int, code: str, title: str, faults: Sequence[Fault] = (), headers: dict[str, str] | None = None) -> JSONResponse:
    """A problem document."""
    fields = [FieldProblem(path=one.path, message=one.message, line=one.line) for one in faults[:MOST]]
    problem = Problem(type=f"urn:offhook:problem:{code}", title=title, status=status, errors=fields)
    return JSONResponse(problem.model_dump(mode="json", exclude_none=True), status, headers, media_type="application/problem+json")


def faults_of(error: ValidationError | RequestValidationError, *, skip: int = 0) -> tuple[Fault, ...]:
    """Which fields are wrong and how, without their values. ``skip`` leaves out that many leading parts of the paths."""
    return tuple(Fault(".".join(str(part) for part in one["loc"][skip:]), one["msg"]) for one in error.errors())


def describe(error: ValidationError | RequestValidationError) -> str:
    """The first faults in one sentence."""
    return "the request is not as it should be: " + "; ".join(f"{one.path}: {one.message}" for one in faults_of(error)[:5])


def install(app: FastAPI) -> None:
    """Map the errors that routes let through."""

    @app.exception_handler(DomainError)
    async def domain(_: Request, error: DomainError) -> JSONResponse:
        headers = {"Retry-After": str(math.ceil(error.retry.after))} if isinstance(error, TooManyRequests) and error.retry.after else None
        return answer(error.status, error.code, error.public, error.faults if isinstance(error, Invalid) else (), headers)

    @app.exception_handler(RemoteWireError)
    async def unsigned(_: Request, error: RemoteWireError) -> JSONResponse:
        return answer(401, "unsigned", error.public)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        # The first part of a place is where it came from (body, query, path); a body's fields are named as the document names them.
        faults = tuple(Fault(one.path.removeprefix("body."), one.message) for one in faults_of(error))
        return answer(Invalid.status, Invalid.code, describe(error), faults)

    @app.exception_handler(HTTPException)
    async def plain(_: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == 400:  # FastAPI's word for a body that does not even parse
            return answer(Invalid.status, Invalid.code, "the body cannot be read", (Fault("body", str(error.detail)),))
        codes = {404: "not_found", 405: "method_not_allowed"}
        headers = dict(error.headers or {})
        return answer(error.status_code, codes.get(error.status_code, "refused"), str(error.detail), headers=headers)

    @app.exception_handler(OperationalError)
    async def no_database(_: Request, error: OperationalError) -> JSONResponse:  # noqa: ARG001
        return answer(503, "unavailable", "the database cannot be reached")

    @app.exception_handler(DataError)
    async def unstorable(_: Request, error: DataError) -> JSONResponse:  # noqa: ARG001
        return answer(Invalid.status, Invalid.code, "the request holds a character or a number that cannot be stored")

    @app.exception_handler(PoolTimeout)
    async def busy(_: Request, error: PoolTimeout) -> JSONResponse:  # noqa: ARG001
        return answer(503, "unavailable", "too many requests at once")
