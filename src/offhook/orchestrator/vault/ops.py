"""Sealing secrets."""

from __future__ import annotations

from offhook.errors import ConfigError
from offhook.orchestrator.scope import PlatformScope, TenantScope
from offhook.orchestrator.services import Clock
from offhook.orchestrator.settings import OrchestratorSettings


class Vault:
    """See ``services.Vault``."""

    def __init__(self, settings: OrchestratorSettings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock

    async def seal(self, scope: TenantScope | PlatformScope, place: str, secret: bytes) -> bytes:  # noqa: ARG002
        """The secret, sealed."""
        raise ConfigError("no master key: set OFFHOOK_ORCHESTRATOR_MASTER_KEYS")

    async def open(self, scope: TenantScope | PlatformScope, place: str, sealed: bytes) -> bytes:  # noqa: ARG002
        """The secret again."""
        raise ConfigError("no master key: set OFFHOOK_ORCHESTRATOR_MASTER_KEYS")
