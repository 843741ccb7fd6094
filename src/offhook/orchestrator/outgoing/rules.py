"""How a tenant places calls, and whether a number may be rung: by consent, by the do-not-call list, and by where calls may go at all."""

from __future__ import annotations

from offhook.orchestrator.agents import ops as agents
from offhook.orchestrator.crm import contacts
from offhook.orchestrator.crm import ops as crm
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.outgoing.repo import Lists, OutgoingRepo
from offhook.orchestrator.outgoing.schemas import REASONS, Purpose, Setting, SettingView
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.tolls import ops as tolls


async def setting(scope: TenantScope, *, lock: bool = False) -> SettingView:
    """How the tenant places calls."""
    return SettingView.model_validate(await OutgoingRepo(scope).setting(lock=lock))


async def put_setting(scope: TenantScope, new: Setting) -> SettingView:
    """Place calls so from now on; NotFound or Conflict for an agent that cannot be used."""
    if new.reminder_agent is not None:
        await agents.need_in_use(scope, new.reminder_agent)
    await OutgoingRepo(scope).set(new.model_dump(mode="json"))
    return await setting(scope)


async def why_not(scope: TenantScope, to: str, purpose: Purpose, lead: str | None = None) -> str:
    """Why this number (E.164) may not be rung, in words; empty where it may."""
    _, why = await may(scope, to, purpose, lead)
    why = why or (await tolls.rules(scope)).why_not(to)
    return REASONS.get(why, why) if why else ""


async def may(scope: TenantScope, to: str, purpose: str, lead: str | None) -> tuple[str, str | None]:
    """By what this number may be rung for this purpose, or why it may not."""
    held = Lists(scope)
    contact = await crm.find_contact(scope, to)
    if await held.find(to) is not None or (contact is not None and contact.no_calls):
        return "", "do_not_call"
    if await held.consent(to) is not None:
        return "given", None
    if purpose == "call-back" and lead is not None and (await contacts.lead(scope, lead)).status == "callback":
        return "asked", None
    wanted = await setting(scope)
    return ("", "no_consent") if purpose in wanted.consent_for else ("service", None)


async def own(scope: TenantScope, to: str) -> bool:
    """Whether a number is the tenant's own."""
    return any(one.did == to for one in await numbers.page(scope, 1_000, None))
