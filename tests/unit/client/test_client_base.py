"""What the client does when things go wrong, in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from fastapi.responses import Response
from tests.unit.client.shop import Shop, problem

from offhook.client import AsyncClient, Client
from offhook.client.base import Pages, Request, Retrying, Sender, part
from offhook.client.errors import (
    ApiError,
    Conflict,
    Fault,
    Invalid,
    NotFound,
    NotPermitted,
    NotSignedIn,
    PreconditionFailed,
    PreconditionRequired,
    RateLimited,
    ServerFault,
    Unavailable,
    Unexpected,
    Unreachable,
)
from offhook.errors import ConfigError

ROOM = Request("GET", "/room")


def sender(handler: Callable[[httpx.Request], httpx.Response], slept: list[float], **retrying: Any) -> Sender:
    """A sender whose other end is a function."""
    http = httpx.Client(transport=httpx.MockTransport(handler), base_url="http://here")
    return Sender(http, Retrying(**retrying), slept.append)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, NotSignedIn),
        (403, NotPermitted),
        (404, NotFound),
        (409, Conflict),
        (412, PreconditionFailed),
        (422, Invalid),
        (428, PreconditionRequired),
        (402, ApiError),
        (500, ServerFault),
        (502, ServerFault),
    ],
)
def test_refusals(sync: Any, shop: Shop, slept: list[float], status: int, kind: type[ApiError]) -> None:
    shop.answers = [problem(status, "the_code", "a sentence")]
    with pytest.raises(ApiError) as caught:
        sync.shop_settings.kinds()
    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.code, caught.value.public, str(caught.value)) == (
        status,
        "the_code",
        "a sentence",
        "a sentence",
    )
    assert not slept


def test_faults_say_where(sync: Any, made: ModuleType) -> None:
    with pytest.raises(Invalid) as caught:
        sync.baskets.list("s", limit="many").first()
    assert caught.value.faults == ()
    assert "many" in caught.value.detail, "FastAPI's own 422 is no problem document"
    error = problem(
        422, "invalid", "no", errors=[{"path": "script.say", "message": "is empty", "line": 4}, {"path": "x", "message": "y"}, 3]
    )
    with pytest.raises(Invalid) as caught:
        sender(lambda _: httpx.Response(422, content=bytes(error().body)), []).nothing(ROOM)
    assert caught.value.faults == (Fault("script.say", "is empty", 4), Fault("x", "y"))
    assert str(caught.value) == "no; script.say (line 4): is empty; x: y"


@pytest.mark.parametrize("body", [b"<html>", b"", b"[]", b'{"title": 4}', b'{"detail": "x"}', b"\xff"])
def test_refusals_that_are_no_problem_documents(body: bytes) -> None:
    with pytest.raises(ServerFault, match="502 without a reason") as caught:
        sender(lambda _: httpx.Response(502, content=body), []).nothing(ROOM)
    assert caught.value.detail == body.decode("utf-8", "replace")


def test_reading_is_tried_again(sync: Any, shop: Shop, slept: list[float]) -> None:
    shop.answers = [problem(503), problem(429, headers={"retry-after": "7"}), problem(503)]
    assert sync.shop_settings.kinds() == ["red"]
    assert slept == [0.25, 7.0, 1.0]
    assert len(shop.asked) == 4


def test_there_is_an_end_to_trying(sync: Any, shop: Shop, slept: list[float]) -> None:
    shop.answers = [problem(503)] * 9
    with pytest.raises(Unavailable):
        sync.shop_settings.kinds()
    assert slept == [0.25, 0.5, 1.0]


def test_a_long_wait_is_the_callers_to_decide(sync: Any, shop: Shop, slept: list[float]) -> None:
    shop.answers = [problem(429, headers={"retry-after": "3600"})]
    with pytest.raises(RateLimited) as caught:
        sync.shop_settings.kinds()
    assert caught.value.retry_after == 3600
    assert caught.value.retry.after == 3600
    assert not slept


def test_a_post_that_takes_a_key_is_sent_again_with_the_same_key(sync: Any, made: ModuleType, shop: Shop, slept: list[float]) -> None:
    shop.answers = [problem(503), problem(503)]
    sync.baskets.create("s", made.models.NewBasket())
    keys = [one.headers["idempotency-key"] for one in shop.asked]
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert len(keys[0]) == 32
    sync.baskets.create("s", made.models.NewBasket())
    assert shop.last.headers["idempotency-key"] != keys[0]
    sync.baskets.create("s", made.models.NewBasket(), idempotency_key="mine")
    assert shop.last.headers["idempotency-key"] == "mine"


def test_other_changes_are_never_sent_again(sync: Any, made: ModuleType, shop: Shop, slept: list[float]) -> None:
    shop.answers = [problem(503, headers={"retry-after": "1"})]
    with pytest.raises(Unavailable):
        sync.shop_settings.put(made.models.Settings(greeting="hi"), if_match="*")
    shop.answers = [problem(503)]
    with pytest.raises(Unavailable):
        sync.baskets.delete("s", "1", if_match="*")
    assert not slept
    assert len(shop.asked) == 2


def test_what_came_too_often_was_not_done_and_is_sent_again(sync: Any, made: ModuleType, shop: Shop, slept: list[float]) -> None:
    shop.answers = [problem(429, headers={"retry-after": "2"})]
    assert sync.shop_settings.put(made.models.Settings(greeting="hi"), if_match="*").etag == '"r2"'
    assert (slept, len(shop.asked)) == ([2.0], 2)


async def test_the_same_asynchronously(aio: Any, made: ModuleType, shop: Shop, slept: list[float]) -> None:
    shop.answers = [problem(503), problem(429, headers={"retry-after": "7"})]
    await aio.baskets.create("s", made.models.NewBasket())
    assert slept == [0.25, 7.0]
    assert len({one.headers["idempotency-key"] for one in shop.asked}) == 1
    shop.answers = [problem(503)]
    with pytest.raises(Unavailable):
        await aio.baskets.delete("s", "1", if_match="*")
    shop.answers = [problem(404, title="no such basket")]
    with pytest.raises(NotFound, match="no such basket"):
        await aio.baskets.picture("s", "1").read()


def test_a_lost_connection(slept: list[float]) -> None:
    seen: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("idempotency-key", ""))
        raise httpx.ConnectError("secret details") if len(seen) < 3 else httpx.ReadTimeout("slow")

    with pytest.raises(Unreachable, match="http://here did not answer in time"):
        sender(handler, slept, times=2).nothing(Request("POST", "/things", once=True))
    assert slept == [0.25, 0.5]
    assert len(set(seen)) == 1
    seen.clear()
    with pytest.raises(Unreachable, match="http://here cannot be reached") as caught:
        sender(handler, slept).nothing(Request("POST", "/things"))
    assert len(seen) == 1
    assert "secret details" not in str(caught.value)


def test_answers_that_nobody_described(slept: list[float]) -> None:
    with pytest.raises(Unexpected, match=r"/room .* the body: Input should be a valid integer") as caught:
        sender(lambda _: httpx.Response(200, json="very private"), slept).value(ROOM, int)
    assert "private" not in str(caught.value)
    with pytest.raises(Unexpected, match="another place"):
        sender(lambda _: httpx.Response(302, headers={"location": "http://there/"}), slept).nothing(ROOM)
    with pytest.raises(Unexpected, match="same page again"):
        list(Pages(sender(lambda _: httpx.Response(200, json={"data": [], "next_cursor": "c"}), slept), ROOM, int))


def test_a_file_that_breaks_off_leaves_nothing(tmp_path: Path, slept: list[float]) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"half"
        raise httpx.ReadError("gone")

    file = sender(lambda _: httpx.Response(200, content=pieces()), slept).file(ROOM)
    with pytest.raises(Unreachable):
        file.save(tmp_path / "recording.wav")
    assert not list(tmp_path.iterdir())


def test_a_file_elsewhere_is_fetched_without_the_token(slept: list[float]) -> None:
    seen: list[tuple[str, bool]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append((request.url.host, "authorization" in request.headers))
        return httpx.Response(200, content=b"RIFF") if len(seen) == 2 else httpx.Response(302, headers={"location": "http://files/x"})

    http = httpx.Client(transport=httpx.MockTransport(handler), base_url="http://here", headers={"authorization": "Bearer t"})
    assert Sender(http, Retrying(), slept.append).file(ROOM).read() == b"RIFF"
    assert seen == [("here", True), ("files", False)]


def test_secrets_do_not_show() -> None:
    with Client("https://voice.example.com/", "ok_live_secret") as client:
        assert "ok_live_secret" not in f"{client!r} {vars(client)!r} {client._http.headers!r}"
        assert client._http.headers["authorization"] == "Bearer ok_live_secret"


async def test_the_asynchronous_client() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == "Bearer t"
        return httpx.Response(200, json={"status": "ok"})

    async with AsyncClient("http://127.0.0.1:8080", "t", transport=httpx.MockTransport(handler)) as client:
        assert repr(client) == "AsyncClient('http://127.0.0.1:8080')"
        assert await client.health.healthz() == {"status": "ok"}


@pytest.mark.parametrize("url", ["", "voice.example.com", "ftp://x", "http://", "http://a:port", "localhost:8080"])
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(ConfigError, match="no address of an orchestrator"):
        Client(url)


@pytest.mark.parametrize("token", ["a\nb", "ä"])
def test_tokens_that_are_none(token: str) -> None:
    with pytest.raises(ConfigError, match="characters that no token has"):
        Client("http://here", token)


def test_parts_of_paths() -> None:
    assert part("../x?y#z%") == "..%2Fx%3Fy%23z%25"
    assert part(3) == "3"
    for none in ("", ".", ".."):
        with pytest.raises(ConfigError, match="is no id"):
            part(none)


def test_a_refused_download_is_read(sync: Any, shop: Shop) -> None:
    shop.answers = [Response(b"no", 404)]
    with pytest.raises(NotFound) as caught:
        sync.baskets.picture("s", "1").read()
    assert caught.value.detail == "no"
