"""Calls of every carrier come in by the same flow: signed by their own account, connected, and followed up."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlencode
from xml.etree import ElementTree as Xml

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.jwk import OctKey
from tests.e2e.business import CALLER, DID, OTHER_DID, House, open_house
from tests.telephony.figures import figure
from tests.unit.orchestrator.carriers.test_carrier_signatures import _plivo
from twilio.request_validator import RequestValidator

pytestmark = [pytest.mark.telephony, pytest.mark.anyio]
PUBLIC = "https://voice.example.com"
KEY, OTHER_KEY = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
UUID, OTHER_UUID = "61bf923e-5e4d-4595-a110-56190ea18a1b", "71bf923e-5e4d-4595-a110-56190ea18a1b"
SECRET, OTHER_SECRET = "1" * 40, "2" * 40


def _form(**fields: str) -> bytes:
    return urlencode(fields).encode()


def _twilio_like(header: str) -> Callable[[str, str, bytes, int], dict[str, str]]:
    def sign(secret: str, url: str, body: bytes, at: int) -> dict[str, str]:
        fields = dict(httpx.QueryParams(body.decode()))
        return {header: RequestValidator(secret).compute_signature(url, fields)}

    return sign


def _telnyx(secret: str, url: str, body: bytes, at: int) -> dict[str, str]:
    key = KEY if secret == SECRET else OTHER_KEY
    return {"telnyx-timestamp": str(at), "telnyx-signature-ed25519": base64.b64encode(key.sign(f"{at}|".encode() + body)).decode()}


def _plivo_headers(secret: str, url: str, body: bytes, at: int) -> dict[str, str]:
    fields = dict(httpx.QueryParams(body.decode()))
    return {"X-Plivo-Signature-V3-Nonce": "n1", "X-Plivo-Signature-V3": _plivo(secret, url, fields, "n1")}


def _vonage(secret: str, url: str, body: bytes, at: int) -> dict[str, str]:
    claims = {"iat": at, "application_id": UUID, "payload_hash": hashlib.sha256(body).hexdigest()}
    return {"Authorization": f"Bearer {jwt.encode({'alg': 'HS256'}, claims, OctKey.import_key(secret))}"}


@dataclass(frozen=True, slots=True)
class Carrier:
    """How a carrier signs, what its account is, and what it posts of a call ``id`` from a caller to a number."""

    kind: str
    sign: Callable[[str, str, bytes, int], dict[str, str]]
    account: Mapping[str, str]
    body: Callable[[str, str, str], bytes]
    voice: str = "voice"
    after: str = "after"
    timed: bool = False
    json: bool = False

    def token(self, answer: bytes) -> tuple[str, str]:
        """The one-time token that a document brings, and where the media goes."""
        if self.json:
            socket = json.loads(answer)[0]["endpoint"][0]
            return socket["headers"]["token"], socket["uri"]
        root = Xml.fromstring(answer)  # noqa: S314 - our own answer
        stream = next(root.iter("Stream"))
        url = stream.get("url") or str(stream.text)
        parameters = {one.get("name"): one.get("value") for one in stream}
        return str(parameters.get("token") or unquote(url.rpartition("/")[2])), url


def _twiml_body(account: str) -> Callable[[str, str, str], bytes]:
    return lambda call, to, caller: _form(CallSid=call, To=to, From=caller, AccountSid=account)


PUBLIC_KEY = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()
OTHER_PUBLIC = base64.b64encode(OTHER_KEY.public_key().public_bytes_raw()).decode()
CARRIERS = [
    Carrier(
        "signalwire",
        _twilio_like("X-SignalWire-Signature"),
        {"account_sid": UUID, "space": "harbour.signalwire.com", "api_key_secret": "PT" + "f" * 40},
        _twiml_body(UUID),
    ),
    Carrier("telnyx", _telnyx, {"account_sid": UUID, "public_key": PUBLIC_KEY}, _twiml_body(UUID), timed=True),
    Carrier(
        "plivo",
        _plivo_headers,
        {"account_sid": "MAXXXXXXXXXXXXXXXXXX"},
        lambda call, to, caller: _form(CallUUID=call, To=to.lstrip("+"), From=caller.lstrip("+"), CallStatus="ringing"),
    ),
    Carrier(
        "vonage",
        _vonage,
        {"account_sid": UUID},
        lambda call, to, caller: json.dumps({"uuid": call, "to": to.lstrip("+"), "from": caller.lstrip("+")}).encode(),
        "answer",
        "event",
        timed=True,
        json=True,
    ),
    Carrier("twilio", _twilio_like("X-Twilio-Signature"), {"account_sid": "AC" + "a" * 32}, _twiml_body("AC" + "a" * 32)),
]


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    async with open_house(database_url, public_url=PUBLIC, end_grace_s=10.0) as opened:
        yield opened


async def _connect(house: House, carrier: Carrier) -> None:
    """Harbour's number belongs to an account of this carrier, Quayside's to another."""
    theirs = {"public_key": OTHER_PUBLIC} if carrier.kind == "telnyx" else {}
    for tenant, secret, more in (("harbour", SECRET, {}), ("quayside", OTHER_SECRET, theirs)):
        body = {"kind": carrier.kind, "auth_token": secret, **carrier.account, **more}
        made = await house.ask("POST", "/carrier-accounts", body, tenant=tenant)
        assert made.status_code == 201, made.text
        assert made.json()["voice_url"] == f"{PUBLIC}/carriers/{carrier.kind}/{carrier.voice}"
        number = (await house.get("/numbers", tenant=tenant)).json()["data"][0]["id"]
        change = {"carrier_account_id": made.json()["id"]}
        assert (await house.ask("PATCH", f"/numbers/{number}", change, tenant=tenant, If_Match="*")).status_code == 200


async def _post(house: House, carrier: Carrier, path: str, body: bytes, headers: Mapping[str, str]) -> httpx.Response:
    kind = "application/json" if carrier.json else "application/x-www-form-urlencoded"
    return await house.http.post(f"/carriers/{carrier.kind}/{path}", content=body, headers={"content-type": kind, **headers})


@pytest.mark.parametrize("carrier", CARRIERS, ids=lambda one: one.kind)
async def test_a_call_comes_in_is_connected_and_followed_up(house: House, carrier: Carrier) -> None:
    await _connect(house, carrier)
    at = int(house.now[0].timestamp())
    voice, after = (f"{PUBLIC}/carriers/{carrier.kind}/{path}" for path in (carrier.voice, carrier.after))
    body = carrier.body("call-1", DID, CALLER)
    good = carrier.sign(SECRET, voice, body, at)
    taken = await _post(house, carrier, carrier.voice, body, good)
    assert taken.status_code == 200, taken.text
    token, url = carrier.token(taken.content)
    assert url.startswith(f"wss://voice.example.com/media/{carrier.kind}")
    plan = await house.plan("c1", transport=carrier.kind, carrier_call="call-1", token=token)
    assert (plan["ref"], plan["given"]["caller_number"]) == ("harbour/front-desk", CALLER)
    # Media that never came: as Harbour has nobody else, a message after the tone where the carrier takes one, or an apology.
    # A call that was ended properly: nothing more.
    lost, follows = carrier.body("call-0", DID, CALLER), carrier.body("call-1", DID, CALLER)
    if carrier.json:
        told = json.loads(taken.content)[1]["payload"]
        lost, follows = (json.dumps({"payload": told | {"uuid": call}}).encode() for call in ("call-0", "call-1"))
    broken = await _post(house, carrier, carrier.after, lost, carrier.sign(SECRET, after, lost, at))
    assert broken.status_code == 200
    assert ("<Record" if carrier.kind in {"twilio", "signalwire", "telnyx", "plivo"} else "cannot take your call right now") in broken.text
    started = {"transport": carrier.kind, "did": DID, "caller": CALLER, "carrier_call": "call-1"}
    began = await house.event(1, "call.started", **started)
    assert began.status_code < 300, began.text
    last = await house.event(2, "call.ended", reason="hangup", outcome="", seconds=1.0)
    assert last.status_code < 300, last.text
    ended = await _post(house, carrier, carrier.after, follows, carrier.sign(SECRET, after, follows, at))
    assert ended.text == "[]" if carrier.json else Xml.fromstring(ended.content)[0].tag == "Hangup"  # noqa: S314 - our own answer
    idle = await _post(house, carrier, "hang-up", body, carrier.sign(SECRET, f"{PUBLIC}/carriers/{carrier.kind}/hang-up", body, at))
    assert idle.status_code == 200


@pytest.mark.parametrize("carrier", CARRIERS, ids=lambda one: one.kind)
async def test_every_refusal_looks_the_same(house: House, carrier: Carrier) -> None:
    await _connect(house, carrier)
    at = int(house.now[0].timestamp())
    voice = f"{PUBLIC}/carriers/{carrier.kind}/{carrier.voice}"
    body, theirs = carrier.body("call-1", DID, CALLER), carrier.body("call-1", OTHER_DID, CALLER)
    good = carrier.sign(SECRET, voice, body, at)
    tried = {
        "missing": (body, {}),
        "other account": (body, carrier.sign(OTHER_SECRET, voice, body, at)),
        "our signature, their number": (theirs, carrier.sign(SECRET, voice, theirs, at)),
        "tampered": (carrier.body("call-2", DID, CALLER), good),
        "cut": (body, {name: value[:-3] for name, value in good.items()}),
        "nobody's number": (n := carrier.body("call-1", "+442079469999", CALLER), carrier.sign(SECRET, voice, n, at)),
    }
    if carrier.timed:
        tried["old"] = (body, carrier.sign(SECRET, voice, body, at - 301))
        tried["ahead"] = (body, carrier.sign(SECRET, voice, body, at + 301))
    elif carrier.kind != "twilio":
        tried["for another address"] = (body, carrier.sign(SECRET, f"{PUBLIC}/carriers/{carrier.kind}/other", body, at))
    answers = [await _post(house, carrier, carrier.voice, *one) for one in tried.values()]
    assert {one.status_code for one in answers} == {403}
    assert len({one.text for one in answers}) == 1
    assert await house.look("select * from placement") == []
    # An account of one carrier signs nothing of another's.
    other = next(one for one in CARRIERS if one.kind != carrier.kind and one.json == carrier.json) if not carrier.json else carrier
    if other is not carrier:
        sent = other.body("call-1", DID, CALLER)
        signed = other.sign(SECRET, f"{PUBLIC}/carriers/{other.kind}/{other.voice}", sent, at)
        assert (await _post(house, other, other.voice, sent, signed)).status_code == 403
    for content in (b"a=" + b"x" * 70_000, "To=\u00e9".encode(), b"[1]" if carrier.json else b"&".join(b"a=1" for _ in range(300))):
        assert (await _post(house, carrier, carrier.voice, content, {})).status_code == 422
    figure(
        f"webhooks of {carrier.kind}: {len(tried)} of {len(answers)} forged, tampered, misdirected or old ones refused in the same words"
    )
