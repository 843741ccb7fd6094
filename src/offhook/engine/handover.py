"""Handing over what a call leaves on the disk: its recording and its trace go to the orchestrator, which keeps them from then on.

A call's folder is noted when the call begins, so that whoever finds it after a crash knows whose it is. A file is deleted when the
orchestrator has said that it may go, and not before; until then it is sent again and again, which is harmless. A recording that a crash
cut off is made whole up to where it was written. While a call lives its note is locked: an engine that starts beside one that is still
draining leaves its calls alone.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import logging
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final

import anyio
import anyio.to_thread
import httpx
import soundfile
from anyio.abc import TaskGroup
from pydantic import ValidationError

from offhook.contracts.handover import HEADER, HandedOver, Handover, Kind
from offhook.signing import headers

NOTE: Final = "note.json"
FILES: Final[dict[Kind, str]] = {"recording": "call.flac", "trace": "trace.jsonl"}
PART: Final = "call.flac.part"
RECOVERED: Final = "recovered"
"""A file that says that the recording beside it was cut off."""
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 60.0
AT_ONCE: Final = 2
"""Files on their way at a time: calls come first."""
PIECE: Final = 262_144
TIMEOUT: Final = httpx.Timeout(30.0, read=120.0)
"""The orchestrator answers once it has written all of the file to its disk."""
log = logging.getLogger("offhook.engine")


@dataclass(slots=True)
class Held:
    """A call's folder, locked while this process works on it."""

    folder: Path
    call: str
    ref: str
    lock: IO[str]

    def release(self) -> None:
        """Let it go; whatever is left in it is for another day."""
        self.lock.close()


@dataclass(frozen=True, slots=True)
class Parcel:
    """A file to be handed over."""

    kind: Kind
    path: Path
    recovered: bool = False


class HandoverDesk:
    """All files that wait to be handed over. ``begin`` and ``finish`` frame each call."""

    def __init__(self, folder: Path, http: httpx.AsyncClient, url: str, secret: str, group: TaskGroup) -> None:
        self._folder = folder
        self._http = http
        self._url = url
        self._secret = secret
        self._group = group
        self._slots = anyio.CapacityLimiter(AT_ONCE)
        self.open = 0
        """Calls whose files are not all handed over."""
        self.handed_over = 0
        self.refused = 0
        self.failed_attempts = 0

    async def begin(self, folder: Path, call: str, ref: str) -> Held | None:
        """Note whose folder this is. A disk that takes no note ends nothing: the call goes on, its files stay here."""
        try:
            return await anyio.to_thread.run_sync(_note, folder, call, ref)
        except OSError:
            log.warning("a call's folder could not be noted")
            return None

    def finish(self, held: Held) -> None:
        """The call is over and its files are closed: hand them over, in the process's own time."""
        self.open += 1
        self._group.start_soon(self._deliver, held, name="handover")

    async def recover(self) -> int:
        """Hand over what an earlier process left behind; the number of calls."""
        left = await anyio.to_thread.run_sync(_left_behind, self._folder)
        for held in left:
            self.finish(held)
        return len(left)

    async def _deliver(self, held: Held) -> None:
        try:
            if not await anyio.to_thread.run_sync(_repair, held.folder):
                return
            for parcel in await anyio.to_thread.run_sync(_parcels, held.folder):
                if not await self._hand_over(held, parcel):
                    return
                await anyio.to_thread.run_sync(parcel.path.unlink)
            await anyio.to_thread.run_sync(_clear, held.folder)
        except OSError:
            log.warning("files of a call could not be handed over: the disk refuses")
        except Exception as error:  # no other call's files stay because of it
            log.error("files of a call could not be handed over: %s", type(error).__name__, exc_info=True)
        finally:
            held.release()
            self.open -= 1

    async def _hand_over(self, held: Held, parcel: Parcel) -> bool:
        """Until it is taken; False if it never will be. It stays on the disk then, and is tried again at the next start."""
        one = await anyio.to_thread.run_sync(_describe, held, parcel)
        pause = FIRST_PAUSE
        while True:
            async with self._slots:
                taken = await self._attempt(one, parcel.path)
            if taken is not None:
                return taken
            await anyio.sleep(pause + secrets.randbelow(500) / 1000)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _attempt(self, one: Handover, path: Path) -> bool | None:
        """Whether it may be deleted; None when nobody could say."""
        manifest = one.model_dump_json().encode()
        message = f"handover.{one.call}.{one.kind}.{one.sha256[:16]}"
        sent = {
            **headers(self._secret, message, int(datetime.now(UTC).timestamp()), manifest),
            HEADER: base64.b64encode(manifest).decode(),
            "content-type": "application/octet-stream",
            "content-length": str(one.size),
        }
        try:
            response = await self._http.post(self._url, content=_pieces(path), headers=sent, timeout=TIMEOUT)
        except httpx.HTTPError:
            self.failed_attempts += 1
            return None
        if response.status_code == 200:
            try:
                HandedOver.model_validate_json(response.content)
            except ValidationError:
                self.failed_attempts += 1
                return None
            self.handed_over += 1
            return True
        # Only the orchestrator's own refusal counts: what a proxy says on its behalf is tried again.
        problem = response.headers.get("content-type", "").startswith("application/problem+json")
        if problem and response.status_code in {404, 409, 422}:
            self.refused += 1
            log.warning("a call's %s was refused: %s", one.kind, response.status_code)
            return False
        self.failed_attempts += 1
        return None


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    async with await anyio.open_file(path, "rb") as file:
        while piece := await file.read(PIECE):
            yield piece


# -- for threads --------------------------------------------------------------------------------------------------------------


def _note(folder: Path, call: str, ref: str) -> Held:
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / NOTE).open("w", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        json.dump({"call": call, "ref": ref}, file)
        file.flush()
    except OSError:
        file.close()
        raise
    return Held(folder, call, ref, file)


def _left_behind(root: Path) -> list[Held]:
    """Folders with a note that nobody holds."""
    claimed = (_claim(note) for note in sorted(root.glob(f"*/{NOTE}")))
    return [held for held in claimed if held is not None]


def _claim(note: Path) -> Held | None:
    """None for another process's, or a note that a crash cut short: nothing had been recorded then."""
    try:
        file = note.open("r+", encoding="utf-8")
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        words = json.load(file)
        return Held(note.parent, str(words["call"]), str(words["ref"]), file)
    except (OSError, ValueError, KeyError, TypeError):
        file.close()
        return None


def _repair(folder: Path) -> bool:
    """Make a recording that was cut off whole as far as it goes; False if the disk does not let us. May be cut off itself."""
    part, mended = folder / PART, folder / f"{PART}.mended"
    if not part.exists():
        return True
    try:
        frames = _copy_sound(part, mended)
    except (OSError, soundfile.SoundFileError):
        log.warning("a recording that was cut off could not be made whole")
        return False
    if frames:
        (folder / RECOVERED).touch()
        mended.replace(folder / FILES["recording"])
    mended.unlink(missing_ok=True)
    part.unlink()
    return True


class _Cut(soundfile.SoundFile):  # type: ignore[misc]
    """A file whose head does not know its length, because it was never closed: it is read to where it ends, and not sought in."""

    def seekable(self) -> bool:
        """No: libsndfile would seek to the length that it does not know."""
        return False


def _copy_sound(part: Path, to: Path) -> int:
    """What can be decoded, as a whole file; how many frames."""
    frames = 0
    try:
        source = _Cut(part)
    except soundfile.LibsndfileError:  # not even its head was written
        return 0
    with source, soundfile.SoundFile(to, "w", source.samplerate, source.channels, "PCM_16", format="FLAC") as target:
        while len(block := _read(source)):
            target.write(block)
            frames += len(block)
    return frames


def _read(source: _Cut) -> Any:  # noqa: ANN401 - samples
    """The next second; nothing at the end or where what follows was cut."""
    try:
        return source.read(source.samplerate, dtype="int16", always_2d=True)
    except soundfile.LibsndfileError:
        return ()


def _parcels(folder: Path) -> list[Parcel]:
    recovered = (folder / RECOVERED).exists()
    found = [Parcel(kind, folder / name, recovered and kind == "recording") for kind, name in FILES.items()]
    return [one for one in found if one.path.exists()]


def _describe(held: Held, parcel: Parcel) -> Handover:
    with parcel.path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    size = parcel.path.stat().st_size
    return Handover(call=held.call, ref=held.ref, kind=parcel.kind, size=size, sha256=digest, recovered=parcel.recovered)


def _clear(folder: Path) -> None:
    """Nothing is left in it but what is ours."""
    (folder / RECOVERED).unlink(missing_ok=True)
    (folder / NOTE).unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()
