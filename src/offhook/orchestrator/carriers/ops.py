"""One-time tokens: single use, short-lived, bound to the carrier's call, stored as digests."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Final

from offhook.orchestrator.audit import ops as audit
from offhook.orchestrator.carriers.repo import OldLegs, TokenRepo, Tokens
from offhook.orchestrator.carriers.schemas import Redeemed
from offhook.orchestrator.hooks import ops as hooks
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.scope import PlatformScope, TenantScope
from offhook.orchestrator.services import Services

KEPT: Final = timedelta(days=30)
"""How long a call that was placed can be told from another attempt."""


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


async def mint(
    scope: TenantScope, carrier_call: str, did: str, caller: str, now: datetime, ttl: int, prefix: str = "", token: str = ""
) -> str:
    """A new token for the media of this carrier call, good for ``ttl`` seconds; ``prefix`` says what kind of call it is.

    ``token``: one of another shape, as hard to guess.
    """
    token = token or prefix + secrets.token_urlsafe(24)
    await TokenRepo(scope).add(_digest(token), carrier_call, did, caller, now + timedelta(seconds=ttl))
    return token


async def redeem(scope: PlatformScope, token: str, carrier_call: str, call: str, now: datetime) -> Redeemed | None:
    """Use a token up. The same call may ask again (its answer may have been lost)."""
    return await Tokens(scope).redeem(_digest(token), carrier_call, call, now)


async def turned_away(given: Services, token: str, carrier_call: str, now: datetime) -> None:
    """Media has come with a token that is not good: counted at its number and audited, where it was ever anybody's."""
    async with given.database.platform() as platform:
        found = await Tokens(platform).whose(_digest(token), carrier_call, now) if token else None
    if found is None:
        return
    tenant, did, why = found
    async with given.database.tenant(tenant) as scope:
        number = await numbers.of_did(scope, did)
        if number is not None:
            await numbers.refused(scope, number.id, "bad_token", now)
        await audit.record(scope, now, hooks.SYSTEM, "media.refused", number.id if number is not None else "", {"reason": why})


async def sweep(scope: PlatformScope, now: datetime) -> None:
    """Forget tokens that nobody can use any more, and calls placed long ago, of all tenants."""
    await Tokens(scope).sweep(now - timedelta(hours=1))
    await OldLegs(scope).sweep(now - KEPT)
