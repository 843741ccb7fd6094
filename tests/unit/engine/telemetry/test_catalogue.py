"""Every metric of the catalogue is fed by code that calls come by: a panel that stays at zero whatever happens is worse than none."""

from __future__ import annotations

import ast
import functools
from pathlib import Path

import pytest

import offhook.engine
from offhook.engine.telemetry.calls import Telemetry
from offhook.engine.telemetry.catalogue import Metrics
from offhook.engine.telemetry.metrics import Counter, Gauge, Histogram

ENGINE = Path(offhook.engine.__file__).parent
TELLING = ENGINE / "telemetry" / "calls.py"
FEEDS = {"add", "observe", "set"}


def calls(tree: ast.AST) -> set[tuple[str, str]]:
    """What is called on what: ``self._metrics.tools.add()`` is ("self._metrics.tools", "add")."""
    return {
        (ast.unparse(node.func.value), node.func.attr)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }


def fed_in(tree: ast.AST) -> set[str]:
    """Names of metrics that this code feeds."""
    found = {tuple(owner.split(".")[-2:]) for owner, what in calls(tree) if what in FEEDS}
    return {owner[1] for owner in found if len(owner) == 2 and owner[0] in {"metrics", "_metrics"}}


def methods(tree: ast.AST) -> dict[str, ast.AST]:
    return {
        node.name: node
        for owner in ast.walk(tree)
        if isinstance(owner, ast.ClassDef)
        for node in owner.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def fed(sources: dict[Path, str]) -> set[str]:
    """Names of metrics that are fed by the engine: in what tells of calls only those whose method somebody calls, or starts."""
    trees = {path: ast.parse(text) for path, text in sources.items()}
    told = methods(trees.pop(TELLING))
    reached: set[str] = set()
    found: set[str] = set()
    for tree in trees.values():
        found |= fed_in(tree)
        reached |= {what for owner, what in calls(tree) if owner.rpartition(".")[2].lstrip("_") in {"telemetry", "told"}}
        reached |= {
            argument.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            for argument in node.args
            if isinstance(argument, ast.Attribute) and ast.unparse(argument.value).endswith("telemetry")
        }
    waiting = reached & set(told)
    while waiting:
        name = waiting.pop()
        found |= fed_in(told[name])
        inner = {what for owner, what in calls(told[name]) if owner == "self"} & set(told)
        waiting |= inner - reached
        reached |= inner
    return found


SOURCES = {path: path.read_text(encoding="utf-8") for path in ENGINE.rglob("*.py")}
METRICS = {name: one for name, one in vars(Metrics()).items() if isinstance(one, Counter | Gauge | Histogram)}
READ = {"calls_active", "capacity", "admission", "events_in_memory", "events_lost", "spans_sent", "spans_dropped"}
"""Kept elsewhere, and read when they are asked for."""


@functools.cache
def fed_now() -> set[str]:
    return fed(SOURCES)


@pytest.mark.parametrize("name", sorted(set(METRICS) - READ))
def test_somebody_feeds_it(name: str) -> None:
    assert name in fed_now()


def test_what_nobody_calls_does_not_count() -> None:
    without = {path: text.replace("telemetry.recording_failed()", "pass") for path, text in SOURCES.items()}
    assert fed_now() - fed(without) == {"recording_failures"}
    deaf = {path: text.replace("engine.telemetry.watch, ", "") for path, text in SOURCES.items()}
    assert fed_now() - fed(deaf) == {"lag"}


def test_what_is_read_is_there_when_it_is_asked_for() -> None:
    telemetry = Telemetry()
    telemetry.text(3, 50, {"taken": 7}, (4, 2))
    metrics = telemetry.metrics
    assert {name for name, one in METRICS.items() if not isinstance(one, Histogram) and one._read is not None} == READ
    assert (metrics.calls_active.value(), metrics.capacity.value(), metrics.admission.value("taken")) == (3, 50, 7)
    assert (metrics.events_in_memory.value(), metrics.events_lost.value()) == (4, 2)
    metrics.see(0, 0, {}, 12, {"overflow": 2})
    metrics.text()
    assert (metrics.spans_sent.value(), metrics.spans_dropped.value("overflow")) == (12, 2)
