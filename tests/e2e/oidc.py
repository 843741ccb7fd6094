"""A provider of OpenID Connect that checks what it is sent, and can be told to lie."""

from __future__ import annotations

import base64
import functools
import hashlib
import secrets
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import anyio
import httpx
import uvicorn
from joserfc import jwt
from joserfc.jwk import ECKey, Key, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from tests.e2e.business import ADMIN, open_house
from tests.e2e.people import Browser, Street, open_street

CLIENT, SECRET = "offhook-client", "a secret: with/marks"


@functools.cache
def signing_key() -> RSAKey:
    """Every provider's own, until a test gives it another: made once, which takes up to half a second."""
    return RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})


@dataclass
class Idp:
    """Signs in ``person`` whoever comes, as fast as a redirect."""

    issuer: str
    now: Any
    """Seconds since the epoch."""
    person: dict[str, Any] = field(default_factory=dict)
    """Claims of whoever sits at the browser."""
    lies: dict[str, Any] = field(default_factory=dict)
    """Claims in place of the right ones; None leaves one out."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """Parts of the configuration in place of the right ones."""
    userinfo: dict[str, Any] | None = None
    key: Key = field(default_factory=signing_key)
    signer: Any = None
    """Makes an ID token in place of ours."""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._configuration),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
                Route("/jwks", self._jwks),
                Route("/userinfo", self._userinfo),
            ]
        )

    async def _configuration(self, request: Request) -> Response:
        self.asked.append("configuration")
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
        }
        return JSONResponse(document | self.metadata)

    async def _authorize(self, request: Request) -> Response:
        query = dict(request.query_params)
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT
        assert set(query["scope"].split()) == {"openid", "email", "profile"}
        assert query["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        return RedirectResponse(f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}", 302)

    async def _token(self, request: Request) -> Response:
        form = dict(await request.form())
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        given = self.codes.pop(str(form.get("code")), None)
        if request.headers.get("authorization") != f"Basic {basic}" or given is None:
            return JSONResponse({"error": "invalid_grant"}, 400)
        digest = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if challenge != given["code_challenge"] or form["redirect_uri"] != given["redirect_uri"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        at = int(self.now())
        claims = {"iss": self.issuer, "aud": CLIENT, "iat": at, "exp": at + 300, "nonce": given["nonce"], **self.person, **self.lies}
        claims = {name: value for name, value in claims.items() if value is not None}
        algorithm = "ES256" if isinstance(self.key, ECKey) else "RS256"
        token = self.signer(claims) if self.signer else jwt.encode({"alg": algorithm, "kid": "one"}, claims, self.key)
        return JSONResponse({"access_token": "at", "token_type": "Bearer", "expires_in": 300, "id_token": token})

    async def _jwks(self, request: Request) -> Response:
        return JSONResponse({"keys": [{"kty": "AKP", "kid": "later"}, self.key.as_dict(private=False)]})

    async def _userinfo(self, request: Request) -> Response:
        if request.headers.get("authorization") != "Bearer at" or self.userinfo is None:
            return JSONResponse({"error": "invalid_token"}, 401)
        return JSONResponse(self.userinfo)


@asynccontextmanager
async def open_idp(now: Any) -> AsyncIterator[Idp]:
    """Listening on a port of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    idp = Idp(f"http://127.0.0.1:{listener.getsockname()[1]}", now)
    server = uvicorn.Server(uvicorn.Config(idp.app(), log_level="warning", lifespan="off", ws="none"))
    async with anyio.create_task_group() as group:
        group.start_soon(server.serve, [listener])
        while not server.started:
            await anyio.sleep(0.01)
        try:
            yield idp
        finally:
            server.should_exit = True


LOOPBACK: dict[str, Any] = {
    "webhook_http": True,
    "webhook_ports": (),
    "webhook_networks": ("127.0.0.0/8",),
    "portal_url": "https://portal.example",
}
ANN = {"sub": "ann-1", "email": "Ann@Harbour.example", "email_verified": True, "name": "Ann Lee"}
HARBOUR = "/v1/tenants/harbour"


@dataclass
class Town:
    street: Street
    idp: Idp

    async def provider(self, at: str = HARBOUR, **fields: object) -> dict[str, Any]:
        """A provider of ours."""
        body = {"name": "Harbour", "issuer": self.idp.issuer, "client_id": CLIENT, "client_secret": SECRET, "domains": ["harbour.example"]}
        answer = await self.street.house.http.post(f"{at}/oidc-providers", json=body | fields, headers=ADMIN)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def leave(self, browser: Browser, provider: dict[str, Any], then: str = "/calls?open=1") -> str:
        """Begin; where the provider sends the browser back to."""
        answer = await browser.http.get(f"/v1/oidc/{provider['id']}/start", params={"next": then}, headers={"sec-fetch-site": "none"})
        assert answer.status_code == 303, answer.text
        async with httpx.AsyncClient(timeout=60) as world:
            back = await world.get(answer.headers["location"])
        assert back.status_code == 302, back.text
        assert back.headers["location"].startswith("https://portal.example/v1/oidc/callback?")
        return str(back.headers["location"])

    async def come(self, browser: Browser, provider: dict[str, Any]) -> httpx.Response:
        """There and back."""
        return await self.back(browser, await self.leave(browser, provider))

    @staticmethod
    async def back(browser: Browser, address: str) -> httpx.Response:
        return await browser.http.get(address, headers={"sec-fetch-site": "cross-site"})

    async def people(self) -> int:
        return int((await self.street.house.look("select count(*) from person"))[0][0])


@asynccontextmanager
async def open_town(database_url: str, owner_url: str, state: Path) -> AsyncIterator[Town]:
    """An orchestrator that may reach this machine, and a provider there that signs in ``ANN``."""
    async with open_house(database_url, state, owner_url=owner_url, **LOOPBACK) as house, open_street(house) as street:
        async with open_idp(lambda: house.now[0].timestamp()) as idp:
            idp.person = dict(ANN)
            yield Town(street, idp)
