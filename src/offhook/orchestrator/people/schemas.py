"""What the routes of people take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from offhook.orchestrator.auth.permissions import Level, Permission, Role
from offhook.orchestrator.people.addresses import Email, MailDomain
from offhook.orchestrator.tenants.schemas import NewTenant

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]+$")]
Typed = Annotated[str, Field(max_length=1_024)]
"""A password or code as somebody typed it; whether it is a good one is another question."""
Token = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[A-Za-z0-9_-]+$")]
TenantRole = Literal["tenant_owner", "tenant_admin", "agent_editor", "viewer"]
ResellerRole = Literal["reseller_admin", "reseller_support"]


class In(BaseModel):
    """What comes in."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NewSetup(In):
    """The first administrator, by the link that the first start prints."""

    token: Token
    name: Name
    email: Email
    password: Typed


class SignIn(In):
    """A mail address and a password."""

    email: Annotated[str, Field(max_length=254)]
    password: Typed


class CodeIn(In):
    """The second step: ``pending`` of the first one's answer, and a code of the app or a recovery code."""

    pending: Annotated[str, Field(max_length=2_000)]
    code: Annotated[str, Field(max_length=64)]


class SignedIn(BaseModel):
    """``next`` is ``totp`` if a one-time code is wanted; else the answer has set the session's cookie."""

    next: Literal["totp"] | None = None
    pending: str | None = None


class Forgot(In):
    """Whose password is forgotten."""

    email: Annotated[str, Field(max_length=254)]


class Reset(In):
    """A new password, by the link of a mail."""

    token: Token
    password: Typed


class PasswordChange(In):
    """A new password in place of the current one."""

    current: Typed
    password: Typed


class PersonChange(In):
    """What people may change of themselves."""

    name: Name


class PasswordIn(In):
    """The password once more, before something that matters."""

    password: Typed


class TotpEnrolment(BaseModel):
    """What an app needs: the secret, and the same as the URI of a QR code. Not in force until confirmed."""

    secret: str
    uri: str


class TotpCode(In):
    """A code of the app."""

    code: Annotated[str, Field(max_length=64)]


class RecoveryCodes(BaseModel):
    """Codes for when the app is lost; shown once."""

    recovery_codes: list[str]


class TotpDisable(In):
    """The password and a code, so that neither alone is enough."""

    password: Typed
    code: Annotated[str, Field(max_length=64)]


class MembershipView(BaseModel):
    """A role of one's own, and where."""

    id: str
    level: Level
    tenant_id: str | None
    reseller_id: str | None
    name: str
    role: Role
    permissions: list[Permission]


class Me(BaseModel):
    """Who asks. A key and the operator have no mail address and no memberships; ``permissions`` are their own."""

    kind: Literal["person", "key", "operator"]
    id: str
    name: str
    email: str | None = None
    totp: bool = False
    password: bool = False
    provider_id: str | None = None
    memberships: list[MembershipView] = []
    permissions: list[Permission] = []


class SessionView(BaseModel):
    """A browser that one is signed in with."""

    id: str
    current: bool
    host: str
    ip: str
    user_agent: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime


class Member(BaseModel):
    """Somebody with a role here. ``provider_id``: signs in by this provider only."""

    id: str
    person_id: str
    name: str
    email: str
    role: Role
    provider_id: str | None
    created_at: datetime


class NewClient(In):
    """A tenant to be made, and whom to invite as its owner."""

    tenant: NewTenant
    owner: Email


class NewTenantMember(In):
    """Whom to invite into a tenant, as what."""

    email: Email
    role: TenantRole


class NewResellerMember(In):
    """Whom to invite into a reseller, as what."""

    email: Email
    role: ResellerRole


class NewPlatformMember(In):
    """Whom to invite to run the platform."""

    email: Email
    role: Literal["platform_admin"] = "platform_admin"


class TenantRoleChange(In):
    """Another role."""

    role: TenantRole


class ResellerRoleChange(In):
    """Another role."""

    role: ResellerRole


class Invitation(BaseModel):
    """An invitation that nobody has taken yet."""

    id: str
    email: str
    role: Role
    created_at: datetime
    created_by: str
    expires_at: datetime


class OpenInvitation(BaseModel):
    """An invitation as its recipient sees it. ``account``: there is one for this address, so that its password is wanted, not a new one."""

    email: str
    level: Level
    name: str
    role: Role
    invited_by: str
    expires_at: datetime
    account: bool


class Acceptance(In):
    """A new account, or the password of the one there is; neither for who is signed in as the one invited."""

    name: Name | None = None
    password: Typed | None = None


class NewProvider(In):
    """Where people sign in by OpenID Connect. ``domains`` are those of the mail addresses that it may vouch for.

    ``default_role`` is given to who signs in for the first time and was not invited; without it only members get in.
    """

    name: Name
    issuer: Annotated[str, StringConstraints(max_length=500, pattern=r"^https?://[^\s?#@\x00-\x1f\x7f]+$")]
    client_id: Annotated[str, StringConstraints(min_length=1, max_length=400, pattern=r"^[\x20-\x7e]+$")]
    client_secret: Annotated[str, StringConstraints(min_length=1, max_length=2_000, pattern=r"^[\x20-\x7e]+$")]
    domains: Annotated[list[MailDomain], Field(min_length=1, max_length=20)]
    default_role: Literal["tenant_admin", "agent_editor", "viewer", "reseller_support"] | None = None
    enabled: bool = True


class ProviderChange(In):
    """What to change of a provider; what is left out stays. ``default_role`` of null takes the default role away."""

    name: Name | None = None
    client_id: Annotated[str, StringConstraints(min_length=1, max_length=400, pattern=r"^[\x20-\x7e]+$")] | None = None
    client_secret: Annotated[str, StringConstraints(min_length=1, max_length=2_000, pattern=r"^[\x20-\x7e]+$")] | None = None
    domains: Annotated[list[MailDomain], Field(min_length=1, max_length=20)] | None = None
    default_role: Literal["tenant_admin", "agent_editor", "viewer", "reseller_support"] | None = None
    enabled: bool | None = None


class Provider(BaseModel):
    """A provider; its secret is never shown. ``sign_in`` is where its people begin, ``redirect_uri`` what the provider must be told."""

    id: str
    name: str
    issuer: str
    client_id: str
    domains: list[str]
    default_role: Role | None
    enabled: bool
    revision: int
    sign_in: str
    redirect_uri: str
    created_at: datetime
    updated_at: datetime


class Letter(BaseModel):
    """A mail of the development folder."""

    id: str
    to: str
    subject: str
    at: str
    text: str
