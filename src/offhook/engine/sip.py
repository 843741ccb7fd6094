"""The engine's line to SIP trunks: who may ring, a call from its INVITE to the engine's hands, and calls that we place.

A call is answered only when its plan is there; what is refused is refused while it rings, so that the carrier or the SBC goes elsewhere.
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import uuid
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
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
from offhook.contracts.trunks import Trunk, TrunkReport, Trunks, TrunksTaken, TrunkState
from offhook.engine.engine import Engine
from offhook.engine.scopes import Work, process_scope
from offhook.engine.settings import EngineSettings
from offhook.engine.sip_gate import KEY, PORT, Dialog, Gate, listening
from offhook.engine.sip_lock import lock
from offhook.engine.sip_logins import Logins
from offhook.engine.sip_placed import Placed
from offhook.engine.sip_trunks import Directory, Rates, split_host
from offhook.engine.tools import signed_headers
from offhook.errors import CallError, ConfigError, NoPlan, NotReached, Refused
from offhook.ports.transport import CallStart

log = logging.getLogger("offhook.sip")
ASK_S: Final = 5.0
"""Seconds between questions for the orchestrator's trunks."""
GONE_S: Final = 3.0
STATUS: Final[Mapping[str, int]] = {"unknown_number": 404, "suspended": 403, "bad_token": 403, "limit": 486}
"""SIP's word for the orchestrator's refusals. Whatever else is refused is refused by 503: another engine may take it."""


class SipLine:
    """All of an engine's SIP. Made by ``sip_line``."""

    def __init__(self, engine: Engine, gate: Gate, stack: Any, group: TaskGroup) -> None:  # noqa: ANN401 - a transport of the registry
        self._engine = engine
        self.gate = gate
        self.logins = Logins(stack, group)
        self.placed = Placed(engine.parts.http, f"{self._base}/dialled" if engine.settings.orchestrator_url else "", engine.parts.secret)
        self.boot = uuid.uuid4().hex
        """Another one after each start: what was asked of an earlier one is not known here."""
        self._stack = stack
        self._group = group
        self._module = registry.transport("sip_stack")
        self._rings: deque[Any] = deque()
        self._rang = asyncio.Event()
        self._hosts: dict[str, tuple[str, ...]] = {}
        self._trunks = Trunks(version="")
        self._registers: frozenset[str] | None = None
        """Trunks (``ref``) that are this engine's to register with; None: all of them, as nobody else is there."""

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
        leg = None
        with self._contained():
            leg = self._stack.leg(native, start, dialog.codec, trunk.host or dialog.peer[0])
        if leg is None:
            dialog.refuse = 503
            self._group.start_soon(self._stack.refuse, native)
            return
        self._group.start_soon(self._carry, leg, dialog)

    async def _carry(self, leg: Any, dialog: Dialog | None) -> None:  # noqa: ANN401 - a leg of the stack's
        """One call to its end; every error ends here, counted by the engine, and told to the caller's side as a status."""
        status = 503  # of a fault of ours too: another engine may take it
        with self._contained():
            async with anyio.create_task_group() as group:
                group.start_soon(leg.run)
                try:
                    await self._engine.take(leg)
                    status = 0
                except Refused as error:
                    status = next((status for word, status in STATUS.items() if error.public.endswith(word)), 503)
                    log.warning("call not taken: %s", error.public, extra={"pii.detail": error.detail})
                except NoPlan as error:
                    log.warning("call not taken: %s", error.public, extra={"pii.detail": error.detail})
                except CallError as error:
                    status = 0
                    log.info("call not taken: %s", error.public, extra={"pii.detail": error.detail})
                finally:
                    if dialog is not None and status:
                        dialog.refuse = status
                        self.gate.refusals[dialog.known.trunk.id] += 1
                    with anyio.CancelScope(shield=True), anyio.move_on_after(GONE_S):
                        await leg.decline()
                    self.gate.ended(leg.call_id)
                    group.cancel_scope.cancel()

    @contextmanager
    def _contained(self) -> Iterator[None]:
        """A fault in the code of one call is no other's, nor the line's."""
        try:
            yield
        except Exception as error:
            self._engine.failures["crash sip"] += 1
            log.error("the code of a call over SIP failed: %s", type(error).__name__, exc_info=True)

    # -- calls that we place ------------------------------------------------------------------------------------------

    async def dial(
        self, trunk: str, to: str, caller_id: str = "", headers: Mapping[str, str] | None = None, token: str = "", carrier_call: str = ""
    ) -> Any:  # noqa: ANN401 - a leg of the stack's
        """Place a call; its leg rings (``reached`` waits for the answer). Raises NotReached."""
        known = self.gate.directory.by_id.get(trunk)
        if known is None:
            raise NotReached("unasked", 0, "there is no such trunk")
        of = known.trunk
        if not of.host:
            raise NotReached("failed", 0, "the trunk has no host to send calls to")
        if self._engine.admission.draining:
            raise NotReached("unasked", 503, "the engine is draining")
        login = self._login(of, caller_id)
        key = uuid.uuid4().hex
        host, port = split_host(of.host)
        self.gate.placing[key] = Dialog(known, (self._address(host), port or PORT), outgoing=True)
        extra = {**(headers or {}), KEY: key}
        if caller_id:
            extra["P-Asserted-Identity"] = f"<sip:{caller_id}@{host}>"
        start = CallStart(
            transport="sip",
            carrier_call=carrier_call,
            did=caller_id,
            caller=to,
            token=token,
            parameters={"trunk": of.id, "trunk_ref": of.ref, "direction": "out"},
        )
        try:
            address = to if to.startswith(("sip:", "sips:")) else f"sip:{to}@{of.host}"
            return await self._stack.dial(login, address, extra, start)
        finally:
            self._group.start_soon(self._forget, key)

    def gone(self, leg: Any) -> None:  # noqa: ANN401 - a leg of the stack's
        """A leg that was placed beside a call's is over."""
        self.gate.ended(leg.call_id)

    def start(self, work: Work, name: str) -> None:
        """Run something for as long as the line is open."""
        self._group.start_soon(work, name=name)

    async def _forget(self, key: str) -> None:
        await anyio.sleep(30)  # an INVITE that has not left by then never will
        self.gate.placing.pop(key, None)

    async def place(self, asked: Dial) -> Dialled:
        """Place a call and carry it once it is answered. The same key again is told how far that is."""
        found = self.placed.get(asked.key)
        if found is not None:
            return found
        now = Dialled(key=asked.key, ref=asked.ref, state="ringing")
        self.placed.now(now)
        try:
            with self._engine.admission.slot():
                leg = await self.dial(asked.trunk, asked.to, asked.caller_id, token=asked.token, carrier_call=asked.key)
        except Refused as error:
            return self.placed.now(now.model_copy(update={"state": "failed", "why": "unasked", "status": 503}), error)
        except NotReached as error:
            return self.placed.now(_failed(now, error), error)
        self.placed.legs[asked.key] = leg
        self._group.start_soon(self._placed, asked, now, leg)
        return now

    async def _placed(self, asked: Dial, now: Dialled, leg: Any) -> None:  # noqa: ANN401 - a leg of the stack's
        try:
            await leg.reached(asked.timeout_s)
        except NotReached as error:
            self.gate.ended(leg.call_id)
            self.placed.now(_failed(now, error, cancelled=asked.key not in self.placed.legs), error)
            return
        finally:
            self.placed.legs.pop(asked.key, None)
        self.placed.now(now.model_copy(update={"state": "answered"}))
        await self._carry(leg, self.gate.dialogs.get(leg.call_id))
        self.placed.now(now.model_copy(update={"state": "ended"}))

    async def cancel(self, key: str) -> Dialled:
        """Stop a placed call while it rings. One that was answered goes on; one that nobody has asked for yet never rings."""
        leg = self.placed.legs.pop(key, None)
        if leg is not None:
            await leg.end()
        # The request to place it may come later than this one: whoever sent it may have been held up.
        return self.placed.get(key) or self.placed.now(Dialled(key=key, state="failed", why="cancelled"))

    def _login(self, trunk: Trunk, caller_id: str = "") -> Any:  # noqa: ANN401 - the stack's
        registers = trunk.auth == "register"
        user = trunk.user if registers or not caller_id else caller_id
        password = trunk.password.get_secret_value()
        return self._module.Login(user or "offhook", trunk.host, password, trunk.codecs, registers, digest_user=trunk.user)

    # -- trunks -----------------------------------------------------------------------------------------------------

    async def use(self, trunks: Trunks) -> None:
        """Take these trunks and no other from now on; calls that are live go on."""
        self._trunks = trunks
        names = {split_host(one.host)[0] for one in trunks.trunks if one.host}
        self._hosts = {name: await _addresses(name) for name in names}
        self.gate.directory = Directory(trunks.trunks, self._hosts)
        await self._register()

    async def _register(self) -> None:
        """Be registered with the trunks that are ours to."""
        mine = [one for one in self._trunks.trunks if one.auth == "register" and self._registers_with(one)]
        await self.logins.want({one.id: self._login(one) for one in mine})

    def _registers_with(self, trunk: Trunk) -> bool:
        return self._registers is None or trunk.ref in self._registers

    async def ask(self) -> None:
        """Ask the orchestrator for trunks, again and again; what it said last counts while it does not answer.

        So does with which we register: where nobody says who else might, better two of us are registered than none.
        """
        self._registers = frozenset()
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

    async def _report(self, *, leaves: bool = False) -> None:
        """Tell it how they fare here, and be told which are ours to register with."""
        settings = self._engine.settings
        takes = not leaves and not self._engine.admission.draining
        told = TrunkReport(engine=settings.steered_at or settings.sip_listen, boot=self.boot, takes=takes, states=self.states())
        body = told.model_dump_json().encode()
        headers = signed_headers(self._engine.parts.secret, f"states.{uuid.uuid4().hex}", body)
        response = await self._engine.parts.http.post(f"{self._url}/states", content=body, headers=headers)
        response.raise_for_status()
        registers = frozenset(TrunksTaken.model_validate_json(response.content).registers)
        if registers != self._registers:
            self._registers = registers
            await self._register()

    async def leave(self) -> None:
        """Be registered nowhere any more, and let another engine be at once, as far as the orchestrator answers."""
        await self.logins.want({})
        if self._registers is not None:
            try:
                await self._report(leaves=True)
            except (httpx.HTTPError, ValidationError, OSError) as error:
                log.warning("the orchestrator was not told that this engine leaves: %s", type(error).__name__)
        await self.use(Trunks(version="closing"))

    @property
    def _base(self) -> str:
        return f"{str(self._engine.settings.orchestrator_url).rstrip('/')}/v1"

    @property
    def _url(self) -> str:
        return f"{self._base}/trunks"

    def states(self) -> tuple[TrunkState, ...]:
        """How each trunk that is the orchestrator's fares."""
        live = Counter(one.known.trunk.id for one in self.gate.dialogs.values() if one.over is None)
        refused = self.gate.refusals
        return tuple(
            TrunkState(
                ref=one.ref, state=self._state(one), error=self.logins.errors.get(one.id, ""), calls=live[one.id], refused=refused[one.id]
            )
            for one in self._trunks.trunks
            if one.ref
        )

    def _state(self, trunk: Trunk) -> Literal["registered", "registering", "ready", "standby", "failed"]:
        if trunk.auth == "address":
            return "ready"
        if not self._registers_with(trunk):
            return "standby"
        if self.logins.registered.get(trunk.id):
            return "registered"
        return "failed" if trunk.id in self.logins.errors else "registering"

    def _address(self, host: str) -> str:
        """Of a host that a trunk names; empty where it has none."""
        return next(iter(self._hosts.get(host, ())), "") or (host if _is_address(host) else "")

    resolved = _address

    def health(self) -> dict[str, object]:
        """Figures for health checks and operators; no data of any call."""
        return {
            "calls": self.gate.live,
            "trunks": len(self.gate.directory.known),
            "registered": dict(self.logins.registered),
            "counts": dict(self.gate.counters),
        }


def _failed(now: Dialled, error: NotReached, *, cancelled: bool = False) -> Dialled:
    why = "cancelled" if cancelled else error.why
    return Dialled.model_validate({**now.model_dump(), "state": "failed", "why": why, "status": error.status})


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


@contextmanager
def _free_port() -> Iterator[int]:
    """A port for the stack, which takes it for UDP and TCP; nobody else is given it meanwhile."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
            udp.bind(("127.0.0.1", 0))
            port: int = udp.getsockname()[1]
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the stack does
            try:
                tcp.bind(("127.0.0.1", port))
            except OSError:
                continue
            yield port
            return


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

    def accepting() -> int | None:
        admission = engine.admission
        return 503 if admission.draining or admission.active >= admission.capacity else None

    lines: list[SipLine] = []
    with _free_port() as port:
        at, rates = ("127.0.0.1", port), Rates(loop.time, settings.sip_invites_per_s)
        gate = Gate(loop.time, accepting, public, at, lambda host: lines[0].resolved(host), rates)
        gate.lock = lock
        try:
            outer, inner = await listening(gate, listen, at)
        except OSError as error:
            raise ConfigError(f"OFFHOOK_ENGINE_SIP_LISTEN: {settings.sip_listen} cannot be listened on: {error.strerror}") from error
    stack = registry.transport("sip_stack").SipStack(port, gate.inside[1], rtp_ports, lambda native: lines[0].arrived(native))
    try:
        await stack.open()
        async with process_scope() as group:
            line = SipLine(engine, gate, stack, group)
            lines.append(line)
            group.start_soon(line.ring, name="calls that arrive")
            engine.parts.wheel.add(stack.beat)
            engine.sip = engine.parts.lines.sip = line
            try:
                if trunks is not None:
                    await line.use(trunks)
                else:
                    group.start_soon(line.ask, name="trunks")
                    group.start_soon(line.placed.tell, name="placed calls told")
                yield line
            finally:
                engine.sip = engine.parts.lines.sip = None
                engine.parts.wheel.remove(stack.beat)
                with anyio.CancelScope(shield=True), anyio.move_on_after(GONE_S):
                    await line.leave()
    finally:
        with anyio.CancelScope(shield=True):
            await stack.close()
        outer.close()
        inner.close()
