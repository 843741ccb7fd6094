"""Session descriptions (RFC 4566, 3264), as far as a telephone call needs them: which codec, where the media goes, who is on hold.

Pure, line by line: what is not understood goes through untouched.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_STATIC: Final = {"0": "PCMU", "8": "PCMA", "9": "G722"}
_NAMES: Final = {"pcmu/8000": "PCMU", "pcma/8000": "PCMA", "g722/8000": "G722", "opus/48000": "opus"}
_KEYS: Final = "telephone-event"


@dataclass(frozen=True, slots=True)
class Media:
    """Of the one audio stream: where it goes, and what was left of its codecs."""

    host: str
    port: int
    codec: str
    """Ours for it (``PCMU``); empty where none is left."""
    direction: str
    """``sendrecv``, ``sendonly``, ``recvonly`` or ``inactive``: as its sender sees it."""


def _lines(body: bytes) -> list[str]:
    return [line for line in body.decode("latin-1").replace("\r\n", "\n").split("\n") if line]


def _written(lines: Sequence[str]) -> bytes:
    return ("\r\n".join(lines) + "\r\n").encode("latin-1", "replace")


def _audio(lines: Sequence[str]) -> tuple[int, int] | None:
    """Where the audio stream's lines begin and end."""
    begin = next((n for n, line in enumerate(lines) if line.startswith("m=audio ")), None)
    if begin is None:
        return None
    end = next((n for n in range(begin + 1, len(lines)) if lines[n].startswith("m=")), len(lines))
    return begin, end


def _codecs(section: Sequence[str]) -> dict[str, str]:
    """Payload types of an audio stream in its order, by what they are; those unknown to us are empty."""
    words = section[0].split()
    maps = {}
    for line in section[1:]:
        if found := re.match(r"a=rtpmap:(\d{1,3}) ([A-Za-z0-9\-]+)/(\d+)", line):
            maps[found[1]] = (found[2].lower(), found[3])
    kinds = {}
    for kind in words[3:]:
        name, rate = maps.get(kind, (_STATIC.get(kind, "").lower(), "8000"))
        kinds[kind] = f"{_KEYS}/{rate}" if name == _KEYS else _NAMES.get(f"{name}/{rate}", "")
    return kinds


def read(body: bytes) -> Media | None:
    """What a description says of its audio, its first known codec; None where it has no audio."""
    lines = _lines(body)
    found = _audio(lines)
    if found is None:
        return None
    section = lines[found[0] : found[1]]
    words = section[0].split()
    if len(words) < 4 or not words[1].partition("/")[0].isdigit():
        return None
    place = next((line for line in [*section, *lines[: found[0]]] if line.startswith("c=IN IP")), "")
    direction = next(
        (line[2:] for line in [*section, *lines[: found[0]]] if line in {"a=sendrecv", "a=sendonly", "a=recvonly", "a=inactive"}),
        "sendrecv",
    )
    host = place.split()[-1].partition("/")[0] if place else ""
    codec = next((kind for kind in _codecs(section).values() if kind and not kind.startswith(_KEYS)), "")
    return Media(host, int(words[1].partition("/")[0]), codec, "inactive" if host == "0.0.0.0" else direction)  # noqa: S104 - RFC 2543's hold


def narrowed(body: bytes, codecs: Sequence[str]) -> bytes:
    """An offer with one codec left, the first of ours that it has, and its telephone events; other streams are refused by port 0.

    Empty where it has none of ours.
    """
    lines = _lines(body)
    found = _audio(lines)
    if found is None:
        return b""
    begin, end = found
    section = lines[begin:end]
    words = section[0].split()
    if len(words) < 4 or words[2] not in {"RTP/AVP", "RTP/AVPF"}:
        return b""
    kinds = _codecs(section)
    best = next((number for codec in codecs for number, kind in kinds.items() if kind == codec), None)
    if best is None:
        return b""
    rate = "48000" if kinds[best] == "opus" else "8000"
    kept = [best, *(number for number, kind in kinds.items() if kind == f"{_KEYS}/{rate}")]
    left = [" ".join([*words[:3], *kept])]
    for line in section[1:]:
        about = re.match(r"a=(?:rtpmap|fmtp|rtcp-fb):(\d{1,3}) ", line)
        if about is None or about[1] in kept:
            left.append(line)
    others = [re.sub(r"^(m=\S+ )\d+", r"\g<1>0", line) for line in lines[end:]]
    return _written([*lines[:begin], *left, *others])


def grounded(body: bytes, host: str) -> bytes:
    """The same description, with each stream's own address at the stream and ``host`` for the session: a stack that looks there for where
    it talks to finds a place that it knows, and the media still goes where it is to go.
    """
    lines = _lines(body)
    first = next((number for number, line in enumerate(lines) if line.startswith("m=")), len(lines))
    session = next((line for line in lines[:first] if line.startswith("c=IN IP")), "")
    if not session:
        return body
    kind = "IP6" if ":" in host else "IP4"
    made = [f"c=IN {kind} {host}" if line.startswith("c=IN IP") else line for line in lines[:first]]
    streams: list[list[str]] = []
    for line in lines[first:]:
        if line.startswith("m="):
            streams.append([])
        streams[-1].append(line)
    for stream in streams:
        own = any(line.startswith("c=IN IP") for line in stream)
        titled = 2 if stream[1:] and stream[1].startswith("i=") else 1
        made += stream if own else [*stream[:titled], session, *stream[titled:]]
    return _written(made)


def moved(body: bytes, host: str) -> bytes:
    """A description whose media comes to ``host``: the address that others reach us by."""
    kind = "IP6" if ":" in host else "IP4"
    lines = []
    for line in _lines(body):
        if line.startswith("c=IN IP") and not line.endswith(" 0.0.0.0"):
            lines.append(f"c=IN {kind} {host}")
        elif line.startswith("o="):
            words = line.split(" ")
            lines.append(" ".join([*words[:4], kind, host]) if len(words) == 6 else line)
        else:
            lines.append(line)
    return _written(lines)
