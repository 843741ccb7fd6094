"""People who connect a system by signing in there, each in a browser of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit, urlunsplit

import httpx
from tests.e2e.people import Browser, Street
from tests.paperwork.tradebook import KEY, Tradebook

ADAPTER = "crm/tradebook"
PORTAL = "https://portal.example"
PAGE = "/t/harbour/connections"


@dataclass(slots=True)
class Scene:
    """``ann`` and ``bob`` own Harbour, ``quinn`` owns Quayside."""

    street: Street
    tradebook: Tradebook
    ann: Browser
    bob: Browser
    quinn: Browser

    @classmethod
    async def set(cls, street: Street, tradebook: Tradebook) -> Scene:
        ann = await street.member("ann@harbour.example", "tenant_owner")
        bob = await street.member("bob@harbour.example", "tenant_owner", name="Bob")
        quinn = await street.member("quinn@quayside.example", "tenant_owner", at="/v1/tenants/quayside", name="Quinn")
        return cls(street, tradebook, ann, bob, quinn)

    async def begin(self, browser: Browser | None = None, *, tenant: str = "harbour", **body: Any) -> str:
        """Where the browser goes."""
        answer = await self.ask(browser or self.ann, tenant, **body)
        assert answer.status_code == 200, answer.text
        url: str = answer.json()["url"]
        return url

    async def ask(self, browser: Browser, tenant: str = "harbour", **body: Any) -> httpx.Response:
        """The request that begins."""
        return await browser.ask("POST", f"/v1/tenants/{tenant}/connections/authorize", {"adapter": ADAPTER, **body})

    async def agreed(self, browser: Browser | None = None, *, tenant: str = "harbour", account: str = KEY, **body: Any) -> str:
        """Begin, and consent at the system: the address of the callback."""
        return self.tradebook.consent(await self.begin(browser, tenant=tenant, **body), account=account)

    async def returned(self, browser: Browser | None = None, *, tenant: str = "harbour", account: str = KEY, **body: Any) -> str:
        """And come back: the address of the portal where it is finished."""
        answer = await self.go(await self.agreed(browser, tenant=tenant, account=account, **body))
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    async def connected(self, browser: Browser | None = None, *, account: str = KEY, **body: Any) -> str:
        """And finish: the connection's id."""
        done = await self.go(await self.returned(browser, account=account, **body), browser or self.ann)
        assert done.status_code == 303, done.text
        return parse_qs(urlsplit(done.headers["location"]).query)["connected"][0]

    async def go(self, url: str, browser: Browser | None = None) -> httpx.Response:
        """What a browser does with an address; one that nobody is signed in with unless it is somebody's."""
        return await (browser or self.nobody).http.get(url)

    @property
    def nobody(self) -> Browser:
        transport = httpx.ASGITransport(self.street.house.app)
        return Browser(httpx.AsyncClient(transport=transport, base_url="https://connect.example"))

    async def connections(self) -> list[tuple[str, str]]:
        """Tenant and state of all there are."""
        return [(row[0], row[1]) for row in await self.street.house.look("select tenant_id, state from connection order by created_at")]


def changed(url: str, **values: str) -> str:
    """The address with other parameters; empty ones are left out."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True)) | values
    return urlunsplit(parts._replace(query=urlencode({name: value for name, value in query.items() if value})))


def value(url: str, name: str) -> str:
    """A parameter of an address."""
    return parse_qs(urlsplit(url).query)[name][0]
