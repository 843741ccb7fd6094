"""A reply's words on their way to its voice: items, or whole sentences of one, cut into what a voice can say.

A voice that says pieces of a sentence as one sentence may be given a sentence's first words before it is known that it will be said.
What it says of them is held until then, and thrown away if it is not.

A fixed phrase that is kept as audio needs no voice; the items before and after it do. What is expected and has not been said yet is in the
ledger from the moment it is known, so that an item counts as heard only when all of it was.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import anyio

from offhook.core.script.dialogue import Item
from offhook.core.speech.heard import Ledger
from offhook.core.speech.segment import Segmenter
from offhook.engine.phrases import Clip

Lookup: TypeAlias = Callable[[str], Clip | None]


class Held:
    """Words that nobody may hear before it is known that they are said."""

    def __init__(self, item: Item) -> None:
        self.item = item
        self.said: bool | None = None
        self.withheld: Callable[[], None] = lambda: None
        """Called when they are not."""
        self._decided = anyio.Event()

    def decide(self, *, said: bool) -> None:
        """Now it is known."""
        self.said = said
        self._decided.set()
        if not said:
            self.withheld()

    async def decided(self) -> None:
        """Wait for it."""
        await self._decided.wait()


@dataclass(frozen=True, slots=True)
class Clause:
    """Something to be said by the voice, of an item. More of its sentence follows a blank at its end."""

    item: str
    text: str
    held: Held | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """An item whose audio is there."""

    item: str
    text: str
    clip: Clip


class Words:
    """Filled by whoever knows what to say, emptied by the reply. Nothing here waits but the reader."""

    def __init__(self, ledger: Ledger, lookup: Lookup, *, pieces: bool = False) -> None:
        self.meant: list[str] = []
        """All that is to be said, so far, in order."""
        self.ended = False
        self._ledger = ledger
        self._lookup = lookup
        self._pieces = pieces
        self._held: Held | None = None
        self._queue: deque[Clause | Ready] = deque()
        self._open: str | None = None
        self._changed = anyio.Event()

    # -- the writer's side ------------------------------------------------------------------------------------------------

    def put(self, item: Item, *, more: bool = False) -> None:
        """An item, or whole sentences of one of which there may be ``more``."""
        if not more or self._open != item.id:
            self.close()
        if not item.text.strip():
            return
        if more and self._open is None:
            self._open = item.id
            self._ledger.expect(item.id)
        clip = self._lookup(item.text)
        text = self._after_held(item, kept=clip is not None)
        self.meant.append(item.text)
        if clip is not None:
            self._ledger.expect(item.id, len(clip.parts))
            self._push(Ready(item.id, item.text, clip))
            return
        segmenter = Segmenter()
        for clause in (*segmenter.feed(text), *segmenter.flush()):
            self._clause(item.id, clause)

    @property
    def holds(self) -> bool:
        """Whether ``hold`` is of any use now."""
        return self._pieces and self._held is None and not self.meant and not self.ended

    def hold(self, item: Item) -> None:
        """The first words of an item that may come to be put: for the voice, but to be heard only once all of it was."""
        if self.holds:
            self._held = Held(item)
            self._push(Clause(item.id, f"{item.text} ", self._held))

    def _after_held(self, item: Item, *, kept: bool) -> str:
        """What of an item follows on words that are held; they are not said if it is another one."""
        held = self._held
        if held is None or held.said is not None:
            return item.text
        if kept or item.id != held.item.id or not item.text.startswith(f"{held.item.text} "):
            self._withhold()
            return item.text
        self._ledger.expect(item.id)
        held.decide(said=True)
        return item.text[len(held.item.text) :].strip()

    def _withhold(self) -> None:
        held = self._held
        if held is not None and held.said is None:
            self._queue = deque(entry for entry in self._queue if not isinstance(entry, Clause) or entry.held is not held)
            held.decide(said=False)

    def close(self) -> None:
        """Nothing more comes of the item of which more might have."""
        if self._open is not None:
            self._ledger.expect(self._open, -1)
            self._open = None

    def end(self) -> None:
        """Nothing more comes."""
        self.close()
        self._withhold()
        self.ended = True
        self._changed.set()

    def _clause(self, item: str, text: str) -> None:
        if text.strip():
            self._ledger.expect(item)
            self._push(Clause(item, text))

    def _push(self, entry: Clause | Ready) -> None:
        self._queue.append(entry)
        self._changed.set()

    # -- the reader's side ------------------------------------------------------------------------------------------------

    @property
    def text(self) -> str:
        """All that is to be said, so far."""
        return " ".join(self.meant)

    async def next(self) -> Clause | Ready | None:
        """What comes next, left where it is; waits for it. None at the end."""
        while not self._queue:
            if self.ended:
                return None
            self._changed = anyio.Event()
            await self._changed.wait()
        return self._queue[0]

    def again(self, clauses: Sequence[Clause]) -> None:
        """Clauses that were taken and not said come again, before all others."""
        self._queue.extendleft(reversed(clauses))
        self._changed.set()

    def take(self) -> None:
        """What came next is being said."""
        self._queue.popleft()

    async def clauses(self) -> AsyncIterator[Clause]:
        """Clauses for the voice, up to a phrase that needs none or the end."""
        while isinstance(entry := await self.next(), Clause):
            self.take()
            yield entry
