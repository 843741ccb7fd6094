"""G.711: mu-law and A-law to and from 16-bit PCM, and to each other.

The samples are audioop's (ITU-T G.711): 1.2 us to decode and 3.8 us to encode 20 ms (telephony.md 4).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

with warnings.catch_warnings():
    # Leaves the standard library in 3.13, where audioop-lts carries it on under the same name.
    warnings.simplefilter("ignore", DeprecationWarning)
    import audioop


def mulaw_to_pcm(data: bytes) -> bytes:
    """One byte a sample to signed 16-bit little-endian."""
    return audioop.ulaw2lin(data, 2)


def pcm_to_mulaw(data: bytes) -> bytes:
    """Signed 16-bit little-endian to one byte a sample; an odd size is the caller's mistake (ValueError)."""
    return _encode(audioop.lin2ulaw, data)


def alaw_to_pcm(data: bytes) -> bytes:
    """One byte a sample to signed 16-bit little-endian."""
    return audioop.alaw2lin(data, 2)


def pcm_to_alaw(data: bytes) -> bytes:
    """Signed 16-bit little-endian to one byte a sample; an odd size is the caller's mistake (ValueError)."""
    return _encode(audioop.lin2alaw, data)


_ALL = bytes(range(256))
_MULAW_TO_ALAW = audioop.lin2alaw(audioop.ulaw2lin(_ALL, 2), 2)
_ALAW_TO_MULAW = audioop.lin2ulaw(audioop.alaw2lin(_ALL, 2), 2)


def mulaw_to_alaw(data: bytes) -> bytes:
    """By table: 0.2 us for 20 ms."""
    return data.translate(_MULAW_TO_ALAW)


def alaw_to_mulaw(data: bytes) -> bytes:
    """By table."""
    return data.translate(_ALAW_TO_MULAW)


def _encode(encode: Callable[[bytes, int], bytes], data: bytes) -> bytes:
    if len(data) % 2:
        msg = f"{len(data)} bytes are not whole 16-bit samples"
        raise ValueError(msg)
    return encode(data, 2)
