"""``parse``: the values of one type in a text, best first. Pure, total: any text gives an answer, most often an empty one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from offhook.core.understand import address, calendar, choice, clock, email, moment, money, name, number, offer, phone, plain, yesno
from offhook.core.understand.types import Context, Found, Offer

_LONGEST = 2_000
"""Characters. Nobody says more in a turn; the grammars stay quick."""

_SIMPLE: dict[str, Callable[[str, Context, bool], list[Found]]] = {
    "yes_no": yesno.find,
    "person_name": name.find,
    "phone": phone.find,
    "email": email.find,
    "address": address.find,
    "date": calendar.find,
    "time": clock.find,
    "datetime": moment.find,
    "number": number.find,
    "money": money.find,
    "free_text": plain.find_text,
}

TYPES = frozenset({*_SIMPLE, "choice", "offer", "pattern"})


def parse(
    type: str,
    text: str,
    context: Context,
    *,
    options: Mapping[str, Sequence[str]] | None = None,
    pattern: str | None = None,
    spoken: str | None = None,
    offers: Sequence[Offer] | None = None,
    asked: bool = False,
) -> tuple[Found, ...]:
    """Values of ``type`` in ``text``, best first.

    ``asked``: the agent has just asked for this type, so that bare answers count. ``options`` are the phrases of each option of a
    choice, ``offers`` what was offered, ``pattern`` and ``spoken`` the regular expression and the spelling of a pattern.
    An unknown type gives nothing. The value of an offer is its place, from 1.
    """
    text = text[:_LONGEST]
    if not text.strip():
        return ()
    if type == "choice":
        found = choice.find(text, options or {}, asked)
    elif type == "offer":
        found = _offer(text, offers or (), context, asked)
    elif type == "pattern":
        found = plain.find_pattern(text, pattern or "", spoken or "")
    elif type in _SIMPLE:
        found = _SIMPLE[type](text, context, asked)
    else:
        return ()
    return tuple(sorted(found, key=lambda each: -each.sure))


def _offer(text: str, given: Sequence[Offer], context: Context, asked: bool) -> list[Found]:
    return offer.find(text, given, context, asked)
