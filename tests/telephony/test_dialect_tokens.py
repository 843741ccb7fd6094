"""From a carrier's webhook to a call's plan: what the webhook's answer says is what the media of that dialect brings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as Xml

import pytest
from tests.e2e.business import DID, House, open_house
from tests.memory_socket import MemorySocket

from offhook import registry
from offhook.ports.transport import CallStart
from offhook.testing.carriers.media import SPEECHES, Speech
from offhook.transports.carrier_ws import CarrierWs

pytestmark = pytest.mark.telephony
CALLER = "+447700900123"


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    media = "wss://media.example.com/media/twilio"
    async with open_house(database_url, unsigned_carriers=True, media_url=media, public_url="https://voice.example.com") as opened:
        yield opened


async def started(speech: Speech, stream: str, parameters: Mapping[str, str]) -> CallStart:
    """The media that a carrier brings to the address of its document, with the document's parameters."""
    parts = urlsplit(stream)
    _, dialect, *token = parts.path.strip("/").split("/")
    assert (parts.scheme, parts.netloc, dialect) == ("wss", "media.example.com", speech.name)
    socket = MemorySocket()
    for message in speech.begin(parameters, ""):
        socket.say(message)
    leg = await CarrierWs.open(socket, registry.dialect(dialect).create(), address={"token": token[0]} if token else {})
    assert leg is not None
    socket.free()
    return leg.start


async def document(house: House, path: str, **ask: Any) -> bytes:
    answer = await house.http.post(path, **ask)
    assert answer.status_code == 200, answer.text
    return answer.content


async def xml(house: House, kind: str, form: dict[str, str]) -> tuple[str, dict[str, str]]:
    """Where an XML document sends the media, and with what."""
    root = Xml.fromstring(await document(house, f"/carriers/{kind}/voice", data=form))  # noqa: S314 - our own
    stream = next(root.iter("Stream"))
    return stream.get("url") or stream.text or "", {one.get("name", ""): one.get("value", "") for one in stream.iter("Parameter")}


async def twilio_like(house: House, speech: Speech) -> CallStart:
    call = f"v3:{speech.call}" if speech.name == "telnyx" else speech.call
    return await started(speech, *await xml(house, speech.name, {"CallSid": call, "To": DID, "From": CALLER, "AccountSid": "AC0"}))


async def plivo(house: House, speech: Speech) -> CallStart:
    form = {"CallUUID": speech.call, "To": DID.lstrip("+"), "From": CALLER.lstrip("+"), "CallStatus": "ringing"}
    return await started(speech, *await xml(house, "plivo", form))


async def vonage(house: House, speech: Speech) -> CallStart:
    ask = {"uuid": "63f61863-4a51-4f6b-86e1-46edebcf9356", "to": DID.lstrip("+"), "from": CALLER.lstrip("+"), "conversation_uuid": "CON-1"}
    answer = await house.http.post("/carriers/vonage/answer", json=ask)
    assert answer.status_code == 200, answer.text
    [endpoint] = answer.json()[0]["endpoint"]
    return await started(speech, endpoint["uri"], endpoint["headers"])


@pytest.mark.parametrize(
    ("name", "ring"),
    [("twilio", twilio_like), ("signalwire", twilio_like), ("telnyx", twilio_like), ("plivo", plivo), ("vonage", vonage)],
)
async def test_the_media_of_a_webhooks_call_gets_its_plan_once(house: House, name: str, ring: Any) -> None:
    start = await ring(house, SPEECHES[name]())
    assert start.token
    fields = {"transport": start.transport, "token": start.token, "carrier_call": start.carrier_call, "did": "", "caller": ""}
    assert "script" in await house.plan("c-1", **fields)
    call = (await house.get("/calls/c-1")).json()["call"]
    assert (call["transport"], call["did"], call["caller"]) == (name, DID, CALLER)
    again = await house.post("/v1/plans", {"call": "c-2", **fields})
    assert again.json()["reason"] == "bad_token"
