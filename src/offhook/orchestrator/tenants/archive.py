"""A zip file that is sealed as it is written, with the size and hash of each file in it. Synchronous: for threads."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from offhook.orchestrator.vault.files import FileKey, SealedWriter


class _Stream:
    """What the zip file is written to: it writes and cannot seek."""

    def __init__(self, sealed: SealedWriter) -> None:
        self._sealed = sealed
        self.digest, self.size = hashlib.sha256(), 0

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        self.size += len(data)
        return self._sealed.write(data)

    def flush(self) -> None:
        """Nothing is held back but the last piece."""


@dataclass(slots=True)
class _Member:
    """A file of the zip that is being written."""

    name: str
    file: IO[bytes]
    size: int = 0
    digest: Any = field(default_factory=hashlib.sha256)

    def write(self, data: bytes) -> None:
        self.digest.update(data)
        self.size += len(data)
        self.file.write(data)


class Archive:
    """The zip file. ``files`` has size and hash of each file in it that is whole."""

    def __init__(self, file: IO[bytes], sealed: SealedWriter) -> None:
        self._file, self._sealed = file, sealed
        self._stream = _Stream(sealed)
        self._zip = zipfile.ZipFile(cast("IO[bytes]", self._stream), "w", zipfile.ZIP_DEFLATED)
        self._member: _Member | None = None
        self.files: dict[str, dict[str, Any]] = {}

    @classmethod
    def open(cls, path: Path, key: FileKey) -> Archive:
        """A new file, sealed with this key."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
        return cls(file, key.writer(file))

    def begin(self, name: str) -> None:
        """The next file of the zip."""
        self._end()
        self._member = _Member(name, self._zip.open(name, "w", force_zip64=True))

    def write(self, data: bytes) -> None:
        """More of the present file."""
        if self._member is not None:
            self._member.write(data)

    def copy(self, name: str, pieces: Iterator[bytes]) -> None:
        """A whole file of these pieces."""
        self.begin(name)
        for piece in pieces:
            self.write(piece)
        self._end()

    def close(self) -> tuple[int, str]:
        """All is written: size and SHA-256 of the zip in the clear. It is on the disk when this returns."""
        self._end()
        self._zip.close()
        self._sealed.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return self._stream.size, self._stream.digest.hexdigest()

    def abandon(self) -> None:
        """Let go of a file that may be half written; nothing if it was closed."""
        if not self._file.closed:
            self._end()
            self._zip.close()
            self._file.close()

    def _end(self) -> None:
        if self._member is not None:
            self._member.file.close()
            self.files[self._member.name] = {"size": self._member.size, "sha256": self._member.digest.hexdigest()}
            self._member = None
