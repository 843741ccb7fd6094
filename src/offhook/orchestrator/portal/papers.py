"""What a call became in each business system, one line a system: how it stands, where it is there, and what comes next. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from offhook.orchestrator.bookings.outside.schemas import Copy
from offhook.orchestrator.paperwork.schemas import Paperwork, Step, SystemPaper
from offhook.orchestrator.portal.show import Local, _

STEPS: Final = {"customer": "Customer", "lead": "Lead", "job": "Job", "appointment": "Visit", "note": "Note"}


@dataclass(frozen=True, slots=True)
class Written:
    """A record there. Without ``href`` the system has no page for it."""

    name: str
    href: str


@dataclass(frozen=True, slots=True)
class Paper:
    """A system and what it got of this call."""

    connection: str
    name: str
    icon: str
    kind: str
    said: str
    records: tuple[Written, ...]
    again: str
    """What the button says that sends it again; empty where there is no reason to."""


def papers(found: Paperwork, local: Local) -> tuple[Paper, ...]:
    """One for each system; what needs somebody first."""
    worst = {"failed": 0, "held": 1, "waiting": 2}
    return tuple(_paper(one, local) for one in sorted(found.systems, key=lambda one: worst.get(one.state, 3)))


def calendars(copies: Sequence[Copy], titles: Mapping[str, str], known: Collection[str], local: Local) -> tuple[Paper, ...]:
    """The same of visits in calendars; those in ``known`` systems are told of already."""
    shown = [one for one in copies if one.connection_id in titles and one.connection_id not in known]
    return tuple(_copy(one, titles[one.connection_id], local) for one in shown)


def _copy(one: Copy, title: str, local: Local) -> Paper:
    records: tuple[Written, ...] = ()
    match one.state:
        case "written":
            icon, kind = "circle-check", "ok"
            said = _("Written, {when}").format(when=_when(local, one.written_at)) if one.written_at else _("Written")
            records = (Written(_(STEPS["appointment"]), _safe(one.url)),)
        case "failed":
            icon, kind, said = "circle-x", "bad", _("Given up: {why}").format(why=one.error)
        case "gone":
            icon, kind, said = "minus", "quiet", _("Taken out again")
        case _:
            icon, kind, said = "refresh-cw", "warn" if one.error else "quiet", one.error or _("Being written")
    return Paper(one.connection_id, title, icon, kind, said, records, "")


def _paper(one: SystemPaper, local: Local) -> Paper:
    done = [step for step in one.steps if step.state == "done"]
    records = tuple(Written(_name(step), _safe(step.record_url)) for step in done)
    icon, kind, said, again = "circle-check", "ok", "", ""
    match one.state:
        case "done":
            at = max((step.done_at for step in done if step.done_at), default=None)
            said = _("Written, {when}").format(when=_when(local, at)) if at else _("Written")
        case "skipped":
            icon, kind, said = "minus", "quiet", one.reason or _("Nothing was written.")
        case "held":
            icon, kind, said, again = "key", "warn", _("Waits until the system is connected again"), _("Try now")
        case "failed":
            icon, kind, again = "circle-x", "bad", _("Retry")
            wrong = next((step for step in one.steps if step.state == "failed"), None)
            said = _("Given up: {why}").format(why=_failed(wrong) if wrong else one.reason)
        case _:
            icon, kind, said = "refresh-cw", "quiet", _("Being written")
            tried = next((step for step in one.steps if step.error and step.state == "waiting"), None)
            if tried is not None:
                kind, said, again = "warn", _later(tried, one, local), _("Try now")
    return Paper(one.connection_id, one.title, icon, kind, said, records, again)


def _name(step: Step) -> str:
    return _(STEPS.get(step.step.partition("-")[0], step.step))


def _failed(step: Step) -> str:
    return _("{what}, {why}").format(what=_name(step).lower(), why=step.error)


def _later(step: Step, one: SystemPaper, local: Local) -> str:
    said = step.error[:1].upper() + step.error[1:]
    if one.next_at is None:
        return said
    return _("{said}, next try {when}").format(said=said, when=_when(local, one.next_at))


def _safe(url: str) -> str:
    """A link of the system's own; nothing that a browser would run."""
    return url if url.startswith(("https://", "http://")) else ""


def _when(local: Local, moment: datetime) -> str:
    clock = local.clock(moment)
    return clock if local.day_of(moment) == local.today else f"{local.day(moment)}, {clock}"
