"""Other SIP peers than the stack that we use: a booking by voice, and Debian's baresip."""

from __future__ import annotations

import audioop
import math
import shutil
import struct
import wave as wavfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import httpx
import numpy as np
import pytest
from rich.console import Console
from tests.e2e.test_booking_call import platform
from tests.telephony.debian_line import baresip
from tests.telephony.figures import figure
from tests.telephony.ports import free_port
from tests.telephony.rtp_line import RtpLine
from tests.telephony.sipline import needs_baresip, needs_sipp, phone, sipp, trunk

from offhook.cli.demo import DID, converse
from offhook.cli.up import keys_of
from offhook.contracts.trunks import Codec
from offhook.testing.caller import Caller, Speech
from offhook.transports.sip import SipTransport

pytestmark = [pytest.mark.telephony, needs_baresip, pytest.mark.timeout(300)]


async def numbered(orchestrator: int, token: str) -> None:
    """The demonstration's number comes by a trunk from here on."""
    base = f"http://127.0.0.1:{orchestrator}/v1/tenants/harbour"
    async with httpx.AsyncClient(timeout=60, headers={"authorization": f"Bearer {token}"}) as http:
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
    async with httpx.AsyncClient(timeout=60) as http:
        with anyio.fail_after(150):
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
                with anyio.fail_after(150):
                    await line.closed.wait()
            messages = "".join(path.read_text(errors="replace") for path in tmp_path.glob("booking-*.log"))
        sip_call = next(row.split(":", 1)[1].strip() for row in messages.splitlines() if row.startswith("Call-ID:"))
        booked = await running.visits(sip_call)
    assert len(booked) == 1
    assert "james" in booked[0]["name"].lower()  # "Willis", to a small model on a busy machine
    assert "station road" in str(booked[0]["address"]).lower()
    figure(f"SIP: a booking by voice in {len(caller.turns)} turns of the caller, RTP packets heard {line.received}, missing {line.lost}")


@dataclass(frozen=True, slots=True)
class Spoken:
    """A codec as Debian's baresip has it."""

    account: str
    module: str
    rate: int
    channels: int = 1


CODECS = {
    "PCMU": Spoken("PCMU/8000/1", "g711", 8_000),
    "G722": Spoken("G722/16000/1", "g722", 16_000),
    "opus": Spoken("opus/48000/2", "opus", 48_000, 2),
}


def sounds(path: Path, codec: Spoken) -> None:
    """What the caller says: nothing, 1.2 s of tone, nothing for long."""
    rate, each = codec.rate, codec.channels
    wave = [int(9_000 * math.sin(2 * math.pi * 400 * n / rate)) for n in range(rate * 6 // 5) for _ in range(each)]
    with wavfile.open(str(path), "wb") as out:
        out.setnchannels(each)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(bytes(2 * each * rate * 4) + struct.pack(f"<{len(wave)}h", *wave) + bytes(2 * each * rate * 20))


@asynccontextmanager
async def debian(folder: Path, dials: str, codec: Spoken) -> AsyncIterator[anyio.abc.Process]:
    """Debian's baresip rings somebody; what it hears is in wav files under ``folder``."""
    sounds(folder / "says.wav", codec)
    modules = "\n".join(f"module {name}.so" for name in (codec.module, "aufile", "sndfile", "stdio", "account", "menu"))
    (folder / "config").write_text(
        f"module_path /usr/lib/baresip/modules\n{modules}\nsip_listen 127.0.0.1:{free_port()}\nnet_interface 127.0.0.1\n"
        f"audio_source aufile,{folder}/says.wav\naudio_player aufile,{folder}/heard.wav\naudio_alert aufile,{folder}/alert.wav\n"
        f"snd_path {folder}\ncall_max_calls 2\n"
    )
    (folder / "accounts").write_text(f"<sip:+61400000005@127.0.0.1>;regint=0;audio_codecs={codec.account}\n")
    async with baresip(folder, "-e", f"/dial {dials}") as process:
        yield process


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


def pitch(pcm: bytes, rate: int, channels: int = 1) -> float:
    """Hertz that is strongest in the loud fifths of a second; the middle one of them, so that a stall of the machine is none of it."""
    wave = np.frombuffer(pcm, "<i2").reshape(-1, channels).mean(axis=1)
    size = rate // 5
    pieces = [wave[at : at + size] for at in range(0, len(wave) - size, size)]
    found = [int(np.abs(np.fft.rfft(one * np.hanning(size), n=rate)).argmax()) for one in pieces if np.sqrt(np.mean(one**2)) > 1_500]
    return float(np.median(found)) if found else 0.0


@pytest.mark.skipif(shutil.which("baresip") is None, reason="Debian's baresip (baresip-core) is not installed: scripts/peers.py")
@pytest.mark.parametrize("name", list(CODECS))
async def test_debian_s_baresip_has_a_turn_with_the_agent(name: Codec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said, take = bytearray(), SipTransport._take

    def taken(leg: SipTransport) -> bytes:
        data = take(leg)
        said.extend(data)
        return data

    monkeypatch.setattr(SipTransport, "_take", taken)
    folder = tmp_path / "baresip"
    folder.mkdir()
    async with phone(tmp_path, trunk(codecs=(name,))) as line:
        async with debian(folder, f"sip:+61731234567@{line.at}", CODECS[name]):
            with anyio.fail_after(150):
                while not line.engine.calls:
                    await anyio.sleep(0.05)
            call = next(iter(line.engine.calls.values()))
            with anyio.fail_after(150):
                while call.reporter.told < 1 or not call.reporter.ladders:  # until an answer was heard
                    await anyio.sleep(0.05)
            await anyio.sleep(2)
            assert [one.codec for one in line.line.gate.dialogs.values()] == [name]
            call.stop()
            await line.idle()
            assert sum(line.engine.ended.values()) == 1
        heard = sorted(folder.glob("*dec.wav")) or sorted(folder.glob("heard.wav"))
        assert heard, (folder / "baresip.log").read_text(errors="replace")[-2_000:]
        assert bursts(heard[0]) >= 2
        with wavfile.open(str(heard[0]), "rb") as wav:
            agent = pitch(wav.readframes(wav.getnframes()), wav.getframerate(), wav.getnchannels())
        # A semitone is 6 %; a codec's wrong clock, or one channel taken for two, is an octave.
        assert agent == pytest.approx(440, rel=0.01)
        assert pitch(bytes(said), call.transport.format_in.rate) == pytest.approx(400, rel=0.01)
