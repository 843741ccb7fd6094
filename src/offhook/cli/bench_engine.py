"""An engine with scripted providers, for the bench: what the engine itself costs, without any model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from offhook.cli.engine import load_settings, serve
from offhook.engine.lineup import Lineup
from offhook.inference import InferencePool
from offhook.registry import ProviderContext
from offhook.testing.fakes import FakeStt, FakeTts, FakeVad, SttScript, TtsScript
from offhook.weights import ModelStore

WORDS = "I would like to come on Tuesday please."
FIRST_BYTE_MS = 50.0


class _Lineup(Lineup):
    """Scripted providers under every name."""

    async def stt(self, name: str) -> FakeStt:  # noqa: ARG002
        return FakeStt(script=SttScript(says=WORDS, final_delay=0.02))

    async def tts(self, name: str) -> FakeTts:  # noqa: ARG002
        return FakeTts(TtsScript(first_byte=FIRST_BYTE_MS / 1000, seconds_per_word=0.25))

    async def vad(self, name: str) -> FakeVad:  # noqa: ARG002
        return FakeVad()


def main(
    plan: Annotated[Path, typer.Option()],
    port: Annotated[int, typer.Option()],
    state_dir: Annotated[Path, typer.Option()],
    open_media: Annotated[bool, typer.Option("--open-media")] = False,
) -> None:
    """Run it."""
    settings = load_settings(plan=plan, port=port, state_dir=state_dir, open_media=open_media, warm=(), max_calls=500)

    def lineup(pool: InferencePool) -> Lineup:
        return _Lineup(ProviderContext(pool=pool, weights=ModelStore(None), env={}))

    serve(settings, lineup)


if __name__ == "__main__":
    typer.run(main)
