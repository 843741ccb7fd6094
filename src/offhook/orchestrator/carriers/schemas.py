"""What a redeemed token says, and what comes in and goes out about carrier accounts."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, SecretStr, StringConstraints, WithJsonSchema, model_validator

Label = Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
AccountSid = Annotated[str, StringConstraints(pattern=r"^AC[0-9a-fA-F]{32}$")]
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
    """An account with a carrier."""

    kind: Literal["twilio"] = "twilio"
    label: Label = ""
    account_sid: AccountSid
    auth_token: Secret
    """Signs the carrier's webhooks. It is sealed, and never shown again."""
    api_key_sid: ApiKeySid | None = None
    api_key_secret: Secret | None = None

    @model_validator(mode="after")
    def _both(self) -> NewAccount:
        if (self.api_key_sid is None) != (self.api_key_secret is None):
            raise ValueError("api_key_sid and api_key_secret belong together")
        return self


class AccountChange(Body):
    """What is left out stays as it is. An API key is changed, or taken away by null, with its secret."""

    label: Label | None = None
    auth_token: Secret | None = None
    api_key_sid: ApiKeySid | None = None
    api_key_secret: Secret | None = None

    @model_validator(mode="after")
    def _both(self) -> AccountChange:
        given = self.model_fields_set
        together = ("api_key_sid" in given) == ("api_key_secret" in given)
        if not together or (self.api_key_sid is None) != (self.api_key_secret is None):
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
    voice_url: str
    """What to enter at the carrier for incoming calls; empty while the installation has no public address."""
    revision: int
    created_at: datetime
    updated_at: datetime


class AccountTest(BaseModel):
    """Whether an account could be used. The carrier itself is not asked."""

    model_config = ConfigDict(frozen=True)

    ok: bool
    faults: list[str]


class Credentials(BaseModel):
    """An account's secrets, opened. Never leaves the process."""

    model_config = ConfigDict(frozen=True)

    account_sid: str
    auth_token: SecretStr
    api_key_sid: str | None = None
    api_key_secret: SecretStr | None = None
