"""What is said clause by clause: the texts as they come, and how far the audio of the one at hand has come."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import anyio

from offhook.core.audio.format import AudioFormat, Encoding
from offhook.ports.tts import Word

_QUIET = {Encoding.MULAW: b"\xff\x7f", Encoding.ALAW: b"\xd5\x55"}


def silent(data: bytes, format: AudioFormat) -> bool:
    """Digital silence, to the last bit; nothing is silent too."""
    return not data.strip(_QUIET.get(format.encoding, b"\0"))


class Texts:
    """Clauses as they come, kept as long as they may have to be said again."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self.ended = False
        self._news = anyio.Event()

    async def read(self, clauses: AsyncIterator[str]) -> None:
        """Take them all."""
        async for text in clauses:
            self.all.append(text)
            self._tell()
        self.ended = True
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = anyio.Event()

    async def there(self, number: int) -> bool:
        """Wait for a clause; False when there are no more."""
        while number >= len(self.all) and not self.ended:
            await self._news.wait()
        return number < len(self.all)

    def goes_on(self, number: int) -> bool:
        """A clause is a piece of a sentence of which more will come: a voice may wait for that before it says a word."""
        return self.all[number][-1:].isspace() and not (self.ended and number == len(self.all) - 1)


@dataclass(slots=True)
class Clause:
    """How far the clause at hand has come. Samples of the call's format."""

    number: int
    given: int = 0
    held: bytes = b""
    """Its first audio while that is pure silence."""
    words: list[Word] = field(default_factory=list)
    untold: list[Word] = field(default_factory=list)

    def rest(self, text: str) -> str:
        """The words that were not given out, "" where that is not known."""
        said = sum(1 for word in self.words if word.end <= self.given)
        return " ".join(text.split()[said:]) if self.words else ""
