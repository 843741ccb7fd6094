"""SIP and RTP on baresip: the one stack of a process, whose legs are CallTransports (``transports/sip.py``).

The stack listens on loopback alone and talks to one peer, the gate in front of it (``engine/sip_gate.py``), which knows trunks, sources and
public addresses. What is asked of it here is little, so that another stack can take its place (decision 0020): incoming and outgoing calls
with PCM in and out, telephone keys, hold, REFER. It runs in threads of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import anyio

from offhook.errors import ConfigError, NotReached
from offhook.ports.transport import CallStart
from offhook.transports._baresip import library
from offhook.transports._sip_counts import Counts
from offhook.transports.sip import FORMATS, GOODBYE_S, SipTransport

if TYPE_CHECKING:
    from baresip import Runtime, StackEvent, UserAgent

log = logging.getLogger("offhook.sip")
_NAMES: Final = {"PCMU": "pcmu", "PCMA": "pcma", "G722": "g722/16000/1", "opus": "opus/48000/2"}
RTP_TIMEOUT_S: Final = 60
"""A caller of whom no packet has come for so long, and who is not on hold, has gone without a goodbye."""


@dataclass(frozen=True, slots=True)
class Login:
    """As whom calls are placed, and registered where there is a password or a registrar that asks."""

    user: str
    host: str
    password: str = ""
    codecs: tuple[str, ...] = ("PCMU", "PCMA")
    registers: bool = False
    digest_user: str = ""
    """As whom a challenge is answered; ``user`` without it."""


class SipStack:
    """The stack of this process; there can be one. ``arrived`` is told of every incoming leg, by its Call-ID."""

    def __init__(
        self, port: int, gate: int, rtp_ports: tuple[int, int], arrived: Callable[[Any], None], codecs: Sequence[str] = tuple(FORMATS)
    ) -> None:
        self._port = port
        self._gate = gate
        self._rtp_ports = rtp_ports
        self._arrived = arrived
        self._codecs = codecs
        self._runtime: Runtime | None = None
        self._agents: dict[Login, UserAgent] = {}
        self._making = anyio.Lock()
        """Of agents: two of one login would be registered twice, and logged out once."""
        self._legs: list[SipTransport] = []
        self._counts: Counts | None = None

    async def open(self) -> None:
        """Start it. Raises ConfigError."""
        baresip = library()
        low, high = self._rtp_ports
        config = baresip.Config(
            net_interface="127.0.0.1",
            max_concurrent_calls=None,
            rtp_timeout=RTP_TIMEOUT_S,
            native_log_level="error",
            extra_config_text=(
                f"sip_listen 127.0.0.1:{self._port}\nrtp_ports {low}-{high}\n"
                "audio_jitter_buffer_type adaptive\naudio_jitter_buffer_ms 20-160\naudio_buffer 20-160\n"
            ),
        )
        logging.getLogger("baresip").setLevel(logging.ERROR)  # it tells of every call, with the caller's number
        self._runtime = baresip.Runtime(native_log_level="error")
        try:
            await self._runtime.start(config)
            agent = await baresip.UserAgent.create(
                self._runtime,
                baresip.Account(
                    user="offhook",
                    domain=f"127.0.0.1:{self._port}",
                    password="",
                    reg_interval=0,
                    audio_codecs=tuple(_NAMES[codec] for codec in self._codecs),
                    extra_params=("catchall=yes",),
                ),
            )
        except baresip.BaresipError as error:
            raise ConfigError("the SIP stack does not start", detail=str(error)) from error
        agent.on_incoming(self._arrived)
        self._counts = Counts(str(baresip._native.__file__))

    async def close(self) -> None:
        """Stop it; all legs are over then."""
        if self._counts is not None:
            self._counts.close()
        if self._runtime is not None:
            await self._runtime.close()
            self._runtime = None

    def leg(self, call: Any, start: CallStart, codec: str, domain: str) -> SipTransport:  # noqa: ANN401 - what ``arrived`` was told of
        """An incoming call's leg, which rings. ``domain``: where the trunk's other numbers are."""
        return self._kept(SipTransport(call, start, codec, domain, counts=self._counts))

    async def refuse(self, call: Any) -> None:  # noqa: ANN401 - what ``arrived`` was told of
        """An incoming call that nobody wants."""
        try:
            await call.reject()
        except library().BaresipError:
            log.debug("a call to be refused had gone")

    async def dial(self, login: Login, uri: str, headers: Mapping[str, str], start: CallStart) -> SipTransport:
        """Place a call; the leg rings. Raises NotReached."""
        baresip = library()
        try:
            agent = await self._agent(login)
            with self._hearing() as told:
                call = await agent.dial(uri, dict(headers))
        except (baresip.BaresipError, ValueError) as error:
            raise NotReached("failed", 0, "the call could not be placed", detail=str(error)) from error
        leg = self._kept(SipTransport(call, start, login.codecs[0], login.host, outgoing=True, counts=self._counts))
        for event in told:
            call._on_stack_event(event)  # what is another call's it leaves alone
        return leg

    @contextmanager
    def _hearing(self) -> Iterator[list[StackEvent]]:
        """What the stack tells meanwhile: an answer may come before the call has been handed over, and nobody would hear of it."""
        assert self._runtime is not None  # noqa: S101 - agents are its
        told: list[StackEvent] = []
        listener = told.append
        self._runtime.subscribe(listener)
        try:
            yield told
        finally:
            self._runtime.unsubscribe(listener)

    async def register(self, login: Login) -> None:
        """Log in with digest and stay so. Raises NotReached with the registrar's status."""
        baresip = library()
        try:
            await (await self._agent(login)).register()
        except baresip.RegistrationError as error:
            raise NotReached("refused" if error.status else "failed", error.status or 0, "the registration failed") from error
        except baresip.BaresipError as error:
            raise NotReached("failed", 0, "the registration failed", detail=str(error)) from error

    async def unregister(self, login: Login) -> None:
        """Log out, as far as the registrar answers."""
        agent = self._agents.get(login)
        if agent is not None:
            try:
                await agent.unregister(timeout=GOODBYE_S)
            except library().BaresipError:
                log.info("a registrar did not confirm that we left")

    async def _agent(self, login: Login) -> UserAgent:
        async with self._making:
            if login not in self._agents:
                baresip = library()
                account = baresip.Account(
                    user=login.user,
                    domain=login.host,
                    password=login.password,
                    auth_user=login.digest_user or None,
                    registrar=f"sip:127.0.0.1:{self._gate}",
                    reg_interval=600 if login.registers else 0,
                    audio_codecs=tuple(_NAMES[codec] for codec in login.codecs),
                )
                self._agents[login] = await baresip.UserAgent.create(self._runtime, account)
            return self._agents[login]

    def _kept(self, leg: SipTransport) -> SipTransport:
        self._legs.append(leg)
        return leg

    def beat(self) -> None:
        """Once every 20 ms, for all legs."""
        gone = False
        for leg in self._legs:
            try:
                leg.beat()
            except Exception as error:
                log.error("the media of a call over SIP failed: %s", type(error).__name__, exc_info=True)
                leg.fail()
            gone = gone or leg.over
        if gone:
            self._legs = [leg for leg in self._legs if not leg.over]
