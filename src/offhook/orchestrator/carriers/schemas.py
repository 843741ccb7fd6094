"""What a redeemed token says, and what comes in and goes out about carrier accounts."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    SecretStr,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from offhook.orchestrator.carriers.kinds import KINDS, KindName

Label = Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
AccountSid = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{4,64}$")]
Setting = Annotated[str, StringConstraints(max_length=100, pattern=r"^[\x21-\x7e]*$")]
ApiKeySid = Annotated[str, StringConstraints(pattern=r"^SK[0-9a-fA-F]{32}$")]
_SHAPE = r"^[\x21-\x7e]{16,200}$"


def _shaped(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(_SHAPE, secret.get_secret_value()):
        raise ValueError("16 to 200 printable characters without spaces")
    return secret


Secret = Annotated[
    SecretStr, AfterValidator(_shaped), WithJsonSchema({"type": "string", "format": "password", "writeOnly": True, "pattern": _SHAPE})
]


class Redeemed(BaseModel):
    """The carrier's own word on who rang whom."""

    model_config = ConfigDict(frozen=True)

    tenant: str
    did: str
    caller: str


class Body(BaseModel):
    """Base of what comes in."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NewAccount(Body):
    """An account with a carrier. Which fields it takes is the carrier's matter (``kinds.KINDS``); Twilio is the first."""

    kind: KindName = "twilio"
    label: Label = ""
    account_sid: AccountSid
    """Its id at the carrier: Twilio's account SID, SignalWire's project, Telnyx's account, Plivo's auth id, Vonage's application."""
    auth_token: Secret
    """Signs the carrier's webhooks: auth token, signing key, signature secret; with Telnyx the API key. Sealed, and never shown again."""
    api_key_sid: ApiKeySid | None = None
    api_key_secret: Secret | None = None
    """Of Twilio's API key; SignalWire's API token."""
    space: Setting = ""
    """SignalWire's host, such as ``example.signalwire.com``."""
    public_key: Setting = ""
    """What Telnyx's webhooks are checked with."""
    application_id: Setting = ""
    """Telnyx's TeXML application or Plivo's application: what numbers are attached by, and calls placed."""

    @field_validator("account_sid")
    @classmethod
    def _account(cls, value: str, info: ValidationInfo) -> str:
        kind = KINDS.get(info.data.get("kind", ""))
        if kind is not None and not kind.fits(value):
            raise ValueError(f"not of the form that {kind.title} gives out")
        return value

    @field_validator("space", "public_key", "application_id")
    @classmethod
    def _setting(cls, value: str, info: ValidationInfo) -> str:
        kind = KINDS.get(info.data.get("kind", ""))
        if kind is not None and value and not re.fullmatch(kind.settings.get(info.field_name or "", ""), value):
            raise ValueError(f"not of the form that {kind.title} gives out")
        return value

    @model_validator(mode="after")
    def _both(self) -> NewAccount:
        kind = KINDS[self.kind]
        for name in sorted(kind.needed):
            if not getattr(self, name):
                raise ValueError(f"{kind.title} needs {name}")
        if self.kind == "twilio" and (self.api_key_sid is None) != (self.api_key_secret is None):
            raise ValueError("api_key_sid and api_key_secret belong together")
        if self.kind != "twilio" and self.api_key_sid is not None:
            raise ValueError(f"{kind.title} knows no api_key_sid")
        if not kind.secret and self.api_key_secret is not None:
            raise ValueError(f"{kind.title} knows no api_key_secret")
        return self

    @property
    def settings(self) -> dict[str, str]:
        """What else there is to know, and nobody has to hide."""
        return {name: value for name in KINDS[self.kind].settings if (value := getattr(self, name))}


class AccountChange(Body):
    """What is left out stays as it is. An API key of Twilio's is changed, or taken away by null, with its secret."""

    label: Label | None = None
    auth_token: Secret | None = None
    api_key_sid: ApiKeySid | None = None
    api_key_secret: Secret | None = None
    space: Setting | None = None
    public_key: Setting | None = None
    application_id: Setting | None = None

    @model_validator(mode="after")
    def _both(self) -> AccountChange:
        given = self.model_fields_set
        if "api_key_sid" in given and ("api_key_secret" not in given or (self.api_key_sid is None) != (self.api_key_secret is None)):
            raise ValueError("api_key_sid and api_key_secret belong together")
        if any(name in given and getattr(self, name) is None for name in ("label", "auth_token")):
            raise ValueError("label and auth_token cannot be empty")
        return self


class SecretView(BaseModel):
    """All that is shown of a secret."""

    model_config = ConfigDict(frozen=True)

    set: bool
    last4: str | None = None


class AccountView(BaseModel):
    """A carrier account as its tenant sees it."""

    model_config = ConfigDict(frozen=True)

    id: str
    kind: str
    label: str
    account_sid: str
    auth_token: SecretView
    api_key_sid: str | None
    api_key_secret: SecretView
    settings: dict[str, str]
    """What else the carrier wants: ``space``, ``public_key``, ``application_id``."""
    asked: bool
    """Whether the carrier can be asked for its numbers, and to place and end calls."""
    voice_url: str
    """What to enter at the carrier for incoming calls; empty while the installation has no public address."""
    revision: int
    created_at: datetime
    updated_at: datetime


class AccountTest(BaseModel):
    """Whether an account can be used: what its carrier says, if nothing here is in the way."""

    model_config = ConfigDict(frozen=True)

    ok: bool
    faults: list[str]


class NumberCheck(BaseModel):
    """What the last self-test of a number found."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    state: Literal["ringing", "rang", "set", "failed"]
    """``set``: our address is there, with no number to ring from; ``ringing``: a call is on its way; ``rang``: it came in."""
    fault: str
    checked_at: datetime
    rang_at: datetime | None


class NumberAtCarrier(BaseModel):
    """A number of a carrier account as the carrier has it."""

    model_config = ConfigDict(frozen=True)

    id: str
    """The carrier's own id of it."""
    did: str
    label: str
    voice_url: str
    fallback_url: str
    """Whom the carrier asks if we do not answer; empty: callers hear the carrier's own error then."""
    used_by: str
    """What answers it at the carrier in place of an address: ``application``, ``trunk``; empty for an address."""
    rings_here: bool
    number_id: str | None
    agent_id: str | None
    check: NumberCheck | None


class NumbersAtCarrier(BaseModel):
    """All numbers of a carrier account that can take calls."""

    model_config = ConfigDict(frozen=True)

    data: list[NumberAtCarrier]


class Attach(Body):
    """Who answers a number that is to ring here."""

    agent_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]


class NewMedia(Body):
    """A call at a telephone system of yours, whose media is to come to an engine."""

    dialect: Literal["asterisk", "audiosocket", "exotel", "jambonz"]
    caller: Annotated[str, StringConstraints(max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    carrier_call: Annotated[str, StringConstraints(max_length=128, pattern=r"^[A-Za-z0-9_.:=+-]*$")] = ""
    """Your system's id of the call, which its media must name too; an AudioSocket names none."""


class MediaToken(BaseModel):
    """A one-time token for a call's media, and where the media goes."""

    model_config = ConfigDict(frozen=True)

    token: str
    url: str
    """The address of the media socket; empty for AudioSocket, whose address is the engine's setting."""
    did: str
    expires_in_s: int


class Credentials(BaseModel):
    """An account's secrets, opened. Never leaves the process."""

    model_config = ConfigDict(frozen=True)

    kind: str = "twilio"
    account_sid: str
    auth_token: SecretStr
    api_key_sid: str | None = None
    api_key_secret: SecretStr | None = None
    settings: dict[str, str] = {}
