"""What needs somebody, as a line with what to do about it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from offhook.orchestrator.auth.permissions import Permission
from offhook.orchestrator.portal.show import Local, _, duration, many
from offhook.orchestrator.today.schemas import Need


@dataclass(frozen=True, slots=True)
class Action:
    """A way on; ``post``: a form that goes there."""

    label: str
    href: str
    icon: str = ""
    post: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One thing to do: the first action does it, the second shows more. ``kind`` is the icon's colour."""

    id: str
    icon: str
    kind: str
    title: str
    text: str
    actions: tuple[Action, ...]
    done: tuple[str, str] | None
    """Kind and id with which it is said to be done; None where it leaves by itself."""


def lines(needs: Sequence[Need], local: Local, base: str, may: Collection[Permission]) -> list[Line]:
    """In the same order."""
    made = {
        "broken": _broken,
        "clash": _clash,
        "expired": _expired,
        "unwritten": _unwritten,
        "number": _number,
        "refused": _refused,
        "promise": _promise,
        "urgent": _urgent,
    }
    return [made[one.kind](one, local, base, may) for one in needs]


def _line(
    need: Need, icon: str, kind: str, title: str, text: str, actions: Sequence[Action], *, done: bool, may: Collection[Permission]
) -> Line:
    said = (need.kind, need.thing) if done and "contacts.write" in may else None
    return Line(f"need-{need.kind}-{need.thing}", icon, kind, title, text, tuple(actions), said)


def _who(need: Need, local: Local) -> str:
    named = need.contact.name if need.contact else ""
    return named or local.phone(_phone(need)) or _("a withheld number")


def _phone(need: Need) -> str:
    return (need.contact.phone if need.contact else None) or (need.call.caller if need.call else "") or ""


def _calling(need: Need, base: str, *, second: str) -> list[Action]:
    found = [Action(_("Call back"), f"tel:{phone}", "phone")] if (phone := _phone(need)).startswith("+") else []
    if need.call is not None:
        found.append(Action(second, f"{base}/calls/{need.call.id}"))
    return found


def _since(need: Need, local: Local) -> str:
    """As 8:15 am, with the day where it is another."""
    day = local.day_of(need.at)
    clock = local.clock(need.at)
    if day == local.today:
        return clock
    if day == local.today - timedelta(days=1):
        return _("{time} yesterday").format(time=clock)
    return _("{time} on {day}").format(time=clock, day=local.day(need.at))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _broken(need: Need, local: Local, base: str, may: Collection[Permission]) -> Line:
    seconds = need.call.seconds if need.call else None
    text = _("The call broke off on our side at {when} after {length}.").format(when=_since(need, local), length=duration(seconds))
    known = _("Call back {who}").format(who=_who(need, local))
    title = known if _phone(need) else _("A call from a withheld number broke off")
    return _line(need, "phone-missed", "bad", title, text, _calling(need, base, second=_("Listen")), done=True, may=may)


def _clash(need: Need, local: Local, base: str, may: Collection[Permission]) -> Line:
    visit = need.visit
    who = visit.name if visit and visit.name else _("somebody")
    when = f"{local.day(visit.starts_at)}, {local.clock(visit.starts_at)}" if visit else ""
    title = _("The visit of {who} clashes with {name}: {when}").format(who=who, name=need.endpoint, when=when)
    text = _("{why}. Move it, or ring them: it stands in the diary as it was booked.").format(why=_capital(need.about.rstrip(".")))
    return _line(need, "calendar-x", "warn", title, text, [Action(_("Open"), f"{base}/diary/{need.thing}")], done=True, may=may)


def _expired(need: Need, local: Local, base: str, may: Collection[Permission]) -> Line:
    title = _("{name} must be connected again").format(name=need.endpoint)
    text = _("It has not let us in since {when}. What calls leave is kept, and written there once it does.").format(
        when=_since(need, local)
    )
    again = [Action(_("Connect again"), f"{base}/connections/new/{need.adapter}?again={need.thing}", "plug")]
    open_it = Action(_("Open"), f"{base}/connections/{need.thing}")
    return _line(need, "plug", "warn", title, text, [*(again if "connections.connect" in may else []), open_it], done=False, may=may)


def _unwritten(need: Need, local: Local, base: str, may: Collection[Permission]) -> Line:
    calls = many("1 call was", "{n} calls were", need.given_up)
    title = _("{calls} not written to {name}").format(calls=calls, name=need.endpoint)
    text = _("{why}. Last at {when}. Retry once that is mended: nothing is written twice.")
    text = text.format(why=_capital(need.about.rstrip(".")), when=_since(need, local))
    again = [Action(_("Retry"), f"{base}/today/paperwork/{need.thing}/again", post=True)] if "calls.write" in may else []
    see = [Action(_("See the call"), f"{base}/calls/{need.call.id}")] if need.call else []
    return _line(need, "plug", "warn", title, text, [*again, *see], done=True, may=may)


def _number(need: Need, local: Local, base: str, may: Collection[Permission]) -> Line:
    title = _("{number} is not answered").format(number=local.phone(need.number.did if need.number else ""))
    text = _("The agent that it rings has no published version, or is archived.")
    return _line(need, "phone-off", "bad", title, text, [Action(_("Open numbers"), f"{base}/numbers")], done=False, may=may)


def _refused(need: Need, local: Local, base: str, may: Collection[Permission]) -> Line:
    count = need.waiting + need.given_up
    events = many("1 event", "{n} events", max(1, count))
    title = _("{name} has refused {events}, last at {when}").format(name=need.endpoint, events=events, when=_since(need, local))
    if not need.enabled:
        text = _("It has failed for so long that nothing is sent there any more. Nothing is lost: what waits is kept in order.")
    elif need.given_up:
        text = many("1 event is not tried again by itself.", "{n} events are not tried again by themselves.", need.given_up)
    else:
        text = _("Nothing is lost: what waits is kept in order and tried again by itself.")
    open_it = Action(_("Open"), f"{base}/developers/webhooks/{need.thing}")
    send = [Action(_("Send now"), f"{base}/today/webhooks/{need.thing}/send", post=True)] if "webhooks.write" in may else []
    return _line(need, "plug", "warn", title, text, [*send, open_it], done=bool(need.given_up), may=may)


def _promise(need: Need, local: Local, base: str, may: Collection[Permission]) -> Line:
    who = _who(need, local)
    if need.due is None:
        title = _("{who} wants to be rung back").format(who=who)
    else:
        day = local.day_of(need.due)
        when = local.clock(need.due) if day == local.today else f"{local.day(need.due)}, {local.clock(need.due)}"
        late = need.due < local.now
        title = (_("{who} was to be rung back at {when}") if late else _("{who} was promised a call: {when}")).format(who=who, when=when)
    text = _capital(need.about) or _("Asked for it in a call at {when}.").format(when=_since(need, local))
    return _line(need, "phone-outgoing", "info", title, text, _people(need, base), done=True, may=may)


def _urgent(need: Need, local: Local, base: str, may: Collection[Permission]) -> Line:
    title = _("{who} says that it is urgent").format(who=_who(need, local))
    text = _capital(need.about) or _("Rang at {when}.").format(when=_since(need, local))
    return _line(need, "user-plus", "info", title, text, _people(need, base), done=True, may=may)


def _people(need: Need, base: str) -> list[Action]:
    actions = _calling(need, base, second=_("Listen"))
    if need.contact is not None:
        actions = [*actions[:1], Action(_("Open"), f"{base}/people/{need.contact.id}")]
    return actions
