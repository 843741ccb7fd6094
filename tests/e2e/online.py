"""A call with everything real but the speech: an orchestrator on sockets, an engine that asks it for the plan, and a caller who speaks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import uvicorn
from pydantic import HttpUrl, SecretStr
from tests.e2e.browser import free_port
from tests.e2e.business import CALLER, SECRET, House, open_house
from tests.e2e.people import Street, open_street
from tests.e2e.test_live_api import until
from tests.e2e.test_trials_call import Actors, Talker

from offhook.core.audio.format import PCM16_8K
from offhook.engine.app import create_app
from offhook.engine.engine import Engine
from offhook.engine.settings import EngineSettings
from offhook.inference import InferencePool
from offhook.ports.transport import CallStart
from offhook.registry import ProviderContext
from offhook.testing.fakes import Mouthpiece
from offhook.transports.loopback import Loopback
from offhook.weights import ModelStore


@asynccontextmanager
async def served(app: Any, port: int, *, lifespan: str) -> AsyncIterator[str]:
    """An app on this port of loopback; its URL."""
    config = uvicorn.Config(app, port=port, lifespan=lifespan, log_level="warning", timeout_graceful_shutdown=1)  # type: ignore[arg-type]
    server = uvicorn.Server(config)
    async with anyio.create_task_group() as group:
        group.start_soon(server.serve)
        with anyio.fail_after(90):  # the embedded models are loaded
            while not server.started:
                await anyio.sleep(0.02)
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True


@dataclass(slots=True)
class Exchange:
    """An orchestrator with an engine beside it; both ask the real clock what time it is."""

    street: Street
    url: str
    engine: Engine
    mouthpiece: Mouthpiece

    @property
    def house(self) -> House:
        return self.street.house

    @asynccontextmanager
    async def ring(self, **wanted: object) -> AsyncIterator[tuple[str, Talker]]:
        """Somebody rings the front desk, as a test of it unless ``real`` is wanted; the call's id and who speaks."""
        made = await self.house.ask("POST", "/agents/front-desk/voice-tests", {"caller": CALLER, **wanted})
        assert made.status_code == 201, made.text
        line = Loopback(PCM16_8K, start=CallStart(transport="browser", token=made.json()["token"]))
        talker = Talker(line, self.mouthpiece)
        async with anyio.create_task_group() as group:
            group.start_soon(line.run)
            group.start_soon(talker.run)
            group.start_soon(self.engine.take, line)
            await until(lambda: self.engine.calls)
            [call] = self.engine.calls
            yield call, talker
            if call in self.engine.calls:
                self.engine.calls[call].stop()


@asynccontextmanager
async def exchange(
    database_url: str, owner_url: str, folder: Path, *, acted: bool = True, webrtc: bool = False, **settings: Any
) -> AsyncIterator[Exchange]:
    """Open both. Streams go on for minutes unless ``settings`` say otherwise. ``acted``: speech is scripted, else the embedded models'.
    ``webrtc``: pages are told of it.
    """
    port, media, mouthpiece = free_port(), free_port(), Mouthpiece()
    url = f"http://127.0.0.1:{port}"
    own = EngineSettings(
        orchestrator_url=HttpUrl(url),
        secret=SecretStr(SECRET),
        state_dir=folder / "engine",
        plan_timeout_s=60,
        port=media,
        warm=() if acted else EngineSettings.model_fields["warm"].default,
        drain_s=0.0,
    )

    def lineup(pool: InferencePool) -> Actors:
        return Actors(ProviderContext(pool=pool, weights=ModelStore(None), env={}), mouthpiece)

    app = create_app(own, lineup if acted else None)
    if webrtc:
        settings["webrtc_urls"] = (f"http://127.0.0.1:{media}",)
    values: dict[str, Any] = {"internal_url": url, "engine_url": f"http://127.0.0.1:{media}", "live_stream_s": 600.0, **settings}
    async with open_house(database_url, folder / "house", owner_url=owner_url, **values) as house, open_street(house) as street:
        house.now[0] = datetime.now(UTC)
        async with served(house.app, port, lifespan="off"), served(app, media, lifespan="on"):
            yield Exchange(street, url, app.state.engine, mouthpiece)
