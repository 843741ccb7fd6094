"""A voice test with the real engine: a call from the first word to a booking that nobody finds in any diary."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
import uvicorn
from pydantic import HttpUrl, SecretStr
from tests.e2e.browser import free_port
from tests.e2e.business import CALLER, SECRET, House, open_house

from offhook.core.audio.format import PCM16_8K
from offhook.engine.engine import Engine, running
from offhook.engine.lineup import Lineup
from offhook.engine.settings import EngineSettings
from offhook.errors import ConfigError, Refused
from offhook.inference import InferencePool
from offhook.ports.endpoint import Endpoint
from offhook.ports.transport import CallStart
from offhook.registry import ProviderContext
from offhook.testing.fakes import FakeStt, FakeTts, FakeVad, Mouthpiece, TtsScript, Utterance
from offhook.transports.loopback import Loopback
from offhook.weights import ModelStore

pytestmark = [pytest.mark.realtime, pytest.mark.timeout(180)]
FRAME = 160
QUIET, LOUD = bytes(2 * FRAME), b"\x00\x40\x00\xc0" * (FRAME // 2)
WORDS = (
    "My boiler has no hot water.",
    "No rush.",
    "12 Marine Road, Southsea, PO4 9XY.",
    "Ann Lee.",
    "Yes.",
    "Any day.",
    "The first one.",
    "Yes, go ahead.",
    "No, that's all, thank you.",
)
LEFT = ("appointment", "contact", "lead", "message", "webhook_event", "placement")


class Actors(Lineup):
    """Scripted speech, whatever a plan names."""

    def __init__(self, context: ProviderContext, mouthpiece: Mouthpiece) -> None:
        super().__init__(context)
        self._stt = FakeStt(mouthpiece)
        self.voice = FakeTts(TtsScript(seconds_per_word=0.05))

    async def vad(self, _name: str) -> FakeVad:
        return FakeVad()

    async def stt(self, _name: str) -> FakeStt:
        return self._stt

    async def tts(self, _name: str) -> FakeTts:
        return self.voice

    async def endpoint(self, name: str) -> Endpoint:
        raise ConfigError(f"{name} is not used here")

    async def warm(self, _names: object) -> None:
        """All is here."""


class Talker:
    """Speaks into a loopback in real time and waits for answers."""

    def __init__(self, line: Loopback, mouthpiece: Mouthpiece) -> None:
        self.line = line
        self._mouthpiece = mouthpiece
        self._frames = 0
        self._until = 0

    async def run(self) -> None:
        """20 ms after another until the line is closed."""
        begin = anyio.current_time()
        while not self.line.ended:
            self.line.say(LOUD if self._frames < self._until else QUIET)
            self._frames += 1
            await anyio.sleep_until(begin + self._frames * 0.02)

    async def say(self, text: str) -> None:
        length = round(15 * len(text.split()) + 10)
        begin = self._frames
        self._mouthpiece.utterances.append(Utterance(begin * FRAME, (begin + length) * FRAME, text))
        self._until = begin + length
        await anyio.sleep(length * 0.02)

    async def answered(self, turns: int) -> None:
        """Wait until the agent has ended so many turns and says nothing more."""
        with anyio.fail_after(150):
            while not self.line.ended and self.turns() < turns:
                await anyio.sleep(0.02)
        await anyio.sleep(0.1)

    def turns(self) -> int:
        return sum(one.get("type") == "agent" for one in self.line.shown)


@asynccontextmanager
async def served(house: House, port: int) -> AsyncIterator[None]:
    """The orchestrator where the engine can reach it."""
    server = uvicorn.Server(uvicorn.Config(house.app, port=port, lifespan="off", log_level="warning", ws="none"))
    async with anyio.create_task_group() as group:
        group.start_soon(server.serve)
        with anyio.fail_after(150):
            while not server.started:
                await anyio.sleep(0.02)
        try:
            yield
        finally:
            server.should_exit = True


def line(token: str) -> Loopback:
    return Loopback(PCM16_8K, start=CallStart(transport="browser", token=token))


async def conversation(engine: Engine, mouthpiece: Mouthpiece, token: str) -> Loopback:
    """Ring, say everything, and be rung off."""
    call = line(token)
    talker = Talker(call, mouthpiece)

    async def caller() -> None:
        await talker.answered(1)
        for words in WORDS:
            if call.ended:
                return
            before = talker.turns()
            await talker.say(words)
            await talker.answered(before + 1)

    async with anyio.create_task_group() as group:
        group.start_soon(call.run)
        group.start_soon(talker.run)
        group.start_soon(caller)
        await engine.take(call)
    return call


async def counted(house: House) -> dict[str, int]:
    return {table: (await house.look(f"select count(*) from {table}"))[0][0] for table in LEFT}  # noqa: S608 - our own names


async def test_a_booking_by_voice_that_books_nothing(database_url: str, owner_url: str, tmp_path: Path) -> None:
    port, mouthpiece = free_port(), Mouthpiece()
    settings = EngineSettings(
        orchestrator_url=HttpUrl(f"http://127.0.0.1:{port}"),
        secret=SecretStr(SECRET),
        state_dir=tmp_path / "engine",
        plan_timeout_s=60,
        port=free_port(),
    )
    internal = f"http://127.0.0.1:{port}"
    made: list[Actors] = []

    def lineup(pool: InferencePool) -> Lineup:
        made.append(Actors(ProviderContext(pool=pool, weights=ModelStore(None), env={}), mouthpiece))
        return made[-1]

    async with open_house(database_url, tmp_path / "house", owner_url=owner_url, internal_url=internal) as house, served(house, port):
        house.now[0] = datetime.now(UTC)  # the engine signs by the real clock
        body: dict[str, Any] = {"caller": CALLER}
        started = (await house.ask("POST", "/agents/front-desk/voice-tests", body)).json()
        async with running(settings, lineup) as engine:
            call = await conversation(engine, mouthpiece, started["token"])
            second = line(started["token"])
            with pytest.raises(Refused):
                await engine.take(second)
            assert [type(one).__name__ async for one in second] == ["Closed"]

            async def over() -> bool:
                rows = await house.look("select 1 from call_result")
                return bool(rows) and engine.health()["outbox_open"] == 0

            await house.work_until(over)
        agent = [str(one["text"]) for one in call.shown if one.get("type") == "agent"]
        assert any("You are booked" in text for text in agent), call.shown
        assert await counted(house) == dict.fromkeys(LEFT, 0)
        [(call_id, test, version, state, outcome, number)] = await house.look(
            "select id, test, agent_version, state, outcome, caller from call"
        )
        assert (test, version, state, outcome, number) == (True, None, "ended", "booked", CALLER)
        shown = (await house.get(f"/agents/front-desk/voice-tests/{started['id']}")).json()
        assert shown["call_id"] == call_id
        detail = await house.call(call_id)
        ran = [(one["tool"], one["error"]) for one in detail["tools"]]
        assert ("book", None) in ran
        assert detail["appointments"] == []
        assert (await house.get("/calls")).json()["data"] == []
        assert [one["id"] for one in (await house.get("/calls?test=true")).json()["data"]] == [call_id]
