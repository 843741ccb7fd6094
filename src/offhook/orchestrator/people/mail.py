"""Mail."""

from __future__ import annotations

from procrastinate import App as JobQueue

from offhook.errors import ConfigError
from offhook.orchestrator.scope import PlatformScope, TenantScope
from offhook.orchestrator.services import Clock
from offhook.orchestrator.settings import OrchestratorSettings


class Nowhere:
    """No mail is configured."""

    async def send(self, scope: TenantScope | PlatformScope, to: str, subject: str, text: str) -> None:  # noqa: ARG002
        """Say so."""
        raise ConfigError("no mail is configured")


def make_mail(settings: OrchestratorSettings, queue: JobQueue, clock: Clock) -> Nowhere:  # noqa: ARG001
    """The mail of these settings."""
    return Nowhere()
