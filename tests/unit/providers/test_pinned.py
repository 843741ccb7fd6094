"""Accounts of tenants at addresses of their own: to what was looked up and checked, under the name, and nowhere else. On real sockets."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.abc
import pytest
from anyio.streams.tls import TLSStream
from tests.e2e.certificates import certificate
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from offhook.errors import ConfigError, ProviderError, Rejected, Unavailable
from offhook.inference import InferencePool
from offhook.providers import _vendor
from offhook.providers._vendor import Account, Http, account, open_socket
from offhook.reach import Reach
from offhook.registry import ProviderContext
from offhook.weights import ModelStore

KEY = "key-of-a-tenant-1"
HERE = "127.0.0.0/8"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
BODY = b'{"a":1}'


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Names:
    """A resolver; each further look-up of a name takes its next answer, the last one stays."""

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        self.asked: list[str] = []
        self._answers = {name.replace("_", "."): list(found) for name, found in answers.items()}

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        left = self._answers.get(host)
        if not left:
            raise OSError("no such name")
        return left.pop(0) if len(left) > 1 else left[0]


def whose(base: str, reach: Reach) -> Account:
    return Account("llm/openai", base, KEY, reach)


def reach(names: Names, *hosts: str) -> Reach:
    return Reach(Reach.of(hosts).rules, names)


@asynccontextmanager
async def server(context: ssl.SSLContext | None = None) -> AsyncIterator[tuple[int, list[bytes]]]:
    """An HTTP server on loopback; its port, and what it was asked."""
    heads: list[bytes] = []

    async def one(raw: anyio.abc.SocketStream) -> None:
        async with raw:
            stream: anyio.abc.ByteStream = raw
            try:
                if context is not None:
                    stream = await TLSStream.wrap(raw, server_side=True, ssl_context=context, standard_compatible=False)
                while True:
                    request = b""
                    while not request.endswith(BODY):
                        request += await stream.receive()
                    heads.append(request)
                    await stream.send(OK)
            except (anyio.EndOfStream, anyio.BrokenResourceError, ssl.SSLError):
                return

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, one)
        try:
            yield listener.extra(anyio.abc.SocketAttribute.local_port), heads  # noqa: S610
        finally:
            group.cancel_scope.cancel()


async def posts(client: Http, path: str = "/chat") -> int:
    async with client.post(client.account.http(path), {"a": 1}) as response:
        return response.status_code


# -- what a name answers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("found", ["127.0.0.1", "169.254.169.254", "10.0.0.7", "::1", "fd00:ec2::254", "168.63.129.16", "::ffff:127.0.0.1"])
async def test_a_name_that_turns_inside_is_never_connected_to(found: str) -> None:
    async with server() as (port, heads):
        names = Names(api_example_com=[[found]])
        here = whose(f"https://api.example.com:{port}", reach(names))
        client = Http(here, {})
        with pytest.raises(Rejected, match="not on the public internet") as http:
            await posts(client)
        with pytest.raises(Rejected, match="not on the public internet") as ws:
            await open_socket(here, here.ws("/listen"), {})
        assert not await client.get(here.http("/"))
        await client.aclose()
        assert (heads, names.asked) == ([], ["api.example.com"] * 3)
        assert KEY not in f"{http.value!r}{http.value.detail}{ws.value!r}{ws.value.detail}"


async def test_one_bad_address_among_good_ones_is_enough() -> None:
    here = whose("https://api.example.com", reach(Names(api_example_com=[["93.184.215.14", "127.0.0.1"]])))
    with pytest.raises(Rejected):
        await open_socket(here, here.ws("/"), {})


async def test_a_name_that_nobody_knows_is_unavailable() -> None:
    here = whose("https://api.example.com", reach(Names()))
    client = Http(here, {})
    with pytest.raises(Unavailable, match="no address"):
        await posts(client)
    with pytest.raises(Unavailable, match="no address"):
        await open_socket(here, here.ws("/"), {})
    await client.aclose()


async def test_requests_go_to_what_was_checked_and_not_to_what_the_name_answers_later() -> None:
    async with server() as (port, heads):
        names = Names(vllm_lan=[["127.0.0.1"], ["127.0.0.2"]])
        client = Http(whose(f"http://vllm.lan:{port}/v1", reach(names, HERE)), {"authorization": f"Bearer {KEY}"})
        assert [await posts(client), await posts(client)] == [200, 200]
        await client.aclose()
    assert names.asked == ["vllm.lan"]
    assert len(heads) == 2
    lines = heads[0].decode().lower().split("\r\n")
    assert lines[0] == "post /v1/chat http/1.1"
    assert [line for line in lines if line.startswith("host:")] == [f"host: vllm.lan:{port}"]


async def test_the_next_address_is_tried_and_a_dead_name_is_looked_up_anew() -> None:
    async with server() as (port, heads):
        names = Names(vllm_lan=[["127.0.0.9", "127.0.0.1"], ["127.0.0.9"]])
        client = Http(whose(f"http://vllm.lan:{port}", reach(names, "VLLM.lan")), {})
        assert await posts(client) == 200
        assert await posts(client) == 200
        assert len(heads) == 2
    with pytest.raises(Unavailable):
        await posts(client)
    assert names.asked == ["vllm.lan"]
    with pytest.raises(Unavailable):
        await posts(client)
    assert names.asked == ["vllm.lan"] * 2
    await client.aclose()


async def test_a_socket_is_opened_at_the_checked_address_under_the_name() -> None:
    seen: list[str] = []

    async def echo(connection: ServerConnection) -> None:
        assert connection.request is not None
        seen.append(connection.request.headers["host"])
        await connection.send(await connection.recv())

    async with serve(echo, "127.0.0.1", 0) as running:
        port = running.sockets[0].getsockname()[1]
        here = whose(f"ws://stt.lan:{port}", reach(Names(stt_lan=[["127.0.0.9", "127.0.0.1"]]), HERE))
        socket = await open_socket(here, here.ws("/listen"), {})
        await socket.send("one")
        assert await socket.receive() == "one"
        await socket.aclose()
    assert seen == [f"stt.lan:{port}"]


async def test_no_redirect_is_followed_by_a_socket() -> None:
    elsewhere: list[str] = []

    def there(_: ServerConnection, request: Request) -> None:
        elsewhere.append(request.path)

    async def unused(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async with serve(unused, "127.0.0.1", 0, process_request=there) as other:
        url = f"ws://127.0.0.1:{other.sockets[0].getsockname()[1]}/inside"

        def away(connection: ServerConnection, _: Request) -> Response:
            answer = connection.respond(302, "")
            answer.headers["Location"] = url
            return answer

        async with serve(unused, "127.0.0.1", 0, process_request=away) as first:
            base = f"ws://127.0.0.1:{first.sockets[0].getsockname()[1]}"
            for mine in (Account("stt/x", base, KEY), whose(base, reach(Names(), HERE))):
                with pytest.raises(ProviderError, match="302"):
                    await open_socket(mine, mine.ws("/"), {})
    assert elsewhere == []


# -- certificates -----------------------------------------------------------------------------------------------------


@pytest.fixture
def believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ssl.SSLContext]]:
    """Certificates for names, which the process believes."""
    folder = tmp_path / "ca"

    def make(name: str) -> ssl.SSLContext:
        path = certificate(folder, name)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(path)
        monkeypatch.setenv("SSL_CERT_FILE", str(path))
        _vendor.trust.cache_clear()
        return context

    yield make
    _vendor.trust.cache_clear()


async def test_the_certificate_must_be_the_names_not_the_addresss(believed: Callable[[str], ssl.SSLContext]) -> None:
    async with server(believed("api.example.com")) as (port, heads):
        right = Http(whose(f"https://api.example.com:{port}", reach(Names(api_example_com=[["127.0.0.1"]]), "api.example.com")), {})
        assert await posts(right) == 200
        wrong = Http(whose(f"https://other.example.com:{port}", reach(Names(other_example_com=[["127.0.0.1"]]), "other.example.com")), {})
        with pytest.raises(Unavailable):
            await posts(wrong)
        with pytest.raises(Unavailable):
            await open_socket(wrong.account, wrong.account.ws("/"), {})
        assert len(heads) == 1
        await right.aclose()
        await wrong.aclose()


# -- what an account may be -------------------------------------------------------------------------------------------


def made(base: str, *hosts: str, theirs: bool = True, key: str = KEY) -> Account:
    env = {"VLLM_BASE_URL": base, "VLLM_API_KEY": key}
    context = ProviderContext(InferencePool(inline=True), ModelStore(None), env, frozenset(env) if theirs else frozenset(), Reach.of(hosts))
    return account(context, "llm/vllm", "vllm", "http://127.0.0.1:8000/v1", keyless=True)


@pytest.mark.parametrize(
    "base",
    [
        "https://127.0.0.1:9", "http://127.0.0.1:9", "ws://localhost:9", "https://169.254.169.254", "https://[::1]", "https://vllm.lan",
        "https://metadata.google.internal", "https://2130706433", "https://u:p@example.com", "http://gpu.example.com", "https://[::1",
        "wss://10.1.2.3",
    ],
)  # fmt: skip
def test_a_tenants_address_is_public_and_by_tls(base: str) -> None:
    with pytest.raises(ConfigError, match="VLLM_BASE_URL") as refused:
        made(base, key="")
    assert KEY not in str(refused.value)


@pytest.mark.parametrize(
    ("base", "host"),
    [
        ("https://10.1.2.3:8000/v1", "10.1.0.0/16"), ("http://10.1.2.3:8000/v1", "10.1.2.3"), ("http://vllm.lan:8000/v1", "vllm.lan"),
        ("http://gpu.example.com", "GPU.example.com"), ("ws://[fd00::7]:9", "fd00::/8"), ("http://vllm:8000", "10.1.0.0/16"),
    ],
)  # fmt: skip
def test_the_operator_lists_its_own_hosts(base: str, host: str) -> None:
    found = made(base, host, key="")
    assert (found.base, found.reach is not None) == (base, True)
    with pytest.raises(ConfigError, match="VLLM_BASE_URL"):
        made(base, "10.9.0.0/16" if "10.1" in base else "other.lan", key="")


def test_an_address_of_the_processs_own_is_trusted_and_so_is_the_vendors() -> None:
    assert made("http://127.0.0.1:9", theirs=False).reach is None
    assert made("", key="").reach is None
    assert made("https://gpu.example.com").reach is not None


@pytest.mark.parametrize("host", ["", "10.1.0.0/33", "http://vllm.lan", "vllm lan", "*.lan", "10.1.2.3/16"])
def test_what_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(ConfigError, match="is no host"):
        Reach.of([host])
