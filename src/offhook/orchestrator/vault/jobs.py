"""Jobs of the vault."""

from __future__ import annotations

from procrastinate import App as JobQueue

from offhook.orchestrator.services import Services
from offhook.orchestrator.vault.ops import REWRAP, Vault


def register(queue: JobQueue, services: Services) -> None:
    """Make the jobs known to the queue."""

    # Hourly: whoever puts a new master key first in the settings need not remember anything else. Almost always there is nothing to do.
    @queue.periodic(cron="17 * * * *")
    @queue.task(name=REWRAP, queueing_lock=REWRAP)
    async def vault_rewrap(timestamp: int) -> None:  # noqa: ARG001 - when it was due
        if isinstance(services.vault, Vault):
            await services.vault.rewrap_all(services.database)
