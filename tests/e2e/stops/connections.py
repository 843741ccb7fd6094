"""Connections: none, several in every state, how one is made, and what is decided about it."""

from __future__ import annotations

from datetime import timedelta

from tests.e2e.business import House
from tests.e2e.calls import NOW
from tests.e2e.stops import Stop

from offhook.orchestrator.connections import ops
from offhook.testing.business.servicem8 import ServiceM8

CONNECTIONS = "/t/harbour/connections"
ROOT = "root@platform.example"
_WRONG = """() => {
  document.querySelector('[name="fields.key"]').value = 'not a key';
  document.querySelector('button[value="key"]').click();
}"""
_LOOK = """() => {
  document.querySelector('[name=reason]').value = 'Asked by phone how to connect a system';
  document.querySelector('main form').submit();
}"""
_OPEN = "() => document.querySelectorAll('details.sure').forEach((one) => { one.open = true; })"
STOPS = {
    "connections": Stop(CONNECTIONS),
    "connections-trouble": Stop(f"{CONNECTIONS}?trouble=denied"),
    "connections-empty": Stop("/r/direct/clients/saltmarsh/open?next=/t/saltmarsh/connections", _LOOK, who=ROOT, wait=".band"),
    "connect": Stop(f"{CONNECTIONS}/new/crm/servicem8"),
    "connect-calendar": Stop(f"{CONNECTIONS}/new/calendar/google"),
    "connect-webhook": Stop(f"{CONNECTIONS}/new/crm/webhook"),
    "connect-wrong": Stop(f"{CONNECTIONS}/new/crm/servicem8", _WRONG, wait=".error"),
    "connection": Stop(f"{CONNECTIONS}/con_mill", _OPEN),  # the ids of both are known once it is made
    "connection-choose": Stop(f"{CONNECTIONS}/con_mill/choose"),
    "connection-expired": Stop(f"{CONNECTIONS}/con_old"),
    "connection-choose-failed": Stop(f"{CONNECTIONS}/con_old/choose"),
    "connection-off": Stop(f"{CONNECTIONS}/con_off"),
}


async def furnish(house: House) -> None:
    """One that works and has something chosen, one that the system does not let in any more, one that is off."""
    given = house.services
    proven = await ops.prove(given, "harbour", "crm/servicem8", {"key": ServiceM8.KEY})
    async with given.database.tenant("harbour") as scope:
        made, _ = await ops.keep_proven(scope, given, proven)
    offered = await ops.choices(given, "harbour", made.id)
    async with given.database.tenant("harbour") as scope:
        old = await ops.locked(scope, made.id)
        await ops.choose(scope, given, old, {"staff/tom": [ServiceM8.STAFF[0]]}, offered)
        await ops.map_fields(scope, given, old, {"work_done_description": "problem"})
    STOPS["connection"] = Stop(f"{CONNECTIONS}/{made.id}", _OPEN)
    STOPS["connection-choose"] = Stop(f"{CONNECTIONS}/{made.id}/choose")
    same = "adapter, auth, account, timezone, settings, chosen, mapping, created_at, updated_at"
    for one, state, problem in (("con_old", "expired", "ServiceM8 does not let us in any more."), ("con_off", "off", "")):
        await house.look(
            "insert into connection (tenant_id, id, account_id, state, problem, revision, ok_at, synced_at, "  # noqa: S608 - our own
            f"{same}) select tenant_id, :one, :one, :state, :problem, 1, :ok, :ok, {same} from connection where id = :made",
            one=one,
            state=state,
            problem=problem,
            ok=NOW - timedelta(minutes=20),
            made=made.id,
        )
