"""Every carrier at the engine's door: where its token arrives, what it has to sign, and what is not told of it."""

from __future__ import annotations

import logging
import socket as sockets
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from tests.scenarios.harness import SCRIPT
from tests.unit.engine.test_app import PUBLIC, TOKEN, engine
from twilio.request_validator import RequestValidator

from offhook.contracts.plan import CallPlan, PlanRequest
from offhook.core.wire.audiosocket import SOUND, Reader
from offhook.engine.engine import Engine
from offhook.signing import plivo_signature
from offhook.testing.carriers.media import SPEECHES, Speech

pytestmark = pytest.mark.telephony
ONCE = "a-one-time-token_1"


class Plans:
    """Says yes, and keeps what was asked."""

    def __init__(self) -> None:
        self.asked: list[PlanRequest] = []

    async def plan(self, request: PlanRequest) -> CallPlan:
        self.asked.append(request)
        return CallPlan.model_validate({"call": request.call, "script": SCRIPT, "record": False})


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with engine(tmp_path_factory.mktemp("engine")) as one:
        yield one


@pytest.fixture
def plans(client: TestClient) -> Plans:
    running: Engine = client.app.state.engine  # type: ignore[attr-defined]
    running.plans = made = Plans()
    return made


def rings(client: TestClient, speech: Speech, token: str, path: str = "", headers: dict[str, str] | None = None) -> bool:
    """Whether the agent speaks. ``path``: after ``/media/NAME``, instead of what the carrier puts there."""
    parameters = {"did": "+6495550100", "caller": "+6495550199"}
    address = path or speech.address(parameters, token)
    try:
        with client.websocket_connect(
            f"/media/{speech.name}{address}",
            headers={**speech.headers(token), **(headers or {})},
            subprotocols=[speech.subprotocol] if speech.subprotocol is not None else None,
        ) as socket:
            assert socket.accepted_subprotocol == speech.subprotocol
            for message in speech.begin(parameters, token):
                socket.send_text(message) if isinstance(message, str) else socket.send_bytes(message)
            while True:
                found = socket.receive()
                if found["type"] == "websocket.close":
                    return False
                data = found.get("text") if found.get("text") is not None else found.get("bytes")
                if data is not None and speech.take(data).audio:
                    return True
    except WebSocketDisconnect:
        return False


@pytest.mark.parametrize("name", SPEECHES)
def test_the_token_arrives_where_the_carrier_puts_it(client: TestClient, plans: Plans, name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "offhook")
    speech = SPEECHES[name]()
    assert rings(client, speech, ONCE)
    [asked] = plans.asked
    assert (asked.transport, asked.token) == (speech.name, ONCE)
    assert (asked.did, asked.caller) == ("+6495550100", "+6495550199")
    assert asked.carrier_call.removeprefix("v3:") == speech.call
    assert ONCE not in str(asked.parameters)
    assert ONCE not in caplog.text, "a token is nobody's business"


@pytest.mark.parametrize("name", SPEECHES)
def test_without_a_token_nobody_is_asked(client: TestClient, plans: Plans, name: str) -> None:
    before = client.get("/healthz").json()["failures"].get("no token", 0)
    assert not rings(client, SPEECHES[name](), "")
    assert client.get("/healthz").json()["failures"]["no token"] == before + 1
    assert plans.asked == []


@pytest.mark.parametrize("name", SPEECHES)
def test_a_token_may_come_in_the_path(client: TestClient, plans: Plans, name: str) -> None:
    assert rings(client, SPEECHES[name](), "", path=f"/{ONCE}")
    assert [asked.token for asked in plans.asked] == [ONCE]


def test_what_is_no_token_is_none(client: TestClient, plans: Plans) -> None:
    for path in (f"/{'x' * 300}", "/", "?token="):
        assert not rings(client, SPEECHES["telnyx"](), "", path=path)
    assert plans.asked == []


def test_a_subprotocol_that_was_not_asked_for_is_not_granted(client: TestClient, plans: Plans) -> None:
    speech = SPEECHES["asterisk"]()
    with client.websocket_connect("/media/asterisk", subprotocols=["something"]) as socket:
        assert socket.accepted_subprotocol is None
        for message in speech.begin({}, ONCE):
            socket.send_text(str(message))
        assert socket.receive_bytes()
    assert plans.asked


def test_signalwires_signature_is_wanted_where_its_key_is_set(tmp_path: Path) -> None:
    url = "wss://voice.example.com/media/signalwire"
    good = RequestValidator(TOKEN).compute_signature(url, {})
    with engine(tmp_path, public_url=PUBLIC, signalwire_signing_key=SecretStr(TOKEN)) as client:
        for header in ("X-SignalWire-Signature", "X-Twilio-Signature"):
            assert rings(client, SPEECHES["signalwire"](), ONCE, headers={header: good})
        assert not rings(client, SPEECHES["signalwire"](), ONCE)
        assert not rings(client, SPEECHES["signalwire"](), ONCE, headers={"X-SignalWire-Signature": good[:-2] + "A="})
        assert rings(client, SPEECHES["telnyx"](), ONCE), "others sign nothing"
        assert client.get("/healthz").json()["failures"]["bad signature"] == 2


@pytest.mark.parametrize(
    ("token", "scheme", "nonce", "path", "taken"),
    [
        (TOKEN, "wss", "8642", ONCE, True),
        (TOKEN, "https", "8642", ONCE, True),
        ("other", "wss", "8642", ONCE, False),
        (TOKEN, "ws", "8642", ONCE, False),
        (TOKEN, "wss", "", ONCE, False),
        (TOKEN, "wss", "8642", "another-token", False),
    ],
)
def test_plivos_signature_is_wanted_where_its_token_is_set(
    tmp_path: Path, token: str, scheme: str, nonce: str, path: str, taken: bool
) -> None:
    signature = plivo_signature(token, f"{scheme}://voice.example.com/media/plivo/{path}", nonce)
    given = {"X-Plivo-Signature-V3": f"AAAA, {signature}", "X-Plivo-Signature-V3-Nonce": nonce}
    with engine(tmp_path, public_url=PUBLIC, plivo_auth_token=SecretStr(TOKEN)) as client:
        assert rings(client, SPEECHES["plivo"](), ONCE, headers=given) is taken
        assert not rings(client, SPEECHES["plivo"](), ONCE)


def test_an_audiosocket_call(tmp_path: Path) -> None:
    own = uuid.uuid4()
    with engine(tmp_path, audiosocket_port=0) as client:
        port = client.app.state.audiosocket  # type: ignore[attr-defined]
        running: Engine = client.app.state.engine  # type: ignore[attr-defined]
        running.plans = plans = Plans()
        with sockets.create_connection(("127.0.0.1", port), timeout=20) as line:
            line.sendall(b"\x01\x00\x10" + own.bytes + b"\x10\x01\x40" + bytes(320))
            reader, heard = Reader(), 0
            while heard < 5:
                heard += sum(kind in SOUND for kind, _ in reader.feed(line.recv(4_096)))
            line.sendall(b"\x00\x00\x00")
        [asked] = plans.asked
        assert (asked.transport, asked.token, asked.carrier_call) == ("audiosocket", str(own), str(own))
        with sockets.create_connection(("127.0.0.1", port), timeout=20) as other:
            other.sendall(b"\x10\x00\x02ab")  # sound before the UUID
            assert other.recv(1) == b""
        assert client.get("/healthz").json()["failures"] == {"start: BadMessage": 1}
    with pytest.raises(OSError, match="refused"):
        sockets.create_connection(("127.0.0.1", port), timeout=20)


class Faulty(Plans):
    """Its own code fails at the first call."""

    async def plan(self, request: PlanRequest) -> CallPlan:
        plan = await super().plan(request)
        if len(self.asked) == 1:
            raise ZeroDivisionError
        return plan


def test_a_fault_in_one_audiosocket_call_is_that_calls_alone(tmp_path: Path) -> None:
    with engine(tmp_path, audiosocket_port=0) as client:
        port = client.app.state.audiosocket  # type: ignore[attr-defined]
        client.app.state.engine.plans = plans = Faulty()  # type: ignore[attr-defined]
        heard = []
        for _ in range(2):
            with sockets.create_connection(("127.0.0.1", port), timeout=20) as line:
                line.sendall(b"\x01\x00\x10" + uuid.uuid4().bytes + b"\x10\x01\x40" + bytes(320))
                heard.append(len(line.recv(1)))
        assert heard == [0, 1]
        assert len(plans.asked) == 2


def test_audiosocket_listens_nowhere_unless_it_is_told_to(client: TestClient) -> None:
    assert client.app.state.audiosocket is None  # type: ignore[attr-defined]
