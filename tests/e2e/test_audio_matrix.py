"""Every transport with every recogniser and every voice: what is said arrives as it was said, what is answered sounds as it was meant.

A real engine takes real calls on loopback. The caller says a tone, and the vendor's double says which tone it heard; the double's answer is
a tone for each clause, and it is measured in what the caller was sent: frequency, length, level, and no place that is no tone. The embedded
recogniser is told words instead, and the embedded voice is compared with itself. Providers are found by their names: a new one joins.
"""

from __future__ import annotations

import json
import math
import pkgutil
import re
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import anyio
import numpy as np
import numpy.typing as npt
import pytest
import uvicorn
from tests.conformance import local_speech
from tests.e2e.phones import CARRIERS, FORMATS, Memory, Phone, phone
from tests.telephony.figures import figure

from offhook import registry
from offhook.contracts.plan import CallPlan, PlanRequest
from offhook.core import wire
from offhook.core.audio.format import ALAW_8K, MULAW_8K, PCM16_24K, AudioFormat
from offhook.core.audio.g711 import alaw_to_pcm, mulaw_to_pcm, pcm_to_alaw, pcm_to_mulaw
from offhook.core.speech.segment import clauses_of
from offhook.core.turn.events import Final, Partial
from offhook.engine.app import create_app
from offhook.engine.engine import Engine
from offhook.engine.lineup import Lineup
from offhook.engine.settings import EngineSettings
from offhook.engine.trace import read_trace
from offhook.errors import FormatError, NoPlan
from offhook.inference import InferencePool
from offhook.ports.transport import CallStart, Closed
from offhook.registry import ProviderContext
from offhook.testing.conformance.sound import resampled
from offhook.testing.fakes import FakeVad
from offhook.testing.vendors import _voice
from offhook.testing.vendors.server import Vendors

pytestmark = pytest.mark.timeout(120)

HERTZ, SECONDS = 440.0, 0.6
WORDS = "the kitchen sink is leaking"
ASK = "What is it about?"
ANSWER = "Thank you very much. It is all written down."
QUIET_S = 0.6
"""So long nothing comes: the agent has said all."""
AT_ONCE = 8
Wave = npt.NDArray[np.float64]

SCRIPT: dict[str, Any] = {
    "offhook": 1,
    "id": "matrix",
    "version": 1,
    "title": "Says one thing, and another",
    "languages": ["en-GB"],
    "start": "ask",
    "slots": {"about": {"type": "free_text", "ask": ASK, "confirm": "never"}, "more": {"type": "free_text", "ask": "What else?"}},
    "universals": {"human": "bye"},
    "states": {
        "ask": {"collect": ["about"], "next": "answer"},
        "answer": {"say": ANSWER, "next": "bye"},
        "bye": {"end": "done"},
    },
    "outcomes": {"done": "good"},
}


# -- the engine ---------------------------------------------------------------------------------------------------------------


class Plans:
    """The plan of a call by its DID, ``stt/tts``; and which call it was."""

    def __init__(self) -> None:
        self.calls: dict[str, str] = {}

    async def plan(self, request: PlanRequest) -> CallPlan:
        stt, _, tts = request.did.rpartition("|")[2].partition("/")
        self.calls[request.did] = request.call
        values = {
            "call": request.call,
            "script": SCRIPT,
            "models": {"stt": [stt], "tts": [tts], "endpoint": None},
            # Patient, because this is no test of turns and the machine may be busy.
            "turn": {"idle_ms": 60_000, "endpointing": {"sure_ms": 900, "probable_ms": 900, "likely_ms": 900}},
            "fillers": {"after_ms": 0},
            "record": False,
        }
        return CallPlan.model_validate(values)


class HearsAnything(Lineup):
    """The real providers, and a detector to which a tone is speech too."""

    async def vad(self, name: str) -> FakeVad:
        return FakeVad()


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass
class Stage:
    """A running engine, and where it listens."""

    engine: Engine
    plans: Plans
    state: Path
    address: str

    async def heard(self, did: str) -> str:
        """All that the recogniser gave, once the call is over."""
        path = self.state / "calls" / self.plans.calls[did] / "trace.jsonl"
        with anyio.fail_after(150):
            while self.plans.calls[did] in self.engine.calls or not path.is_file():
                await anyio.sleep(0.01)
        return " ".join(event.text for event in read_trace(path)[1] if isinstance(event, Partial | Final))


@asynccontextmanager
async def stage(folder: Path, *, kept: bool = False) -> AsyncIterator[Stage]:
    """``kept``: fixed phrases are made ahead; else a voice says everything while the caller waits."""
    plan, state = folder / "plan.json", folder / "state"
    plan.write_text(json.dumps({"script": SCRIPT}), encoding="utf-8")
    settings = EngineSettings(plan=plan, state_dir=state, warm=(), drain_s=0.0, open_media=True)
    async with Vendors() as vendors:

        def lineup(pool: InferencePool) -> Lineup:
            return HearsAnything(ProviderContext(pool, local_speech.STORE, vendors.env()))

        app = create_app(settings, lineup)
        with socket.socket() as opened:
            opened.bind(("127.0.0.1", 0))
            server = _Server(uvicorn.Config(app, log_level="warning", lifespan="on", access_log=False, ws="websockets-sansio"))
            async with anyio.create_task_group() as group:
                group.start_soon(server.serve, [opened])
                while not server.started:
                    await anyio.sleep(0.01)
                engine = cast("Engine", app.state.engine)
                engine.plans = plans = Plans()
                if not kept:
                    engine.parts = replace(engine.parts, phrases=None)
                try:
                    yield Stage(engine, plans, state, f"ws://127.0.0.1:{opened.getsockname()[1]}")
                finally:
                    server.should_exit = True


# -- measuring ----------------------------------------------------------------------------------------------------------------


def pcm(data: bytes, form: AudioFormat) -> Wave:
    """Samples, -32,768 to 32,767."""
    decode = {MULAW_8K: mulaw_to_pcm, ALAW_8K: alaw_to_pcm}.get(form, bytes)
    return np.frombuffer(decode(data), "<i2").astype(np.float64)


def encoded(data: bytes, form: AudioFormat) -> bytes:
    return {MULAW_8K: pcm_to_mulaw, ALAW_8K: pcm_to_alaw}.get(form, bytes)(data)


def trimmed(wave: Wave, share: float = 0.25) -> Wave:
    """From the first sample of a share of the peak to the last."""
    there = np.flatnonzero(np.abs(wave) >= np.abs(wave).max(initial=1.0) * share)
    return wave[there[0] : there[-1] + 1] if len(there) else wave[:0]


def frequency(wave: Wave, rate: int) -> float:
    """Hz of the loudest tone."""
    power = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), 16 * len(wave)))
    return float(power.argmax()) * rate / (16 * len(wave))


def stray(wave: Wave, rate: int, hertz: float) -> float:
    """The largest part of any 20 ms that is not the tone: a gap, a jump in phase, a click."""
    step = rate // 50
    time = np.arange(step) * 2 * np.pi * hertz / rate
    basis = np.stack([np.sin(time), np.cos(time)], axis=1)
    worst = 0.0
    for begin in range(step, len(wave) - 2 * step, step // 4):
        part = wave[begin : begin + step]
        fit = basis @ np.linalg.lstsq(basis, part, rcond=None)[0]
        worst = max(worst, float(np.sqrt(((part - fit) ** 2).mean() / max(1.0, (wave**2).mean()))))
    return worst


def wrong_tones(text: str, wave: Wave, rate: int) -> Iterator[str]:
    """What is wrong with a text that should be a tone for each clause, one right after the other."""
    lengths = [0.06 * len(clause) for clause in clauses_of(text)]
    wave = trimmed(wave)
    if abs(len(wave) / rate - sum(lengths)) > 0.06:
        yield f"{text!r} takes {len(wave) / rate:.2f} s, not {sum(lengths):.2f} s"
        return
    at = 0.0
    for clause, seconds in zip(clauses_of(text), lengths, strict=True):
        part = wave[round(at * rate) : round((at + seconds) * rate)]
        at += seconds
        expected, found = _voice.frequency(clause), frequency(part, rate)
        if abs(found - expected) > 0.02 * expected:
            yield f"{clause!r} sounds at {found:.0f} Hz, not {expected:.0f}"
        elif (other := stray(part, rate, found)) > 0.08:
            yield f"{clause!r}: {other:.0%} of some 20 ms is no tone"
        loud = float(np.sqrt((part**2).mean())) * math.sqrt(2)
        if not 0.85 < loud / _voice.LEVEL < 1.15:
            yield f"{clause!r} is {loud / _voice.LEVEL:.2f} times as loud as it was"
    steepest = float(np.abs(np.diff(wave)).max())
    if steepest > _voice.LEVEL * (0.4 + 1.1 * 2 * math.pi * 900 / rate):
        yield f"{text!r} has a click of {steepest:.0f}"


async def embedded(lineup: Lineup, text: str) -> Wave:
    """The embedded voice's own audio of a text, at 24 kHz, from itself and not by the engine."""
    session = await (await lineup.tts("local")).open("heart", "en-GB", PCM16_24K)

    async def clauses() -> AsyncIterator[str]:
        for clause in clauses_of(text):
            yield clause

    data = b"".join([speech.data async for speech in session.speak(clauses())])
    await session.aclose()
    return pcm(data, PCM16_24K)


def at_rate(wave: Wave, rate: int, other: int) -> Wave:
    """Resampled by its spectrum: not how the engine does it."""
    count = round(len(wave) * other / rate)
    spectrum = np.fft.rfft(wave)
    out = np.zeros(count // 2 + 1, dtype=complex)
    most = min(len(out), len(spectrum))
    out[:most] = spectrum[:most]
    return np.asarray(np.fft.irfft(out, count) * count / len(wave))


def wrong_speech(text: str, wave: Wave, rate: int, own: Wave) -> Iterator[str]:
    """What is wrong with what should be the embedded voice's own audio."""
    # Speech ends softly: by a larger share, a hair of a resampler would decide which of its sounds is the last.
    wave, own = trimmed(wave, 0.05), trimmed(at_rate(own, 24_000, rate), 0.05)
    if abs(len(wave) - len(own)) > 0.06 * rate:
        yield f"{text!r} takes {len(wave) / rate:.2f} s, not {len(own) / rate:.2f} s"
        return
    size = len(wave) + len(own)
    both = np.fft.irfft(np.fft.rfft(wave, size) * np.conj(np.fft.rfft(own, size)), size)
    alike = float(both.max() / math.sqrt((wave**2).sum() * (own**2).sum()))
    loud = math.sqrt((wave**2).mean() / (own**2).mean())
    if alike < 0.9 or not 0.85 < loud < 1.15:
        yield f"{text!r} is {alike:.2f} like itself, and {loud:.2f} times as loud"


def wrong_words(stt: str, heard: str) -> Iterator[str]:
    """What is wrong with what was heard."""
    if stt == "local":
        if len(set(WORDS.split()) & set(re.findall("[a-z]+", heard.lower()))) < 3:
            yield f"heard {heard!r}"
        return
    tones = re.findall(r"tone (\d+) hz (\d+) ms", heard, re.IGNORECASE)
    if not tones or abs(int(tones[-1][0]) - HERTZ) > 0.02 * HERTZ or abs(int(tones[-1][1]) - 1000 * SECONDS) > 60:
        yield f"heard {heard!r}"


# -- the matrix ---------------------------------------------------------------------------------------------------------------


def combinations() -> list[tuple[str, str]]:
    return [(stt, tts) for stt in registry.names("stt") for tts in registry.names("tts")]


async def until_quiet(line: Phone, limit: float = 120.0) -> bool:
    """Wait until the agent has spoken and is quiet; whether it did."""
    begun = len(line.raw)
    with anyio.move_on_after(limit):
        while len(line.raw) == begun:
            await anyio.sleep(0.02)
        seen, since = len(line.raw), anyio.current_time()
        while anyio.current_time() - since < QUIET_S:
            await anyio.sleep(0.02)
            if len(line.raw) != seen:
                seen, since = len(line.raw), anyio.current_time()
        return True
    return False


@dataclass
class Took:
    """What became of a call."""

    heard: str = ""
    answered: bool = False
    said: dict[str, tuple[bytes, AudioFormat]] = field(default_factory=dict)
    """What the caller was sent for each text."""


async def call(stage: Stage, transport: str, stt: str, tts: str) -> Took:
    """One call."""
    did = f"{transport}|{stt}/{tts}"
    async with phone(transport, did, stage.address, stage.engine) as line:
        rate = line.format_in.rate
        spoken = local_speech.utterance(WORDS).pcm if stt == "local" else _voice.tone(HERTZ, round(SECONDS * 16_000), 16_000)
        if not await until_quiet(line):
            return Took()
        asked = len(line.raw)
        line.say(encoded(resampled(spoken, 16_000, rate), line.format_in))
        answered = await until_quiet(line)
        form = line.format_out
        said = {ASK: (bytes(line.raw[:asked]), form), ANSWER: (bytes(line.raw[asked:]), form)}
    return Took(await stage.heard(did), answered, said)


def wrong(stt: str, tts: str, took: Took, own: dict[str, Wave]) -> Iterator[str]:
    """All that was wrong with a call."""
    if not took.answered:
        yield "did not answer" if took.said else "said nothing"
        return
    yield from wrong_words(stt, took.heard)
    for text, (data, form) in took.said.items():
        wave = pcm(data, form)
        yield from wrong_speech(text, wave, form.rate, own[text]) if tts == "local" else wrong_tones(text, wave, form.rate)


async def all_of(stage: Stage, transport: str) -> dict[str, list[str]]:
    """Every recogniser with every voice over a transport; what was wrong, by combination."""
    took: dict[tuple[str, str], Took] = {}
    limiter = anyio.CapacityLimiter(AT_ONCE)
    lineup = stage.engine.parts.lineup
    own = {text: await embedded(lineup, text) for text in (ASK, ANSWER)}
    local_speech.utterance(WORDS)
    await lineup.warm([f"stt:{name}" for name in registry.names("stt")])

    async def one(stt: str, tts: str) -> None:
        async with limiter:
            took[stt, tts] = await call(stage, transport, stt, tts)

    async with anyio.create_task_group() as group:
        for stt, tts in combinations():
            group.start_soon(one, stt, tts)
    assert len(took) == len(combinations()) >= 16
    # Measured when no call is left to be held up by it.
    return {f"{transport}, {stt}, {tts}": list(wrong(stt, tts, took[stt, tts], own)) for stt, tts in took}


@pytest.mark.realtime
@pytest.mark.parametrize(
    ("transport", "kept"), [("twilio", False), ("browser 16k 24k", False), ("loopback 16k 16k", False), ("loopback mulaw mulaw", True)]
)
async def test_no_combination_sounds_wrong(tmp_path: Path, transport: str, kept: bool) -> None:
    async with stage(tmp_path, kept=kept) as one:
        found = await all_of(one, transport)
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


@pytest.mark.slow
@pytest.mark.parametrize(
    "transport",
    [
        *(f"browser {rate} {rate}" for rate in ("8k", "16k", "24k", "48k")),
        *(f"loopback {name} {name}" for name in ("8k", "24k", "48k", "alaw")),
        "loopback 48k alaw",
        "loopback mulaw 48k",
    ],
)
async def test_no_format_sounds_wrong(tmp_path: Path, transport: str) -> None:
    async with stage(tmp_path) as one:
        found = await all_of(one, transport)
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


@pytest.mark.telephony
async def test_no_dialect_sounds_wrong(tmp_path: Path) -> None:
    """A call by each, through the engine's own app: what is said and what is answered are whole and at their own pitch."""
    dialects = sorted({*CARRIERS, "asterisk-plain"})
    took: dict[str, Took] = {}

    async def one_call(stage: Stage, dialect: str) -> None:
        took[dialect] = await call(stage, dialect, "deepgram", "cartesia")

    async with stage(tmp_path) as one, anyio.create_task_group() as group:
        for dialect in dialects:
            group.start_soon(one_call, one, dialect)
        while len(took) < len(dialects):
            await anyio.sleep(0.05)
    assert {dialect: found for dialect in dialects if (found := list(wrong("deepgram", "cartesia", took[dialect], {})))} == {}
    figure(f"carriers by websocket: a real call by each of {len(dialects)} dialects, heard and answered without a fault")


def test_every_dialect_has_a_caller() -> None:
    modules = [one.name for one in pkgutil.iter_modules(wire.__path__)]
    assert {name for name in modules if hasattr(registry.dialect(name), "create")} == CARRIERS


@pytest.mark.parametrize(("into", "out"), [("opus", "16k"), ("16k", "opus")])
async def test_what_cannot_be_linked_is_refused_before_the_answer(tmp_path: Path, into: str, out: str) -> None:
    async with stage(tmp_path) as one:
        for stt, tts in combinations():
            leg = Memory(FORMATS[into], FORMATS[out], CallStart("loopback", did=f"opus|{stt}/{tts}"))
            with pytest.raises(NoPlan) as refused:
                await one.engine.take(leg)
            assert isinstance(refused.value.__cause__, FormatError)
            assert "opus" in refused.value.public
            assert not leg.raw
            assert [type(event) for event in [event async for event in leg]] == [Closed]
