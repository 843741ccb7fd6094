from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.conformance import local_speech

from offhook.providers.tts.local import LocalTts
from offhook.testing.conformance.tts import TtsConformance


class TestLocalTts(TtsConformance):
    voice = "heart"

    @pytest.fixture
    async def tts(self) -> AsyncIterator[LocalTts]:
        async with local_speech.context() as context:
            yield LocalTts(local_speech.heart(), context.pool)
