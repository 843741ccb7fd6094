"""AudioSocket's frames: cut from any pieces, read strictly."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.core.audio.format import PCM16_8K, PCM16_16K, PCM16_24K, PCM16_48K
from offhook.core.wire.audiosocket import Bye, Hello, Reader, Sound, hang_up, parse, sound
from offhook.core.wire.dialect import BadMessage, Key

ID = uuid.UUID("40325ec2-5efd-4bd3-805f-53576e581d13")


def test_every_documented_frame_is_understood() -> None:
    assert parse(0x00, b"") == Bye(lost=False)
    assert parse(0x01, ID.bytes) == Hello(str(ID))
    assert parse(0x03, b"#") == Key("", "#")
    assert parse(0xFF, b"\x02") == Bye(lost=True)
    for kind, rate in ((0x10, PCM16_8K), (0x12, PCM16_16K), (0x13, PCM16_24K), (0x16, PCM16_48K)):
        assert parse(kind, b"\x01\x02") == Sound(b"\x01\x02", rate)


@pytest.mark.parametrize(
    ("kind", "payload", "reason"),
    [
        (0x01, b"", "bad_stream"),
        (0x01, bytes(17), "bad_stream"),
        (0x02, b"", "unknown"),
        (0x19, b"", "unknown"),
        (0xFE, b"", "unknown"),
        (0x03, b"", "bad_key"),
        (0x03, b"12", "bad_key"),
        (0x03, b"\xff", "bad_key"),
        (0x10, b"", "bad_payload"),
        (0x10, b"\x01", "bad_payload"),
        *((kind, b"\x01\x02", "media_format") for kind in (0x11, 0x14, 0x15, 0x17, 0x18)),
    ],
)
def test_what_is_wrong_is_named(kind: int, payload: bytes, reason: str) -> None:
    with pytest.raises(BadMessage) as caught:
        parse(kind, payload)
    assert caught.value.reason == reason


def test_what_we_send() -> None:
    assert hang_up() == b"\x00\x00\x00"
    assert sound(bytes(320), PCM16_8K) == b"\x10\x01\x40" + bytes(320)
    assert sound(b"\x01\x02", PCM16_16K) == b"\x12\x00\x02\x01\x02"


@given(frames=st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=40)), max_size=8), cuts=st.lists(st.integers(1, 9), min_size=1))
def test_frames_come_out_whole_however_they_are_cut(frames: list[tuple[int, bytes]], cuts: list[int]) -> None:
    stream = b"".join(bytes([kind]) + len(payload).to_bytes(2, "big") + payload for kind, payload in frames)
    reader, out, at, turn = Reader(), [], 0, 0
    while at < len(stream):
        step = cuts[turn % len(cuts)]
        out += reader.feed(stream[at : at + step])
        at, turn = at + step, turn + 1
    assert out == frames
    assert reader.feed(b"\x10\x00") == []
