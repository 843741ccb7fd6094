"""Settings of the orchestrator: for operators only; what differs by tenant is in the database. Built in ``main`` and passed down."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Final

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, HttpUrl, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from offhook import signing

OFFER_S: Final = 5 * 3_600
"""How long a page may offer calls: longer than any call, since one whose connection breaks is offered again."""


class OAuthClient(BaseModel):
    """Who we are to a system."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(min_length=1, max_length=500)]
    secret: SecretStr = SecretStr("")


class OrchestratorSettings(BaseSettings):
    """Read from ``OFFHOOK_ORCHESTRATOR_*`` and ``OFFHOOK_DATABASE_URL``."""

    model_config = SettingsConfigDict(env_prefix="OFFHOOK_ORCHESTRATOR_", extra="forbid", populate_by_name=True)

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8080
    database_url: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("database_url", "OFFHOOK_DATABASE_URL", "OFFHOOK_ORCHESTRATOR_DATABASE_URL")
    )
    """A real Postgres (``postgresql://user:password@host/name``). Without one an embedded server runs in ``state_dir``/postgres."""
    migration_url: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("migration_url", "OFFHOOK_MIGRATION_URL", "OFFHOOK_ORCHESTRATOR_MIGRATION_URL")
    )
    """The same database for its owner, who migrates it; then ``database_url`` may be a login that is only a member of ``offhook_app``."""
    state_dir: Path = Path("var")
    internal_url: HttpUrl | None = None
    """Where engines reach this app; ``http://host:port`` without it."""
    public_url: str = ""
    """The address that carriers use (``https://voice.example.com``): signatures are checked against it, never against Host."""
    media_url: str = ""
    """Where carriers send media (``wss://voice.example.com/media/twilio``); made from ``public_url`` without it."""
    secret: SecretStr
    """Shared with the engines: signs plan requests, tools and events (``whsec_`` and base64)."""
    old_secrets: tuple[SecretStr, ...] = ()
    """Secrets still accepted while engines change over to a new one."""
    engine_urls: tuple[str, ...] = ()
    """Where engines may be steered (``http://10.0.0.7:8081``); without it, wherever a signed request for a plan says that its engine is.
    They ask the models of text tests too, the first that has room; without it the rules alone answer those."""
    tolerance_s: Annotated[float, Field(gt=0)] = 300.0
    """How far the time of a signed request may be off."""
    admin_token: SecretStr = SecretStr("")
    """Bearer of the installation's operator, who may do everything; without it nobody is the operator."""
    master_keys: tuple[SecretStr, ...] = ()
    """Keys that wrap the tenants' data keys, as ``id:base64 of 32 bytes``; the first is in use, the others still open what they wrapped."""
    requests_per_minute: Annotated[int, Field(ge=1)] = 600
    """API requests of one person or key."""
    visits_per_minute: Annotated[int, Field(ge=1)] = 6
    """Calls that one address may begin by call buttons."""
    bad_webhooks_per_minute: Annotated[int, Field(ge=1)] = 600
    """Carriers' webhooks without a good signature from one address; more are refused before anything is looked up."""
    live_stream_s: Annotated[float, Field(gt=0)] = 600.0
    """How long a stream of live calls' news lasts; whoever reads it then asks for another."""
    portal_url: str = ""
    """Where people find the portal (``https://portal.example.com``), for links in mails; ``public_url`` or ``host:port`` without it."""
    smtp_url: SecretStr = SecretStr("")
    """Where mails go: ``smtp://user:password@host:587`` (STARTTLS; ``?tls=none`` for none) or ``smtps://...:465``; ``?ca=FILE`` names a
    certificate to trust. Without it mails land in ``state_dir``/mail."""
    mail_from: str = "offhook <offhook@localhost>"
    twilio_account_sid: str = ""
    """The platform's own account, for what is asked of Twilio by REST about numbers without a carrier account."""
    twilio_auth_token: SecretStr = SecretStr("")
    unsigned_carriers: bool = False
    """Development only: take carrier webhooks without a signature."""
    token_ttl_s: Annotated[int, Field(gt=0, le=600)] = 60
    """How long the one-time token of a call waits for its media."""
    browser_number: str = ""
    """Development only: the number that the browser page rings. Empty: no calls from browsers."""
    trunk_lease_s: Annotated[float, Field(ge=1, le=600)] = 20.0
    """An engine that is not heard of for so long registers with no trunk any more: another one does. Engines tell every 5 s."""
    engine_url: str = ""
    """Where browsers reach an engine (``https://voice.example.com``), for test calls; without it where carriers send media."""
    webrtc_urls: tuple[str, ...] = ()
    """Engines that browsers may reach by WebRTC (``https://rtc1.example.com``), in the order in which they are asked."""
    portal_parts: bool = False
    """Development only: show every part of the portal, in each of its states, at ``/_parts``."""
    end_wait_s: Annotated[float, Field(ge=0)] = 60.0
    """How long a finished call waits for events that are still under way."""
    demo: bool = False
    """Make or renew the demonstration tenant (examples/receptionist) at the start."""
    business: Path | None = None
    """Make or renew the tenant of this business.yaml at the start."""
    end_grace_s: Annotated[float, Field(ge=0, le=10)] = 3.0
    """How long a carrier that asks what follows the media waits for the call's last event."""
    pool_size: Annotated[int, Field(ge=1, le=500)] = 20
    jobs: Annotated[int, Field(ge=1, le=100)] = 4
    """Jobs that one worker runs at a time."""
    stalled_s: Annotated[float, Field(gt=0)] = 30.0
    """A job whose worker has not been heard of for this long is given to another."""

    paperwork_lease_s: Annotated[float, Field(gt=0)] = 60.0
    """A call's paperwork whose worker has not been heard of for this long is another's."""

    webhooks_per_tenant: Annotated[int, Field(ge=1, le=1_000)] = 20
    """Endpoints that one tenant may have for its events."""
    webhook_timeout_s: Annotated[float, Field(gt=0, le=60)] = 15.0
    """How long an endpoint may take to answer."""
    webhook_days: Annotated[int, Field(ge=7, le=3_650)] = 30
    """How long events and what was tried of them are kept."""
    webhook_disable_days: Annotated[float, Field(gt=0)] = 5.0
    """An endpoint at which nothing but failures happened for this long is disabled."""
    webhook_ports: tuple[int, ...] = (443,)
    """Ports that tenants' URLs may name; none for any."""
    webhook_networks: tuple[str, ...] = ()
    """Private networks of the operator's own (``10.1.0.0/16``) that tenants' URLs may lead to. All others are refused."""
    webhook_ca: Path | None = None
    """Certificates to trust at tenants' URLs beside the system's own."""
    webhook_http: bool = False
    """Development only: take URLs without TLS."""

    trunk_networks: tuple[str, ...] = ()
    """Private networks of the operator's own (``10.1.0.0/16``) that tenants' trunks may come from and go to. All others are refused."""

    connect_url: str = ""
    """The one address that every system's consent page sends people back to (``https://connect.example.com``); ``portal`` without it."""
    oauth_clients: dict[str, OAuthClient] = {}
    """The operator's clients with systems, by adapter: ``{"crm/xero": {"id": "...", "secret": "..."}}``."""
    vendor_origins: dict[str, str] = {}
    """Development only: where an adapter's requests go in place of its system (``{"crm/servicem8": "http://127.0.0.1:1234"}``); loopback
    addresses only."""
    exchange_days: Annotated[int, Field(ge=1, le=365)] = 14
    """How long what was said to and by systems is kept for support."""

    @model_validator(mode="after")
    def _consistent(self) -> OrchestratorSettings:
        if not self.secret.get_secret_value():
            raise ValueError("secret is empty: set OFFHOOK_ORCHESTRATOR_SECRET to the secret shared with the engines")
        return self

    @field_validator("trunk_networks")
    @classmethod
    def _networks(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for one in given:
            ip_network(one)
        return given

    @property
    def secrets(self) -> tuple[str, ...]:
        """All secrets that a request may be signed with."""
        return tuple(one.get_secret_value() for one in (self.secret, *self.old_secrets))

    @property
    def base_url(self) -> str:
        """Where engines reach this app, without a slash at the end."""
        return str(self.internal_url).rstrip("/") if self.internal_url else f"http://{self.host}:{self.port}"

    @property
    def portal(self) -> str:
        """Where people find the portal, without a slash at the end. Never what a request says its host is."""
        return (self.portal_url or self.public_url or self.base_url).rstrip("/")

    @property
    def connect(self) -> str:
        """Where systems send people back to, without a slash at the end."""
        return (self.connect_url or self.portal).rstrip("/")

    @property
    def stream_url(self) -> str:
        """Where carriers send media."""
        if self.media_url:
            return self.media_url
        return "ws" + self.public_url.rstrip("/").removeprefix("http") + "/media/twilio" if self.public_url else ""

    def offers(self, origin: str, now: float) -> tuple[str, ...]:
        """Where a page of this origin (empty: no page) may offer a WebRTC call."""
        until = int(now) + OFFER_S
        passed = signing.visit(self.secret.get_secret_value(), origin, until)
        return tuple(f"{one.rstrip('/')}/webrtc/offer?visit={passed}" for one in self.webrtc_urls)

    def stream_to(self, dialect: str) -> str:
        """Where a carrier of this dialect sends media: beside Twilio's."""
        media, found, _ = self.stream_url.rpartition("/media/")
        return f"{media}/media/{dialect}" if found else self.stream_url

    @property
    def browser_engine(self) -> str:
        """Where browsers reach an engine, without a slash at the end."""
        media, found, _ = self.stream_url.partition("/media/")
        return (self.engine_url or (f"http{media.removeprefix('ws')}" if found else "http://127.0.0.1:8081")).rstrip("/")

    def sqlalchemy_url(self) -> str | None:
        """The configured database for SQLAlchemy with psycopg; None for the embedded one."""
        return _psycopg(self.database_url)

    def sqlalchemy_migration_url(self) -> str | None:
        """The same for whoever migrates it."""
        return _psycopg(self.migration_url or self.database_url)


def _psycopg(url: SecretStr | None) -> str | None:
    if url is None:
        return None
    scheme, _, rest = url.get_secret_value().partition("://")
    return f"postgresql+psycopg://{rest}" if scheme in {"postgres", "postgresql"} else f"{scheme}://{rest}"
