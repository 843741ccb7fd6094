"""oauth2-mock-server behind a port: for tests that a browser, or a client over HTTP, walks through."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import Any

import anyio
import httpx
import pytest
from anyio.streams.text import TextReceiveStream

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build" / "oauth"
INSTALLED = FOLDER / "node_modules" / "oauth2-mock-server"
needs_oauth_server = pytest.mark.skipif(
    shutil.which("node") is None or not INSTALLED.is_dir(),
    reason="no oauth2-mock-server: `make test-paperwork` installs it where there is node with npm",
)


@dataclass(frozen=True, slots=True)
class OAuthServer:
    """Where it is, and what the test may do behind everybody's back."""

    url: str
    http: httpx.AsyncClient

    async def seen(self) -> dict[str, int]:
        """How often what was asked, and how many tokens are good."""
        found: dict[str, int] = (await self.http.get("/control")).json()
        return found

    async def control(self, **values: Any) -> None:
        """``forget``: all access tokens have ended ("access"), or refresh tokens too ("all"); ``lifetime`` of the next ones."""
        (await self.http.post("/control", json=values)).raise_for_status()


@asynccontextmanager
async def oauth_server() -> AsyncIterator[OAuthServer]:
    """The server, for as long as the block lasts."""
    command = ["node", str(ROOT / "scripts" / "oauth_server.mjs"), str(FOLDER)]
    async with await anyio.open_process(command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            with anyio.fail_after(150):
                url = (await TextReceiveStream(process.stdout).receive()).strip()
            async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60) as http:
                yield OAuthServer(url, http)
        finally:
            await process.stdin.aclose()  # which it ends by
            with anyio.CancelScope(shield=True), anyio.fail_after(150):
                await process.wait()
