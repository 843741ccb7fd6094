"""One random call in virtual time: a caller by chance, the real engine, and providers that break by chance.

``play(seed, ahead=...)`` is one call; it is the same whenever it is played.
"""

from __future__ import annotations

import asyncio
import copy
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import anyio
import httpx
import sniffio
from tests.scenarios.crowd_line import SAID, CrowdLine, QuickVad, chance
from tests.scenarios.crowd_parts import ODD, CrowdBusiness, CrowdLlm, CrowdStt, CrowdTts, kept
from tests.scenarios.harness import SCRIPT, SLOTS, _Lineup, plan_of

from offhook.contracts.events import AgentTurn, AnyEvent, CallEnded, CallerTurn
from offhook.contracts.plan import CallPlan
from offhook.engine.call import Call
from offhook.engine.detector import Detector
from offhook.engine.failover.health import HealthBoard
from offhook.engine.outbox import Outbox, Sender
from offhook.engine.phrases import Phrases, fixed_texts
from offhook.engine.prepare import EngineParts, Prepared, prepare
from offhook.engine.wheel import Wheel
from offhook.inference import InferencePool
from offhook.testing.clock import Deadlock, VirtualTimeLoop

LONGEST = 45.0
"""Seconds after which a caller puts the phone down."""
KEPT = 0.8
"""Share of the calls on an engine that has the fixed phrases as audio; the others are the first ones that an engine answers."""
GRID = 8
"""Callers act at every 8th frame, where the detector's windows and the line's frames begin together: the same in every replay."""

SCRIPT_OF_CALLS = copy.deepcopy(SCRIPT)
SCRIPT_OF_CALLS["given"] = {**SCRIPT_OF_CALLS["given"], "staff": "phone"}
SCRIPT_OF_CALLS["states"]["person"] = {"say": "I am putting you through.", "transfer": "staff", "if_fails": "message", "end": "transferred"}
SCRIPT_OF_CALLS["outcomes"] = {**SCRIPT_OF_CALLS["outcomes"], "transferred": "neutral"}
SCRIPT_OF_CALLS["universals"] = {"human": "person"}
ANSWERS = (
    (
        "how can i help",
        ("I would like a booking please", "a message please", "I need an appointment", "can I book a visit", ODD[0], ODD[3]),
    ),
    ("booking or a message", ("a booking", "a message please", ODD[0])),
    ("best number", ("oh seven nine double one one two three four five six", "oh seven nine one one seven six five four three two")),
    ("which would you like", ("Tuesday at nine please", "the Wednesday one", "the first one", "Wednesday at two")),
    ("shall i book it", ("yes please", "yes please do that", "no not that one", "yes", "no thank you")),
    ("tell the team", ("please ring me back about the boiler", "the tap in the kitchen drips all night long", ODD[3], ODD[2])),
)
ANYTHING = (
    *ODD,
    "how much is it",
    "can I speak to a person please",
    "sorry what did you say",
    "no wait I would rather leave a message",
    "actually I want a booking after all",
    "goodbye",
    "yes",
    "no",
    "that is all thank you",
)
BACKCHANNELS = ("mm hm", "yeah", "okay", "right", "uh huh", "I see")


@dataclass
class Played:
    """One call, when it is over."""

    seed: int
    ahead: bool
    line: CrowdLine
    business: CrowdBusiness
    call: Call
    stts: list[CrowdStt]
    llms: list[CrowdLlm]
    ttss: list[CrowdTts]
    faults: Counter[str]
    said: list[str]
    """The agent's words by number."""
    problems: list[tuple[str, str]] = field(default_factory=list)
    """Law and what broke it, of what is seen while the call lasts and just after it."""
    gaps: list[tuple[int, bool]] = field(default_factory=list)
    """Of the turns that were cut off: words in the history less words heard, and whether they are the same words."""
    what: Counter[str] = field(default_factory=Counter)
    """What the caller did, by kind."""
    ended: CallEnded | None = None

    @property
    def log(self) -> list[tuple[Any, ...]]:
        return self.business.log


# -- the caller -----------------------------------------------------------------------------------------------------------------


class Gone(Exception):
    """The caller, or the line, is not there any more."""


class Caller:
    """Does what the seed wants, by what was said last; every act on the grid."""

    def __init__(self, seed: int, line: CrowdLine, what: Counter[str]) -> None:
        self.seed = seed
        self.line = line
        self.what = what
        self.dice = chance(seed, "caller")
        self._ends_at = self.dice.choice([None, None, self.dice.randint(0, 5)])
        self._broken = self.dice.random() < 0.3

    async def run(self) -> None:
        """Until the agent or the caller hangs up."""
        line = self.line
        try:
            if self.dice.random() < 0.15:
                self.what["spoke before the greeting"] += 1
                await self._say("hello is that the plumber")
            for step in range(9):
                dice = chance(self.seed, "step", step)
                if step == self._ends_at:
                    await self._leave(dice)
                await self._step(dice)
            await self._until(lambda: False, 12)
        except Gone:
            pass
        if self._broken:
            line.drop()
        else:
            await line.hang_up()

    async def _leave(self, dice: Any) -> None:
        """Put the phone down at any instant, also in the middle of a word or of an answer."""
        self.what["hung up"] += 1
        async with anyio.create_task_group() as group:
            group.start_soon(self._quietly, self._answer(dice))
            end = self.line.now() + dice.uniform(0.02, 6)
            while self.line.now() < end and not self.line._closed:
                await anyio.sleep(0.02)
            group.cancel_scope.cancel()
        raise Gone

    async def _quietly(self, text: str) -> None:
        try:
            await self._until(self._silent, 6, strict=False)
            await self._say(text)
        except Gone:
            return

    async def _step(self, dice: Any) -> None:
        text = ""
        kind = dice.random()
        if kind < 0.2:
            await self._until(lambda: self.line.heard[-1], 6)
            await self._until(lambda: False, dice.uniform(0.05, 2.5))
            if self._silent():
                self.what["spoke after"] += 1
            else:
                self.what["interrupted"] += 1
            await self._say(dice.choice(["no wait a moment please ", "hold on ", "sorry but "]) + self._answer(dice))
            return
        if kind < 0.35:
            await self._until(lambda: self.line.heard[-1], 6)
            await self._until(lambda: False, dice.uniform(0.05, 1.5))
            self.what["backchannel"] += 1
            await self._say(dice.choice(BACKCHANNELS))
        elif kind < 0.42:
            await self._until(lambda: self.line.heard[-1], 6)
            await self._until(lambda: False, dice.uniform(0.05, 1.5))
            self.what["cough"] += 1
            await self._say("", dice.uniform(0.1, 0.7))
        await self._until(lambda: self.line.heard[-1], 5)
        await self._until(self._silent, 25)
        await self._until(lambda: False, dice.choice([0.02, 0.3, 1.0]))
        if kind > 0.93 and "number" in self._last():
            self.what["keys"] += 1
            self.line.press("07911123456#"[: dice.choice([12, 11, 4])])
            return
        if kind > 0.9:
            self.what["silence"] += 1
            await self._until(lambda: False, 8)
            return
        text = self._answer(dice)
        if 0.45 < kind < 0.65 and len(text.split()) > 2:
            self.what["resumed after a pause"] += 1
            cut = dice.randint(1, len(text.split()) - 1)
            await self._say(" ".join(text.split()[:cut]))
            await self._until(lambda: False, dice.uniform(0.06, 1.6))
            text = " ".join(text.split()[cut:])
        await self._say(text)
        if kind > 0.85:
            self.what["went on"] += 1
            await self._until(lambda: False, dice.uniform(0.1, 1.2))
            await self._say(dice.choice(["if that is all right with you", "and thank you for that", "how much is it"]))

    def _last(self) -> str:
        return next((str(one["text"]).lower() for one in reversed(self.line.shown) if one["type"] in {"speaking", "agent"}), "")

    def _answer(self, dice: Any) -> str:
        asked = self._last()
        fits = [answers for question, answers in ANSWERS if question in asked]
        return str(dice.choice(fits[-1] if fits and dice.random() < 0.8 else ANYTHING))

    def _silent(self) -> bool:
        return not any(self.line.heard[-22:])

    async def _say(self, text: str, seconds: float | None = None) -> None:
        await self._grid()
        await self.line.say(text, seconds)
        if self.line._closed:
            raise Gone

    async def _grid(self) -> None:
        while len(self.line.heard) % GRID:
            await anyio.sleep(0.02)
            if self.line._closed:
                raise Gone

    async def _until(self, reached: Any, limit: float, *, strict: bool = True) -> None:
        """Until it is so, for as many seconds at most."""
        begin = self.line.now()
        while not self.line.heard or not reached():
            await anyio.sleep(0.02)
            if self.line._closed or self.line.now() > LONGEST:
                if strict or self.line._closed:
                    raise Gone
                return
            if self.line.now() - begin >= limit:
                return


# -- the call -------------------------------------------------------------------------------------------------------------------


class _Log:
    """The outbox: turns, work and transfers in the order in which they came."""

    def __init__(self, played: Played) -> None:
        self._played = played
        self._from = 0

    def begin(self, _call: str, _url: str) -> Sender:
        return cast("Sender", self)

    def put(self, event: AnyEvent) -> None:
        played = self._played
        match event:
            case CallerTurn():
                played.log.append(("caller", event.text, event.acts))
            case AgentTurn():
                played.log.append(("agent", event.heard, event.interrupted))
                self._truth(event)
            case CallEnded():
                played.ended = event
            case _:
                pass

    def _truth(self, event: AgentTurn) -> None:
        """What the line has played of this turn, word by word, against what the engine says was heard."""
        played = self._played
        words = [played.said[number] for number, part in played.line.played[self._from :] if part >= SAID]
        self._from = len(played.line.played)
        played.line.turn_over()
        heard = event.heard.split()
        shorter = min(len(words), len(heard))
        played.gaps.append((len(heard) - len(words), heard[:shorter] == words[:shorter]))
        if event.interrupted:
            played.what["cut off"] += 1
            return
        gap, same = played.gaps.pop()
        if gap or not same:
            told = f"an answer was heard whole, but for {gap} words: {event.heard!r} and {' '.join(words)!r}"
            played.problems.append(("heard text", told))


def _keep(phrases: Phrases, prepared: Prepared, plan: CallPlan, said: list[str]) -> None:
    """The engine has served this agent before."""
    assert prepared.mouth.key is not None
    for text in fixed_texts(plan, prepared.script):
        phrases.put(prepared.mouth.key, text, kept(text, said))
    phrases._jobs.clear()
    phrases._wanted.clear()


async def _play(seed: int, *, ahead: bool) -> Played:
    dice = chance(seed, "call")
    faults: Counter[str] = Counter()
    business = CrowdBusiness({"free_slots": [SLOTS], "book": [{"values": {"ref": "H18"}}]}).prepare(seed, faults)
    lexicon, said = [""], [""]
    share = dice.choice([0.0, 0.05, 0.15])
    stts = [CrowdStt(seed, name, lexicon, faults, share=share) for name in ("first", "spare")]
    ttss = [CrowdTts(seed, name, said, faults, share=share / 2) for name in ("first", "spare")]
    llms = [CrowdLlm(seed, name, faults, share=share * 2) for name in ("first", "spare")]
    line = CrowdLine(lexicon, lambda: business.busy > 0)
    line.refuse_transfer = dice.random() < 0.5
    both = dice.random() < 0.8
    names = ("first", "spare") if both else ("first",)
    plan = plan_of(
        SCRIPT_OF_CALLS,
        models={"endpoint": None, "stt": names, "tts": names, "llm": names if dice.random() < 0.8 else ()},
        given={"staff": "+442079460001"},
        transfer_to={"staff": "+442079460001"},
        openers={"on": dice.random() < 0.2},
        call=f"c{seed}",
        tools={
            name: {"url": f"http://127.0.0.1:1/{name}", "effect": tool["effect"], "timeout_ms": 4_500}
            for name, tool in SCRIPT_OF_CALLS["tools"].items()
        },
    )
    phrases = Phrases()
    pool = InferencePool(inline=True)
    detector, wheel = Detector(QuickVad(), pool), Wheel()
    lineup = _Lineup(pool, {"stt": stts[0], "tts": ttss[0], "llm": llms[0]}, {"stt": stts[1], "tts": ttss[1], "llm": llms[1]})
    lineup.board = HealthBoard(chance=lambda: 0.5)
    async with httpx.AsyncClient(transport=httpx.MockTransport(business)) as http, anyio.create_task_group() as group:
        parts = EngineParts(
            lineup=lineup,
            detector=detector,
            pool=pool,
            wheel=wheel,
            http=http,
            outbox=None,
            secret="whsec_aGVsbG8=",
            state_dir=Path("unused"),
            keep_traces=False,
            phrases=phrases,
        )
        failures: Counter[str] = Counter()
        prepared = await prepare(parts, plan, line, failures)
        if chance(seed, "phrases").random() < KEPT:
            _keep(phrases, prepared, plan, said)
        prepared = replace(prepared, policy=replace(prepared.policy, ahead=ahead))
        played = Played(seed, ahead, line, business, cast("Call", None), stts, llms, ttss, faults, said)
        line.log = played.log
        log = _Log(played)
        call = played.call = Call(replace(parts, outbox=cast("Outbox", log)), line, prepared, failures)
        caller = Caller(seed, line, played.what)
        for work in (phrases.run, wheel.run, detector.run, line.run, caller.run):
            group.start_soon(work)
        with anyio.move_on_after(LONGEST + 30) as scope:
            await call.run()
        if scope.cancelled_caught:
            played.problems.append(("ends", "the call does not end"))
        group.cancel_scope.cancel()
    await lineup.aclose()
    _left(played, detector, wheel)
    return played


def _left(played: Played, detector: Detector, wheel: Wheel) -> None:
    """Nothing is left running, open or due."""
    loop = asyncio.get_running_loop()
    report = played.call.scope_report
    left = {
        "tasks": [task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()],
        "timers": [handle for handle in loop._scheduled if not handle.cancelled()],  # type: ignore[attr-defined]
        "recognisers": [session for stt in played.stts for session in stt.open_now],
        "voices": [session for tts in played.ttss for session in tts.open_now],
        "voices that speak": [tts.name for tts in played.ttss if tts.speaking],
        "answers": [llm.name for llm in played.llms if llm.open],
        "listeners": list(detector._listeners),
        "turns": [] if report is not None and report.turns_opened == report.turns_closed else [report],
        "turns that overran": [report] if report is not None and report.overruns else [],
        "tools": [1] if played.business.busy else [],
    }
    played.problems += [("left behind", f"left: {what} {found}") for what, found in left.items() if found]


class _Loop(VirtualTimeLoop):
    """Nothing comes from outside the process: the system is never asked, which is a tenth of the time."""

    def __init__(self) -> None:
        super().__init__()
        self._jump.select = self._select  # type: ignore[method-assign]

    def _select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Deadlock("nothing is ready and no timer is set")
        self._jump.now += max(timeout, 0.0)
        return []


def play(seed: int, *, ahead: bool) -> Played:
    """One call from beginning to end, on a loop of its own."""
    loop = _Loop()
    library = sniffio.thread_local.name
    try:
        # Known once instead of found out at every wait.
        sniffio.thread_local.name = "asyncio"
        asyncio.set_event_loop(loop)
        played = loop.run_until_complete(_play(seed, ahead=ahead))
        loop.run_until_complete(loop.shutdown_asyncgens())
        return played
    except BaseException as error:
        error.add_note(f"seed {seed}, {ahead=}")
        raise
    finally:
        sniffio.thread_local.name = library
        asyncio.set_event_loop(None)
        loop.close()
