"""What numbers do, for their routes and for other domains."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from offhook.errors import Conflict, Fault, Invalid, NotFound
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.numbers import dialling
from offhook.orchestrator.numbers.placement import OldPlaces, Placements, Placing
from offhook.orchestrator.numbers.repo import Directory, NumberRepo
from offhook.orchestrator.numbers.schemas import LinesView, LineUse, NewNumber, NumberChange, NumberView, Owner
from offhook.orchestrator.scope import PlatformScope, TenantScope
from offhook.orchestrator.tenants import ops as tenants
from offhook.orchestrator.tenants.schemas import Business
from offhook.orchestrator.tolls import ops as tolls

TAKEN: Final = "this number cannot be added here"
"""Said of a number that cannot be used and of one that is somebody else's, so that nobody learns which numbers are here."""
OWN: Final = "a number of your own here: the call would come back"
ONE_WAY: Final = "a number comes by a carrier account or by a trunk, not by both"
_STAYS: Final = frozenset({"agent_id", "label", "enabled"})
"""What a number always has."""

e164 = dialling.e164


async def owner(scope: PlatformScope, did: str) -> Owner | None:
    """Who answers a number given in any usual form; None if it is nobody's."""
    number = e164(did, "GB")
    return await Directory(scope).owner(number) if number else None


async def stray(scope: PlatformScope, did: str, now: datetime) -> None:
    """Count a call to a number that is nobody's."""
    await Directory(scope).stray(e164(did, "GB") or "", now)


async def show(scope: TenantScope, id: str) -> NumberView:
    """A number; NotFound."""
    return _found(await NumberRepo(scope).get(id))


async def page(scope: TenantScope, limit: int, after: tuple[datetime, str] | None) -> list[NumberView]:
    """Numbers, newest first."""
    return await NumberRepo(scope).page(limit, after)


async def create(scope: TenantScope, new: NewNumber, now: datetime) -> NumberView:
    """Give a DID to an agent; Conflict if it cannot be had, Invalid says which field is wrong."""
    region = (await tenants.get(scope)).region
    did = e164(new.did, region)
    if did is None:
        raise Invalid("the number is not a phone number", faults=(Fault("did", "not a phone number such as +442079460000"),))
    if dialling.costly(did):
        raise Conflict(TAKEN)
    if new.carrier_account_id and new.trunk_id:
        raise Invalid(ONE_WAY, faults=(Fault("trunk_id", ONE_WAY),))
    fields = new.model_dump() | {"did": did, "overflow": await _overflow(scope, new.overflow, did, region)}
    made = new_id("num", now)
    if not await NumberRepo(scope).add(id=made, created_at=now, updated_at=now, **fields):
        raise Conflict(TAKEN)
    return await show(scope, made)


async def of_did(scope: TenantScope, did: str) -> NumberView | None:
    """The tenant's number with this DID (E.164); None if it has none such."""
    return await NumberRepo(scope).of_did(did)


async def attach(scope: TenantScope, did: str, agent: str, account: str, label: str, now: datetime) -> NumberView:
    """A carrier account's number answers here, by this agent: made, or moved if the tenant has it; Conflict if it cannot be had."""
    mine = await NumberRepo(scope).of_did(e164(did, "GB") or "")
    if mine is None:
        named = "" if e164(label, "GB") else label
        return await create(scope, NewNumber(did=did, agent_id=agent, carrier_account_id=account, label=named[:100]), now)
    await NumberRepo(scope).change(mine.id, {"agent_id": agent, "carrier_account_id": account, "enabled": True}, now)
    return await show(scope, mine.id)


async def locked(scope: TenantScope, id: str) -> NumberView:
    """A number that nobody else changes until the transaction ends; NotFound."""
    return _found(await NumberRepo(scope).get(id, lock=True))


async def change(scope: TenantScope, number: NumberView, changes: NumberChange, now: datetime) -> NumberView:
    """Change what is given; Invalid says which field is wrong."""
    fields: Mapping[str, Any] = changes.model_dump(exclude_unset=True)
    faults = tuple(Fault(name, "this cannot be empty") for name in sorted(_STAYS) if name in fields and fields[name] is None)
    if faults:
        raise Invalid("a number always has an agent, a label and a state", faults=faults)
    if fields.get("carrier_account_id") and fields.get("trunk_id"):
        raise Invalid(ONE_WAY, faults=(Fault("trunk_id", ONE_WAY),))
    for one, other in (("carrier_account_id", "trunk_id"), ("trunk_id", "carrier_account_id")):
        if fields.get(one):
            fields = {**fields, other: None}
    if fields.get("overflow"):
        region = (await tenants.get(scope)).region
        fields = {**fields, "overflow": await _overflow(scope, fields["overflow"], number.did, region)}
    if fields:
        await NumberRepo(scope).change(number.id, fields, now)
    return await show(scope, number.id)


async def delete(scope: TenantScope, id: str) -> None:
    """Let a number go. Calls that it has go on."""
    await NumberRepo(scope).delete(id)


async def with_account(scope: TenantScope, account: str) -> int:
    """How many numbers belong to a carrier account."""
    return await NumberRepo(scope).with_account(account)


async def with_trunk(scope: TenantScope, trunk: str) -> int:
    """How many numbers come by a trunk."""
    return await NumberRepo(scope).with_trunk(trunk)


async def refused_today(scope: TenantScope, number: str, now: datetime) -> dict[str, int]:
    """Calls to a number, or over a trunk, that were not taken today (UTC), by reason."""
    return {reason: count for (one, reason), count in (await NumberRepo(scope).refused_on(now)).items() if one == number}


async def seed(scope: TenantScope, business: Business) -> None:
    """Give a document's numbers to its agent; Conflict if one is another tenant's."""
    repo = NumberRepo(scope)
    for did in business.numbers:
        if await repo.add(id=f"num_{did.removeprefix('+')}", did=did, agent_id=business.agent):
            continue
        mine = await repo.of_did(did)
        if mine is None:
            raise Conflict(TAKEN)
        if mine.agent_id != business.agent:
            await repo.change(mine.id, {"agent_id": business.agent})


async def place(
    scope: TenantScope, number: str, now: datetime, until: datetime, *, call: str | None = None, carrier_call: str | None = None
) -> Placing:
    """A place for a call to this number (its id), held until then or until ``release``. A call that finds none is counted."""
    placing = await Placements(scope).take(number, now, until, call=call, carrier_call=carrier_call)
    if placing in {"tenant_full", "number_full"}:
        await refused(scope, number, placing, now)
    return placing


async def seat(scope: TenantScope, did: str, call: str, now: datetime, until: datetime) -> None:
    """Count a call that began without us, from a plan that its engine had kept; nothing if it has its place."""
    number = await NumberRepo(scope).of_did(did)
    await Placements(scope).seat(number.id if number else "", call, now, until)


async def release(scope: TenantScope, call: str) -> bool:
    """The call has ended: its place is free. False if it had none."""
    return await Placements(scope).free(call=call)


async def release_carrier(scope: TenantScope, carrier_call: str) -> bool:
    """The carrier's call has left us: its place is free. False if it had none."""
    return await Placements(scope).free(carrier_call=carrier_call)


async def refused(scope: TenantScope, number: str, reason: str, now: datetime) -> None:
    """Count a call that was not taken."""
    await NumberRepo(scope).refused(number, reason, now)


async def lines(scope: TenantScope, now: datetime) -> LinesView:
    """Calls at once now, and those that were not taken today."""
    places, repo = Placements(scope), NumberRepo(scope)
    taken, refusals = await places.taken(now), await repo.refused_on(now)
    uses = [
        LineUse(
            number_id=one.id,
            did=one.did,
            calls=taken.get(one.id, 0),
            max_calls=one.max_calls,
            refused={reason: count for (number, reason), count in refusals.items() if number == one.id},
        )
        for one in await repo.page(1_000, None)
    ]
    return LinesView(calls=sum(taken.values()), max_calls=await places.cap(), numbers=uses)


async def sweep(scope: PlatformScope, now: datetime) -> None:
    """Drop what has expired, of all tenants."""
    await OldPlaces(scope).sweep(now)
    await Directory(scope).sweep(now)


async def fallback(scope: TenantScope, target: str | None) -> None:
    """Invalid unless callers who cannot be taken may be sent to this number of a business (E.164); None is nobody."""
    if target is None:
        return
    why = OWN if await NumberRepo(scope).of_did(target) is not None else await tolls.why_not(scope, target)
    if why is not None:
        raise Invalid(f"the fallback number cannot be used: {why}", faults=(Fault("fallback_number", why),))


async def _overflow(scope: TenantScope, text: str | None, did: str, region: str) -> str | None:
    if text is None:
        return None
    try:
        target = dialling.target(text, region)
    except ValueError as error:
        raise Invalid("callers cannot be sent there", faults=(Fault("overflow", str(error)),)) from error
    if target == did or await NumberRepo(scope).of_did(target) is not None:
        raise Invalid("callers cannot be sent there", faults=(Fault("overflow", OWN),))
    if (why := await tolls.why_not(scope, target)) is not None:
        raise Invalid("callers cannot be sent there", faults=(Fault("overflow", why),))
    return target


def _found(number: NumberView | None) -> NumberView:
    if number is None:
        raise NotFound("no such number")
    return number
