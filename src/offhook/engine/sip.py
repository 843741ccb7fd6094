"""The engine's line to SIP trunks: who may ring, a call from its INVITE to the engine's hands, and calls that we place.

A call is answered only when its plan is there; what is refused is refused while it rings, so that the carrier or the SBC goes elsewhere.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import uuid
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, Literal

import anyio
import anyio.to_thread
import httpx
from anyio.abc import TaskGroup
from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from offhook import registry
from offhook.contracts.dial import Dial, Dialled
from offhook.contracts.trunks import Trunk, TrunkReport, Trunks, TrunkState
from offhook.engine.engine import Engine
from offhook.engine.scopes import process_scope
from offhook.engine.settings import EngineSettings
from offhook.engine.sip_gate import KEY, PORT, Dialog, Gate, listening
from offhook.engine.sip_lock import lock
from offhook.engine.sip_trunks import Directory, Rates, split_host
from offhook.engine.tools import signed_headers
from offhook.errors import CallError, ConfigError, NoPlan, NotReached, OffhookError, Refused
from offhook.ports.transport import CallStart

log = logging.getLogger("offhook.sip")
ASK_S: Final = 5.0
"""Seconds between questions for the orchestrator's trunks."""
AGAIN_S: Final = (2.0, 5.0, 15.0, 60.0)
"""Seconds between attempts to register."""
KEPT: Final = 5_000
"""Placed calls whose end is remembered."""
GONE_S: Final = 3.0
STATUS: Final[Mapping[str, int]] = {"unknown_number": 404, "suspended": 403, "bad_token": 403, "limit": 486}
"""SIP's word for the orchestrator's refusals. Whatever else is refused is refused by 503: another engine may take it."""


class SipLine:
    """All of an engine's SIP. Made by ``sip_line``."""

    def __init__(self, engine: Engine, gate: Gate, stack: Any, group: TaskGroup) -> None:  # noqa: ANN401 - a transport of the registry
        self.gate = gate
        self.registered: dict[str, bool] = {}
        self._engine = engine
        self._stack = stack
        self._group = group
        self._transports = registry.transport("sip")
        self._logins: dict[str, tuple[Any, anyio.CancelScope]] = {}
        self._rings: deque[Any] = deque()
        self._rang = asyncio.Event()
        self._dialled: OrderedDict[str, Dialled] = OrderedDict()
        self._hosts: dict[str, tuple[str, ...]] = {}
        self._trunks = Trunks(version="")
        self._errors: dict[str, str] = {}
        """Why a trunk is not registered."""

    # -- calls that come --------------------------------------------------------------------------------------------

    def arrived(self, native: Any) -> None:  # noqa: ANN401 - the stack's call
        """The stack has a new call, which the gate let through. Called from the loop and from no task, where none can be begun."""
        self._rings.append(native)
        self._rang.set()

    async def ring(self) -> None:
        """Begin the calls that have arrived, one after the other."""
        while True:
            await self._rang.wait()
            self._rang.clear()
            while self._rings:
                self._begin(self._rings.popleft())

    def _begin(self, native: Any) -> None:  # noqa: ANN401 - the stack's call
        dialog = self.gate.dialogs.get(native.call_id or "")
        if dialog is None or dialog.over is not None or dialog.outgoing:
            self._group.start_soon(self._stack.refuse, native)
            return
        trunk = dialog.known.trunk
        start = CallStart(
            transport="sip",
            carrier_call=native.call_id,
            did=dialog.did,
            caller=dialog.caller,
            parameters={"trunk": trunk.id, "trunk_ref": trunk.ref, "sip_call_id": native.call_id[:200]},
        )
        self._group.start_soon(self._carry, self._stack.leg(native, start, dialog.codec, trunk.host or dialog.peer[0]), dialog)

    async def _carry(self, leg: Any, dialog: Dialog) -> None:  # noqa: ANN401 - a leg of the stack's
        """One call to its end; every error ends here, counted by the engine, and told to the caller's side as a status."""
        async with anyio.create_task_group() as group:
            group.start_soon(leg.run)
            try:
                await self._engine.take(leg)
            except Refused as error:
                dialog.refuse = next((status for word, status in STATUS.items() if error.public.endswith(word)), 503)
                log.warning("call not taken: %s", error.public, extra={"pii.detail": error.detail})
            except NoPlan as error:
                dialog.refuse = 503
                log.warning("call not taken: %s", error.public, extra={"pii.detail": error.detail})
            except CallError as error:
                log.info("call not taken: %s", error.public, extra={"pii.detail": error.detail})
            finally:
                with anyio.CancelScope(shield=True), anyio.move_on_after(GONE_S):
                    await leg.decline()
                self.gate.refusals[dialog.known.trunk.id] += dialog.refuse > 0
                self.gate.ended(leg.call_id)
                group.cancel_scope.cancel()

    # -- calls that we place ------------------------------------------------------------------------------------------

    async def dial(self, trunk: str, to: str, caller_id: str = "", headers: Mapping[str, str] | None = None, token: str = "") -> Any:  # noqa: ANN401
        """Place a call; its leg rings (``reached`` waits for the answer). Raises NotReached."""
        known = self.gate.directory.by_id.get(trunk)
        if known is None:
            raise NotReached("failed", 0, "there is no such trunk")
        of = known.trunk
        if not of.host:
            raise NotReached("failed", 0, "the trunk has no host to send calls to")
        if self._engine.admission.draining:
            raise NotReached("failed", 503, "the engine is draining")
        login = self._login(of, caller_id)
        key = uuid.uuid4().hex
        host, port = split_host(of.host)
        self.gate.placing[key] = Dialog(known, (self._address(host), port or PORT), outgoing=True)
        extra = {**(headers or {}), KEY: key}
        if caller_id:
            extra["P-Asserted-Identity"] = f"<sip:{caller_id}@{host}>"
        start = CallStart(
            transport="sip",
            did=caller_id,
            caller=to,
            token=token,
            parameters={"trunk": of.id, "trunk_ref": of.ref, "direction": "out"},
        )
        try:
            return await self._stack.dial(login, f"sip:{to}@{of.host}", extra, start)
        finally:
            self._group.start_soon(self._forget, key)

    async def _forget(self, key: str) -> None:
        await anyio.sleep(30)  # an INVITE that has not left by then never will
        self.gate.placing.pop(key, None)

    async def place(self, asked: Dial) -> Dialled:
        """Place a call and carry it once it is answered. The same key again is told how far that is."""
        found = self._dialled.get(asked.key)
        if found is not None:
            return found
        self._told(Dialled(key=asked.key, state="ringing"))
        try:
            with self._engine.admission.slot():
                leg = await self.dial(asked.trunk, asked.to, asked.caller_id, token=asked.token)
        except Refused as error:
            return self._told(Dialled(key=asked.key, state="failed", why="failed", status=503), error)
        except NotReached as error:
            return self._told(_failed(asked.key, error), error)
        self._group.start_soon(self._placed, asked, leg)
        return self._dialled[asked.key]

    async def _placed(self, asked: Dial, leg: Any) -> None:  # noqa: ANN401 - a leg of the stack's
        try:
            await leg.reached(asked.timeout_s)
        except NotReached as error:
            self.gate.ended(leg.call_id)
            self._told(_failed(asked.key, error), error)
            return
        self._told(Dialled(key=asked.key, state="answered"))
        dialog = self.gate.dialogs.get(leg.call_id)
        await self._carry(leg, dialog if dialog is not None else Dialog(next(iter(self.gate.directory.known)), ("", 0)))
        self._told(Dialled(key=asked.key, state="ended"))

    def dialled(self, key: str) -> Dialled | None:
        """How far a placed call is; None for one that was never asked for, or long ago."""
        return self._dialled.get(key)

    def _told(self, now: Dialled, error: OffhookError | None = None) -> Dialled:
        self._dialled[now.key] = now
        if len(self._dialled) > KEPT:
            self._dialled.popitem(last=False)
        if error is not None:
            log.info("a call was not placed: %s", error.public, extra={"pii.detail": error.detail})
        return now

    def _login(self, trunk: Trunk, caller_id: str = "") -> Any:  # noqa: ANN401 - the stack's
        registers = trunk.auth == "register"
        user = trunk.user if registers or not caller_id else caller_id
        return self._transports.Login(
            user=user or "offhook", host=trunk.host, password=trunk.password.get_secret_value(), codecs=trunk.codecs, registers=registers
        )

    # -- trunks -----------------------------------------------------------------------------------------------------

    async def use(self, trunks: Trunks) -> None:
        """Take these trunks and no other from now on; calls that are live go on."""
        usable = tuple(one for one in trunks.trunks if _usable(one))
        for one in trunks.trunks:
            if not _usable(one):
                log.warning("trunk %s is not used: SIP over %s needs an SBC in front", one.id, one.transport)
        self._trunks = trunks
        names = {split_host(one.host)[0] for one in usable if one.host}
        self._hosts = {name: await _addresses(name) for name in names}
        self.gate.directory = Directory(usable, self._hosts)
        wanted = {one.id: self._login(one) for one in usable if one.auth == "register"}
        for name in [name for name, (login, _) in self._logins.items() if wanted.get(name) != login]:
            login, scope = self._logins.pop(name)
            scope.cancel()
            self.registered.pop(name, None)
            self._errors.pop(name, None)
            await self._stack.unregister(login)
        for name, login in wanted.items():
            if name not in self._logins:
                scope = anyio.CancelScope()
                self._logins[name] = (login, scope)
                self._group.start_soon(self._register, name, login, scope)

    async def _register(self, name: str, login: Any, scope: anyio.CancelScope) -> None:  # noqa: ANN401 - the stack's
        """Until it has succeeded; the stack renews it from then on."""
        with scope:
            pauses = iter(AGAIN_S)
            pause = next(pauses)
            while True:
                try:
                    await self._stack.register(login)
                except NotReached as error:
                    self.registered[name] = False
                    self._errors[name] = f"status {error.status}" if error.status else "no answer"
                    log.warning("trunk %s is not registered: status %s", name, error.status or "none")
                    await anyio.sleep(pause)
                    pause = next(pauses, pause)
                    continue
                self.registered[name] = True
                self._errors.pop(name, None)
                return

    async def ask(self) -> None:
        """Ask the orchestrator for trunks, again and again; what it said last counts while it does not answer."""
        while True:
            try:
                trunks = await self._asked()
                if trunks is not None and trunks.version != self._trunks.version:
                    await self.use(trunks)
                await self._report()
            except (httpx.HTTPError, ValidationError, OSError) as error:
                log.warning("no word of trunks: %s", type(error).__name__)
            await anyio.sleep(ASK_S)

    async def _asked(self) -> Trunks | None:
        """The orchestrator's trunks; None where they are those that we have."""
        headers = signed_headers(self._engine.parts.secret, f"trunks.{uuid.uuid4().hex}", b"")
        if self._trunks.version:
            headers["If-None-Match"] = f'"{self._trunks.version}"'
        response = await self._engine.parts.http.get(self._url, headers=headers)
        if response.status_code == 304:
            return None
        response.raise_for_status()
        return Trunks.model_validate_json(response.content)

    async def _report(self) -> None:
        """Tell it how they fare here."""
        settings = self._engine.settings
        told = TrunkReport(engine=settings.steered_at or settings.sip_listen, states=self.states())
        body = told.model_dump_json().encode()
        headers = signed_headers(self._engine.parts.secret, f"states.{uuid.uuid4().hex}", body)
        (await self._engine.parts.http.post(f"{self._url}/states", content=body, headers=headers)).raise_for_status()

    @property
    def _url(self) -> str:
        return f"{str(self._engine.settings.orchestrator_url).rstrip('/')}/v1/trunks"

    def states(self) -> tuple[TrunkState, ...]:
        """How each trunk that is the orchestrator's fares."""
        live = Counter(one.known.trunk.id for one in self.gate.dialogs.values() if one.over is None)
        refused = self.gate.refusals
        return tuple(
            TrunkState(ref=one.ref, state=self._state(one), error=self._errors.get(one.id, ""), calls=live[one.id], refused=refused[one.id])
            for one in self._trunks.trunks
            if one.ref
        )

    def _state(self, trunk: Trunk) -> Literal["registered", "registering", "ready", "failed", "off"]:
        if not _usable(trunk):
            return "off"
        if trunk.auth == "address":
            return "ready"
        if self.registered.get(trunk.id):
            return "registered"
        return "failed" if trunk.id in self._errors else "registering"

    def _address(self, host: str) -> str:
        """Of a host that a trunk names; empty where it has none."""
        return next(iter(self._hosts.get(host, ())), "") or (host if _is_address(host) else "")

    resolved = _address

    def health(self) -> dict[str, object]:
        """Figures for health checks and operators; no data of any call."""
        return {
            "calls": self.gate.live,
            "trunks": len(self.gate.directory.known),
            "registered": dict(self.registered),
            "counts": dict(self.gate.counters),
        }


def _failed(key: str, error: NotReached) -> Dialled:
    return Dialled.model_validate({"key": key, "state": "failed", "why": error.why, "status": error.status})


def _usable(trunk: Trunk) -> bool:
    """The gate speaks UDP. TCP, TLS and SRTP are an SBC's (decision 0020)."""
    return trunk.transport == "udp"


def _is_address(host: str) -> bool:
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    except OSError:
        return False
    return True


async def _addresses(name: str) -> tuple[str, ...]:
    if _is_address(name):
        return (name,)
    try:
        found = await anyio.getaddrinfo(name, None, family=socket.AF_INET, type=socket.SOCK_DGRAM)
    except OSError:
        log.warning("a trunk's host has no address")
        return ()
    return tuple(dict.fromkeys(str(one[4][0]) for one in found))


def read_trunks(path: Path) -> Trunks:
    """Trunks of a file: ``trunks:`` and a list, as the orchestrator would say them. Raises ConfigError, naming the field."""
    try:
        text = path.read_text(encoding="utf-8")
        values = json.loads(text) if path.suffix == ".json" else YAML(typ="safe", pure=True).load(text)
        return Trunks.model_validate({"version": "file", **values})
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        raise ConfigError(f"{path}: not trunks: {'.'.join(str(part) for part in first['loc'])}: {first['msg']}") from None
    except (YAMLError, ValueError, TypeError) as error:
        raise ConfigError(f"{path}: not a document of trunks (YAML, or JSON in a .json)") from error


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _listen(settings: EngineSettings) -> tuple[tuple[str, int], tuple[str, int], tuple[int, int]]:
    """Where to listen, how that is reached, and ports for media. Raises ConfigError."""
    host, port = split_host(settings.sip_listen)
    if not _is_address(host) or not port:
        raise ConfigError("OFFHOOK_ENGINE_SIP_LISTEN: not an address and a port (192.0.2.7:5060)")
    public, outside = split_host(settings.sip_public) if settings.sip_public else (host, port)
    if not _is_address(public) or public in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        raise ConfigError("OFFHOOK_ENGINE_SIP_PUBLIC: an address by which carriers reach this engine is needed")
    low, high = (int(part) for part in settings.sip_rtp_ports.split("-"))
    if not 1_024 <= low < high <= 65_535:
        raise ConfigError("OFFHOOK_ENGINE_SIP_RTP_PORTS: not a range of ports (20000-29999)")
    return (host, port), (public, outside or port), (low, high)


@asynccontextmanager
async def sip_line(engine: Engine) -> AsyncIterator[SipLine | None]:
    """The line, where the settings ask for one. Raises ConfigError."""
    settings = engine.settings
    if not settings.sip_listen:
        yield None
        return
    listen, public, rtp_ports = _listen(settings)
    trunks = read_trunks(settings.sip_trunks) if settings.sip_trunks is not None else None
    if trunks is None and settings.orchestrator_url is None:
        raise ConfigError("OFFHOOK_ENGINE_SIP_TRUNKS: an engine that runs alone needs a file of trunks")
    loop = asyncio.get_running_loop()
    stack_at = ("127.0.0.1", _free_port())

    def accepting() -> int | None:
        admission = engine.admission
        return 503 if admission.draining or admission.active >= admission.capacity else None

    lines: list[SipLine] = []
    gate = Gate(loop.time, accepting, public, stack_at, lambda host: lines[0].resolved(host), Rates(loop.time, settings.sip_invites_per_s))
    gate.lock = lock
    try:
        outer, inner = await listening(gate, listen, stack_at)
    except OSError as error:
        raise ConfigError(f"OFFHOOK_ENGINE_SIP_LISTEN: {settings.sip_listen} cannot be listened on: {error.strerror}") from error
    stack = registry.transport("sip").SipStack(stack_at[1], gate.inside[1], rtp_ports, lambda native: lines[0].arrived(native))
    try:
        await stack.open()
        async with process_scope() as group:
            line = SipLine(engine, gate, stack, group)
            lines.append(line)
            group.start_soon(line.ring, name="calls that arrive")
            engine.parts.wheel.add(stack.beat)
            engine.sip = line
            try:
                if trunks is not None:
                    await line.use(trunks)
                else:
                    group.start_soon(line.ask, name="trunks")
                yield line
            finally:
                engine.sip = None
                engine.parts.wheel.remove(stack.beat)
                with anyio.CancelScope(shield=True), anyio.move_on_after(GONE_S):
                    await line.use(Trunks(version="closing"))
    finally:
        with anyio.CancelScope(shield=True):
            await stack.close()
        outer.close()
        inner.close()
