"""Settings of the engine: for operators only; what differs by agent is in the CallPlan. Built in ``main`` and passed down."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, HttpUrl, IPvAnyAddress, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class IceServer(BaseModel):
    """A STUN or TURN server. With ``secret`` (coturn's ``static-auth-secret``) every page gets a name and a password that expire."""

    model_config = ConfigDict(extra="forbid")

    urls: Annotated[tuple[Annotated[str, Field(pattern=r"^(stun|turn)s?:[^\s]+$", max_length=200)], ...], Field(min_length=1, max_length=5)]
    username: str = ""
    credential: SecretStr = SecretStr("")
    secret: SecretStr = SecretStr("")


class EngineSettings(BaseSettings):
    """Read from ``OFFHOOK_ENGINE_*``; an unknown variable in code is an error, a wrong value names its setting."""

    model_config = SettingsConfigDict(env_prefix="OFFHOOK_ENGINE_", extra="forbid")

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8081
    public_url: str = ""
    """The address that carriers use (``https://voice.example.com``): signatures are checked against it, never against Host."""
    orchestrator_url: HttpUrl | None = None
    control_url: HttpUrl | None = None
    """Where the orchestrator steers this engine's calls; ``http://host:port`` without it, unless that says nowhere in particular."""
    secret: SecretStr = SecretStr("")
    """Shared with the orchestrator: signs plan requests, tools and events."""
    twilio_auth_token: SecretStr = SecretStr("")
    """When set, Twilio's media sockets must carry a valid X-Twilio-Signature."""
    signalwire_signing_key: SecretStr = SecretStr("")
    """When set, SignalWire's media sockets must carry a valid X-SignalWire-Signature."""
    plivo_auth_token: SecretStr = SecretStr("")
    """When set, Plivo's media sockets must carry a valid X-Plivo-Signature-V3."""
    audiosocket_port: Annotated[int, Field(ge=0, le=65_535)] | None = None
    """Where Asterisk's AudioSocket is taken, which is neither encrypted nor signed; nowhere unless it is set."""
    audiosocket_host: str = "127.0.0.1"
    """The address of that port: this machine's own, or one of a private network between Asterisk and the engine."""
    open_media: bool = False
    """Development only: take media sockets without signature or token."""
    sip_listen: str = ""
    """``address:port`` for SIP over UDP (``192.0.2.7:5060``); empty: no SIP. What comes from no trunk's address is dropped there."""
    sip_public: str = ""
    """The address by which carriers reach that, and this machine's RTP, where it is another (``203.0.113.9`` or ``203.0.113.9:5060``)."""
    sip_rtp_ports: Annotated[str, Field(pattern=r"^[0-9]{4,5}-[0-9]{4,5}$")] = "20000-29999"
    """UDP ports for media. Two are used by a call."""
    sip_trunks: Path | None = None
    """A file of trunks (YAML or JSON) for an engine that runs alone; else the orchestrator is asked."""
    sip_invites_per_s: Annotated[float, Field(gt=0)] = 10.0
    """New calls that one address may begin a second. Behind an SBC all calls come from its address: raise it."""
    plan: Path | None = None
    """A CallPlan file: the engine runs alone and gives every call this plan."""
    state_dir: Path = Path("var/engine")
    models_dir: Path | None = None
    max_calls: Annotated[int, Field(ge=1)] = 100
    max_webrtc_calls: Annotated[int | None, Field(ge=0)] = None
    """WebRTC calls of this process, which are dear; beyond them pages take the websocket. 4, or 24 with ``webrtc_only``; 0: none."""
    webrtc_only: bool = False
    """A process for WebRTC calls alone: no websockets of carriers or browsers."""
    webrtc_origins: tuple[str, ...] = ()
    """Origins (``https://www.example.com``) whose pages may offer calls without a pass of the orchestrator's."""
    ice_hosts: tuple[IPvAnyAddress, ...] = ()
    """Addresses of this machine that WebRTC uses (``192.0.2.7``); without it all that it has, but for loopback."""
    ice_servers: tuple[IceServer, ...] = ()
    """STUN and TURN servers for both sides of WebRTC, as JSON: ``[{"urls": ["turn:turn.example.com:3478"], "secret": "..."}]``."""
    max_rehearsals: Annotated[int, Field(ge=0)] = 4
    """Turns of text tests that may be with their models at a time; 0: this engine answers none."""
    inference_workers: Annotated[int, Field(ge=0)] = 0
    """Threads for models; 0 chooses by the machine."""
    plan_timeout_s: Annotated[float, Field(gt=0)] = 0.8
    drain_s: Annotated[float, Field(ge=0)] = 3_600.0
    """How long running calls may go on after SIGTERM."""
    hold_s: Annotated[float, Field(gt=0)] = 600.0
    """How long the other side may be on hold; the call ends then."""
    keep_traces: bool = True
    keep_phrases: bool = False
    """Keep fixed phrases as audio on disk too, so that an engine that starts has them at once."""
    otlp_url: HttpUrl | None = None
    """An OpenTelemetry collector that takes OTLP over HTTP (``http://127.0.0.1:4318``): every call becomes a trace there."""
    otlp_headers: SecretStr = SecretStr("")
    """Headers for it, ``name=value,name=value``: its key, for instance."""
    vad: str = "silero"
    warm: tuple[str, ...] = ("stt:local", "tts:local", "endpoint:smart_turn")
    """Providers to load before the first call, as ``kind:name``."""
    vendor_hosts: tuple[str, ...] = ()
    """Hosts of the operator's own that accounts in plans may name although they are private, or without TLS where there is no key: names
    (``vllm.lan``), addresses, networks (``10.1.0.0/16``). Addresses in this process's environment (``VLLM_BASE_URL``) need no entry."""

    @property
    def webrtc_calls(self) -> int:
        """How many WebRTC calls at most."""
        if self.max_webrtc_calls is not None:
            return self.max_webrtc_calls
        return 24 if self.webrtc_only else 4

    @property
    def steered_at(self) -> str:
        """``control_url`` or what stands for it, without a slash at the end; empty when it cannot be known."""
        if self.control_url is not None:
            return str(self.control_url).rstrip("/")
        if self.port == 0 or self.host in {"", "0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
            return ""
        return f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"
