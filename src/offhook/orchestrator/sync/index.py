"""Who has a number in a system: most vendors cannot be asked that."""

from __future__ import annotations

from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.sync.context import one_each
from offhook.orchestrator.sync.repo import Known


async def lookup(scope: TenantScope, connection: str, phone: str) -> str | None:
    """The system's id of the only customer with this number (E.164); None where there is none, or several."""
    found = one_each(await Known(scope).by_phone(phone, connection))
    return found[0].id if found else None
