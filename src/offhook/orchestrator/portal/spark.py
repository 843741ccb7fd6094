"""A line of a few figures, without axes. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spark:
    """Points of the line, of the area below it, and the last one."""

    width: float
    height: float
    line: str
    area: str
    end: tuple[float, float]


def spark(values: Sequence[float], width: float, height: float) -> Spark:
    """The drawing; a flat line at the foot where all are nothing."""
    most = max(values, default=0.0) or 1.0
    step = (width - 4) / max(1, len(values) - 1)
    points = [(round(2 + at * step, 1), round(height - 2 - (height - 4) * value / most, 1)) for at, value in enumerate(values)]
    points = points or [(2.0, height - 2)]
    line = " ".join(f"{x},{y}" for x, y in points)
    area = f"{points[0][0]},{height} {line} {points[-1][0]},{height}"
    return Spark(width, height, line, area, points[-1])
