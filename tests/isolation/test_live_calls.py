"""Live calls of many tenants at once through a real engine: each caller hears their own agent, and each recording, trace and record holds
nothing of anybody else's call."""

from __future__ import annotations

import io
import os
import sys
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import anyio
import httpx
import numpy as np
import pytest
import soundfile
from tests.e2e.browser import free_port
from tests.e2e.business import SECRET, House, open_house, other_business
from tests.isolation.tones import TENANTS, pitch, tone

from offhook.core.audio.g711 import mulaw_to_pcm, pcm_to_mulaw
from offhook.orchestrator.auth.permissions import IN_TENANT
from offhook.orchestrator.seed import examples, plant, read_business
from offhook.orchestrator.serve import Running, serve
from offhook.testing.bench.load import endless
from offhook.testing.carrier import RATE, TwilioLine

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
CALLS = 3
"""Calls of each tenant at once."""
SECONDS = 12
APART = 0.2
"""Seconds between rings; all calls are up together for most of their time."""
LOUDEST_FOREIGN = 0.02
"""Of a channel's own tone: mu-law's noise and the ends of tones stay below."""


def mark(tenant: str) -> str:
    return f"mark{tenant}x"


def did(tenant: str) -> str:
    return f"+4411349610{TENANTS.index(tenant):02d}"


def script(tenant: str) -> dict[str, Any]:
    """An agent that says its mark in every question."""
    found = endless()
    for slot in found["slots"].values():
        slot["ask"] = f"{mark(tenant)} asks: {slot['ask']}"
    return found


def loudness(samples: Any, rate: int) -> dict[tuple[str, bool], float]:
    """How strong each tenant's tones are, as a share of the strongest."""
    spectrum = np.abs(np.fft.rfft(np.asarray(samples, dtype=float) * np.hanning(len(samples))))
    hertz = np.fft.rfftfreq(len(samples), 1 / rate)
    found = {
        (tenant, agent): float(spectrum[np.abs(hertz - pitch(tenant, agent=agent)) < 15].max())
        for tenant in TENANTS
        for agent in (True, False)
    }
    most = max(found.values())
    assert most > 0
    return {key: value / most for key, value in found.items()}


@dataclass
class Place:
    """The whole platform."""

    house: House
    port: int
    keys: dict[str, dict[str, str]]


@asynccontextmanager
async def platform(database_url: str, owner_url: str, folder: Path) -> AsyncIterator[Place]:
    engine_port = free_port()
    changes: dict[str, Any] = {
        "pool_size": 3,
        "requests_per_minute": 100_000,
        "unsigned_carriers": True,
        "media_url": f"ws://127.0.0.1:{engine_port}/media/twilio",
        "end_wait_s": 5.0,
        "stalled_s": 10.0,  # no worker counts as dead because the machine is busy: what is given away twice is finished twice
    }
    async with open_house(database_url, folder, owner_url=owner_url, **changes) as house:
        first, _ = read_business(examples() / "receptionist" / "business.yaml")
        for tenant in TENANTS:
            base = other_business() if tenant == "quayside" else first
            named = base.model_copy(update={"id": tenant, "name": mark(tenant), "numbers": (did(tenant),), "tools": {}, "knowledge": ()})
            await plant(house.services.database, named, script(tenant))
        up = anyio.Event()
        found: list[Running] = []

        def ready(running: Running) -> None:
            found.append(running)
            up.set()

        async with anyio.create_task_group() as group:
            group.start_soon(lambda: serve(house.settings.model_copy(update={"port": 0}), ready=ready))
            await up.wait()
            port = int(found[0].url.rpartition(":")[2])
            env = {key: value for key, value in os.environ.items() if not key.startswith("OFFHOOK_")} | {
                "OFFHOOK_ENGINE_SECRET": SECRET,
                "OFFHOOK_ENGINE_ORCHESTRATOR_URL": found[0].url,
                "OFFHOOK_ENGINE_OPEN_MEDIA": "true",
                "OFFHOOK_ENGINE_PLAN_TIMEOUT_S": "20",  # a busy machine is not what is tested here
            }
            words = ["-m", "tests.isolation.tones", "--port", str(engine_port), "--state-dir", str(folder / "engine")]
            with (folder / "engine.log").open("wb") as log:
                process = await anyio.open_process([sys.executable, *words], env=env, stdin=None, stdout=log, stderr=log)
            try:
                async with httpx.AsyncClient(timeout=30) as http:
                    with anyio.fail_after(120):
                        while True:
                            assert process.returncode is None, (folder / "engine.log").read_text()
                            try:
                                if (await http.get(f"http://127.0.0.1:{engine_port}/healthz")).is_success:
                                    break
                            except httpx.HTTPError:
                                await anyio.sleep(0.1)
                yield Place(house, port, {tenant: await house.key(*sorted(IN_TENANT), tenant=tenant) for tenant in TENANTS})
            finally:
                with anyio.CancelScope(shield=True):
                    process.terminate()
                    with anyio.move_on_after(20):
                        await process.wait()
                    if process.returncode is None:
                        process.kill()
                        await process.wait()
                group.cancel_scope.cancel()


async def _ring(port: int, tenant: str, name: str) -> tuple[str, dict[str, str]]:
    """The carrier's webhook; where the media goes, and what goes with it. Patient: how busy the machine is, is not tested here."""
    form = {"CallSid": name, "AccountSid": "AC0", "From": "+447700900123", "To": did(tenant), "CallStatus": "ringing"}
    async with httpx.AsyncClient(timeout=60) as http:
        answer = await http.post(f"http://127.0.0.1:{port}/carriers/twilio/voice", data=form)
    stream = ElementTree.fromstring(answer.text).find("./Connect/Stream")  # noqa: S314 - our own document
    assert stream is not None, answer.text
    return stream.attrib["url"], {one.attrib["name"]: one.attrib["value"] for one in stream.findall("Parameter")}


async def _call(place: Place, tenant: str, name: str) -> bytes:
    """Ring the tenant's number, speak in its callers' pitch every few seconds, hang up; what was heard."""
    url, parameters = await _ring(place.port, tenant, name)
    async with TwilioLine.open(url, parameters=parameters, call=name) as line:
        for second in range(3, SECONDS - 1, 4):
            assert await line.until(second * RATE)
            line.play(pcm_to_mulaw(tone(pitch(tenant, agent=False), 1.0)))
        assert await line.until(SECONDS * RATE)
        return bytes(line.heard)


async def _finished(place: Place, tenant: str) -> list[str]:
    """The tenant's calls, once all are written down with their recordings."""
    headers = place.keys[tenant]
    with anyio.fail_after(120):
        while True:
            answer = await place.house.http.get(f"/v1/tenants/{tenant}/calls", headers=headers)
            calls = [one["id"] for one in answer.json()["data"] if one["state"] == "ended"]
            if len(calls) == CALLS:
                recordings = [await place.house.http.get(f"/v1/tenants/{tenant}/calls/{call}/recording", headers=headers) for call in calls]
                if all(one.status_code == 200 for one in recordings):
                    return calls
            await anyio.sleep(0.2)


async def test_live_calls_of_many_tenants_share_nothing(database_url: str, owner_url: str, tmp_path: Path, counts: Counter[str]) -> None:
    async with platform(database_url, owner_url, tmp_path) as place:
        heard: dict[str, list[bytes]] = {tenant: [] for tenant in TENANTS}

        async def one(tenant: str) -> None:
            heard[tenant].append(await _call(place, tenant, f"CA{uuid.uuid4().hex}"))

        async with anyio.create_task_group() as group:
            for _ in range(CALLS):
                for tenant in TENANTS:
                    group.start_soon(one, tenant)
                    await anyio.sleep(APART)
        for tenant, ears in heard.items():
            for mulaw in ears:
                pcm = np.frombuffer(mulaw_to_pcm(mulaw), dtype="<i2")
                _alone(loudness(pcm, RATE), tenant, {True})
                counts["seconds of audio heard and searched for foreign tones"] += len(pcm) // RATE
        foreign: dict[str, list[str]] = {}
        for tenant in TENANTS:
            foreign[tenant] = await _finished(place, tenant)
        http = place.house.http
        for tenant in TENANTS:
            headers, others = place.keys[tenant], [one for one in TENANTS if one != tenant]
            for call in foreign[tenant]:
                base = f"/v1/tenants/{tenant}/calls/{call}"
                recording = (await http.get(f"{base}/recording", headers=headers)).content
                samples, rate = soundfile.read(io.BytesIO(recording), dtype="int16")
                _alone(loudness(samples[:, 0], rate), tenant, {False})
                _alone(loudness(samples[:, 1], rate), tenant, {True})
                counts["recording bytes searched for foreign tones"] += len(recording)
                for path in ("", "/transcript", "/trace", "/peaks"):
                    answer = await http.get(base + path, headers=headers)
                    assert answer.status_code == 200, (path, answer.text)
                    assert path in {"/peaks", "/trace"} or mark(tenant) in answer.text, path  # those hold no words of an agent
                    for other in others:
                        assert mark(other) not in answer.text, (path, tenant, other)
                        assert did(other) not in answer.text, (path, tenant, other)
                    counts["pages of live calls searched"] += 1
                for other in others:
                    for path in ("", "/recording", "/trace", "/transcript", "/peaks"):
                        answer = await http.get(f"/v1/tenants/{other}/calls/{call}{path}", headers=place.keys[other])
                        assert answer.status_code == 404, (path, answer.text)
                        counts["requests for another tenant's live call"] += 1
        log = (tmp_path / "engine.log").read_text(encoding="utf-8")
        assert not [tenant for tenant in TENANTS if mark(tenant) in log]
        # At rest they are sealed: no file of ours holds a plain recording or a word of a transcript.
        for file in (tmp_path / "recordings").rglob("*"):
            if file.is_file():
                data = file.read_bytes()
                assert b"fLaC" not in data, file
                assert not [tenant for tenant in TENANTS if mark(tenant).encode() in data], file
                counts["files at rest searched"] += 1


def _alone(found: dict[tuple[str, bool], float], tenant: str, sides: set[bool]) -> None:
    """The tenant's own tones are there, and nobody else's."""
    for (other, agent), share in found.items():
        if other == tenant and agent in sides:
            assert share > 0.5, (tenant, found)
        elif other != tenant:
            assert share < LOUDEST_FOREIGN, (tenant, other, found)
