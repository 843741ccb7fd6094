"""Attempts that a carrier is asked for by REST. What it says of them afterwards comes by ``webhooks``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from offhook.errors import AdapterError, AdapterRateLimited, AdapterUnavailable, NotFound
from offhook.orchestrator.carriers import accounts
from offhook.orchestrator.carriers.rest.opening import rest
from offhook.orchestrator.carriers.rest.port import NewLeg
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.outgoing import states
from offhook.orchestrator.outgoing.keys import key_of
from offhook.orchestrator.outgoing.repo import OutgoingRepo
from offhook.orchestrator.outgoing.tables import OutgoingRow
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services


@dataclass(frozen=True, slots=True)
class Asked:
    """An attempt as its carrier is asked for it."""

    leg: NewLeg
    account: str | None
    """Of whom it is asked; None: the platform's own."""


async def asked(scope: TenantScope, given: Services, row: OutgoingRow) -> Asked | None:
    """What the carrier of its number is asked. None where the number or its account has gone: the attempt is over."""
    try:
        account = await account_of(scope, row)
        kind = (await accounts.show(scope, given, account)).kind if account is not None else "twilio"
    except NotFound:
        await states.end(scope, given, row, "failed", "no_account")
        return None
    base = f"{given.settings.public_url.rstrip('/')}/carriers/{kind}/outgoing/{scope.tenant}/{row.id}/{row.attempts}"
    leg = NewLeg(
        to=row.to,
        caller_id=row.did,
        answer_url=f"{base}/answer",
        status_url=f"{base}/status",
        key=key_of(row.id, row.attempts),
        machine_detection="detect",
        heard_url=f"{base}/heard",
    )
    return Asked(leg, account)


async def account_of(scope: TenantScope, row: OutgoingRow) -> str | None:
    """The carrier account of the number that a call is placed from; None for the platform's own."""
    return (await numbers.show(scope, row.number_id)).carrier_account_id


async def ask(given: Services, tenant: str, row: OutgoingRow, one: Asked) -> str:
    """Ask for the call, in no transaction; its state then."""
    said: str | AdapterError | NotFound
    try:
        async with rest(given, tenant, one.account) as carrier:
            said = await carrier.place(one.leg)
    except (AdapterError, NotFound) as error:
        said = error
    async with given.database.tenant(tenant) as scope:
        now = await OutgoingRepo(scope).get(row.id, lock=True)
        if now is not None and now.state == "dialling" and key_of(now.id, now.attempts) == one.leg.key:
            await (states.rings(scope, given, now, said) if isinstance(said, str) else _not_placed(scope, given, now, said))
        return now.state if now is not None else "gone"


async def _not_placed(scope: TenantScope, given: Services, row: OutgoingRow, error: AdapterError | NotFound) -> None:
    """The carrier has not said that it rings: asked again by the same key while nobody knows, and over where it has said no."""
    now = given.clock()
    begun = (await OutgoingRepo(scope).attempts(row.id))[-1].asked_at
    if isinstance(error, AdapterUnavailable | AdapterRateLimited):
        if now - begun < states.GIVE_UP:
            seconds = max(1.0, min(error.retry.after or 0.0, 300.0))
            await states.look_at(scope, given, row, now + timedelta(seconds=seconds))
            return
        await states.end(scope, given, row, "failed", "unknown" if isinstance(error, AdapterUnavailable) else "carrier")
        return
    await states.end(scope, given, row, "failed", "no_account" if isinstance(error, NotFound) else "carrier")
