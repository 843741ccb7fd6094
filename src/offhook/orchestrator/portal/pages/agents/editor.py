"""What the script editor shows of a draft: one document as a graph, as the form of what is open, and as text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlencode

from offhook.contracts.script import BUILT_IN_OUTCOMES, DEFAULT_CONFIRM
from offhook.errors import Invalid
from offhook.orchestrator.agents.ops import checking
from offhook.orchestrator.agents.schemas import CheckView
from offhook.orchestrator.portal import graph, marks, slots
from offhook.orchestrator.portal import script_steps as steps
from offhook.orchestrator.portal.problems import OPENED, Problem, at, problems, steps_with
from offhook.orchestrator.portal.show import _, many

VIEWS: Final = ("steps", "text", "talk")
"""What stands beside the form where there is no room for all."""
NOWHERE: Final = "S002"
"""The reader's code for a step that there is not."""
_NEXT: Final = re.compile(r"next\.(\d+)")
SHORT: Final = 15
"""Characters of a step's name that fit into its box."""


@dataclass(frozen=True, slots=True)
class Opened:
    """Which part is open; ``part`` is as somebody typed it where that was refused."""

    section: str = ""
    name: str = ""
    part: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """A box of the graph."""

    box: graph.Box
    title: str
    short: str
    note: str
    href: str
    open: bool
    bad: bool


@dataclass(frozen=True, slots=True)
class Editor:
    """All of it. ``step`` and ``slot``: the form of what is open; neither where a form cannot show it."""

    base: str
    document: Mapping[str, Any]
    text: str
    lines: tuple[marks.Line, ...]
    graph: graph.Graph
    nodes: tuple[Node, ...]
    opened: Opened
    step: steps.Step | None
    slot: slots.Slot | None
    problems: tuple[Problem, ...]
    here: tuple[Problem, ...]
    """Of what is open."""
    view: str
    choices: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)

    @property
    def faults(self) -> tuple[Problem, ...]:
        """Those that keep it from being published."""
        return tuple(one for one in self.problems if not one.warning)

    @property
    def stopped(self) -> Problem | None:
        """The first that keeps the script from being followed."""
        return next((one for one in self.faults if one.tab == "script"), None)

    @property
    def title(self) -> str:
        """Of what is open."""
        return named(self.opened.name) if self.opened.name else _("No step")

    @property
    def longest(self) -> int:
        """Characters of the longest line of the text, with room for some more."""
        return max((len(line) for line in self.text.split("\n")), default=0) + 4

    @property
    def wide(self) -> int:
        """Of a box."""
        return graph.WIDTH

    @property
    def high(self) -> int:
        """Of a box."""
        return graph.HEIGHT

    def exact(self, field: str) -> list[Problem]:
        """What is wrong with a field itself, and not with what is below it."""
        return [one for one in self.here if one.field == field]

    def at(self, field: str) -> list[Problem]:
        """What is wrong with a field of what is open."""
        return at(self.here, field)

    def whole(self) -> list[Problem]:
        """What is wrong with what is open and no field of it shows."""
        shown = steps.SHOWN if self.opened.section == "states" else slots.SHOWN
        return [one for one in self.here if one.field.partition(".")[0] not in shown]

    def href(self, section: str, name: str, view: str = "") -> str:
        """The page with another part open, or another view beside it."""
        asked = {OPENED[section]: name} if section in OPENED and name else {}
        view = view or self.view
        return f"{self.base}/script?{urlencode(asked | ({'view': view} if view != VIEWS[0] else {}))}".rstrip("?")

    def mends(self, one: Problem) -> str:
        """Where a problem is mended."""
        if one.tab != "script":
            return f"{self.base}/{one.tab or 'script'}"
        if one.section in OPENED and one.name:
            return self.href(one.section, one.name)
        return f"{self.href(self.opened.section, self.opened.name, 'text')}#code"


async def editor(base: str, document: Mapping[str, Any], text: str, check: CheckView, opened: Opened, view: str) -> Editor:
    """Of a draft's script."""
    opened = _opened(document, opened)
    found = problems(check, document)
    made = graph.graph(document)
    part = opened.part if opened.part is not None else graph.mapping(graph.mapping(document.get(opened.section)).get(opened.name))
    here = tuple(one for one in found if opened.name and (one.section, one.name) == (opened.section, opened.name))
    drawn = Editor(
        base=base,
        document=document,
        text=text,
        lines=await _lines(text, opened, found),
        graph=made,
        nodes=(),
        opened=replace(opened, part=part),
        step=steps.shown(part) if opened.section == "states" and steps.fits(part) else None,
        slot=slots.shown(part) if opened.section == "slots" and slots.fits(part) else None,
        problems=found,
        here=here,
        view=view,
        choices=_choices(document),
    )
    bad = steps_with(found, document)
    return replace(drawn, nodes=tuple(_node(drawn, box, bad) for box in made.boxes))


def _opened(document: Mapping[str, Any], opened: Opened) -> Opened:
    """The first step where nothing that is there is asked for."""
    if opened.name and (opened.part is not None or opened.name in graph.mapping(document.get(opened.section))):
        return opened
    states = graph.mapping(document.get("states"))
    start = document.get("start")
    first = start if isinstance(start, str) and start in states else next(iter(states), "")
    return Opened("states", str(first))


async def _lines(text: str, opened: Opened, found: Sequence[Problem]) -> tuple[marks.Line, ...]:
    try:
        _document, places = await checking.read(text)
    except Invalid:
        places = {}
    below = [line for at, (_file, line) in places.items() if at[:2] == (opened.section, opened.name)]
    bad = {line for one in found if not one.warning and (line := _line(one, places)) is not None}
    return tuple(marks.lines(text, bad, range(min(below), max(below) + 1) if below else range(0)))


def _line(one: Problem, places: Mapping[tuple[str | int, ...], tuple[str, int]]) -> int | None:
    """Where a problem stands in the text: of a way that leads nowhere, the line that says where it leads."""
    line = _NEXT.fullmatch(one.field)
    go = places.get((one.section, one.name, "next", int(line.group(1)), "go")) if line and one.code == NOWHERE else None
    return go[1] if go else one.line


def _node(drawn: Editor, box: graph.Box, bad: set[str]) -> Node:
    title = named(box.name)
    state = graph.mapping(graph.mapping(drawn.document.get("states")).get(box.name))
    return Node(
        box=box,
        title=title,
        short=title if len(title) <= SHORT else f"{title[: SHORT - 1]}…",
        note=_("no such step") if box.missing else _note(state),
        href=drawn.href("states", box.name),
        open=(drawn.opened.section, drawn.opened.name) == ("states", box.name),
        bad=box.missing or box.name in bad,
    )


def _note(state: Mapping[str, Any]) -> str:
    """What is done in a step, in two words."""
    listed = state.get("collect")
    if isinstance(listed, list) and listed:
        return many("asks {n} thing", "asks {n} things", len(listed))
    said = {"do": _("does something"), "transfer": _("puts through"), "end": _("ends the call"), "say": _("says something")}
    return next((words for name, words in said.items() if state.get(name)), "")


def named(name: str) -> str:
    """A name of the script as a title."""
    text = name.replace("_", " ").replace(".", ", ")
    return text[:1].upper() + text[1:]


def _choices(document: Mapping[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """What may be chosen in forms."""

    def of(section: str) -> list[tuple[str, str]]:
        return [(name, named(name)) for name in graph.mapping(document.get(section)) if isinstance(name, str)]

    outcomes = dict.fromkeys([*graph.mapping(document.get("outcomes")), *BUILT_IN_OUTCOMES])
    return {
        "states": of("states"),
        "slots": of("slots"),
        "tools": of("tools"),
        "given": of("given"),
        "outcomes": [(name, named(name)) for name in outcomes],
        "types": [(name, named(name)) for name in DEFAULT_CONFIRM],
    }
