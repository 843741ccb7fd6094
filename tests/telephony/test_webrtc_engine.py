"""The engine's WebRTC doors, with aiortc as a caller: who may offer what, WHIP, a call from its greeting to its end, the cap."""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from pydantic import SecretStr
from tests.scenarios.harness import SCRIPT
from tests.telephony import rtc
from tests.telephony.figures import figure
from tests.unit.engine.test_app import SECRET, FakeLineup
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from offhook import signing
from offhook.engine.app import create_app
from offhook.engine.lineup import Lineup
from offhook.engine.settings import EngineSettings, IceServer
from offhook.inference import InferencePool
from offhook.registry import ProviderContext
from offhook.transports import webrtc
from offhook.weights import ModelStore

pytestmark = [pytest.mark.telephony, pytest.mark.anyio, pytest.mark.timeout(120)]
SITE = "https://www.harbour.example"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch) -> None:
    rtc.loopback(monkeypatch)


@contextmanager
def engine(folder: Path, **changes: Any) -> Iterator[str]:
    plan = folder / "plan.json"
    plan.write_text(json.dumps({"script": SCRIPT, "record": False}))
    values: dict[str, Any] = {"plan": plan, "state_dir": folder / "state", "warm": (), "secret": SecretStr(SECRET), "drain_s": 0.0}

    def lineup(pool: InferencePool) -> Lineup:
        return FakeLineup(ProviderContext(pool=pool, weights=ModelStore(None), env={}))

    with rtc.serving(create_app(EngineSettings(**{**values, **changes}), lineup)) as address:
        yield address


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=20) as client:
        yield client


def visit(origin: str = SITE, until: int = 60) -> str:
    return signing.visit(SECRET, origin, int(time.time()) + until)


async def test_a_call_is_greeted_and_ended(tmp_path: Path, http: httpx.AsyncClient) -> None:
    with engine(tmp_path, open_media=True) as address:
        async with rtc.caller() as caller:
            answer = await rtc.ring(caller, address)
            assert answer.status_code == 200
            await caller.until(lambda: np.frombuffer(bytes(caller.heard), "<i2").max(initial=0) > 1_000)
            await caller.until(lambda: caller.of("agent"))
            assert caller.of("agent")[0]["text"].startswith("Harbour Plumbing, hello.")
            health = (await http.get(f"{address}/healthz")).json()
            assert (health["calls"], health["webrtc"]) == (1, {"calls": 1, "capacity": 4})
            caller.press("5")
            caller.hang_up()
            await caller.until(lambda: caller.of("ended"))
            assert caller.of("ended")[0]["reason"] == "hangup"
            await _idle(http, address)
        assert (await http.get(f"{address}/healthz")).json()["ended"] == {"hangup": 1}


async def _idle(http: httpx.AsyncClient, address: str) -> None:
    for _ in range(2_000):
        if (await http.get(f"{address}/healthz")).json()["webrtc"]["calls"] == 0:
            return
    raise AssertionError("the call did not leave")


async def test_what_is_lost_on_the_way_is_made_up_for_and_counted(
    tmp_path: Path, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webrtc, "STALL_S", 20)
    monkeypatch.setattr(webrtc, "RESUME_S", 40)
    with engine(tmp_path, open_media=True) as address:
        async with rtc.caller() as caller:
            assert (await rtc.ring(caller, address)).status_code == 200
            await caller.until(lambda: caller.of("speaking"), 60)
            loss = rtc.Loss(caller, 0.2)
            loss.on = True
            await caller.until(lambda: loss.dropped >= 30, 60)
            loss.on = False
            after = caller.microphone.count
            await caller.until(lambda: caller.microphone.count > after + 20, 60)
            caller.hang_up()
            await caller.until(lambda: caller.of("ended"), 60)
            await _idle(http, address)
        metrics = (await http.get(f"{address}/metrics")).text
    [made_up] = re.findall(r'^voice_media_concealed_seconds_total\{transport="webrtc"\} (\S+)$', metrics, re.MULTILINE)
    figure(f"webrtc: {loss.dropped} of {loss.sent} packets lost on the way, {float(made_up) * 1_000:.0f} ms made up")
    assert float(made_up) == pytest.approx(loss.dropped * 0.02, abs=0.05)
    [ratio] = re.findall(r'^voice_media_loss_ratio_sum\{transport="webrtc"\} (\S+)$', metrics, re.MULTILINE)
    assert 0 < float(ratio) <= 0.4


async def test_whip_brings_a_call_and_ends_it(tmp_path: Path, http: httpx.AsyncClient) -> None:
    with engine(tmp_path) as address:
        async with rtc.caller() as caller:
            where = f"{address}/webrtc/offer?visit={visit('')}"
            words = {"Content-Type": "application/sdp", "Authorization": "Bearer one-time"}
            answer = await http.post(where, content=await rtc.offer(caller), headers=words)
            assert (answer.status_code, answer.headers["content-type"]) == (201, "application/sdp")
            await rtc.accept(caller, answer.text)
            await caller.until(lambda: caller.of("agent") or caller.of("speaking"))
            place = address + answer.headers["location"]
            assert (
                await http.patch(place, content="a=ice-ufrag:x", headers={"Content-Type": "application/trickle-ice-sdpfrag"})
            ).status_code == 405
            assert (await http.delete(place)).status_code == 200
            await caller.until(lambda: caller.of("end"))
            await _idle(http, address)
            assert (await http.delete(place)).status_code == 404


async def test_a_call_goes_on_over_another_connection(tmp_path: Path, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webrtc, "RESUME_S", 40)
    with engine(tmp_path, open_media=True) as address:
        async with rtc.caller() as caller:
            made = (await rtc.ring(caller, address)).json()
            await caller.until(lambda: caller.of("speaking") or caller.of("agent"))
            caller.microphone.stop()
            await caller.connection.close()
            async with rtc.caller() as again:
                assert (await rtc.ring(again, address, resume=made["resume"])).status_code == 200
                await again.until(lambda: again.channel.readyState == "open" and again.frames > 0)
                again.press("1")
                health = (await http.get(f"{address}/healthz")).json()
                assert (health["calls"], health["admission"]) == (1, {"taken": 1})
                again.hang_up()
                await again.until(lambda: again.of("ended"))
                await _idle(http, address)
        async with rtc.caller() as third:
            assert (await rtc.ring(third, address, resume=made["resume"])).status_code == 404


async def test_beyond_the_cap_pages_are_sent_elsewhere(tmp_path: Path, http: httpx.AsyncClient) -> None:
    with engine(tmp_path, open_media=True, max_webrtc_calls=1) as address:
        async with rtc.caller() as caller, rtc.caller() as other:
            assert (await http.get(f"{address}/webrtc/settings")).json() == {"offered": True, "ice_servers": []}
            assert (await rtc.ring(caller, address)).status_code == 200
            assert (await http.get(f"{address}/webrtc/settings")).json()["offered"] is False
            assert (await rtc.ring(other, address)).status_code == 503
            caller_left = caller
            await caller_left.until(lambda: caller_left.channel.readyState == "open")
            caller_left.hang_up()
            await _idle(http, address)


async def test_who_may_offer(tmp_path: Path, http: httpx.AsyncClient) -> None:
    turn = IceServer(urls=("turn:turn.example.com:3478",), secret=SecretStr("shared"))
    with engine(tmp_path, ice_servers=(turn,), webrtc_origins=("https://ours.example",)) as address:
        async with rtc.caller() as caller:
            body = {"sdp": await rtc.offer(caller), "type": "offer", "token": "t"}
            where = f"{address}/webrtc/offer"
            site = {"Origin": SITE}
            for query, headers in (
                ("", {}),
                ("", site),
                (f"?visit={visit('')}", site),
                (f"?visit={visit()}", {"Origin": SITE + ".evil.example"}),
                (f"?visit={visit(until=-5)}", site),
                (f"?visit={visit()}x", site),
                ("?visit=99999999999.AAAA", site),
                ("", {"Origin": address}),
            ):
                refused = await http.post(where + query, json=body, headers=headers)
                assert refused.status_code == 401, query
                assert "access-control-allow-origin" not in refused.headers
                asked = await http.get(f"{address}/webrtc/settings{query}", headers=headers)
                assert asked.json() == {"offered": False, "ice_servers": []}
                assert (await http.options(where + query, headers=headers)).status_code == 403
            good = f"?visit={visit()}"
            before = await http.options(where + good, headers=site)
            assert (before.status_code, before.headers["access-control-allow-origin"]) == (204, SITE)
            assert (await http.options(where, headers={"Origin": "https://ours.example"})).status_code == 204
            [server] = (await http.get(f"{address}/webrtc/settings{good}", headers=site)).json()["ice_servers"]
            until = int(server["username"].partition(":")[0])
            assert server["credential"] == signing.turn_credentials("shared", until)[1]
            assert 4 * 3_600 < until - time.time() < 6 * 3_600
            for wrong, status in (
                ({**body, "token": ""}, 401),
                ({**body, "type": "answer"}, 400),
                ({**body, "sdp": "v=0"}, 400),
                ({**body, "more": 1}, 400),
                ({**body, "sdp": "x" * 70_000}, 413),
                ({**body, "resume": "nobody"}, 404),
            ):
                assert (await http.post(where + good, json=wrong, headers=site)).status_code == status
            answer = await http.post(where + good, json=body, headers=site)
            assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, SITE)
            assert (await http.delete(f"{address}/webrtc/calls/{answer.json()['resume']}{good}", headers=site)).status_code == 200
            await _idle(http, address)


async def test_a_process_for_webrtc_alone_takes_no_sockets(tmp_path: Path, http: httpx.AsyncClient) -> None:
    with engine(tmp_path, webrtc_only=True, open_media=True) as address:
        health = (await http.get(f"{address}/healthz")).json()
        assert health["webrtc"]["capacity"] == 24
        async with rtc.caller() as caller:
            assert (await rtc.ring(caller, address)).status_code == 200
            await caller.until(lambda: caller.of("speaking"))
            caller.hang_up()
            await caller.until(lambda: caller.of("ended"))
            await _idle(http, address)
        with pytest.raises(InvalidStatus):
            await connect(address.replace("http", "ws") + "/media/browser")


def test_without_webrtc_none_is_offered(tmp_path: Path) -> None:
    with engine(tmp_path, max_webrtc_calls=0, open_media=True) as address:
        assert httpx.get(f"{address}/webrtc/settings", timeout=60).json() == {"offered": False, "ice_servers": []}
        assert httpx.post(f"{address}/webrtc/offer", json={"sdp": "v=0", "type": "offer"}, timeout=60).status_code == 503
