"""People with browsers, and the mail that reaches them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from argon2 import PasswordHasher
from tests.e2e.business import ADMIN, House

from offhook.orchestrator.people.guards import Guards
from offhook.orchestrator.people.jobs import send_mail
from offhook.orchestrator.people.mail import Letter, post
from offhook.orchestrator.people.ops import setup_link
from offhook.orchestrator.people.passwords import Passwords

PASSWORD = "the kettle is on again"
OWNER = "ann@harbour.example"


@dataclass(slots=True)
class Browser:
    """Keeps cookies, and says of each request that it comes from a page of ours."""

    http: httpx.AsyncClient

    async def ask(self, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        """A request from our own page."""
        sent = {"sec-fetch-site": "same-origin"} | {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.request(method, path, json=body, headers=sent)

    async def done(self, method: str, path: str, body: object = None, status: int = 200) -> Any:
        """The same, where it must succeed; the answer's document."""
        answer = await self.ask(method, path, body)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def sign_in(self, email: str = OWNER, password: str = PASSWORD) -> httpx.Response:
        return await self.ask("POST", "/v1/session", {"email": email, "password": password})

    @property
    def cookie(self) -> str | None:
        return self.http.cookies.get("__Host-offhook")

    async def signed_in(self) -> bool:
        return (await self.ask("GET", "/v1/me")).status_code == 200


@dataclass(slots=True)
class Street:
    """An orchestrator and the people in front of it."""

    house: House
    stack: AsyncExitStack
    read: set[str] = field(default_factory=set)

    async def browser(self, host: str = "portal.example") -> Browser:
        """A new browser at an address of its own."""
        http = httpx.AsyncClient(transport=httpx.ASGITransport(self.house.app), base_url=f"https://{host}", timeout=60)
        return Browser(await self.stack.enter_async_context(http))

    async def letters(self) -> list[Letter]:
        """Send what waits; the letters that nobody has read yet, the oldest first."""
        for row in await self.house.look("select id from mail order by id"):
            await send_mail(self.house.services, row.id)
        folder = post(self.house.services.mail).folder
        assert folder is not None
        found = [one for one in reversed(await folder.newest(100)) if one.id not in self.read]
        self.read |= {one.id for one in found}
        return found

    async def token(self, kind: str) -> str:
        """The token of the one letter that has come, with a link to ``/kind/token``."""
        (letter,) = await self.letters()
        found = re.search(rf"/{kind}/([A-Za-z0-9_-]{{43}})\n", letter.text)
        assert found, letter.text
        return found.group(1)

    async def admin(self, email: str = "root@platform.example", password: str = PASSWORD) -> Browser:
        """Whoever runs the platform, by the set-up link."""
        link = await setup_link(self.house.services)
        assert link is not None
        browser = await self.browser()
        body = {"token": link.removeprefix("/setup/"), "name": "Root", "email": email, "password": password}
        await browser.done("POST", "/v1/setup", body, 201)
        return browser

    async def member(
        self, email: str, role: str, *, at: str = "/v1/tenants/harbour", name: str = "Ann", by: dict[str, str] = ADMIN
    ) -> Browser:
        """Somebody invited who has accepted."""
        invited = await self.house.http.post(f"{at}/members", json={"email": email, "role": role}, headers=by)
        assert invited.status_code == 201, invited.text
        browser = await self.browser()
        token = await self.token("invitations")
        await browser.done("POST", f"/v1/invitations/{token}/accept", {"name": name, "password": PASSWORD})
        return browser

    async def actions(self, where: str = "tenant_id = 'harbour'") -> list[str]:
        """What the audit log says, the oldest first."""
        return [row.action for row in await self.house.look(f"select action from audit where {where} order by at, seq")]  # noqa: S608


@asynccontextmanager
async def open_street(house: House, *, cheap: bool = True) -> AsyncIterator[Street]:
    """``cheap``: passwords are hashed with little work, so that tests of other things are quick."""
    if cheap:
        house.app.state.people = Guards(house.services)
        house.app.state.people.passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    async with AsyncExitStack() as stack:
        yield Street(house, stack)
