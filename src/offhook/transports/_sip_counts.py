"""What the SIP stack's jitter buffer counts and its Python side tells only at the end: how many packets' time has passed in a call.

The stack's library has it for C programs (``stream_jbuf_stats``); it is asked under the stack's own lock, from any thread. Where the
library has no such functions, nothing is known.
"""

from __future__ import annotations

import ctypes
import logging
from dataclasses import dataclass
from typing import Final

log = logging.getLogger("offhook.sip")
_FIELDS: Final = (
    *("put", "got", "unordered", "twice", "late", "late_lost", "lost", "overflows", "flushes", "nacks", "delay_ms", "packets", "jitter_ms"),
    "skew_ms",
)


@dataclass(frozen=True, slots=True)
class Passed:
    """Packets that were due, whether they came or not, since the buffer was last emptied."""

    emptied: int
    packets: int


class _Stats(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32) for name in _FIELDS]


class Counts:
    """Asks the library at ``path``, until ``close``."""

    def __init__(self, path: str) -> None:
        self._library: ctypes.CDLL | None = None
        try:
            library = ctypes.CDLL(path)
            for name in ("uag_call_find", "call_audio", "audio_strm"):
                getattr(library, name).restype = ctypes.c_void_p
            library.uag_call_find.argtypes = (ctypes.c_char_p,)
            library.call_audio.argtypes = library.audio_strm.argtypes = library.bp_call_handle_find.argtypes = (ctypes.c_void_p,)
            library.bp_call_handle_find.restype = ctypes.c_uint32
            library.stream_jbuf_stats.argtypes = (ctypes.c_void_p, ctypes.POINTER(_Stats))
            library.re_thread_enter.restype = library.re_thread_leave.restype = None
        except (OSError, AttributeError):
            log.warning("the SIP stack does not tell what is lost: audio is placed by its time of arrival")
            return
        self._library = library

    def close(self) -> None:
        """Before the stack ends: its lock ends with it."""
        self._library = None

    def passed(self, call_id: str, handle: int) -> Passed | None:
        """For a call's audio; None where that is not known."""
        library = self._library
        if library is None:
            return None
        stats = _Stats()
        library.re_thread_enter()
        try:
            call = library.uag_call_find(call_id.encode())
            if not call or library.bp_call_handle_find(call) != handle:  # a call to ourselves has two of one Call-ID
                return None
            stream = library.audio_strm(library.call_audio(call))
            if not stream or library.stream_jbuf_stats(stream, ctypes.byref(stats)):
                return None
        finally:
            library.re_thread_leave()
        taken = stats.put - stats.twice - stats.overflows - stats.packets
        return Passed(stats.flushes, taken + stats.lost)
