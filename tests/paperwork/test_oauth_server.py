"""The whole way against a server that is not ours: connect, consent, back, used, renewed, revoked, connected again."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.e2e.business import open_house
from tests.e2e.people import open_street
from tests.paperwork.consenting import ADAPTER, PAGE, Scene
from tests.paperwork.figures import figure
from tests.paperwork.oauth_server import OAuthServer, needs_oauth_server, oauth_server
from tests.paperwork.tradebook import SETTINGS, Tradebook

from offhook.errors import AdapterUnauthorized
from offhook.orchestrator.connections.opening import opened

pytestmark = [pytest.mark.paperwork, pytest.mark.timeout(120), needs_oauth_server]


async def consent(server: OAuthServer, url: str, link: str = "allow") -> str:
    """What a person does at the system: the address of the callback that it sends them to."""
    assert url.startswith(f"{server.url}/authorize?")
    page = await server.http.get(url)
    found = re.search(rf'id="{link}" href="([^"]+)"', page.text)
    assert found, page.text
    target = html.unescape(found.group(1))
    if not target.startswith("/"):
        return target
    answer = await server.http.get(target)
    assert answer.status_code == 302
    return answer.headers["location"]


async def connect(scene: Scene, server: OAuthServer, **body: Any) -> httpx.Response:
    """Begin, agree, come back, finish."""
    back = await scene.go(await consent(server, await scene.begin(**body)))
    assert back.status_code == 303, back.text
    return await scene.go(back.headers["location"], scene.ann)


async def test_connect_consent_back_renewed_revoked_and_connected_again(
    database_url: str, owner_url: str, tmp_path: Path, tradebook: Tradebook
) -> None:
    async with (
        oauth_server() as server,
        open_house(database_url, tmp_path, owner_url=owner_url, vendor_origins={ADAPTER: server.url}, **SETTINGS) as house,
        open_street(house) as street,
    ):
        scene = await Scene.set(street, tradebook)
        refused = await scene.go(await consent(server, await scene.begin(), "refuse"))
        denied = await scene.go(refused.headers["location"], scene.ann)
        assert denied.headers["location"] == f"{PAGE}?trouble=denied"

        done = await connect(scene, server)
        id = done.headers["location"].removeprefix(f"{PAGE}?connected=")  # noqa: A001 - of the connection
        path = f"/v1/tenants/harbour/connections/{id}"
        shown = await scene.ann.done("GET", path)
        assert (shown["state"], shown["account"], shown["auth"]) == ("active", "Harbour at Tradebook", "oauth")
        tested = await scene.ann.done("POST", f"{path}/test")
        assert tested == {"ok": True, "account": "Harbour at Tradebook", "problem": ""}

        await server.control(forget="access")
        assert (await scene.ann.done("POST", f"{path}/test"))["ok"] is True
        assert (await server.seen())["refresh_token"] == 1

        await server.control(forget="all")
        gone = await scene.ann.done("POST", f"{path}/test")
        assert gone["ok"] is False
        assert (await scene.ann.done("GET", path))["state"] == "expired"
        with pytest.raises(AdapterUnauthorized):
            async with opened(house.services, "harbour", id):
                pass

        again = await connect(scene, server, connection=id)
        assert again.headers["location"] == f"{PAGE}?connected={id}"
        assert (await scene.ann.done("POST", f"{path}/test"))["ok"] is True

        off = await scene.ann.ask("POST", f"{path}/disconnect", if_match="*")
        assert (off.json()["revoked"], off.json()["connection"]["state"]) == (True, "off")
        seen = await server.seen()
        assert (seen["revoked"], seen["held"]) == (2, 0)
        figure(
            "oauth: against oauth2-mock-server: refused, connected, renewed, ended, connected again, revoked"
            f" ({seen['authorization_code']} codes, {seen['refresh_token']} renewal, {seen['revoked']} tokens revoked)"
        )
