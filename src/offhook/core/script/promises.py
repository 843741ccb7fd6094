"""Promises that something has happened or will: a model may say so only when a tool's result has."""

# ruff: noqa: E501 - phrases read better in one row

from __future__ import annotations

import re

EFFECTS: dict[str, tuple[str, ...]] = {
    "book": ("book", "schedul", "reserv", "appoint", "arrang"),
    "cancel": ("cancel", "call off"),
    "move": ("mov", "reschedul", "chang", "shift", "updat"),
    "send": ("send", "e?mail", "text", "sms", "forward"),
    "save": ("sav", "messag", "note", "record", "lead", "log", "pass", "callback", "call back", "team", "stop"),
    "pay": ("pay", "charg", "refund", "invoic"),
}
"""Kinds of effects, and how the names of tools tell them."""

_NOT = re.compile(
    r"(?:(?:\bnothing|\bnot|\bnever|n't)(?: (?:has|is|was|have|had|been|yet|be|actually|quite|anything))*|\b(?:can|could|may|might|must|should|to) be) $"
)
"""What stands before a word of effect where it says that there was none, or that there can be."""
_DONE = {
    "book": r"(?:booked|scheduled|reserved|arranged|pencilled|locked in|you're down|is yours|(?:is|been) made|put (?:you|it|that) in|dispatched|on (?:its|his|her|their) way|see you (?:then|there|on|at|soon|to\w+|next|\w+day))",
    "cancel": r"(?:cancelled|canceled|called off)",
    "move": r"(?:moved|rescheduled|updated|changed (?:it|that|your|the))",
    "send": r"(?:sent|emailed|e-mailed|texted|forwarded)",
    "save": r"(?:saved|submitted|registered|recorded (?:it|that|your)|passed (?:it|that|this|your|on)|left (?:a|your) message|taken (?:you|your \w+) off)",
    "pay": r"(?:paid|refunded|charged you|credited|waived)",
    "transfer": r"(?:transferred|put(?:ting)? you through|connect(?:ing)? you|transferring you)",
    "done": r"(?:all set|all done|sorted|consider it done|dealt with|all confirmed|it's done|that's done|is done|is confirmed|you're confirmed|taken care of|guaranteed)",
}
_WILL = (
    r"(?:'ll|\bwill|\bshall|\bgoing to|\bgonna|\babout to|\blet me|\bi'm|\bi am|\bwe're|\bwe are|\bthey're|\bcan now)"
    r"(?: (?:just|now|then|also|gladly|quickly|definitely|certainly|go ahead and|be able to|be|get|have|\w+ly))* "
)
_WORK = {
    "book": r"(?:book|booking|schedul\w+|schedule|reserv\w+|arrang\w+|arrive|arriving|come|coming|visit|send (?:someone|somebody|a|an|the|our|out)|there\b|out\b|round\b|along\b|see you|get (?:there|to you|round)|with you|on (?:the|their) way)",
    "cancel": r"(?:cancel\w*|call (?:it|that|this) off)",
    "move": r"(?:move|moving|reschedul\w+|change|changing|update|updating)",
    "send": r"(?:send|sending|e-?mail\w*|text|texting|forward\w*|(?:get|receive) (?:a|an|the|your) (?:text|e-?mail|message|confirmation|letter|link|reminder))",
    "save": r"(?:pass|passing|save|saving|record|recording|(?:call|ring|phone|contact) you|hear (?:back|from)|(?:get|receive) (?:a|the|your) call|tell (?:them|the|him|her|my)|leave (?:a|them|your)|let (?:them|him|her|the|my))",
    "pay": r"(?:pay|refund\w*|charge|waive|credit|give you|offer you)",
    "transfer": r"(?:transfer\w*|put you|connect\w*|putting you)",
}
_SAID = tuple((kind, re.compile(rf"\b{words}\b")) for kind, words in _DONE.items())
_MEANT = tuple((kind, re.compile(rf"{_WILL}{words}")) for kind, words in _WORK.items())


def promised(sentence: str) -> str:
    """The kind of effect that a sentence promises or says has happened, "" for none. ``can be cancelled`` and ``not booked`` are none."""
    low = sentence.casefold().replace("\u2019", "'")
    for kind, rule in _SAID:
        if any(not _NOT.search(low[: match.start()]) for match in rule.finditer(low)):
            return kind
    return next((kind for kind, rule in _MEANT if rule.search(low)), "")
