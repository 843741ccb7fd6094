"""Placing a call once. No carrier here knows an idempotency key, so we keep the attempt before we ask.

The row of a key is committed first. A clear answer, or a webhook that names the key, gives it the carrier's id; a clear refusal takes it
away. Where the answer was lost, the same key looks in the carrier's list for a call between the two numbers since the attempt that no
other key has, and takes that. Only if there is none once ``SETTLE`` has passed is it placed again: a person's telephone may stay silent,
and never rings twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from offhook.errors import AdapterError, AdapterUnavailable, Retry
from offhook.orchestrator.carriers.repo import LegRepo
from offhook.orchestrator.carriers.rest.port import CarrierNumber, CarrierRest, NewLeg, PlacedCall, Standing
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services

SETTLE: Final = timedelta(seconds=45)
"""How long a request may still be on its way, or missing from the carrier's list: longer than any request lasts."""


async def placed(scope: TenantScope, key: str, call: str) -> bool:
    """A webhook has named the key and its call: what a lost answer would have said. False if the attempt has another, or is unknown."""
    return await LegRepo(scope).found(key, call)


class Kept:
    """A tenant's carrier account whose calls are placed once. Use it within no transaction."""

    def __init__(self, rest: CarrierRest, given: Services, tenant: str, account: str) -> None:
        self._rest = rest
        self._given = given
        self._tenant = tenant
        self._account = account

    @property
    def kind(self) -> str:
        """See CarrierRest."""
        return self._rest.kind

    async def place(self, leg: NewLeg) -> str:
        """See CarrierRest."""
        now = self._given.clock()
        async with self._given.database.tenant(self._tenant) as scope:
            new, begun, known, asked = await LegRepo(scope).begin(leg.key, self._account, leg.to, leg.caller_id, now)
        if known:
            return known
        if asked != self._account:  # that one alone can say whether it rings
            raise AdapterUnavailable(f"carrier/{self.kind}", "this call was asked of another account", retry=Retry(60.0))
        if not new:
            if call := await self._look(leg, begun):
                return call
            async with self._given.database.tenant(self._tenant) as scope:
                again = now - begun >= SETTLE and await LegRepo(scope).again(leg.key, begun, now)
            if not again:
                wait = max(1.0, (SETTLE - (now - begun)).total_seconds())
                raise AdapterUnavailable(f"carrier/{self.kind}", "it is not known yet whether this call was placed", retry=Retry(wait))
            begun = now
        try:
            call = await self._rest.place(leg)
        except AdapterUnavailable:
            if found := await self._look(leg, begun):
                return found
            raise
        except AdapterError:  # a clear no: nothing rings, and the same key may be tried again
            async with self._given.database.tenant(self._tenant) as scope:
                await LegRepo(scope).drop(leg.key)
            raise
        await self._keep(leg.key, call)
        return call

    async def _look(self, leg: NewLeg, begun: datetime) -> str:
        """The call of an attempt whose answer was lost: the oldest that no other key has. Empty if there is none to be seen."""
        try:
            calls = await self._rest.find(leg, begun)
        except AdapterError:
            return ""
        async with self._given.database.tenant(self._tenant) as scope:
            others = await LegRepo(scope).taken(self._account, [one.id for one in calls])
        for one in calls:
            if one.id not in others and await self._keep(leg.key, one.id):
                return one.id
        return ""

    async def _keep(self, key: str, call: str) -> bool:
        async with self._given.database.tenant(self._tenant) as scope:
            return await LegRepo(scope).found(key, call)

    async def hang_up(self, call: str) -> None:
        """See CarrierRest."""
        await self._rest.hang_up(call)

    async def redirect(self, call: str, url: str) -> None:
        """See CarrierRest."""
        await self._rest.redirect(call, url)

    async def send_keys(self, call: str, digits: str, then: str = "") -> None:
        """See CarrierRest."""
        await self._rest.send_keys(call, digits, then)

    async def find(self, leg: NewLeg, since: datetime) -> Sequence[PlacedCall]:
        """See CarrierRest."""
        return await self._rest.find(leg, since)

    async def numbers(self) -> list[CarrierNumber]:
        """See CarrierRest."""
        return await self._rest.numbers()

    async def number(self, id: str) -> CarrierNumber:
        """See CarrierRest."""
        return await self._rest.number(id)

    async def attach(self, number_id: str, voice_url: str) -> CarrierNumber:
        """See CarrierRest."""
        return await self._rest.attach(number_id, voice_url)

    async def standing(self) -> Standing:
        """See CarrierRest."""
        return await self._rest.standing()
