"""An engine with a SIP line on loopback and scripted speech, and SIPp to ring it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import SecretStr
from tests.scenarios.harness import SCRIPT
from tests.telephony.ports import free_port, taken

from offhook.contracts.trunks import Trunk, Trunks
from offhook.engine.engine import Engine, running
from offhook.engine.lineup import Lineup
from offhook.engine.settings import EngineSettings
from offhook.engine.sip import SipLine, sip_line
from offhook.inference import InferencePool
from offhook.registry import ProviderContext
from offhook.testing.fakes import FakeStt, FakeTts, FakeVad, SttScript, TtsScript
from offhook.weights import ModelStore

FOLDER = Path(__file__).parent / "sipp"
DID = "+61731234567"
WORDS = "I would like to come on Tuesday please."
needs_sipp = pytest.mark.skipif(shutil.which("sipp") is None, reason="SIPp (Debian's sip-tester) is not installed: scripts/peers.py")
needs_baresip = pytest.mark.skipif(sys.platform != "linux", reason="baresip-python is for Linux on x86-64")


class Scripted(Lineup):
    """Hears the same words in every stretch of speech; speaks in tones."""

    async def stt(self, name: str) -> FakeStt:
        return FakeStt(script=SttScript(says=WORDS, final_delay=0.02))

    async def tts(self, name: str) -> FakeTts:
        return FakeTts(TtsScript(first_byte=0.02, seconds_per_word=0.15))

    async def vad(self, name: str) -> FakeVad:
        return FakeVad()


def trunk(**changes: Any) -> Trunk:
    values: dict[str, Any] = {"id": "one", "auth": "address", "sources": ("127.0.0.1",), "dids": (DID,), "codecs": ("PCMU", "PCMA")}
    return Trunk(**{**values, **changes})


@dataclass
class Phone:
    """The engine, its line, and where it listens."""

    engine: Engine
    line: SipLine
    port: int
    folder: Path
    seen: list[str] = field(default_factory=list)

    @property
    def at(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def idle(self, seconds: float = 50.0) -> None:
        """Until no call is left; fails where that is never."""
        with anyio.fail_after(seconds):
            while self.engine.admission.active or self.line.gate.live:
                await anyio.sleep(0.05)

    def count(self, name: str) -> int:
        return self.line.gate.counters[name]


@asynccontextmanager
async def phone(
    folder: Path, *trunks: Trunk, plan: dict[str, Any] | None = None, lineup: type[Scripted] = Scripted, **changes: Any
) -> AsyncIterator[Phone]:
    port = free_port()
    given = folder / "plan.json"
    given.write_text(json.dumps(plan if plan is not None else {"script": SCRIPT, "record": False}))
    listed = Trunks(version="1", trunks=trunks or (trunk(),))
    values = listed.model_dump(mode="json")
    for one, known in zip(values["trunks"], listed.trunks, strict=True):
        one["password"] = known.password.get_secret_value()
    (folder / "trunks.json").write_text(json.dumps(values))
    settings = EngineSettings(
        **{
            "plan": given,
            "state_dir": folder / "state",
            "warm": (),
            "secret": SecretStr(""),
            "drain_s": 0.0,
            "keep_traces": False,
            "sip_listen": f"127.0.0.1:{port}",
            "sip_trunks": folder / "trunks.json",
            "sip_invites_per_s": 200.0,
            **changes,
        }
    )

    def lineup_of(pool: InferencePool) -> Lineup:
        return lineup(ProviderContext(pool=pool, weights=ModelStore(None), env={}))

    async with running(settings, lineup_of) as engine, sip_line(engine) as line:
        assert line is not None
        yield Phone(engine, line, port, folder)


@dataclass(frozen=True)
class Sipp:
    """What SIPp came to."""

    code: int
    out: str
    messages: str

    @property
    def good(self) -> int:
        return self._of("Successful call")

    @property
    def bad(self) -> int:
        return self._of("Failed call")

    def _of(self, name: str) -> int:
        lines = [line for line in self.out.splitlines() if name in line]
        return int(lines[-1].split("|")[2].strip()) if lines else -1


async def sipp(
    target: str,
    scenario: str,
    *words: str,
    calls: int = 1,
    folder: Path,
    host: str = "127.0.0.1",
    trace: bool = False,
    limit: int = 240,
    port: int = 0,
    ready: anyio.Event | None = None,
) -> Sipp:
    """Run a scenario of ours to its end. ``ready`` is told when SIPp has its port."""
    port = port or free_port()
    log, told = (folder / f"{Path(scenario).stem}-{port}-{uuid.uuid4().hex[:8]}.{kind}" for kind in ("log", "out"))
    command = [
        *("sipp", target, "-nostdin", "-sf", str(FOLDER / scenario), "-i", host, "-m", str(calls), "-s", DID),
        *("-timeout", f"{limit}s", "-timeout_error", "-default_behaviors", "all,-bye"),
        *("-mp", str(free_port(4)), "-p", str(port)),
        *(("-trace_msg", "-message_file", str(log)) if trace else ()),
        *words,
    ]
    with told.open("wb") as out:
        async with await anyio.open_process(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out) as process:
            if ready is not None:
                assert await taken(process, port), told.read_text(errors="replace")[-2_000:]
                ready.set()
            await process.wait()
    assert process.returncode is not None
    return Sipp(process.returncode, told.read_text(errors="replace"), log.read_text(errors="replace") if log.exists() else "")


@asynccontextmanager
async def answering(
    folder: Path, scenario: str, port: int, *words: str, calls: int = 1, trace: bool = True
) -> AsyncIterator[Callable[[], Awaitable[Sipp]]]:
    """SIPp as the other side, which is rung at a port; awaiting what is given waits for its end, as leaving the block does."""
    done: list[Sipp] = []
    ready, over = anyio.Event(), anyio.Event()

    async def run() -> None:
        done.append(await sipp("127.0.0.1", scenario, *words, calls=calls, folder=folder, trace=trace, port=port, ready=ready))
        over.set()

    async def finished() -> Sipp:
        await over.wait()
        return done[0]

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        await ready.wait()
        yield finished


def loud(pcm: Sequence[int]) -> bool:
    return max((abs(one) for one in pcm), default=0) > 1_024
