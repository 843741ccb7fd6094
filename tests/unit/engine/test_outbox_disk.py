"""Events of calls when the disk takes none: what is told of it, how long that lasts, and what memory holds."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx
import pytest
from tests.unit.engine.test_outbox import NOW, SECRET, URL, ended, started

from offhook.contracts.events import AnyEvent, CallerTurn, event_adapter
from offhook.engine import outbox as module
from offhook.engine.outbox import Outbox
from offhook.testing.clock import VIRTUAL_TIME

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> tuple[str, Mapping[str, Any]]:
    return VIRTUAL_TIME


@dataclass
class Desk:
    """An outbox over a folder that is none until ``room``, and who takes its events once they are not ``away``."""

    outbox: Outbox
    folder: Path
    away: bool = False
    got: list[AnyEvent] = field(default_factory=list)

    def full(self) -> None:
        self.folder.write_text("a file, where a folder is needed")

    def room(self) -> None:
        self.folder.unlink()


@asynccontextmanager
async def open_desk(folder: Path) -> AsyncIterator[Desk]:
    found: list[Desk] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if found[0].away:
            return httpx.Response(503)
        found[0].got.append(event_adapter.validate_json(request.content))
        return httpx.Response(204)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http, anyio.create_task_group() as group:
        found.append(Desk(Outbox(folder / "outbox", http, SECRET, group), folder / "outbox"))
        found[0].full()
        yield found[0]


def said(seq: int, text: str = "Yes.") -> AnyEvent:
    return CallerTurn(id=f"e{seq}", call="c1", seq=seq, at_ms=0, time=NOW, turn=seq, text=text, start_ms=0, end_ms=0)


async def test_it_is_told_for_as_long_as_events_are_in_memory_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with open_desk(tmp_path) as desk:
        assert desk.outbox.finding() is None
        desk.away = True
        sender, other = desk.outbox.begin("c1", URL), desk.outbox.begin("c2", URL)
        sender.put(started(1))
        sender.put(said(2))
        other.put(started(1))
        with caplog.at_level(logging.INFO, "offhook.engine"):
            await anyio.sleep(30)
            found = desk.outbox.finding()
            assert found is not None
            assert (found.grade, found.name, desk.outbox.in_memory) == ("warn", "events", 3)
            assert "3, calls: 2" in found.told
            assert str(desk.folder) in found.todo
            desk.room()
            await anyio.sleep(module.AGAIN)  # nothing more happens in either call, and nobody takes their events
        assert desk.outbox.finding() is None
        assert (desk.outbox.in_memory, desk.outbox.held, desk.outbox.lost) == (0, 0, 0)
        assert (desk.folder / "c1.jsonl").read_bytes().count(b"\n") >= 2
        assert [one.getMessage().partition(":")[0] for one in caplog.records] == [
            "a call's events are not on disk, where a crash would lose them"
        ] * 2 + ["a call's events are on disk again"] * 2
        desk.away = False
        sender.put(ended(3))
        other.put(ended(2))
    assert sorted(event.seq for event in desk.got) == [1, 1, 2, 2, 3]
    assert list(desk.folder.iterdir()) == []


async def test_an_ended_call_whose_events_are_taken_is_no_finding_though_the_disk_is_full(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        sender = desk.outbox.begin("c1", URL)
        sender.put(started(1))
        await anyio.sleep(1)
        assert desk.outbox.finding() is not None
        sender.put(ended(2))
    assert desk.outbox.finding() is None
    assert (desk.outbox.held, len(desk.got)) == (0, 2)


async def test_what_the_receiver_has_needs_no_memory(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        sender = desk.outbox.begin("c1", URL)
        for seq in range(1, 501):
            sender.put(said(seq))
            await anyio.sleep(1)
        assert (desk.outbox.in_memory, len(desk.got)) == (1, 500)
        assert desk.outbox.held < 1_000
        desk.room()
        await anyio.sleep(module.AGAIN)
        kept = [event_adapter.validate_json(line).seq for line in (desk.folder / "c1.jsonl").read_bytes().split()]
        assert kept == [500]  # by it the next engine tells of the end, should this one die
        sender.put(ended(501))
    assert desk.outbox.lost == 0


async def test_memory_is_bounded_and_what_it_does_not_hold_is_counted_and_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "HELD_MOST", 20_000)
    async with open_desk(tmp_path) as desk:
        desk.away = True
        sender = desk.outbox.begin("c1", URL)
        sender.put(started(1))
        for seq in range(2, 102):
            sender.put(said(seq, "x" * 1_000))
        late = desk.outbox.begin("c2", URL)
        late.put(started(1))
        await anyio.sleep(1)
        found = desk.outbox.finding()
        assert found is not None
        assert (found.grade, desk.outbox.lost) == ("fail", 102 - desk.outbox.in_memory)
        assert 50 < desk.outbox.lost < 100
        assert f"{desk.outbox.lost} were lost" in found.told
        assert desk.outbox.held < 21_000
        assert [one.levelname for one in caplog.records].count("ERROR") == 1
        sender.put(ended(102))
        late.put(ended(2))
        desk.away = False
    assert desk.got[0].type == "call.started"
    assert sum(event.type == "call.ended" for event in desk.got) == 2
    assert len(desk.got) == 104 - desk.outbox.lost
    assert (desk.outbox.held, desk.outbox.finding()) == (0, None)
