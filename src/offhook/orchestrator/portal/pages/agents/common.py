"""What all pages of one agent have around them: its name and state, the ways to its parts, and what may be done with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Path

from offhook.errors import PreconditionFailed
from offhook.orchestrator.agents.ops import editing, reading
from offhook.orchestrator.agents.schemas import AgentView, DraftView
from offhook.orchestrator.auth.access import ID, TenantAccess, in_tenant
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.portal.frame import Frame, Shell, tenant_shell
from offhook.orchestrator.portal.show import Local, _, many
from offhook.orchestrator.tenants.schemas import Tenant

Reading = Annotated[TenantAccess, in_tenant("agents.read")]
Writing = Annotated[TenantAccess, in_tenant("agents.write")]
Publishing = Annotated[TenantAccess, in_tenant("agents.publish")]
AgentId = Annotated[str, Path(pattern=ID)]
TABS: Final = (
    ("script", "Script"),
    ("voice", "Voice"),
    ("turns", "Turns"),
    ("hours", "Hours"),
    ("transfers", "Transfers"),
    ("knowledge", "Knowledge"),
    ("results", "Results"),
    ("versions", "Versions"),
)
"""Path under the agent's, and label."""
NUMBERS: Final = 1_000


@dataclass(frozen=True, slots=True)
class AgentFrame:
    """What ``agent.html`` is given, with all that pages under it build on."""

    shell: Shell
    local: Local
    tenant: Tenant
    agent: AgentView
    draft: DraftView
    tabs: tuple[tuple[str, str, bool], ...]
    """Label, address, and whether it is this page."""
    base: str
    """The agent's address."""
    state: str
    """How the draft stands to what is live, in a sentence."""
    may_write: bool
    may_publish: bool
    current: str

    @property
    def title(self) -> str:
        """Which version the draft would become; empty where there is none to make."""
        if self.agent.archived_at is not None:
            return _("Archived")
        if self.agent.live is None:
            return _("Draft, never published")
        return _("Draft with changes") if self.agent.changed else _("Version {number}").format(number=self.agent.live)


async def agent_frame(access: TenantAccess, frame: Frame, agent: str, current: str) -> AgentFrame:
    """The frame of a page of this agent; NotFound. ``current`` is one of ``TABS``, or another page's path."""
    view = (await reading.get(access.scope, agent)).view
    draft = await editing.show(access.scope, agent)
    shell, local, tenant = await tenant_shell(access, frame.brand, "agents")
    base = f"/t/{tenant.id}/agents/{view.id}"
    ringing = [local.phone(one.did) for one in await numbers.page(access.scope, NUMBERS, None) if one.agent_id == view.id]
    return AgentFrame(
        shell=shell,
        local=local,
        tenant=tenant,
        agent=view,
        draft=draft,
        tabs=tuple((_(label), f"{base}/{path}", path == current) for path, label in TABS),
        base=base,
        state=_state(view, ringing),
        may_write="agents.write" in access.may and view.archived_at is None,
        may_publish="agents.publish" in access.may and view.archived_at is None,
        current=current,
    )


def _state(agent: AgentView, ringing: list[str]) -> str:
    """As: version 14 is live on 020 7946 0000."""
    if agent.archived_at is not None:
        return _("It answers no calls.")
    if agent.live is None:
        return _("Nobody answers by it before it is published.")
    said = _("Version {number} is live").format(number=agent.live)
    if not ringing:
        return _("{said}, and no number rings it.").format(said=said)
    where = many("{n} number", "{n} numbers", len(ringing)) if len(ringing) > 2 else _(" and ").join(ringing)
    return _("{said} on {where}.").format(said=said, where=where)


def unchanged(fields: Mapping[str, str], revision: int) -> None:
    """PreconditionFailed where a form was made from another revision than this one: what ``If-Match`` is to a program."""
    if fields.get("revision") != str(revision):
        raise PreconditionFailed("somebody has changed this agent in between: look at it again, then repeat what you did")
