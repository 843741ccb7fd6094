"""``offhook demo``: start everything, ring it as a carrier does, book an appointment, show what came of it."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import statistics
import sys
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any
from xml.etree import ElementTree

import anyio
import httpx
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from offhook.cli import demo_systems
from offhook.cli.calls import render
from offhook.cli.up import START_LIMIT, keys_of
from offhook.client.models import CallDetail
from offhook.errors import ConfigError, OffhookError
from offhook.testing.caller import Caller, CallFailed, Exchange, Speech
from offhook.testing.carrier import TwilioLine

DID = "+442079460000"
CALLER = "+447911123456"
_MOST_TURNS = 20
INTERRUPTION = "Sorry, how much is the call-out fee?"
ANY_DAY = "Any day is fine, the sooner the better."
"""The longest thing the agent says is its answer to this: there it is interrupted."""
ANSWERS: tuple[tuple[str, str], ...] = (
    # What the agent's words must hold, and what the caller says to that; the first that fits is taken.
    (r"anything else", "No, that is all, thank you."),
    (r"shall i book|is that right|book it", "Yes please."),
    (r"which would you like|would you like", "The first one, please."),
    (r"which day|what day|suit you", ANY_DAY),
    (r"am i speaking", "Yes."),
    (r"number you are calling from", "Yes, that is the best one."),
    (r"number|digit", "Oh seven nine one one, one two three, four five six."),
    (r"your name|surname|first name", "My name is James Wilson."),
    (r"address|postcode", "Fourteen Station Road, N W 1, 4 double A."),
    (r"how soon|need us|urgent", "In the next few days."),
    (r"gone wrong|where in|look at", "The kitchen tap is leaking."),
    (r"how can i help|new job", "Hello, I need a plumber. My kitchen tap is leaking."),
)


def main(
    once: Annotated[bool, typer.Option("--once", help="End by itself after the call.")] = False,
    state_dir: Annotated[Path, typer.Option(help="Database, recordings, secrets.")] = Path("var"),
    orchestrator_port: Annotated[int, typer.Option(help="The orchestrator's port.")] = 8080,
    engine_port: Annotated[int, typer.Option(help="The engine's port.")] = 8081,
) -> None:
    """Start the platform, place one real call to it over the carrier websocket, and stay up until Ctrl-C."""
    console = Console()
    code = 1
    try:
        code = anyio.run(_demo, console, once, state_dir, orchestrator_port, engine_port)
    except* OffhookError as errors:  # the tasks around make groups of it
        for error in _alone(errors):
            console.print(escape(error.public), style="red")
    raise typer.Exit(code)


def _alone(errors: BaseExceptionGroup[OffhookError]) -> Iterator[OffhookError]:
    for one in errors.exceptions:
        yield from _alone(one) if isinstance(one, BaseExceptionGroup) else [one]


async def _demo(console: Console, once: bool, state_dir: Path, orchestrator_port: int, engine_port: int) -> int:
    begin = anyio.current_time()
    async with (
        demo_systems.mill() as mill,
        _platform(state_dir, orchestrator_port, engine_port, mill.origin) as platform,
        Speech() as speech,
    ):
        await _healthy(platform, orchestrator_port, engine_port)
        async with _asking(orchestrator_port, keys_of(state_dir).admin_token) as http:
            await demo_systems.connect(http, mill)
        console.print(f"Started in {anyio.current_time() - begin:.1f} s. Ringing {DID} ...\n")
        token = keys_of(state_dir).admin_token
        caller, failure = await _call(console, speech, orchestrator_port)
        if failure:
            console.print(f"\n{escape(failure)}", style="red")
        booked = await _aftermath(console, orchestrator_port, token, caller, mill)
        _figures(console, caller)
        console.print(f"\nTalk to the agent yourself: http://127.0.0.1:{engine_port}/talk/")
        if not once:
            link = await _setup_link(state_dir / "demo.log")
            portal = f"choose a password at {link}" if link else f"http://127.0.0.1:{orchestrator_port}/"
            console.print(f"See the call in the portal:  {portal}", highlight=False, soft_wrap=True)
            console.print("Ctrl-C ends it.")
            await _interrupted(platform)
    return 0 if booked and not failure else 1


# -- the platform -----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _platform(state_dir: Path, orchestrator_port: int, engine_port: int, origin: str = "") -> AsyncIterator[anyio.abc.Process]:
    """``offhook up`` as a child, ended with us. ``origin``: where a simulated business system answers."""
    ports = ["--orchestrator-port", str(orchestrator_port), "--engine-port", str(engine_port)]
    command = [sys.executable, "-m", "offhook.cli.main", "up", "--state-dir", str(state_dir), *ports]
    log = state_dir / "demo.log"
    origins = {demo_systems.ADAPTER: origin} if origin else {}
    # It is a telephone call: an engine for WebRTC calls would only make it begin later.
    env = {"OFFHOOK_ENGINE_MAX_WEBRTC_CALLS": "0", **os.environ, "OFFHOOK_ORCHESTRATOR_VENDOR_ORIGINS": json.dumps(origins)}
    await anyio.Path(state_dir).mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = await anyio.open_process(command, env=env, stdin=None, stdout=output, stderr=output, start_new_session=True)
        try:
            yield process
        finally:
            with anyio.CancelScope(shield=True):
                if process.returncode is None:
                    process.send_signal(signal.SIGTERM)
                    with anyio.move_on_after(30):
                        await process.wait()
                if process.returncode is None:
                    process.kill()
                    await process.wait()


async def _healthy(platform: anyio.abc.Process, *ports: int) -> None:
    async with httpx.AsyncClient(timeout=2) as http:
        with anyio.move_on_after(START_LIMIT) as limit:
            for port in ports:
                while True:
                    if platform.returncode is not None:
                        raise ConfigError("the platform did not start: its messages are in the state folder's demo.log")
                    try:
                        if (await http.get(f"http://127.0.0.1:{port}/healthz")).is_success:
                            break
                    except httpx.HTTPError:
                        pass
                    await anyio.sleep(0.05)
        if limit.cancelled_caught:
            raise ConfigError(f"the platform was not up after {START_LIMIT:g} s: its messages are in the state folder's demo.log")


async def _setup_link(log: Path) -> str | None:
    """What the platform has printed for its first administrator; None once there is one."""
    found = re.search(r"choose a password at (\S+)", await anyio.Path(log).read_text(encoding="utf-8"))
    return found.group(1) if found else None


async def _interrupted(platform: anyio.abc.Process) -> None:
    async with anyio.create_task_group() as group:

        async def child() -> None:
            await platform.wait()
            group.cancel_scope.cancel()

        group.start_soon(child)
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async for _ in signals:
                group.cancel_scope.cancel()
                return


# -- the call -----------------------------------------------------------------------------------------------------------


async def ring(orchestrator_port: int, call: str, caller: str = CALLER, did: str = DID) -> tuple[str, dict[str, str]]:
    """Ask the orchestrator what to do with a call, as Twilio does; returns the stream's address and parameters."""
    form = {"CallSid": call, "AccountSid": "AC00000000000000000000000000000000", "From": caller, "To": did, "CallStatus": "ringing"}
    async with httpx.AsyncClient(timeout=5) as http:
        answer = await http.post(f"http://127.0.0.1:{orchestrator_port}/carriers/twilio/voice", data=form)
    # The document comes from our own orchestrator on loopback.
    stream = ElementTree.fromstring(answer.text).find("./Connect/Stream")  # noqa: S314
    if stream is None:
        raise ConfigError(f"the orchestrator does not take calls to {did}: it answered {answer.status_code}")
    return stream.attrib["url"], {one.attrib["name"]: one.attrib["value"] for one in stream.findall("Parameter")}


async def _call(console: Console, speech: Speech, orchestrator_port: int) -> tuple[Caller | None, str]:
    call = f"CA{uuid.uuid4().hex}"
    url, parameters = await ring(orchestrator_port, call)
    caller: Caller | None = None
    failure = ""
    try:
        async with TwilioLine.open(url, parameters=parameters, call=call) as line:
            caller = Caller(line, speech)
            await converse(caller, console)
            with anyio.move_on_after(5):
                await line.closed.wait()
    except* CallFailed as errors:  # the line's own tasks make a group of it
        failure = "; ".join(str(one) for one in errors.exceptions)
    return caller, failure


async def converse(caller: Caller, console: Console) -> None:
    """Book a visit: answer what is asked, and interrupt once."""
    interrupted = False
    words = await caller.agent_says()
    _print(console, "agent", words)
    for _ in range(_MOST_TURNS):
        reply = next((answer for pattern, answer in ANSWERS if re.search(pattern, words.lower())), "Sorry, could you say that again?")
        if caller.line.closed.is_set() or "goodbye" in words.lower():
            return
        exchange = await caller.say(reply)
        _print(console, "caller", reply)
        if not interrupted and reply == ANY_DAY:
            interrupted = True
            exchange = await caller.interrupt(INTERRUPTION, 1500)
            _print(console, "caller", INTERRUPTION, "interrupts")
        try:
            words = await caller.agent_says()
        except CallFailed:
            if caller.line.closed.is_set():
                return
            raise
        _print(console, "agent", words, _timing(exchange))
    raise CallFailed(f"the call did not come to an end in {_MOST_TURNS} turns")


def _timing(exchange: Exchange) -> str:
    parts = [] if exchange.latency_ms is None else [f"{exchange.latency_ms:.0f} ms"]
    if exchange.interrupted_after_ms is not None:
        parts.append(f"silent {exchange.interrupted_after_ms:.0f} ms after the caller's first sound")
    return ", ".join(parts)


def _print(console: Console, who: str, words: str, note: str = "") -> None:
    style = "cyan" if who == "agent" else "yellow"
    console.print(f"[{style}]{who:>7}[/]  {escape(words)}" + (f"  [dim]{note}[/]" if note else ""))


# -- what came of it ------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _asking(port: int, token: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=5, headers={"authorization": f"Bearer {token}"}, base_url=f"http://127.0.0.1:{port}") as http:
        yield http


async def _aftermath(console: Console, port: int, token: str, caller: Caller | None, mill: demo_systems.Mill) -> bool:
    """Wait until the call is written down, and show its record. True when exactly one visit was booked, here and in the business system."""
    if caller is None:
        return False
    async with _asking(port, token) as http:
        detail: dict[str, Any] = {}
        with anyio.move_on_after(20):
            while not detail.get("result"):
                listed = (await http.get("/v1/tenants/harbour/calls")).json()["data"]
                found = next((one for one in listed if one["carrier_call"] == caller.line.call), None)
                if found is not None:
                    detail = (await http.get(f"/v1/tenants/harbour/calls/{found['id']}")).json()
                await anyio.sleep(0.1)
        if not detail:
            console.print("the orchestrator has no record of the call", style="red")
            return False
        console.rule("as it lies in the database")
        render(CallDetail.model_validate(detail), console)
        if detail["recording"]:
            where = f"http://127.0.0.1:{port}/v1/tenants/harbour/calls/{detail['call']['id']}/recording"
            console.print(f"recording (left the caller, right the agent) {where}", highlight=False, soft_wrap=True)
        written = await demo_systems.show(http, detail["call"]["id"], mill, console)
    return written and len(detail["appointments"]) == 1


def _figures(console: Console, caller: Caller | None) -> None:
    if caller is None:
        return
    waits = sorted(turn.latency_ms for turn in caller.turns if turn.latency_ms is not None and turn.interrupted_after_ms is None)
    table = Table("figure", "value", title="measured on the audio of this call")
    if waits:
        table.add_row("caller's last sample to first audible answer, median", f"{statistics.median(waits):.0f} ms ({len(waits)} turns)")
        few = " (of so few: the slowest)" if len(waits) < 20 else ""
        table.add_row("the same, 95th percentile", f"{waits[math.ceil(0.95 * len(waits)) - 1]:.0f} ms{few}")
    stops = [turn.interrupted_after_ms for turn in caller.turns if turn.interrupted_after_ms is not None]
    if stops:
        table.add_row("interruption: caller's first sample to silence", f"{stops[0]:.0f} ms")
    table.add_row("most audio ever ahead of the caller's ear", f"{caller.line.most_ahead_ms:.0f} ms")
    table.add_row("protocol faults of the engine", str(len(caller.line.errors)))
    load = os.getloadavg()[0]
    table.add_row("conditions", f"{os.cpu_count()} cores, load {load:.1f}, everything and the caller on this machine")
    console.print(table)
