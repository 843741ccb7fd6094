"""``offhook bench turns --curve FILE``: how soon a turn is taken for over, against how often a pause in the middle of one is.

The recorded people are heard once, with the local models, in virtual time: a model's own time counts for nothing, so that the
figures are the same on every machine. What was heard is then put to the turn core under one policy after the other. Every pause
counts by itself, whatever was decided before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

import anyio
from rich.console import Console
from rich.table import Table

from offhook.core.audio.format import MULAW_8K
from offhook.core.audio.link import link
from offhook.core.time import MS, SECOND, Duration, Instant, ms
from offhook.core.turn import events as ev
from offhook.core.turn.policy import Endpointing, TurnPolicy
from offhook.core.turn.replay import is_shift, what_if
from offhook.core.understand.complete import Expect
from offhook.core.understand.types import Context
from offhook.engine.detector import Detector
from offhook.engine.driver import Driver
from offhook.engine.hear import Ears, Hearing
from offhook.engine.lineup import Lineup
from offhook.engine.scopes import call_scope
from offhook.inference import InferencePool
from offhook.ports.stt import SttHints
from offhook.ports.transport import MediaIn
from offhook.registry import ProviderContext
from offhook.testing.bench.corpus import Pause
from offhook.testing.carrier import FRAME, RATE, loud_frames
from offhook.testing.clock import VIRTUAL_TIME
from offhook.weights import ModelStore

FRAME_S: Final = FRAME / RATE
BEFORE_S: Final = 0.5
"""Silence before a recording."""
AFTER_S: Final = 3.0
"""Silence after one that ends: what is decided later is not waited for."""
CALLS: Final = frozenset({"call", "spontaneous"})
SCALES: Final = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.5, 2.0)
SURE: Final = (100, 140, 180, 220, 260, 320, 400, 500)
FIXED: Final = (200, 300, 400, 500, 600, 700, 800, 1_000, 1_300, 1_600)
SCALED: Final = "all waits, times"
ALIKE: Final = "one wait for all words, ms"
DRAWN: Final = {SCALED: "#1f6feb", ALIKE: "#6e7781"}
"""Series and their colours; the waits of sure words alone move no median."""
_NEVER: Duration = 3_600 * SECOND


@dataclass(frozen=True, slots=True)
class Take:
    """A recorded pause as the engine heard it. ``stop``: after the last word; ``resume``: where the next one begins, or when to give up."""

    pause: Pause
    events: tuple[ev.Event, ...]
    stop: Instant
    resume: Instant

    @property
    def sure(self) -> bool:
        """Whether the words that came last sound like a whole turn for sure."""
        scores = [each.score for each in self.events if isinstance(each, ev.Partial | ev.Final)]
        return bool(scores) and scores[-1] >= Endpointing().sure

    def decided(self, endpointing: Endpointing) -> float | None:
        """Milliseconds from the last word until its turn is taken for over, None where it is not before the next one."""
        policy = TurnPolicy(endpointing=endpointing, idle_ms=_NEVER, stalled_ms=_NEVER, locale="en-GB")
        found = (one.at for one in what_if(list(self.events), policy) if is_shift(one.effect) and self.stop <= one.at < self.resume)
        at = next(found, None)
        return None if at is None else (at - self.stop) / MS


@dataclass(frozen=True, slots=True)
class Point:
    """What a policy does to all recordings."""

    series: str
    at: float
    """The factor or the milliseconds by which it differs from the others of its series."""
    cut: float
    """The share of pauses that it takes for an end."""
    cut_in_calls: float
    """Of those in calls and in spontaneous speech."""
    p50_ms: float
    """Of the decisions after real ends; one that is not made in time counts as the longest wait."""
    p90_ms: float
    sure_p50_ms: float
    """After words that sound like a whole turn for sure."""


# -- the recordings are heard ---------------------------------------------------------------------------------------------


class _Wire:
    """Stands where the driver is: a clock, and what was fed."""

    def __init__(self) -> None:
        self.fed: list[ev.Event] = []
        self._begin = anyio.current_time()

    def now(self) -> Instant:
        return round((anyio.current_time() - self._begin) * SECOND)

    def feed(self, event: ev.Event) -> None:
        self.fed.append(event)


def hear(pauses: Sequence[Pause]) -> list[Take]:
    """Hear them all. Seconds of processor for each; blocks, and must be called where no loop runs."""
    takes: list[Take] = []
    name, options = VIRTUAL_TIME
    anyio.run(partial(_hear_all, pauses, takes), backend=name, backend_options=dict(options))
    return takes


async def _hear_all(pauses: Sequence[Pause], takes: list[Take]) -> None:
    pool = InferencePool(inline=True)
    lineup = Lineup(ProviderContext(pool=pool, weights=ModelStore(None)))
    # Loaded by a thread, in which virtual time has no part; nothing else is under way yet.
    vad, stt, endpoint = await lineup.vad("silero"), await lineup.stt("local"), await lineup.endpoint("smart_turn")
    for pause in pauses:
        dictated = pause.source == "dictated number"
        expect = Expect("phone") if dictated else Expect("free_text")
        context = Context("en-GB", "AU" if dictated else "GB")
        detector = Detector(vad, pool)
        to_stt = link((MULAW_8K,), stt.spec.formats, between=("line", stt.spec.id))
        to_detector = link((MULAW_8K,), (detector.format,), between=("line", "vad"))
        session = await stt.open(to_stt.target, "en-GB", SttHints())
        ears = Ears(detector, pool, session, partial(stt.open, to_stt.target, "en-GB", SttHints()), False, to_detector, to_stt, endpoint)
        async with call_scope() as scope:
            wire = _Wire()
            hearing = Hearing(
                ears,
                cast("Driver", wire),
                scope,
                MULAW_8K,
                context,
                lambda expect=expect: expect,  # type: ignore[misc]
                lambda _: None,
                lambda _text, _final: None,
                lambda window: window,
            )
            scope.start(detector.run, "detector")
            scope.start(hearing.run, "hearing")
            takes.append(await _play(pause, hearing, wire))
            scope.cancel()
        await hearing.aclose()
    for one in (vad, stt, endpoint):
        with suppress(AttributeError):
            await one.aclose()  # type: ignore[union-attr]


async def _play(pause: Pause, hearing: Hearing, wire: _Wire) -> Take:
    hold = pause.label == "hold"
    quiet = round(BEFORE_S / FRAME_S)
    loud = loud_frames(pause.audio).nonzero()[0]
    last = pause.pause if hold or not len(loud) else (int(loud[-1]) + 1) * FRAME
    stop = round((BEFORE_S + last / RATE) * SECOND)
    until = pause.resume if hold else len(pause.audio) + round(AFTER_S * RATE)
    audio = (b"\xff" * (quiet * FRAME) + pause.audio).ljust(quiet * FRAME + until, b"\xff")
    begin = anyio.current_time()
    for number in range(-(-(quiet * FRAME + until) // FRAME)):
        await anyio.sleep_until(begin + (number + 1) * FRAME_S)
        hearing.media(MediaIn(audio[number * FRAME : (number + 1) * FRAME], number * FRAME))
    resume = round((BEFORE_S + until / RATE) * SECOND)
    opened = (ev.Answered(0), ev.ReplyAudio(0, 1), ev.ReplyDone(0, 1), ev.Drained(0, 1))
    # The last one only lets every deadline before it come.
    return Take(pause, (*opened, *wire.fed, ev.Hangup(resume)), stop, resume)


# -- policies -------------------------------------------------------------------------------------------------------------


def scaled(factor: float) -> Endpointing:
    """All waits so many times as long."""
    now = Endpointing()
    return replace(now, **{each.name: round(getattr(now, each.name) * factor) for each in fields(now) if each.name.endswith("_ms")})


def fixed(milliseconds: float) -> Endpointing:
    """One wait, whatever was said: an engine that does not read the words."""
    waits: dict[str, Any] = {each.name: ms(milliseconds) for each in fields(Endpointing) if each.name.endswith("_ms")}
    return replace(Endpointing(), **waits)


def curve(takes: Sequence[Take]) -> list[Point]:
    """Every policy on every recording."""
    return [
        *(point(SCALED, factor, scaled(factor), takes) for factor in SCALES),
        *(point("sure_ms", value, replace(Endpointing(), sure_ms=ms(value)), takes) for value in SURE),
        *(point(ALIKE, value, fixed(value), takes) for value in FIXED),
    ]


def point(series: str, at: float, endpointing: Endpointing, takes: Sequence[Take]) -> Point:
    """One policy on every recording."""
    holds = [take for take in takes if take.pause.label == "hold"]
    ends = [take for take in takes if take.pause.label in {"shift", "complete"}]
    cuts = {id(take): take.decided(endpointing) is not None for take in holds}
    waits = {id(take): take.decided(endpointing) for take in ends}

    def share(of: Sequence[Take]) -> float:
        return sum(cuts[id(take)] for take in of) / len(of) if of else float("nan")

    def after(of: Sequence[Take], part: float) -> float:
        found = sorted(AFTER_S * 1000 if (wait := waits[id(take)]) is None else wait for take in of)
        return found[min(len(found) - 1, int(len(found) * part))] if found else float("nan")

    sure = [take for take in ends if take.sure]
    in_calls = [take for take in holds if take.pause.source in CALLS]
    return Point(series, at, share(holds), share(in_calls), after(ends, 0.5), after(ends, 0.9), after(sure, 0.5))


def report(console: Console, pauses: Sequence[Pause], drawing: Path) -> list[dict[str, Any]]:
    """Hear, decide, print a table, draw. Returns the points."""
    takes = hear([pause for pause in pauses if pause.label in {"hold", "shift", "complete"}])
    points = curve(takes)
    holds = sum(take.pause.label == "hold" for take in takes)
    table = Table(
        *("policy", "", "pauses cut into", "in calls and spontaneous speech", "ms to the decision p50", "p90", "after sure words p50"),
        title=f"ends against cut-ins: {holds} pauses inside turns, {len(takes) - holds} ends; a model's own time not counted",
    )
    for each in points:
        cells = (f"{each.at:g}", f"{each.cut:.0%}", f"{each.cut_in_calls:.0%}", f"{each.p50_ms:.0f}", f"{each.p90_ms:.0f}")
        table.add_row(each.series, *cells, f"{each.sure_p50_ms:.0f}")
    console.print(table)
    drawing.write_text(draw(points), encoding="utf-8")
    return [asdict(each) for each in points]


# -- the drawing ----------------------------------------------------------------------------------------------------------

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 720, 420, 60, 50, 20, 20


def draw(points: Sequence[Point]) -> str:
    """An SVG: across, the median wait after an end; up, the share of pauses that are cut into."""
    most_ms = 200 * -(-int(max(each.p50_ms for each in points)) // 200)
    most = 0.1 * -(-int(1000 * max(each.cut for each in points)) // 100)

    def across(value: float) -> float:
        return round(_LEFT + (_WIDTH - _LEFT - _RIGHT) * value / most_ms, 1)

    def up(value: float) -> float:
        return round(_HEIGHT - _BOTTOM - (_HEIGHT - _BOTTOM - _TOP) * value / most, 1)

    def text(value: str, x: float, y: float, *, anchor: str = "middle", size: int = 12, colour: str = "#57606a") -> str:
        return f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-family="sans-serif" font-size="{size}" fill="{colour}">{value}</text>'

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">',
        "<title>Pauses cut into against the wait after an end, by policy</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
    ]
    for value in range(0, most_ms + 1, 200):
        parts.append(f'<path d="M{across(value)} {_TOP}V{_HEIGHT - _BOTTOM}" stroke="#eaeef2"/>')
        parts.append(text(str(value), across(value), _HEIGHT - 32))
    for tenth in range(round(most * 10) + 1):
        parts.append(f'<path d="M{_LEFT} {up(tenth / 10)}H{_WIDTH - _RIGHT}" stroke="#eaeef2"/>')
        parts.append(text(f"{10 * tenth} %", _LEFT - 8, up(tenth / 10) + 4, anchor="end"))
    middle = (_LEFT + _WIDTH - _RIGHT) // 2
    parts.append(text("ms from the last word to the decision, median; up: pauses cut into", middle, _HEIGHT - 10))
    for number, (name, colour) in enumerate(DRAWN.items()):
        of = [each for each in points if each.series == name]
        line = " ".join(f"{across(each.p50_ms)},{up(each.cut)}" for each in of)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for each in of:
            x, y = across(each.p50_ms), up(each.cut)
            parts.append(f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>')
            parts.append(text(f"{each.at:g}", x + 5, y - 5, anchor="start", size=9, colour=colour))
        parts.append(text(name, _WIDTH - _RIGHT - 8, _TOP + 16 + 16 * number, anchor="end", colour=colour))
    return "\n".join([*parts, "</svg>"]) + "\n"
