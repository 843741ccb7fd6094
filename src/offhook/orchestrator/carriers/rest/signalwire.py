"""SignalWire's compatibility API: Twilio's, at the project's own space."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from offhook.orchestrator.carriers.rest.twilio import TwilioRest
from offhook.orchestrator.carriers.schemas import Credentials

PATH: Final = "/api/laml"


def base(opened: Credentials) -> str:
    """Where a project's API is; its host was checked when it was entered."""
    return f"https://{opened.settings.get('space', '')}{PATH}"


class SignalWireRest(TwilioRest):
    """See CarrierRest."""

    kind: str = "signalwire"
    SWITCHES: ClassVar[Mapping[str, str]] = {"VoiceApplicationSid": ""}

    def _next(self, uri: str) -> str:
        return uri.removeprefix(PATH)
