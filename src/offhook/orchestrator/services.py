"""What every route and job is given: settings, database, job queue, clock, secrets, mail, limits, business systems."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol, TypeAlias

from procrastinate import App as JobQueue

from offhook.errors import Retry, TooManyRequests
from offhook.orchestrator.db import Database
from offhook.orchestrator.kit.limits import Limiter
from offhook.orchestrator.scope import PlatformScope, TenantScope
from offhook.orchestrator.settings import OrchestratorSettings
from offhook.orchestrator.systems import Systems

Clock: TypeAlias = Callable[[], datetime]


def wall_clock() -> datetime:
    """The present, in UTC: the only place of the business side that reads a clock."""
    return datetime.now(UTC)


class Vault(Protocol):
    """Seals secrets with the key of the scope's owner; ``place`` says where the secret belongs and is bound to it."""

    async def seal(self, scope: TenantScope | PlatformScope, place: str, secret: bytes) -> bytes:
        """The secret, sealed."""
        ...

    async def open(self, scope: TenantScope | PlatformScope, place: str, sealed: bytes) -> bytes:
        """The secret again; an error if it was sealed for another owner or place."""
        ...


class Mail(Protocol):
    """Sends mail, later, by a job that joins the transaction of the scope."""

    async def send(self, scope: TenantScope | PlatformScope, to: str, subject: str, text: str) -> None:
        """Queue a mail."""
        ...


class Limits:
    """What one caller of the API may do in a while."""

    def __init__(self, settings: OrchestratorSettings, clock: Clock) -> None:
        self.requests = Limiter(clock, settings.requests_per_minute, 60.0, max(1, settings.requests_per_minute // 2))
        self.strangers = Limiter(clock, settings.bad_webhooks_per_minute, 60.0, max(1, settings.bad_webhooks_per_minute // 2))
        """By address: carriers' webhooks that nobody has signed."""
        self.visits = Limiter(clock, settings.visits_per_minute, 60.0, settings.visits_per_minute)
        """Calls that are begun from web sites, by address."""

    @staticmethod
    def refused(wait: float) -> TooManyRequests:
        """What to raise when there is no room for ``wait`` seconds."""
        return TooManyRequests("too many requests: wait and try again", retry=Retry(wait))


@dataclass(frozen=True, slots=True)
class Services:
    """Built once, in ``app.create_app`` or by a worker."""

    settings: OrchestratorSettings
    database: Database
    queue: JobQueue
    clock: Clock
    vault: Vault
    mail: Mail
    limits: Limits
    systems: Systems
