"""Sealed files read from anywhere, and files on their way in."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.orchestrator.recordings import store
from offhook.orchestrator.vault.files import HEAD, PIECE, FileKey
from offhook.orchestrator.vault.seal import TAG, DataKey, Unsealable

KEY = DataKey("harbour", 1, bytes(32))
SIZES = (0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE + 5)


def stored(folder: Path, data: bytes, place: str = "recording/c1/recording") -> store.Stored:
    path = store.path_of(folder / "harbour", "c1", "recording")
    incoming = store.Incoming(path, FileKey.new(KEY, place), "t1")
    for at in range(0, len(data), 50_000):
        incoming.write(data[at : at + 50_000])
    assert incoming.end() == hashlib.sha256(data).hexdigest()
    assert not path.exists()
    incoming.keep()
    incoming.abandon()
    return store.Stored(path, FileKey.of(KEY, place, store.head(path)))


@pytest.mark.parametrize("size", SIZES)
def test_all_of_it_comes_back(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    one = stored(tmp_path, data)
    assert b"".join(one.read(0, size - 1)) == data
    assert one.path.stat().st_mode & 0o077 == 0
    with one.path.open("rb") as file:
        clear = store.Clear(file, one.key)
        assert clear.size == size
        assert clear.read() == data
        assert clear.read() == b""


@given(st.sampled_from(SIZES), st.data())
def test_any_part_of_it(tmp_path_factory: pytest.TempPathFactory, size: int, data: st.DataObject) -> None:
    content = os.urandom(size)
    one = stored(tmp_path_factory.mktemp("store"), content)
    with one.path.open("rb") as file:
        clear = store.Clear(file, one.key)
        for _ in range(5):
            first = data.draw(st.integers(0, size + 3))
            last = data.draw(st.integers(first, size + 3))
            assert b"".join(one.read(first, last)) == content[first : last + 1]
            clear.seek(first)
            assert clear.read(last + 1 - first) == content[first : last + 1]
            assert clear.seek(-1, os.SEEK_END) == max(0, size - 1)


def test_what_was_changed_cut_or_moved_is_not_given_out(tmp_path: Path) -> None:
    data = os.urandom(3 * PIECE)
    one = stored(tmp_path, data)
    sealed = one.path.read_bytes()
    step = PIECE + TAG
    swapped = sealed[:HEAD] + sealed[HEAD + step : HEAD + 2 * step] + sealed[HEAD : HEAD + step] + sealed[HEAD + 2 * step :]
    for wrong in (
        sealed[:-1],
        sealed[: HEAD + step],
        sealed[: HEAD + 2 * step],
        sealed + b"x",
        sealed + sealed[HEAD:],
        swapped,
        sealed[: HEAD + 5] + bytes((sealed[HEAD + 5] ^ 1,)) + sealed[HEAD + 6 :],
        sealed[:HEAD],
    ):
        one.path.write_bytes(wrong)
        with pytest.raises(Unsealable):
            b"".join(one.read(0, len(data) * 2))
    one.path.write_bytes(sealed)
    for place in ("recording/c2/recording", "recording/c1/trace"):
        with pytest.raises(Unsealable):
            b"".join(store.Stored(one.path, FileKey.of(KEY, place, store.head(one.path))).read(0, 5))


@pytest.mark.parametrize("call", ["..", ".", "a:b", "x" * 128, "../../etc/passwd"])
def test_no_id_of_a_call_becomes_a_path(tmp_path: Path, call: str) -> None:
    path = store.path_of(tmp_path, call, "trace")
    assert path.parent == tmp_path
    assert path.name.endswith(".trace")
    assert len(path.name) < 60
    assert path != store.path_of(tmp_path, call + "x", "trace") != store.path_of(tmp_path, call, "recording")


def test_what_was_begun_is_removed_too(tmp_path: Path) -> None:
    one = stored(tmp_path, b"x")
    half = store.Incoming(one.path, FileKey.new(KEY, "p"), "t2")
    half.write(b"y")
    store.remove(one.path)
    assert list(one.path.parent.iterdir()) == []
    half.abandon()
    store.remove(one.path)
