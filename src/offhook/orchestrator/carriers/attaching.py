"""Numbers at a carrier: which there are, whether they ring here, letting them ring here, and a call to prove it.

The self-test reads the number's configuration back from the carrier, then lets the carrier ring it from another number of the account.
The call is refused when it comes in (``rang``), so nobody answers and nobody pays; that it came, signed and for the right number, is the
proof. All of it talks to the carrier: use it within no transaction.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final

from offhook.errors import (
    AdapterError,
    AdapterNotFound,
    AdapterRateLimited,
    AdapterRejected,
    AdapterUnauthorized,
    AdapterUnavailable,
    Conflict,
    NotFound,
    Unreachable,
)
from offhook.orchestrator.agents import ops as agents
from offhook.orchestrator.carriers import accounts
from offhook.orchestrator.carriers.kinds import KINDS
from offhook.orchestrator.carriers.repo import CheckRepo
from offhook.orchestrator.carriers.rest.opening import rest
from offhook.orchestrator.carriers.rest.port import CarrierNumber, CarrierRest, NewLeg
from offhook.orchestrator.carriers.schemas import AccountTest, NumberAtCarrier, NumberCheck
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services

WAIT: Final = timedelta(seconds=60)
"""How long a self-test's call may take to come in."""
RING_S: Final = 20
NO_CALL: Final = "the carrier rang the number, and no call came in: look at the number in the carrier's console"


async def listed(given: Services, tenant: str, account: str) -> list[NumberAtCarrier]:
    """The numbers that the account has, by number; NotFound, Conflict, Unreachable."""
    async with asked(given, tenant, account) as carrier:
        found = await carrier.numbers()
    return [await _view(given, tenant, account, one) for one in sorted(found, key=lambda one: one.did)]


async def test(given: Services, tenant: str, account: str) -> AccountTest:
    """Whether an account can be used: what stands in its way here, else what its carrier says to one cheap request; NotFound."""
    async with given.database.tenant(tenant) as scope:
        kind = (await accounts.show(scope, given, account)).kind
        faults = await accounts.faults(scope, given, account)
    if not faults and KINDS[kind].asked:
        try:
            async with rest(given, tenant, account) as carrier:
                standing = await carrier.standing()
            faults += [] if standing.ok else [standing.note]
        except AdapterError as error:
            faults.append(error.public)
    return AccountTest(ok=not faults, faults=faults)


async def attach(given: Services, tenant: str, account: str, number: str, agent: str) -> NumberAtCarrier:
    """Let a number of the account ring here, at an agent, and test it. The number is made here first: the next call may come at once."""
    url = await _url(given, tenant, account)
    async with asked(given, tenant, account) as carrier:
        there = await carrier.number(number)
        async with given.database.tenant(tenant) as scope:
            await agents.need_in_use(scope, agent)
            before = await numbers.of_did(scope, there.did)
            made = await numbers.attach(scope, there.did, agent, account, there.label, given.clock())
        try:
            await carrier.attach(number, url)
        except (AdapterRejected, AdapterUnauthorized, AdapterNotFound):
            if before is None:  # a clear no: there is nothing that would ring here
                async with given.database.tenant(tenant) as scope:
                    await numbers.delete(scope, made.id)
            raise
        return await _test(given, tenant, account, carrier, number)


async def self_test(given: Services, tenant: str, account: str, number: str) -> NumberAtCarrier:
    """Read a number back, and let the carrier ring it; NotFound, Conflict, Unreachable. The call comes in a moment later, if it does."""
    async with asked(given, tenant, account) as carrier:
        return await _test(given, tenant, account, carrier, number)


async def rang(scope: TenantScope, did: str, caller: str, now: datetime) -> bool:
    """A call has come in: True if it is a self-test's, which has passed with it and is to be refused."""
    return await CheckRepo(scope).rang(did, caller, now - WAIT, now)


async def _test(given: Services, tenant: str, account: str, carrier: CarrierRest, number: str) -> NumberAtCarrier:
    there = await carrier.number(number)
    now, caller = given.clock(), ""
    fault = await _fault(given, tenant, account, there)
    if not fault:
        caller = await _caller(carrier, there)
    state = "failed" if fault else "ringing" if caller else "set"
    async with given.database.tenant(tenant) as scope:
        await CheckRepo(scope).keep(account, there.id, there.did, state, fault, caller, now)
    if caller:
        hang_up = f"{given.settings.public_url.rstrip('/')}/carriers/{carrier.kind}/hang-up"
        leg = NewLeg(there.did, caller, hang_up, "", f"self-test.{account}.{there.id}.{now.timestamp():.0f}", timeout_s=RING_S)
        try:
            await carrier.place(leg)
        except AdapterError as error:
            async with given.database.tenant(tenant) as scope:
                await CheckRepo(scope).not_rung(account, there.id, f"the carrier did not ring it: {error.public}")
    return await _view(given, tenant, account, there)


async def _fault(given: Services, tenant: str, account: str, there: CarrierNumber) -> str:
    """Why the carrier would not bring calls of this number here; empty if it would."""
    if await _url(given, tenant, account) != there.voice_url:
        return f"the number is answered by {there.used_by or 'another address'} at the carrier"
    async with given.database.tenant(tenant) as scope:
        here = await numbers.of_did(scope, there.did)
    if here is None or here.carrier_account_id != account:
        return "the number is not one of this account's numbers here"
    return "" if here.enabled else "the number is turned off here"


async def _caller(carrier: CarrierRest, there: CarrierNumber) -> str:
    """Another number of the account, to ring from; empty where there is none, or the account may not place calls."""
    if not (await carrier.standing()).places_calls:
        return ""
    return next((one.did for one in await carrier.numbers() if one.did != there.did), "")


async def _url(given: Services, tenant: str, account: str) -> str:
    async with given.database.tenant(tenant) as scope:
        url = (await accounts.show(scope, given, account)).voice_url
    if not url:
        raise Conflict("this installation has no public address that the carrier could ring")
    return url


async def _view(given: Services, tenant: str, account: str, there: CarrierNumber) -> NumberAtCarrier:
    async with given.database.tenant(tenant) as scope:
        url = (await accounts.show(scope, given, account)).voice_url
        here = await numbers.of_did(scope, there.did)
        check = await CheckRepo(scope).get(account, there.id)
    mine = here if here is not None and here.carrier_account_id == account else None
    return NumberAtCarrier(
        id=there.id,
        did=there.did,
        label=there.label,
        voice_url=there.voice_url,
        fallback_url=there.fallback_url,
        used_by=there.used_by,
        rings_here=bool(url) and there.voice_url == url and mine is not None,
        number_id=mine.id if mine else None,
        agent_id=mine.agent_id if mine else None,
        check=_late(check, given.clock()),
    )


def _late(check: NumberCheck | None, now: datetime) -> NumberCheck | None:
    """A call that has not come in time does not come."""
    if check is not None and check.state == "ringing" and check.checked_at < now - WAIT:
        return check.model_copy(update={"state": "failed", "fault": NO_CALL})
    return check


@asynccontextmanager
async def asked(given: Services, tenant: str, account: str) -> AsyncIterator[CarrierRest]:
    """An account that can be asked; what the carrier says of it becomes an answer to whoever asks us."""
    try:
        async with rest(given, tenant, account) as carrier:
            yield carrier
    except AdapterNotFound as error:
        raise NotFound("no such number at the carrier", detail=error.detail) from error
    except AdapterUnauthorized as error:
        raise Conflict(f"the carrier does not take this account: {error.public}", detail=error.detail) from error
    except (AdapterUnavailable, AdapterRateLimited) as error:
        raise Unreachable(f"the carrier does not answer now: {error.public}", detail=error.detail) from error
    except AdapterError as error:
        raise Conflict(f"the carrier will not do this: {error.public}", detail=error.detail) from error
