"""Static checks of a script: graph, values, conditions, tools, ways out, speech, keys. All faults at once.

Codes: S00x graph, S01x values, S02x conditions, S03x tools, S05x ways out, S06x speech, S07x keys, S09x form.
"""
# ruff: noqa: ANN401, E501 - documents are plain data of any shape

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from offhook.authoring import patterns
from offhook.authoring.build import Builder
from offhook.authoring.speech import names_level, speech_faults
from offhook.authoring.suggest import suggest
from offhook.core.script import expr as conditions
from offhook.core.script import graph
from offhook.core.script.model import Hole, Line, Script, Slot

Path = tuple[str | int, ...]
KEYABLE = {"choice", "yes_no", "offer", "phone", "date", "time", "datetime", "number", "money"}
ORDERED = {"number", "money", "date", "time", "datetime"}


@dataclasses.dataclass(frozen=True, slots=True)
class Fault:
    """One fault: what, where, and what was perhaps meant."""

    code: str
    path: Path
    message: str
    file: str = "script"
    line: int = 0
    warning: bool = False

    def placed(self, file: str, line: int) -> Fault:
        """The same fault with its place."""
        return dataclasses.replace(self, file=file, line=line)

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        where = ".".join(str(part) for part in self.path)
        return f"{place}: {self.code} {where + ': ' if where else ''}{self.message}"


def check(builder: Builder, manifest: Mapping[str, frozenset[str]] | None = None) -> tuple[Script | None, tuple[Fault, ...]]:
    """The script and its faults; no script where conditions cannot be read. ``manifest``: the arguments that each tool of the plan takes."""
    plain = builder.doc.model_dump(by_alias=True, exclude_unset=True)
    found = [*_syntax(plain)]
    if found:
        return None, tuple(found)
    script = builder.script()
    found += _names(script, plain)
    found += _conditions(script, builder, plain)
    found += _slots(script)
    found += _tools(script, plain, manifest)
    found += _ways_out(script)
    found += speech_faults(script, plain, Fault)
    found += _keys(script)
    if not any(fault.code in {"S002", "S009", "S010", "S012"} for fault in found):
        found += _graph(script)
        found += _unknown(script)
    return script, tuple(sorted(found, key=lambda fault: (fault.code, [str(part) for part in fault.path])))


def under(node: Any, key: str, at: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value under a key, wherever it is, with its path."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name == key and not names_level(at):
                yield (*at, name), value
            yield from under(value, key, (*at, name))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from under(value, key, (*at, index))


def _syntax(plain: dict[str, Any]) -> Iterator[Fault]:
    for path, text in under(plain, "if"):
        if isinstance(text, str):
            try:
                conditions.parse(text)
            except conditions.ExprError as error:
                yield Fault("S020", path, f"{error} (column {error.column})")
        elif text is not None:
            yield Fault("S020", path, "a condition compares something: 'x is known', 'x is yes'")


# names


def _names(script: Script, plain: dict[str, Any]) -> Iterator[Fault]:  # noqa: C901 - one flat list of cases
    yield from _targets(script, plain)
    slots, tools = script.slots, script.tools
    for name, state in script.states.items():
        for field in ("collect", "also"):
            for index, slot in enumerate(getattr(state, field)):
                if slot not in slots:
                    yield Fault("S009", ("states", name, field, index), f"no slot '{slot}'{suggest(slot, slots)}")
        if state.do and state.do not in tools:
            yield Fault("S009", ("states", name, "do"), f"no tool '{state.do}'{suggest(state.do, tools)}")
        for field in ("outcome", "end"):
            code = getattr(state, field)
            if code is not None and code not in script.outcomes and not (field == "end" and code == "same"):
                yield Fault("S009", ("states", name, field), f"no outcome '{code}'{suggest(code, script.outcomes)}")
        if state.transfer and state.transfer not in script.given:
            yield Fault("S009", ("states", name, "transfer"), f"no given value '{state.transfer}'{suggest(state.transfer, script.given)}")
    for key in ("forget", "resets"):
        for path, listed in under(plain, key):
            for index, slot in enumerate(listed):
                if slot not in slots:
                    yield Fault("S009", (*path, index), f"no slot '{slot}'{suggest(slot, slots)}")
    seen: dict[str, str] = {}
    for section in ("given", "slots", "tools", "topics", "objections", "must_say"):
        for name in plain.get(section, {}):
            if name in seen:
                yield Fault("S010", (section, name), f"the name '{name}' is also used under {seen[name]}")
            seen[name] = section


def _targets(script: Script, plain: dict[str, Any]) -> Iterator[Fault]:
    states = script.states

    def wrong(path: Path, target: str | None) -> Iterator[Fault]:
        if isinstance(target, str) and target not in states:
            yield Fault("S002", path, f"no state '{target}'{suggest(target, states)}")

    yield from wrong(("start",), script.start)
    for key in ("go", "then", "if_changed"):
        for path, target in under(plain, key):
            yield from wrong(path if key != "go" or not path[-2:-1] or not isinstance(path[-2], int) else path[:-1], target)
    for name, state in plain["states"].items():
        for key in ("call", "next", "if_fails"):
            yield from wrong(("states", name, key), state.get(key))
    for name, topic in plain.get("topics", {}).items():
        yield from wrong(("topics", name, "call"), topic.get("call"))
    for key in ("human", "cancel", "goodbye"):
        yield from wrong(("universals", key), plain.get("universals", {}).get(key))
    for section in ("topics", "objections"):
        for name, topic in plain.get(section, {}).items():
            for index, state in enumerate(topic.get("from", [])):
                yield from wrong((section, name, "from", index), state)


def known_name(script: Script, path: str) -> str | None:
    """What is wrong with a name, None if nothing is."""
    if path in script.slots or path in script.given:
        return None
    head, _, leaf = path.rpartition(".")
    if head in script.slots:
        return None if leaf == "offers" and script.slots[head].type == "offer" else f"'{head}' has no '{leaf}'{suggest(leaf, ['offers'])}"
    if head in script.tools:
        gives = script.tools[head].gives
        return None if leaf in gives else f"'{head}' gives no '{leaf}'{suggest(leaf, gives)}"
    return f"no slot, given value or tool result '{path}'{suggest(path, [*script.slots, *script.given, *script.tools])}"


def type_of(script: Script, path: str) -> str:
    """The type of a name, "" if there is none."""
    if path in script.slots:
        return script.slots[path].type
    if path in script.given:
        return script.given[path]
    head, _, leaf = path.rpartition(".")
    return script.tools[head].gives.get(leaf, "") if head in script.tools else ""


# conditions


def _conditions(script: Script, builder: Builder, plain: dict[str, Any]) -> Iterator[Fault]:
    for path, text in under(plain, "if"):
        bound = builder.expr(text)
        if bound is None:
            continue
        for each in conditions.operands(bound):
            problem = known_name(script, each.path) if isinstance(each, conditions.Name) else None
            if problem is not None and isinstance(each, conditions.Name):
                yield Fault("S010", path, f"{problem} (column {each.column})")
        for left, op, right in _comparisons(bound):
            if isinstance(left, conditions.Name) and known_name(script, left.path) is None:
                yield from _comparable(script, path, left, op, right)


def _comparisons(expr: conditions.Expr) -> Iterator[tuple[conditions.Operand, str, conditions.Operand]]:
    match expr:
        case conditions.Compare(op, left, right):
            yield left, op, right
        case conditions.Among(left, items, _):
            for item in items:
                yield left, "is", item
        case conditions.Not(part):
            yield from _comparisons(part)
        case conditions.Both(_, parts):
            for part in parts:
                yield from _comparisons(part)
        case _:
            return


def _comparable(script: Script, path: Path, left: conditions.Name, op: str, right: conditions.Operand) -> Iterator[Fault]:
    kind = type_of(script, left.path)
    slot = script.slots.get(left.path)
    where = f"(column {right.column})"
    if op not in {"is", "is not"} and kind not in ORDERED:
        yield Fault("S021", path, f"'{left.path}' is {kind}: it has no order, '{op}' cannot be used {where}")
    elif isinstance(right, conditions.Word):
        options = [option.name for option in slot.options] if slot is not None else []
        if kind == "choice":
            if right.text not in options:
                yield Fault("S022", path, f"'{left.path}' has no option '{right.text}'{suggest(right.text, options)} {where}")
        else:
            yield Fault("S010", path, f"no name '{right.text}'{suggest(right.text, [*script.slots, *script.given])} {where}")
    elif isinstance(right, conditions.Literal):
        fits = {bool: {"yes_no"}, int: {"number", "money"}, float: {"number", "money"}}
        allowed = fits.get(type(right.value), {"free_text", "pattern", "email", "person_name", "address", "phone", "choice"})
        if kind not in allowed:
            yield Fault("S021", path, f"'{left.path}' is {kind}: it cannot be compared with {right.value!r} {where}")
    elif isinstance(right, conditions.Today):
        if kind not in {"date", "datetime"}:
            yield Fault("S021", path, f"'{left.path}' is {kind}: it cannot be compared with today {where}")
    elif known_name(script, right.path) is None and type_of(script, right.path) != kind:
        yield Fault("S021", path, f"'{left.path}' is {kind}, '{right.path}' is {type_of(script, right.path)} {where}")


# slots and tools


def _slots(script: Script) -> Iterator[Fault]:
    for name, slot in script.slots.items():
        at: Path = ("slots", name)
        if slot.type == "offer":
            tool = script.tools.get(slot.tool)
            leaf = (slot.source or "").rpartition(".")[2]
            if tool is None or tool.effect != "read" or tool.gives.get(leaf) != "offers":
                yield Fault("S012", (*at, "from"), "an offer comes from a read tool's 'offers', as in 'free_slots.slots'")
            if slot.if_empty is None:
                yield Fault("S012", at, "an offer needs 'if_empty': what follows when nothing is free")
        elif slot.source:
            yield Fault("S012", (*at, "from"), "only an offer comes from a tool")
        if slot.type == "choice" and not slot.options:
            yield Fault("S010", at, "a choice needs 'options'")
        if slot.type == "pattern" and not slot.pattern:
            yield Fault("S010", at, "a pattern needs 'pattern'")
        if slot.pattern and (wrong := patterns.fault(slot.pattern)):
            yield Fault("S010", (*at, "pattern"), wrong)
        if slot.guess and known_name(script, slot.guess):
            yield Fault("S010", (*at, "guess"), str(known_name(script, slot.guess)))
        if slot.guess and not slot.guess_ask:
            yield Fault("S010", at, "a guess needs 'guess_ask'")
        if name in _resets(script, name):
            yield Fault("S013", (*at, "resets"), "resets itself in a circle")
        if slot.confirm == "at_end" and not _read_back(script, name):
            yield Fault("S034", (*at, "confirm"), "is to be confirmed at the end, but no read-back of a write tool holds it")


def _resets(script: Script, name: str) -> set[str]:
    found: set[str] = set()
    waiting = list(script.slots[name].resets)
    while waiting:
        each = waiting.pop()
        if each not in found and each in script.slots:
            found.add(each)
            waiting.extend(script.slots[each].resets)
    return found


def _read_back(script: Script, name: str) -> bool:
    return any(name in holes(tool.confirm) for tool in script.tools.values() if any(arg.path == name for arg in tool.args))


def holes(say: Any) -> set[str]:
    """The names that a text reads, ``x.offers`` as x."""
    return {
        hole.path.removesuffix(".offers")
        for variant in say
        for text in variant.texts.values()
        for hole in text
        if not isinstance(hole, str)
    }


def _tools(script: Script, plain: dict[str, Any], manifest: Mapping[str, frozenset[str]] | None) -> Iterator[Fault]:
    for name, tool in script.tools.items():
        at: Path = ("tools", name)
        written = plain["tools"][name]
        for arg in tool.args:
            problem = known_name(script, arg.path)
            if problem is not None:
                yield Fault("S010", (*at, "with", arg.name), problem)
        if not tool.if_fails:
            yield Fault("S030", at, "no 'if_fails': what follows when it does not answer")
        elif "else" not in tool.if_fails:
            yield Fault("S030", (*at, "if_fails"), "no 'else' under 'if_fails'")
        if manifest is not None and name in manifest and {arg.name for arg in tool.args} - manifest[name]:
            extra = sorted({arg.name for arg in tool.args} - manifest[name])
            yield Fault("S031", (*at, "with"), f"the plan's tool takes no {', '.join(extra)}{suggest(extra[0], manifest[name])}")
        if tool.effect == "write" and "confirm" not in written:
            yield Fault("S032", at, "a write needs 'confirm': the read-back, or 'none' with 'because'")
        if tool.effect == "write" and written.get("confirm") == "none" and not tool.because:
            yield Fault("S033", (*at, "confirm"), "'none' needs 'because'")
        if tool.confirm:
            asked = [arg.path for arg in tool.args if not arg.maybe and arg.path in script.slots and not script.slots[arg.path].secure]
            absent = [path for path in asked if path not in holes(tool.confirm)]
            if absent:
                yield Fault("S035", (*at, "confirm"), f"the read-back does not say {', '.join(absent)}", warning=True)
        if tool.timeout_ms > 2000 and not tool.filler:
            yield Fault("S036", at, "no 'filler' for a tool that may take over two seconds", warning=True)


def _ways_out(script: Script) -> Iterator[Fault]:
    if not script.universals.human:
        yield Fault("S050", ("universals",), "no 'human': where a caller goes who asks for a person")
    for name, state in script.states.items():
        if state.transfer and not state.if_fails:
            yield Fault("S051", ("states", name, "transfer"), "no 'if_fails': what follows when nobody takes the call")
    phrases: dict[str, str] = {}
    for name, topic in script.topics.items():
        at: Path = ("objections" if topic.objection else "topics", name)
        for field in ("hint", "says"):
            if not getattr(topic, field):
                yield Fault("S052", at, f"no '{field}'")
        if not topic.answers and not topic.go and not topic.call:
            yield Fault("S052", at, "neither 'answer' nor 'call' nor 'go'")
        for index, phrase in enumerate(topic.says):
            if phrase in phrases:
                yield Fault("S053", (*at, "says", index), f"'{phrase}' is also said by '{phrases[phrase]}'")
            phrases[phrase] = name
    for name, slot in script.slots.items():
        own: dict[str, str] = {}
        for option in slot.options:
            for index, phrase in enumerate(option.says):
                if phrase in own and own[phrase] != option.name:
                    yield Fault(
                        "S053", ("slots", name, "options", option.name, "says", index), f"'{phrase}' is also said by '{own[phrase]}'"
                    )
                own[phrase] = option.name


def _keys(script: Script) -> Iterator[Fault]:
    for name, slot in script.slots.items():
        at: Path = ("slots", name)
        if len(slot.options) > 8:
            yield Fault("S070", (*at, "options"), f"{len(slot.options)} options: keys reach 8")
        if slot.type not in KEYABLE and not slot.keys:
            yield Fault("S071", at, "cannot be keyed: say 'keys: record' or 'keys: skip'")
        if slot.secure:
            yield from _secure(script, slot, at)
        for option in slot.options:
            if any(sign.isdigit() for sign in option.name):
                yield Fault("S072", (*at, "options", option.name), "digits in an option's name cannot be told from keys")


def _secure(script: Script, slot: Slot, at: Path) -> Iterator[Fault]:
    """What is keyed in secret."""
    if slot.type != "pattern" or not slot.pattern:
        yield Fault("S073", (*at, "secure"), "only a 'pattern' of digits, with its 'pattern', can be keyed in secret")
    if slot.confirm != "never":
        yield Fault("S074", (*at, "confirm"), "what is keyed in secret is not read back")
    if slot.guess:
        yield Fault("S074", (*at, "guess"), "what is keyed in secret is not guessed")
    if slot.check:
        yield Fault("S074", (*at, "check"), "what is keyed in secret cannot be compared: its 'pattern' says what fits")
    says: list[tuple[Path, Any]] = [(("states", name, "say"), state.say) for name, state in script.states.items()]
    says += [(("tools", name, "confirm"), tool.confirm) for name, tool in script.tools.items()]
    says += [(("slots", name, "ask"), ask) for name, other in script.slots.items() for ask in other.ask]
    for where, say in says:
        parts = (part for variant in say for text in variant.texts.values() for part in text)
        styles = {part.style for part in parts if isinstance(part, Hole) and part.path == slot.name}
        if styles - {"last1", "last2", "last3", "last4"}:
            yield Fault("S075", where, f"'{slot.name}' is keyed in secret: say at most its end, as {{{slot.name}:last2}}", warning=True)


# graph


def _graph(script: Script) -> Iterator[Fault]:
    reached = graph.reachable(script)
    ends = graph.can_end(script)
    called = {state.call for state in script.states.values() if state.call} | {topic.call for topic in script.topics.values() if topic.call}
    known = graph.known_at(script)
    for name, state in script.states.items():
        at: Path = ("states", name)
        if name not in reached:
            yield Fault("S001", at, "no way leads here")
            continue
        if not state.next and state.end is None and not state.returns:
            yield Fault("S003", at, "a dead end: no 'next', 'return' or 'end'")
        elif name not in ends:
            yield Fault("S004", at, "no way from here comes to an end")
        if state.returns and name not in called:
            yield Fault("S008", (*at, "return"), "'return', but no state or topic calls it")
        yield from _lines(script, (*at, "next"), state.next, known[name] | graph.gained(script, name))
    for key in ("human", "cancel", "goodbye"):
        yield from _lines(script, ("universals", key), getattr(script.universals, key), frozenset())
    yield from _idle_loops(script)
    for index, must in enumerate(script.must_say):
        for gate in must.before:
            if gate not in {"first question", "goodbye"} and gate not in script.tools and gate not in reached:
                known_gates = ["first question", "goodbye", *script.states, *script.tools]
                yield Fault(
                    "S065", ("must_say", script.must_say[index].name, "before"), f"no gate '{gate}' is reached{suggest(gate, known_gates)}"
                )
            elif gate in script.tools and not any(gate in graph.tools_of(script, name) for name in reached):
                yield Fault("S065", ("must_say", must.name, "before"), f"no state that is reached runs '{gate}'")


def _lines(script: Script, at: Path, lines: tuple[Line, ...], known: frozenset[str]) -> Iterator[Fault]:
    taken: dict[str, set[object]] = {}
    seen: list[object] = []
    for index, line in enumerate(lines):
        here = (*at, index)
        if any(when is None for when in seen):
            yield Fault("S005", here, "can never be taken: a line above has no 'if'")
            continue
        if line.when in seen:
            yield Fault("S005", here, "repeats the condition of a line above")
        else:
            for name, values in (graph.covered(line.when) or {}).items():
                before = taken.setdefault(name, set())
                if values <= before:
                    yield Fault("S005", here, "can never be taken: the lines above take these values")
                elif values & before:
                    yield Fault("S005", here, f"overlaps with a line above in {', '.join(sorted(str(each) for each in values & before))}")
                before |= values
        seen.append(line.when)
    if lines and lines[-1].when is not None and not any(_all_of(script, name, values, known) for name, values in taken.items()):
        yield Fault("S006", (*at, len(lines) - 1), "no line for every case: the last line has no 'if'")


def _all_of(script: Script, name: str, values: Iterable[object], known: frozenset[str]) -> bool:
    slot = script.slots.get(name)
    if slot is None or name not in known:
        return False
    every: set[object] = {option.name for option in slot.options} if slot.type == "choice" else {True, False}
    return every <= set(values)


def _idle_loops(script: Script) -> Iterator[Fault]:
    """Circles of states that neither ask nor wait."""
    idle = {name for name, state in script.states.items() if not (state.collect or state.do or state.call or state.transfer)}
    for name in idle:
        waiting = [line.go for line in script.states[name].next]
        seen: set[str] = set()
        while waiting:
            each = waiting.pop()
            if each == name:
                yield Fault("S007", ("states", name), "a circle that neither asks nor waits")
                break
            if each in idle and each not in seen:
                seen.add(each)
                waiting.extend(line.go for line in script.states[each].next)


def _unknown(script: Script) -> Iterator[Fault]:  # noqa: C901 - one flat list of cases
    """Texts that use what may be unknown where they are said."""
    known = graph.known_at(script)
    reached = graph.reachable(script)

    def faults(say: Any, have: frozenset[str], at: Path) -> Iterator[Fault]:
        for variant in say:
            sure = have | graph.told(variant.when)
            for name in sorted({hole.path for text in variant.texts.values() for hole in text if not isinstance(hole, str)}):
                head = name.rpartition(".")[0]
                if known_name(script, name) is not None:
                    yield Fault("S010", at, str(known_name(script, name)))
                elif name not in sure and head not in sure:
                    yield Fault("S011", at, f"'{name}' may be unknown here")

    for name in reached:
        state, here = script.states[name], known[name]
        yield from faults(state.say, here, ("states", name, "say"))
        after = here | graph.gained(script, name) | (graph.gained(script, state.call) if state.call else frozenset())
        for slot_name in state.collect:
            slot = script.slots[slot_name]
            own = after | ({slot_name} if slot.type == "offer" else frozenset())
            for ask in slot.ask:
                yield from faults(ask, own - ({slot_name} if slot.type != "offer" else frozenset()), ("slots", slot_name, "ask"))
        if state.do and script.tools[state.do].effect == "write":
            yield from faults(script.tools[state.do].confirm, after, ("tools", state.do, "confirm"))
    for slot_name, slot in script.slots.items():
        yield from faults(slot.guess_ask, frozenset({slot.guess or ""}), ("slots", slot_name, "guess_ask"))
    for tool_name, tool in script.tools.items():
        for arg in tool.args:
            source = script.tools.get(arg.path.partition(".")[0])
            runs = [name for name in reached if tool_name in graph.tools_of(script, name)]
            if source is not None and source.effect == "write" and not arg.maybe and any(source.name not in known[name] for name in runs):
                yield Fault("S011", ("tools", tool_name, "with", arg.name), f"'{arg.path}' may be unknown here")
    for topic_name, topic in script.topics.items():
        section = "objections" if topic.objection else "topics"
        for answer in topic.answers:
            yield from faults(answer, frozenset(), (section, topic_name, "answers" if topic.objection else "answer"))
    for must in script.must_say:
        yield from faults(must.text, frozenset(), ("must_say", must.name, "text"))
