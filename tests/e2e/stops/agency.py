"""An agency with a dozen clients, one without any, and the platform's own pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from tests.e2e.business import House, receptionist
from tests.e2e.calls import NOW
from tests.e2e.people import open_street
from tests.e2e.stops import Stop

from offhook.orchestrator.overview import ops
from offhook.orchestrator.seed import plant

MINA, NEW = "mina@trellis.example", "noor@fresh.example"
ROOT = "root@platform.example"
AGENCY = "/r/trellis"
_LOOK = """() => {
  document.querySelector('[name=reason]').value = 'Asked by phone why a call on Tuesday was cut off';
  document.querySelector('main form').submit();
}"""
_SHORT = "() => { document.querySelector('[name=reason]').value = 'x'; document.querySelector('main form').submit(); }"
STOPS = {
    "agency": Stop(AGENCY, who=MINA),
    "agency-by-calls": Stop(f"{AGENCY}?sort=calls", who=MINA),
    "agency-none": Stop(f"{AGENCY}?q=nosuchclient", who=MINA),
    "agency-problems": Stop(f"{AGENCY}/problems", who=MINA),
    "agency-client": Stop(f"{AGENCY}/clients/coastline", who=MINA),
    "agency-client-suspended": Stop(f"{AGENCY}/clients/tasman", who=MINA),
    "agency-new-client": Stop(f"{AGENCY}/clients/new", who=MINA),
    "agency-open": Stop(f"{AGENCY}/clients/northside/open", who=MINA),
    "agency-open-refused": Stop(f"{AGENCY}/clients/northside/open", _SHORT, who=MINA, wait=".error"),
    "agency-opened": Stop(f"{AGENCY}/clients/northside/open?next=/t/northside/calls", _LOOK, who=MINA, wait=".band"),
    "agency-brand": Stop(f"{AGENCY}/brand", who=MINA),
    "agency-team": Stop(f"{AGENCY}/team", who=MINA),
    "agency-audit": Stop(f"{AGENCY}/audit", who=MINA),
    "agency-settings": Stop(f"{AGENCY}/settings", who=MINA),
    "platform": Stop("/ops", who=ROOT),
    "platform-jobs": Stop("/ops/jobs", who=ROOT),
    "platform-members": Stop("/ops/members", who=ROOT),
    "platform-audit": Stop("/ops/audit", who=ROOT),
    "agency-empty": Stop("/r/fresh", who=NEW),
    "agency-no-problems": Stop("/r/fresh/problems", who=NEW),
}


@dataclass(frozen=True, slots=True)
class Doing:
    """A client: calls of seven days, today's last; of ten, so many are booked; how long nine in ten replies took."""

    id: str
    name: str
    days: tuple[int, ...]
    booked: int
    reply_ms: int
    broken: int = 0


CLIENTS = (
    Doing("coastline", "Coastline Electrical", (8, 11, 10, 9, 7, 12, 0), 3, 560),
    Doing("bright", "Bright Smile Dental", (16, 14, 14, 12, 10, 13, 14), 4, 1_640),
    Doing("kahu", "Kahu Builders", (9, 6, 10, 7, 7, 6, 9), 2, 530),
    Doing("northside", "Northside Vets", (9, 7, 12, 8, 7, 12, 11), 4, 590),
    Doing("ace", "Ace Locksmiths", (8, 12, 10, 9, 10, 9, 9), 3, 570),
    Doing("lumen", "Lumen Physio", (9, 7, 12, 8, 12, 8, 10), 5, 560),
    Doing("redgum", "Redgum Removals", (11, 10, 9, 10, 8, 9, 10), 2, 610),
    Doing("wren", "Wren Property", (9, 8, 9, 9, 14, 9, 10), 1, 625, broken=2),
    Doing("tasman", "Tasman Auto", (5, 6, 11, 13, 8, 9, 9), 3, 570),
    Doing("bellbird", "Bellbird Hair", (11, 13, 7, 11, 11, 10, 11), 5, 545),
)
_CALLS = """
    insert into call (tenant_id, id, agent_id, state, planned_at, started_at, ended_at, outcome, reason, seconds)
    select :tenant, 'call_' || :back || '_' || n, 'front-desk', 'ended', at, at, at + interval '2 minutes',
        case when n % 10 < :booked then 'booked' else 'message' end, 'hangup', 60 + n * 7
    from (select n, cast(:began as timestamptz) + n * interval '11 minutes' as at from generate_series(1, :calls) as n) as made
"""
_REPLIES = """
    insert into call_event (tenant_id, call_id, id, seq, type, body)
    select tenant_id, id, 'e' || n, n, 'turn.agent', jsonb_build_object(
        'start_ms', n * 8000, 'end_ms', n * 8000 + 4000, 'ladder', jsonb_build_object('total', cast(:reply as int) - n * 20))
    from call, generate_series(1, 4) as n where tenant_id = :tenant
"""


async def furnish(house: House) -> None:
    """Clients of an agency with a week behind them, counted as the job counts them."""
    for id, name in (("trellis", "Trellis Voice"), ("fresh", "Fresh Start")):  # noqa: A001 - of a reseller
        await house.look("insert into reseller (id, name) values (:id, :name)", id=id, name=name)
    first, script = receptionist()
    for at, one in enumerate(CLIENTS):
        changes = {"id": one.id, "name": one.name, "numbers": (f"+4420794601{at:02}",), "fallback_number": None}
        await plant(house.services.database, first.model_copy(update=changes), script)
        await house.look("update tenant set reseller_id = 'trellis' where id = :id", id=one.id)
        await _week(house, one)
    await _trouble(house)
    await ops.roll_up(house.services)
    async with open_street(house) as street:
        await street.letters()
        await street.member(MINA, "reseller_admin", at="/v1/resellers/trellis", name="Mina Kovac")
        await street.member("sam@trellis.example", "reseller_support", at="/v1/resellers/trellis", name="Sam Whitfield")
        await street.member(NEW, "reseller_admin", at="/v1/resellers/fresh", name="Noor Aziz")


async def _week(house: House, one: Doing) -> None:
    for back, calls in enumerate(reversed(one.days)):
        began = NOW - timedelta(days=back, hours=3)
        await house.look(_CALLS, tenant=one.id, back=back, booked=one.booked, began=began, calls=calls)
    await house.look(_REPLIES, tenant=one.id, reply=one.reply_ms)
    await house.look(
        "update call set reason = 'failed', outcome = 'failed' where tenant_id = :tenant and id in (select 'call_0_' || n"
        " from generate_series(1, :broken) as n)",
        tenant=one.id,
        broken=one.broken,
    )


async def _trouble(house: House) -> None:
    await house.look(
        "insert into refused_call (tenant_id, day, number_id, reason, count, last_at)"
        " select tenant_id, :day, id, 'disabled', 14, :now from number where tenant_id = 'coastline'",
        day=NOW.date(),
        now=NOW,
    )
    await house.look("update number set enabled = false where tenant_id = 'coastline'")
    await house.look("update tenant set suspended = true where id = 'tasman'")
    made = await house.ask("POST", "/webhooks", {"url": "https://kahu.example/hook", "description": "Kahu's diary"}, tenant="kahu")
    await house.look("update webhook_queue set failing_since = :at where endpoint_id = :id", at=NOW, id=made.json()["id"])
