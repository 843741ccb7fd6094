"""Simulators behind a port: answers, answers that never come, control, and the command."""

from __future__ import annotations

import signal
import subprocess
import sys

import httpx
import pytest

from offhook.errors import ConfigError
from offhook.testing.business.serve import main, served, simulator
from offhook.testing.business.servicem8 import ServiceM8

KEY = {"X-Api-Key": ServiceM8.KEY}
VENDOR = "/api_1.0/vendor.json"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_a_simulator_answers_at_a_port_and_fails_as_planned() -> None:
    what = simulator("crm/servicem8")
    async with served(what) as origin, httpx.AsyncClient(base_url=origin, trust_env=False, headers=KEY, timeout=60) as client:
        assert (await client.get(VENDOR)).json()[0]["name"] == "Mill Plumbing"
        told = await client.put("/_simulator", json={"planned": ["lost", "500", None], "unknown": 1})
        assert told.json() == {"counts": {"customer": 0, "lead": 0, "job": 0, "appointment": 0, "note": 0}, "requests": 1, "failed": 0}
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post("/api_1.0/company.json", json={"name": "Maggie"})
        assert (await client.get(VENDOR)).status_code == 500
        assert (await client.get(VENDOR)).status_code == 200
        told = await client.get("/_simulator")
        assert (told.json()["counts"]["customer"], told.json()["requests"], told.json()["failed"]) == (1, 4, 2)
    assert what.count("customer") == 1


async def test_its_date_is_told_once() -> None:
    async with served(ServiceM8()) as origin, httpx.AsyncClient(trust_env=False, headers=KEY, timeout=60) as client:
        reply = await client.get(origin + VENDOR)
        assert len(reply.headers.get_list("date")) == 1


@pytest.mark.parametrize("name", ["crm/nobody", "calendar/servicem8", "crm", "", "crm/base", "crm/../servicem8"])
def test_a_name_without_a_simulator_is_refused(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError):
        simulator(name)
    assert main([name]) == 2
    assert "there is no simulator" in capsys.readouterr().err


@pytest.mark.paperwork
def test_people_start_one_by_a_command() -> None:
    command = [sys.executable, "-m", "offhook.testing.business.serve", "crm/servicem8"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        origin = line.split("answers at ")[1].partition(";")[0]
        with httpx.Client(trust_env=False, headers=KEY, timeout=60) as client:
            assert client.get(origin + VENDOR).status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
