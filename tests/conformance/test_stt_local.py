from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.conformance import local_speech
from tests.conformance.stt_suite import SttSuite

from offhook.providers.stt.local import LocalStt
from offhook.testing.conformance.sound import Utterance


class TestLocalStt(SttSuite):
    @pytest.fixture
    async def stt(self) -> AsyncIterator[LocalStt]:
        async with local_speech.context() as context:
            yield LocalStt(local_speech.moonshine(), context.pool)

    @pytest.fixture
    def said(self) -> Utterance:
        return local_speech.utterance("The kitchen sink is leaking on the floor.")

    @pytest.fixture
    def other(self) -> Utterance:
        return local_speech.utterance("Tomorrow morning would be best for me.")
