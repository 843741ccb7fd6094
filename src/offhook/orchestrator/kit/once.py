"""``Idempotency-Key``: a request that is sent again has no second effect and is answered as the first time.

The answer is kept in the transaction of the effect itself, so there is no moment at which one exists without the other. A second
request with the key waits in the database until the first has been committed or rolled back.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import inspect
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, Final, ParamSpec, TypeVar, get_type_hints

from fastapi import Request, Response
from pydantic import TypeAdapter
from sqlalchemy import Index, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from offhook.errors import Conflict, Fault, Invalid
from offhook.orchestrator.db import Base
from offhook.orchestrator.scope import PlatformScope, ResellerScope, TenantScope

KEPT: Final = timedelta(hours=24)
LONGEST: Final = 200
P = ParamSpec("P")
R = TypeVar("R")


class IdempotencyRow(Base):
    """A request's key, what it asked, and how it was answered."""

    __tablename__ = "idempotency"
    __table_args__ = (Index(None, "made_at"),)

    owner: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str | None]
    reseller_id: Mapped[str | None]
    principal: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    status: Mapped[int | None]
    body: Mapped[str | None]
    made_at: Mapped[datetime]


def once(endpoint: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Let a route (with a parameter ``access``) heed Idempotency-Key. Put it below ``@router.post``."""
    return _once(endpoint, sealed=False)


def once_sealed(endpoint: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """The same for a tenant's route whose answer holds a secret: it is kept sealed with the tenant's key."""
    return _once(endpoint, sealed=True)


def takes_key(endpoint: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """Say of a route that it heeds Idempotency-Key by a function within that is ``once``: for one that begins before its transaction."""
    endpoint.__dict__["once"] = True
    return endpoint


def _once(endpoint: Callable[P, Awaitable[R]], *, sealed: bool) -> Callable[P, Awaitable[R]]:
    hints = get_type_hints(endpoint, include_extras=True)
    adapter: TypeAdapter[Any] = TypeAdapter(hints["return"])

    @functools.wraps(endpoint)
    async def wrapped(*args: P.args, **named: P.kwargs) -> R:
        access: Any = named["access"]
        request: Request = access.request
        key = request.headers.get("idempotency-key")
        if key is None:
            return await endpoint(*args, **named)
        if not 0 < len(key) <= LONGEST or not key.isprintable():
            raise Invalid("Idempotency-Key is not a key", faults=(Fault("header.Idempotency-Key", f"1 to {LONGEST} printable characters"),))
        keeper = _Keeper(access.scope, access.principal.id, key, access.given.clock())
        before = await keeper.claim(await _fingerprint(request))
        if before is not None:
            if before.status is None:
                return None  # type: ignore[return-value]
            body = before.body or ""
            if sealed:
                body = (await access.given.vault.open(access.scope, _place(key), base64.b64decode(body))).decode()
            return Response(body, before.status, {"Idempotent-Replayed": "true"}, "application/json")  # type: ignore[return-value]
        result = await endpoint(*args, **named)
        status = getattr(request.scope.get("route"), "status_code", None) or 200
        answer = adapter.dump_json(result)
        if sealed:
            answer = base64.b64encode(await access.given.vault.seal(access.scope, _place(key), answer))
        await keeper.keep(status, answer.decode())
        return result

    wrapped.__signature__ = inspect.signature(endpoint)  # type: ignore[attr-defined]
    wrapped.__dict__["once"] = True
    return wrapped


async def claimed(scope: TenantScope | ResellerScope | PlatformScope, principal: str, key: str, now: datetime) -> str | None:
    """For forms, whose key is in a field: what was answered the first time, or None for whoever is first."""
    before = await _Keeper(scope, principal, f"form/{key}"[:LONGEST], now).claim("form")
    return (before.body or "") if before else None


async def answered(scope: TenantScope | ResellerScope | PlatformScope, principal: str, key: str, now: datetime, body: str) -> None:
    """Keep the answer to the first; an id in it stands in quotes, so that erasing finds it."""
    await _Keeper(scope, principal, f"form/{key}"[:LONGEST], now).keep(303, body)


async def seen(access: Any, key: str) -> str | None:  # noqa: ANN401 - of a tenant, as the wrapper above has it
    """The same for a tenant's form whose answer is a secret: None the first time, else what ``remember`` kept of it ("" for nothing).

    To be called in what is undone if the form is refused, so that it may be sent again.
    """
    before = await claimed(access.scope, access.principal.id, key, access.given.clock())
    if not before:
        return before
    opened: bytes = await access.given.vault.open(access.scope, _place(key), base64.b64decode(before))
    return opened.decode()


async def remember(access: Any, key: str, text: str) -> None:  # noqa: ANN401 - as above
    """Keep what a form was answered with, sealed with the tenant's key."""
    sealed = await access.given.vault.seal(access.scope, _place(key), text.encode())
    await answered(access.scope, access.principal.id, key, access.given.clock(), base64.b64encode(sealed).decode())


async def forget(scope: TenantScope, id: str) -> None:
    """Drop the kept answers that tell of a thing of this id: they hold what has just been deleted."""
    mine = IdempotencyRow.tenant_id == scope.tenant
    await scope.session.execute(delete(IdempotencyRow).where(mine, IdempotencyRow.body.contains(f'"{id}"', autoescape=True)))


async def sweep(scope: TenantScope, now: datetime) -> None:
    """Drop a tenant's answers that are kept no longer."""
    old = IdempotencyRow.made_at < now - KEPT
    await scope.session.execute(delete(IdempotencyRow).where(IdempotencyRow.tenant_id == scope.tenant, old))


def _place(key: str) -> str:
    return f"idempotency/{key}"


class _Kept:
    __slots__ = ("body", "status")

    def __init__(self, status: int | None, body: str | None) -> None:
        self.status, self.body = status, body


class _Keeper:
    """One key in the scope's transaction."""

    def __init__(self, scope: TenantScope | ResellerScope | PlatformScope, principal: str, key: str, now: datetime) -> None:
        self._session = scope.session
        self._now = now
        self._tenant = scope.tenant if isinstance(scope, TenantScope) else None
        self._reseller = scope.reseller if isinstance(scope, ResellerScope) else None
        self._names = {"owner": self._tenant or self._reseller or "platform", "principal": principal, "key": key}

    async def claim(self, fingerprint: str) -> _Kept | None:
        """None to go ahead, else the first answer; Conflict if the key belongs to another request."""
        row = {**self._names, "tenant_id": self._tenant, "reseller_id": self._reseller, "fingerprint": fingerprint, "made_at": self._now}
        await self._session.execute(delete(IdempotencyRow).where(*self._where(), IdempotencyRow.made_at < self._now - KEPT))
        made = insert(IdempotencyRow).values(row).on_conflict_do_nothing().returning(IdempotencyRow.key)
        if (await self._session.execute(made)).first() is not None:
            return None
        query = select(IdempotencyRow.fingerprint, IdempotencyRow.status, IdempotencyRow.body).where(*self._where())
        found = (await self._session.execute(query)).one()
        if found.fingerprint != fingerprint:
            raise Conflict("this Idempotency-Key was used for another request")
        return _Kept(found.status, found.body)

    async def keep(self, status: int, body: str) -> None:
        """Remember the answer."""
        await self._session.execute(update(IdempotencyRow).where(*self._where()).values(status=status, body=body))

    def _where(self) -> list[Any]:
        return [getattr(IdempotencyRow, name) == value for name, value in self._names.items()]


async def _fingerprint(request: Request) -> str:
    text = f"{request.method} {request.url.path}?{request.url.query}\n".encode() + await request.body()
    return hashlib.sha256(text).hexdigest()
