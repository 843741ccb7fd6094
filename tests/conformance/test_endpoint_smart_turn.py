from __future__ import annotations

import pytest
from tests.conformance import local_speech

from offhook.providers.endpoint.smart_turn import SmartTurn
from offhook.testing.conformance.endpoint import EndpointConformance
from offhook.testing.conformance.sound import Utterance


class TestSmartTurn(EndpointConformance):
    @pytest.fixture
    def endpoint(self) -> SmartTurn:
        return local_speech.smart_turn()

    @pytest.fixture
    def said(self) -> Utterance:
        return local_speech.utterance("The kitchen sink is leaking on the floor.")
