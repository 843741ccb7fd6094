"""News of a tenant's live calls as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any, Final

import anyio

from offhook.orchestrator.calls import ops as calls
from offhook.orchestrator.live import ops
from offhook.orchestrator.live.hub import Hub
from offhook.orchestrator.services import Services

PING: Final = 15.0
"""Seconds of silence after which a comment is sent, so that nobody on the way takes the stream for dead."""
MOST: Final = 200


async def events(given: Services, hub: Hub, tenant: str) -> AsyncIterator[str]:
    """``calls`` (all that are under way) at first and whenever news may have been missed; ``call`` (one, as it is now); ``ended``.

    Everything is read in a transaction of the tenant's own. The stream ends after a while, so that whoever reads it must show again
    that they may.
    """
    end = anyio.current_time() + given.settings.live_stream_s
    with hub.watch(tenant) as watch:
        yield await _all(given, tenant)
        while (left := end - anyio.current_time()) > 0:
            changed: frozenset[str] | None = frozenset()
            # No scope is open at a yield: whoever reads may go away there, and the rest of this is then closed from elsewhere.
            with anyio.move_on_after(min(PING, left)):
                changed = await watch.news()
            if changed is None:
                yield await _all(given, tenant)
            elif changed:
                for text in await _some(given, tenant, changed):
                    yield text
            else:
                yield ": still here\n\n"


async def _all(given: Services, tenant: str) -> str:
    async with given.database.tenant(tenant) as scope:
        found = await ops.page(scope, given, MOST, None)
    return _event("calls", [one.model_dump(mode="json") for one in found])


async def _some(given: Services, tenant: str, ids: frozenset[str]) -> list[str]:
    async with given.database.tenant(tenant) as scope:
        found = await calls.some(scope, ids)
        views = await ops.views(scope, given, [one for one in found if one.state == "live"])
    over = [_event("ended", {"id": one.id}) for one in found if one.state == "ended"]
    return [*(_event("call", one.model_dump(mode="json")) for one in views), *over]


def _event(name: str, data: Any) -> str:  # noqa: ANN401 - JSON
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"
