"""An engine whose agents speak in tones: the pitch is of the tenant whose mark stands in the text, so that a recording says whose it is."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import typer

from offhook.cli.engine import load_settings, serve
from offhook.core.audio.format import PCM16_8K, AudioFormat
from offhook.engine.lineup import Lineup
from offhook.ports.spec import ProviderSpec
from offhook.ports.tts import Speech
from offhook.registry import ProviderContext
from offhook.testing.fakes import FakeStt, FakeVad, SttScript
from offhook.weights import ModelStore

TENANTS: Final = ("harbour", "quayside", "alder", "birch", "cedar")
SECONDS_PER_WORD: Final = 0.15
_MARK: Final = re.compile("mark(" + "|".join(TENANTS) + ")x")


def pitch(tenant: str, *, agent: bool) -> int:
    """Hertz of a tenant's agent and of its callers: ten pitches that share no overtone below 4 kHz at full scale."""
    return 500 + 110 * (2 * TENANTS.index(tenant) + agent)


def tone(hertz: int, seconds: float, rate: int = 8_000) -> bytes:
    """A sine, PCM16."""
    return (np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate) * 8_000).astype("<i2").tobytes()


class _Session:
    """One call's voice: in its tenant's pitch from the first mark on."""

    def __init__(self) -> None:
        self._hertz = 0

    async def speak(self, clauses: AsyncIterator[str]) -> AsyncIterator[Speech]:
        number = 0
        async for text in clauses:
            if found := _MARK.search(text):
                self._hertz = pitch(found.group(1), agent=True)
            seconds = SECONDS_PER_WORD * len(text.split())
            yield Speech(number, tone(self._hertz, seconds) if self._hertz else bytes(2 * round(8_000 * seconds)), last=True)
            number += 1

    async def aclose(self) -> None:
        """Nothing to release."""


class _Tones:
    """The voice of every agent."""

    spec = ProviderSpec(id="tts/tones", kind="tts", formats=(PCM16_8K,))

    async def open(self, voice: str, locale: str, format: AudioFormat) -> _Session:
        return _Session()

    async def aclose(self) -> None:
        """Nothing to release."""


class _Lineup(Lineup):
    async def stt(self, name: str) -> FakeStt:
        return FakeStt(script=SttScript(says="I would like to come on Tuesday please.", final_delay=0.02))

    async def tts(self, name: str) -> _Tones:
        return _Tones()

    async def vad(self, name: str) -> FakeVad:
        return FakeVad()


def main(port: Annotated[int, typer.Option()], state_dir: Annotated[Path, typer.Option()]) -> None:
    """Run it, beside the orchestrator that the environment names."""
    settings = load_settings(port=port, state_dir=state_dir, warm=(), drain_s=1)
    serve(settings, lambda pool: _Lineup(ProviderContext(pool=pool, weights=ModelStore(None), env={})))


if __name__ == "__main__":
    typer.run(main)
