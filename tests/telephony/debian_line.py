"""Debian's baresip as the telephone of the caller that books: it is told what to play, and what it hears is read as it is recorded."""

from __future__ import annotations

import json
import signal
import subprocess
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import anyio
from anyio.abc import ByteStream, Process
from tests.telephony.ports import free_port
from websockets.asyncio.client import ClientConnection

from offhook.core.audio.g711 import mulaw_to_pcm, pcm_to_mulaw
from offhook.testing.carrier import FRAME, RATE, TwilioLine

MODULES = ("g711", "aufile", "sndfile", "account", "menu", "ctrl_tcp")
SILENCE = 120
"""Seconds of it after all that is said: baresip hangs up at the end of a file."""
HEADER = 44
AHEAD = 3
"""Frames that are gathered before they are played: what a telephone's jitter buffer does."""


@dataclass
class DebianLine(TwilioLine):
    """A call of Debian's baresip. Made by ``rung``; its clock is ours, from the answer on."""

    folder: Path = Path()
    control: ByteStream | None = None
    """Where baresip takes commands, and tells what comes of the call."""
    established: anyio.Event = field(default_factory=anyio.Event)
    lines: int = 0
    """How often the source of the running call was switched to another file."""
    _orders: list[tuple[str, str]] = field(default_factory=list)
    _taken: int = HEADER
    """Bytes of the recording that have been heard."""

    def play(self, mulaw: bytes) -> tuple[int, int]:
        begin, end = super().play(mulaw)
        self.lines += 1
        name = f"line-{self.lines}.wav"
        written(self.folder / name, mulaw)
        self._orders.append(("ausrc", f"aufile,{name}"))
        return begin, end

    async def hang_up(self) -> None:
        if not self.closed.is_set():
            await self.order("hangup")
            with anyio.move_on_after(5):
                await self.closed.wait()

    async def order(self, command: str, parameters: str = "") -> None:
        """A command of baresip's menu."""
        assert self.control is not None
        text = json.dumps({"command": command, "params": parameters, "token": command})
        await self.control.send(f"{len(text)}:{text},".encode())

    async def talk(self) -> None:
        """From the answer on: the caller's clock."""
        await self.established.wait()
        await self._pump()

    async def attend(self) -> None:
        """Take in what baresip tells, until it tells no more."""
        assert self.control is not None
        buffer = b""
        try:
            while True:
                size, colon, rest = buffer.partition(b":")
                if colon and len(rest) > int(size):
                    buffer = rest[int(size) + 1 :]
                    self._note(json.loads(rest[: int(size)]))
                else:
                    buffer += await self.control.receive()
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            self._over()

    def _note(self, message: dict[str, Any]) -> None:
        if message.get("ok") is False or "failed" in message.get("data", ""):
            self.errors.append(json.dumps(message))
        self.call = message.get("id", self.call)
        match message.get("type"):
            case "CALL_ESTABLISHED":
                self.established.set()
            case "CALL_CLOSED":
                self._over()

    def _over(self) -> None:
        self.closed.set()
        self.established.set()  # nobody need wait for an answer any longer

    async def _send(self, message: dict[str, Any]) -> None:
        """Our frames are not sent: baresip has them in a file."""
        while self._orders:
            await self.order(*self._orders.pop(0))

    async def _play(self) -> None:
        self._buffer.extend(self._recorded())
        await super()._play()

    def _recorded(self) -> list[bytes]:
        """What has been heard since."""
        found = next(iter(sorted(self.folder.glob("*dec.wav"))), None)
        if found is None:
            return []
        with found.open("rb") as file:
            file.seek(self._taken)
            pcm = file.read()
        pcm = pcm[: len(pcm) // (2 * FRAME) * 2 * FRAME]
        if self._taken == HEADER and len(pcm) < AHEAD * 2 * FRAME:
            return []
        self._taken += len(pcm)
        return [pcm_to_mulaw(pcm)] if pcm else []


def written(path: Path, mulaw: bytes) -> None:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(mulaw_to_pcm(mulaw) + bytes(2 * RATE * SILENCE))


@asynccontextmanager
async def baresip(folder: Path, *words: str) -> AsyncIterator[Process]:
    """Debian's baresip, an older relative of our stack built by others, as it is set up in a folder."""
    with (folder / "baresip.log").open("wb") as log:
        process = await anyio.open_process(["baresip", "-f", ".", *words], cwd=folder, stdin=subprocess.PIPE, stdout=log, stderr=log)
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


async def _connected(process: Process, port: int) -> ByteStream:
    with anyio.fail_after(150):
        while process.returncode is None:
            try:
                return await anyio.connect_tcp("127.0.0.1", port)
            except OSError:
                await anyio.sleep(0.05)
    raise AssertionError("baresip has ended")


@asynccontextmanager
async def rung(folder: Path, dials: str, caller: str) -> AsyncIterator[DebianLine]:
    """Have Debian's baresip ring somebody by PCMU. The line is up inside the block, and is hung up at its end."""
    port = free_port()
    modules = "\n".join(f"module {name}.so" for name in MODULES)
    written(folder / "quiet.wav", b"")
    (folder / "config").write_text(
        f"module_path /usr/lib/baresip/modules\n{modules}\nsip_listen 127.0.0.1:0\nnet_interface 127.0.0.1\n"
        f"audio_source aufile,quiet.wav\naudio_player aufile,none\naudio_alert aufile,none\nsnd_path .\nstatmode_default off\n"
        f"ctrl_tcp_listen 127.0.0.1:{port}\n"
    )
    (folder / "accounts").write_text(f"<sip:{caller}@127.0.0.1>;regint=0;audio_codecs=PCMU/8000/1\n")
    async with baresip(folder) as process, await _connected(process, port) as control:
        line = DebianLine(cast("ClientConnection", None), "baresip", "", folder=folder, control=control)
        async with anyio.create_task_group() as group:
            group.start_soon(line.attend)
            group.start_soon(line.talk)
            try:
                await line.order("dial", dials)
                with anyio.fail_after(150):
                    await line.established.wait()
                assert not line.closed.is_set(), (folder / "baresip.log").read_text(errors="replace")[-2_000:]
                yield line
            finally:
                with anyio.CancelScope(shield=True), anyio.move_on_after(10):
                    await line.hang_up()
                group.cancel_scope.cancel()
