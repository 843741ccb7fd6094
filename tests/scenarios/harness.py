"""A whole call in virtual time: the real engine around scripted speech providers, a carrier's playback model and a business.

``Line`` is the carrier and the caller at once. It sends 20 ms of mu-law every 20 ms, loud while the caller speaks; plays what it
is sent in order and in real time as a carrier would, answers marks, and keeps what was audible in every frame.
"""

from __future__ import annotations

import json
import logging
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import anyio
import httpx
import numpy as np

from offhook.contracts.events import AgentTurn, AnyEvent, CallEnded, CallerTurn, ToolFinished, event_adapter
from offhook.contracts.plan import CallPlan
from offhook.core.audio import g711
from offhook.core.audio.format import MULAW_8K, AudioFormat
from offhook.engine.call import Call
from offhook.engine.detector import Detector
from offhook.engine.lineup import Lineup
from offhook.engine.outbox import Outbox, Sender
from offhook.engine.phrases import Phrases
from offhook.engine.prepare import EngineParts, prepare
from offhook.engine.trace import TraceWriter
from offhook.engine.wheel import Wheel
from offhook.errors import ConfigError, TransferFailed
from offhook.inference import InferencePool
from offhook.ports.transport import CallStart, Closed, HoldIn, KeyIn, LegStats, MarkIn, MediaIn, TransportEvent
from offhook.registry import ProviderContext
from offhook.testing.fakes import FakeLlm, FakeStt, FakeTts, FakeVad, Mouthpiece, SttScript, TtsScript, Utterance
from offhook.weights import ModelStore

SECRET = "whsec_aGVsbG8="
FRAME = 160
QUIET = b"\xff" * FRAME
LOUD = bytes([0x10, 0x90] * (FRAME // 2))

log = logging.getLogger(__name__)


class Line:
    """A call's transport with the caller at its other end. Times are seconds since the line was up."""

    def __init__(self, mouthpiece: Mouthpiece, caller: str = "+447700900123") -> None:
        self.start = CallStart(transport="twilio", did="+442079460000", caller=caller, carrier_call="CA1")
        self.format_in: AudioFormat = MULAW_8K
        self.format_out: AudioFormat = MULAW_8K
        self.heard: list[bool] = []
        """For every 20 ms frame: whether the agent was audible."""
        self.audio = bytearray()
        """All that was played, silence where nothing was; of a frame that a clear cuts off only what was before that."""
        self.can_clear = True
        self.message_ms = 20
        self.most_ahead = 0.0
        self.transferred: list[str] = []
        self.refuse_transfer = False
        self.lost: Callable[[int], bool] = lambda _: False
        """Whether the caller's frame of this number never comes."""
        self.sounds: dict[int, bytes] = {}
        """What is to be heard of the caller in the frames of these numbers, in place of speech or silence."""
        self.counted: LegStats | None = None
        self.shown: list[dict[str, object]] = []
        self.clears: list[float] = []
        self.ended = anyio.Event()
        self._mouthpiece = mouthpiece
        self._buffer: deque[bytes | str] = deque()
        self._send, self._events = anyio.create_memory_object_stream[TransportEvent](100_000)
        self._begin = anyio.current_time()
        self._speaking_until = 0
        self._frames = 0
        self._closed = False
        self._held = False

        self.sent_keys = ""

    def send_keys(self, digits: str) -> bool:
        self.sent_keys += digits
        return True

    def stats(self) -> LegStats | None:
        return self.counted

    # -- the caller ---------------------------------------------------------------------------------------------------

    def now(self) -> float:
        """Seconds since the line was up."""
        return anyio.current_time() - self._begin

    async def say(self, text: str, seconds: float | None = None) -> None:
        """Speak; returns when the last word is out."""
        length = round((seconds if seconds is not None else max(0.3, 0.33 * len(text.split()))) * 50)
        begin = self._frames
        self._speaking_until = begin + length
        if text:
            self._mouthpiece.utterances.append(Utterance(begin * FRAME, (begin + length) * FRAME, text))
        await anyio.sleep(length * 0.02)

    async def beep(self, hz: float = 1_000.0, seconds: float = 0.3) -> None:
        """Sound as an answering machine does; returns when the tone is over."""
        begin, count = self._frames + 1, round(seconds * 50)
        at = np.arange(count * FRAME) / 8_000
        pcm = (0.3 * 32_767 * np.sin(2 * np.pi * hz * at)).astype("<i2").tobytes()
        data = g711.pcm_to_mulaw(pcm)
        self.sounds |= {begin + i: data[i * FRAME : (i + 1) * FRAME] for i in range(count)}
        await anyio.sleep((count + 1) * 0.02)

    def press(self, digits: str) -> None:
        """Press telephone keys."""
        for digit in digits:
            self._put(KeyIn(digit))

    async def hang_up(self) -> None:
        """Put the phone down."""
        self._put(Closed(lost=False))
        self._closed = True

    def hold(self, on: bool) -> None:
        """Be put on hold: nothing is sent or played until it is over."""
        self._held = on
        self._put(HoldIn(on))

    def drop(self) -> None:
        """The connection breaks without a goodbye."""
        self._put(Closed(lost=True))
        self._closed = True

    async def agent_speaks(self, limit: float = 10.0) -> float:
        """Wait until the agent is audible; returns the seconds waited. Fails after ``limit``."""
        return await self._wait(lambda: bool(self.heard) and self.heard[-1], limit, "the agent to speak")

    async def agent_done(self, limit: float = 60.0, quiet: float = 0.5) -> float:
        """Wait until the agent has been silent for ``quiet`` seconds."""
        frames = round(quiet * 50)
        return await self._wait(lambda: len(self.heard) >= frames and not any(self.heard[-frames:]), limit, "the agent to finish")

    async def _wait(self, reached: Callable[[], bool], limit: float, what: str) -> float:
        begin = anyio.current_time()
        while not reached():
            if anyio.current_time() - begin > limit:
                raise AssertionError(f"waited {limit} s for {what}")
            if self.ended.is_set():
                raise AssertionError(f"the line was closed while waiting for {what}")
            await anyio.sleep(0.02)
        return anyio.current_time() - begin

    def silent_for(self, seconds: float) -> bool:
        """Whether the agent was inaudible during the last seconds."""
        return not any(self.heard[-round(seconds * 50) :])

    async def run(self) -> None:
        """The carrier's clock: one frame each way every 20 ms."""
        while not self._closed:
            if self._held:
                await anyio.sleep(0.02)
                self._begin += 0.02
                continue
            speaking = self._frames < self._speaking_until
            if not self.lost(self._frames):
                sound = self.sounds.get(self._frames, LOUD if speaking else QUIET)
                self._put(MediaIn(sound, self._frames * FRAME))
            self._frames += 1
            self.heard.append(self._play())
            await anyio.sleep_until(self._begin + self._frames * 0.02)

    def _play(self) -> bool:
        while self._buffer and isinstance(self._buffer[0], str):
            self._put(MarkIn(cast("str", self._buffer.popleft())))
        frame = cast("bytes", self._buffer.popleft()) if self._buffer else QUIET
        self.audio += frame
        return frame != QUIET

    def _put(self, event: TransportEvent) -> None:
        if not self._closed:
            self._send.send_nowait(event)

    # -- the transport ------------------------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        self._buffer.extend(data[i : i + FRAME] for i in range(0, len(data), FRAME))
        self.most_ahead = max(self.most_ahead, 0.02 * sum(isinstance(entry, bytes) for entry in self._buffer))

    def clear(self) -> None:
        self.clears.append(self.now())
        for entry in self._buffer:
            if isinstance(entry, str):
                self._put(MarkIn(entry))
        self._buffer.clear()
        played = round(self.now() * 8_000)
        if played < len(self.audio):
            self.audio[played:] = b"\xff" * (len(self.audio) - played)
            self.heard[-1] = self.audio[-FRAME:] != QUIET

    def mark(self, name: str) -> None:
        self._buffer.append(name)

    def show(self, message: dict[str, object]) -> None:
        self.shown.append(message)

    async def __aiter__(self) -> AsyncIterator[TransportEvent]:
        async with self._events:
            async for event in self._events:
                yield event
                if isinstance(event, Closed):
                    return

    async def read(self, take: Callable[[TransportEvent], None]) -> None:
        async for event in self:
            take(event)

    async def transfer(self, target: str) -> None:
        self.transferred.append(target)
        if self.refuse_transfer:
            raise TransferFailed("nobody answers there")

    async def end(self) -> None:
        self._closed = True
        self.ended.set()
        self._send.close()


@dataclass
class Business:
    """The other end of tools and events."""

    answers: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Per tool, its answers in turn; the last one repeats."""
    delay: dict[str, float] = field(default_factory=dict)
    runs: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    """Tool, key and arguments of every request."""
    events: list[AnyEvent] = field(default_factory=list)

    down: bool = False
    """Nobody answers, neither tools nor events."""
    refused: int = 0
    arrived: list[AnyEvent] = field(default_factory=list)
    """Events as they came over the wire, those that came again too."""

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            self.refused += 1
            raise httpx.ConnectError("nobody answers", request=request)
        if request.url.path == "/events":
            self.arrived.append(event_adapter.validate_json(request.content))
            return httpx.Response(200)
        body = json.loads(request.content)
        name = body["tool"]
        self.runs.append((name, body["key"], body["args"]))
        await anyio.sleep(self.delay.get(name, 0.03))
        answers = self.answers.get(name, [{"values": {}}])
        return httpx.Response(200, json=answers.pop(0) if len(answers) > 1 else answers[0])

    def ran(self, tool: str) -> int:
        """How often a tool was run, by distinct key."""
        return len({key for name, key, _ in self.runs if name == tool})

    def of(self, kind: type[Any]) -> list[Any]:
        """Events of a kind, in order."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def ended(self) -> CallEnded:
        [event] = self.of(CallEnded)
        return cast("CallEnded", event)

    def said(self) -> list[str]:
        """What the agent was heard to say, by turn."""
        return [cast("AgentTurn", turn).heard for turn in self.of(AgentTurn)]

    def caller(self) -> list[str]:
        """What the caller was understood to say, by turn."""
        return [cast("CallerTurn", turn).text for turn in self.of(CallerTurn)]

    def tools(self) -> list[ToolFinished]:
        return cast("list[ToolFinished]", self.of(ToolFinished))


class _Lineup(Lineup):
    """Hands out the scripted providers: the spare ones under the name ``spare``, else the first."""

    def __init__(self, pool: InferencePool, providers: dict[str, Any], spare: dict[str, Any]) -> None:
        super().__init__(ProviderContext(pool=pool, weights=ModelStore(None)))
        self._providers = providers
        self._spare = spare

    def _one(self, kind: str, name: str) -> Any:
        found = (self._spare if name == "spare" else self._providers).get(kind)
        if found is None:
            raise ConfigError(f"no {kind} provider is called {name!r}")
        return found

    async def stt(self, name: str) -> FakeStt:
        return cast("FakeStt", self._one("stt", name))

    async def tts(self, name: str) -> FakeTts:
        return cast("FakeTts", self._one("tts", name))

    async def llm(self, name: str) -> FakeLlm:
        return cast("FakeLlm", self._one("llm", name))


class _Outbox:
    """Delivers at once."""

    def __init__(self, business: Business) -> None:
        self._business = business

    def begin(self, _call: str, _url: str) -> Sender:
        return cast("Sender", self)

    def put(self, event: AnyEvent) -> None:
        self._business.events.append(event_adapter.validate_json(event.model_dump_json()))


@dataclass
class Scene:
    """A call under way."""

    line: Line
    business: Business
    call: Call
    stt: FakeStt
    tts: FakeTts
    done: anyio.Event = field(default_factory=anyio.Event)

    @property
    def counters(self) -> Counter[str]:
        return self.call.reporter.counts


SCRIPT: dict[str, Any] = {
    "offhook": 1,
    "id": "front-desk",
    "version": 1,
    "title": "A short front desk",
    "languages": ["en-GB"],
    "start": "greet",
    "given": {"caller_number": "phone"},
    "knowledge": {"unsure": "I do not know that.", "go": "message"},
    "slots": {
        "need": {
            "type": "choice",
            "ask": ["How can I help?", "Is it a booking or a message?"],
            "options": {"booking": {"label": "a booking", "says": ["book", "appointment"]}, "message": {"label": "a message"}},
        },
        "phone": {"type": "phone", "ask": "What is the best number for you?", "confirm": "never"},
        "visit": {
            "type": "offer",
            "from": "free_slots.slots",
            "ask": "I have {visit.offers}. Which would you like?",
            "if_empty": {"say": "I have nothing free.", "go": "message"},
            "confirm": "at_end",
        },
        "note": {"type": "free_text", "ask": "What shall I tell the team?"},
    },
    "tools": {
        "free_slots": {"effect": "read", "gives": {"slots": "offers"}, "filler": "Let me look.", "if_fails": {"else": {"go": "message"}}},
        "book": {
            "effect": "write",
            "with": {"slot": "visit", "phone": "phone"},
            "gives": {"ref": "free_text"},
            "confirm": "So that is {visit} for {phone}. Shall I book it?",
            "filler": "One moment.",
            "if_fails": {"conflict": {"say": "That one has just gone.", "forget": ["visit"]}, "else": {"go": "message"}},
        },
        "save_message": {
            "effect": "write",
            "with": {"note": "note"},
            "confirm": "none",
            "because": "nothing is promised",
            "if_fails": {"else": {"go": "sorry"}},
        },
    },
    "topics": {
        "price": {
            "hint": "asks what it costs",
            "says": ["how much", "price"],
            "answer": "A visit is sixty pounds and that includes the first half hour of work.",
        }
    },
    "universals": {"human": "message"},
    "states": {
        "greet": {"say": "Harbour Plumbing, hello.", "next": "route"},
        "route": {"collect": ["need"], "also": ["phone"], "next": [{"if": "need is booking", "go": "book"}, {"go": "message"}]},
        "book": {"collect": ["phone", "visit"], "do": "book", "next": "booked"},
        "booked": {"say": "You are booked, {visit}. Thank you for ringing. Goodbye.", "end": "booked"},
        "message": {"collect": ["note"], "do": "save_message", "next": "bye"},
        "bye": {"say": "Thank you for ringing. Goodbye.", "end": "message"},
        "sorry": {"say": "I am sorry. Goodbye.", "end": "failed"},
    },
    "outcomes": {"booked": "good", "message": "neutral", "failed": "bad"},
}
SLOTS = {
    "values": {
        "slots": [
            {"id": "s1", "label": "Tuesday at nine", "start": "2026-11-24T09:00:00+00:00"},
            {"id": "s2", "label": "Wednesday at two", "start": "2026-11-25T14:00:00+00:00"},
        ]
    }
}


def plan_of(script: dict[str, Any] | None = None, **changes: Any) -> CallPlan:
    """A plan for a scene; tools are those of the script."""
    document = script or SCRIPT
    tools = {name: {"url": f"http://127.0.0.1:1/{name}", "effect": tool["effect"]} for name, tool in document.get("tools", {}).items()}
    values: dict[str, Any] = {
        "call": "c1",
        "script": document,
        "tools": tools,
        "record": False,
        "models": {"endpoint": None},
        "events_url": "http://127.0.0.1:1/events",
    }
    return CallPlan.model_validate({**values, **changes})


class _HereWriter(TraceWriter):
    """Writes without a thread, in which virtual time would run away."""

    def __init__(self, writer: TraceWriter) -> None:
        self.path = writer.path
        self.broken = False
        self._lines = writer._lines

    async def write(self) -> None:
        lines, self._lines = self._lines, []
        if lines:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")


@asynccontextmanager
async def scene(
    plan: CallPlan | None = None,
    business: Business | None = None,
    stt: SttScript | None = None,
    tts: TtsScript | None = None,
    traces: Path | None = None,
    outbox: Path | None = None,
    llm: FakeLlm | None = None,
    phrases: Phrases | None = None,
    spare: dict[str, Any] | None = None,
    first_tts: FakeTts | None = None,
    line_of: Callable[[Mouthpiece], Line] = Line,
    beside: Scene | None = None,
) -> AsyncIterator[Scene]:
    """A call that has just been answered; hung up and released at the end, whatever the scene did. ``traces``: keep them there.

    ``llm``: what the plan's model, if it names one, does. ``phrases``: keep fixed phrases there. ``spare``: by kind, what a plan has under
    the name "spare". ``beside``: a call of the same process: its detector, wheel and client serve this one too.
    ``outbox``: a real outbox over that folder sends the events to the business; without it they are simply there.
    """
    business = business or Business({"free_slots": [SLOTS], "book": [{"values": {"ref": "H18"}}]})
    mouthpiece = Mouthpiece()
    fake_stt, fake_tts = FakeStt(mouthpiece, stt), first_tts or FakeTts(tts)
    pool = InferencePool(inline=True)
    detector = Detector(FakeVad(), pool)
    wheel = Wheel()
    async with httpx.AsyncClient(transport=httpx.MockTransport(business)) as http, anyio.create_task_group() as group:
        parts = EngineParts(
            lineup=_Lineup(pool, {"stt": fake_stt, "tts": fake_tts, "llm": llm}, spare or {}),
            detector=detector,
            pool=pool,
            wheel=wheel,
            http=http,
            outbox=Outbox(outbox, http, SECRET, group) if outbox is not None else cast("Outbox", _Outbox(business)),
            secret=SECRET,
            state_dir=traces or Path("unused"),
            keep_traces=traces is not None,
            phrases=phrases,
        )
        if phrases is not None:
            group.start_soon(phrases.run)
        if beside is None:
            group.start_soon(wheel.run)
            group.start_soon(detector.run)
        else:
            theirs = beside.call._parts
            parts = replace(parts, detector=theirs.detector, pool=theirs.pool, wheel=theirs.wheel, http=theirs.http)
        line = line_of(mouthpiece)
        failures: Counter[str] = Counter()
        call = Call(parts, line, await prepare(parts, plan or plan_of(), line, failures), failures)
        if call.trace is not None:
            call.trace = _HereWriter(call.trace)
            call.driver._trace = call.trace
        stage = Scene(line, business, call, fake_stt, fake_tts)

        async def carry() -> None:
            await call.run()
            stage.done.set()

        group.start_soon(line.run)
        group.start_soon(carry)
        try:
            yield stage
        finally:
            await line.hang_up()
            with anyio.fail_after(30):
                await stage.done.wait()
            group.cancel_scope.cancel()


async def greeted(stage: Scene) -> None:
    """Hear the greeting out."""
    await stage.line.agent_speaks()
    await stage.line.agent_done()


async def exchange(stage: Scene, words: str, limit: float = 10) -> float:
    """Say something and hear the answer out; the seconds until it began."""
    await stage.line.say(words)
    waited = await stage.line.agent_speaks(limit)
    await stage.line.agent_done()
    return waited
