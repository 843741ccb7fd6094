"""What other domains ask of people."""

from __future__ import annotations

from offhook.orchestrator.people.ops.sessions import session_principal
from offhook.orchestrator.people.ops.setup import setup_link
from offhook.orchestrator.people.repo import Directory
from offhook.orchestrator.scope import PlatformScope
from offhook.orchestrator.services import Services

__all__ = ["forget_unattached", "session_principal", "setup_link"]


async def forget_unattached(scope: PlatformScope, given: Services) -> int:
    """Erase accounts without any membership, as after a tenant's erasure; returns how many."""
    return await Directory(scope).drop_unattached(given.clock())
