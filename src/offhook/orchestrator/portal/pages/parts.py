"""Development: every part that pages are made of, in each of its states, in both themes."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from offhook.orchestrator.calls.schemas import Rhythm
from offhook.orchestrator.portal import outcomes
from offhook.orchestrator.portal.frame import Framed, Item, Shell, Who
from offhook.orchestrator.portal.ladder import Rung, ladder
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.show import Local
from offhook.orchestrator.portal.spark import spark
from offhook.orchestrator.portal.strip import strip

router = APIRouter(tags=["dev"], include_in_schema=False)
_NOW: Final = datetime(2026, 11, 18, 23, 42, tzinfo=UTC)
_ITEMS: Final = (
    ("Today", "sun", "t"), ("Calls", "phone", "c"), ("Live", "radio", "l"), ("Diary", "calendar-days", "d"), ("People", "users", "p"),
    ("Agents", "bot", "a"), ("Numbers", "hash", "n"), ("Connections", "plug", "k"),
    ("Developers", "code", "v"), ("Settings", "settings", "s"),
)  # fmt: skip
_LADDERS: Final = (
    (Rung("wait", 150), Rung("transcript", 40), Rung("model", 182), Rung("voice", 80), Rung("line", 16)),
    (Rung("wait", 150), Rung("transcript", 40), Rung("model", 700, failed=True), Rung("model", 162), Rung("voice", 86), Rung("line", 46)),
    (Rung("wait", 160), Rung("transcript", 36), Rung("model", 150), Rung("voice", 84), Rung("line", 20)),
)
_MEASURED: Final = (468.0, 1184.0, 481.0)
_RHYTHM: Final = Rhythm(
    caller=tuple((at, at + 2_600) for at in range(6_000, 96_000, 11_000)),
    agent=tuple((at, at + 4_900) for at in range(0, 96_000, 11_000)),
    cuts=(26_900,),
)


@router.get("/_parts", response_class=HTMLResponse)
async def parts_page(request: Request, frame: Framed, theme: Annotated[Literal["auto", "light", "dark"], Query()] = "auto") -> HTMLResponse:
    """All of them on one page."""
    items = tuple(Item(label, icon, f"#{label.lower()}", go, label == "Calls") for label, icon, go in _ITEMS)
    return portal(request).page(
        request,
        frame,
        "pages/parts.html",
        theme=frame.theme if theme == "auto" else theme,
        shell=Shell("Harbour Plumbing", f"by {frame.brand.name}", "HP", Who("Ray Haddad", "Owner", "RH"), items),
        local=Local(ZoneInfo("Australia/Sydney"), "AU", _NOW),
        outcomes=outcomes.ALL,
        live=outcomes.LIVE,
        strips=[strip(_RHYTHM, 99), strip(Rhythm(agent=((0, 4_000),)), 11)],
        ladder=ladder(_LADDERS, _MEASURED, 700),
        spark=spark([12, 14, 9, 11, 6, 8, 13], 80, 20),
        moment=_NOW,
        price=Decimal("0.061"),
    )
