"""Other SIP peers than the stack that we use: a booking by voice, and Debian's baresip."""

from __future__ import annotations

import audioop
import math
import shutil
import signal
import struct
import subprocess
import wave as wavfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import httpx
import pytest
from rich.console import Console
from tests.e2e.test_booking_call import platform
from tests.telephony.figures import figure
from tests.telephony.rtp_line import RtpLine
from tests.telephony.sipline import free_port, needs_baresip, needs_sipp, phone, sipp, trunk

from offhook.cli.demo import DID, converse
from offhook.cli.up import keys_of
from offhook.orchestrator.embedded import EmbeddedPostgres
from offhook.testing.caller import Caller, Speech

pytestmark = [pytest.mark.telephony, needs_baresip, pytest.mark.timeout(300)]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    with EmbeddedPostgres(tmp_path / "postgres", durable=False) as running:
        yield running.url()


async def numbered(orchestrator: int, token: str) -> None:
    """The demonstration's number comes by a trunk from here on."""
    base = f"http://127.0.0.1:{orchestrator}/v1/tenants/harbour"
    async with httpx.AsyncClient(timeout=5, headers={"authorization": f"Bearer {token}"}) as http:
        body = {"label": "Exchange", "auth": "address", "sources": ["127.0.0.1"], "codecs": ["PCMU"]}
        made = await http.post(f"{base}/trunks", json=body)
        assert made.status_code == 201, made.text
        numbers = (await http.get(f"{base}/numbers")).json()["data"]
        number = next(one for one in numbers if one["did"] == DID)
        shown = await http.get(f"{base}/numbers/{number['id']}")
        changed = await http.patch(
            f"{base}/numbers/{number['id']}", json={"trunk_id": made.json()["id"]}, headers={"If-Match": shown.headers["etag"]}
        )
        assert changed.is_success, changed.text


async def known(engine: int) -> None:
    """Until the engine has been told of the trunk."""
    async with httpx.AsyncClient(timeout=5) as http:
        with anyio.fail_after(30):
            while not (await http.get(f"http://127.0.0.1:{engine}/healthz")).json()["sip"].get("trunks"):
                await anyio.sleep(0.1)


@needs_sipp
async def test_a_booking_is_made_by_voice_over_sip(tmp_path: Path, server: str) -> None:
    port = free_port()
    settings = {"OFFHOOK_ENGINE_SIP_LISTEN": f"127.0.0.1:{port}", "OFFHOOK_ORCHESTRATOR_TRUNK_NETWORKS": '["127.0.0.0/8"]'}
    async with platform(tmp_path, server, settings=settings) as running, Speech() as speech:
        await numbered(running.orchestrator, keys_of(tmp_path / "state").admin_token)
        await known(running.engine)
        async with RtpLine.on_rtp() as line:
            fields = tmp_path / "ports.csv"
            fields.write_text(f"SEQUENTIAL\n{line.port};\n")
            caller = Caller(line, speech)

            async def ring() -> None:
                words = ("-inf", str(fields), "-s", DID)
                done = await sipp(f"127.0.0.1:{port}", "booking.xml", *words, folder=tmp_path, trace=True, limit=240)
                assert (done.good, done.bad) == (1, 0), done.out[-2_000:]
                line.closed.set()

            async with anyio.create_task_group() as group:
                group.start_soon(ring)
                group.start_soon(line.talk)
                await converse(caller, Console(width=200))
                with anyio.fail_after(60):
                    await line.closed.wait()
            messages = "".join(path.read_text(errors="replace") for path in tmp_path.glob("booking-*.log"))
        sip_call = next(row.split(":", 1)[1].strip() for row in messages.splitlines() if row.startswith("Call-ID:"))
        booked = await running.visits(sip_call)
    assert len(booked) == 1
    assert "james" in booked[0]["name"].lower()  # "Willis", to a small model on a busy machine
    assert "station road" in str(booked[0]["address"]).lower()
    figure(f"SIP: a booking by voice in {len(caller.turns)} turns of the caller, RTP packets heard {line.received}, missing {line.lost}")


def sounds(path: Path) -> None:
    """What the caller says: nothing, 1.2 s of tone, nothing for long."""
    wave = [int(9_000 * math.sin(2 * math.pi * 400 * n / 8_000)) for n in range(9_600)]
    with wavfile.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8_000)
        out.writeframes(bytes(2 * 8_000 * 4) + struct.pack(f"<{len(wave)}h", *wave) + bytes(2 * 8_000 * 20))


@asynccontextmanager
async def debian(folder: Path, dials: str) -> AsyncIterator[anyio.abc.Process]:
    """Debian's baresip, an older relative of our stack built by others, rings somebody; what it hears is in wav files under ``folder``."""
    sounds(folder / "says.wav")
    modules = "\n".join(f"module {name}.so" for name in ("g711", "aufile", "sndfile", "stdio", "account", "menu"))
    (folder / "config").write_text(
        f"module_path /usr/lib/baresip/modules\n{modules}\nsip_listen 127.0.0.1:{free_port()}\nnet_interface 127.0.0.1\n"
        f"audio_source aufile,{folder}/says.wav\naudio_player aufile,{folder}/heard.wav\naudio_alert aufile,{folder}/alert.wav\n"
        f"snd_path {folder}\ncall_max_calls 2\n"
    )
    (folder / "accounts").write_text("<sip:+61400000005@127.0.0.1>;regint=0;audio_codecs=PCMU/8000/1\n")
    command = ["baresip", "-f", str(folder), "-e", f"/dial {dials}"]
    with (folder / "baresip.log").open("wb") as log:
        process = await anyio.open_process(command, stdin=subprocess.PIPE, stdout=log, stderr=log)
        try:
            yield process
        finally:
            with anyio.CancelScope(shield=True):
                if process.returncode is None:
                    process.send_signal(signal.SIGTERM)
                with anyio.move_on_after(5):
                    await process.wait()
                if process.returncode is None:
                    process.kill()
                    await process.wait()


def bursts(path: Path) -> int:
    """Stretches of sound, told apart by half a second of none."""
    with wavfile.open(str(path), "rb") as heard:
        pcm = heard.readframes(heard.getnframes())
        frame = heard.getframerate() // 50 * 2
    found, quiet = 0, 25
    for at in range(0, len(pcm), frame):
        if audioop.max(pcm[at : at + frame], 2) > 1_024:
            found += quiet >= 25
            quiet = 0
        else:
            quiet += 1
    return found


@pytest.mark.skipif(shutil.which("baresip") is None, reason="Debian's baresip (baresip-core) is not installed: scripts/peers.py")
async def test_debian_s_baresip_has_a_turn_with_the_agent(tmp_path: Path) -> None:
    folder = tmp_path / "baresip"
    folder.mkdir()
    async with phone(tmp_path, trunk(codecs=("PCMU",))) as line:
        async with debian(folder, f"sip:+61731234567@{line.at}"):
            with anyio.fail_after(30):
                while not line.engine.calls:
                    await anyio.sleep(0.05)
            call = next(iter(line.engine.calls.values()))
            with anyio.fail_after(40):
                while call.reporter.told < 1 or not call.reporter.ladders:  # until an answer was heard
                    await anyio.sleep(0.05)
            await anyio.sleep(2)
            call.stop()
            await line.idle()
            assert sum(line.engine.ended.values()) == 1
        heard = sorted(folder.glob("*dec.wav")) or sorted(folder.glob("heard.wav"))
        assert heard, (folder / "baresip.log").read_text(errors="replace")[-2_000:]
        assert bursts(heard[0]) >= 2
