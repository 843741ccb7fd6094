"""What a vendor's door and its close say of an account: the kind of error, whether to come again, and never the key."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from offhook.core.audio.format import MULAW_8K
from offhook.errors import OverQuota, ProviderError, Rejected, Unauthorized, Unavailable
from offhook.ports.stt import SttHints
from offhook.providers._vendor import Account, Socket, no_funds, open_socket, refusal
from offhook.providers.stt.assemblyai import AssemblyAi
from offhook.providers.tts.elevenlabs import ElevenLabsTts

KEY = "sk-1234567890"


@asynccontextmanager
async def vendor(code: int, reason: str, door: tuple[int, str] | None = None) -> AsyncIterator[Account]:
    """One that closes at once, or does not open."""

    async def close(connection: ServerConnection) -> None:
        await connection.close(code, reason)

    def answer(connection: ServerConnection, _request: Request) -> Response | None:
        return connection.respond(HTTPStatus(door[0]), door[1]) if door else None

    async with serve(close, "127.0.0.1", 0, process_request=answer) as server:
        yield Account("tts/any", f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}", KEY)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("code", "reason", "kind", "after"),
    [
        (1008, "max_active_conversations: limit reached", OverQuota, 1.0),
        (1008, "Too many concurrent sessions", OverQuota, 1.0),
        (1008, "quota_exceeded", OverQuota, None),
        (1008, "DATA-0000: cannot decode", Rejected, None),
        (1008, f"the key {KEY} may not do this", Rejected, None),
        (1011, "NET-0001", Unavailable, 0.0),
        (1013, "busy", Unavailable, 0.0),
    ],
)
async def test_a_close_and_its_reason(code: int, reason: str, kind: type[ProviderError], after: float | None) -> None:
    async with vendor(code, reason) as account:
        socket = await open_socket(account, account.base, {})
        with pytest.raises(ProviderError) as told:
            await socket.receive()
        await socket.aclose()
    assert (type(told.value), told.value.retry.after) == (kind, after)
    assert reason.split(":")[0].split(" sk-")[0] in told.value.detail
    assert KEY not in f"{told.value!r} {told.value} {told.value.detail}"


@pytest.mark.anyio
async def test_a_vendors_own_meaning_of_a_close_goes_before() -> None:
    async with vendor(1008, "whatever it says") as account:
        socket: Socket = await open_socket(account, account.base, {}, closes={1008: no_funds})
        with pytest.raises(OverQuota) as told:
            await socket.receive()
        await socket.aclose()
    assert told.value.retry.after is None


@pytest.mark.anyio
async def test_a_door_that_quotes_the_key() -> None:
    async with vendor(1000, "", (401, f"Incorrect key: {KEY}")) as account:
        with pytest.raises(Unauthorized) as told:
            await open_socket(account, account.base, {})
    assert "Incorrect key: ***" in told.value.detail
    assert KEY not in repr(account)


@pytest.mark.anyio
async def test_a_first_message_that_quotes_the_key() -> None:
    said = json.dumps({"type": "Error", "error_code": 4001, "error": f"the key {KEY} is not known"})

    async def refuse(connection: ServerConnection) -> None:
        await connection.send(said)
        await connection.wait_closed()

    async with serve(refuse, "127.0.0.1", 0) as server:
        base = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(Unauthorized) as told:
            await AssemblyAi(Account("stt/assemblyai", base, KEY), "").open(MULAW_8K, "en", SttHints())
        eleven = ElevenLabsTts(Account("tts/elevenlabs", base, KEY), voice="v", patience=1.0)
        session = await eleven.open("", "en", MULAW_8K)
        with pytest.raises(ProviderError) as later:
            await anext(aiter(session.speak(one_clause())))
        await session.aclose()
    for error in (told.value, later.value):
        assert "***" in error.detail
        assert KEY not in f"{error!r} {error.detail}"


async def one_clause() -> AsyncIterator[str]:
    yield "Good morning."


def test_what_headers_say_of_a_refusal_is_kept() -> None:
    found = refusal("stt/deepgram", 400, {"dg-error": "Bad Request: no such model", "dg-request-id": "r-1", "server": "x"})
    assert found.detail == "400  dg-error: Bad Request: no such model dg-request-id: r-1"


@pytest.mark.parametrize(
    ("status", "body", "kind", "after"),
    [
        (401, '{"detail": {"status": "quota_exceeded", "message": "none left"}}', OverQuota, None),
        (401, '{"detail": {"status": "invalid_api_key"}}', Unauthorized, None),
        (429, '{"error": {"code": "insufficient_quota"}}', OverQuota, None),
        (429, '{"error": {"code": "rate_limit_exceeded"}}', OverQuota, 1.0),
        (402, "", OverQuota, None),
        (422, '{"detail": [{"msg": "no such voice"}]}', Rejected, None),
    ],
)
def test_statuses_and_the_vendors_words(status: int, body: str, kind: type[ProviderError], after: float | None) -> None:
    found = refusal("tts/any", status, {}, body)
    assert (type(found), found.retry.after) == (kind, after)


def test_hiding_without_a_key_changes_nothing() -> None:
    hide: Callable[[str], str] = Account("llm/vllm", "http://127.0.0.1", "").hide
    assert hide("anything") == "anything"
