"""Whose data a piece of code may touch. A repository is built with a scope or not at all.

Each scope is one transaction in a database role of its own (``migrations.tenancy``), so that a query that forgets its tenant finds
nothing rather than everything.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True)
class TenantScope:
    """One transaction on behalf of one tenant; made by ``Database.tenant`` only. Every query of a repository names ``tenant``."""

    session: AsyncSession
    tenant: str


@dataclass(frozen=True, slots=True)
class ResellerScope:
    """One transaction on behalf of one reseller: its own record, its team, and the list of its tenants; none of their data."""

    session: AsyncSession
    reseller: str


@dataclass(frozen=True, slots=True)
class PlatformScope:
    """One transaction over the directory: whose a number, a token, a key or a session is. It reads no tenant's calls or customers."""

    session: AsyncSession


class Repo:
    """Base of every repository of a tenant."""

    def __init__(self, scope: TenantScope) -> None:
        self._session = scope.session
        self._tenant = scope.tenant


class ResellerRepo:
    """Base of every repository of a reseller."""

    def __init__(self, scope: ResellerScope) -> None:
        self._session = scope.session
        self._reseller = scope.reseller


class PlatformRepo:
    """Base of every repository of the directory."""

    def __init__(self, scope: PlatformScope) -> None:
        self._session = scope.session
