"""A call's voice through its failures: one that breaks is thrown away, another is opened and has to prove itself, and until there is one
again only what is kept as audio can be said.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import anyio

from offhook.contracts.plan import Lines
from offhook.core.script.dialogue import Item, Proposal
from offhook.engine.metering import Meter
from offhook.engine.phrases import Phrases, record
from offhook.engine.reply import Mouth, Reply
from offhook.engine.scopes import CallScope
from offhook.engine.words import Words
from offhook.errors import BadOutput, FormatError, OffhookError, ProviderError
from offhook.ports.tts import TtsSession

NEW_VOICE_SECONDS = 1.0
"""How long a voice is waited for that is opened in place of one that broke."""


class Voicebox:
    """One call's."""

    def __init__(
        self,
        mouth: Mouth,
        phrases: Phrases | None,
        open_voice: Callable[[], Awaitable[TtsSession]],
        lines: Lines,
        failed: Callable[[OffhookError], None],
    ) -> None:
        self.mouth = mouth
        self.phrases = phrases
        self.mute = False
        """There is no voice."""
        self.meter = Meter()
        """Of voices that were thrown away."""
        self._open_voice = open_voice
        self._lines = lines
        self._failed = failed
        self._there: anyio.Event | None = None
        """Set when the voice that is opened in place of a broken one is there, or is not to be had; None once that was taken note of."""
        self._scope: CallScope

    def begin(self, scope: CallScope) -> None:
        """The call is up."""
        self._scope = scope

    @property
    def broke(self) -> bool:
        """A voice has broken, and nobody has taken note of what became of it."""
        return self._there is not None

    def speaking(self) -> AbstractContextManager[None]:
        """While a reply needs the voice."""
        if self.mute and self._there is None:
            self._renew()
        return self.phrases.speaking() if self.phrases is not None else nullcontext()

    def broken(self, error: ProviderError) -> None:
        """The voice broke in a reply."""
        self._failed(error)
        self._renew()

    async def ready(self) -> None:
        """Wait for what becomes of a voice that broke."""
        if self._there is not None:
            await self._there.wait()

    async def settled(self) -> bool:
        """Wait for what becomes of a voice that broke, and take note of it; whether there is one now."""
        await self.ready()
        self._there = None
        return not self.mute

    def sayable(self, proposal: Proposal) -> Proposal:
        """Without any voice only what is kept as audio can be said."""
        if self.mute and proposal.items:
            kept = tuple(item for item in proposal.items if self.mouth.clip(item.text) is not None)
            proposal.items = kept or (Item("", self._lines.failed),)
        return proposal

    def _renew(self) -> None:
        if self._there is None or self._there.is_set():
            self._there = anyio.Event()
            self._scope.start(partial(self._replace, self._there), "new voice")

    async def _replace(self, there: anyio.Event) -> None:
        """A voice that broke is thrown away, never reused; so is a new one that does not speak."""
        useless, new = self.mouth.voice, None
        try:
            with anyio.move_on_after(NEW_VOICE_SECONDS) as scope:
                new = useless = await self._open_voice()
                await self._prove(new)
                useless, self.mouth.voice = self.mouth.voice, new
            self.mute = scope.cancelled_caught
        except ProviderError as error:
            self.mute = True
            self._failed(error)
        finally:
            there.set()
            if new is not None:
                with anyio.CancelScope(shield=True), anyio.move_on_after(1):
                    await useless.aclose()
                # However long it took to close.
                self.meter.add(useless)

    async def _prove(self, voice: TtsSession) -> None:
        """A voice that opens need not speak: have it say what is wanted next. Raises ProviderError."""
        key, text = self.mouth.key, self._lines.fallback
        if self.phrases is not None and key is not None:
            try:
                self.phrases.put(key, text, await record(voice, self.mouth.link, text))
            except FormatError as error:
                raise BadOutput("tts", error.public) from error


class Recovery:
    """A line after the voice broke: what can be said in its place is known once another was opened, or none."""

    def __init__(self, recover: Callable[[Proposal, Reply], Awaitable[Proposal]], line: Proposal) -> None:
        self._recover = recover
        self._line = line

    async def think(self, reply: Reply, words: Words) -> None:
        """See ``reply.Thinking``."""
        proposal = await self._recover(self._line, reply)
        reply.settle(proposal)
        for item in proposal.items:
            words.put(item)
