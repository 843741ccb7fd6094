"""What an agent may choose from in its tenant: providers that are installed and have an account where they need one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from anyio import to_thread

from offhook.orchestrator.agents.known import known
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.tenants import ops as tenants
from offhook.orchestrator.vendors import ops as vendors

KINDS: Final = ("stt", "tts", "llm")


@dataclass(frozen=True, slots=True)
class Offered:
    """A provider: its name, the voices that it names itself, and whether calls have an account for it (None: it needs none)."""

    name: str
    voices: tuple[str, ...]
    account: bool | None


async def providers(scope: TenantScope) -> dict[str, list[Offered]]:
    """By kind. One without an account is there too: an engine may have one of its own."""
    tenant = await tenants.get(scope)
    accounts = await vendors.places(scope, tenant.reseller_id)
    found = await to_thread.run_sync(known)
    made: dict[str, list[Offered]] = {}
    for kind in KINDS:
        for name, spec in sorted(found.providers.get(kind, {}).items()):
            if spec is not None:
                vendor = vendors.vendor_of(spec)
                made.setdefault(kind, []).append(Offered(name, tuple(spec.voices), None if vendor is None else vendor in accounts))
    return made
