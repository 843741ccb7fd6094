"""Spans to a collector, over real sockets: one that takes them, and ones that hang, refuse, break off, lie or never end."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import anyio.abc
import pytest
from anyio.lowlevel import checkpoint
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from offhook.engine.telemetry.export import Collector, Exporter, parse_headers
from offhook.engine.telemetry.spans import Span
from offhook.errors import ConfigError


def spans(count: int, name: str = "voice.turn") -> list[Span]:
    return [Span(f"{name} {number}", b"\x01" * 16, number.to_bytes(8, "big"), b"", number, number + 1) for number in range(1, count + 1)]


def answer(status: int = 200, body: bytes = b"", head: str = "") -> bytes:
    return f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n{head}\r\n".encode() + body


class Double:
    """A collector. ``answers`` are given one after the other, the last one for ever; None says nothing."""

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = list(answers)
        self.requests: list[tuple[str, ExportTraceServiceRequest]] = []
        self.asked = anyio.Event()
        self.full = anyio.Event()
        self.wanted = 1
        self.url = ""

    @property
    def names(self) -> list[str]:
        return [
            span.name
            for _, one in self.requests
            for resource in one.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    async def serve(self, stream: anyio.abc.SocketStream) -> None:
        try:
            async with stream:
                data = b""
                while True:
                    while b"\r\n\r\n" not in data:
                        data += await stream.receive()
                    head, _, data = data.partition(b"\r\n\r\n")
                    text = head.decode().lower()
                    length = int(text.partition("content-length: ")[2].partition("\r\n")[0])
                    while len(data) < length:
                        data += await stream.receive()
                    body, data = data[:length], data[length:]
                    self.requests.append((text, ExportTraceServiceRequest.FromString(body)))
                    said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                    self.asked.set()
                    if len(self.names) >= self.wanted:
                        self.full.set()
                    if said is None:
                        await anyio.sleep_forever()
                    elif said == b"endless":
                        await stream.send(b"HTTP/1.1 200 X\r\ncontent-length: 99999999999\r\n\r\n")
                        while True:
                            await stream.send(b"x" * 65_536)
                    else:
                        await stream.send(said)
        except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass


@asynccontextmanager
async def collecting(*answers: bytes | None) -> AsyncIterator[Double]:
    double = Double(*answers)
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
    port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 - anyio's, no database's
    double.url = f"http://127.0.0.1:{port}"
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, double.serve)
        yield double
        group.cancel_scope.cancel()


@asynccontextmanager
async def sending(exporter: Exporter) -> AsyncIterator[None]:
    async with anyio.create_task_group() as group:
        group.start_soon(exporter.run)
        yield
        group.cancel_scope.cancel()


def of(url: str, *, every: float = 0.01, timeout: float = 2.0, **limits: int) -> Exporter:
    return Exporter(Collector(url, {"x-key": "k3y"}, every=every, timeout=timeout, pause=0.01, **limits), {"service.name": "offhook"}, "1")


async def until(exporter: Exporter, sent: int) -> None:
    """Let the loop turn until the collector's answers have been read."""
    while exporter.sent < sent:
        await checkpoint()


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        with anyio.fail_after(150):
            await work()

    anyio.run(main)


def test_spans_arrive_once_in_batches_with_their_headers() -> None:
    async def main() -> None:
        async with collecting(answer()) as double:
            exporter = of(double.url, batch=10)
            double.wanted = 25
            async with sending(exporter):
                exporter.put(spans(25))
                await double.full.wait()
                await until(exporter, 25)
            await exporter.close()
            assert double.names == [span.name for span in spans(25)]
            head = double.requests[0][0]
            assert head.startswith("post /v1/traces http/1.1\r\n")
            assert "content-type: application/x-protobuf" in head
            assert "x-key: k3y" in head
            assert (exporter.sent, exporter.waiting, sum(exporter.dropped.values())) == (25, 0, 0)
            assert "k3y" not in repr(exporter.collector)

    run(main)


def test_what_is_left_is_sent_at_the_end() -> None:
    async def main() -> None:
        async with collecting(answer()) as double:
            exporter = of(double.url, every=60.0)
            exporter.put(spans(3))
            await exporter.close()
            assert len(double.names) == exporter.sent == 3
            exporter.put(spans(2))
            await exporter.close()
            assert (exporter.dropped["closed"], exporter.waiting) == (2, 0)

    run(main)


def test_a_collector_that_hangs_costs_nothing_but_spans() -> None:
    async def main() -> None:
        async with collecting(None) as double:
            exporter = of(double.url, capacity=100, batch=10, timeout=3600.0)
            async with sending(exporter):
                exporter.put(spans(10))
                await double.asked.wait()
                for _ in range(50):
                    exporter.put(spans(20))
                assert exporter.waiting == 100
                assert exporter.dropped["overflow"] == 10 + 50 * 20 - 100
            await exporter.close(within=0.2)
            assert (exporter.waiting, exporter.sent, exporter.dropped["closed"]) == (0, 0, 100)

    run(main)


def test_a_batch_that_is_never_answered_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with collecting(None, answer()) as double:
            exporter = Exporter(Collector(double.url, every=0.01, timeout=1.0, tries=1, batch=2), {}, "1")
            double.wanted = 4
            async with sending(exporter):
                exporter.put(spans(4))
                await double.full.wait()
                await until(exporter, 2)
            await exporter.close()
            assert exporter.dropped["failed"] == 2
            assert exporter.sent == 2

    caplog.set_level("INFO", "offhook.engine")
    run(main)
    assert caplog.messages == ["spans do not reach the collector: failed", "spans reach the collector again"]


def test_nobody_there() -> None:
    async def main() -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        exporter = of(f"http://127.0.0.1:{port}")
        exporter.put(spans(3))
        await exporter.close()
        assert (exporter.waiting, exporter.dropped["failed"]) == (0, 3)

    run(main)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (answer(400, b"no"), "refused"),
        (answer(401), "refused"),
        (answer(302, head="location: http://127.0.0.1:1/\r\n"), "refused"),
        (answer(503), "failed"),
        (b"nonsense\r\n\r\n", "failed"),
        (b"endless", "failed"),
        (b"HTTP/1.1 200 X\r\ncontent-length: 5\r\n\r\nxx", "failed"),
    ],
)
def test_what_a_collector_may_do_instead(said: bytes, why: str) -> None:
    async def main() -> None:
        async with collecting(said) as double:
            # Only an answer whose rest never comes is left for its time; one without an end for its length.
            exporter = of(double.url, timeout=0.3 if said.endswith(b"xx") else 3600.0)
            exporter.put(spans(3))
            await exporter.close()
            assert (exporter.sent, dict(exporter.dropped), exporter.waiting) == (0, {why: 3, "closed": 0}, 0)

    run(main)


def test_a_busy_collector_gets_the_same_batch_again() -> None:
    async def main() -> None:
        async with collecting(answer(503, head="retry-after: 0.01\r\n"), answer()) as double:
            exporter = of(double.url)
            double.wanted = 4
            async with sending(exporter):
                exporter.put(spans(2))
                await double.full.wait()
                await until(exporter, 2)
            await exporter.close()
            assert double.names == ["voice.turn 1", "voice.turn 2"] * 2
            assert (exporter.sent, sum(exporter.dropped.values())) == (2, 0)

    run(main)


def test_what_a_collector_took_only_in_part_is_counted() -> None:
    async def main() -> None:
        for told, refused in ((2, 2), (10**9, 5)):
            partial = ExportTraceServiceResponse(partial_success=ExportTracePartialSuccess(rejected_spans=told))
            async with collecting(answer(200, partial.SerializeToString())) as double:
                exporter = of(double.url)
                exporter.put(spans(5))
                await exporter.close()
                assert (exporter.sent, exporter.dropped["refused"]) == (5 - refused, refused)

    run(main)


def test_addresses_and_headers() -> None:
    assert Collector("http://c:4318").address == "http://c:4318/v1/traces"
    assert Collector("http://c:4318/").address == "http://c:4318/v1/traces"
    assert Collector("https://c/otlp/v1/traces").address == "https://c/otlp/v1/traces"
    assert parse_headers(" Authorization=Basic abc==, x-team = a ,") == {"authorization": "Basic abc==", "x-team": "a"}
    assert parse_headers("authorization=Basic%20abc%3D") == {"authorization": "Basic abc="}
    for bad in ("s3cret", "=s3cret", "two words=s3cret", "x=s3cret-\u00e4", "x=s3cret\r\ny: z"):
        with pytest.raises(ConfigError, match="header 2") as caught:
            parse_headers(f"a=b,{bad}")
        assert "s3cret" not in str(caught.value)
