"""Which carriers there are: what their accounts are made of, where their calls come in, and what can be asked of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

KindName: TypeAlias = Literal["twilio", "signalwire", "telnyx", "plivo", "vonage"]
_UUID: Final = r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


@dataclass(frozen=True, slots=True)
class Kind:
    """A carrier. ``account``, ``token`` and ``secret`` are what it calls its account's id, and the one or two secrets that we need."""

    title: str
    voice: str
    """The path that its calls come in at."""
    account: str
    shape: str
    """Of the account's id."""
    fix: str
    """What to do about one that is wrong."""
    token: str
    """Signs its webhooks, or (Telnyx) its requests."""
    secret: str = ""
    """Signs our requests, where the token does not."""
    settings: Mapping[str, str] = ()  # type: ignore[assignment]
    """What else there is to enter: names and shapes."""
    needed: frozenset[str] = frozenset()
    """Which of them, and of ``api_key_secret``, there must be."""
    asked: bool = True
    """Whether we can ask it anything."""

    def fits(self, account: str) -> bool:
        """Whether this is an id of one of its accounts."""
        return re.fullmatch(self.shape, account) is not None


KINDS: Final[Mapping[str, Kind]] = {
    "twilio": Kind(
        "Twilio",
        "/carriers/twilio/voice",
        "Account SID",
        r"AC[0-9a-fA-F]{32}",
        "Type AC and the 32 digits behind it, as the console shows them.",
        "Auth token",
        "API key secret",
        {},
    ),
    "signalwire": Kind(
        "SignalWire",
        "/carriers/signalwire/voice",
        "Project ID",
        _UUID,
        "Type the project's ID as the dashboard shows it: 32 digits with dashes.",
        "Signing key",
        "API token",
        {"space": r"[a-z0-9-]{1,63}\.signalwire\.com"},
        frozenset({"space", "api_key_secret"}),
    ),
    "telnyx": Kind(
        "Telnyx",
        "/carriers/telnyx/voice",
        "Account ID",
        _UUID,
        "Type the account's ID as the portal shows it: 32 digits with dashes.",
        "API key",
        "",
        {"public_key": r"[A-Za-z0-9+/]{43}=", "application_id": r"[0-9]{1,32}"},
        frozenset({"public_key"}),
    ),
    "plivo": Kind(
        "Plivo",
        "/carriers/plivo/voice",
        "Auth ID",
        r"(MA|SA)[A-Z0-9]{18}",
        "Type the 20 letters and digits as the console shows them.",
        "Auth token",
        "",
        {"application_id": r"[0-9]{1,32}"},
    ),
    "vonage": Kind(
        "Vonage",
        "/carriers/vonage/answer",
        "Application ID",
        _UUID,
        "Type the application's ID as the dashboard shows it: 32 digits with dashes.",
        "Signature secret",
        "",
        {},
        asked=False,
    ),
}
