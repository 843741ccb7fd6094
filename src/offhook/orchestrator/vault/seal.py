"""Sealed bytes: what they look like and how they are bound to their owner and place. Pure but for the random nonces.

::

    sealed   01 | key version, 4 bytes | nonce, 12 | AES-256-GCM of the secret, tag, 16     bound to: owner, place, key version
    wrapped  01 |                        nonce, 12 | AES-256-GCM of the data key, tag, 16   bound to: owner, master key, key version

What a ciphertext is bound to (additional data) is a list of fields, each with its length before it, so that no two lists are alike.
Nonces are random: NIST SP 800-38D section 8.3 allows 2^32 of them for one key.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from offhook.errors import OffhookError

FORMAT: Final = 1
KEY_BYTES: Final = 32
NONCE: Final = 12
TAG: Final = 16
_HEAD: Final = struct.Struct(">BI")
_SEALED, _WRAPPED = b"offhook sealed", b"offhook wrapped"


class Unsealable(OffhookError):
    """A secret cannot be opened: it was changed, it is another owner's or of another place, or its key is gone."""


@dataclass(frozen=True, slots=True)
class DataKey:
    """An owner's key in the clear: never stored, logged, or kept longer than a transaction. ``owner`` is "" for the platform."""

    owner: str
    version: int
    key: bytes = field(repr=False)


def bound(*parts: bytes) -> bytes:
    """Additional data of these fields."""
    return b"".join(len(one).to_bytes(4, "big") + one for one in parts)


def seal(key: DataKey, place: str, secret: bytes, *, nonce: bytes | None = None) -> bytes:
    """Seal a secret for a place of the key's owner. ``nonce`` is for tests of known values."""
    nonce = nonce or os.urandom(NONCE)
    return _HEAD.pack(FORMAT, key.version) + nonce + AESGCM(key.key).encrypt(nonce, secret, _place(key, place))


def unseal(key: DataKey, place: str, sealed: bytes) -> bytes:
    """The secret; Unsealable."""
    if version_of(sealed) != key.version:
        raise Unsealable("the secret was sealed with another key")
    nonce, body = sealed[_HEAD.size : _HEAD.size + NONCE], sealed[_HEAD.size + NONCE :]
    try:
        return AESGCM(key.key).decrypt(nonce, body, _place(key, place))
    except InvalidTag:
        raise Unsealable("the secret cannot be opened: it was changed, or sealed for another owner or place") from None


def version_of(sealed: bytes) -> int:
    """Which of its owner's keys opens it; Unsealable if it is nothing that we have sealed."""
    if len(sealed) < _HEAD.size + NONCE + TAG or sealed[0] != FORMAT:
        raise Unsealable("this is no sealed secret of a known format")
    version: int = _HEAD.unpack_from(sealed)[1]
    return version


def wrap(master: bytes, master_id: str, key: DataKey, *, nonce: bytes | None = None) -> bytes:
    """Seal a data key with a master key."""
    nonce = nonce or os.urandom(NONCE)
    return bytes((FORMAT,)) + nonce + AESGCM(master).encrypt(nonce, key.key, _wrapping(key.owner, key.version, master_id))


def unwrap(master: bytes, master_id: str, owner: str, version: int, wrapped: bytes) -> DataKey:
    """The data key again; Unsealable."""
    if len(wrapped) != 1 + NONCE + KEY_BYTES + TAG or wrapped[0] != FORMAT:
        raise Unsealable("this is no wrapped key of a known format")
    try:
        opened = AESGCM(master).decrypt(wrapped[1 : 1 + NONCE], wrapped[1 + NONCE :], _wrapping(owner, version, master_id))
    except InvalidTag:
        raise Unsealable(
            f"the master key {master_id} does not open this key: it is another key of that name, or the row was changed"
        ) from None
    return DataKey(owner, version, opened)


def _place(key: DataKey, place: str) -> bytes:
    return bound(_SEALED, key.owner.encode(), place.encode(), str(key.version).encode())


def _wrapping(owner: str, version: int, master_id: str) -> bytes:
    return bound(_WRAPPED, owner.encode(), master_id.encode(), str(version).encode())
