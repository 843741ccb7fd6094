"""The ways out to business systems: through the guard, or to a simulator on this machine and nowhere else."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from offhook.adapters.http import FixedSigner, Http, Pace
from offhook.errors import AdapterUnavailable, ConfigError
from offhook.orchestrator.settings import OrchestratorSettings
from offhook.orchestrator.systems import Systems


def settings(**values: Any) -> OrchestratorSettings:
    return OrchestratorSettings(secret="whsec_x", **values)


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example",
        "http://10.0.0.1:80",
        "http://127.0.0.1.evil.example",
        "http://user@127.0.0.1:1",
        "http://127.0.0.1:1/path",
        "http://localhost:1",
        "ftp://127.0.0.1",
        "127.0.0.1:1",
        "http://127.0.0.1:1?x=1",
        "",
    ],
)
def test_a_simulator_is_on_this_machine(url: str) -> None:
    with pytest.raises(ConfigError, match="VENDOR_ORIGINS"):
        Systems(settings(vendor_origins={"crm/x": url}))


def test_a_persons_browser_is_sent_to_the_simulator_too() -> None:
    systems = Systems(settings(vendor_origins={"crm/x": "http://127.0.0.1:1234"}))
    assert systems.outward("crm/x", "https://login.x.example/authorize?a=b") == "http://127.0.0.1:1234/authorize?a=b"
    assert systems.outward("crm/y", "https://login.y.example/authorize") == "https://login.y.example/authorize"


def test_the_operators_clients_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFHOOK_ORCHESTRATOR_OAUTH_CLIENTS", '{"crm/xero": {"id": "our-id", "secret": "our-secret"}}')
    monkeypatch.setenv("OFFHOOK_ORCHESTRATOR_CONNECT_URL", "https://connect.example.com/")
    found = settings(portal_url="https://portal.example.com")
    assert found.oauth_clients["crm/xero"].id == "our-id"
    assert found.oauth_clients["crm/xero"].secret.get_secret_value() == "our-secret"
    assert "our-secret" not in repr(found)
    assert found.connect == "https://connect.example.com"
    assert settings(portal_url="https://portal.example.com", connect_url="").connect == "https://portal.example.com"


@pytest.mark.anyio
@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/x",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.8/",
        "https://[::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://2130706433/",
        "https://metadata.google.internal/",
        "http://example.com/",
        "https://example.com:8443/",
        "file:///etc/passwd",
    ],
)
async def test_no_request_of_an_adapter_leaves_for_a_private_address(url: str) -> None:
    systems = Systems(settings())
    async with systems.client("crm/x") as client:
        http = Http("crm/x", "", client, FixedSigner({"authorization": "Bearer x"}), systems.pacer("t", "c", (Pace(9, 1.0),)))
        with pytest.raises(AdapterUnavailable):
            await http.send("POST", url, body={})


@pytest.mark.anyio
async def test_one_pacer_serves_all_users_of_a_connection() -> None:
    systems = Systems(settings())
    first = systems.pacer("t", "c", (Pace(9, 1.0),))
    assert systems.pacer("t", "c", (Pace(9, 1.0),)) is first
    assert systems.pacer("other", "c", (Pace(9, 1.0),)) is not first


@pytest.mark.anyio
async def test_a_test_says_where_requests_go() -> None:
    systems = Systems(settings(), {"crm/x": httpx.MockTransport(lambda request: httpx.Response(200, text=str(request.url)))})
    async with systems.client("crm/x") as client:
        assert (await client.get("https://api.x.example/me")).text == "https://api.x.example/me"
