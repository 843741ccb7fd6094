"""A caller's keys on their way to the turn core, and what is hidden while they key something in secret.

The core, its trace and whoever replays it see ``x`` for a digit that is keyed in secret. The digits are here until the keys' turn opens,
then in the dialogue's vault.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from offhook.core.script.dialogue import Dialogue
from offhook.core.time import MS, Duration, Instant
from offhook.core.turn import events as ev
from offhook.core.turn.step import HIDDEN
from offhook.engine.driver import Driver

MOST: Final = 40
_LONG: Final = frozenset({"phone", "number", "money", "date", "time", "datetime", "pattern"})
"""What takes more than one key."""
_HASH: Duration = 1_500 * MS
"""A hash so soon after a key that was an answer alone only ends it, as callers are used to."""
_AFTER: Duration = 300 * MS
"""Media may be so far behind the word of its keys."""


class Keypad:
    """One call's."""

    def __init__(self, dialogue: Dialogue, driver: Driver) -> None:
        self._dialogue = dialogue
        self._driver = driver
        self._keys: deque[str] = deque(maxlen=MOST)
        self._ahead: deque[str] = deque(maxlen=MOST)
        self._alone: Instant | None = None
        """When a key was an answer by itself."""
        self._until: Instant = 0
        """So long the caller's audio is hidden after the last secret key was taken."""

    def pressed(self, key: str) -> None:
        """A key. Those that answer what is not asked yet, because a tool still runs, wait for the question."""
        now = self._driver.now()
        if self._ahead or self._waits(key):
            self._ahead.append(key)
            return
        if key == "#" and self._alone is not None and now - self._alone < _HASH and not self._driver.state.digits:
            self._alone = None
            return
        self._alone = None
        self._keys.append(key)
        hidden = self._dialogue.secret and key.isdigit()
        alone = key.isdigit() and not self._driver.state.digits and not self._long()
        self._driver.feed(ev.Dtmf(now, HIDDEN if hidden else key))
        if alone:
            self._alone = now
            self._keys.append("#")
            self._driver.feed(ev.Dtmf(now, "#"))

    def beat(self) -> None:
        """Once every 20 ms: what was keyed ahead of its question is an answer now."""
        if self._ahead and (self._dialogue.state.open is not None or not self._dialogue.state.pending):
            waiting, self._ahead = self._ahead, deque(maxlen=MOST)
            for key in waiting:
                self.pressed(key)

    def taken(self, digits: str) -> tuple[str, str]:
        """The keys of a turn that opens, by what the core has of them, and what may be shown of them."""
        real = "".join(list(self._keys)[-len(digits) :]) if digits else ""
        self._keys.clear()
        if HIDDEN not in digits:
            shown = digits.removesuffix("#") if self._alone is not None else digits
            return shown, shown
        self._until = self._driver.now() + _AFTER
        count = sum(key.isdigit() for key in real)
        # Where nothing is asked in secret any more they are nobody's answer.
        return real if self._dialogue.secret else "", f"{count} digits"

    @property
    def hides(self) -> bool:
        """Whether neither the recogniser nor the recording may have the caller's audio now."""
        return self._dialogue.secret or HIDDEN in self._driver.state.digits or self._driver.now() < self._until

    def _waits(self, key: str) -> bool:
        state = self._dialogue.state
        return state.open is None and bool(state.pending) and key.isdigit() and key != "0"

    def _long(self) -> bool:
        """Whether the open question takes several keys."""
        asked = self._dialogue.state.open
        slot = self._dialogue.script.slots.get(asked.slot) if asked is not None and asked.kind == "ask" else None
        return slot is not None and slot.type in _LONG
