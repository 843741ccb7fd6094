from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

import pytest
from tests.conformance import local_speech
from tests.conformance.stt_suite import SttSuite

from offhook import registry
from offhook.inference import InferencePool
from offhook.ports.stt import Stt
from offhook.registry import ProviderContext
from offhook.testing.conformance.sound import Utterance
from offhook.testing.vendors import assemblyai, deepgram
from offhook.testing.vendors._ear import melody
from offhook.testing.vendors.server import Scenario, Vendors

SAID = "the kitchen sink is leaking on the floor"
OTHER = "tomorrow morning would be best for me"
LEXICON = {300.0 + 150 * number: word for number, word in enumerate(dict.fromkeys(f"{SAID} {OTHER}".split()))}


class VendorSuite(SttSuite):
    """The suite on a double that knows words by their tones, so that nothing of it depends on what was said before."""

    name = ""
    vendor = ""
    secrets = (deepgram.KEY, assemblyai.KEY)

    @pytest.fixture
    async def stt(self) -> AsyncIterator[Stt]:
        async with Vendors() as vendors:
            vendors.scenario(self.vendor, Scenario(options={"lexicon": LEXICON}))
            async with InferencePool(1) as pool:
                stt = cast("Stt", registry.load("stt", self.name, ProviderContext(pool, local_speech.STORE, vendors.env())))
                yield stt
                await stt.aclose()
        assert vendors.open(self.vendor) == 0

    @pytest.fixture
    def said(self) -> Utterance:
        return Utterance(melody(SAID, LEXICON), SAID)

    @pytest.fixture
    def other(self) -> Utterance:
        return Utterance(melody(OTHER, LEXICON), OTHER)


class TestDeepgram(VendorSuite):
    name = "deepgram"
    vendor = "deepgram"


class TestDeepgramFlux(VendorSuite):
    name = "deepgram_flux"
    vendor = "deepgram"


class TestAssemblyAi(VendorSuite):
    name = "assemblyai"
    vendor = "assemblyai"
