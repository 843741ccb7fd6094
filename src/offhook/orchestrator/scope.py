"""Whose data a piece of code may touch. A repository is built with a TenantScope or not at all."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True, slots=True)
class TenantScope:
    """One transaction on behalf of one tenant; made by ``Database.tenant`` only. Every query of a repository names ``tenant``."""

    session: AsyncSession
    tenant: str


@dataclass(frozen=True, slots=True)
class PlatformScope:
    """One transaction on behalf of nobody: to find out whose a number or a token is, and for what belongs to no tenant."""

    session: AsyncSession


class Repo:
    """Base of every repository."""

    def __init__(self, scope: TenantScope) -> None:
        self._session = scope.session
        self._tenant = scope.tenant
