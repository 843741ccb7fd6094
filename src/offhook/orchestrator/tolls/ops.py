"""Whether a call may be placed, for whoever is about to place one.

Rules come first (``rules``: where calls may go at all), then the caps. A call counts from the moment that it is let through until
``free`` says that it has ended or its longest time is up; counting and letting through are one step, under a lock of the tenant's own.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from offhook.errors import NotDialled
from offhook.orchestrator.audit import ops as audit
from offhook.orchestrator.hooks import ops as hooks
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.scope import PlatformScope, TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.tenants import ops as tenants
from offhook.orchestrator.tolls.caps import full, longest, unusual
from offhook.orchestrator.tolls.notice import tell_suspended
from offhook.orchestrator.tolls.repo import OldTolls, TollRepo
from offhook.orchestrator.tolls.rules import SAID, Purpose, Rules, prefix_of
from offhook.orchestrator.tolls.schemas import Denied, Leave, RefusedOut, TollLimits, TollView
from offhook.orchestrator.tolls.tables import TollLimitRow

NOTE: Final = "note_refused_call"
"""Name of the job that writes a refusal down whose own transaction is undone by it."""
UNUSUAL: Final = "far more calls than usual to numbers that begin with {prefix}: {count} in an hour"


async def rules(scope: TenantScope) -> Rules:
    """Where this tenant's calls may go."""
    return _rules((await tenants.get(scope)).region, await TollRepo(scope).limits())


async def why_not(scope: TenantScope, to: str) -> str | None:
    """Why a target cannot be saved, in words; None if calls may go there. Nothing is counted: nobody has dialled it."""
    why = (await rules(scope)).why_not(to)
    return SAID[why] if why else None


async def allowed(scope: TenantScope, given: Services, to: str, purpose: Purpose, key: str = "") -> None:
    """Let a call through to this E.164 number or SIP address and count it, or raise NotDialled, which is counted and audited.

    With a ``key`` of the caller's own (a call's id) it counts as going on until ``free``; without one as a short one that is over.
    """
    answer = await ask(scope, given, to, purpose, key)
    if isinstance(answer, Denied):
        # Whoever asked is undone by the error, so that what is written of it must not be of the same transaction.
        job = given.queue.configure_task(NOTE)
        await job.defer_async(tenant=scope.tenant, prefix=prefix_of(to), purpose=purpose, why=answer.why)
        raise NotDialled(f"the call was not placed: {SAID[answer.why]}", why=answer.why)


async def passable(scope: TenantScope, given: Services, to: str, purpose: Purpose) -> bool:
    """The same for whoever goes on without: a refusal is written down in the same transaction."""
    answer = await ask(scope, given, to, purpose, "")
    if isinstance(answer, Denied):
        await note(scope, given, prefix_of(to), purpose, answer.why)
    return isinstance(answer, Leave)


async def ask(scope: TenantScope, given: Services, to: str, purpose: Purpose, key: str) -> Leave | Denied:
    """The same, and nothing is written of a refusal. Asked again with a key that was let through, it is again, and counts once."""
    repo, now = TollRepo(scope), given.clock()
    region = (await tenants.get(scope)).region
    row = await repo.limits(lock=True)
    if key and (held := await repo.held(key)) is not None:
        return Leave(held.until - held.started_at)
    limits, where = TollLimits.model_validate(row), _rules(region, row)
    if (why := where.why_not(to)) is not None:
        return Denied(why)
    if row.suspended_at is not None:
        return Denied("suspended")
    used = await repo.used(now)
    if (over := full(limits.caps, used)) is not None:
        return Denied(over)
    price = limits.price_home if where.home(to) else limits.price_abroad
    leave = Leave(longest(limits.caps, used, price))
    prefix = prefix_of(to)
    fields = {"purpose": purpose, "prefix": prefix, "price": price, "started_at": now, "until": now + leave.longest}
    await repo.add(key or new_id("tol", now), ended_at=None if key else now, **fields)
    await _watch(scope, given, prefix, now)
    return leave


async def free(scope: TenantScope, given: Services, key: str) -> None:
    """The call of this key has ended, or was never placed."""
    await TollRepo(scope).end(key, given.clock())


async def left(scope: TenantScope, given: Services, key: str) -> timedelta | None:
    """How much longer the call of this key may last; None if there is none."""
    held = await TollRepo(scope).held(key)
    return held.until - given.clock() if held is not None else None


async def note(scope: TenantScope, given: Services, prefix: str, purpose: Purpose, why: str, *, call: str = "") -> None:
    """Count and audit a refusal, for whatever reason. Whose number it was is not said: the range is."""
    now = given.clock()
    await TollRepo(scope).refused(purpose, why, now)
    details = {"purpose": purpose, "reason": why} | ({"call": call} if call else {})
    await audit.record(scope, now, hooks.SYSTEM, "outgoing.refused", prefix, details)


async def show(scope: TenantScope, given: Services, *, lock: bool = False) -> TollView:
    """The limits and how they stand; with ``lock`` nobody else changes them until the transaction ends."""
    repo, now = TollRepo(scope), given.clock()
    row = await repo.limits(lock=lock)
    used = await repo.used(now)
    refused = [RefusedOut.model_validate(one, from_attributes=True) for one in await repo.refused_on(now)]
    return TollView(
        **TollLimits.model_validate(row).model_dump(),
        region=(await tenants.get(scope)).region,
        state="suspended" if row.suspended_at else "open",
        suspended_at=row.suspended_at,
        suspended_why=row.suspended_why,
        calls=used.at_once,
        minutes=round(used.minutes, 1),
        spent=round(used.spend, 1),
        refused=tuple(refused),
        revision=row.revision,
    )


async def put(scope: TenantScope, given: Services, limits: TollLimits) -> TollView:
    """Other limits, from the next call on."""
    await TollRepo(scope).change(limits.model_dump(mode="json"))
    return await show(scope, given)


async def suspend(scope: TenantScope, given: Services, why: str) -> bool:
    """Let no call out through until somebody resumes; everybody who ought to know is told. False if it is so already."""
    repo, now = TollRepo(scope), given.clock()
    if (await repo.limits(lock=True)).suspended_at is not None:
        return False
    await repo.change({"suspended_at": now, "suspended_why": why})
    await hooks.publish(scope, given, "outgoing.suspended", {"reason": why, "at": now.isoformat().replace("+00:00", "Z")})
    await tell_suspended(scope, given, why)
    return True


async def resume(scope: TenantScope, given: Services) -> TollView:
    """Let calls through again."""
    await TollRepo(scope).change({"suspended_at": None, "suspended_why": ""})
    return await show(scope, given)


async def sweep(scope: PlatformScope, now: datetime) -> None:
    """Drop what counts for nothing any more, of all tenants."""
    await OldTolls(scope).sweep(now)


async def _watch(scope: TenantScope, given: Services, prefix: str, now: datetime) -> None:
    """Suspend after the call that is one too many to its range."""
    count, before, hours = await TollRepo(scope).prefix(prefix, now)
    if unusual(count, before, hours):
        why = UNUSUAL.format(prefix=prefix if prefix.startswith("sip:") else f"+{prefix}", count=count)
        if await suspend(scope, given, why):
            await audit.record(scope, now, hooks.SYSTEM, "outgoing.suspended", scope.tenant, {"prefix": prefix, "calls": count})


def _rules(region: str, row: TollLimitRow) -> Rules:
    return Rules(region, frozenset(row.countries), frozenset(row.hosts))
