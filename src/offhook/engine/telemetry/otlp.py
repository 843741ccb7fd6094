"""OTLP trace requests as protobuf, written by hand: five messages of opentelemetry-proto 1.x (trace/v1/trace.proto), nothing else.

The tests read it back with the official classes; those and their runtime are not needed to send it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from offhook.engine.telemetry.spans import Attribute, Attributes, Span, SpanEvent

_FAILED = 2
"""STATUS_CODE_ERROR."""
_MASK = 2**64 - 1


def request(spans: Sequence[Span], resource: Attributes, scope: str, version: str) -> bytes:
    """An ExportTraceServiceRequest with one resource and one instrumentation scope."""
    about = _attributes(1, resource)
    named = _text(1, scope) + _text(2, version)
    inside = _message(1, named) + b"".join(_message(2, _span(span)) for span in spans)
    return _message(1, _message(1, about) + _message(2, inside))


def rejected(answer: bytes) -> int:
    """How many spans an ExportTraceServiceResponse says were refused; 0 for one that cannot be read."""
    try:
        partial = next((value for number, value in _fields(answer) if number == 1 and isinstance(value, bytes)), b"")
        return next((value for number, value in _fields(partial) if number == 1 and isinstance(value, int)), 0)
    except (IndexError, ValueError):
        return 0


def _span(span: Span) -> bytes:
    parts = [
        _message(1, span.trace),
        _message(2, span.id),
        _message(4, span.parent) if span.parent else b"",
        _text(5, span.name),
        _varint(6 << 3) + _varint(span.kind),
        _fixed(7, span.start),
        _fixed(8, span.end),
        _attributes(9, span.attributes),
        *(_message(11, _event(event)) for event in span.events),
        *(_message(13, _message(1, span.trace) + _message(2, link)) for link in span.links),
    ]
    if span.failed:
        parts.append(_message(15, _text(2, span.failed) + _varint(3 << 3) + _varint(_FAILED)))
    return b"".join(parts)


def _event(event: SpanEvent) -> bytes:
    return _fixed(1, event.at) + _text(2, event.name) + _attributes(3, event.attributes)


def _attributes(number: int, attributes: Attributes) -> bytes:
    return b"".join(_message(number, _text(1, name) + _message(2, _value(value))) for name, value in attributes.items())


def _value(value: Attribute) -> bytes:
    """An AnyValue."""
    match value:
        case bool():
            return _varint(2 << 3) + _varint(int(value))
        case int():
            return _varint(3 << 3) + _varint(value & _MASK)
        case float():
            return _varint(4 << 3 | 1) + struct.pack("<d", value)
        case str():
            return _text(1, value)
        case _:
            return _message(5, b"".join(_message(1, _text(1, each)) for each in value))


# -- the wire: https://protobuf.dev/programming-guides/encoding/ ------------------------------------------------------------


def _varint(value: int) -> bytes:
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _message(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _text(number: int, text: str) -> bytes:
    return _message(number, text.encode("utf-8", "replace"))


def _fixed(number: int, value: int) -> bytes:
    return _varint(number << 3 | 1) + struct.pack("<Q", max(0, value) & _MASK)


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The numbered fields of a message. IndexError or ValueError for bytes that are none."""
    at = 0
    while at < len(data):
        key, at = _read(data, at)
        match key & 7:
            case 0:
                value, at = _read(data, at)
                yield key >> 3, value
            case 2:
                length, at = _read(data, at)
                if at + length > len(data):
                    raise ValueError("cut short")
                yield key >> 3, data[at : at + length]
                at += length
            case 1:
                at += 8
            case 5:
                at += 4
            case _:
                raise ValueError("an unknown wire type")


def _read(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number without an end")
