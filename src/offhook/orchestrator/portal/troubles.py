"""What is wrong with a client, in words, and where somebody can put it right. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from offhook.orchestrator.overview.schemas import BAD, NOTE, Client, Code, Problem
from offhook.orchestrator.portal.show import Local, _, many


@dataclass(frozen=True, slots=True)
class Trouble:
    """One of a client's. ``short`` stands in a table; ``remedy`` is what the link says."""

    client: str
    name: str
    icon: str
    kind: str
    short: str
    title: str
    text: str
    remedy: str
    href: str


@dataclass(frozen=True, slots=True)
class _Kind:
    icon: str
    short: str
    path: str
    remedy: str
    title: Callable[[Problem, Local], str]
    text: Callable[[Problem, Local], str]


def _said(text: str) -> Callable[[Problem, Local], str]:
    return lambda _problem, _local: _(text)


def _named(text: str) -> Callable[[Problem, Local], str]:
    return lambda problem, _local: _(text).format(name=problem.name)


def _counted(one: str, more: str) -> Callable[[Problem, Local], str]:
    return lambda problem, _local: many(one, more, problem.count)


_KINDS: Final[Mapping[Code, _Kind]] = {
    "turned_away": _Kind(
        "phone-off", "Callers turned away", "numbers", "Check the number", _said("callers are turned away"),
        _counted("1 caller heard today that nobody is there: the number is switched off, or its agent was never published.",
                 "{n} callers heard today that nobody is there: the number is switched off, or its agent was never published."),
    ),
    "unpublished": _Kind(
        "bot", "Nothing published", "agents", "Publish a version", _said("an agent without a version"),
        _named("{name} is to answer a number and was never published. Callers hear that nobody is there."),
    ),
    "broken": _Kind(
        "circle-x", "Calls broke off", "calls?when=today&outcome=failed", "See the calls",
        _counted("1 call broke off today", "{n} calls broke off today"), _said("They ended on our side, in the middle of the talk."),
    ),
    "webhook_off": _Kind(
        "webhook", "Webhook is off", "developers/webhooks", "See the webhook", _said("a webhook was switched off"),
        lambda problem, _local: _("{name} failed for days, or said that it is gone. ").format(name=problem.name)
        + many("1 event waits for it.", "{n} events wait for it.", problem.count),
    ),
    "webhook_failing": _Kind(
        "webhook", "Webhook fails", "developers/webhooks", "See the attempts", _said("a webhook does not answer"),
        lambda problem, _local: _("Nothing gets through to {name}. ").format(name=problem.name)
        + many("1 event waits and is tried again.", "{n} events wait and are tried again.", problem.count),
    ),
    "full": _Kind(
        "phone-missed", "Lines were full", "limits", "Allow more calls", _said("all lines were busy"),
        _counted("1 caller found no free line today.", "{n} callers found no free line today."),
    ),
    "slow": _Kind(
        "gauge", "Slow replies", "calls?when=today", "See the calls", _said("replies are slow"),
        lambda problem, _local: _("9 in 10 were under {n} ms today. Under 1,400 is well.").format(n=f"{problem.count:,}"),
    ),
    "no_number": _Kind(
        "hash", "No number yet", "numbers", "Add a number", _said("no number yet"), _said("Nobody can ring before there is one."),
    ),
}  # fmt: skip
WELL: Final = ("circle-check", "ok", "Well")
NEW: Final = ("hourglass", "quiet", "Not counted yet")
SUSPENDED: Final = ("phone-off", "warn", "Suspended")


def troubles(client: Client, reseller: str, local: Local) -> list[Trouble]:
    """All of a client's, the worst first. Times and numbers are written as here."""
    found = [_one(client, one, reseller, local) for one in client.problems]
    if client.suspended:
        text = _("Its callers are turned away until it is resumed.")
        own = f"/r/{reseller}/clients/{client.id}"
        icon, kind, short = SUSPENDED
        found.insert(0, Trouble(client.id, client.name, icon, kind, _(short), _("suspended"), text, _("Resume"), own))
    return found


def _one(client: Client, problem: Problem, reseller: str, local: Local) -> Trouble:
    kind = _KINDS[problem.code]
    own = f"/r/{reseller}/clients/{client.id}" if kind.path == "limits" else f"/t/{client.id}/{kind.path}"
    colour = "bad" if problem.grade >= BAD else "quiet" if problem.grade <= NOTE else "warn"
    title, text = kind.title(problem, local), kind.text(problem, local)
    return Trouble(client.id, client.name, kind.icon, colour, _(kind.short), title, text, _(kind.remedy), own)


def state(client: Client, reseller: str, local: Local) -> tuple[str, str, str]:
    """Icon, colour and word of a client as it stands: its worst trouble, if it has any."""
    if found := troubles(client, reseller, local):
        return found[0].icon, found[0].kind, found[0].short
    icon, kind, word = WELL if client.counted_at else NEW
    return icon, kind, _(word)
