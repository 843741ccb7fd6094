"""Twilio's webhooks: a call comes in, and what follows when its media ends.

The TwiML connects the call to the media socket. When that ends, Twilio asks the ``action``: a call that was ended properly
is hung up; one whose media broke goes to the fallback. The verbs after ``<Connect>`` are that fallback, should we not answer.

A webhook is signed with the secret of the carrier account that the dialled number belongs to, or the installation's own for a number
without one. Whatever is wrong with a signature is answered in the same words.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl
from xml.etree import ElementTree as Xml

import anyio
from fastapi import APIRouter, Depends, Request, Response

from offhook import signing
from offhook.errors import Invalid, NotFound, NotPermitted, OffhookError
from offhook.orchestrator.access import Given
from offhook.orchestrator.agents import ops as agents
from offhook.orchestrator.calls import ops as calls
from offhook.orchestrator.carriers import accounts, ops, twiml
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.numbers.schemas import Owner
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.tenants import ops as tenants

router = APIRouter(prefix="/carriers/twilio", tags=["carriers"])
MAX_FIELDS: Final = 200
MAX_BODY: Final = 64_000
POLL: Final = 0.1
SLACK: Final = 5
"""Seconds that a place outlives the token of its media."""
PROPER: Final = frozenset({"hangup", "finished", "transferred", "limit", "idle", "stopped"})
"""Reasons of call.ended after which nobody is to be rung."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ring:
    """A webhook whose signature is good."""

    form: dict[str, str]
    owner: Owner | None

    @property
    def carrier_call(self) -> str:
        """Twilio's id of the call; Invalid without one."""
        if not self.form.get("CallSid"):
            raise Invalid("CallSid is missing")
        return self.form["CallSid"]


async def signed_ring(request: Request, given: Given) -> Ring:
    """The form of a request that Twilio signed for our public URL; NotPermitted otherwise."""
    fields = await _fields(request)
    form = {name: values[0] for name, values in fields.items()}
    async with given.database.platform() as platform:
        owner = await numbers.owner(platform, form.get("To", ""))
    settings = given.settings
    if not settings.unsigned_carriers:
        token = await _token(given, owner, form.get("AccountSid", ""))
        query = f"?{request.url.query}" if request.url.query else ""
        url = settings.public_url.rstrip("/") + request.url.path + query
        if not (settings.public_url and signing.verify_twilio(token, url, fields, request.headers.get("x-twilio-signature", ""))):
            raise NotPermitted("the request is not signed by the carrier")
    return Ring(form, owner)


async def _fields(request: Request) -> dict[str, list[str]]:
    """The form's fields, bounded before anybody has shown who they are; Invalid for anything but a small form."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY:
            raise Invalid("the form is too large")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise Invalid("the body is not a form as a carrier sends it") from error
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return fields


async def _token(given: Services, owner: Owner | None, account_sid: str) -> str:
    """The secret that signs the webhooks of this number; empty if there is none that could."""
    if owner is None or owner.account is None:
        return given.settings.twilio_auth_token.get_secret_value()
    async with given.database.tenant(owner.tenant) as scope:
        try:
            account = await accounts.credentials(scope, given, owner.account)
        except OffhookError as error:
            _log.error("carrier account %s of tenant %s cannot be used: %s", owner.account, owner.tenant, error.public)
            return ""
    return account.auth_token.get_secret_value() if account.account_sid == account_sid else ""


Signed = Annotated[Ring, Depends(signed_ring)]
_twiml: dict[int | str, dict[str, Any]] = {200: {"content": {"application/xml": {}}}}


@router.post("/voice", responses=_twiml, response_class=Response)
async def voice(ring: Signed, given: Given) -> Response:
    """A call comes in: TwiML that brings its media to an engine, or refuses it before it is answered."""
    carrier_call, owner = ring.carrier_call, ring.owner
    if owner is None:
        async with given.database.platform() as platform:
            await numbers.stray(platform, ring.form.get("To", ""), given.clock())
        return _xml(twiml.reject())
    async with given.database.tenant(owner.tenant) as scope:
        return _xml(*await _take(scope, given, owner, carrier_call, ring.form))


async def _take(scope: TenantScope, given: Services, owner: Owner, carrier_call: str, form: dict[str, str]) -> list[Xml.Element]:
    """What is done with a call to a number of ours."""
    now = given.clock()
    if owner.suspended or not owner.enabled:
        await numbers.refused(scope, owner.number, "suspended" if owner.suspended else "disabled", now)
        return [twiml.reject()]
    try:
        agent = await agents.live(scope, owner.agent)
    except NotFound:
        await numbers.refused(scope, owner.number, "no_agent", now)
        return [twiml.reject()]
    until = now + timedelta(seconds=given.settings.token_ttl_s + SLACK)
    if await numbers.place(scope, owner.number, now, until, carrier_call=carrier_call) != "placed":
        target = owner.overflow or owner.fallback
        return [twiml.dial(target) if target else twiml.reject(busy=True)]
    caller = form.get("From", "")
    token = await ops.mint(scope, carrier_call, owner.did, caller, now, given.settings.token_ttl_s)
    base = given.settings.public_url.rstrip("/") or given.settings.base_url
    parameters = {"token": token, "did": owner.did, "caller": caller}
    connect = twiml.connect(f"{base}/carriers/twilio/after", given.settings.stream_url, parameters)
    return [connect, *twiml.fallback(owner.fallback or owner.overflow, agent.tenant.locale)]


@router.post("/after", responses=_twiml, response_class=Response)
async def after(ring: Signed, given: Given) -> Response:
    """The media has ended: hang up after a proper end, else the fallback."""
    owner, carrier_call = ring.owner, ring.form.get("CallSid", "")
    if owner is None:
        return _xml(twiml.hang_up())
    async with given.database.tenant(owner.tenant) as scope:
        tenant = await tenants.get(scope)
        await numbers.release_carrier(scope, carrier_call)
    if await _ended_properly(given, owner.tenant, carrier_call):
        return _xml(twiml.hang_up())
    return _xml(*twiml.fallback(owner.fallback or owner.overflow, tenant.locale))


async def _ended_properly(given: Services, tenant: str, carrier_call: str) -> bool:
    """Whether the call's last event says so; it may come a moment after the carrier asks. A call that never came to us did not."""
    with anyio.move_on_after(given.settings.end_grace_s):
        while True:
            async with given.database.tenant(tenant) as scope:
                call = await calls.by_carrier_call(scope, carrier_call)
            if call is None or call.reason is not None:
                return call is not None and call.reason in PROPER
            await anyio.sleep(POLL)
    return False


def _xml(*verbs: Xml.Element) -> Response:
    return Response(twiml.document(*verbs), media_type="application/xml")
