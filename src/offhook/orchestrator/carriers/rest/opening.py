"""Opening a carrier account: its client with all that it needs, in transactions that are over before the carrier is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final, TypeAlias

import httpx

from offhook.adapters.http import FixedSigner, Http, Pace, Priority
from offhook.errors import AdapterRejected, AdapterUnauthorized
from offhook.orchestrator.carriers import accounts
from offhook.orchestrator.carriers.rest import plivo, signalwire, telnyx, twilio
from offhook.orchestrator.carriers.rest.placing import Kept
from offhook.orchestrator.carriers.rest.port import CarrierRest
from offhook.orchestrator.carriers.schemas import Credentials
from offhook.orchestrator.services import Services

Opener: TypeAlias = Callable[[Services, httpx.AsyncClient, Credentials, str, Priority], CarrierRest]
"""Makes a client; the text names the pacer: one for each account."""


@asynccontextmanager
async def rest(given: Services, tenant: str, account: str | None, *, priority: Priority = "work") -> AsyncIterator[CarrierRest]:
    """A tenant's carrier account that can be asked; ``None`` for the platform's own. Call it within no transaction.

    NotFound; AdapterUnauthorized where the platform has no account of its own; AdapterRejected for a carrier that takes no requests.
    ``priority`` ``live``: a caller waits, so each request has 2.5 seconds and is sent once.
    """
    opened = await credentials(given, tenant, account)
    opener = OPENERS.get(opened.kind)
    if opener is None:
        raise AdapterRejected(f"carrier/{opened.kind}", "this carrier takes no requests of ours: its console has to be used")
    async with given.systems.client(f"carrier/{opened.kind}") as client:
        yield Kept(opener(given, client, opened, account or "", priority), given, tenant, account or "")


async def credentials(given: Services, tenant: str, account: str | None) -> Credentials:
    """An account's secrets, opened; ``None`` for the platform's own. NotFound; AdapterUnauthorized where the platform has none."""
    if account is not None:
        async with given.database.tenant(tenant) as scope:
            return await accounts.credentials(scope, given, account)
    if not given.settings.twilio_account_sid:
        raise AdapterUnauthorized("carrier/twilio", "this installation has no carrier account of its own")
    return Credentials(account_sid=given.settings.twilio_account_sid, auth_token=given.settings.twilio_auth_token)


def http(
    given: Services, client: httpx.AsyncClient, opened: Credentials, pacer: str, priority: Priority, base: str, headers: Mapping[str, str],
    paces: tuple[Pace, ...],
) -> Http:  # fmt: skip
    """What a carrier's client sends its requests by."""
    name = f"carrier/{opened.kind}"
    return Http(name, base, client, FixedSigner(headers), given.systems.pacer(name, pacer, paces), priority=priority, now=given.clock)


def _twilio(given: Services, client: httpx.AsyncClient, opened: Credentials, pacer: str, priority: Priority) -> CarrierRest:
    sent = http(given, client, opened, pacer or "platform", priority, twilio.BASE, twilio.authorization(opened), twilio.PACES)
    return twilio.TwilioRest(sent, opened.account_sid)


def _signalwire(given: Services, client: httpx.AsyncClient, opened: Credentials, pacer: str, priority: Priority) -> CarrierRest:
    base = signalwire.base(opened)
    sent = http(given, client, opened, pacer, priority, base, twilio.authorization(opened), twilio.PACES)
    return signalwire.SignalWireRest(sent, opened.account_sid)


def _telnyx(given: Services, client: httpx.AsyncClient, opened: Credentials, pacer: str, priority: Priority) -> CarrierRest:
    sent = http(given, client, opened, pacer, priority, telnyx.BASE, telnyx.authorization(opened), telnyx.PACES)
    return telnyx.TelnyxRest(sent, opened.account_sid, opened.settings.get("application_id", ""))


def _plivo(given: Services, client: httpx.AsyncClient, opened: Credentials, pacer: str, priority: Priority) -> CarrierRest:
    sent = http(given, client, opened, pacer, priority, plivo.BASE, plivo.authorization(opened), plivo.PACES)
    return plivo.PlivoRest(sent, opened.account_sid, opened.settings.get("application_id", ""))


OPENERS: Final[Mapping[str, Opener]] = {"twilio": _twilio, "signalwire": _signalwire, "telnyx": _telnyx, "plivo": _plivo}
