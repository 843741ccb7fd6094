"""Requests through the guard, to real sockets: to the checked address, under the name, and no further."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.abc
import anyio.streams.tls
import httpx
import pytest
from tests.e2e.certificates import certificate

from offhook.addresses import Rules
from offhook.errors import ConfigError
from offhook.orchestrator.hooks.guard import Guard, NoAnswer
from offhook.orchestrator.settings import OrchestratorSettings
from offhook.reach import Lookup

HERE = (ipaddress.ip_network("127.0.0.0/8"),)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Serve = Callable[[anyio.abc.ByteStream, bytes], Awaitable[None]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def names(**found: Sequence[str]) -> Callable[[str, int], Awaitable[Sequence[str]]]:
    """A resolver that knows these names; dots are written ``_``."""

    async def resolve(host: str, port: int) -> Sequence[str]:
        try:
            return found[host.replace(".", "_")]
        except KeyError:
            raise OSError("no such name") from None

    return resolve


def guard(resolve: Callable[[str, int], Awaitable[Sequence[str]]], *, http: bool = True) -> Guard:
    return Guard(Rules(http=http, ports=frozenset(), networks=HERE), resolve)


async def answer(stream: anyio.abc.ByteStream, request: bytes) -> None:
    await stream.send(OK)


@asynccontextmanager
async def server(serve: Serve = answer, context: ssl.SSLContext | None = None) -> AsyncIterator[tuple[int, list[bytes]]]:
    """A server on loopback; its port, and the heads of the requests that came."""
    heads: list[bytes] = []

    async def one(raw: anyio.abc.SocketStream) -> None:
        async with raw:
            stream: anyio.abc.ByteStream = raw
            try:
                if context is not None:
                    stream = await anyio.streams.tls.TLSStream.wrap(raw, server_side=True, ssl_context=context, standard_compatible=False)
                head = b""
                while b"\r\n\r\n" not in head and not head.startswith(b"\x16"):  # or a TLS client's hello
                    head += await stream.receive()
                heads.append(head)
                await serve(stream, head)
            except (anyio.EndOfStream, anyio.BrokenResourceError, ssl.SSLError):
                return

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with anyio.create_task_group() as group:
        group.start_soon(listener.serve, one)
        yield listener.extra(anyio.abc.SocketAttribute.local_port), heads  # noqa: S610
        group.cancel_scope.cancel()
    await listener.aclose()


async def trouble(of: Guard, url: str, *, within: float = 60.0) -> str:
    with pytest.raises(NoAnswer) as caught:
        await of.request("POST", url, headers={}, content=b"{}", within=within)
    assert caught.value.sentence
    return caught.value.trouble


async def test_the_name_is_asked_for_at_the_checked_address() -> None:
    async with server() as (port, heads):
        got = await guard(names(hooks_example_com=["127.0.0.1"])).request(
            "POST", f"http://hooks.example.com:{port}/a?b=%20c", headers={"x-one": "1"}, content=b"hello"
        )
    assert (got.status, got.body, got.cut) == (200, b"ok", False)
    [head] = heads
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /a?b=%20c HTTP/1.1"
    assert f"Host: hooks.example.com:{port}" in lines
    assert "x-one: 1" in lines
    assert "accept-encoding: identity" in lines
    assert not [line for line in lines if line.lower().startswith(("cookie", "authorization"))]
    assert len([line for line in lines if line.lower().startswith("host:")]) == 1
    assert head.endswith(b"hello")


@pytest.mark.parametrize(
    "found",
    [
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["100.64.0.1"],
        ["0.0.0.0"],  # noqa: S104
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["2002:7f00:1::"],
        ["fd00::1"],
        ["fe80::1%eth0"],
        ["93.184.215.14", "192.168.0.1"],
        ["not an address"],
    ],
    ids=str,
)
async def test_a_name_that_answers_an_inside_address_is_refused_without_connecting(found: list[str]) -> None:
    assert await trouble(guard(names(evil_example_com=found)), "https://evil.example.com/") == "address"


async def test_a_private_name_may_be_answered_by_the_operators_own_networks_only() -> None:
    """Else a name of the inside could be made to lead outside, and signed data with it."""
    async with server() as (port, _):
        inside = guard(names(crm=["127.0.0.1"], crm_internal=["93.184.215.14"]))
        assert (await inside.request("GET", f"http://crm:{port}/", headers={})).status == 200
        assert await trouble(inside, "http://crm.internal/") == "address"


async def test_a_name_that_changes_its_answer_is_looked_up_once() -> None:
    """DNS rebinding: the second answer would be an address inside."""
    asked = []

    async def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    async with server() as (port, heads):
        of = guard(rebinding)
        url = f"http://rebind.example.com:{port}/"
        assert (await of.request("GET", url, headers={})).status == 200
        assert await trouble(of, url) == "address"
    assert len(asked) == 2
    assert len(heads) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_and_not_followed(status: int) -> None:
    async def redirect(stream: anyio.abc.ByteStream, request: bytes) -> None:
        location = b"http://" + b"169.254.169.254/latest/"
        await stream.send(b"HTTP/1.1 %d Go\r\nLocation: %s\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n" % (status, location))

    async with server(redirect) as (port, heads):
        got = await guard(names(a_example=["127.0.0.1"])).request("POST", f"http://a.example:{port}/", headers={}, content=b"x")
        assert got.status == status
        assert len(heads) == 1


async def test_the_environments_proxy_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with server() as (port, heads), server() as (proxy, asked):
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
        assert (await guard(names(a_example=["127.0.0.1"])).request("GET", f"http://a.example:{port}/", headers={})).status == 200
        assert (len(heads), asked) == (1, [])


async def test_what_is_wrong_is_named() -> None:
    async def silent(stream: anyio.abc.ByteStream, request: bytes) -> None:
        await anyio.sleep(30)

    async def dripping(stream: anyio.abc.ByteStream, request: bytes) -> None:
        await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            await stream.send(b".")
            await anyio.sleep(0.05)

    async def reset(stream: anyio.abc.ByteStream, request: bytes) -> None:
        return

    async def half(stream: anyio.abc.ByteStream, request: bytes) -> None:
        await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")

    async def garbage(stream: anyio.abc.ByteStream, request: bytes) -> None:
        await stream.send(b"SSH-2.0-OpenSSH_9.6\r\n\r\n")

    async def endless_head(stream: anyio.abc.ByteStream, request: bytes) -> None:
        await stream.send(b"HTTP/1.1 200 OK\r\n")
        while True:
            await stream.send(b"X: " + b"a" * 4_000 + b"\r\n")

    of = guard(names(a_example=["127.0.0.1"]))
    for serve, said in (
        (reset, "broken"),
        (half, "broken"),
        (garbage, "broken"),
        (endless_head, "broken"),
    ):
        async with server(serve) as (port, _):
            assert await trouble(of, f"http://a.example:{port}/", within=60.0) == said, serve
            free = port
    for serve in (silent, dripping):
        async with server(serve) as (port, _):
            assert await trouble(of, f"http://a.example:{port}/", within=0.3) == "timeout", serve
    assert await trouble(of, f"http://a.example:{free}/") == "connect"
    assert await trouble(of, "http://unknown.example/") == "dns"
    assert await trouble(of, "http://127.0.0.1@10.0.0.1/") == "url"
    assert await trouble(guard(names(none_example=[])), "http://none.example/") == "dns"

    async def never(host: str, port: int) -> Sequence[str]:
        await anyio.sleep(60)
        return []

    assert await trouble(guard(never), "http://slow.example/", within=0.1) == "timeout"


async def test_no_more_is_read_than_asked_for_and_nothing_is_unpacked() -> None:
    sent = 0

    async def huge(stream: anyio.abc.ByteStream, request: bytes) -> None:
        nonlocal sent
        await stream.send(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n")
        for _ in range(4_000):
            await stream.send(b"x" * 65_536)
            sent += 65_536

    async with server(huge) as (port, _):
        got = await guard(names(a_example=["127.0.0.1"])).request("GET", f"http://a.example:{port}/", headers={}, most=1_000)
    assert (got.status, got.body, got.cut) == (200, b"x" * 1_000, True)
    assert sent < 64_000_000


async def test_the_next_address_is_tried_where_nobody_is_at_the_first() -> None:
    async with server() as (port, _):
        of = guard(names(two_example=["127.0.0.2", "127.0.0.1"]))
        assert (await of.request("GET", f"http://two.example:{port}/", headers={})).status == 200


async def test_the_certificate_must_be_the_names(tmp_path: Path) -> None:
    path = certificate(tmp_path, "good.example")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)
    shown: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: shown.append(name)
    rules = Rules(ports=frozenset(), networks=HERE)
    trust = ssl.create_default_context(cafile=str(path))
    found = names(good_example=["127.0.0.1"], bad_example=["127.0.0.1"])
    async with server(context=context) as (port, _):
        trusting = Guard(rules, found, trust)
        assert (await trusting.request("POST", f"https://good.example:{port}/", headers={})).status == 200
        assert await trouble(trusting, f"https://bad.example:{port}/") == "tls"
        assert await trouble(trusting, f"https://127.0.0.1:{port}/") == "tls"
        assert await trouble(Guard(rules, found), f"https://good.example:{port}/") == "tls"
    assert shown[:2] == ["good.example", "bad.example"]
    async with server() as (port, _):
        assert await trouble(trusting, f"https://good.example:{port}/") == "tls"


async def test_a_client_of_httpx_is_guarded_by_the_transport() -> None:
    async with server() as (port, heads):
        of = guard(names(a_example=["127.0.0.1"], evil_example=["10.0.0.1"]))
        async with httpx.AsyncClient(transport=of.transport(), trust_env=False) as client:
            assert (await client.post(f"http://a.example:{port}/x", json={"a": 1})).text == "ok"
            with pytest.raises(NoAnswer):
                await client.get("http://evil.example/")
            with pytest.raises(NoAnswer):
                await client.get("http://169.254.169.254/latest/")
    assert heads[0].startswith(b"POST /x HTTP/1.1\r\n")


async def test_the_systems_resolver_is_asked() -> None:
    assert set(await Lookup()("localhost", 80)) <= {"127.0.0.1", "::1"}


def test_as_the_operator_has_set_it(tmp_path: Path) -> None:
    made = Guard.of(OrchestratorSettings(secret="s", webhook_networks=("10.1.0.0/16",), webhook_ports=(443, 8443)))
    assert made.check("https://10.1.0.5:8443/").url == "https://10.1.0.5:8443/"
    assert not Guard.of(OrchestratorSettings(secret="s")).rules.http
    for wrong in ({"webhook_networks": ("10.1.0.1/16",)}, {"webhook_networks": ("here",)}, {"webhook_ca": tmp_path / "none.pem"}):
        with pytest.raises(ConfigError, match="OFFHOOK_ORCHESTRATOR_WEBHOOK"):
            Guard.of(OrchestratorSettings(secret="s", **wrong))
