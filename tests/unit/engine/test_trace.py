"""The file of a trace: what is written is read back, what is no trace is refused by its line."""

from __future__ import annotations

import json
from pathlib import Path

import anyio
import pytest

from offhook.core.turn import events as ev
from offhook.engine.trace import TraceWriter, read_trace
from offhook.errors import ConfigError

HEAD = json.dumps({"trace": 1, "call": "c1", "policy": {}})
EVENTS: list[ev.Event] = [ev.Answered(0), ev.Partial(5, 0, "half – past", 0.1 + 0.2), ev.Tick(7), ev.Hangup(9)]


def test_events_come_back_as_they_were(tmp_path: Path) -> None:
    async def main() -> None:
        writer = TraceWriter(tmp_path / "deep" / "trace.jsonl", "c1", {"a": 1})
        for event in EVENTS[:2]:
            writer.event(event)
        await writer.write()
        for event in EVENTS[2:]:
            writer.event(event)
        await writer.write()

    anyio.run(main)
    head, events = read_trace(tmp_path / "deep" / "trace.jsonl")
    assert head == {"trace": 1, "call": "c1", "policy": {"a": 1}}
    assert list(events) == EVENTS


def test_a_disk_that_takes_nothing_ends_the_trace_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    writer = TraceWriter(tmp_path / "file" / "trace.jsonl", "c1", {})
    anyio.run(writer.write)
    assert writer.broken


@pytest.mark.parametrize(
    ("lines", "place"),
    [
        ("", ":1: not JSON"),
        ("[]", ":1: not a call trace"),
        ('{"trace": 2, "call": "c1", "policy": {}}', ":1: not a call trace"),
        ('{"trace": 1, "call": "c1"}', ":1: not a call trace"),
        (f"{HEAD}\n{{", ":2: not JSON"),
        (f'{HEAD}\n["Tick", 1]\n["Tock", 1]', ":3: not an event"),
        (f'{HEAD}\n[["Tick"], 1]', ":2: not an event"),
        (f"{HEAD}\n[]", ":2: not an event"),
        (f'{HEAD}\n["Tick"]', ":2: Tick has 0 fields, 1 are needed"),
        (f'{HEAD}\n["Tick", "soon"]', ":2: the instant of Tick"),
        (f'{HEAD}\n["Partial", 1, 0, 7, 0.5]', ":2: a field of Partial"),
    ],
)
def test_what_is_no_trace_is_named_by_its_line(tmp_path: Path, lines: str, place: str) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text(lines, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        list(read_trace(path)[1])
    assert place in caught.value.public


def test_bytes_that_are_no_text_are_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError):
        read_trace(path)
