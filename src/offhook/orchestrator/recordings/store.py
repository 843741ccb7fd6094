"""Files of calls on the disk, sealed: written as they arrive, read from anywhere. Synchronous: for threads."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from offhook.orchestrator.recordings.schemas import Held
from offhook.orchestrator.vault.files import HEAD, PIECE, FileKey
from offhook.orchestrator.vault.seal import TAG, Unsealable

KIND: Final = "recordings"
"""Folder of these files in ``state_dir``, by tenant (``tenants.files``)."""
PART: Final = ".part"


def place(call: str, kind: Held) -> str:
    """What a file is bound to."""
    return f"recording/{call}/{kind}"


def path_of(folder: Path, call: str, kind: Held) -> Path:
    """Where a call's file is. A call's id is an engine's word; no such word becomes a path."""
    return folder / f"{hashlib.sha256(call.encode()).hexdigest()[:40]}.{kind}"


class Incoming:
    """A file that is being taken in: sealed on its way to the disk, under a name of its own until it is whole."""

    def __init__(self, path: Path, key: FileKey, token: str) -> None:
        self._path = path
        self._part = path.with_name(f"{path.name}.{token}{PART}")
        self._part.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file: IO[bytes] = os.fdopen(os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        self._sealed = key.writer(self._file)
        self._digest = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> None:
        """Take bytes in."""
        self._digest.update(data)
        self.size += len(data)
        self._sealed.write(data)

    def end(self) -> str:
        """All has come; the digest of it. It is on the disk when this returns, not yet under its name."""
        self._sealed.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return self._digest.hexdigest()

    def keep(self) -> None:
        """Give it its name."""
        self._part.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def abandon(self) -> None:
        """Delete it, unless it has its name."""
        self._file.close()
        self._part.unlink(missing_ok=True)


def remove(path: Path) -> None:
    """Delete a file and what was begun of it."""
    path.unlink(missing_ok=True)
    for part in path.parent.glob(f"{path.name}.*{PART}"):
        part.unlink(missing_ok=True)


def head(path: Path) -> bytes:
    """What the file's key is made with; FileNotFoundError."""
    with path.open("rb") as file:
        return file.read(HEAD)


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that is there, and its key."""

    path: Path
    key: FileKey

    def read(self, first: int, last: int) -> Iterator[bytes]:
        """The clear from byte ``first`` to byte ``last``, both in it; a piece at a time. Unsealable at the first that is not genuine."""
        with self.path.open("rb") as file:
            clear = Clear(file, self.key)
            clear.seek(first)
            left = last + 1 - first
            while left > 0 and (data := clear.read(min(left, PIECE - clear.tell() % PIECE))):
                left -= len(data)
                yield data


class Clear(io.RawIOBase):
    """The clear of a sealed file as a file: it can be read from anywhere, and holds one piece at a time."""

    def __init__(self, file: IO[bytes], key: FileKey) -> None:
        super().__init__()
        self._file, self._key = file, key
        sealed = max(0, file.seek(0, os.SEEK_END) - HEAD)
        if sealed < TAG:
            raise Unsealable("the file cannot be opened: it was cut")
        self._pieces = -(-sealed // (PIECE + TAG))
        self.size = sealed - self._pieces * TAG
        """Bytes of the clear."""
        self._at = 0
        self._number, self._piece = -1, b""

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go there."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, into: bytearray | memoryview) -> int:  # type: ignore[override]
        """Fill it, unless the file ends before: whoever reads a short piece takes it for the end."""
        done = 0
        while done < len(into) and self._at < self.size:
            number, offset = divmod(self._at, PIECE)
            if number != self._number:
                self._file.seek(HEAD + number * (PIECE + TAG))
                self._piece = self._key.piece(self._file.read(PIECE + TAG), number, last=number == self._pieces - 1)
                self._number = number
            data = self._piece[offset : offset + len(into) - done]
            into[done : done + len(data)] = data
            done += len(data)
            self._at += len(data)
        return done
