"""Random callers against the example scripts: what must hold whatever a caller says, presses, or lets pass."""
# ruff: noqa: E501 - tables of cases

from __future__ import annotations

import datetime as dt
import random
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from offhook.authoring.load import load
from offhook.core.script import acts as act
from offhook.core.script.model import Script
from offhook.core.script.rules import understand
from offhook.core.script.step import (
    Ask,
    Begin,
    End,
    Hangup,
    Keys,
    Mode,
    Out,
    Run,
    Say,
    ScriptEvent,
    ScriptState,
    Silence,
    Spoken,
    ToolDone,
    Transfer,
    Transferred,
    Understood,
    initial,
    step,
)
from offhook.core.understand.types import Context

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SCRIPTS = {
    "receptionist": EXAMPLES / "receptionist" / "receptionist.yaml",
    "brightroof": EXAMPLES / "callback" / "brightroof.yaml",
}
CALLERS = 400
TURNS = 50
CONTEXT = Context("en-GB", "GB", dt.datetime(2026, 11, 21, 10, tzinfo=dt.UTC), ((0, "08:00", "18:00"), (1, "08:00", "18:00")))
OFFERS = [
    [{"id": "a", "label": "Tuesday at nine", "start": "2026-11-24T09:00:00+00:00"}, {"id": "b", "label": "Wednesday at two"}],
    [{"id": "c", "label": "Friday at ten", "start": "2026-11-27T10:00:00+00:00"}],
    [],
]
VALUES: dict[str, list[Any]] = {
    "yes_no": [True, False],
    "person_name": [{"given": "Ann", "family": "Lee", "spelling": None}, {"given": "Bob", "family": None, "spelling": None}],
    "phone": ["+441632960111", "+441632960222"],
    "email": ["ann@example.com"],
    "address": [{"lines": ["4 Mill Lane"], "postcode": "PO5 2AB"}, {"lines": ["9 High Street"], "postcode": None}],
    "date": ["2026-11-24", "2026-11-27", "2020-01-01"],
    "datetime": ["2026-11-24T09:00:00+00:00"],
    "time": ["09:00"],
    "number": [3],
    "money": [{"minor": 6000, "currency": "GBP"}, {"minor": 900000, "currency": "GBP"}, {"minor": 100, "currency": "GBP"}],
    "free_text": ["the tap drips", "x" * 400],
    "pattern": ["PO5 2AB"],
    "offer": ["a", "b", "zz"],
}
SENTENCES = [
    "yes", "no", "no, Friday", "yes but Friday instead", "the first one", "none of those", "My boiler is leaking, it's Ann Lee, can you come tomorrow morning?",
    "what are your opening hours?", "how much is it?", "sorry?", "hang on", "forget it", "speak to a person", "goodbye", "thank you", "you idiot", "not Lee, Leigh",
    "oh one six three two nine six oh one one one", "cancel my booking", "", "?!", "mumble grumble", "I don't have one", "actually make it Thursday", "0", "stop calling me",
]  # fmt: skip


@dataclass
class Caller:
    """One random caller; keeps what was heard and checks every reply."""

    script: Script
    seed: int
    state: ScriptState = field(init=False)
    trace: list[ScriptEvent] = field(default_factory=list)
    heard: set[str] = field(default_factory=set)
    readbacks: dict[str, str] = field(default_factory=dict)
    agreed: bool = False
    times: list[float] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    last: tuple[Out, ...] = ()

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.willing = self.seed % 3 == 0
        self.state = initial(self.script)

    def feed(self, event: ScriptEvent) -> tuple[Out, ...]:
        began = time.perf_counter()
        after, outs = step(self.script, self.state, event)
        self.times.append(time.perf_counter() - began)
        self.trace.append(event)
        again, same = step(self.script, self.state, event)
        assert again == after, "same input, another state"
        assert same == outs, "same input, another reply"
        self.judge(event, outs)
        self.state = after
        self.last = outs if any(isinstance(each, Say | Ask) for each in outs) else self.last
        return outs

    def judge(self, event: ScriptEvent, outs: tuple[Out, ...]) -> None:
        asks = [each for each in outs if isinstance(each, Ask)]
        assert len(asks) <= 1, f"two questions: {asks}"
        marks = sum(each.text.count("?") for each in outs if isinstance(each, Say | Ask) and each.item != "silence")
        assert marks <= 1, f"two questions in words: {outs}"
        assert all(each.text.strip() for each in outs if isinstance(each, Say | Ask)), f"empty words: {outs}"
        if isinstance(event, Understood | Keys | Silence | Begin):
            loud = [each for each in outs if isinstance(each, Say | Ask | Run | Transfer | End)]
            assert loud, f"mute after {event} at {self.state.at}"
        for run in (each for each in outs if isinstance(each, Run)):
            tool = self.script.tools[run.tool]
            self.runs.append(run)
            for must in self.script.must_say:
                if run.tool in must.before:
                    assert must.name in self.heard, f"{run.tool} ran before {must.name} was heard"
            if tool.effect == "write" and tool.confirm:
                assert self.agreed, f"{run.tool} ran without a yes in this turn"
                before = self.state.open
                assert before is not None, f"{run.tool} ran with no read-back open"
                assert before.kind == "agree"
                assert before.tool == run.tool
                assert before.heard, f"{run.tool} ran after a read-back that was not heard"
                assert run.key.endswith(before.print), f"{run.tool} ran with other values than were read back"

    def hear(self, outs: tuple[Out, ...]) -> None:
        cut = self.random.random() < (0.05 if self.willing else 0.25)
        gone = False
        for each in outs:
            if not isinstance(each, Say | Ask):
                continue
            if gone:
                heard = ""
            elif cut and self.random.random() < 0.5:
                heard, gone = each.text[: self.random.randrange(len(each.text) + 1)], True
            else:
                heard = each.text
            whole = heard == each.text
            if whole and each.item.startswith("must."):
                self.heard.add(each.item.removeprefix("must."))
            self.agreed = False
            self.after(self.feed(Spoken(each.item, heard, whole)))

    def after(self, outs: tuple[Out, ...]) -> None:
        """Tools answer, some late, some wrong; transfers end."""
        for run in [each for each in outs if isinstance(each, Run)]:
            if self.random.random() < 0.1:
                continue
            self.agreed = False
            self.after(self.feed(self.result(run)))
        if any(isinstance(each, Transfer) for each in outs):
            self.after(self.feed(Transferred(self.random.random() < 0.3)))

    def result(self, run: Run) -> ToolDone:
        if self.random.random() < 0.25:
            return ToolDone(run.key, {}, self.random.choice(["conflict", "rejected", "timeout", "unavailable", "odd"]))
        values: dict[str, Any] = {}
        for name, kind in self.script.tools[run.tool].gives.items():
            values[name] = {
                "offers": self.random.choice(OFFERS),
                "yes_no": self.random.random() < 0.7,
                "datetime": "2026-11-24T09:00:00+00:00",
            }.get(kind, "H18")
        return ToolDone(run.key, values, None)

    def event(self) -> ScriptEvent:
        dice = self.random.random()
        if self.willing and self.state.open is not None and dice < 0.93:
            asked = self.state.open
            return Understood((self.set(asked.slot) if asked.kind == "ask" else act.Affirm(),), "acts", "x")
        if dice < 0.35:
            return understand(self.script, self.state, self.random.choice(SENTENCES))
        if dice < 0.4:
            return Silence()
        if dice < 0.47:
            return Keys(self.random.choice(["0", "1", "2", "3", "9", "*", "#", "2411", "01632960111#"]))
        if dice < 0.48:
            return Mode(self.random.choice(["voice", "keys"]))
        if dice < 0.485:
            return Hangup()
        if dice < 0.52 and self.runs:
            return self.result(self.random.choice(self.runs))
        return Understood(tuple(self.one() for _ in range(self.random.choice([1, 1, 1, 2, 3]))), "acts", "x")

    def one(self) -> act.Act:
        asked = self.state.open
        if asked is not None and self.random.random() < 0.6:
            if asked.kind != "ask":
                return act.Affirm() if self.random.random() < 0.75 else act.Deny()
            return self.set(asked.slot)
        kind = self.random.randrange(12)
        if kind < 3:
            return self.set(self.random.choice(list(self.script.slots)))
        if kind == 3:
            name = self.random.choice([*self.script.slots, None])
            value = self.value(name) if name is not None and self.random.random() < 0.7 else None
            return act.Correct(name, value, "x")
        if kind == 4:
            return act.Raise(self.random.choice([*self.script.topics, "nothing"]))
        rest: list[act.Act] = (
            [act.Affirm(), act.Deny(), act.Choose(1), act.Choose(9), act.NoneOfThese(), act.Skip(), act.Human(), act.Cancel(), act.Goodbye(), act.Repeat(),
             act.Help(), act.Hold(), act.Chitchat(), act.Unclear(), act.Question("when are you open")]
        )  # fmt: skip
        return self.random.choice(rest)

    def set(self, name: str) -> act.Act:
        if self.script.slots[name].type == "offer":
            return act.Choose(self.random.choice([1, 1, 2]))
        return act.Set(name, self.value(name), "x", self.random.choice([0.5, 0.8, 1.0]))

    def value(self, name: str) -> Any:
        slot = self.script.slots[name]
        if slot.type == "choice":
            return self.random.choice([*(option.name for option in slot.options), "nonsense"])
        return self.random.choice(VALUES[slot.type])

    def call(self) -> None:
        given = {
            "open_now": self.random.random() < 0.6,
            "caller_number": "+441632960111",
            "caller_name": "Ann Lee",
            "staff": "+442392000000",
        }
        for name in list(given):
            if self.random.random() < 0.4:
                del given[name]
        outs = self.feed(Begin(given, CONTEXT, (("Opening hours", "We are open Monday to Friday from eight to six."),)))
        self.after(outs)
        for _ in range(TURNS):
            if self.state.ended:
                break
            self.hear(self.last)
            event = self.event()
            self.agreed = (isinstance(event, Understood) and any(isinstance(each, act.Affirm) for each in event.acts)) or (
                isinstance(event, Keys) and event.digits == "1"
            )
            self.after(self.feed(event))


@pytest.mark.parametrize("name", SCRIPTS)
def test_what_must_hold_for_every_caller(name: str) -> None:
    script = load(SCRIPTS[name]).script
    times: list[float] = []
    ran: set[str] = set()
    ended = 0
    for seed in range(CALLERS):
        caller = Caller(script, seed)
        try:
            caller.call()
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, after {len(caller.trace)} events: {error}\n{caller.trace[-6:]}") from error
        times += caller.times
        ran |= {run.tool for run in caller.runs}
        ended += caller.state.ended
        assert len(caller.state.path) <= 201
    assert ran == set(script.tools), f"the callers never came to {set(script.tools) - ran}"
    assert ended > CALLERS // 4
    print(f"{name}: {CALLERS} callers, {len(times)} steps, p50 {statistics.median(times) * 1e6:.0f} us, {ended} ended")  # noqa: T201


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_caller_who_never_says_anything_useful_is_let_go(name: str) -> None:
    script = load(SCRIPTS[name]).script
    for make in (act.Unclear, act.Affirm, act.Deny, act.Skip, act.Repeat, act.Chitchat, act.NoneOfThese, act.Help, act.Hold):
        state, outs = step(script, initial(script), Begin({}, CONTEXT))
        for _ in range(80):
            for each in outs:
                if isinstance(each, Say | Ask):
                    state, _ = step(script, state, Spoken(each.item, each.text, True))
            runs = [each for each in outs if isinstance(each, Run)]
            event: ScriptEvent = ToolDone(runs[0].key, {}, "unavailable") if runs else Understood((make(),))
            if any(isinstance(each, Transfer) for each in outs):
                event = Transferred(False)
            state, outs = step(script, state, event)
            if state.ended:
                break
        assert state.ended, f"{make.__name__} for ever at {state.at}"
