"""Calls of telephone systems that send no webhook of their own: whoever runs one asks for a token, and the media brings it.

The same as a carrier's webhook does: the call takes a place of its number's, and the token is bound to it.
"""

from __future__ import annotations

import secrets
import uuid
from datetime import timedelta
from typing import Final

from offhook.errors import Conflict, Fault, Invalid, NotFound
from offhook.orchestrator.agents import ops as agents
from offhook.orchestrator.carriers import ops
from offhook.orchestrator.carriers.schemas import MediaToken, NewMedia
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.numbers.schemas import NumberView
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services

SLACK: Final = 5
"""Seconds that a place outlives the token of its media."""
NOBODY: Final = "nobody answers this number at present"
BUSY: Final = "all lines are busy"
AUDIOSOCKET: Final = "audiosocket"


async def let_in(scope: TenantScope, given: Services, number: NumberView, new: NewMedia) -> MediaToken:
    """A place and a token for a call to this number; Conflict where nobody answers it or there is no place."""
    now = given.clock()
    if new.dialect != AUDIOSOCKET and not new.carrier_call:
        raise Invalid("the call has no id", faults=(Fault("carrier_call", "needed: the media must name it too"),))
    await _answered(scope, number, given)
    # An AudioSocket brings sixteen bytes and nothing else: they are its token and its name.
    token = str(uuid.UUID(bytes=secrets.token_bytes(16))) if new.dialect == AUDIOSOCKET else ""
    carrier_call = token or new.carrier_call
    ttl = given.settings.token_ttl_s
    if await numbers.place(scope, number.id, now, now + timedelta(seconds=ttl + SLACK), carrier_call=carrier_call) != "placed":
        raise Conflict(BUSY)
    made = await ops.mint(scope, carrier_call, number.did, new.caller, now, ttl, token=token)
    url = "" if new.dialect == AUDIOSOCKET else given.settings.stream_to(new.dialect)
    return MediaToken(token=made, url=url, did=number.did, expires_in_s=ttl)


async def _answered(scope: TenantScope, number: NumberView, given: Services) -> None:
    """Whether somebody answers it; a call that nobody does is counted."""
    try:
        agent = await agents.live(scope, number.agent_id) if number.enabled else None
    except NotFound:
        agent = None
    if agent is None or agent.tenant.suspended:
        why = "disabled" if not number.enabled else "no_agent" if agent is None else "suspended"
        await numbers.refused(scope, number.id, why, given.clock())
        raise Conflict(NOBODY)
