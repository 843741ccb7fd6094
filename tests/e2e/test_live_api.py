"""Live calls by the API, steered at a real engine over real sockets; engines that are gone, strange or slow; calls that were lost."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
import uvicorn
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from tests.e2e.business import CALLER, SECRET, House
from tests.scenarios.harness import SCRIPT
from tests.unit.engine.test_app import FakeLineup

from offhook import signing
from offhook.engine.app import create_app
from offhook.engine.engine import Engine
from offhook.engine.lineup import Lineup
from offhook.engine.settings import EngineSettings
from offhook.inference import InferencePool
from offhook.orchestrator.live import ops
from offhook.registry import ProviderContext
from offhook.testing.carrier import TwilioLine
from offhook.weights import ModelStore

NOWHERE = "http://127.0.0.1:9"


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def served(app: Any, *, lifespan: str = "on") -> AsyncIterator[str]:
    """An app on a port of loopback; its URL."""
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        server = _Server(uvicorn.Config(app, log_level="warning", lifespan=lifespan, access_log=False, timeout_graceful_shutdown=1))  # type: ignore[arg-type]
        async with anyio.create_task_group() as group:
            group.start_soon(server.serve, [opened])
            while not server.started:
                await anyio.sleep(0.01)
            try:
                yield f"http://127.0.0.1:{opened.getsockname()[1]}"
            finally:
                server.should_exit = True


@dataclass
class Ringing:
    """A call that is up at a real engine."""

    engine: Engine
    url: str
    call: str
    line: TwilioLine


@asynccontextmanager
async def ringing(house: House, folder: Path, *, secret: str = SECRET) -> AsyncIterator[Ringing]:
    """A caller on the line, and the orchestrator's record of it."""
    house.now[0] = datetime.now(UTC)  # the engine looks at a real clock
    plan = folder / "plan.json"
    places = {"desk": "+441134960000"}
    await anyio.Path(plan).write_text(json.dumps({"script": SCRIPT, "record": False, "transfer_to": places}))
    settings = EngineSettings(plan=plan, state_dir=folder / "state", warm=(), secret=SecretStr(secret), drain_s=0.0, open_media=True)

    def lineup(pool: InferencePool) -> Lineup:
        return FakeLineup(ProviderContext(pool=pool, weights=ModelStore(None), env={}))

    app = create_app(settings, lineup)
    async with served(app) as url, TwilioLine.open(url.replace("http", "ws", 1) + "/media/twilio") as line:
        engine: Engine = app.state.engine
        with anyio.fail_after(150):
            while not engine.calls:
                await anyio.sleep(0.01)
        [call] = engine.calls
        await up(house, call, url)
        yield Ringing(engine, url, call, line)


async def up(house: House, call: str, url: str, at: datetime | None = None) -> None:
    """Have the orchestrator know of a call that is under way."""
    await house.plan(call, control_url=url)
    time = (at or house.now[0]).isoformat()
    answer = await house.event(
        1, "call.started", call, transport="twilio", did="+442079460000", caller=CALLER, script="x", script_version=1, time=time
    )
    assert answer.status_code == 200, answer.text


async def steer(house: House, call: str, action: str, body: dict[str, Any], **headers: str) -> httpx.Response:
    return await house.ask("POST", f"/live-calls/{call}/{action}", body, **headers)


async def live(house: House, tenant: str = "harbour") -> list[dict[str, Any]]:
    answer = await house.get("/live-calls", tenant=tenant)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


async def until(done: Any) -> None:
    with anyio.fail_after(150):
        while not done():
            await anyio.sleep(0.02)


async def test_calls_under_way_with_what_was_said_last(house: House) -> None:
    await up(house, "c1", NOWHERE)
    house.now[0] += timedelta(seconds=75)
    [call] = await live(house)
    assert (call["id"], call["caller"], call["agent_id"], call["transport"]) == ("c1", CALLER, "front-desk", "loopback")
    assert (call["seconds"], call["last"], call["steerable"], call["test"]) == (75.0, None, True, False)
    await house.event(2, "turn.caller", turn=1, text="my tap is dripping", start_ms=1_000, end_ms=2_000, acts=[])
    [call] = await live(house)
    assert (call["last"]["speaker"], call["last"]["text"]) == ("caller", "my tap is dripping")
    assert await live(house, "quayside") == []
    await house.event(3, "call.ended", reason="hangup", outcome="done", seconds=80.0, slots={}, path=[], counters={})
    assert await live(house) == []
    late = await steer(house, "c1", "say", {"text": "Hello."})
    assert (late.status_code, late.json()["title"]) == (409, "the call has ended")


async def test_the_list_goes_on_from_where_it_stopped(house: House) -> None:
    for n in range(5):
        await up(house, f"c{n}", NOWHERE, house.now[0] + timedelta(seconds=n % 2))
    seen: list[str] = []
    cursor = ""
    while True:
        part = (await house.get(f"/live-calls?limit=2{cursor}")).json()
        seen += [one["id"] for one in part["data"]]
        if part["next_cursor"] is None:
            break
        cursor = f"&cursor={part['next_cursor']}"
    assert sorted(seen) == [f"c{n}" for n in range(5)]


async def test_a_line_is_said_in_the_call_once(house: House, tmp_path: Path) -> None:
    async with ringing(house, tmp_path) as at:
        [call] = await live(house)
        assert (call["id"], call["steerable"]) == (at.call, True)
        said = {"text": "The engineer is on the way."}
        first = await steer(house, at.call, "say", said, Idempotency_Key="k1")
        assert (first.status_code, first.json()) == (202, {"call": at.call, "action": "say"})
        again = await steer(house, at.call, "say", said, Idempotency_Key="k1")
        assert again.json() == first.json()
        await house.look("delete from idempotency")  # as if the first had never been committed: the engine remembers it
        assert (await steer(house, at.call, "say", said, Idempotency_Key="k1")).status_code == 202
        ended = await steer(house, at.call, "end", {"at_once": True})
        assert ended.status_code == 202
        await until(lambda: at.engine.ended["stopped"] == 1)
    trace = (tmp_path / "state" / "calls" / at.call / "trace.jsonl").read_text()
    assert trace.count("The engineer is on the way.") == 1
    log = await house.look("select action, target, details from audit where action like 'call.%' order by seq")
    assert [(row.action, row.target) for row in log] == [("call.say", at.call), ("call.say", at.call), ("call.end", at.call)]
    assert "engineer" not in str(log)


async def test_a_call_is_put_through_to_its_agents_targets_only(house: House, tmp_path: Path) -> None:
    async with ringing(house, tmp_path) as at:
        refused = await steer(house, at.call, "transfer", {"target": "+447700900999"})
        assert (refused.status_code, [one["path"] for one in refused.json()["errors"]]) == (422, ["target"])
        assert (await steer(house, at.call, "transfer", {"target": "0113 496 0000"})).status_code == 202
        assert (await steer(house, at.call, "end", {"at_once": True})).status_code == 202
        await until(lambda: at.engine.ended["stopped"] == 1)
    trace = (tmp_path / "state" / "calls" / at.call / "trace.jsonl").read_text()
    commands = [json.loads(line) for line in trace.splitlines() if line.startswith('["Command"')]
    assert [(one[2], one[3]) for one in commands] == [("transfer", "desk")]


async def test_an_engine_that_has_the_call_no_more(house: House, tmp_path: Path) -> None:
    async with ringing(house, tmp_path) as at:
        await at.line.hang_up()
        await until(lambda: not at.engine.calls)
        gone = await steer(house, at.call, "say", {"text": "Hello?"})
        assert (gone.status_code, gone.json()["type"]) == (409, "urn:offhook:problem:conflict")
        assert "no longer at its engine" in gone.json()["title"]
    stopped = await steer(house, at.call, "say", {"text": "Hello?"})
    assert stopped.status_code == 503
    assert "cannot be reached" in stopped.json()["title"]
    assert await house.look("select 1 from audit where action like 'call.%'") == []


async def test_an_engine_of_another_secret(house: House, tmp_path: Path) -> None:
    async with ringing(house, tmp_path, secret="whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=") as at:
        refused = await steer(house, at.call, "end", {})
        assert refused.status_code == 503
        assert "same secret" in refused.json()["title"]
        assert list(at.engine.calls) == [at.call]


@pytest.mark.parametrize(
    "url", ["", "ftp://127.0.0.1", "http://", "http://user:secret@127.0.0.1", "http://127.0.0.1/?x=", "file:///etc/passwd", "x y"]
)
async def test_an_engine_that_cannot_be_steered(house: House, url: str) -> None:
    await up(house, "c1", url)
    assert [one["steerable"] for one in await live(house)] == [False]
    answer = await steer(house, "c1", "say", {"text": "Hello."})
    assert (answer.status_code, "OFFHOOK_ENGINE_CONTROL_URL" in answer.json()["title"]) == (409, True)


async def test_what_is_wrong_is_named_by_its_path(house: House) -> None:
    await up(house, "c1", NOWHERE)
    for action, body, path in (
        ("say", {"text": ""}, "text"),
        ("say", {"text": "x" * 1_001}, "text"),
        ("say", {"text": "a\x00b"}, "text"),
        ("say", {}, "text"),
        ("transfer", {"target": ""}, "target"),
        ("end", {"line": ""}, "line"),
        ("end", {"colour": "red"}, "colour"),
    ):
        answer = await steer(house, "c1", action, body)
        assert (answer.status_code, [one["path"] for one in answer.json()["errors"]]) == (422, [path])
    assert (await steer(house, "c2", "say", {"text": "Hello."})).status_code == 404
    await house.plan("c3", control_url=NOWHERE)
    early = await steer(house, "c3", "say", {"text": "Hello."})
    assert (early.status_code, early.json()["title"]) == (409, "the call has not begun")


async def test_who_may(house: House) -> None:
    await up(house, "c1", NOWHERE)
    reader, driver = await house.key("calls.read"), await house.key("live.control")
    stranger, nobody = await house.key("calls.read", "live.control", tenant="quayside"), {"authorization": ""}
    for headers, reads, steers in ((reader, 200, 403), (driver, 403, 503), (stranger, 404, 404), (nobody, 401, 401)):
        assert (await house.ask("GET", "/live-calls", **headers)).status_code == reads
        for action, body in (("say", {"text": "x"}), ("transfer", {"target": "desk"}), ("end", {})):
            assert (await steer(house, "c1", action, body, **headers)).status_code == steers
    mine = await house.ask("POST", "/live-calls/c1/end", {}, tenant="quayside", **stranger)
    assert mine.status_code == 404


async def test_a_call_that_no_engine_knows_is_ended_and_its_place_is_free(house: House) -> None:
    hook = await house.ask("POST", "/webhooks", {"url": "https://example.com/hook", "event_types": ["call.ended"]})
    assert hook.status_code == 201, hook.text
    house.now[0] = began = datetime.now(UTC)  # what was only planned is known by the database's clock
    await up(house, "c1", NOWHERE)
    await up(house, "c2", "")
    await house.plan("c3")
    house.now[0] += timedelta(minutes=20)
    assert await ops.sweep(house.services) == 0  # such calls may last for half an hour
    assert (await house.get("/lines")).json()["calls"] == 3
    house.now[0] = began + timedelta(minutes=36)
    assert await ops.sweep(house.services) == 3
    assert await ops.sweep(house.services) == 0
    assert await live(house) == []
    assert (await house.get("/lines")).json()["calls"] == 0
    detail = (await house.call())["call"]
    assert (detail["state"], detail["reason"]) == ("ended", "failed")

    async def written() -> bool:
        return len(await house.look("select 1 from call_result")) == 2

    await house.work_until(written)
    # Its engine comes back after all, and says how it really was.
    answer = await house.event(2, "call.ended", reason="hangup", outcome="booked", seconds=80.0, slots={}, path=[], counters={})
    assert answer.status_code == 200
    detail = (await house.call())["call"]
    assert (detail["reason"], detail["outcome"], detail["seconds"]) == ("hangup", "booked", 80.0)
    told = await house.look("select data from webhook_event where type = 'call.ended'")
    assert sorted(row.data["call_id"] for row in told) == ["c1", "c2"]  # once each


async def test_a_long_call_that_its_engine_still_has_goes_on(house: House) -> None:
    asked: list[str] = []

    async def show(request: Request) -> Response:
        signing.verify((SECRET,), request.headers, b"", house.now[0].timestamp())
        asked.append(request.headers["webhook-id"].split(".")[0])
        return Response(status_code=200 if request.path_params["call"] == "c1" else 404)

    async with served(Starlette(routes=[Route("/v1/calls/{call}", show)]), lifespan="off") as url:
        await up(house, "c1", url)
        await up(house, "c2", url)
        house.now[0] += timedelta(hours=1)
        assert await ops.sweep(house.services) == 1
        assert [one["id"] for one in await live(house)] == ["c1"]
        assert asked == ["show", "show"]


async def test_a_slow_engine_holds_nobody_up_for_long(house: House) -> None:
    async def never(_: Request) -> Response:
        await anyio.sleep(30)
        return Response(status_code=202)

    async with served(Starlette(routes=[Route("/v1/calls/{call}/{action}", never, methods=["POST"])]), lifespan="off") as url:
        await up(house, "c1", url)
        with anyio.fail_after(150):
            answer = await steer(house, "c1", "say", {"text": "Hello."})
        assert answer.status_code == 503
