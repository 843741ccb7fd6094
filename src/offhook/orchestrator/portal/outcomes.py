"""What came of a call, as an icon and a word. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from offhook.orchestrator.portal.show import _


@dataclass(frozen=True, slots=True)
class Outcome:
    """``kind`` is its colour in app.css; ``icon`` is of the sprite."""

    kind: str
    icon: str
    word: str


class Ended(Protocol):
    """What says how a call ended: a call, or one of its kind."""

    @property
    def state(self) -> str:
        """Planned, live or ended."""
        ...

    @property
    def reason(self) -> str | None:
        """Why it ended."""
        ...

    @property
    def outcome(self) -> str | None:
        """What the script says that came of it."""
        ...


BOOKED: Final = Outcome("ok", "calendar-check", "Booked")
LEAD: Final = Outcome("info", "user-plus", "Lead")
MESSAGE: Final = Outcome("quiet", "message-square", "Message")
TRANSFERRED: Final = Outcome("move", "phone-forwarded", "Transferred")
EARLY: Final = Outcome("warn", "phone-missed", "Hung up early")
FAILED: Final = Outcome("bad", "circle-x", "Failed")
ANSWERED: Final = Outcome("quiet", "circle-check", "Answered")
LIVE: Final = Outcome("ok", "radio", "On the line")
RINGING: Final = Outcome("quiet", "phone-incoming", "Ringing")
ALL: Final = (BOOKED, LEAD, MESSAGE, TRANSFERRED, EARLY, FAILED, ANSWERED)
_OF_CODE: Final = {
    "booked": BOOKED,
    "moved": Outcome("ok", "calendar-check", "Moved"),
    "cancelled": Outcome("quiet", "calendar-days", "Cancelled"),
    "lead": LEAD,
    "message": MESSAGE,
    "transferred": TRANSFERRED,
    "left_early": EARLY,
    "no_answer": Outcome("warn", "phone-missed", "No answer"),
    "enquiry": ANSWERED,
    "voicemail": Outcome("quiet", "phone-missed", "Voicemail"),
    "voicemail_left": Outcome("quiet", "message-square", "Voicemail left"),
    "failed": FAILED,
    "limit": Outcome("bad", "circle-x", "Cut at the limit"),
}
_STATES: Final = {"planned": RINGING, "live": LIVE}


def of_code(code: str) -> Outcome:
    """Of a script's outcome code. One that only this script knows is named as the script names it."""
    return _OF_CODE.get(code) or Outcome("quiet", "circle-check", code.replace("_", " ").capitalize())


def of_call(call: Ended) -> Outcome:
    """Of a call as it stands."""
    if call.state in _STATES:
        return _STATES[call.state]
    if call.reason == "failed":
        return FAILED
    return of_code(call.outcome) if call.outcome else EARLY


def word(outcome: Outcome) -> str:
    """In the reader's language."""
    return _(outcome.word)
