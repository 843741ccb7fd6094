"""A caller who hangs up with the last word that they dictate, with the embedded models and a real engine: it is in the transcript."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.e2e.receiver import Receiver, receiver
from tests.scenarios.harness import SCRIPT

from offhook.testing.bench.stage import engine
from offhook.testing.caller import Caller, Speech
from offhook.testing.carrier import TwilioLine

pytestmark = [pytest.mark.telephony, pytest.mark.anyio, pytest.mark.timeout(300)]
SECRET = "a secret that is long enough to sign with"
WORDS = "Please tell Anna that the kitchen tap is leaking on the floor."


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def plan(told: Receiver) -> dict[str, Any]:
    tools = {name: {"url": f"http://127.0.0.1:1/{name}", "effect": tool["effect"]} for name, tool in SCRIPT["tools"].items()}
    return {"script": SCRIPT, "tools": tools, "record": False, "events_url": told.url}


async def ended(told: Receiver, calls: int) -> None:
    """Until the ends of so many calls were told."""
    with anyio.fail_after(120):
        while [got.event["type"] for got in told.got].count("call.ended") < calls:
            await anyio.sleep(0.05)


async def test_the_last_words_before_they_hang_up_are_in_the_transcript(tmp_path: Path) -> None:
    env = {"OFFHOOK_ENGINE_MAX_WEBRTC_CALLS": "0", "OFFHOOK_ENGINE_SECRET": SECRET}
    async with receiver() as told, engine(plan(told), tmp_path, env=env, log=tmp_path / "engine.log") as running, Speech() as speech:
        audio = await speech.say(WORDS)
        for call, drops in enumerate((False, True), 1):
            media = f"ws://127.0.0.1:{running.port}/media/twilio"
            async with TwilioLine.open(media, parameters={"did": "+442079460000"}) as line:
                caller = Caller(line, speech)
                await caller.agent_says()
                await caller.say(WORDS, audio)
                await (line.socket.close() if drops else line.hang_up())
                await ended(told, call)
    turns = [got.event["text"].lower() for got in told.got if got.event["type"] == "turn.caller"]
    assert len(turns) == 2
    assert all("anna" in said and said.rstrip(".").endswith("floor") for said in turns), turns
