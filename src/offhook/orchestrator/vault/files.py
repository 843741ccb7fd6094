"""Sealed files of any length, piece by piece: what does not verify is never given out, and no piece can be cut, moved or repeated.

::

    02 | key version, 4 bytes | salt, 32 | pieces: AES-256-GCM of up to 64 KiB each, tag, 16

Each file has a key of its own, HKDF-SHA256 (RFC 5869) of the owner's data key, the salt, and what the file is bound to. The nonce of a
piece is its number and whether it is the last (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015).
Synchronous: for threads.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from offhook.orchestrator.vault.seal import KEY_BYTES, TAG, DataKey, Unsealable, bound

FORMAT: Final = 2
PIECE: Final = 65_536
"""Bytes of the clear in one piece; only the last may be shorter."""
SALT: Final = 32
_HEAD: Final = struct.Struct(f">BI{SALT}s")
HEAD: Final = _HEAD.size


@dataclass(frozen=True, slots=True)
class FileKey:
    """The key of one file."""

    head: bytes
    _key: bytes = field(repr=False)

    @classmethod
    def new(cls, key: DataKey, place: str) -> FileKey:
        """For a new file."""
        return cls.of(key, place, _HEAD.pack(FORMAT, key.version, os.urandom(SALT)))

    @classmethod
    def of(cls, key: DataKey, place: str, head: bytes) -> FileKey:
        """For a file that begins with ``head``."""
        _, version, salt = _HEAD.unpack(head)
        info = bound(b"offhook file", key.owner.encode(), place.encode(), str(version).encode())
        return cls(head, HKDF(SHA256(), KEY_BYTES, salt, info).derive(key.key))

    @staticmethod
    def version_of(head: bytes) -> int:
        """Which of its owner's keys opens it; Unsealable if it is no file of ours."""
        if len(head) != HEAD or head[0] != FORMAT:
            raise Unsealable("this is no sealed file of a known format")
        version: int = _HEAD.unpack(head)[1]
        return version

    def writer(self, out: IO[bytes]) -> SealedWriter:
        """Seals what is written to it into ``out``; the file is whole only once it is closed."""
        return SealedWriter(self.head, self._key, out)

    def read(self, source: IO[bytes]) -> Iterator[bytes]:
        """The clear of a file from after its head, in pieces; Unsealable at the first that is not what was written."""
        aead = AESGCM(self._key)
        number, piece = 0, source.read(PIECE + TAG)
        last = False
        while not last:
            following = source.read(PIECE + TAG)
            last = not following
            try:
                yield aead.decrypt(_nonce(number, last=last), piece, None)
            except InvalidTag:
                raise Unsealable("the file cannot be opened: it was changed or cut, or sealed for another owner or place") from None
            number, piece = number + 1, following

    def piece(self, data: bytes, number: int, *, last: bool) -> bytes:
        """The clear of one sealed piece by its place in the file, for reading from the middle; Unsealable."""
        try:
            return AESGCM(self._key).decrypt(_nonce(number, last=last), data, None)
        except InvalidTag:
            raise Unsealable("the file cannot be opened: it was changed or cut, or sealed for another owner or place") from None


class SealedWriter:
    """A file to write to, sealed on its way. It cannot seek: zip files are then written as streams."""

    def __init__(self, head: bytes, key: bytes, out: IO[bytes]) -> None:
        self._aead = AESGCM(key)
        self._out = out
        self._rest = bytearray()
        self._number = 0
        out.write(head)

    def write(self, data: bytes) -> int:
        """Take bytes in."""
        self._rest += data
        # The last piece is marked as such, so one is held back until there is more.
        while len(self._rest) > PIECE:
            self._put(bytes(self._rest[:PIECE]), last=False)
            del self._rest[:PIECE]
        return len(data)

    def flush(self) -> None:
        """Nothing: a piece is written when it is whole."""

    def close(self) -> None:
        """Write the last piece; ``out`` stays open."""
        self._put(bytes(self._rest), last=True)
        self._rest.clear()

    def _put(self, piece: bytes, *, last: bool) -> None:
        self._out.write(self._aead.encrypt(_nonce(self._number, last=last), piece, None))
        self._number += 1


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes((last,))
