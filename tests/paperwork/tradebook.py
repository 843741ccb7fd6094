"""A business system that is the tests' own: accounts, keys, and OAuth 2 with PKCE and refresh tokens that are good once."""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from offhook.testing.business.base import Refused, Simulator, form_of

CLIENT, SECRET = "offhook-at-tradebook", "tradebook client secret !"
KEY, OTHER_KEY = "tb_firstkey1", "tb_otherkey2"
PRIVATE_KEY = "tb_verysecret77"
ACCOUNTS = {
    KEY: {"id": "acc_1", "name": "Harbour at Tradebook", "timezone": "Europe/London"},
    PRIVATE_KEY: {"id": "acc_1", "name": "Harbour at Tradebook", "timezone": "Europe/London"},
    OTHER_KEY: {"id": "acc_2", "name": "Quayside at Tradebook", "timezone": "Mars/Olympus"},
}
SETTINGS: dict[str, Any] = {
    "oauth_clients": {"crm/tradebook": {"id": CLIENT, "secret": SECRET}},
    "portal_url": "https://portal.example",
    "connect_url": "https://connect.example",
}
CHOICES = {
    "staff": [{"id": "s1", "label": "Tom"}, {"id": "s2", "label": "Ann"}],
    "pipeline": [{"id": "p1", "label": "New work"}, {"id": "p2", "label": "Repairs"}],
}


@dataclass(slots=True)
class Grant:
    """What somebody has agreed to."""

    account: dict[str, str]
    challenge: str
    redirect_uri: str


class Tradebook(Simulator):
    """``lifetime``: seconds that access tokens are said to live. ``strict``: a refresh token that was used is refused from then on."""

    NAME = "crm/tradebook"
    BASE = "https://api.tradebook.example/v1"

    def __init__(self) -> None:
        super().__init__()
        self.lifetime: float | None = 3600
        self.rotates = True
        self.refuse = ""
        self.codes: dict[str, Grant] = {}
        self.refresh: dict[str, dict[str, str]] = {}
        self.access: dict[str, dict[str, str]] = {}
        self.clients = {CLIENT: SECRET}
        self.counted: Counter[str] = Counter()
        self.revoked: list[str] = []
        self.asked: list[dict[str, str]] = []
        self._number = itertools.count(1)

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/v1/me", self._me),
            Route("/v1/choices", self._choices),
            Route("/v1/customers", self._customers),
            Route("/token", self._token, methods=["POST"]),
            Route("/revoke", self._revoke, methods=["POST"]),
        ]

    def consent(self, url: str, *, account: str = KEY, error: str = "", **changes: str) -> str:
        """What a person does at the page of consent: the address that the browser is sent back to."""
        asked = dict(parse_qsl(urlsplit(url).query))
        self.asked.append(asked)
        if error:
            return f"{asked['redirect_uri']}?{urlencode({'error': error, 'state': asked['state'], **changes})}"
        code = f"code{next(self._number)}"
        assert asked["code_challenge_method"] == "S256"
        self.codes[code] = Grant(ACCOUNTS[account], asked["code_challenge"], asked["redirect_uri"])
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state'], **changes})}"

    def forget_access(self) -> None:
        """All access tokens have ended."""
        self.access.clear()

    def forget_all(self) -> None:
        """The owner has removed us in the system."""
        self.access.clear()
        self.refresh.clear()

    def _whose(self, request: Request) -> dict[str, str]:
        key = request.headers.get("x-api-key", "")
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        found = ACCOUNTS.get(key) or self.access.get(token)
        if found is None:
            raise Refused(401, {"error": "no such key"})
        return found

    async def _me(self, request: Request) -> Response:
        return JSONResponse(self._whose(request))

    async def _choices(self, request: Request) -> Response:
        self._whose(request)
        return JSONResponse(CHOICES)

    async def _customers(self, request: Request) -> Response:
        self._whose(request)
        self.counted["customers"] += 1
        if request.query_params.get("phone") == "forbidden":
            raise Refused(403, {"error": "no"})
        return JSONResponse({"id": "c1", "name": "Dana", "echo": request.headers.get("x-api-key", "")})

    async def _token(self, request: Request) -> Response:
        form = await form_of(request)
        if self.clients.get(form.get("client_id", "")) != form.get("client_secret"):
            raise Refused(401, {"error": "invalid_client"})
        self.counted[form["grant_type"]] += 1
        if self.refuse:
            raise Refused(400, {"error": self.refuse})
        if form["grant_type"] == "refresh_token":
            account = self.refresh.pop(form["refresh_token"], None) if self.rotates else self.refresh.get(form["refresh_token"])
        else:
            account = self._of_code(form)
        if account is None:
            raise Refused(400, {"error": "invalid_grant"})
        return JSONResponse(self._tokens(account))

    def _of_code(self, form: dict[str, str]) -> dict[str, str] | None:
        grant = self.codes.pop(form.get("code", ""), None)
        if grant is None or grant.redirect_uri != form.get("redirect_uri"):
            return None
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        return grant.account if base64.urlsafe_b64encode(digest).decode().rstrip("=") == grant.challenge else None

    def _tokens(self, account: dict[str, str]) -> dict[str, Any]:
        number = next(self._number)
        access, refresh = f"access-{number}-token", f"refresh-{number}-token"
        self.access[access] = account
        found: dict[str, Any] = {"access_token": access, "token_type": "bearer", "scope": "jobs customers"}
        if self.rotates or not self.refresh:
            self.refresh[refresh] = account
            found["refresh_token"] = refresh
        return found | ({"expires_in": self.lifetime} if self.lifetime is not None else {})

    async def _revoke(self, request: Request) -> Response:
        form = await form_of(request)
        self.revoked.append(form["token"])
        self.refresh.pop(form["token"], None)
        self.access.pop(form["token"], None)
        return Response(status_code=200)
