"""Who the caller is in a system: known from a call before, or from our index, else looked for there, else made."""

from __future__ import annotations

from dataclasses import dataclass, replace

from offhook.adapters.model import Customer, Ref
from offhook.adapters.port import Adapter, Manifest
from offhook.orchestrator.paperwork.plan import completed


@dataclass(frozen=True, slots=True)
class Caller:
    """What we know. ``key`` names the write that makes them, whichever call sends it; ``make`` where a stranger becomes a customer."""

    key: str
    id: str = ""
    url: str = ""
    make: bool = True


async def resolve(adapter: Adapter, manifest: Manifest, key: str, ours: Customer, known: Caller) -> Ref | None:
    """The customer; None for a stranger who is not to be made one."""
    if known.id:
        return Ref("customer", known.id, known.url)
    found = await _find(adapter, manifest, ours)
    if found is not None:
        more = completed(found, ours)
        if more is not None and "upsert_customer" in manifest.capabilities:
            await adapter.upsert_customer(f"{key}/complete", more)
        return Ref("customer", found.id, found.url)
    if not known.make:
        return None
    return await adapter.upsert_customer(known.key, replace(ours, id=""))


async def _find(adapter: Adapter, manifest: Manifest, ours: Customer) -> Customer | None:
    """By number, each that we have, then by e-mail address. Not by name: two people have the same one."""
    if "find_customer" not in manifest.capabilities:
        return None
    for phone in ours.phones:
        if (found := await adapter.find_customer(phone=phone)) is not None:
            return found
    return await adapter.find_customer(email=ours.email) if ours.email else None
