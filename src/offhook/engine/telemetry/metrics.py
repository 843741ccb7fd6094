"""Counters, gauges and histograms in the Prometheus text format, version 0.0.4.

Fed and read on the event loop only, so there are no locks. The number of series is bounded: a label set that would be one too many is
counted under ``other``, whatever somebody puts into a plan.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, TypeAlias

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
SECONDS: Final = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0)
"""Upper bounds of all latencies' buckets."""
LONGEST_LABEL: Final = 64
OTHER: Final = "other"

Values: TypeAlias = tuple[str, ...]
Reading: TypeAlias = Mapping[Values, float]
"""Values by label values, asked for when metrics are read."""


class Budget:
    """How many series there may be; one for a metric's ``other`` is set aside when the metric is made."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.used = 0
        self.refused = 0

    def take(self, count: int) -> bool:
        """Whether there was room."""
        if self.used + count > self.most:
            self.refused += 1
            return False
        self.used += count
        return True


class Metric:
    """A name, what it means, and its labels in order."""

    kind = "untyped"
    samples = 1
    """Series that one label set makes."""

    def __init__(self, name: str, help: str, labels: Values = ()) -> None:
        self.name = name
        self.help = help
        self.labels = labels
        self._budget = Budget(0)
        self._known: set[Values] = set()

    def join(self, budget: Budget) -> None:
        """Count against a registry's budget from now on."""
        budget.used += self.samples
        self._budget = budget

    def _fit(self, values: Values) -> Values:
        """The label set to count under. ValueError for another number of labels than declared."""
        if values in self._known:
            return values
        if len(values) != len(self.labels):
            raise ValueError(f"{self.name} has the labels {self.labels}, not {values}")
        short = tuple(value[:LONGEST_LABEL] for value in values)
        if not self.labels or short in self._known:
            return short
        if not self._budget.take(self.samples):
            return (OTHER,) * len(self.labels)
        self._known.add(short)
        return short

    def _fitted(self, reading: Reading) -> dict[Values, float]:
        found: dict[Values, float] = {}
        for values, value in reading.items():
            key = self._fit(values)
            found[key] = found.get(key, 0.0) + value
        return found

    def lines(self) -> Iterator[str]:
        """Its samples as text."""
        raise NotImplementedError

    def text(self) -> Iterator[str]:
        """Head and samples."""
        yield f"# HELP {self.name} {_escaped(self.help, quote=False)}"
        yield f"# TYPE {self.name} {self.kind}"
        yield from self.lines()

    def _line(self, suffix: str, values: Values, value: float, *more: tuple[str, str]) -> str:
        pairs = (*zip(self.labels, values, strict=True), *more)
        inside = ",".join(f'{name}="{_escaped(text)}"' for name, text in pairs)
        return f"{self.name}{suffix}{{{inside}}} {_number(value)}" if inside else f"{self.name}{suffix} {_number(value)}"


class Counter(Metric):
    """Only grows. Without labels it is there from the beginning, at 0."""

    kind = "counter"

    def __init__(self, name: str, help: str, labels: Values = (), *, read: Callable[[], Reading] | None = None) -> None:
        super().__init__(name, help, labels)
        self._read = read
        self._counts: dict[Values, float] = {} if labels else {(): 0.0}

    def add(self, *values: str, by: float = 1.0) -> None:
        """Count. Less than nothing, or what is no number, is not counted."""
        if not 0 <= by < math.inf:
            return
        key = self._fit(values)
        self._counts[key] = self._counts.get(key, 0.0) + by

    def value(self, *values: str) -> float:
        """The count so far."""
        return self._counts.get(values, 0.0)

    def lines(self) -> Iterator[str]:
        """One line for each label set."""
        if self._read is not None:
            self._counts = self._fitted(self._read())
        for values, value in self._counts.items():
            yield self._line("", values, value)


class Gauge(Metric):
    """Goes up and down: set, or read from where it is kept."""

    kind = "gauge"

    def __init__(self, name: str, help: str, labels: Values = (), *, read: Callable[[], Reading] | None = None) -> None:
        super().__init__(name, help, labels)
        self._read = read
        self._values: dict[Values, float] = {}

    def set(self, value: float, *values: str) -> None:
        """The value now."""
        self._values[self._fit(values)] = value

    def value(self, *values: str) -> float | None:
        """The value now, if there is one."""
        return self._values.get(values)

    def lines(self) -> Iterator[str]:
        """One line for each label set."""
        if self._read is not None:
            self._values = self._fitted(self._read())
        for values, value in self._values.items():
            yield self._line("", values, value)


class _Buckets:
    __slots__ = ("counts", "sum")

    def __init__(self, count: int) -> None:
        self.counts = [0] * count
        self.sum = 0.0


class Histogram(Metric):
    """How often a measure, in seconds, was up to each bound."""

    kind = "histogram"

    def __init__(self, name: str, help: str, labels: Values = (), *, bounds: tuple[float, ...] = SECONDS) -> None:
        super().__init__(name, help, labels)
        self.bounds = bounds
        self.samples = len(bounds) + 3
        self._kept: dict[Values, _Buckets] = {} if labels else {(): _Buckets(len(bounds) + 1)}

    def observe(self, value: float, *values: str) -> None:
        """Keep one measure. What is no number, or less than nothing, is a mistake of a clock and is left out."""
        if not 0 <= value < math.inf:
            return
        key = self._fit(values)
        kept = self._kept.get(key)
        if kept is None:
            kept = self._kept[key] = _Buckets(len(self.bounds) + 1)
        kept.counts[bisect_left(self.bounds, value)] += 1
        kept.sum += value

    def count(self, *values: str) -> int:
        """Measures so far."""
        kept = self._kept.get(values)
        return sum(kept.counts) if kept is not None else 0

    def lines(self) -> Iterator[str]:
        """Buckets (each holds those below it), sum and count of each label set."""
        for values, kept in self._kept.items():
            total = 0
            for bound, count in zip((*self.bounds, math.inf), kept.counts, strict=True):
                total += count
                yield self._line("_bucket", values, total, ("le", _number(bound)))
            yield self._line("_sum", values, kept.sum)
            yield self._line("_count", values, total)


class Registry:
    """All metrics of a process; no global one, so that two engines in a test do not share theirs."""

    def __init__(self, metrics: Iterable[Metric] = (), *, series: int = 5_000) -> None:
        self.budget = Budget(series)
        self.metrics: dict[str, Metric] = {}
        for metric in metrics:
            self.add(metric)

    def add(self, metric: Metric) -> None:
        """Have it in the text from now on. ValueError for a name that is taken."""
        if metric.name in self.metrics:
            raise ValueError(f"there are two metrics {metric.name}")
        metric.join(self.budget)
        self.metrics[metric.name] = metric

    def text(self) -> str:
        """All metrics, as ``GET /metrics`` answers them."""
        return "\n".join(line for metric in self.metrics.values() for line in metric.text()) + "\n"


def _escaped(text: str, *, quote: bool = True) -> str:
    text = text.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace('"', '\\"') if quote else text


def _number(value: float) -> str:
    if value in {math.inf, -math.inf}:
        return "+Inf" if value > 0 else "-Inf"
    if value == int(value) and abs(value) < 2**53:
        return str(int(value))
    return repr(value)
