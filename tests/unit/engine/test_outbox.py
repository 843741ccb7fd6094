from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import anyio
import httpx
import pytest

from offhook.contracts.events import AnyEvent, CallEnded, CallStarted, event_adapter
from offhook.engine.outbox import Outbox
from offhook.signing import verify

SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
URL = "http://127.0.0.1:1/v1/events"
NOW = datetime(2026, 11, 21, tzinfo=UTC)

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def started(seq: int) -> AnyEvent:
    return CallStarted(id=f"e{seq}", call="c1", seq=seq, at_ms=0, time=NOW, transport="twilio")


def ended(seq: int) -> AnyEvent:
    return CallEnded(id=f"e{seq}", call="c1", seq=seq, at_ms=0, time=NOW, reason="hangup", outcome="booked", seconds=1)


def receiver(answers: list[int], got: list[AnyEvent]) -> Callable[[httpx.Request], httpx.Response]:
    def handle(request: httpx.Request) -> httpx.Response:
        verify((SECRET,), request.headers, request.content, datetime.now(UTC).timestamp())
        status = answers.pop(0) if answers else 204
        if status < 300:
            got.append(event_adapter.validate_json(request.content))
        return httpx.Response(status)

    return handle


async def test_events_arrive_in_order_through_failures_and_the_file_goes(tmp_path: Path) -> None:
    got: list[AnyEvent] = []
    async with httpx.AsyncClient(transport=httpx.MockTransport(receiver([500, 204, 429, 204], got))) as http:
        async with anyio.create_task_group() as group:
            outbox = Outbox(tmp_path, http, SECRET, group)
            sender = outbox.begin("c1", URL)
            for event in (started(1), started(2), ended(3)):
                sender.put(event)
    assert [event.seq for event in got] == [1, 2, 3]
    assert outbox.delivered == 3
    assert outbox.failed_attempts == 2
    assert list(tmp_path.iterdir()) == []


async def test_what_a_killed_engine_left_is_sent_by_the_next(tmp_path: Path) -> None:
    (tmp_path / "c1.jsonl").write_bytes(b'\n{"type": "call.sta')  # all that a full disk had room for
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _request: httpx.Response(503))) as http:
        async with anyio.create_task_group() as group:
            outbox = Outbox(tmp_path, http, SECRET, group)
            sender = outbox.begin("c1", URL)
            sender.put(started(1))
            sender.put(ended(2))
            while outbox.failed_attempts == 0:
                await anyio.sleep(0.01)
            group.cancel_scope.cancel()
    [path] = tmp_path.iterdir()
    with path.open("ab") as file:
        file.write(b'{"type": "call.sta')  # the crash came in the middle of a line
    got: list[AnyEvent] = []
    async with httpx.AsyncClient(transport=httpx.MockTransport(receiver([], got))) as http:
        async with anyio.create_task_group() as group:
            outbox = Outbox(tmp_path, http, SECRET, group)
            assert await outbox.recover(URL) == 1
    assert [event.id for event in got] == ["e1", "e2"]
    assert list(tmp_path.iterdir()) == []


async def test_an_event_that_is_refused_for_good_does_not_hold_up_the_rest(tmp_path: Path) -> None:
    got: list[AnyEvent] = []
    async with httpx.AsyncClient(transport=httpx.MockTransport(receiver([422], got))) as http:
        async with anyio.create_task_group() as group:
            outbox = Outbox(tmp_path, http, SECRET, group)
            sender = outbox.begin("c1", URL)
            sender.put(started(1))
            sender.put(ended(2))
    assert [event.seq for event in got] == [2]
    assert outbox.refused == 1


async def test_a_call_that_a_crash_cut_gets_its_end_once(tmp_path: Path) -> None:
    (tmp_path / "c1.jsonl").write_bytes(b"\n".join(started(seq).model_dump_json().encode() for seq in (1, 2)) + b"\n")
    for _ in range(2):  # the next engine dies too, before the end is accepted
        async with httpx.AsyncClient(transport=httpx.MockTransport(receiver([204, 204, 503, 503], []))) as http:
            async with anyio.create_task_group() as group:
                outbox = Outbox(tmp_path, http, SECRET, group)
                await outbox.recover(URL)
                while outbox.failed_attempts == 0:
                    await anyio.sleep(0.01)
                group.cancel_scope.cancel()
    got: list[AnyEvent] = []
    async with httpx.AsyncClient(transport=httpx.MockTransport(receiver([], got))) as http:
        async with anyio.create_task_group() as group:
            assert await Outbox(tmp_path, http, SECRET, group).recover(URL) == 1
    assert [(event.type, event.seq) for event in got] == [("call.started", 1), ("call.started", 2), ("call.ended", 3)]
    end = got[-1]
    assert isinstance(end, CallEnded)
    assert (end.reason, end.outcome, end.id) == ("failed", "failed", "e2.cut")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("status", "kind", "refused"),
    [
        (409, "application/problem+json", 1),
        (410, "text/plain", 1),
        (404, "application/problem+json", 1),
        (404, "text/html", 0),
        (403, "", 0),
    ],
)
async def test_who_refuses_matters(status: int, kind: str, refused: int, tmp_path: Path) -> None:
    """A proxy's 404 while the orchestrator is down loses nothing."""
    got: list[AnyEvent] = []
    answers = [httpx.Response(status, headers={"content-type": kind})]
    accept = receiver([], got)
    transport = httpx.MockTransport(lambda request: answers.pop() if answers else accept(request))
    async with httpx.AsyncClient(transport=transport) as http:
        async with anyio.create_task_group() as group:
            outbox = Outbox(tmp_path, http, SECRET, group)
            outbox.begin("c1", URL).put(ended(1))
    assert outbox.refused == refused
    assert len(got) == 1 - refused


async def test_a_disk_that_takes_nothing_loses_nothing_and_ends_no_call(tmp_path: Path) -> None:
    folder = tmp_path / "outbox"
    folder.write_text("a file, where a folder is needed")
    got: list[AnyEvent] = []
    answers = [204, *[503] * 3]
    async with httpx.AsyncClient(transport=httpx.MockTransport(receiver(answers, got))) as http:
        async with anyio.create_task_group() as group:
            outbox = Outbox(folder, http, SECRET, group)
            sender, other = outbox.begin("c1", URL), outbox.begin("c2", URL)
            sender.put(started(1))
            while not got:
                await anyio.sleep(0.01)
            folder.unlink()  # there is room again
            sender.put(started(2))
            while outbox.failed_attempts < 2:
                await anyio.sleep(0.01)
            kept = [event_adapter.validate_json(line).id for line in (folder / "c1.jsonl").read_bytes().split()]
            sender.put(ended(3))
            other.put(ended(4))
    assert kept == ["e1", "e2"]
    assert sorted(event.id for event in got) == ["e1", "e2", "e3", "e4"]
    assert outbox.unwritten > 0
    assert list(folder.iterdir()) == []
