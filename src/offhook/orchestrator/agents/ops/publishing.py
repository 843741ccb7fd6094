"""Versions: publishing, going back, comparing, and taking an agent out of use."""

from __future__ import annotations

from typing import Final

from offhook.errors import Conflict, NotFound
from offhook.orchestrator.agents import diff
from offhook.orchestrator.agents.config import AgentConfig
from offhook.orchestrator.agents.ops import checking, reading
from offhook.orchestrator.agents.repo import AgentRepo
from offhook.orchestrator.agents.schemas import AgentView, DiffView, VersionDetail
from offhook.orchestrator.agents.stored import By, Stored, dumped
from offhook.orchestrator.auth.permissions import Principal
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services

SHOWN: Final = 2_000
"""Differences that are listed."""


async def publish(given: Services, scope: TenantScope, old: Stored, who: Principal, note: str) -> VersionDetail:
    """Make a version of the draft, which takes calls from now on. Calls that are under way keep theirs. Invalid with all faults."""
    config = AgentConfig.model_validate(old.draft)
    return await _publish(given, scope, old, config, old.draft_text, who, note)


async def restore(given: Services, scope: TenantScope, old: Stored, number: int, who: Principal, note: str) -> VersionDetail:
    """Publish an old version's configuration as a new version; the draft follows unless somebody is working on it."""
    config, text = await reading.config_of(scope, old.id, number)
    untouched = not old.changed
    made = await _publish(given, scope, old, config, text, who, note, restored=number)
    if untouched:
        await AgentRepo(scope).keep_draft(old.id, config, text, given.clock())
    return made


async def compare(scope: TenantScope, id: str, before: str, after: str) -> DiffView:
    """What differs between two versions; each is a number, ``draft`` or ``live``. NotFound."""
    stored = await reading.get(scope, id)
    (first, first_text), (second, second_text) = await _which(scope, stored, before), await _which(scope, stored, after)
    changes = list(diff.changes(first.model_dump(mode="json"), second.model_dump(mode="json")))[:SHOWN]
    script = ""
    if first.script != second.script or first_text != second_text:
        old = first_text if first_text is not None else await checking.write(first.script)
        new = second_text if second_text is not None else await checking.write(second.script)
        script = diff.unified(old, new, before, after)
    return DiffView(before=before, after=after, changes=changes, script=script)


async def archive(given: Services, scope: TenantScope, old: Stored) -> AgentView:
    """Take an agent out of use; Conflict while a number rings it. Its versions and its calls stay."""
    if old.archived_at is None:
        ringing = [one.did for one in await numbers.page(scope, 1_000, None) if one.agent_id == old.id]
        if ringing:
            raise Conflict(f"numbers ring this agent: {', '.join(sorted(ringing)[:20])}; give them to another first")
        await AgentRepo(scope).change(old.id, {"archived_at": given.clock()}, given.clock())
    return (await reading.get(scope, old.id)).view


async def unarchive(given: Services, scope: TenantScope, old: Stored) -> AgentView:
    """Bring an agent back, as it was."""
    if old.archived_at is not None:
        await AgentRepo(scope).change(old.id, {"archived_at": None}, given.clock())
    return (await reading.get(scope, old.id)).view


async def _publish(
    given: Services,
    scope: TenantScope,
    old: Stored,
    config: AgentConfig,
    text: str | None,
    who: Principal,
    note: str,
    *,
    restored: int | None = None,
) -> VersionDetail:
    if old.archived_at is not None:
        raise Conflict("the agent is archived: bring it back first")
    if dumped(config)[1] == old.live_sha:
        raise Conflict(f"nothing has changed since version {old.live}")
    await checking.need_sound(scope, config, text)
    by = By(who.kind, who.id, who.name)
    number = await AgentRepo(scope).publish(old, config, text, by, given.clock(), note=note, restored=restored)
    return await reading.show_version(scope, old.id, number)


async def _which(scope: TenantScope, stored: Stored, name: str) -> tuple[AgentConfig, str | None]:
    if name == "draft":
        return AgentConfig.model_validate(stored.draft), stored.draft_text
    number = stored.live if name == "live" else int(name)
    if number is None:
        raise NotFound("no version is live")
    return await reading.config_of(scope, stored.id, number)
