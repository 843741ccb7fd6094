"""Signing in by a provider that is not of our making: oauth2-mock-server, where OFFHOOK_TEST_NODE_MODULES names a folder that has it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.e2e.business import ADMIN, open_house
from tests.e2e.people import open_street

MODULES = os.environ.get("OFFHOOK_TEST_NODE_MODULES", "")
PACKAGE = Path(MODULES) / "oauth2-mock-server"
pytestmark = pytest.mark.skipif(
    not MODULES or not PACKAGE.is_dir() or shutil.which("node") is None,
    reason="needs node, and OFFHOOK_TEST_NODE_MODULES to name the node_modules where oauth2-mock-server is installed",
)
SCRIPT = """
const { createRequire } = require("module");
const { OAuth2Server } = createRequire(process.argv[1] + "/")("oauth2-mock-server");
(async () => {
  const server = new OAuth2Server();
  await server.issuer.keys.generate(process.argv[2]);
  server.service.on("beforeTokenSigning", (token) => {
    token.payload.iat = 1795417200; token.payload.exp = 1795420800; delete token.payload.nbf;
    Object.assign(token.payload, { email: "john@harbour.example", email_verified: true, name: "John Doe" });
  });
  await server.start(0, "127.0.0.1");
  console.log(server.issuer.url);
})();
"""
LOOPBACK: dict[str, Any] = {
    "webhook_http": True, "webhook_ports": (), "webhook_networks": ("127.0.0.0/8", "::1/128"), "portal_url": "https://portal.example"
}  # fmt: skip


@pytest.fixture(params=["RS256", "ES256", "Ed25519"])
def issuer(request: pytest.FixtureRequest) -> Iterator[str]:
    with subprocess.Popen(["node", "-e", SCRIPT, MODULES, request.param], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


async def test_a_foreign_providers_people_sign_in(issuer: str, database_url: str, owner_url: str, tmp_path: Path) -> None:
    async with open_house(database_url, tmp_path, owner_url=owner_url, **LOOPBACK) as house, open_street(house) as street:
        assert house.now[0].timestamp() == 1795417200
        body = {"name": "Mock", "issuer": issuer, "client_id": "c", "client_secret": "s", "domains": ["harbour.example"]}
        made = await house.http.post("/v1/tenants/harbour/oidc-providers", json=body | {"default_role": "viewer"}, headers=ADMIN)
        assert made.status_code == 201, made.text
        browser = await street.browser()
        there = await browser.http.get(f"/v1/oidc/{made.json()['id']}/start")
        assert there.status_code == 303, there.text
        async with httpx.AsyncClient(timeout=60) as world:
            back = await world.get(there.headers["location"])
        arrived = await browser.http.get(back.headers["location"])
        assert arrived.status_code == 303, arrived.text
        me = await browser.done("GET", "/v1/me")
        assert (me["email"], me["name"], me["memberships"][0]["role"]) == ("john@harbour.example", "John Doe", "viewer")
