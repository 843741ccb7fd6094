from __future__ import annotations

import pytest
from tests.conformance import local_speech

from offhook.providers.vad.silero import SileroVad
from offhook.testing.conformance.sound import Utterance
from offhook.testing.conformance.vad import VadConformance


class TestSileroVad(VadConformance):
    @pytest.fixture
    def vad(self) -> SileroVad:
        return local_speech.silero()

    @pytest.fixture
    def said(self) -> Utterance:
        return local_speech.utterance("The kitchen sink is leaking on the floor.")
