"""Our bytes, read back by the official classes of opentelemetry-proto."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from offhook.engine.telemetry import otlp
from offhook.engine.telemetry.spans import CLIENT, SERVER, Attribute, Span, SpanEvent

TRACE, ONE, TWO = bytes(range(16)), b"\x01" * 8, b"\x02" * 8


def value(any: AnyValue) -> Attribute:
    match any.WhichOneof("value"):
        case "array_value":
            return tuple(each.string_value for each in any.array_value.values)
        case str() as name:
            found: Attribute = getattr(any, name)
            return found
        case _:
            raise AssertionError("an empty value")


def test_spans_are_read_back_whole() -> None:
    first = Span(
        "voice.turn", TRACE, ONE, TWO, 1_700_000_000_000_000_001, 1_700_000_000_500_000_000,
        attributes={"a": "ä", "yes": True, "no": False, "n": -3, "big": 2**62, "part": 0.25, "list": ("x", "y"), "none": ""},
        events=(SpanEvent("voice.barge_in", 1_700_000_000_400_000_000, {"s": 0.14}),), links=(TWO,),
    )  # fmt: skip
    root = Span("voice.call", TRACE, TWO, b"", 0, 2**63, kind=SERVER, failed="unavailable")
    read = ExportTraceServiceRequest.FromString(otlp.request((first, root), {"service.name": "offhook"}, "offhook", "1"))
    (resource,) = read.resource_spans
    assert {each.key: value(each.value) for each in resource.resource.attributes} == {"service.name": "offhook"}
    (scope,) = resource.scope_spans
    assert (scope.scope.name, scope.scope.version) == ("offhook", "1")
    turn, call = scope.spans
    assert (turn.name, turn.trace_id, turn.span_id, turn.parent_span_id) == ("voice.turn", TRACE, ONE, TWO)
    assert (turn.start_time_unix_nano, turn.end_time_unix_nano) == (first.start, first.end)
    assert {each.key: value(each.value) for each in turn.attributes} == first.attributes
    assert [(each.name, each.time_unix_nano) for each in turn.events] == [("voice.barge_in", first.events[0].at)]
    assert value(turn.events[0].attributes[0].value) == 0.14
    assert [(each.trace_id, each.span_id) for each in turn.links] == [(TRACE, TWO)]
    assert turn.status.code == Status.STATUS_CODE_UNSET
    assert (call.kind, call.parent_span_id, call.end_time_unix_nano) == (SERVER, b"", 2**63)
    assert (call.status.code, call.status.message) == (Status.STATUS_CODE_ERROR, "unavailable")


attributes = st.dictionaries(
    st.text(st.characters(codec="utf-8")),
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-8")),
)


@given(st.text(st.characters(codec="utf-8")), attributes, st.integers(0, 2**64 - 1), st.integers(1, 5))
def test_any_span_is_read_back(name: str, given_attributes: dict[str, Attribute], start: int, kind: int) -> None:
    span = Span(name, TRACE, ONE, b"", start, start, kind=kind, attributes=given_attributes)
    read = ExportTraceServiceRequest.FromString(otlp.request((span,), {}, "offhook", "1")).resource_spans[0].scope_spans[0].spans[0]
    assert (read.name, read.start_time_unix_nano, read.kind) == (name, start, kind)
    assert {each.key: value(each.value) for each in read.attributes} == given_attributes


def test_text_that_is_no_unicode_is_sent_all_the_same() -> None:
    span = Span("\ud800", TRACE, ONE, b"", 0, 0, kind=CLIENT)
    assert ExportTraceServiceRequest.FromString(otlp.request((span,), {}, "offhook", "1")).resource_spans


def test_refused_spans_are_read_from_the_answer() -> None:
    answer = ExportTraceServiceResponse(partial_success=ExportTracePartialSuccess(rejected_spans=300, error_message="too old"))
    assert otlp.rejected(answer.SerializeToString()) == 300
    assert otlp.rejected(ExportTraceServiceResponse().SerializeToString()) == 0


@pytest.mark.parametrize("answer", [b"\xff" * 20, b"\x0a\x7f", b"\x0b", b"\x0a", b"{}", struct.pack("<Q", 2**64 - 1)])
def test_an_answer_of_nonsense_refuses_nothing(answer: bytes) -> None:
    assert otlp.rejected(answer) == 0


@given(st.binary(max_size=200))
def test_any_answer_can_be_read(answer: bytes) -> None:
    assert otlp.rejected(answer) >= 0
