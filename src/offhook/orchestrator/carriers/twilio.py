"""Twilio's webhooks: a call comes in, and what follows when its media ends.

The TwiML connects the call to the media socket. When that ends, Twilio asks the ``action``: a call that was ended properly
is hung up; one whose media broke goes to the fallback. The verbs after ``<Connect>`` are that fallback, should we not answer.
"""

from __future__ import annotations

from typing import Annotated, Any, Final
from xml.etree import ElementTree as Xml

import anyio
from fastapi import APIRouter, Depends, Request, Response

from offhook import signing
from offhook.errors import Invalid, NotPermitted
from offhook.orchestrator.access import Given
from offhook.orchestrator.calls import ops as calls
from offhook.orchestrator.carriers import ops
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.services import Services
from offhook.orchestrator.tenants import ops as tenants
from offhook.orchestrator.tenants.schemas import Tenant

router = APIRouter(prefix="/carriers/twilio", tags=["carriers"])
APOLOGY: Final = "We are sorry, we cannot take your call right now. Please ring again in a little while. Goodbye."
MAX_FIELDS: Final = 200
POLL: Final = 0.1
PROPER: Final = frozenset({"hangup", "finished", "transferred", "limit", "idle"})
"""Reasons of call.ended after which nobody is to be rung."""


async def signed_form(request: Request, given: Given) -> dict[str, str]:
    """The form of a request that Twilio signed for our public URL; NotPermitted otherwise."""
    settings = given.settings
    form = await request.form(max_files=0, max_fields=MAX_FIELDS)
    fields: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if not isinstance(value, str):
            raise Invalid("a file is not expected here")
        fields.setdefault(name, []).append(value)
    if not settings.unsigned_carriers:
        token = settings.twilio_auth_token.get_secret_value()
        query = f"?{request.url.query}" if request.url.query else ""
        url = settings.public_url.rstrip("/") + request.url.path + query
        if not (settings.public_url and signing.verify_twilio(token, url, fields, request.headers.get("x-twilio-signature", ""))):
            raise NotPermitted("the request is not signed by the carrier")
    return {name: values[0] for name, values in fields.items()}


SignedForm = Annotated[dict[str, str], Depends(signed_form)]
_twiml: dict[int | str, dict[str, Any]] = {200: {"content": {"application/xml": {}}}}


@router.post("/voice", responses=_twiml, response_class=Response)
async def voice(form: SignedForm, given: Given) -> Response:
    """A call comes in: TwiML that brings its media to an engine."""
    call, did = form.get("CallSid", ""), form.get("To", "")
    if not call:
        raise Invalid("CallSid is missing")
    tenant = await _owner(given, did)
    if tenant is None or tenant.suspended:
        return _xml(_response(Xml.Element("Reject", reason="rejected")))
    async with given.database.tenant(tenant.id) as scope:
        token = await ops.mint(scope, call, did, form.get("From", ""), given.clock(), given.settings.token_ttl_s)
    base = given.settings.public_url.rstrip("/") or given.settings.base_url
    connect = Xml.Element("Connect", action=f"{base}/carriers/twilio/after", method="POST")
    stream = Xml.SubElement(connect, "Stream", url=given.settings.stream_url)
    for name, value in (("token", token), ("did", did), ("caller", form.get("From", ""))):
        Xml.SubElement(stream, "Parameter", name=name, value=value)
    return _xml(_response(connect, *_fallback(tenant)))


@router.post("/after", responses=_twiml, response_class=Response)
async def after(form: SignedForm, given: Given) -> Response:
    """The media has ended: hang up after a proper end, else the fallback."""
    tenant = await _owner(given, form.get("To", ""))
    if tenant is None:
        return _xml(_response(Xml.Element("Hangup")))
    proper = await _ended_properly(given, tenant, form.get("CallSid", ""))
    return _xml(_response(Xml.Element("Hangup")) if proper else _response(*_fallback(tenant)))


async def _ended_properly(given: Services, tenant: Tenant, carrier_call: str) -> bool:
    """Whether the call's last event says so; it may come a moment after the carrier asks. A call that never came to us did not."""
    with anyio.move_on_after(given.settings.end_grace_s):
        while True:
            async with given.database.tenant(tenant.id) as scope:
                call = await calls.by_carrier_call(scope, carrier_call)
            if call is None or call.reason is not None:
                return call is not None and call.reason in PROPER
            await anyio.sleep(POLL)
    return False


async def _owner(given: Services, did: str) -> Tenant | None:
    async with given.database.platform() as platform:
        found = await numbers.owner(platform, did)
    if found is None:
        return None
    async with given.database.tenant(found[0]) as scope:
        return await tenants.get(scope)


def _fallback(tenant: Tenant) -> list[Xml.Element]:
    if tenant.fallback_number:
        dial = Xml.Element("Dial")
        dial.text = tenant.fallback_number
        return [dial]
    say = Xml.Element("Say", language=tenant.locale)
    say.text = APOLOGY
    return [say, Xml.Element("Hangup")]


def _response(*verbs: Xml.Element) -> Xml.Element:
    root = Xml.Element("Response")
    root.extend(verbs)
    return root


def _xml(root: Xml.Element) -> Response:
    return Response(Xml.tostring(root, encoding="utf-8", xml_declaration=True), media_type="application/xml")
