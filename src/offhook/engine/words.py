"""A reply's words on their way to its voice: whole items, or pieces of one as a model makes them, cut into what a voice can say.

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


@dataclass(frozen=True, slots=True)
class Clause:
    """Something to be said by the voice, of an item."""

    item: str
    text: str


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
        self._queue: deque[Clause | Ready] = deque()
        self._open: str | None = None
        self._segmenter = Segmenter()
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
        self.meant.append(item.text)
        if clip is not None:
            self._ledger.expect(item.id, len(clip.parts))
            self._push(Ready(item.id, item.text, clip))
            return
        segmenter = Segmenter()
        for clause in (*segmenter.feed(item.text), *segmenter.flush()):
            self._clause(item.id, clause)

    def add(self, item: Item) -> None:
        """A piece of an item; pieces of one item follow each other."""
        if self._open != item.id:
            self.close()
            self._open = item.id
            self._segmenter = Segmenter(pieces=self._pieces)
            self._ledger.expect(item.id)
        for clause in self._segmenter.feed(item.text):
            self.meant.append(clause)
            # More of the sentence follows a blank; at a sentence's end the voice need not wait for any.
            self._clause(item.id, f"{clause} " if self._pieces and clause[-1] not in ".!?\u2026" else clause)

    def close(self) -> None:
        """The item that came in pieces is whole."""
        if self._open is None:
            return
        for clause in self._segmenter.flush():
            self.meant.append(clause)
            self._clause(self._open, clause)
        self._ledger.expect(self._open, -1)
        self._open = None

    def end(self) -> None:
        """Nothing more comes."""
        self.close()
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
