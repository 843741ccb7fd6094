"""Saving a part of an agent's draft from its form, as the API does: of the revision that was seen, and written down."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from offhook.errors import PreconditionFailed
from offhook.orchestrator.agents.ops import editing, reading
from offhook.orchestrator.agents.schemas import DraftView, VersionDetail
from offhook.orchestrator.agents.stored import Stored
from offhook.orchestrator.auth.access import TenantAccess
from offhook.orchestrator.portal.show import _

REVISION: Final = "revision"
"""Field that says which revision of the draft a form was made from."""


async def locked(access: TenantAccess, agent: str, fields: Mapping[str, str]) -> Stored:
    """The agent's row, for a change; NotFound, PreconditionFailed if the draft has been changed since the form was made."""
    old = await reading.get(access.scope, agent, lock=True)
    if fields.get(REVISION) != str(old.revision):
        raise PreconditionFailed(
            _(
                "Somebody has saved this agent since you opened it, so nothing was saved. What you typed still stands here:"
                " open the page anew beside it, and enter it again"
            )
        )
    return old


async def save(
    access: TenantAccess, agent: str, fields: Mapping[str, str], changes: Mapping[str, Any], under: Collection[str]
) -> DraftView:
    """Change a part of the draft, as a merge patch says. Invalid with the faults under these paths."""
    old = await locked(access, agent, fields)
    draft = await editing.patch_part(access.given, access.scope, old, changes, under)
    after = draft.config.model_dump(mode="json")
    changed = sorted(name for name in after if after[name] != old.draft.get(name))
    await access.audit("agent.draft_changed", draft.id, {"fields": changed, "revision": draft.revision})
    return draft


async def published(access: TenantAccess, agent: str, made: VersionDetail) -> None:
    """Write down that a version was made."""
    details = {"version": made.number, "sha": made.sha, "note": made.note, "restored_from": made.restored_from}
    await access.audit("agent.published", agent, details)
