"""Deleting a call, and what has been kept for long enough."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from offhook.errors import Conflict
from offhook.orchestrator.bookings import ops as bookings
from offhook.orchestrator.calls import ops
from offhook.orchestrator.calls.repo import CallRepo
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.recordings import ops as recordings
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.tools import ops as tools

LONGEST: Final = timedelta(hours=5)
"""No call lasts longer, so one that began before that and has not ended never will: its engine was lost."""


async def delete(given: Services, scope: TenantScope, call: str) -> None:
    """Delete a call with what was said, done and recorded in it. What it booked stays, and no longer says by which call.

    Whatever comes late, or again, of this call finds that it was deleted. NotFound; Conflict while the call goes on.
    """
    found = await ops.locked(scope, call)
    if found.state == "live" and found.at > given.clock() - LONGEST:
        raise Conflict("the call is going on: end it first")
    await recordings.remove(given, scope, call)
    await tools.forget(scope, call)
    await bookings.forget_call(scope, call)
    await numbers.release(scope, call)
    await CallRepo(scope).delete(call, given.clock())
