"""Errors on the wire: RFC 9457 problem documents made of DomainErrors."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from offhook.errors import DomainError, Invalid, RemoteWireError


class Problem(BaseModel):
    """What a refused request is answered with."""

    type: str
    title: str
    status: int


def _answer(status: int, code: str, title: str) -> JSONResponse:
    problem = Problem(type=f"urn:offhook:problem:{code}", title=title, status=status)
    return JSONResponse(problem.model_dump(), status, media_type="application/problem+json")


def describe(error: ValidationError | RequestValidationError) -> str:
    """Which fields are wrong and how, without their values."""
    found = [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()[:5]]
    return "the request is not as it should be: " + "; ".join(found)


def install(app: FastAPI) -> None:
    """Map the errors that routes let through."""

    @app.exception_handler(DomainError)
    async def domain(_: Request, error: DomainError) -> JSONResponse:
        return _answer(error.status, error.code, error.public)

    @app.exception_handler(RemoteWireError)
    async def unsigned(_: Request, error: RemoteWireError) -> JSONResponse:
        return _answer(401, "unsigned", error.public)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        return _answer(Invalid.status, Invalid.code, describe(error))

    @app.exception_handler(OperationalError)
    async def no_database(_: Request, error: OperationalError) -> JSONResponse:  # noqa: ARG001
        return _answer(503, "unavailable", "the database cannot be reached")

    @app.exception_handler(DataError)
    async def unstorable(_: Request, error: DataError) -> JSONResponse:  # noqa: ARG001
        return _answer(Invalid.status, Invalid.code, "the request holds a character or a number that cannot be stored")

    @app.exception_handler(PoolTimeout)
    async def busy(_: Request, error: PoolTimeout) -> JSONResponse:  # noqa: ARG001
        return _answer(503, "unavailable", "too many requests at once")
