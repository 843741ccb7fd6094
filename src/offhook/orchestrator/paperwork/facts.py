"""What is known of a call, gathered for its paperwork."""

from __future__ import annotations

from urllib.parse import quote

from offhook.orchestrator.calls import reading
from offhook.orchestrator.calls.schemas import CallDetail
from offhook.orchestrator.calls.transcript import turns_of
from offhook.orchestrator.crm import ops as crm
from offhook.orchestrator.numbers.ops import e164
from offhook.orchestrator.paperwork.plan import Told
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.tenants import ops as tenants


async def told(scope: TenantScope, given: Services, call: str) -> Told | None:
    """A call as its paperwork has it; None before it has a result. NotFound."""
    detail = await reading.detail(scope, call)
    if detail.result is None:
        return None
    tenant = await tenants.get(scope)
    left = e164(detail.result.contact.phone or "", tenant.region)
    caller = detail.call.caller if detail.call.caller.startswith("+") else None
    phones = tuple(dict.fromkeys(one for one in (left, caller) if one))
    here = f"{given.settings.portal}/t/{scope.tenant}/calls/{quote(call, safe='')}"
    return Told(
        call=call,
        phones=phones,
        at=detail.call.at,
        zone=tenant.zone,
        said=_said(detail),
        result=detail.result,
        visits=tuple(detail.appointments),
        lead=detail.lead,
        messages=tuple(detail.messages),
        contact=await crm.find_contact(scope, phones[0]) if phones else None,
        page=here,
        recording=f"{here}?at=0" if detail.call.recorded else "",
    )


def _said(detail: CallDetail) -> bool:
    """Whether the caller said anything; also where the words themselves were not kept. A machine that we rang says nothing of its own."""
    if detail.call.outcome in {"voicemail", "voicemail_left"}:
        return False
    heard = any(one.speaker == "caller" and one.text.strip() for one in turns_of(detail.turns))
    return heard or any(one["type"] == "turn.caller" and "text" not in one for one in detail.turns)
