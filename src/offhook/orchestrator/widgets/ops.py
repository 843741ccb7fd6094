"""Call buttons, and the calls that visitors begin with them: calls like any other, of which nobody knows the number."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from html import escape
from typing import Any, Final

from offhook.errors import Conflict, Fault, Invalid, NotFound, NotPermitted, Retry, TooManyRequests
from offhook.orchestrator.agents import ops as agents
from offhook.orchestrator.agents.trials import ops as trials
from offhook.orchestrator.agents.trials.schemas import NewVoiceTest
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.widgets.repo import WidgetDirectory, WidgetRepo
from offhook.orchestrator.widgets.schemas import NewWidget, Visit, WidgetChange, WidgetView
from offhook.orchestrator.widgets.tables import WidgetRow

PREFIX: Final = "cb_"
MOST: Final = 100
"""Buttons that one tenant may have."""
MINUTES: Final = 2
"""How long a visitor's token waits for its call."""


async def create(scope: TenantScope, given: Services, new: NewWidget) -> WidgetView:
    """Make a button; Invalid for an agent that is not there."""
    repo, now = WidgetRepo(scope), given.clock()
    if len(await repo.page(MOST, None)) >= MOST:
        raise Conflict(f"there are {MOST} call buttons already: delete one first")
    await _agent(scope, new.agent_id)
    made = new_id("wdg", now)
    fields = {**new.model_dump(), "origins": list(dict.fromkeys(new.origins))}
    await repo.add(id=made, key=PREFIX + secrets.token_urlsafe(18), created_at=now, updated_at=now, **fields)
    return await show(scope, given, made)


async def show(scope: TenantScope, given: Services, id: str, *, lock: bool = False) -> WidgetView:
    """A button; NotFound."""
    row = await WidgetRepo(scope).get(id, lock=lock)
    if row is None:
        raise NotFound("no such call button")
    return _view(row, given)


async def page(
    scope: TenantScope, given: Services, limit: int, after: tuple[datetime, str] | None = None, *, agent: str = ""
) -> list[WidgetView]:
    """Buttons, newest first; those of one agent, or all."""
    return [_view(row, given) for row in await WidgetRepo(scope).page(limit, after, agent)]


async def change(scope: TenantScope, given: Services, old: WidgetView, changes: WidgetChange) -> WidgetView:
    """Change what is given."""
    told = changes.model_dump(include=changes.model_fields_set)
    if faults := tuple(Fault(name, "this cannot be empty") for name, value in told.items() if value is None):
        raise Invalid("a call button always has these", faults=faults)
    if "agent_id" in told:
        await _agent(scope, told["agent_id"])
    if "origins" in told:
        told["origins"] = list(dict.fromkeys(told["origins"]))
    if told:
        await WidgetRepo(scope).change(old.id, told, given.clock())
    return await show(scope, given, old.id)


async def delete(scope: TenantScope, id: str) -> None:
    """Drop a button: pages that still have it call nobody."""
    await WidgetRepo(scope).delete(id)


def differences(old: WidgetView, new: WidgetView, names: Collection[str]) -> dict[str, Any]:
    """What a change of these fields has changed, for the log."""
    return {name: [getattr(old, name), getattr(new, name)] for name in sorted(names)}


async def visit(given: Services, key: str, origin: str, address: str) -> Visit:
    """Let a page's visitor call. NotFound, NotPermitted for a page that is none of the button's, TooManyRequests."""
    given.limits.visits.check(address)
    now = given.clock()
    async with given.database.platform() as platform:
        found = await WidgetDirectory(platform).find(key)
    if found is None:
        raise NotFound("no such call button")
    tenant, id = found  # noqa: A001 - the button's
    async with given.database.tenant(tenant) as scope:
        row = await WidgetRepo(scope).get(id, lock=True)  # one visitor after another, so that the caps hold
        if row is None or not row.enabled:
            raise NotFound("no such call button")
        if origin not in row.origins:
            raise NotPermitted("this call button may not stand on pages of this origin")
        for most, while_s in ((row.per_minute, 60), (row.per_day, 86_400)):
            if await trials.begun(scope, id, now - timedelta(seconds=while_s)) >= most:
                raise TooManyRequests("too many calls were begun here: try again later", retry=Retry(float(while_s)))
        agent = await agents.live(scope, row.agent_id)
        _, token = await trials.start(scope, agent, NewVoiceTest(real=True, minutes=MINUTES), id, now, visitor=True)
    engine = given.settings.browser_engine
    socket = f"{engine.replace('http', 'ws', 1)}/media/browser"
    return Visit(token=token, offers=given.settings.offers(origin, now.timestamp()), socket=socket)


async def _agent(scope: TenantScope, id: str) -> None:
    try:
        await agents.draft(scope, id)
    except NotFound:
        raise Invalid("there is no such agent", faults=(Fault("agent_id", "there is no such agent"),)) from None


def _view(row: WidgetRow, given: Services) -> WidgetView:
    address = f"{given.settings.portal}/widget/offhook-call.js"
    snippet = f'<script type="module" src="{escape(address)}"></script>\n<offhook-call key="{escape(row.key)}"></offhook-call>'
    return WidgetView.model_validate(row).model_copy(update={"snippet": snippet})
