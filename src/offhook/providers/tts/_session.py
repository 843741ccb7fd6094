"""What the vendors' voices share: one warm socket a call, replies one after the other on it, cancelled by leaving.

A vendor is a ``Protocol``: text messages in, calls on the ``Reply`` out. Two tasks run for a session, both waited for: one reads the socket
for as long as it is open, since what a vendor still sends of a cancelled reply must be taken off it; one asks for clauses while a reply
is spoken, since a vendor speaks the first while the next is being thought of.
"""

from __future__ import annotations

import asyncio
import json
import math
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final

import anyio

from offhook.core.audio.format import AudioFormat
from offhook.errors import BadOutput, ProviderError, Timeout, Unavailable
from offhook.ports.tts import Speech
from offhook.providers._vendor import Socket
from offhook.providers.tts._reply import Reply

PATIENCE_S: Final = 2.0
"""A vendor that owes audio and has sent none for so long is stuck. Whoever has a second vendor looks elsewhere sooner."""
FEEDER_S: Final = 0.5
"""Longest wait for the source of clauses to let go."""


class Protocol(ABC):
    """One socket's conversation with a vendor, one reply at a time, without waiting. Raises ProviderError for what the vendor breaks."""

    keep_s = math.inf
    """After so long without a message from the vendor ``keep`` is called, again and again."""

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float]) -> None:
        self.counts: Counter[str] = Counter()
        self.reply: Reply | None = None
        self._write = write
        self._clock = clock

    @property
    def spent(self) -> bool:
        """Whether the next reply needs another socket."""
        return False

    def begin(self, reply: Reply) -> None:
        """A reply begins; the one before is over or was cancelled."""
        self.reply = reply

    @abstractmethod
    def say(self, text: str) -> None:
        """Send the reply's next clause."""

    @abstractmethod
    def finish(self) -> None:
        """The reply has no more clauses."""

    @abstractmethod
    def cancel(self) -> None:
        """The reply is given up: stop the vendor."""

    @abstractmethod
    def receive(self, message: str | bytes) -> None:
        """Take the vendor's next message."""

    def keep(self) -> None:  # noqa: B027 - most vendors have nothing of the kind
        """Keep the connection from being closed for want of anything to say."""

    def settle(self) -> float:
        """Seconds to wait for what the vendor may still say of a reply whose end is otherwise known; inf for none."""
        return math.inf

    def bye(self) -> None:  # noqa: B027 - likewise
        """Say goodbye before the socket is closed."""

    def send(self, message: Mapping[str, Any]) -> None:
        """Write an object."""
        self._write(json.dumps(message, separators=(",", ":")))


class Line:
    """An open socket with its protocol and its reader."""

    def __init__(self, socket: Socket, protocol: Protocol) -> None:
        self.protocol = protocol
        self.error: ProviderError | None = None
        self._socket = socket
        self._reading = anyio.CancelScope()
        self.task = asyncio.create_task(self._read(), name=f"{socket.provider} reader")

    async def _read(self) -> None:
        try:
            with self._reading:
                await self._messages()
        except ProviderError as error:
            self.error = self._socket.hide(error)
        finally:
            self.error = self.error or Unavailable(self._socket.provider, "the connection was closed")
            if self.protocol.reply is not None:
                self.protocol.reply.fail(self.error)
            await self._socket.aclose()

    async def _messages(self) -> None:
        """Until the connection is closed, which raises."""
        while True:
            message: str | bytes | None = None
            with anyio.move_on_after(self.protocol.keep_s):
                message = await self._socket.receive()
            if message is None:
                self.protocol.keep()
            else:
                self.protocol.receive(message)

    def retire(self) -> None:
        """Close without waiting for it; ``task`` ends when it is closed."""
        if self.error is None:
            self.protocol.bye()
            self.error = Unavailable(self._socket.provider, "the connection was closed")
        # Not by cancelling the task, which would never close the socket if it had not begun.
        self._reading.cancel()


class VoiceSession:
    """One call's voice at a vendor; see ``offhook.ports.tts.TtsSession``.

    ``counts`` counts what the vendor sent and was not used. ``characters`` were sent, which is what vendors charge for.
    """

    def __init__(
        self,
        provider: str,
        format: AudioFormat,
        connect: Callable[[], Awaitable[Socket]],
        protocol: Callable[[Callable[[str], None], Callable[[], float]], Protocol],
        patience: float = PATIENCE_S,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.characters = 0
        self._provider = provider
        self._format = format
        self._connect = connect
        self._protocol = protocol
        self._patience = patience
        self._line: Line | None = None
        self._reply: Reply | None = None
        self._old: set[asyncio.Task[None]] = set()
        self._closed = False

    async def connect(self) -> Line:
        """The open socket; a new one if there is none, or what is there can carry no other reply. Raises ProviderError."""
        line = self._line
        if line is not None and line.error is None and not line.protocol.spent:
            return line
        self._hang_up()
        socket = await self._connect()
        if self._closed:
            await socket.aclose()
            raise Unavailable(self._provider, "the voice session is closed")
        self._hang_up()  # whatever has been opened in between
        self._line = Line(socket, self._protocol(socket.write, asyncio.get_running_loop().time))
        return self._line

    async def speak(self, clauses: AsyncIterator[str]) -> AsyncIterator[Speech]:
        """Audio of each clause as it comes. A reply that is still under way is cancelled."""
        if self._closed:
            raise Unavailable(self._provider, "the voice session is closed")
        self._drop(self._reply)
        line = await self.connect()
        reply = self._reply = Reply(self._provider, self._format)
        line.protocol.begin(reply)
        feeder = asyncio.create_task(self._feed(line.protocol, reply, clauses), name=f"{self._provider} clauses")
        feeder.add_done_callback(lambda _: reply.news.set())
        try:
            while (speech := await self._next(line.protocol, reply, feeder)) is not None:
                yield speech
        finally:
            self._drop(reply)
            feeder.cancel()
            with anyio.CancelScope(shield=True):
                await asyncio.wait([feeder], timeout=FEEDER_S)

    async def _feed(self, protocol: Protocol, reply: Reply, clauses: AsyncIterator[str]) -> None:
        async for text in clauses:
            said = reply.add(text)
            if said and reply.error is None:
                self.characters += len(said)
                protocol.say(said)
        reply.close()
        if reply.error is None:
            protocol.finish()

    async def _next(self, protocol: Protocol, reply: Reply, feeder: asyncio.Task[None]) -> Speech | None:
        """The reply's next audio, None at its end. Raises its error, or that of the source of clauses."""
        while True:
            reply.news.clear()
            if feeder.cancelled():
                raise Unavailable(self._provider, "the reply was given up")
            if feeder.done() and (broken := feeder.exception()) is not None:
                raise broken
            speech = reply.take()
            if speech is not None:
                return speech
            if reply.error is not None:
                raise reply.error
            if reply.over:
                return None
            before = (reply.progress, reply.owed)
            settle = protocol.settle()
            with anyio.move_on_after(min(settle, self._patience) if reply.owed else math.inf) as wait:
                await reply.news.wait()
            if not wait.cancelled_caught or before != (reply.progress, reply.owed):
                continue
            if settle < self._patience:
                reply.end()
            else:
                reply.fail(Timeout(self._provider, f"no audio for {self._patience:g} s"))

    def _drop(self, reply: Reply | None) -> None:
        """Give up what a reply still lacks."""
        line = self._line
        if reply is None or reply is not self._reply:
            return
        self._reply = None
        self.counts.update(reply.counts)
        if line is None or line.protocol.reply is not reply:
            return
        if not reply.over and line.error is None:
            line.protocol.cancel()
            reply.fail(Unavailable(self._provider, "another reply has begun"))
        line.protocol.reply = None
        if isinstance(reply.error, Timeout | BadOutput):
            self._hang_up()  # what it would say next is not to be trusted

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.retire()
            self.counts.update(self._line.protocol.counts)
            self._old.add(self._line.task)
            self._line.task.add_done_callback(self._old.discard)
            self._line = None

    async def aclose(self) -> None:
        """Close; a reply under way fails. Idempotent."""
        self._closed = True
        self._drop(self._reply)
        self._hang_up()
        if self._old:
            with anyio.CancelScope(shield=True):
                await asyncio.wait(set(self._old))
