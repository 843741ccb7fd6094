"""Asking an engine to place a call over a trunk, and to say how far it is. It rings once: one start of one engine is asked, by one key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from offhook.contracts.dial import Dial, Dialled
from offhook.orchestrator.carriers import ops as carriers
from offhook.orchestrator.carriers.rest.port import RING_S
from offhook.orchestrator.live import engines
from offhook.orchestrator.outgoing.keys import key_of
from offhook.orchestrator.outgoing.repo import OutgoingRepo
from offhook.orchestrator.outgoing.tables import OutgoingRow
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.trunks import ops as trunks

TOKEN_S: Final = RING_S + 60
"""How long the one-time token of a call's plan is good: for the ringing, and some more."""
PREFIX: Final = "out_"
"""What the one-time token of a call's media begins with."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An attempt as its engine is asked for it."""

    engine: str
    dial: Dial


async def chosen(scope: TenantScope, given: Services, row: OutgoingRow) -> bool:
    """Keep which engine places the attempt that goes on, before it is asked; False where none has the trunk. NotFound: nor will it."""
    for one in await trunks.placers(scope, row.trunk_id or "", given.clock()):
        if engines.reachable(given.settings, one.engine):
            await OutgoingRepo(scope).change(row.id, engine=one.engine, boot=one.boot, carrier_call=key_of(row.id, row.attempts))
            return True
    return False


async def asked(scope: TenantScope, given: Services, row: OutgoingRow) -> Asked:
    """What the chosen engine is asked, by the key that was kept with it. The token is of this asking: the first one is good."""
    key = row.carrier_call
    token = await carriers.mint(scope, key, row.did, row.to, given.clock(), TOKEN_S, PREFIX)
    ref = f"{scope.tenant}/{row.id}/{row.attempts}"
    dial = Dial(trunk=row.trunk_id or "", to=row.to, caller_id=row.did, token=token, key=key, ref=ref, boot=row.boot, timeout_s=RING_S)
    return Asked(row.engine, dial)


async def place(given: Services, one: Asked) -> Dialled | engines.Lost:
    """Ask for the call, in no transaction. Asked again, nothing rings again."""
    return await engines.dial(given, one.engine, one.dial)


async def look(given: Services, one: Asked, *, stop: bool) -> Dialled | engines.Lost:
    """How far it is; ``stop``: it is to ring no more."""
    return await engines.dialled(given, one.engine, one.dial.key, stop=stop)


def of_ref(ref: str) -> tuple[str, str, int] | None:
    """Tenant, call and attempt of what an engine tells."""
    tenant, _, rest = ref.partition("/")
    call, _, attempt = rest.partition("/")
    return (tenant, call, int(attempt)) if tenant and call and attempt.isascii() and attempt.isdigit() else None
