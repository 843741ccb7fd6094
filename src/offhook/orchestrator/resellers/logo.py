"""Pictures that a reseller brings, made harmless: an SVG is written anew from an allow-list, a PNG from the parts that are its picture.

They are shown to people of other businesses, so nothing in them may run, load anything, or be larger than a page can carry. Pure.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass
from typing import Final
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from offhook.errors import Fault, Invalid

LARGEST: Final = 65_536
"""Bytes of a file."""
SIDE: Final = 2_000
PIXELS: Final = 1_000_000
ELEMENTS: Final = 2_000
DEEP: Final = 32
_SVG: Final = "http://www.w3.org/2000/svg"
_KEPT: Final = frozenset(
    (
        "svg g path rect circle ellipse line polyline polygon text tspan defs linearGradient radialGradient stop clipPath mask title desc"
    ).split()
)
"""Elements; all others go, with what is in them."""
_ATTRIBUTES: Final = frozenset(
    (
        "id d x y x1 y1 x2 y2 dx dy cx cy r rx ry fx fy width height viewBox preserveAspectRatio points transform fill fill-rule"
        " fill-opacity stroke stroke-width stroke-linecap stroke-linejoin stroke-miterlimit stroke-dasharray stroke-dashoffset"
        " stroke-opacity opacity color clip-path clip-rule clipPathUnits mask maskUnits maskContentUnits gradientUnits gradientTransform"
        " spreadMethod offset stop-color stop-opacity font-family font-size font-weight font-style text-anchor letter-spacing"
        " dominant-baseline"
    ).split()
)
_REFERRING: Final = frozenset({"linearGradient", "radialGradient"})
_FUNCTION: Final = re.compile(r"([A-Za-z-]*)\s*\(")
_HARMLESS: Final = frozenset("rgb rgba hsl hsla matrix translate scale rotate skewX skewY".split())
_OWN: Final = re.compile(r"url\(\s*[\"']?#[A-Za-z_][\w.-]*[\"']?\s*\)")
_FRAGMENT: Final = re.compile(r"#[A-Za-z_][\w.-]*")
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_CHUNKS: Final = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_PLACES: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Values of a pixel, by colour type."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One that may be shown."""

    media_type: str
    body: bytes


def clean(data: bytes) -> Picture:
    """The same picture without anything else; Invalid says what it is not."""
    if not data:
        raise _bad("choose a file")
    if len(data) > LARGEST:
        raise _bad(f"the file has {len(data) // 1_024} kB; use one of {LARGEST // 1_024} kB or less")
    if data.startswith(_PNG):
        return Picture("image/png", _png(data))
    if b"<svg" in data[:4_096]:
        return Picture("image/svg+xml", _Writer().write(data))
    raise _bad("this is neither an SVG nor a PNG")


def _bad(said: str) -> Invalid:
    return Invalid(said, faults=(Fault("file", said),))


class _Writer:
    """Writes what is allowed of an SVG as it is read."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self._open: list[str | None] = []
        self._count = 0

    def write(self, data: bytes) -> bytes:
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        try:
            parser.Parse(data, True)
        except expat.ExpatError as error:
            raise _bad(f"this SVG cannot be read: line {error.lineno}") from error
        if not self._out:
            raise _bad("this is no SVG")
        return "".join(self._out).encode()

    def _doctype(self, *_: object) -> None:
        raise _bad("an SVG with a DOCTYPE is not taken: save it as plain SVG")

    def _start(self, name: str, given: dict[str, str]) -> None:
        self._count += 1
        if self._count > ELEMENTS or len(self._open) >= DEEP:
            raise _bad("this SVG has too many parts: simplify it")
        space, _, local = name.rpartition(" ")
        hidden = bool(self._open) and self._open[-1] is None
        if not self._open and (local != "svg" or space != _SVG):
            raise _bad("this is no SVG")
        if hidden or space != _SVG or local not in _KEPT:
            self._open.append(None)
            return
        root = f' xmlns="{_SVG}"' if not self._open else ""
        self._open.append(local)
        values = "".join(f" {key}={quoteattr(value)}" for key, value in sorted(_attributes(local, given).items()))
        self._out.append(f"<{local}{root}{values}>")

    def _end(self, _: str) -> None:
        if (local := self._open.pop()) is not None:
            self._out.append(f"</{local}>")

    def _text(self, text: str) -> None:
        if self._open and self._open[-1] in {"text", "tspan", "title", "desc"}:
            self._out.append(escape(text))


def _attributes(element: str, given: dict[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in given.items():
        space, _, local = name.rpartition(" ")
        if local == "href" and space in {"", "http://www.w3.org/1999/xlink"}:
            if element in _REFERRING and _FRAGMENT.fullmatch(value):
                found["href"] = value
        elif local == "style" and not space:
            for one in value.split(";"):
                key, _, said = one.partition(":")
                _keep(found, key.strip(), said.strip())
        elif not space:
            _keep(found, local, value)
    return found


def _keep(found: dict[str, str], name: str, value: str) -> None:
    """Keep an attribute if it can do nothing but look like something."""
    bare = _OWN.sub("", value)
    if name in _ATTRIBUTES and "\\" not in value and "/*" not in value and set(_FUNCTION.findall(bare)) <= _HARMLESS:
        found[name] = value


def _png(data: bytes) -> bytes:
    kept, pixels, header = [_PNG], b"", b""
    at = len(_PNG)
    while at < len(data):
        kind, body, at = _chunk(data, at)
        if kind not in _CHUNKS:
            if kind[:1].isupper():
                raise _bad("this PNG has parts that nobody knows")
            continue
        kept.append(struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)))
        header = body if kind == b"IHDR" else header
        pixels += body if kind == b"IDAT" else b""
        if kind == b"IEND":
            break
    else:
        raise _bad("this PNG is cut off")
    _look(header, pixels)
    return b"".join(kept)


def _chunk(data: bytes, at: int) -> tuple[bytes, bytes, int]:
    if at + 12 > len(data):
        raise _bad("this PNG is cut off")
    (length,) = struct.unpack_from(">I", data, at)
    kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
    if length > len(data) - at - 12 or zlib.crc32(kind + body) != struct.unpack_from(">I", data, at + 8 + length)[0]:
        raise _bad("this PNG is damaged")
    return kind, body, at + 12 + length


def _look(header: bytes, packed: bytes) -> None:
    """Whether there is a picture of a size that may be shown; what unpacks to more than it says is refused before it does."""
    if len(header) != 13:
        raise _bad("this PNG is damaged")
    width, height, depth, colour = struct.unpack_from(">IIBB", header)
    if not (0 < width <= SIDE and 0 < height <= SIDE and width * height <= PIXELS):
        raise _bad(f"the picture is {width} by {height} pixels; use one of {SIDE} a side and a million in all, or less")
    if colour not in _PLACES or depth not in {1, 2, 4, 8, 16}:
        raise _bad("this PNG is damaged")
    most = 2 * ((width * _PLACES[colour] * depth + 7) // 8 + 1) * height + 64  # interlaced, it has more rows
    try:
        found = len(zlib.decompressobj().decompress(packed, most + 1))
    except zlib.error as error:
        raise _bad("this PNG is damaged") from error
    if not 0 < found <= most:
        raise _bad("this PNG is damaged")
