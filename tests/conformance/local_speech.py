"""The embedded models, loaded once for all tests of a process, and speech made with them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

from offhook.inference import InferencePool
from offhook.providers.endpoint.smart_turn import SmartTurn
from offhook.providers.stt._moonshine import Moonshine
from offhook.providers.tts._hibari import HibariVoice
from offhook.providers.vad.silero import SileroVad
from offhook.registry import ProviderContext
from offhook.testing.conformance.sound import Utterance, resampled
from offhook.weights import HIBARI_HEART, MOONSHINE_DECODER, MOONSHINE_ENCODER, MOONSHINE_TOKENS, SILERO_VAD, SMART_TURN, ModelStore

STORE = ModelStore()


@cache
def moonshine() -> Moonshine:
    return Moonshine(STORE.locate(MOONSHINE_ENCODER), STORE.locate(MOONSHINE_DECODER), STORE.locate(MOONSHINE_TOKENS))


@cache
def heart() -> HibariVoice:
    return HibariVoice(STORE.locate(HIBARI_HEART))


@cache
def silero() -> SileroVad:
    return SileroVad(STORE.locate(SILERO_VAD))


@cache
def smart_turn() -> SmartTurn:
    return SmartTurn(STORE.locate(SMART_TURN))


@cache
def utterance(words: str) -> Utterance:
    spoken = heart().say(words)
    return Utterance(resampled(spoken.pcm, HibariVoice.rate, 16_000), words)


@asynccontextmanager
async def context() -> AsyncIterator[ProviderContext]:
    async with InferencePool(2) as pool:
        yield ProviderContext(pool, STORE, dict(os.environ))
