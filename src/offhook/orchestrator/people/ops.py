"""What other domains ask of people."""

from __future__ import annotations

from offhook.orchestrator.auth.permissions import Principal
from offhook.orchestrator.services import Services


async def session_principal(given: Services, token: str, host: str) -> Principal | None:  # noqa: ARG001
    """Whose session this is; None for none."""
    return None
