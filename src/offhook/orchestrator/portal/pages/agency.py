"""An agency's clients: how they are doing, and with whom something is wrong. All of it was counted before; no client's row is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict

from offhook.orchestrator.auth.access import ResellerAccess, in_reseller
from offhook.orchestrator.kit.paging import page, position_of
from offhook.orchestrator.overview import ops
from offhook.orchestrator.overview.schemas import BAD, Client, Order, Totals, under
from offhook.orchestrator.portal.frame import Framed, reseller_shell
from offhook.orchestrator.portal.render import portal, wants_part
from offhook.orchestrator.portal.show import Local, _, initials
from offhook.orchestrator.portal.spark import Spark, spark
from offhook.orchestrator.portal.troubles import Trouble, state, troubles

router = APIRouter(tags=["portal"], include_in_schema=False)
Reading = Annotated[ResellerAccess, in_reseller("reseller.read")]
PART: Final = 50
SHOWN: Final = 3
"""Problems above the table; all of them have a page."""
LISTED: Final = 200
STALE: Final = timedelta(minutes=5)
"""Figures are made every minute; older ones say that they are."""
SLOW_MS: Final = 1_400
EXAMPLE: Final = "harbour"
"""The demonstration's business: examples/receptionist/business.yaml."""
ORDERS: Final[dict[Order, str]] = {"problems": "Problems first", "calls": "By calls", "name": "By name"}


class Asked(BaseModel):
    """What the list is asked for; it stands in the address."""

    model_config = ConfigDict(frozen=True)

    sort: Order = "problems"
    q: Annotated[str, Query(max_length=200)] = ""

    def href(self, base: str, **changes: object) -> str:
        """The address of the list with this changed."""
        values = {**self.model_dump(), **changes}
        kept = {name: str(value) for name, value in values.items() if value not in {None, "", "problems"}}
        return f"{base}?{urlencode(kept)}" if kept else base


@dataclass(frozen=True, slots=True)
class Row:
    """A client as the table shows it."""

    id: str
    name: str
    mark: str
    spark: Spark | None
    said: str
    falling: bool
    today: int
    share: int | None
    nine_in_ten: int | None
    slow: bool
    minutes: int
    icon: str
    kind: str
    word: str


@router.get("/r/{reseller}", response_class=HTMLResponse)
async def clients_page(
    request: Request,
    frame: Framed,
    access: Reading,
    asked: Annotated[Asked, Query()],
    cursor: Annotated[str | None, Query(max_length=1_000)] = None,
) -> HTMLResponse:
    """All clients, those with problems first."""
    shell, local, reseller = await reseller_shell(access, "")
    base, words = f"/r/{reseller.id}", asked.q.replace("\0", "").strip()
    filters = {"list": "portal clients", "reseller": reseller.id, **asked.model_dump()}
    position = position_of(access.given, filters, cursor)
    found = page(
        await ops.page(access.scope, asked.sort, words, position, PART + 1), PART, access.given, filters, lambda one: tuple(one[1])
    )
    whole = not wants_part(request)
    totals = await ops.totals(access.scope, local.now) if whole else None
    rows = [_row(client, reseller.id, local) for client, _ in found.data]
    return portal(request).page(
        request,
        frame,
        "pages/agency.html",
        "rows",
        shell=shell,
        local=local,
        base=base,
        rows=rows,
        more_href=asked.href(base, cursor=found.next_cursor) if found.next_cursor else None,
        asked=asked,
        orders=[(_(label), asked.href(base, sort=order), order == asked.sort) for order, label in ORDERS.items()],
        may_add="tenants.create" in access.may,
        example=_example(access, totals, rows),
        troubles=(await _troubles(access, reseller.id, local, SHOWN)) if whole else [],
        stale=_stale(totals, local),
        **_figures(totals),
    )


@router.get("/r/{reseller}/problems", response_class=HTMLResponse)
async def problems_page(request: Request, frame: Framed, access: Reading) -> HTMLResponse:
    """Everything that is wrong with any client, the worst first."""
    shell, local, reseller = await reseller_shell(access, "problems")
    found = await _troubles(access, reseller.id, local, LISTED)
    totals = await ops.totals(access.scope, local.now)
    return portal(request).page(
        request, frame, "pages/agency_problems.html", shell=shell, local=local, base=f"/r/{reseller.id}", troubles=found,
        stale=_stale(totals, local), counted=totals.oldest, more=len(found) == LISTED,
    )  # fmt: skip


async def _troubles(access: ResellerAccess, reseller: str, local: Local, limit: int) -> list[Trouble]:
    """Of all clients; of one with several, those that matter. A suspension alone comes last: somebody meant it."""
    clients = await ops.troubled(access.scope, limit)
    found = [one for client in clients for one in troubles(client, reseller, local) if one.kind != "quiet"]
    return sorted(found, key=lambda one: one.kind != "bad")[:limit]


def _figures(totals: Totals | None) -> dict[str, Any]:
    if totals is None:
        return {"totals": None, "typical": None, "share": None, "hours": None}
    share = round(100 * totals.booked / totals.calls) if totals.calls else None
    return {"totals": totals, "typical": under(totals.replies, 0.5), "share": share, "hours": spark(totals.hours, 380, 44)}


def _example(access: ResellerAccess, totals: Totals | None, rows: list[Row]) -> str | None:
    """The name of the demonstration's business while there is no other."""
    alone = totals is not None and totals.clients == 1 and [one.id for one in rows] == [EXAMPLE]
    return rows[0].name if alone and access.given.settings.demo else None


def _stale(totals: Totals | None, local: Local) -> str | None:
    """When figures were made that are not of now, as a time of the day; None while they are."""
    if totals is None or totals.oldest is None or local.now - totals.oldest <= STALE:
        return None
    return f"{local.day(totals.oldest)}, {local.clock(totals.oldest)} UTC"


def _row(client: Client, reseller: str, local: Local) -> Row:
    calls = sum(client.days)
    icon, kind, word = state(client, reseller, local)
    return Row(
        id=client.id,
        name=client.name,
        mark=initials(client.name),
        spark=spark(client.days, 80, 22) if client.days else None,
        said=_("Calls of seven days: {days}").format(days=", ".join(str(one) for one in client.days)),
        falling=client.rank <= -BAD and client.today == 0 and calls > 0,
        today=client.today,
        share=round(100 * client.booked / calls) if calls else None,
        nine_in_ten=client.nine_in_ten,
        slow=client.nine_in_ten is not None and client.nine_in_ten > SLOW_MS,
        minutes=round(client.seconds / 60),
        icon=icon,
        kind=kind,
        word=word,
    )
