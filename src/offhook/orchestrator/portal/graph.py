"""Where the steps of a script stand on the page, and the ways between them: layers from the top, with few crossings. Pure.

Sugiyama's method: ways that lead back are turned round for the time being, ways over several layers get a place in each of them, layers
are put in order by the mean of their neighbours, and places are evened out without changing that order. Lengths are CSS pixels.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

WIDTH: Final = 104
HEIGHT: Final = 44
GAP: Final = 16
ROW: Final = 84
THIN: Final = 10
"""Room of a way that passes a layer."""
EDGE: Final = 12
SWEEPS: Final = 8
MANY: Final = 2_000
"""Places of steps and ways from which on nothing is drawn: nobody could read it, and a list says it better."""
Key = str | tuple[str, str, int]
"""A step, or the place of a way in a layer that it passes."""


@dataclass(frozen=True, slots=True)
class Way:
    """From one step to another. ``kind``: next, call (and back), or fails."""

    source: str
    target: str
    kind: str


@dataclass(frozen=True, slots=True)
class Box:
    """A step on the page. ``missing``: something leads to it, and it is not there."""

    name: str
    x: float
    y: float
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A way on the page, as the points of an SVG polyline; the last is the arrow's tip."""

    way: Way
    points: tuple[tuple[float, float], ...]

    @property
    def path(self) -> str:
        """For SVG's ``points``."""
        return " ".join(f"{x:g},{y:g}" for x, y in self.points)

    @property
    def tip(self) -> str:
        """The arrow's head."""
        (x, y), up = self.points[-1], self.points[-2][1] > self.points[-1][1]
        back = 5 if up else -5
        return f"{x - 4:g},{y + back:g} {x:g},{y:g} {x + 4:g},{y + back:g}"


@dataclass(frozen=True, slots=True)
class Graph:
    """All of it; without boxes where there are too many to draw."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


def graph(document: Mapping[str, Any]) -> Graph:
    """The steps of a script's document, which may be wrong in any way."""
    states = mapping(document.get("states"))
    found = list(ways(document))
    names = [*states, *dict.fromkeys(way.target for way in found if way.target not in states)]
    start = document.get("start")
    return _Layout(names, found, start if isinstance(start, str) and start in states else next(iter(names), "")).graph(set(states))


def ways(document: Mapping[str, Any]) -> Iterator[Way]:
    """Every way between two steps, once; what fails only where nothing else leads there."""
    states, tools, slots = (mapping(document.get(name)) for name in ("states", "tools", "slots"))
    seen: set[tuple[str, str]] = set()
    late: list[Way] = []
    for name, state in states.items():
        for target in targets(mapping(state).get("next")):
            if (name, target) not in seen:
                seen.add((name, target))
                yield Way(name, target, "next")
        late += [Way(name, target, kind) for kind, target in _others(mapping(state), tools, slots)]
    for way in late:
        if (way.source, way.target) not in seen:
            seen.add((way.source, way.target))
            yield way


def targets(lines: object) -> Iterator[str]:
    """Where a state's ``next`` leads, in order."""
    if isinstance(lines, str):
        yield lines
    for line in lines if isinstance(lines, list) else ():
        if isinstance(target := mapping(line).get("go"), str):
            yield target


def _others(state: Mapping[str, Any], tools: Mapping[str, Any], slots: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if isinstance(target := state.get("call"), str):
        yield "call", target
    if isinstance(target := state.get("if_fails"), str):
        yield "fails", target
    tool = mapping(tools.get(state["do"])) if isinstance(state.get("do"), str) else {}
    fails = mapping(tool.get("if_fails"))
    reactions = [fails, *(mapping(one) for one in fails.values()), {"go": tool.get("if_changed")}]
    listed = state.get("collect")
    asked = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    reactions += [mapping(mapping(slots.get(name)).get("if_empty")) for name in asked]
    yield from (("fails", one["go"]) for one in reactions if isinstance(one.get("go"), str))


def mapping(value: object) -> Mapping[str, Any]:
    """The value if it is a mapping; an empty one in place of what is not."""
    return value if isinstance(value, Mapping) else {}


@dataclass(slots=True)
class _Layout:
    names: list[str]
    found: list[Way]
    start: str
    rank: dict[Key, int] = field(default_factory=dict)
    layers: list[list[Key]] = field(default_factory=list)
    above: dict[Key, list[Key]] = field(default_factory=dict)
    below: dict[Key, list[Key]] = field(default_factory=dict)
    x: dict[Key, float] = field(default_factory=dict)

    def graph(self, known: set[str]) -> Graph:
        turned = self._turned()
        self._rank(turned)
        if len(self.names) + sum(self.rank[lower] - self.rank[upper] for _, upper, lower in turned) > MANY:
            return Graph(0, 0, (), ())
        chains = self._chains(turned)
        self._order()
        self._place()
        boxes = tuple(Box(name, self._left(name), self._top(name), name not in known) for name in self.names)
        lines = tuple(Line(way, self._points(way, chain)) for way, chain in chains if way.source != way.target)
        width = max((point[0] for line in lines for point in line.points), default=0.0)
        width = max([width + THIN, *(one.x + WIDTH for one in boxes)]) + EDGE
        return Graph(width, len(self.layers) * ROW - (ROW - HEIGHT) + 2 * EDGE if boxes else 0, boxes, lines)

    def _turned(self) -> list[tuple[Way, str, str]]:
        """Each way with its ends, those that lead back turned round, so that no circle is left."""
        after: dict[str, list[str]] = {name: [] for name in self.names}
        for way in self.found:
            after[way.source].append(way.target)
        back: set[tuple[str, str]] = set()
        done: set[str] = set()
        for root in sorted(self.names, key=lambda name: name != self.start):
            if root in done:
                continue
            trail = {root: iter(after[root])}
            while trail:
                name, rest = next(reversed(trail.items()))
                target = next(rest, None)
                if target is None:
                    done.add(name)
                    del trail[name]
                elif target in trail:
                    back.add((name, target))
                elif target not in done:
                    trail[target] = iter(after[target])
        ends = [(way, way.target, way.source) if (way.source, way.target) in back else (way, way.source, way.target) for way in self.found]
        return [one for one in ends if one[1] != one[2]]

    def _rank(self, turned: Sequence[tuple[Way, str, str]]) -> None:
        """The longest way from a step that nothing leads to; such a step itself stands just over what it leads to."""
        before: dict[str, list[str]] = {name: [] for name in self.names}
        after: dict[str, list[str]] = {name: [] for name in self.names}
        for _, upper, lower in turned:
            before[lower].append(upper)
            after[upper].append(lower)
        left = {name: len(before[name]) for name in self.names}
        ready = [name for name in self.names if not left[name]]
        rank = dict.fromkeys(self.names, 0)
        for name in ready:
            for lower in after[name]:
                rank[lower] = max(rank[lower], rank[name] + 1)
                left[lower] -= 1
                if not left[lower]:
                    ready.append(lower)
        for name in self.names:
            if not before[name] and name != self.start:
                rank[name] = max(0, min((rank[lower] for lower in after[name]), default=1) - 1)
        self.rank.update(rank)
        self.layers = [[] for _ in range(max(rank.values(), default=-1) + 1)]
        for name in self.names:
            self.layers[rank[name]].append(name)

    def _chains(self, turned: Sequence[tuple[Way, str, str]]) -> list[tuple[Way, list[Key]]]:
        """The places of each way, from the upper end to the lower."""
        chains: list[tuple[Way, list[Key]]] = []
        for way, upper, lower in turned:
            chain: list[Key] = [upper]
            for rank in range(self.rank[upper] + 1, self.rank[lower]):
                key = (way.source, way.target, rank)
                self.rank[key] = rank
                self.layers[rank].append(key)
                chain.append(key)
            chain.append(lower)
            chains.append((way, chain))
            for one, other in pairwise(chain):
                self.below.setdefault(one, []).append(other)
                self.above.setdefault(other, []).append(one)
        return chains

    # -- the order in a layer

    def _order(self) -> None:
        best, fewest = [list(layer) for layer in self.layers], self._crossings()
        for sweep in range(SWEEPS):
            down = sweep % 2 == 0
            for layer in self.layers if down else reversed(self.layers):
                at = self._at(layer, down)
                near = self.above if down else self.below
                layer.sort(key=lambda key: _mean([at[one] for one in near.get(key, ())], at.get(key, 0)))
            crossings = self._crossings()
            if crossings < fewest:
                best, fewest = [list(layer) for layer in self.layers], crossings
        self.layers = best

    def _at(self, layer: list[Key], down: bool) -> dict[Key, int]:
        rank = self.rank[layer[0]] + (-1 if down else 1) if layer else 0
        at = {key: index for index, key in enumerate(layer)}
        if 0 <= rank < len(self.layers):
            at |= {key: index for index, key in enumerate(self.layers[rank])}
        return at

    def _crossings(self) -> int:
        count = 0
        for upper, lower in pairwise(self.layers):
            at = {key: index for index, key in enumerate(lower)}
            seen: list[int] = []
            for key in upper:
                ends = sorted(at[one] for one in self.below.get(key, ()))
                count += sum(len(seen) - bisect_right(seen, end) for end in ends)
                for end in ends:
                    insort(seen, end)
        return count

    # -- places

    def _place(self) -> None:
        for layer in self.layers:
            at = 0.0
            for key in layer:
                self.x[key] = at + _wide(key) / 2
                at += _wide(key) + GAP
        for sweep in range(6):
            for layer in self.layers if sweep % 2 == 0 else reversed(self.layers):
                near = self.above if sweep % 2 == 0 else self.below
                wanted = [_mean([self.x[one] for one in near.get(key, ())], self.x[key]) for key in layer]
                for key, place in zip(layer, _spread(wanted, [_wide(key) for key in layer]), strict=True):
                    self.x[key] = place
        first = min((self.x[key] - _wide(key) / 2 for key in self.x), default=0.0)
        for key in self.x:
            self.x[key] = round(self.x[key] - first + EDGE)

    def _left(self, name: str) -> float:
        return self.x[name] - WIDTH / 2

    def _top(self, key: Key) -> float:
        return EDGE + self.rank[key] * ROW

    # -- lines

    def _points(self, way: Way, chain: list[Key]) -> tuple[tuple[float, float], ...]:
        """Down from the upper end, sideways in the room between two layers, down again; turned round where the way leads back."""
        points: list[tuple[float, float]] = []
        for upper, lower in pairwise(chain):
            out, into = self._port(upper, lower, self.below), self._port(lower, upper, self.above)
            top, bottom = self._top(upper) + HEIGHT, self._top(lower)
            middle = top + self._lane(upper, out, into)
            points += [(out, top), (out, middle), (into, middle), (into, bottom)]
        plain = [one for at, one in enumerate(points) if at == 0 or one != points[at - 1]]
        straight = [
            one for at, one in enumerate(plain) if not 0 < at < len(plain) - 1 or not (plain[at - 1][0] == one[0] == plain[at + 1][0])
        ]
        return tuple(straight if chain[0] == way.source else reversed(straight))

    def _port(self, key: Key, other: Key, near: Mapping[Key, list[Key]]) -> float:
        """Where a way meets a step's edge: side by side with the others, in the order of where they come from."""
        ends = sorted(near[key], key=lambda one: self.x[one])
        if isinstance(key, tuple) or len(ends) == 1:
            return self.x[key]
        step = min(16.0, (WIDTH - 24) / (len(ends) - 1))
        return self.x[key] + (ends.index(other) - (len(ends) - 1) / 2) * step

    def _lane(self, upper: Key, out: float, into: float) -> float:
        """How far below a layer a way goes sideways, so that two ways do not lie on each other."""
        room = ROW - HEIGHT
        if out == into:
            return room / 2
        ends = sorted(self.below[upper], key=lambda one: self.x[one], reverse=into > out)
        place = min(range(len(ends)), key=lambda index: abs(self.x[ends[index]] - into))
        layer = self.layers[self.rank[upper]]
        return 10 + (4 * place + 3 * layer.index(upper)) % (room - 20)


def _wide(key: Key) -> float:
    return WIDTH if isinstance(key, str) else THIN


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _spread(wanted: Sequence[float], widths: Sequence[float]) -> list[float]:
    """The places nearest to those wanted (least squares) that keep their order and their distance: pool adjacent violators."""
    offsets = [0.0]
    for one, other in pairwise(widths):
        offsets.append(offsets[-1] + (one + other) / 2 + GAP)
    pools: list[tuple[float, int]] = []
    for place, offset in zip(wanted, offsets, strict=False):
        total, count = place - offset, 1
        while pools and pools[-1][0] / pools[-1][1] >= total / count:
            before, size = pools.pop()
            total, count = total + before, count + size
        pools.append((total, count))
    evened = [total / count for total, count in pools for _ in range(count)]
    return [place + offset for place, offset in zip(evened, offsets, strict=False)]
