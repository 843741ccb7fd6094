from __future__ import annotations

from tests.conformance.tts_suite import VendorSuite


class TestCartesia(VendorSuite):
    vendor = "cartesia"
    name = "cartesia:sonic-3.5"
    cancels = ("cancel", True)


class TestElevenLabs(VendorSuite):
    vendor = "elevenlabs"
    name = "elevenlabs"
    cancels = ("close_context", True)


class TestDeepgramAura(VendorSuite):
    vendor = "deepgram"
    name = "deepgram"
    voice = "thalia"
    cancels = ("type", "Clear")
    exact = 3
