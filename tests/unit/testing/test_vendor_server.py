"""The server under the doubles has every fault that it says, and what vendors' clients share tells each of them by its kind."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from types import SimpleNamespace
from typing import Any, cast

import anyio
import httpx
import pytest
from tests.conformance import local_speech

from offhook.errors import BadOutput, ConfigError, OverQuota, ProviderError, Rejected, Retry, Timeout, Unauthorized, Unavailable
from offhook.inference import InferencePool
from offhook.providers._vendor import Account, Http, Socket, account, as_object, open_socket, refusal, sse
from offhook.registry import ProviderContext
from offhook.testing.vendors.server import Door, Fault, FaultKind, Gone, Latency, Peer, Scenario, Vendors

KEY = "echo-key-1"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def echo(peer: Peer) -> None:
    """Websockets: every message comes back; ``bye`` closes. HTTP: five events."""
    if peer.is_socket:
        await peer.accept({"x-echo": "yes"})
        async for message in peer.messages():
            await peer.send(message)
            if message == "bye":
                await peer.close(1000, "bye")
        return
    if peer.method == "GET":
        await peer.answer(200, "{}")
        return
    await peer.wait("first")
    await peer.begin(200, {"content-type": "text/event-stream"})
    for number in range(5):
        await peer.chunk(f'event: count\ndata: {{"n": {number}}}\n\n')
    await peer.finish()


@pytest.fixture
async def vendors() -> AsyncIterator[Vendors]:
    async with Vendors() as found:
        found._vendors["echo"] = cast("Any", SimpleNamespace(VENDOR="echo", PREFIX="/echo", KEY=KEY, serve=echo))
        yield found
        with anyio.fail_after(150):
            while found.open("echo"):
                await anyio.lowlevel.checkpoint()


def mine(vendors: Vendors) -> Account:
    return Account("stt/echo", vendors.base("echo"), KEY)


async def opened(vendors: Vendors, timeout: float = 2.5) -> Socket:
    one = mine(vendors)
    return await open_socket(one, one.ws("/talk?a=1&a=2&b=x%20y"), {"authorization": KEY}, timeout=timeout)


async def talked(vendors: Vendors, count: int = 4) -> list[str | bytes]:
    """Send so many messages, and what comes back until the connection ends well."""
    socket = await opened(vendors)
    try:
        for number in range(count):
            socket.write(f'{{"n": {number}}}')
        await socket.send("bye")
        return [message async for message in socket]
    finally:
        await socket.aclose()


async def posted(vendors: Vendors) -> list[str]:
    client = Http(mine(vendors), {"authorization": KEY})
    try:
        async with client.post(mine(vendors).http("/count"), {"a": 1}) as response, aclosing(sse("llm/echo", response)) as events:
            return [data async for _, data in events]
    finally:
        await client.aclose()


# -- what is sent is kept in a log


async def test_everything_that_clients_send_is_in_the_log(vendors: Vendors) -> None:
    socket = await opened(vendors)
    await socket.send(b"\x01\x02")
    await socket.send_json({"a": 1})
    assert await socket.receive() == b"\x01\x02"
    await socket.aclose()
    await posted(vendors)
    log = vendors.sent("echo")
    assert [(one.connection, one.kind) for one in log] == [(0, "open"), (0, "binary"), (0, "text"), (0, "close"), (1, "http")]
    assert (log[0].path, log[0].query) == ("/talk", (("a", "1"), ("a", "2"), ("b", "x y")))
    assert log[0].headers["authorization"] == KEY
    assert "sec-websocket-extensions" not in log[0].headers
    assert (log[2].json, log[4].json) == ({"a": 1}, {"a": 1})
    assert [one.kind for one in vendors.sent("echo", "text")] == ["text"]


def test_latencies_are_drawn_alike_in_every_run() -> None:
    late = Latency(0.1, spread=0.5, spikes={2: 1.0})
    runs = [[late.draw(random.Random("seed"), number) for number in range(4)] for _ in range(2)]
    assert runs[0] == runs[1]
    assert runs[0][2] > 1.0
    assert Latency(0.2).draw(random.Random(1)) == 0.2


async def test_a_vendor_that_there_is_not(vendors: Vendors) -> None:
    with pytest.raises(KeyError, match="deepgram"):
        vendors.scenario("nobody", Scenario())
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        assert (await client.get(f"http://127.0.0.1:{vendors.port}/nobody/x")).status_code == 404


# -- doors


@pytest.mark.parametrize("through", [talked, posted])
async def test_doors(vendors: Vendors, through: Callable[[Vendors], Awaitable[object]]) -> None:
    for door, error in (
        (Door("status", status=503), Unavailable), (Door("status", status=401, body="who?"), Unauthorized), (Door("reset"), Unavailable),
    ):  # fmt: skip
        vendors.scenario("echo", Scenario(door=door))
        with pytest.raises(error):
            await through(vendors)


async def test_a_door_is_closed_to_the_first_only(vendors: Vendors) -> None:
    vendors.scenario("echo", Scenario(door=Door("status", status=500, times=2)))
    outcomes = []
    for _ in range(3):
        try:
            outcomes.append(len(await talked(vendors)))
        except Unavailable:
            outcomes.append(0)
    assert outcomes == [0, 0, 5]


async def test_a_door_that_hangs_and_one_that_is_silent(vendors: Vendors) -> None:
    vendors.scenario("echo", Scenario(door=Door("hang")))
    with pytest.raises(Timeout):
        await opened(vendors, timeout=0.05)
    vendors.scenario("echo", Scenario(door=Door("silent")))
    socket = await opened(vendors)
    await socket.send("anybody?")
    with anyio.move_on_after(0.05) as waited:
        await socket.receive()
    assert waited.cancelled_caught
    await socket.aclose()


async def test_nobody_is_there() -> None:
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)  # noqa: S610 - anyio's, no database's
    await listener.aclose()
    nobody = Account("stt/echo", f"http://127.0.0.1:{port}", KEY)
    with pytest.raises(Unavailable, match="cannot be reached"):
        await open_socket(nobody, nobody.ws("/"), {})
    client = Http(nobody, {})
    assert not await client.get(nobody.http("/"))
    with pytest.raises(Unavailable):
        async with client.post(nobody.http("/"), {}):
            pass
    await client.aclose()


# -- faults


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("unknown", [0, "SomethingNew", 1, 2, 3]), ("twice", [0, 1, 1, 2, 3]), ("swap", [0, 2, 1, 3]), ("skip", [0, 2, 3]),
     ("stall", [0, 1, 2, 3]), ("huge", [0, "SomethingNew", 1, 2, 3]), ("unknown_field", [0, 1, 2, 3]), ("not_json", [0, None, 2, 3])],
)  # fmt: skip
async def test_faults_that_leave_the_connection_open(vendors: Vendors, kind: FaultKind, expected: list[object]) -> None:
    vendors.scenario("echo", Scenario(faults=(Fault(kind, at=1, seconds=0.01),)))
    found: list[object] = []
    sizes: list[int] = []
    for message in (await talked(vendors))[:-1]:
        sizes.append(len(message))
        try:
            one = as_object("stt/echo", message)
        except BadOutput:
            found.append(None)
        else:
            found.append(one.get("type", one.get("n")))
    assert found == expected
    assert (max(sizes) > 2**21) == (kind == "huge")
    assert any(size > 30 for size in sizes) == (kind in {"unknown", "huge", "unknown_field"})


@pytest.mark.parametrize(
    ("fault", "error"),
    [(Fault("close", code=1011), Unavailable), (Fault("close", code=1008), Rejected), (Fault("close", code=None), Unavailable),
     (Fault("close", code=4999), Unavailable), (Fault("reset"), Unavailable), (Fault("end"), Unavailable), (Fault("half"), Unavailable),
     (Fault("not_utf8"), BadOutput)],
)  # fmt: skip
@pytest.mark.parametrize("at", [0, 2])
async def test_faults_that_end_a_websocket(vendors: Vendors, fault: Fault, error: type[ProviderError], at: int) -> None:
    vendors.scenario("echo", Scenario(faults=(Fault(fault.kind, at, fault.code),)))
    socket = await opened(vendors)
    for number in range(4):
        socket.write(f"message {number}")
    for number in range(at):
        assert await socket.receive() == f"message {number}"
    with pytest.raises(error):
        await socket.receive()
    with pytest.raises(error):
        await socket.send("more")
    socket.write("and more")
    with anyio.fail_after(150):
        await socket.aclose()
        await socket.aclose()


@pytest.mark.parametrize("kind", ["reset", "end", "half"])
async def test_faults_that_end_a_stream(vendors: Vendors, kind: FaultKind) -> None:
    vendors.scenario("echo", Scenario(faults=(Fault(kind, at=2),)))
    with pytest.raises(Unavailable):
        await posted(vendors)


async def test_bytes_that_are_no_text_in_a_stream(vendors: Vendors) -> None:
    vendors.scenario("echo", Scenario(faults=(Fault("not_utf8", at=2),)))
    with pytest.raises(BadOutput):
        await posted(vendors)


async def test_only_the_first_connections_are_faulty(vendors: Vendors) -> None:
    vendors.scenario("echo", Scenario(faults=(Fault("reset"),), faulty=1))
    with pytest.raises(Unavailable):
        await talked(vendors)
    assert len(await talked(vendors)) == 5


async def test_a_close_that_is_proper_ends_the_iteration_and_not_a_receive(vendors: Vendors) -> None:
    socket = await opened(vendors)
    await socket.send("bye")
    assert await socket.receive() == "bye"
    with pytest.raises(Unavailable, match="1000"):
        await socket.receive()
    await socket.aclose()


async def test_a_client_that_vanishes_is_noted(vendors: Vendors) -> None:
    socket = await opened(vendors)
    await socket.send("x")
    assert await socket.receive() == "x"
    socket._connection.transport.abort()
    await socket.aclose()
    while not vendors.sent("echo", "gone"):
        await anyio.lowlevel.checkpoint()


async def test_a_double_that_sends_to_nobody_is_told() -> None:
    async with Vendors() as vendors:
        told = anyio.Event()

        async def stubborn(peer: Peer) -> None:
            await peer.accept()
            async for _ in peer.messages():
                pass
            try:
                await peer.send("still there?")
            except Gone:
                told.set()
                raise

        vendors._vendors["echo"] = cast("Any", SimpleNamespace(VENDOR="echo", PREFIX="/echo", KEY=KEY, serve=stubborn))
        await (await opened(vendors)).aclose()
        with anyio.fail_after(150):
            await told.wait()


# -- accounts, refusals, HTTP


def test_accounts() -> None:
    def made(**env: str) -> Account:
        with_pool = ProviderContext(cast("InferencePool", None), local_speech.STORE, env)
        return account(with_pool, "stt/echo", "echo", "https://api.echo.example")

    assert made(ECHO_API_KEY=" k ").key == "k"
    assert made(ECHO_API_KEY="k").ws("/x") == "wss://api.echo.example/x"
    assert made(ECHO_API_KEY="k", ECHO_BASE_URL="ws://127.0.0.1:1/v/").http("/x") == "http://127.0.0.1:1/v/x"
    assert "k3y" not in repr(made(ECHO_API_KEY="k3y"))
    for wrong in (
        {}, {"ECHO_API_KEY": " "}, {"ECHO_API_KEY": "k\nx: y"}, {"ECHO_API_KEY": "clé"}, {"ECHO_API_KEY": "k", "ECHO_BASE_URL": "ftp://x"},
        {"ECHO_API_KEY": "k", "ECHO_BASE_URL": "https://"}, {"ECHO_API_KEY": "k", "ECHO_BASE_URL": "ws://echo.example"},
        {"ECHO_API_KEY": "k", "ECHO_BASE_URL": "http://127.0.0.1.evil.example"},
    ):  # fmt: skip
        with pytest.raises(ConfigError, match="ECHO_"):
            made(**wrong)


@pytest.mark.parametrize(
    ("status", "headers", "body", "error", "retry"),
    [(401, {}, "", Unauthorized, None), (403, {}, "", Unauthorized, None), (402, {}, "", OverQuota, None), (429, {}, "", OverQuota, 1.0),
     (429, {"retry-after": "3"}, "", OverQuota, 3.0), (429, {"retry-after-ms": "250"}, "", OverQuota, 0.25),
     (429, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, "", OverQuota, 1.0), (429, {"retry-after": "nan"}, "", OverQuota, 1.0),
     (429, {}, '{"error": {"code": "insufficient_quota"}}', OverQuota, None), (400, {}, "[1", Rejected, None),
     (404, {}, "{}", Rejected, None), (408, {}, "", Timeout, 0.0), (409, {}, "", Unavailable, 0.0), (500, {}, "", Unavailable, 0.0),
     (529, {"retry-after": "2"}, "", Unavailable, 2.0)],
)  # fmt: skip
def test_refusals(status: int, headers: dict[str, str], body: str, error: type[ProviderError], retry: float | None) -> None:
    found = refusal("stt/echo", status, headers, body)
    assert type(found) is error
    assert found.retry == Retry(retry)
    assert not body or body not in found.public


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "nul", b"\xff", "[" * 100_000])
def test_what_is_no_object(text: str | bytes) -> None:
    with pytest.raises(BadOutput):
        as_object("stt/echo", text)


async def test_events_of_a_stream_and_a_warm_pool(vendors: Vendors) -> None:
    client = Http(mine(vendors), {"authorization": KEY})
    assert await client.get(mine(vendors).http("/"))
    for _ in range(2):
        async with client.post(mine(vendors).http("/count"), {"a": 1}) as response, aclosing(sse("llm/echo", response)) as events:
            assert [event async for event in events] == [("count", f'{{"n": {number}}}') for number in range(5)]
    assert vendors.accepted == 1
    async with client.post(mine(vendors).http("/count"), {}) as response:
        assert response.status_code == 200
    await client.aclose()
    await client.aclose()


async def test_a_stream_as_the_standard_has_it() -> None:
    raw = b": comment\r\nevent: a\r\ndata: one\r\ndata: two\r\nid: 7\r\n\r\ndata:x\xe2\x80\xa8y\n\ndata\n\nevent: lonely\n\ndata: cut"

    async def pieces() -> AsyncIterator[bytes]:
        for byte in raw:
            yield bytes([byte])

    found = [event async for event in sse("llm/echo", httpx.Response(200, content=pieces()))]
    assert found == [("a", "one\ntwo"), ("", "x\u2028y"), ("", ""), ("", "cut")]


async def test_an_event_without_an_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("offhook.providers._vendor.LARGEST", 1_000)

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"data: " + b"x" * 500

    with pytest.raises(BadOutput):
        async with aclosing(sse("llm/echo", httpx.Response(200, content=endless()))) as events:
            await anext(events)


async def test_a_request_that_is_too_long_for_its_head_is_dropped(vendors: Vendors) -> None:
    async with await anyio.connect_tcp("127.0.0.1", vendors.port) as stream:
        await stream.send(b"x" * 200_000)
        with pytest.raises((anyio.EndOfStream, anyio.BrokenResourceError)):
            await stream.receive()
