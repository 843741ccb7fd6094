"""Conversations as tests: text only, virtual time, milliseconds each. Reports what no test touched, by file and line."""
# ruff: noqa: ANN401 - documents are plain data of any shape

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from offhook.authoring.check import Fault
from offhook.authoring.load import Loaded, ScriptError, load, read_list
from offhook.authoring.passages import passages
from offhook.core.script import acts as act
from offhook.core.script import values as vals
from offhook.core.script.rules import understand
from offhook.core.script.secret import Vault, keyed
from offhook.core.script.step import (
    Ask,
    Begin,
    End,
    Hangup,
    Mode,
    Note,
    Out,
    Refused,
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

NOW = dt.datetime(2026, 11, 21, 10, 0, tzinfo=dt.UTC)
TURN_KEYS = {"caller", "acts", "keys", "silence", "hangup", "transferred", "cut_at", "expect"}
EXPECT_KEYS = {
    "at",
    "slots",
    "unknown",
    "asks",
    "says",
    "not_says",
    "order",
    "ran",
    "not_ran",
    "with",
    "refused",
    "must",
    "ended",
    "transfer",
    "notes",
}
TEST_KEYS = {"name", "script", "given", "tools", "turns", "faq", "mode", "now", "hours", "region"}


@dataclasses.dataclass(frozen=True, slots=True)
class Failure:
    """What was expected and not seen."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """One conversation's result. ``words`` is what was said on both sides."""

    name: str
    failures: tuple[Failure, ...]
    words: tuple[str, ...]
    steps: int


@dataclasses.dataclass(slots=True)
class Report:
    """All results of a file, and what was touched: ``(mode, path)``."""

    outcomes: list[Outcome]
    touched: set[tuple[str, str]]
    loaded: dict[str, Loaded]

    @property
    def ok(self) -> bool:
        """Whether every conversation went as expected."""
        return all(not each.failures for each in self.outcomes)

    def untouched(self) -> list[str]:
        """``file:line what`` for all that no conversation touched, in document order."""
        found = []
        seen = {path for _, path in self.touched}
        for each in self.loaded.values():
            for path in coverable(each):
                if "/".join(str(part) for part in path) not in seen:
                    found.append(f"{each.at(*path)} {'.'.join(str(part) for part in path)}")  # noqa: PERF401 - two loops and a condition
        return found

    def coverage(self, mode: str) -> tuple[int, int]:
        """How many of the coverable places were touched in a mode."""
        seen = {path for where, path in self.touched if where == mode}
        every = [path for each in self.loaded.values() for path in coverable(each)]
        return sum("/".join(str(part) for part in path) in seen for path in every), len(every)


def coverable(loaded: Loaded) -> Iterator[tuple[str | int, ...]]:
    """Every place of a script that a test should touch."""
    script = loaded.script
    for name, state in script.states.items():
        yield ("states", name)
        for index in range(len(state.next)):
            yield ("states", name, "next", index)
    for name, slot in script.slots.items():
        yield from (("slots", name, "ask", index) for index in range(len(slot.ask)))
        yield from (("slots", name, "check", index) for index in range(len(slot.check)))
        if slot.if_empty is not None:
            yield ("slots", name, "if_empty")
        if any(name in _read(line.when) for state in script.states.values() for line in state.next):
            yield ("slots", name, "corrected")
    for name, tool in script.tools.items():
        if tool.confirm:
            yield from (("tools", name, "confirm", word) for word in ("yes", "no"))
        yield from (("tools", name, "if_fails", kind) for kind in tool.if_fails)
    for name, topic in script.topics.items():
        if topic.objection:
            yield from (("objections", name, count) for count in range(1, len(topic.answers) + 2))
        else:
            yield ("topics", name)
    for must in script.must_say:
        yield ("must_say", must.name, "cut")
    for index in range(len(script.universals.human)):
        yield ("universals", "human", index)


def _read(when: Any) -> frozenset[str]:
    from offhook.core.script.expr import names

    return names(when)


def run_file(path: Path, understander: Literal["rules", "keys", "acts"] = "rules") -> Report:
    """Run a tests file. Raises ScriptError where the file, or a script that it names, has faults."""
    plain, lines = read_list(path, "tests")
    shared: dict[str, Any] = {key: value for key, value in plain.items() if key != "tests"}
    report = Report([], set(), {})
    for index, test in enumerate(plain.get("tests") or []):
        at = ("tests", index)
        place = f"{path.name}:{lines.get(at, ('', 0))[1]}"
        if not isinstance(test, dict) or set(test) - TEST_KEYS or not isinstance(test.get("turns"), list):
            raise ScriptError((Fault("S090", at, f"a test has {', '.join(sorted(TEST_KEYS))}", path.name, lines.get(at, ("", 0))[1]),))
        merged = {
            **shared,
            **test,
            "given": {**shared.get("given", {}), **test.get("given", {})},
            "tools": {**shared.get("tools", {}), **test.get("tools", {})},
        }
        name = str(merged.get("script", ""))
        if name not in report.loaded:
            report.loaded[name] = load(path.parent / name)
        text = passages((path.parent / str(merged["faq"])).read_text(encoding="utf-8")) if merged.get("faq") else ()
        talk = Conversation(report.loaded[name], merged, text, understander)
        failures: list[Failure] = []
        for number, turn in enumerate(test["turns"]):
            here = f"{path.name}:{lines.get((*at, 'turns', number), ('', 0))[1]}"
            if not isinstance(turn, dict) or set(turn) - TURN_KEYS or set(turn.get("expect") or {}) - EXPECT_KEYS:
                odd = (
                    ", ".join(sorted((set(turn) - TURN_KEYS) | (set(turn.get("expect") or {}) - EXPECT_KEYS)))
                    if isinstance(turn, dict)
                    else str(turn)
                )
                failures.append(Failure(here, f"not understood in a turn: {odd}"))
                continue
            failures += [Failure(here, message) for message in talk.turn(turn)]
        failures += [Failure(place, message) for message in talk.faults]
        report.outcomes.append(Outcome(str(test.get("name", index + 1)), tuple(failures), tuple(talk.words), talk.steps))
        report.touched |= talk.touched
    return report


class Conversation:
    """One conversation against a script: plays the caller and the tools, keeps the ledger of what was heard."""

    def __init__(self, loaded: Loaded, test: Mapping[str, Any], text: tuple[tuple[str, str], ...], understander: str) -> None:
        self.script = loaded.script
        self.answers = {name: list(each) if isinstance(each, list) else [each] for name, each in (test.get("tools") or {}).items()}
        self.understander = understander
        self.state: ScriptState = initial(self.script)
        self.vault = Vault(self.script)
        self.words: list[str] = []
        self.faults: list[str] = []
        self.touched: set[tuple[str, str]] = {("voice", f"states/{self.script.start}")}
        self.steps = 0
        self.ran: list[str] = []
        given = dict(test.get("given") or {})
        now = _moment(test.get("now") or given.pop("today", None))
        hours = tuple((int(day), str(opens), str(closes)) for day, opens, closes in test.get("hours") or ())
        context = Context(self.script.languages[0], str(test.get("region", "GB")), now, hours)
        if test.get("mode") == "keys" or understander == "keys":
            self._step(Mode("keys"))
        self.pending = self._reply(Begin(given, context, text))

    def turn(self, turn: Mapping[str, Any]) -> list[str]:
        """One turn of the caller; what was not as expected."""
        cut = turn.get("cut_at")
        event = self._event(turn)
        if event is None:
            outs = self.pending
            self._hear(outs, cut)
        else:
            self._hear(self.pending, None)
            outs = self._reply(event)
        if event is not None and cut is not None:
            self._hear(outs, str(cut))
            self.pending = ()
        else:
            self.pending = () if event is None else outs
        found = list(self._judge(turn.get("expect") or {}, outs))
        return [f"{message}\n      said: {_said(outs)}" for message in found]

    def _event(self, turn: Mapping[str, Any]) -> ScriptEvent | None:
        if "caller" in turn:
            self.words.append(f"caller: {turn['caller']}")
            self._hear(self.pending, None)
            self.pending = ()
            return understand(self.script, self.state, str(turn["caller"]))
        if "acts" in turn:
            made = [act.from_dict(each) for each in turn["acts"]]
            self.faults += [f"no act: {plain}" for plain, each in zip(turn["acts"], made, strict=True) if each is None]
            return Understood(tuple(each for each in made if each is not None), "acts")
        if "keys" in turn:
            return keyed(self.script, self.state, str(turn["keys"]), self.vault)
        if turn.get("silence"):
            return Silence()
        if turn.get("hangup"):
            return Hangup()
        if "transferred" in turn:
            return Transferred(bool(turn["transferred"]))
        return None

    def _step(self, event: ScriptEvent) -> tuple[Out, ...]:
        self.state, outs = step(self.script, self.state, event)
        self.steps += 1
        mode = self.state.mode
        self.touched |= {(mode, each.text) for each in outs if isinstance(each, Note) and each.code == "way"}
        return outs

    def _reply(self, event: ScriptEvent) -> tuple[Out, ...]:
        """All that follows an event, the tools' answers included."""
        outs = list(self._step(event))
        for _ in range(20):
            runs = [each for each in outs if isinstance(each, Run) and each.key not in self.ran]
            if not runs:
                break
            for run in runs:
                self.ran.append(run.key)
                self._hear(tuple(outs), None)
                outs += self._step(self._answer(run))
        self.words += [f"agent: {each.text}" for each in outs if isinstance(each, Say | Ask)]
        return tuple(outs)

    def _answer(self, run: Run) -> ToolDone:
        answers = self.answers.get(run.tool)
        if not answers:
            self.faults.append(f"'{run.tool}' ran and the test has no answer for it")
            return ToolDone(run.key, {}, "unavailable")
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return ToolDone(run.key, {}, answer) if isinstance(answer, str) else ToolDone(run.key, dict(answer or {}), None)

    def _hear(self, outs: tuple[Out, ...], cut: str | None) -> None:
        """Tell the script what was heard: all, or up to a text (and with it)."""
        gone = False
        for each in outs:
            if not isinstance(each, Say | Ask):
                continue
            place = each.text.find(cut) if cut is not None and not gone else -1
            if gone:
                self._step(Spoken(each.item, "", False))
            elif place >= 0 and cut is not None:
                heard = each.text[: place + len(cut)]
                self._step(Spoken(each.item, heard, heard == each.text))
                gone = True
            else:
                self._step(Spoken(each.item, each.text, True))
        if cut is not None and not gone:
            self.faults.append(f"cut_at: '{cut}' was not said")

    def _judge(self, expect: Mapping[str, Any], outs: tuple[Out, ...]) -> Iterator[str]:  # noqa: C901 - one flat list of cases
        said = _said(outs)
        lowered = said.casefold()
        yield from self._judge_state(expect)
        for text in _list(expect.get("says")):
            if text.casefold() not in lowered:
                yield f"says: '{text}' was not said"
        for text in _list(expect.get("not_says")):
            if text.casefold() in lowered:
                yield f"not_says: '{text}' was said"
        places = [lowered.find(text.casefold()) for text in _list(expect.get("order"))]
        if -1 in places or places != sorted(places):
            yield f"order: {expect.get('order')} was not said in this order"
        if "asks" in expect and str(expect["asks"]) != asked(outs):
            yield f"asks: '{expect['asks']}' expected, '{asked(outs)}' asked"
        runs = [each for each in outs if isinstance(each, Run)]
        for name in _list(expect.get("ran")):
            if name not in [run.tool for run in runs]:
                yield f"ran: '{name}' did not run, but {[run.tool for run in runs]}"
        for name in _list(expect.get("not_ran")):
            if name in [run.tool for run in runs]:
                yield f"not_ran: '{name}' ran"
        for key, value in (expect.get("with") or {}).items():
            sent = [run.args.get(key) for run in runs if key in run.args]
            if not any(_fits(value, each) for each in sent):
                yield f"with: {key} is {sent}, not {value!r}"
        refused = [each.why for each in outs if isinstance(each, Refused)]
        for why in _list(expect.get("refused")):
            if why not in refused:
                yield f"refused: '{why}' expected, {refused or 'nothing'} refused"
        notes = [f"{each.code} {each.text}" for each in outs if isinstance(each, Note) and each.code != "way"]
        for note in _list(expect.get("notes")):
            if not any(note in each for each in notes):
                yield f"notes: '{note}' expected, {notes}"
        ends = [each.outcome for each in outs if isinstance(each, End)]
        if "ended" in expect and (expect["ended"] not in ends if expect["ended"] else bool(ends)):
            yield f"ended: {expect['ended']!r} expected, {ends}"
        transfers = [each.target for each in outs if isinstance(each, Transfer)]
        for target in _list(expect.get("transfer")):
            if target not in transfers:
                yield f"transfer: '{target}' expected, {transfers}"

    def _judge_state(self, expect: Mapping[str, Any]) -> Iterator[str]:
        if "at" in expect and expect["at"] not in {self.state.at, *self.state.stack}:
            yield f"at: '{expect['at']}' expected, the call is at '{self.state.at}'"
        for name, wanted in (expect.get("slots") or {}).items():
            known = self.state.values.get(name)
            kind = self.script.slots[name].type if name in self.script.slots else ""
            if known is None or not _fits(wanted, vals.argument(kind, known.value), vals.plain(known.value), known.raw):
                yield f"slots: {name} is {vals.plain(known.value) if known else 'unknown'!r}, not {wanted!r}"
        for name in _list(expect.get("unknown")):
            if name in self.state.values:
                yield f"unknown: {name} is known: {vals.plain(self.state.values[name].value)!r}"
        for name, wanted in (expect.get("must") or {}).items():
            times = self.state.must.get(name, 0)
            now = "heard" if times < 0 else "unheard"
            if now != wanted:
                yield f"must: {name} is {now}, not {wanted}"


def asked(outs: tuple[Out, ...]) -> str:
    """What a reply asks: ``need``, ``confirm phone``, ``guess phone``, ``confirm book``, ``change book``, or nothing."""
    asks = [each for each in outs if isinstance(each, Ask)]
    if not asks:
        return ""
    last = asks[-1]
    if last.kind == "ask":
        return last.slot
    return f"{'confirm' if last.kind == 'agree' else last.kind} {last.slot or last.item.partition('.')[2]}"


def _fits(wanted: Any, *seen: Any) -> bool:
    return any(wanted == each or str(wanted).casefold() == str(each).casefold() for each in seen)


def _said(outs: tuple[Out, ...]) -> str:
    return " ".join(each.text for each in outs if isinstance(each, Say | Ask))


def _list(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def _moment(value: Any) -> dt.datetime:
    if value is None:
        return NOW
    text = str(value)
    found = dt.datetime.fromisoformat(text if len(text) > 10 else f"{text}T10:00:00")
    return found if found.tzinfo is not None else found.replace(tzinfo=dt.UTC)
