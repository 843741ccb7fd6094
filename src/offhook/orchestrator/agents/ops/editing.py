"""Making agents and working on their drafts."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, Final

from anyio import to_thread
from pydantic import ValidationError

from offhook.errors import Conflict, Invalid
from offhook.orchestrator.agents import templates
from offhook.orchestrator.agents.check import Checked
from offhook.orchestrator.agents.config import AgentConfig
from offhook.orchestrator.agents.ops import checking, reading
from offhook.orchestrator.agents.repo import AgentRepo
from offhook.orchestrator.agents.schemas import TEXT_LONGEST, AgentView, DraftView, NewAgent, ScriptBody, ScriptView
from offhook.orchestrator.agents.stored import Stored
from offhook.orchestrator.errors import faults_of
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.tenants import ops as tenants

MOST: Final = 500
"""Agents of a tenant, archived ones too."""


async def create(given: Services, scope: TenantScope, new: NewAgent) -> AgentView:
    """An agent with a draft; nothing answers calls before it is published. Invalid, NotFound for a template."""
    if new.template is not None:
        template = await to_thread.run_sync(templates.get, new.template)
        config, text = template.config, template.text
        return await add(given, scope, config.model_copy(update={"name": new.name or config.name}), text)
    config = AgentConfig.model_validate(new.config)
    config = checking.normal(config.model_copy(update={"name": new.name or config.name}), (await tenants.get(scope)).region)
    if not new.unfinished:
        await checking.need_sound(scope, config, under="config.")
    return await add(given, scope, config, None)


async def duplicate(given: Services, scope: TenantScope, id: str, name: str | None) -> AgentView:
    """A new agent with the draft of another; NotFound."""
    old = await reading.get(scope, id)
    config = AgentConfig.model_validate(old.draft)
    return await add(given, scope, config.model_copy(update={"name": name or f"{config.name} (copy)"[:200]}), old.draft_text)


async def add(given: Services, scope: TenantScope, config: AgentConfig, text: str | None) -> AgentView:
    """Store a new agent; Conflict where there are too many."""
    repo, now = AgentRepo(scope), given.clock()
    if await repo.count() >= MOST:
        raise Conflict(f"a tenant has at most {MOST} agents")
    made = new_id("agt", now)
    await repo.add(made, config, text, now)
    return (await reading.get(scope, made)).view


async def show(scope: TenantScope, id: str) -> DraftView:
    """The draft with all that is wrong with it; NotFound."""
    return await _shown(scope, await reading.get(scope, id))


async def replace(given: Services, scope: TenantScope, old: Stored, config: AgentConfig, *, unfinished: bool) -> DraftView:
    """Put a document in the draft's place. Invalid with all faults, unless ``unfinished``."""
    config = checking.normal(config, (await tenants.get(scope)).region)
    same = json.dumps(config.script) == json.dumps(old.draft["script"])  # order counts
    return await _keep(given, scope, old, config, old.draft_text if same else None, unfinished=unfinished)


async def patch(given: Services, scope: TenantScope, old: Stored, changes: Mapping[str, Any], *, unfinished: bool) -> DraftView:
    """Change parts of the draft as a JSON Merge Patch (RFC 7396) says: null takes a field back to its default."""
    return await replace(given, scope, old, _patched(old, changes), unfinished=unfinished)


async def patch_part(given: Services, scope: TenantScope, old: Stored, changes: Mapping[str, Any], under: Collection[str]) -> DraftView:
    """The same for who sees a part of the draft only: what is wrong under these paths is refused, with all its faults, and what is wrong
    elsewhere is kept as it is.
    """
    config = checking.normal(_patched(old, changes), (await tenants.get(scope)).region)
    _need_in_use(old)
    text = old.draft_text if json.dumps(config.script) == json.dumps(old.draft["script"]) else None
    found = await checking.checked(scope, config, text)
    wrong = tuple(one for one in found.faults if any(one.path == part or one.path.startswith(f"{part}.") for part in under))
    if wrong:
        raise Invalid("this part of the agent has faults", faults=wrong)
    await AgentRepo(scope).keep_draft(old.id, config, text, given.clock())
    return _view(await reading.get(scope, old.id), config, found)


def _patched(old: Stored, changes: Mapping[str, Any]) -> AgentConfig:
    try:
        return AgentConfig.model_validate(merged(old.draft, changes))
    except ValidationError as error:
        raise Invalid("the draft would not be a configuration", faults=faults_of(error)) from error


def _need_in_use(old: Stored) -> None:
    if old.archived_at is not None:
        raise Conflict("the agent is archived: bring it back first")


async def show_script(scope: TenantScope, id: str) -> ScriptView:
    """The draft's script; NotFound."""
    return await _script(scope, await reading.get(scope, id))


async def replace_script(given: Services, scope: TenantScope, old: Stored, body: ScriptBody, *, unfinished: bool) -> ScriptView:
    """Put a script in the place of the draft's. Invalid with path and line, unless it is ``unfinished`` and can be read."""
    document = body.document
    if body.text is not None:
        document, _ = await checking.read(body.text)
    try:
        config = AgentConfig.model_validate({**old.draft, "script": document})
    except ValidationError as error:
        raise Invalid("the script cannot be taken", faults=faults_of(error)) from error
    await _keep(given, scope, old, config, body.text, unfinished=unfinished)
    return await _script(scope, await reading.get(scope, old.id))


async def replace_part(
    given: Services, scope: TenantScope, old: Stored, section: str, name: str, part: Mapping[str, Any] | None
) -> ScriptView | None:
    """Put one state, slot or tool in the place of the draft's, finished or not, and leave the rest of its text as it was written.

    None where nothing changes. Invalid: the script would be too long.
    """
    text = old.draft_text if old.draft_text is not None else await checking.write(old.draft["script"])
    made = await checking.rewritten(text, section, name, part)
    if made == text:
        return None
    if len(made) > TEXT_LONGEST:
        raise Invalid(f"the script is {len(made):,} characters long, at most {TEXT_LONGEST:,} are taken")
    return await replace_script(given, scope, old, ScriptBody(text=made), unfinished=True)


def merged(target: Any, changes: Any) -> Any:  # noqa: ANN401 - plain documents
    """RFC 7396 section 2."""
    if not isinstance(changes, Mapping):
        return changes
    made = dict(target) if isinstance(target, Mapping) else {}
    for name, value in changes.items():
        if value is None:
            made.pop(name, None)
        else:
            made[name] = merged(made.get(name), value)
    return made


async def _keep(given: Services, scope: TenantScope, old: Stored, config: AgentConfig, text: str | None, *, unfinished: bool) -> DraftView:
    _need_in_use(old)
    if not unfinished:
        await checking.need_sound(scope, config, text)
    await AgentRepo(scope).keep_draft(old.id, config, text, given.clock())
    return await _shown(scope, await reading.get(scope, old.id))


async def _shown(scope: TenantScope, stored: Stored) -> DraftView:
    config = AgentConfig.model_validate(stored.draft)
    return _view(stored, config, await checking.checked(scope, config, stored.draft_text))


def _view(stored: Stored, config: AgentConfig, found: Checked) -> DraftView:
    return DraftView(
        id=stored.id,
        revision=stored.revision,
        live=stored.live,
        changed=stored.changed,
        updated_at=stored.updated_at,
        config=config,
        check=checking.shown(found),
    )


async def _script(scope: TenantScope, stored: Stored) -> ScriptView:
    config = AgentConfig.model_validate(stored.draft)
    text = stored.draft_text if stored.draft_text is not None else await checking.write(config.script)
    found = checking.shown(await checking.checked(scope, config, text))
    return ScriptView(revision=stored.revision, text=text, document=config.script, check=found)
