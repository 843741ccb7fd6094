"""Calls with a recording that fits what was said: events as an engine sends them, and a stereo sound whose gaps are those of the ladder."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray
from tests.e2e.business import DID, SECRET, House
from tests.e2e.calls import NOW

from offhook import signing
from offhook.contracts.handover import HEADER, Handover
from offhook.orchestrator.calls import intake
from offhook.orchestrator.recordings import ops as recordings

RATE = 8_000
STAGES = ("endpoint", "stt_final", "to_llm", "first_token", "first_clause", "tts_first_byte", "playout")
SHARES = (0.32, 0.08, 0.01, 0.34, 0.06, 0.15, 0.04)
CALLER_HZ, AGENT_HZ = 180, 240


@dataclass(frozen=True, slots=True)
class Talk:
    """One side has the floor for so many seconds. ``waited`` is how long the caller had waited for it, in milliseconds.

    ``lost`` is how many seconds the agent had made beyond what was heard: then the caller cut it off. ``tools`` have run before it.
    """

    begin: float
    seconds: float
    text: str
    waited: float | None = None
    lost: float = 0.0
    tools: tuple[tuple[str, float, str | None], ...] = ()
    side: str = "agent"

    @property
    def end(self) -> float:
        return self.begin + self.seconds


def caller(begin: float, seconds: float, text: str) -> Talk:
    return Talk(begin, seconds, text, side="caller")


def sound(talks: Sequence[Talk], seconds: float) -> NDArray[np.int16]:
    """What is heard: each side a tone that swells like syllables, on its own channel, silent otherwise."""
    found = np.zeros((round(seconds * RATE), 2), dtype=np.int16)
    for number, one in enumerate(talks):
        begin, count = round(one.begin * RATE), round(one.seconds * RATE)
        time = np.arange(min(count, len(found) - begin)) / RATE
        loud = np.random.default_rng(number).uniform(0.25, 1.0, len(time) // (RATE // 5) + 2)  # five syllables a second
        swell = np.abs(np.sin(np.pi * 5 * time)) * loud[(time * 5).astype(int)] + 0.1
        channel, hz = (0, CALLER_HZ) if one.side == "caller" else (1, AGENT_HZ)
        found[begin : begin + len(time), channel] = 14_000 * swell * np.sin(2 * np.pi * hz * time)
    return found


def flac(samples: NDArray[np.int16]) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, samples, RATE, format="FLAC")
    return out.getvalue()


async def recorded(
    house: House, call: str, talks: Sequence[Talk], seconds: float, *, minutes_ago: float, heard: bool = True, **ended: Any
) -> str:
    """Let this call have happened, with its recording unless ``heard`` is false; its id."""
    began = NOW - timedelta(minutes=minutes_ago)
    time = began.isoformat().replace("+00:00", "Z")
    common = {"call": call, "ref": "harbour/front-desk", "time": time}
    for seq, event in enumerate(_events(talks, seconds, ended), 1):
        answer = await _signed(house, "/v1/events", json.dumps({"id": f"{call}.{seq}", "seq": seq, **common, **event}).encode())
        assert answer == 200, event
    assert await intake.finish(house.services, "harbour", call)
    if heard:
        await hand_over(house, call, flac(sound(talks, seconds)))
    return call


async def hand_over(house: House, call: str, body: bytes) -> None:
    """A recording as an engine brings it, and what the orchestrator's job finds in it."""
    one = Handover(call=call, ref="harbour/front-desk", kind="recording", size=len(body), sha256=hashlib.sha256(body).hexdigest())
    manifest = one.model_dump_json().encode()
    headers = signing.headers(SECRET, f"handover.{call}", int(house.now[0].timestamp()), manifest)
    answer = await house.http.post("/v1/recordings", content=body, headers=headers | {HEADER: base64.b64encode(manifest).decode()})
    assert answer.status_code == 200, answer.text
    assert await recordings.examine(house.services, "harbour", call)


def _events(talks: Sequence[Talk], seconds: float, ended: dict[str, Any]) -> Iterator[dict[str, Any]]:
    number = ended.pop("caller", "+447700900151")
    yield {"type": "call.started", "transport": "loopback", "did": DID, "caller": number, "at_ms": 0}
    turn = 0
    for one in talks:
        begin, end = round(one.begin * 1000), round(one.end * 1000)
        if one.side == "caller":
            turn += 1
            yield {"type": "turn.caller", "turn": turn, "text": one.text, "start_ms": begin, "end_ms": end, "at_ms": end}
            continue
        for tool, took, error in one.tools:
            common = {"tool": tool, "key": f"{tool}.{begin}", "args": {}, "took_ms": took, "error": error}
            yield {"type": "tool.finished", **common, "at_ms": begin - 60}
        words = one.text.split()
        said = len(words) if not one.lost else max(1, round(len(words) * one.seconds / (one.seconds + one.lost)))
        yield {
            "type": "turn.agent",
            "turn": turn,
            "text": one.text,
            "heard": " ".join(words[:said]),
            "interrupted": one.lost > 0,
            # It begins to work the answer out when it is sure that the caller is done.
            "start_ms": begin - round((one.waited or 0) * (1 - SHARES[0])),
            "end_ms": end,
            "at_ms": end,
            "audible_ms": begin,
            "unheard_ms": round(one.lost * 1000),
            "ladder": _ladder(one.waited),
        }
    last = {"reason": "hangup", "outcome": "booked", "seconds": seconds, "slots": {}} | ended
    yield {"type": "call.ended", **last, "at_ms": round(seconds * 1000)}


def _ladder(waited: float | None) -> dict[str, float]:
    if waited is None:
        return {}
    steps = {stage: round(share * waited, 1) for stage, share in zip(STAGES, SHARES, strict=True)}
    return {**steps, "total": round(sum(steps.values()), 1)}


async def _signed(house: House, path: str, content: bytes) -> int:
    headers = signing.headers(SECRET, f"msg_{hashlib.sha256(content).hexdigest()[:24]}", int(house.now[0].timestamp()), content)
    return (await house.http.post(path, content=content, headers=headers)).status_code


_DANA: tuple[Talk, ...] = (
    Talk(0.3, 5.6, "Harbour Plumbing and Gas, this call is recorded. I'm the booking assistant. What's happening?"),
    caller(6.9, 5.5, "Hi, yeah, um, our hot water's gone. There's water coming out the bottom of the unit."),
    Talk(12.9, 4.4, "Sorry to hear that. Is it still running out, or has it stopped?", waited=468),
    caller(18.3, 2.6, "It's, uh, still dripping. Like, a fair bit."),
    Talk(21.4, 5.3, "Okay. First, turn the tap on the cold pipe into the unit clockwise until it stops. If it's a gas unit, also turn the "
         "control knob to off and leave the", waited=512, lost=4.4),
    caller(26.6, 1.6, "Yep, done that already."),
    Talk(28.7, 1.7, "Good. What's the address?", waited=431),
    caller(31.2, 8.0, "Forty-two, um, Fern Street, Islington."),
    Talk(39.9, 5.6, "Forty-two Fern Street, Islington. And is the number you're calling from the best one?", waited=752),
    caller(46.7, 1.2, "Yeah, this one."),
    Talk(48.4, 8.2, "Let me look at today. I have between ten and twelve, or between one and three. Which suits you?", waited=496,
         tools=(("free_slots", 380, None),)),
    caller(58.0, 6.8, "Ten to twelve's good. Uh, how much is the call-out?"),
    Talk(66.0, 12.0, "The call-out is one hundred and twenty dollars. That covers the first half hour and you approve anything more before "
         "we start.", waited=1_184),
    caller(79.0, 1.0, "Okay, fine."),
    Talk(80.5, 13.0, "I'll book that now. Done. Ten to twelve today, 42 Fern Street. Ray will call when he's on the way.", waited=481,
         tools=(("book", 642, None),)),
    caller(94.3, 2.2, "Great. Thanks very much, bye."),
    Talk(96.9, 1.3, "You're welcome. Bye.", waited=409),
)  # fmt: skip
DANA = tuple(
    replace(one, seconds=after.begin - after.waited / 1000 - one.begin) if after is not None and after.waited else one
    for one, after in zip(_DANA, (*_DANA[1:], None), strict=True)
)
"""A minute and thirty-nine seconds with a cut, slow replies and two tools. The caller falls silent as long before a reply as it says."""


def talked(minutes: float, turns: int, seed: int = 7) -> list[Talk]:
    """A conversation of so many minutes in which each side speaks half of so many turns; a few are cut off, a few come late."""
    random = np.random.default_rng(seed)
    room = minutes * 60 / turns
    found, at = [], 0.4
    for number in range(turns):
        if number % 2:
            length = room * random.uniform(0.45, 0.75)
            found.append(caller(at, length, f"That is what I meant, and the {number}th thing that I wanted to tell you about the boiler."))
            at += length
        else:
            waited = (
                None
                if number == 0
                else float(round(random.uniform(380, 640)) if random.random() > 0.04 else round(random.uniform(900, 2_400)))
            )
            at += (waited or 0) / 1000
            length = room * random.uniform(0.6, 0.95)
            one = Talk(at, length, f"I see. So that was number {number}, and I shall write it down as you said it.", waited)
            cut = number > 2 and random.random() < 0.05
            tools = (("free_slots", float(round(random.uniform(120, 600))), None),) if number and number % 24 == 0 else ()
            found.append(replace(one, lost=random.uniform(1.0, 4.0) if cut else 0.0, tools=tools))
            at += length + (0.0 if cut else random.uniform(0.3, 0.9))
    # What was waited for is not stretched: a gap is as long as its ladder says.
    gaps = [(one.waited or 350.0 * (one.side == "caller")) / 1000 for one in found]
    scale = (minutes * 60 - 1 - sum(gaps)) / sum(one.seconds for one in found)
    spread, at = [], found[0].begin
    for one, gap in zip(found, gaps, strict=True):
        spread.append(replace(one, begin=at + gap, seconds=one.seconds * scale))
        at = spread[-1].end
    return spread


async def long_call(house: House, minutes: float, turns: int, call: str = "call_long") -> str:
    """A call so long, with so many turns and its recording; its id."""
    talks = talked(minutes, turns)
    seconds = max(minutes * 60.0, talks[-1].end + 0.5)
    return await recorded(house, call, talks, round(seconds, 2), minutes_ago=40_400, slots={"name": "Marcus Long", "problem": "boiler"})
