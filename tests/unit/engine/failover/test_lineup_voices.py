"""What a call's voice is called by whom: no vendor is asked for a voice of another's."""

from __future__ import annotations

from typing import Any

import pytest

from offhook.engine.failover.tts import SteadyTts
from offhook.engine.lineup import Lineup
from offhook.inference import InferencePool
from offhook.registry import ProviderContext
from offhook.weights import ModelStore

pytestmark = pytest.mark.anyio
KEYS = {"CARTESIA_API_KEY": "key-of-cartesia", "ELEVENLABS_API_KEY": "key-of-elevenlabs", "DEEPGRAM_API_KEY": "key-of-deepgram"}
NAMES = ("cartesia:sonic-3", "elevenlabs", "deepgram")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def asked(voices: dict[str, str], voice: str = "the-plans", env: dict[str, str] = KEYS) -> dict[str, str]:
    """Which voice each would be asked for, in the call's order."""
    lineup = Lineup(ProviderContext(InferencePool(inline=True), ModelStore(None), env))
    steady: SteadyTts = await lineup.steady_tts(NAMES, voices=voices)
    found = {one.name: steady.voice(one, voice) for one in steady.candidates}
    await steady.aclose()
    await lineup.aclose()
    return found


@pytest.mark.parametrize(
    ("voices", "expected"),
    [
        ({}, ("the-plans", "", "")),
        ({"elevenlabs": "e", "deepgram": "thalia"}, ("the-plans", "e", "thalia")),
        ({"cartesia": "c", "elevenlabs": "e"}, ("c", "e", "")),
        ({"cartesia": "c", "cartesia:sonic-3": "three", "cartesia:sonic-2": "two"}, ("three", "", "")),
    ],
)
async def test_each_is_asked_for_its_own(voices: dict[str, str], expected: tuple[str, ...]) -> None:
    assert await asked(voices) == dict(zip(NAMES, expected, strict=True))


async def test_the_voice_of_a_vendor_without_an_account_is_nobody_elses() -> None:
    """The first of the plan has no key here, so the second comes first: it does not know the first's voice."""
    without: dict[str, Any] = {name: value for name, value in KEYS.items() if "CARTESIA" not in name}
    assert await asked({}, env=without) == {"elevenlabs": "", "deepgram": ""}
    assert await asked({"elevenlabs": "e"}, env=without) == {"elevenlabs": "e", "deepgram": ""}
