"""Many callers at the carrier's edge, cheap enough to be no measure of themselves: Twilio's messages, ready-made, at fixed phases of 20 ms.

Instants are of the monotonic clock. A caller's last sample has been said when the frame that holds it is sent; the agent's first one is
heard when its frame arrives and nothing before it is left to be played. What is played follows from what came and when: 20 ms for 20 ms.
"""

from __future__ import annotations

import base64
import json
import random
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import anyio
import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from offhook.core.audio.g711 import mulaw_to_pcm, pcm_to_mulaw
from offhook.testing.carrier import AUDIBLE, FRAME, RATE

QUIET: Final = base64.b64encode(b"\xff" * FRAME).decode()
INAUDIBLE: Final = bytes(
    code for code in range(256) if abs(int(np.frombuffer(mulaw_to_pcm(bytes([code])), "<i2")[0])) <= AUDIBLE
)  # fmt: skip
PHASES: Final = 10
PAUSE_S: Final = 0.35
"""Between two sounds of the agent: longer, and it is no gap but another sentence."""
PATIENCE_S: Final = 6.0


@dataclass(slots=True)
class Turn:
    """One utterance and its answer."""

    begun: float
    """The first sample of it had been said."""
    ended: float = 0.0
    answered: float | None = None
    early: bool = False
    """The agent spoke before the caller had ended."""
    cut: bool = False
    """It was said over the agent."""
    silent: float | None = None
    """When the agent was last audible before the caller had ended, of an utterance over it."""


@dataclass(slots=True)
class Edge:
    """One call."""

    socket: ClientConnection
    stream: str
    turns: list[Turn] = field(default_factory=list)
    gaps: list[float] = field(default_factory=list)
    """Seconds for which there was nothing to play in the middle of the agent's speech, those of 40 ms and more."""
    closed: bool = False
    audible_until: float = 0.0
    until: float = 0.0
    clears: int = 0
    _frames: deque[tuple[str, Turn | None, bool]] = field(default_factory=deque)
    _number: int = 0
    _marks: deque[tuple[float, str]] = field(default_factory=deque)
    _speaking: Turn | None = None
    _fresh: bool = True
    """Nothing of the agent's present answer has been heard yet."""

    def say(self, payloads: Sequence[str], turn: Turn) -> None:
        """Say something from the next frame on."""
        self._frames.extend((payload, turn, number == len(payloads) - 1) for number, payload in enumerate(payloads))
        self.turns.append(turn)

    def message(self, now: float) -> str:
        """The next frame of the caller."""
        payload = QUIET
        if self._frames:
            payload, turn, last = self._frames.popleft()
            if turn is not None:
                self._said(turn, now, last=last)
        self._number += 1
        head = f'{{"event":"media","sequenceNumber":"{self._number + 1}","streamSid":"{self.stream}","media":{{"track":"inbound",'
        return f'{head}"chunk":"{self._number}","timestamp":"{20 * self._number - 20}","payload":"{payload}"}}}}'

    def _said(self, turn: Turn, now: float, *, last: bool) -> None:
        if not turn.begun:
            turn.begun = now - 0.02
            turn.cut = self.audible_until > now
            self._speaking = turn
        if last:
            turn.ended = now
            self._speaking = None
            self._fresh = True

    def due(self, now: float) -> list[str]:
        """Marks that have been played."""
        found = []
        while self._marks and self._marks[0][0] <= now:
            found.append(self._marks.popleft()[1])
        return found

    def take(self, text: str | bytes, now: float) -> None:
        """A message of the agent's."""
        value: dict[str, Any] = json.loads(text)
        match value["event"]:
            case "media":
                self._media(base64.b64decode(value["media"]["payload"]), now)
            case "mark":
                self._marks.append((max(self.until, now), value["mark"]["name"]))
            case "clear":
                self.clears += 1
                self.until = min(self.until, now)
                self.audible_until = min(self.audible_until, now)
                self._marks = deque((now, name) for _, name in self._marks)
                turn = self._speaking
                if turn is not None and turn.cut and turn.silent is not None:
                    turn.silent = min(turn.silent, now)

    def _media(self, audio: bytes, now: float) -> None:
        starts, dry = max(self.until, now), self.until
        self.until = starts + len(audio) / RATE
        if not audio.translate(None, INAUDIBLE):
            return
        turn = self.turns[-1] if self.turns else None
        if self._speaking is not None:
            if self._speaking.cut:
                self._speaking.silent = self.until
            else:
                self._speaking.early = True
        elif self._fresh and turn is not None:
            self._fresh = False
            turn.answered = starts
        elif self.audible_until == dry and 0.04 <= now - dry < PAUSE_S:
            self.gaps.append(now - dry)
        self.audible_until = self.until


class Callers:
    """All callers of a measurement. ``speech``: the utterance, as mu-law."""

    def __init__(self, url: str, speech: bytes) -> None:
        self._url = url
        # Filled up in front: its last sample is the last of a frame.
        whole = b"\xff" * (-len(speech) % FRAME) + speech
        self._payloads = [base64.b64encode(whole[i : i + FRAME]).decode() for i in range(0, len(whole), FRAME)]
        self._phases: list[list[Edge]] = [[] for _ in range(PHASES)]
        self._count = 0
        self.late = 0.0
        """Seconds by which the callers' own clock was late at most."""
        self.dice = random.Random(1)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Callers]:
        """The callers' clock."""
        async with anyio.create_task_group() as group:
            begin = anyio.current_time()
            for phase in range(PHASES):
                group.start_soon(self._pump, phase, begin + phase * 0.02 / PHASES)
            yield self
            group.cancel_scope.cancel()

    async def _pump(self, phase: int, begin: float) -> None:
        number = 0
        while True:
            number += 1
            await anyio.sleep_until(begin + number * 0.02)
            self.late = max(self.late, anyio.current_time() - begin - number * 0.02)
            for edge in self._phases[phase]:
                if edge.closed:
                    continue
                now = anyio.current_time()
                try:
                    await edge.socket.send(edge.message(now))
                    for name in edge.due(now):
                        await edge.socket.send(json.dumps({"event": "mark", "streamSid": edge.stream, "mark": {"name": name}}))
                except ConnectionClosed:
                    edge.closed = True

    @asynccontextmanager
    async def call(self) -> AsyncIterator[Edge]:
        """A call that is up."""
        self._count += 1
        number = self._count
        stream = f"MZ{number:032d}"
        async with connect(self._url, compression=None, max_size=None, ping_interval=None) as socket:
            await socket.send('{"event":"connected","protocol":"Call","version":"1.0.0"}')
            start = {
                "streamSid": stream,
                "accountSid": "AC" + "0" * 32,
                "callSid": f"CA{number:032d}",
                "tracks": ["inbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": RATE, "channels": 1},
                "customParameters": {},
            }
            await socket.send(json.dumps({"event": "start", "sequenceNumber": "1", "streamSid": stream, "start": start}))
            edge = Edge(socket, stream)
            self._phases[number % PHASES].append(edge)
            async with anyio.create_task_group() as group:
                group.start_soon(self._receive, edge)
                try:
                    yield edge
                finally:
                    edge.closed = True
                    self._phases[number % PHASES].remove(edge)
                    with anyio.CancelScope(shield=True), anyio.move_on_after(2):
                        await self._hang_up(edge)
                    group.cancel_scope.cancel()

    async def _hang_up(self, edge: Edge) -> None:
        try:
            await edge.socket.send(json.dumps({"event": "stop", "streamSid": edge.stream, "stop": {"callSid": "CA"}}))
        except ConnectionClosed:
            return

    async def _receive(self, edge: Edge) -> None:
        try:
            async for message in edge.socket:
                edge.take(message, anyio.current_time())
        except ConnectionClosed:
            pass
        edge.closed = True

    # -- what they do -----------------------------------------------------------------------------------------------------

    async def talk(self, seconds: float, begun: float = 0.0, *, over: bool = False) -> Edge:
        """One call of so many seconds, after ``begun`` seconds: say the utterance whenever the agent is done, or ``over`` its speech."""
        await anyio.sleep(begun)
        end = anyio.current_time() + seconds
        async with self.call() as edge:
            await self._quiet(edge, PATIENCE_S)
            while anyio.current_time() < end and not edge.closed:
                await anyio.sleep(self.dice.uniform(0.05, 0.5))
                turn = Turn(0.0)
                edge.say(self._payloads, turn)
                await self._answer(edge, turn)
                if over and turn.answered is not None:
                    await anyio.sleep(self.dice.uniform(0.6, 1.2))
                    edge.say(self._payloads, second := Turn(0.0))
                    await self._answer(edge, second)
                await self._quiet(edge, PATIENCE_S)
        return edge

    async def _answer(self, edge: Edge, turn: Turn) -> None:
        with anyio.move_on_after(len(self._payloads) * 0.02 + PATIENCE_S):
            while turn.answered is None and not edge.closed:  # noqa: ASYNC110 - here and below what is heard is looked at as time goes by
                await anyio.sleep(0.02)

    async def _quiet(self, edge: Edge, limit: float) -> None:
        with anyio.move_on_after(limit):
            while not edge.audible_until and not edge.closed:  # noqa: ASYNC110
                await anyio.sleep(0.02)
        with anyio.move_on_after(30):
            while anyio.current_time() - edge.audible_until < 0.5 and not edge.closed:  # noqa: ASYNC110
                await anyio.sleep(0.05)


def sharp(mulaw: bytes, loud: float = 1_500.0, quiet: float = 600.0) -> bytes:
    """Speech cut where its last loud 10 ms end, so that nobody argues about when it was over, and without pauses beyond 30 ms."""
    pcm = np.frombuffer(mulaw_to_pcm(mulaw), "<i2")
    hops = pcm[: len(pcm) // 80 * 80].reshape(-1, 80)
    level = np.sqrt((hops.astype(np.float64) ** 2).mean(axis=1))
    there = np.flatnonzero(level > loud)
    kept, row = [], 0
    for number in range(there[0], there[-1] + 1):
        row = row + 1 if level[number] < quiet else 0
        if row <= 3:
            kept.append(hops[number])
    return pcm_to_mulaw(np.concatenate(kept).astype("<i2").tobytes())
