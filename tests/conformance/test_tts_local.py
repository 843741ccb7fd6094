from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.conformance import local_speech
from tests.conformance.tts_suite import TtsSuite

from offhook.providers.tts.local import LocalTts


class TestLocalTts(TtsSuite):
    voice = "heart"

    @pytest.fixture
    async def tts(self) -> AsyncIterator[LocalTts]:
        async with local_speech.context() as context:
            yield LocalTts(local_speech.heart(), context.pool)
