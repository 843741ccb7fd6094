"""The client of adapters and its pacer, in virtual time: room, order, repeats, renewal, limits, and what is kept."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import httpx
import pytest

from offhook.adapters.http import (
    LIVE_S,
    LONGEST_WAIT_S,
    MOST,
    READ_S,
    TRIES,
    WRITE_S,
    Exchange,
    FixedSigner,
    Http,
    Pace,
    Pacer,
    Priority,
    Signer,
    retry_after,
)
from offhook.errors import (
    AdapterConflict,
    AdapterError,
    AdapterNotFound,
    AdapterRateLimited,
    AdapterRejected,
    AdapterUnauthorized,
    AdapterUnavailable,
    Retry,
)
from offhook.testing.clock import VIRTUAL_TIME

BASE = "https://api.example/v1"
NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
Answer = httpx.Response | Exception | float
"""A reply, an error, or seconds of silence before an empty reply."""


@pytest.fixture
def anyio_backend() -> tuple[str, Mapping[str, Any]]:
    return VIRTUAL_TIME


class Far(httpx.AsyncBaseTransport):
    """A system that gives these answers, the last one for ever."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers) or [httpx.Response(200, json={"ok": True})]
        self.seen: list[httpx.Request] = []
        self.times: list[float] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append(request)
        self.times.append(anyio.current_time())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, float):
            await anyio.sleep(answer)
            return httpx.Response(200, content=b"{}")
        return httpx.Response(answer.status_code, headers=answer.headers, stream=answer.stream)


class Renewing:
    """A signer whose headers change with each renewal, as long as there are any."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)
        self.renewals = 0

    async def headers(self) -> Mapping[str, str]:
        return {"authorization": f"Bearer {self.tokens[0]}"}

    async def renew(self, used: Mapping[str, str]) -> bool:
        self.renewals += 1
        if len(self.tokens) > 1:
            self.tokens.pop(0)
            return True
        return False


class Kept:
    """A tap."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []

    async def keep(self, exchange: Exchange) -> None:
        await anyio.lowlevel.checkpoint()
        self.exchanges.append(exchange)


def http(
    far: Far,
    *,
    signer: Signer | None = None,
    paces: tuple[Pace, ...] = (),
    pacer: Pacer | None = None,
    priority: Priority = "work",
    tap: Kept | None = None,
    base: str = BASE,
) -> Http:
    client = httpx.AsyncClient(transport=far, trust_env=False)
    kept = tap or Kept()
    return Http("crm/x", base, client, signer or FixedSigner(), pacer or Pacer(paces), priority=priority, tap=kept.keep, now=lambda: NOW)


def reply(status: int, body: bytes = b"{}", **headers: str) -> httpx.Response:
    return httpx.Response(status, headers={name.replace("_", "-"): value for name, value in headers.items()}, content=body)


# -- the pacer ----------------------------------------------------------------------------------------------------------------------


async def test_a_window_takes_so_many_and_the_next_when_the_first_has_left_it() -> None:
    far = Far()
    asked = http(far, paces=(Pace(3, 6),))
    for _ in range(7):
        await asked.get("/x")
    assert far.times == [0, 0, 0, 6, 6, 6, 12]


async def test_all_paces_hold_at_once() -> None:
    far = Far()
    asked = http(far, paces=(Pace(2, 1), Pace(3, 9)))
    for _ in range(6):
        await asked.get("/x")
    assert far.times == [0, 0, 1, 9, 9, 10]


async def test_only_so_many_are_on_their_way_at_once() -> None:
    far = Far(2.0)
    pacer = Pacer((Pace(2, 0),))
    asked = http(far, pacer=pacer)
    most = 0

    async def one() -> None:
        await asked.get("/x")

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(one)
        await anyio.sleep(1)
        most = pacer.inside
    assert most == 2
    assert far.times == [0, 0, 2, 2, 4]
    assert pacer.inside == 0


async def test_whoever_has_a_caller_waiting_goes_first() -> None:
    far = Far()
    pacer = Pacer((Pace(1, 1),))
    work, live = http(far, pacer=pacer), http(far, pacer=pacer, priority="live")

    async def ask(who: Http, path: str) -> None:
        await who.get(path)

    async with anyio.create_task_group() as group:
        for n in range(4):
            group.start_soon(ask, work, f"/work{n}")
        await anyio.sleep(0.5)
        group.start_soon(ask, live, "/live0")
        group.start_soon(ask, live, "/live1")
    assert [one.url.path.removeprefix("/v1/") for one in far.seen] == ["work0", "live0", "live1", "work1", "work2", "work3"]
    assert far.times == [0, 1, 2, 3, 4, 5]


async def test_a_live_request_does_not_wait_longer_than_its_caller() -> None:
    far = Far()
    pacer = Pacer((Pace(1, 60),))
    await http(far, pacer=pacer).get("/x")
    with pytest.raises(AdapterRateLimited) as caught:
        await http(far, pacer=pacer, priority="live").get("/x")
    assert anyio.current_time() == 0
    assert caught.value.retry.after == 60
    assert len(far.seen) == 1


async def test_work_that_finds_no_room_goes_back_with_the_time_to_wait() -> None:
    far = Far()
    asked = http(far, paces=(Pace(1, 100),))
    await asked.get("/x")
    with pytest.raises(AdapterRateLimited) as caught:
        await asked.get("/x")
    assert caught.value.retry.after == 100
    assert anyio.current_time() == 0
    await anyio.sleep(100 - LONGEST_WAIT_S)
    await asked.get("/x")
    assert far.times == [0, 100]


async def test_work_behind_others_is_not_sent_away_for_an_hour() -> None:
    far = Far(1_000.0)
    pacer = Pacer((Pace(1, 0),))
    asked = http(far, pacer=pacer)
    async with anyio.create_task_group() as group:

        async def blocks() -> None:
            with pytest.raises(AdapterUnavailable):
                await asked.send("POST", "/slow")

        group.start_soon(blocks)
        await anyio.sleep(1)
        with pytest.raises(AdapterRateLimited) as caught:
            await http(far, pacer=pacer).get("/x")
        assert caught.value.retry.after == 1
        assert anyio.current_time() == 1 + LONGEST_WAIT_S
    assert anyio.current_time() == WRITE_S


async def test_who_is_told_to_wait_makes_everybody_wait() -> None:
    far = Far(reply(429, retry_after="5"), reply(200))
    pacer = Pacer(())
    asked, other = http(far, pacer=pacer), http(far, pacer=pacer)
    async with anyio.create_task_group() as group:

        async def first() -> None:
            await asked.get("/first")

        group.start_soon(first)
        await anyio.sleep(1)
        await other.get("/second")
    assert far.times == [0, 5, 5]


async def test_one_who_leaves_the_queue_leaves_room() -> None:
    far = Far()
    pacer = Pacer((Pace(1, 2),))
    await http(far, pacer=pacer).get("/x")
    with anyio.move_on_after(1):
        await http(far, pacer=pacer, priority="live").get("/given-up")
    await http(far, pacer=pacer).get("/y")
    assert [one.url.path for one in far.seen] == ["/v1/x", "/v1/y"]
    assert (far.times, pacer.inside) == ([0, 2], 0)


async def test_a_request_that_is_left_leaves_no_one_inside() -> None:
    far, kept = Far(5.0), Kept()
    pacer = Pacer((Pace(1, 0),))
    with anyio.move_on_after(1):
        await http(far, pacer=pacer, tap=kept).get("/x")
    assert pacer.inside == 0
    assert [one.status for one in kept.exchanges] == [None]


# -- repeats ------------------------------------------------------------------------------------------------------------------------


async def test_what_reads_is_asked_again_and_what_writes_is_not() -> None:
    far = Far(reply(500), httpx.ReadError("gone"), reply(200, b'{"n": 1}'))
    assert await http(far).get("/x") == {"n": 1}
    assert far.times == [0, 1, 2]
    for wanted, many in ((None, 1), (True, TRIES)):
        far = Far(reply(503))
        with pytest.raises(AdapterUnavailable):
            await http(far).send("POST", "/x", body={}, repeat=wanted)
        assert len(far.seen) == many
    far = Far(reply(503), reply(200))
    await http(far).send("POST", "/search", body={}, reads=True)
    assert len(far.seen) == 2


async def test_what_was_refused_for_its_number_is_sent_again_whatever_it_is() -> None:
    far = Far(reply(429, retry_after="3"), reply(201))
    assert (await http(far).send("POST", "/x", body={})).status == 201
    assert far.times == [0, 3]


async def test_a_long_wait_is_the_queues() -> None:
    far = Far(reply(429, retry_after="11"))
    with pytest.raises(AdapterRateLimited) as caught:
        await http(far).get("/x")
    assert (caught.value.retry.after, len(far.seen), anyio.current_time()) == (11, 1, 0)


async def test_nothing_is_asked_again_while_a_caller_waits() -> None:
    far = Far(reply(500), reply(200))
    with pytest.raises(AdapterUnavailable):
        await http(far, priority="live").get("/x")
    assert len(far.seen) == 1


# -- authorisation ------------------------------------------------------------------------------------------------------------------


async def test_an_authorisation_is_renewed_once_for_each_request() -> None:
    far = Far(reply(401), reply(200), reply(401))
    signer = Renewing("one", "two", "three")
    asked = http(far, signer=signer)
    await asked.get("/x")
    assert [one.headers["authorization"] for one in far.seen] == ["Bearer one", "Bearer two"]
    with pytest.raises(AdapterUnauthorized):
        await asked.get("/x")
    assert (signer.renewals, len(far.seen)) == (2, 4)


async def test_what_may_not_be_done_is_no_reason_to_renew() -> None:
    far, signer = Far(reply(403)), Renewing("one", "two")
    with pytest.raises(AdapterUnauthorized):
        await http(far, signer=signer).get("/x")
    assert (signer.renewals, len(far.seen)) == (0, 1)


async def test_a_renewal_does_not_use_up_a_try() -> None:
    far = Far(reply(500), reply(401), reply(500), reply(200))
    await http(far, signer=Renewing("one", "two")).get("/x")
    assert len(far.seen) == 4


async def test_the_authorisation_goes_nowhere_else() -> None:
    far = Far()
    asked = http(far, signer=Renewing("one"))
    for other in (
        "https://evil.example/v1/x",
        "http://api.example/v1/x",
        "https://api.example:8443/v1/x",
        "https://api.example@evil.example/x",
        "https://api.example.evil.example/",
        "https://[bad",
    ):
        with pytest.raises(AdapterRejected):
            await asked.get(other)
    assert far.seen == []
    await asked.get("https://api.example/elsewhere")
    await asked.get("@evil.example/x")
    await asked.get("//evil.example/x")
    assert {one.url.host for one in far.seen} == {"api.example"}
    free = http(Far(), base="")
    assert await free.get("https://anywhere.example/") == {"ok": True}


# -- time -----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("priority", "method", "reads", "seconds"),
    [("work", "GET", False, READ_S), ("work", "POST", True, READ_S), ("work", "POST", False, WRITE_S), ("live", "POST", False, LIVE_S)],
)
async def test_a_request_has_its_time(priority: Priority, method: str, reads: bool, seconds: float) -> None:
    far = Far(3_600.0)
    with pytest.raises(AdapterUnavailable):
        await http(far, priority=priority).send(method, "/x", reads=reads, repeat=False)
    assert anyio.current_time() == seconds


async def test_an_answer_that_trickles_has_no_more_time_than_another() -> None:
    async def trickle() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await anyio.sleep(1)

    far = Far(httpx.Response(200, content=trickle()))
    with pytest.raises(AdapterUnavailable):
        await http(far).send("GET", "/x", repeat=False)
    assert anyio.current_time() == READ_S


# -- answers ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (301, AdapterRejected),
        (400, AdapterRejected),
        (401, AdapterUnauthorized),
        (403, AdapterUnauthorized),
        (404, AdapterNotFound),
        (408, AdapterUnavailable),
        (409, AdapterConflict),
        (410, AdapterNotFound),
        (412, AdapterConflict),
        (422, AdapterRejected),
        (429, AdapterRateLimited),
        (500, AdapterUnavailable),
        (599, AdapterUnavailable),
    ],
)
async def test_statuses_have_errors(status: int, expected: type[AdapterError]) -> None:
    with pytest.raises(expected) as caught:
        await http(Far(reply(status, b'{"secret": "of Maggie"}'))).send("POST", "/x", repeat=False)
    assert type(caught.value) is expected
    assert "Maggie" not in caught.value.public + repr(caught.value)
    assert "Maggie" in caught.value.detail


async def test_statuses_that_are_no_error_are_given() -> None:
    got = await http(Far(reply(404, b""))).send("GET", "/x", also=(404, 410))
    assert (got.status, got.json()) == (404, None)


async def test_an_adapter_may_read_a_status_in_its_own_way() -> None:
    far = Far(reply(403, b"quota"), reply(200))
    asked = http(far)

    def classify(status: int, headers: Mapping[str, str], body: bytes) -> AdapterError | None:
        return AdapterRateLimited("crm/x", "slower", retry=Retry(4.0)) if body == b"quota" else None

    asked.classify = classify
    await asked.get("/x")
    assert far.times == [0, 4]


@pytest.mark.parametrize("extra", [0, 1])
async def test_an_answer_has_a_length(extra: int) -> None:
    async def long() -> AsyncIterator[bytes]:
        yield b"1" * (MOST - 1)
        yield b"1" * (1 + extra)

    asked = http(Far(httpx.Response(200, content=long())))
    if extra:
        with pytest.raises(AdapterUnavailable):
            await asked.send("GET", "/x", repeat=False)
    else:
        assert len((await asked.send("GET", "/x", repeat=False)).body) == MOST


async def test_what_is_no_json_is_said_so() -> None:
    got = await http(Far(reply(200, b"<html>"))).send("GET", "/x")
    with pytest.raises(AdapterUnavailable):
        got.json()


# -- what is sent and kept ----------------------------------------------------------------------------------------------------------


async def test_bodies_have_their_forms() -> None:
    far = Far()
    asked = http(far)
    await asked.send("POST", "/x", body={"name": "Zoë", "n": [1]})
    await asked.send("POST", "/x", form={"a": "1 &=é", "b": ""})
    await asked.send("POST", "/x", content=b"<raw/>", headers={"content-type": "text/xml"})
    await asked.send("GET", "/x", params={"q": "a b&c"})
    await asked.send("GET", "/x", params=[("id", "1"), ("id", "2")])
    json_, form, raw, get, many = far.seen
    assert (json_.content, json_.headers["content-type"]) == (b'{"name":"Zo\\u00eb","n":[1]}', "application/json")
    assert (form.content, form.headers["content-type"]) == (b"a=1+%26%3D%C3%A9&b=", "application/x-www-form-urlencoded")
    assert (raw.content, raw.headers["content-type"]) == (b"<raw/>", "text/xml")
    assert (get.url.params["q"], get.content) == ("a b&c", b"")
    assert many.url.params.get_list("id") == ["1", "2"]
    assert all(one.headers["accept"] == "application/json" for one in far.seen)


async def test_every_exchange_is_kept_with_what_came_of_it() -> None:
    far, kept = Far(reply(500, b"oh"), httpx.ConnectError("no"), reply(200, b'{"a": 1}')), Kept()
    await http(far, signer=Renewing("hush-hush"), tap=kept).send("POST", "/x", body={"b": 2}, key="call_1/note", repeat=True)
    assert [(one.status, one.trouble) for one in kept.exchanges] == [(500, ""), (None, "ConnectError"), (200, "")]
    last = kept.exchanges[-1]
    assert (last.method, last.url, last.key, last.sent, last.got) == ("POST", f"{BASE}/x", "call_1/note", b'{"b":2}', b'{"a": 1}')
    assert last.sent_hash == hashlib.sha256(b'{"b":2}').hexdigest()
    assert last.got_hash == hashlib.sha256(b'{"a": 1}').hexdigest()
    assert "hush" not in repr(kept.exchanges)


async def test_a_fixed_signer_hides_what_it_knows() -> None:
    signer = FixedSigner({"x-api-key": "hush-hush"})
    far = Far()
    await http(far, signer=signer).get("/x")
    assert far.seen[0].headers["x-api-key"] == "hush-hush"
    assert "hush" not in repr(signer)
    assert not await signer.renew(await signer.headers())


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        (" 2.5 ", 2.5),
        ("-3", 0.0),
        ("999999999", 86_400.0),
        ("Wed, 01 Jul 2026 12:00:30 GMT", 30.0),
        ("Wed, 01 Jul 2026 13:00:30 +0100", 30.0),
        ("Wed, 01 Jul 2020 12:00:30 GMT", 0.0),
        ("Wed, 01 Jul 2026 12:00:30", 1.0),
        ("soon", 1.0),
        ("nan", 1.0),
        ("inf", 1.0),
        ("", 1.0),
    ],
)
def test_a_wait_is_read_in_all_its_forms(text: str, seconds: float) -> None:
    assert retry_after({"retry-after": text} if text else {}, 1.0, NOW) == seconds


async def test_the_time_of_day_is_the_makers() -> None:
    far = Far(reply(429, retry_after=f"{NOW + timedelta(seconds=6):%a, %d %b %Y %H:%M:%S} GMT"), reply(200))
    asked = http(far)
    assert asked.now() == NOW
    await asked.get("/x")
    assert far.times == [0, 6]
