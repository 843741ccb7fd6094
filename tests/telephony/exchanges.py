"""Simulated carriers that put callers through and place calls, each with one account and its number for a business."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from offhook.testing.carriers.exchange import Exchange
from offhook.testing.carriers.plivo import PlivoCarrier
from offhook.testing.carriers.signalwire import SignalWireCarrier
from offhook.testing.carriers.telnyx import TelnyxCarrier
from offhook.testing.carriers.twilio import TwilioCarrier

PUBLIC = "https://voice.example.com"
KINDS = ("twilio", "signalwire", "telnyx", "plivo")
SID, TOKEN = "AC" + "a" * 32, "1" * 32
PROJECT, KEY = "61bf923e-5e4d-4595-a110-56190ea18a1b", "PSK_" + "2" * 30
APPLICATION = "1293384261075731499"


@dataclass
class Carried:
    """A carrier, and what our account with it is entered as."""

    kind: str
    carrier: Any
    account: dict[str, str] = field(default_factory=dict)

    @property
    def exchange(self) -> Exchange:
        found: Exchange = self.carrier
        return found

    def add_number(self, did: str) -> None:
        """The account has a number whose calls ring here."""
        voice = f"{PUBLIC}/carriers/{self.kind}/voice"
        if isinstance(self.carrier, TwilioCarrier):
            self.carrier.add_number(next(iter(self.carrier.accounts.values())), did, VoiceUrl=voice)
            return
        if APPLICATION not in self.carrier.applications:
            self.carrier.add_application(APPLICATION, voice)
        self.carrier.add_number(did if self.kind == "telnyx" else did[1:], APPLICATION)


def carried(kind: str) -> Carried:
    """A carrier of this kind."""
    if kind == "twilio":
        twilio = TwilioCarrier()
        twilio.add_account(SID, TOKEN)
        return Carried(kind, twilio, {"account_sid": SID, "auth_token": TOKEN})
    if kind == "signalwire":
        signalwire, token = SignalWireCarrier(), "PT" + "f" * 48
        signalwire.add_project(PROJECT, KEY, token)
        entered = {"kind": kind, "account_sid": PROJECT, "auth_token": KEY, "api_key_secret": token, "space": "harbour.signalwire.com"}
        return Carried(kind, signalwire, entered)
    if kind == "telnyx":
        telnyx = TelnyxCarrier(PROJECT, "KEY" + "1" * 40)
        entered = {"kind": kind, "account_sid": PROJECT, "auth_token": telnyx.key, "public_key": telnyx.public_key}
        return Carried(kind, telnyx, entered | {"application_id": APPLICATION})
    plivo = PlivoCarrier("MAXXXXXXXXXXXXXXXXXX", "3" * 40)
    plivo.renames = True
    entered = {"kind": kind, "account_sid": plivo.account, "auth_token": plivo.token, "application_id": APPLICATION}
    return Carried(kind, plivo, entered)
