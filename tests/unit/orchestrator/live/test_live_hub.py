"""Who is told of which call."""

from __future__ import annotations

import json

import anyio
import pytest

from offhook.orchestrator.live.hub import Hub

pytestmark = pytest.mark.anyio


def notice(tenant: str, call: str) -> str:
    return json.dumps({"tenant": tenant, "call": call})


async def test_news_goes_to_those_who_watch_the_tenant_once() -> None:
    hub = Hub("postgresql://nowhere")
    with hub.watch("harbour") as one, hub.watch("harbour") as two, hub.watch("quayside") as other:
        for call in ("c1", "c2", "c1"):
            hub.heard(notice("harbour", call))
        hub.heard(notice("nobody", "c9"))
        assert await one.news() == await two.news() == frozenset({"c1", "c2"})
        with anyio.move_on_after(0.01) as scope:
            await one.news()
        assert scope.cancelled_caught
        with anyio.move_on_after(0.01) as scope:
            await other.news()
        assert scope.cancelled_caught
        hub.heard(notice("quayside", "q1"))
        assert await other.news() == frozenset({"q1"})
        one.tell("c3")
        one.tell(None)
        assert await one.news() is None
        one.tell("c4")
        assert await one.news() == frozenset({"c4"})
        for strange in ("", "{}", "[1]", "null"):
            hub.heard(strange)
            assert await other.news() is None
    hub.heard(notice("harbour", "c5"))  # to nobody
