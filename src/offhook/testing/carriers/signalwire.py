"""SignalWire's compatibility API: Twilio's at a space of its own, signed with another key than requests are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from starlette.types import Receive, Scope, Send

from offhook import signing
from offhook.testing.carriers.exchange import Account, Call
from offhook.testing.carriers.twilio import TwilioCarrier

PREFIX: Final = "/api/laml"


class SignalWireCarrier(TwilioCarrier):
    """Projects. An account's ``token`` is its signing key; requests are authorised by the API token."""

    NAME: ClassVar[str] = "carrier/signalwire"

    def add_project(self, id: str, key: str, token: str) -> Account:
        """Somebody opens a project."""
        return self.add_account(id, key, keys={id: token})

    def signed(self, call: Call, url: str, form: Mapping[str, str]) -> dict[str, str]:
        """See Exchange."""
        return {"X-SignalWire-Signature": signing.twilio_signature(call.account.token, url, form)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See Simulator: the paths begin elsewhere."""
        path = str(scope.get("path", ""))
        await super().__call__(dict(scope) | {"path": path.removeprefix(PREFIX) if path.startswith(PREFIX) else "/"}, receive, send)
