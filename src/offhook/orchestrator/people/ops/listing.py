"""A team on one page: who is in it, and who is invited."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from offhook.orchestrator.people.ops.members import AnyScope, invitation_view, view
from offhook.orchestrator.people.schemas import Invitation, Member
from offhook.orchestrator.people.team import Team

MOST: Final = 200


async def everybody(scope: AnyScope, now: datetime) -> tuple[list[Member], list[Invitation]]:
    """Members, and invitations that nobody has taken yet; the newest first, as many as a page shows."""
    team = Team(scope)
    invited = await team.invitations(MOST, None, now)
    return [view(row) for row in await team.members(MOST, None)], [invitation_view(row) for row in invited]
