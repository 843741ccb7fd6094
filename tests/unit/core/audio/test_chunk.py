"""Cutting a stream into equal frames."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from offhook.core.audio.chunk import Chunker
from offhook.core.audio.format import PCM16_16K


@given(sizes=st.lists(st.integers(0, 3000), max_size=20), start=st.integers(0, 10**6))
def test_any_pieces_become_whole_frames_in_order(sizes: list[int], start: int) -> None:
    chunker = Chunker(PCM16_16K, 512, start=start)
    data = bytes(i % 251 for i in range(sum(sizes)))
    frames, at = [], 0
    for size in sizes:
        frames += chunker.feed(data[at : at + size])
        at += size
    assert chunker.waiting < 1024
    last = chunker.flush()
    frames += [last] if last is not None else []
    assert [f.start for f in frames] == [start + 512 * i for i in range(len(frames))]
    assert {f.samples for f in frames} <= {512}
    joined = b"".join(f.data for f in frames)
    assert joined[: len(data)] == data
    assert not any(joined[len(data) :])
    assert chunker.flush() is None
