"""A real Kamailio with our configuration in front of two peers in the engines' place, and a person behind them.

What a caller hears is read from the packets that reach it. Who is killed is a process, by SIGKILL.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
from tests.telephony.figures import figure
from tests.telephony.sbc_peers import Ringing, until

pytestmark = [
    pytest.mark.telephony,
    pytest.mark.timeout(120),
    pytest.mark.skipif(shutil.which("kamailio") is None, reason="kamailio is not installed (Debian: kamailio)"),
]
DEPLOY = Path(__file__).resolve().parents[2] / "deploy" / "kamailio"
FIRST, SECOND, PERSON = 0x11, 0x22, 0x33


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Site:
    """Kamailio, two engines, a person."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.ports = {FIRST: free_port(), SECOND: free_port(), PERSON: free_port()}
        self.running: dict[int, subprocess.Popen[bytes]] = {}
        self.callers: list[Ringing] = []
        self.log = folder / "kamailio.log"
        self.relay: int | None = None
        """rtpengine's control port, where media goes through it."""

    def peer(self, voice: int, mode: str = "open") -> None:
        """Start one."""
        words = [sys.executable, "-m", "tests.telephony.sbc_peers", str(self.ports[voice]), str(voice), mode]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, cwd=DEPLOY.parents[1])
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        self.running[voice] = process

    def kill(self, voice: int) -> None:
        """End one without a warning."""
        process = self.running.pop(voice)
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()

    def proxy(self) -> subprocess.Popen[bytes]:
        """Start Kamailio."""
        engines = self.folder / "dispatcher.list"
        lines = [f"1 sip:127.0.0.1:{self.ports[voice]}" for voice in (FIRST, SECOND)]
        engines.write_text("\n".join([*lines, f"2 sip:person@127.0.0.1:{self.ports[PERSON]} 8", ""]), encoding="utf-8")
        defines = {
            "LISTEN": f"udp:127.0.0.1:{self.port}",
            "ENGINES": f'"{engines}"',
            "CONTROL": f'"unix:{self.folder}/ctl"',
            "REFER_TO": f'"sip:person@127.0.0.1:{self.ports[PERSON]}"',
        }
        words = ["kamailio", "-DD", "-E", "-f", str(DEPLOY / "kamailio.cfg"), "-Y", str(self.folder), "-m", "32", "-M", "8"]
        if self.relay is not None:
            defines["RTPENGINE"] = f'"udp:127.0.0.1:{self.relay}"'
        for name, value in defines.items():
            words += ["-A", f"{name}={value}"]
        with self.log.open("wb") as log:
            return subprocess.Popen(words, stdout=log, stderr=log)

    def control(self, *words: str) -> str:
        """What kamcmd says."""
        done = subprocess.run(["kamcmd", "-s", f"unix:{self.folder}/ctl", *words], capture_output=True, text=True, check=False, timeout=10)
        return done.stdout + done.stderr

    def state(self, voice: int) -> str:
        """Kamailio's flags of a peer: AP is active and probed, IP inactive, DP disabled."""
        told = self.control("dispatcher.list")
        _, _, rest = told.partition(f"127.0.0.1:{self.ports[voice]}")
        return rest.partition("FLAGS:")[2].split()[0] if "FLAGS:" in rest else ""

    def ring(self) -> Ringing:
        """A call comes in."""
        caller = Ringing(self.port)
        self.callers.append(caller)
        caller.ring()
        return caller

    def wait(self, reached: Callable[[], bool], limit: float = 30.0) -> None:
        """Until it is so."""

        def asked() -> Iterator[bool]:
            while True:
                yield reached()

        try:
            until(self.callers, asked(), limit)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log.read_text(encoding='utf-8', errors='replace')[-6_000:]}") from error


@contextmanager
def relay(made: Site) -> Iterator[None]:
    """A real rtpengine, without its kernel module."""
    made.relay = free_port()
    words = ["rtpengine", "--table=-1", "--interface=127.0.0.1", f"--listen-ng=127.0.0.1:{made.relay}", "--foreground", "--log-stderr"]
    with (made.folder / "rtpengine.log").open("wb") as log:
        process = subprocess.Popen([*words, "--no-fallback", "--log-level=5"], stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(timeout=20)


@contextmanager
def site(folder: Path, *, relayed: bool = False) -> Iterator[Site]:
    """All of it, up; down afterwards."""
    made = Site(folder)
    with relay(made) if relayed else nullcontext(), _site(made):
        yield made


@contextmanager
def _site(made: Site) -> Iterator[Site]:
    for voice in made.ports:
        made.peer(voice)
    proxy = made.proxy()
    try:
        made.wait(lambda: made.state(FIRST) == made.state(SECOND) == "AP")
        yield made
    finally:
        for caller in made.callers:
            caller.hang_up()
            caller.close()
        proxy.terminate()
        proxy.wait(timeout=20)
        for voice in list(made.running):
            made.kill(voice)


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Site]:
    with site(tmp_path) as made:
        yield made


def test_calls_are_spread_over_the_engines(up: Site) -> None:
    for _ in range(4):
        up.ring()
    up.wait(lambda: all(caller.heard for caller in up.callers))
    voices = sorted(caller.heard[0][1] for caller in up.callers)
    assert voices == [FIRST, FIRST, SECOND, SECOND]


def test_an_engine_killed_before_the_call_costs_the_caller_no_call(up: Site) -> None:
    # Killed this moment: Kamailio does not know it yet, and half of the calls are sent there.
    up.kill(FIRST)
    for _ in range(2):
        up.ring()
    up.wait(lambda: all(caller.heard for caller in up.callers))
    waits = [caller.heard[0][0] for caller in up.callers]
    assert {caller.heard[0][1] for caller in up.callers} == {SECOND}
    assert max(waits) < 10
    figure(f"kamailio: engine killed before the call: both callers heard another engine, after {max(waits):.2f} s at most")


def test_no_engine_at_all_is_a_person(up: Site) -> None:
    up.kill(FIRST)
    up.kill(SECOND)
    first = up.ring()
    up.wait(lambda: bool(first.heard))
    assert first.heard[0][1] == PERSON
    up.wait(lambda: up.state(FIRST)[:1] == up.state(SECOND)[:1] == "I")
    known = up.ring()
    up.wait(lambda: bool(known.heard))
    assert known.heard[0][1] == PERSON
    figure(f"kamailio: all engines killed: a person after {first.heard[0][0]:.2f} s, once it is known after {known.heard[0][0]:.2f} s")


def test_an_engine_killed_in_mid_call_is_a_person_for_its_callers_and_nothing_for_others(up: Site) -> None:
    callers = [up.ring(), up.ring()]
    up.wait(lambda: all(len(caller.heard) > 25 for caller in callers))
    [lost] = [caller for caller in callers if caller.heard[0][1] == FIRST]
    [other] = [caller for caller in callers if caller.heard[0][1] == SECOND]
    up.kill(FIRST)
    up.wait(lambda: lost.heard[-1][1] == PERSON)
    at = len(other.heard)
    up.wait(lambda: len(other.heard) > at + 25)
    assert lost.voices() == [FIRST, PERSON]
    assert other.voices() == [SECOND]
    assert (other.referred, other.ended) == (None, None)
    assert lost.gap() < 15
    figure(f"kamailio: engine killed in mid-call: its caller hears a person after {lost.gap():.2f} s of silence, others nothing of it")


def test_a_carrier_that_cannot_refer_is_hung_up_and_not_left_in_silence(up: Site) -> None:
    callers = [up.ring(), up.ring()]
    for caller in callers:
        caller.can_refer = False
    up.wait(lambda: all(len(caller.heard) > 25 for caller in callers))
    [lost] = [caller for caller in callers if caller.heard[0][1] == FIRST]
    up.kill(FIRST)
    killed = lost.now()
    up.wait(lambda: lost.ended is not None)
    assert lost.ended is not None
    figure(f"kamailio: the same where the carrier refuses REFER: hung up after {lost.ended - killed:.2f} s, for the carrier's own fallback")


def test_an_engine_that_is_full_or_drains_gets_no_calls_and_the_caller_does_not_notice(up: Site) -> None:
    up.kill(FIRST)
    up.peer(FIRST, "full")
    callers = [up.ring() for _ in range(4)]
    up.wait(lambda: all(caller.heard for caller in callers))
    assert {caller.heard[0][1] for caller in callers} == {SECOND}
    up.wait(lambda: up.state(FIRST)[:1] == "I")
    # Taken out by hand, as before a deploy: its calls go on, new ones go elsewhere.
    going = callers[0]
    assert "error" not in up.control("dispatcher.set_state", "dp", "1", f"sip:127.0.0.1:{up.ports[SECOND]}").lower()
    late = up.ring()
    up.wait(lambda: bool(late.heard))
    assert late.heard[0][1] == PERSON
    at = len(going.heard)
    up.wait(lambda: len(going.heard) > at + 25)
    assert going.voices() == [SECOND]


@pytest.mark.skipif(shutil.which("rtpengine") is None, reason="rtpengine is not installed (Debian: rtpengine-daemon)")
def test_media_goes_through_rtpengine(tmp_path: Path) -> None:
    with site(tmp_path, relayed=True) as made:
        caller = made.ring()
        made.wait(lambda: len(caller.heard) > 25)
        assert len(caller.sources) == len(caller.own) == 1
        assert caller.sources != caller.own
