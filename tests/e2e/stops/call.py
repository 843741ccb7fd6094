"""The page of a call, in all its states. They are Quayside's, whose diary and people nobody else looks at; Dana's is Harbour's too."""

from __future__ import annotations

from datetime import timedelta

from tests.e2e.business import House
from tests.e2e.calls import NOW
from tests.e2e.people import open_street
from tests.e2e.stops import Stop
from tests.e2e.story import BEGAN, SAID, tell

MINA = "mina@quayside.example"
PAGE = "/t/quayside/calls"
REF = "quayside/front-desk"
STOPS = {
    "call": Stop(f"{PAGE}/dana?turn=13", who=MINA),
    "call-plain": Stop("/t/harbour/calls/call_9"),
    "call-silent": Stop("/t/harbour/calls/call_4"),
    "call-at": Stop(f"{PAGE}/dana?at=31.5", who=MINA),
    "call-ids": Stop(f"{PAGE}/dana", "() => { document.getElementById('ids').open = true; }", who=MINA),
    "call-menu": Stop(f"{PAGE}/dana", "() => { document.querySelector('.more').open = true; }", who=MINA),
    "call-live": Stop(f"{PAGE}/live", who=MINA),
    "call-pending": Stop(f"{PAGE}/pending", who=MINA),
    "call-failed": Stop(f"{PAGE}/failed", who=MINA),
    "call-deleted": Stop(f"{PAGE}/old", who=MINA),
    "call-flag": Stop(f"{PAGE}/dana", "() => { document.querySelector('.flagging').open = true; }", who=MINA),
    "call-edit": Stop(f"{PAGE}/dana?edit=1", who=MINA),
    "call-share": Stop(f"{PAGE}/dana/share", "() => document.querySelector('main form').submit()", who=MINA, wait="#link"),
    "call-delete": Stop(f"{PAGE}/dana/delete", who=MINA),
    "call-rerun": Stop(f"{PAGE}/dana/rerun", "() => document.querySelector('main form').submit()", who=MINA, wait=".reruns"),
    "call-papers": Stop(f"{PAGE}/papers", who=MINA),
    "call-nobody": Stop(f"{PAGE}/nobody", who=MINA),
}


async def furnish(house: House) -> None:
    """Mina of Quayside, and her calls."""
    async with open_street(house) as street:
        await street.letters()
        await street.member(MINA, "tenant_owner", at="/v1/tenants/quayside", name="Mina Roe")
    await _webhooks(house)
    await tell(house, "dana", ref=REF)
    await _booked(house)
    await tell(house, "live", ref=REF, began=NOW - timedelta(minutes=2), end={"type": ""}, said=SAID[:8])
    await tell(house, "pending", ref=REF, began=NOW - timedelta(minutes=4), finish=False)
    await tell(house, "failed", ref=REF, began=BEGAN - timedelta(hours=1), said=SAID[:6], end={"reason": "failed", "outcome": "failed", "seconds": 29.0, "path": ("greet", "route", "job"), "slots": {"need": "new_job", "problem": "hot water unit leaking"}})  # fmt: skip  # noqa: E501
    await tell(house, "old", ref=REF, began=BEGAN - timedelta(days=120))
    await house.look("update call set kept = false where id = 'old'")
    await house.look("update call_event set body = body - array['text','heard','acts','args','values','slots'] where call_id = 'old'")
    await tell(house, "nobody", ref=REF, began=BEGAN - timedelta(hours=2), said=(), end={"reason": "hangup", "outcome": "left_early", "seconds": 3.0, "path": (), "slots": {}})  # fmt: skip  # noqa: E501

    await tell(house, "papers", ref=REF, began=BEGAN - timedelta(hours=3), finish=False)
    for number, state in enumerate(("failed", "held", "waiting", "begun", "done", "skipped"), 1):
        await written(house, "quayside", "papers", state, f"con_{number}")


STEPS = ("customer", "job", "appointment", "note")
DOWN, REFUSED = "the system has a fault of its own (503)", "the system refused what it was sent (422)"
PAPERS: dict[str, tuple[str, str, tuple[str, ...], str]] = {
    "done": ("done", "", ("done", "done", "done", "done"), ""),
    "waiting": ("waiting", "", ("done", "waiting", "waiting", "waiting"), DOWN),
    "begun": ("waiting", "", ("done", "running", "waiting", "waiting"), ""),
    "held": ("held", "", ("waiting", "waiting", "waiting", "waiting"), "the system does not take this connection's authorisation any more"),
    "failed": ("failed", REFUSED, ("done", "failed", "waiting", "done"), REFUSED),
    "skipped": ("skipped", "The caller said nothing.", (), ""),
}
"""Of a run its state and reason, its steps' states, and what the first that is not done says."""


async def written(house: House, tenant: str, call: str, state: str, connection: str = "con_1") -> None:
    """A call's paperwork in one system, in this state."""
    run, reason, steps, error = PAPERS[state]
    now = house.now[0]
    await house.look(
        "insert into paperwork_run (tenant_id, call_id, connection_id, adapter, title, state, reason, next_at, created_at, done_at)"
        " values (:t, :call, :connection, 'crm/servicem8', 'ServiceM8', :state, :reason, :next, :now, :done)",
        t=tenant, call=call, connection=connection, state=run, reason=reason, now=now,
        next=now + timedelta(minutes=5) if run in {"waiting", "held"} else None, done=now if run in {"done", "failed", "skipped"} else None,
    )  # fmt: skip
    wrong = next((at for at, one in enumerate(steps) if one != "done"), -1)
    for place, (step, one) in enumerate(zip(STEPS, steps, strict=False)):
        there = one == "done"
        await house.look(
            "insert into paperwork_step (tenant_id, call_id, connection_id, step, place, state, key, attempts, record_kind, record_id,"
            " record_url, error, begun_at, done_at) values (:t, :call, :connection, :step, :place, :state, :key, 1, :kind, :id, :url,"
            " :error, :now, :done)",
            t=tenant, call=call, connection=connection, step=step, place=place, state=one, key=f"call/{call}/{step}",
            kind=step if there else "", id="1" if there else "", url=f"https://go.servicem8.com/{step}?uuid=1" if there else "",
            error=error if place == wrong else "", now=now, done=now if there else None,
        )  # fmt: skip


async def _webhooks(house: House) -> None:
    """Two endpoints: one takes everything, the other has refused nine times."""
    for name in ("dispatch board", "ledger"):
        body = {"url": f"https://{name.split()[0]}.example.com/hook", "description": name}
        answer = await house.ask("POST", "/webhooks", body, tenant="quayside")
        assert answer.status_code == 201, answer.text


async def _booked(house: House) -> None:
    slots = (await house.tool("survey_slots", {}, call="dana", ref=REF))["values"]["slots"]
    who = {"name": "Dana Whitlock", "phone": "+447700900151", "problem": "hot water unit leaking"}
    done = await house.tool("book_survey", {"slot": slots[0]["id"], **who}, call="dana", ref=REF)
    assert done["error"] is None, done
    of = "endpoint_id = (select id from webhook_endpoint where description = :name)"
    done_at = "state = 'succeeded', attempts = 1, last_status = 200, done_at = '2026-11-26T07:44:00Z', next_at = null"
    await house.look(f"update webhook_delivery set {done_at} where {of}", name="ledger")  # noqa: S608
    refused = "attempts = 9, last_status = 503, next_at = '2026-11-26T11:58:00Z'"
    await house.look(f"update webhook_delivery set {refused} where {of} and subject = 'dana'", name="dispatch board")  # noqa: S608
