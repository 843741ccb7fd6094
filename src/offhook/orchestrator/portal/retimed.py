"""What a replay found, as figures beside those of the live version. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from offhook.authoring.retime import Seen
from offhook.orchestrator.agents.schemas import Retimed
from offhook.orchestrator.portal.show import _, many, milliseconds


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure, what it counts, and how it differs from the live version's: better (ok), worse (warn), or not at all."""

    value: str
    label: str
    differs: str = ""
    kind: str = ""
    seen_href: str | None = None
    """One of the places in a call; first one that only these values have."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """A replay's answer."""

    calls: int
    unreadable: int
    figures: tuple[Figure, ...]

    @classmethod
    def of(cls, found: Retimed, tenant: str) -> Replayed:
        """The figures, in the order of the page."""
        here, live = found.here, found.live
        counted = (
            (here.cut, live.cut if live else None, _("callers cut off in mid-sentence")),
            (here.hello, live.hello if live else None, _("callers who asked “hello? are you there?”")),
            (here.stopped, live.stopped if live else None, _("stops for a cough or “mm-hm”")),
        )
        figures = [_reply(here.reply_ms, live.reply_ms if live else None)]
        figures += [_count(mine, theirs, label, tenant) for mine, theirs, label in counted]
        return cls(found.calls, found.unreadable, tuple(figures))


def _reply(mine: float | None, live: float | None) -> Figure:
    if mine is None:
        return Figure("–", _("no reply to measure"))
    if live is None:
        return Figure(milliseconds(mine), _("typical reply"))
    label = _("typical reply, from {value} with the live version").format(value=milliseconds(live))
    if round(mine) == round(live):
        return Figure(milliseconds(mine), label)
    sooner = mine < live
    differs = (_("{value} sooner") if sooner else _("{value} later")).format(value=f"{abs(mine - live):,.0f}")
    return Figure(milliseconds(mine), label, differs, "ok" if sooner else "warn")


def _count(mine: Sequence[Seen], live: Sequence[Seen] | None, label: str, tenant: str) -> Figure:
    new = [one for one in mine if live is None or one not in live]
    shown = (new or list(mine))[:1]
    href = f"/t/{tenant}/calls/{quote(shown[0].call, safe='')}?at={shown[0].second:.2f}" if shown else None
    more = len(mine) - len(live) if live is not None else 0
    differs = "" if not more else many("{n} more", "{n} more", more) if more > 0 else many("{n} fewer", "{n} fewer", -more)
    return Figure(f"{len(mine):,}", label, differs, "warn" if more > 0 else "ok", href)
