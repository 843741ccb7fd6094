"""What a check of ``offhook doctor`` says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Grade = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Line:
    """One check's result; ``todo`` is what to do unless it is ok."""

    grade: Grade
    what: str
    told: str
    todo: str = ""

    def __str__(self) -> str:
        text = f"{self.grade:<5} {self.what}: {self.told}"
        return f"{text}\n      -> {self.todo}" if self.todo and self.grade != "ok" else text
