"""The recorder: alignment, cuts, late audio, broken disks. Time is given; only the disk is real."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.lowlevel
import numpy as np
import pytest
import soundfile

from offhook.core.audio.format import MULAW_8K, PCM16_16K, PCM16_24K
from offhook.core.audio.g711 import pcm_to_mulaw
from offhook.core.time import MS, SECOND
from offhook.engine.record import Recorder, RecordingFailed, RecordingInfo


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


FRAME = 160
LOUD = pcm_to_mulaw(np.full(FRAME, 12_000, dtype="<i2").tobytes())
QUIET = b"\xff" * FRAME


async def recorded(recorder: Recorder, work: Callable[[], None]) -> RecordingInfo | None:
    async with anyio.create_task_group() as group:
        group.start_soon(recorder.run)
        work()
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    return await recorder.close()


def onsets(column: np.ndarray) -> list[int]:
    """Where it becomes loud after silence."""
    loud = np.abs(column.astype(int)) > 5_000
    return [int(i) for i in np.flatnonzero(loud[1:] & ~loud[:-1]) + 1]


@pytest.mark.parametrize("drift", [0, 100, -100], ids=lambda ppm: f"{ppm}ppm")
async def test_15_field_12_both_sides_stay_aligned_to_the_frame_over_30_minutes(tmp_path: Path, drift: int) -> None:
    recorder = Recorder(tmp_path / "call.flac", MULAW_8K, MULAW_8K)
    marked = range(50, 30 * 60 * 50, 2_500)
    # Media had begun 400 ms before the call's clock, and comes with a jitter of up to 60 ms.
    early = 20
    rng = np.random.default_rng(5)
    jitter = rng.integers(0, 60, 30 * 60 * 50 + 100)

    async def work() -> None:
        for n in range(30 * 60 * 50):
            spoken = n * (20 * MS + drift * 20)
            recorder.caller((n + early) * FRAME - FRAME, LOUD if n in marked else QUIET, spoken + int(jitter[n]) * MS)
            if n in marked:
                # Heard at the same moment as the caller's click: this frame's samples begin 20 ms before it ends.
                recorder.agent((spoken - 20 * MS) * 8000 // SECOND, LOUD)
            if n % 1000 == 0:
                await recorder._write_all()

    async with anyio.create_task_group() as group:
        group.start_soon(recorder.run)
        await work()
        group.cancel_scope.cancel()
    info = await recorder.close()
    assert info is not None
    assert info.seconds == pytest.approx(30 * 60 + (early - 1) * 0.02, abs=0.5)
    data, rate = soundfile.read(info.path, dtype="int16")
    assert rate == 8000
    caller, agent = onsets(data[:, 0]), onsets(data[:, 1])
    assert len(caller) == len(agent) == len(marked)
    assert max(abs(a - b) for a, b in zip(caller, agent, strict=True)) <= FRAME
    assert caller == [(n + early - 1) * FRAME for n in marked]
    assert recorder.lost == 0
    assert 500 <= len(info.peaks) <= 1000
    assert info.sha256 == hashlib.sha256(info.path.read_bytes()).hexdigest()
    assert [p.name for p in tmp_path.iterdir()] == ["call.flac"]


async def test_what_was_cleared_is_silence(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "call.flac", MULAW_8K, MULAW_8K)

    def work() -> None:
        for n in range(50):
            recorder.caller(n * FRAME, QUIET, (n + 1) * 20 * MS)
        recorder.agent(8000, LOUD * 5)
        recorder.agent_cut(8000 + 100)
        for n in range(50, 60):
            recorder.caller(n * FRAME, QUIET, (n + 1) * 20 * MS)
        recorder.agent(9200, LOUD)

    info = await recorded(recorder, work)
    assert info is not None
    data, _ = soundfile.read(info.path, dtype="int16")
    loud = np.flatnonzero(np.abs(data[:, 1].astype(int)) > 5_000)
    assert loud.tolist() == [*range(8000, 8100), *range(9200, 9360)]


async def test_a_late_burst_finds_its_place_and_a_later_one_is_counted(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "call.flac", MULAW_8K, MULAW_8K)

    def work() -> None:
        recorder.caller(0, QUIET, 20 * MS)
        for n in range(1, 100):
            recorder.agent(n * FRAME, QUIET)
        recorder.caller(50 * FRAME, LOUD, 2 * SECOND)
        for n in range(100, 400):
            recorder.agent(n * FRAME, QUIET)
        recorder.caller(51 * FRAME, LOUD, 8 * SECOND)

    info = await recorded(recorder, work)
    assert info is not None
    data, _ = soundfile.read(info.path, dtype="int16")
    assert onsets(data[:, 0]) == [8000]
    assert recorder.lost == FRAME


async def test_gaps_however_long_are_silence_of_their_length_and_cost_no_memory(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "call.flac", MULAW_8K, MULAW_8K)
    hour = 3600 * 8000

    def work() -> None:
        recorder.caller(0, LOUD, 20 * MS)
        recorder.caller(hour, LOUD, 3600 * SECOND)
        assert sum(block.size for block in recorder._blocks if not isinstance(block, int)) < 200_000

    info = await recorded(recorder, work)
    assert info is not None
    assert info.seconds == 3600.02
    assert soundfile.info(info.path).frames == hour + FRAME


async def test_different_rates_meet_at_16_khz(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "call.flac", PCM16_16K, PCM16_24K)
    loud16, loud24 = (np.full(rate // 50, 12_000, dtype="<i2").tobytes() for rate in (16_000, 24_000))

    def work() -> None:
        for n in range(100):
            recorder.caller(n * 320, loud16 if n == 50 else bytes(640), (n + 1) * 20 * MS)
            if n == 50:
                recorder.agent(50 * 480, loud24)

    info = await recorded(recorder, work)
    assert info is not None
    assert info.rate == 16_000
    data, _ = soundfile.read(info.path, dtype="int16")
    (caller,), (agent,) = onsets(data[:, 0]), onsets(data[:, 1])
    assert caller == 16_000
    assert abs(agent - caller) <= 32


class Full:
    """A disk that is full after so many blocks."""

    def __init__(self, after: int) -> None:
        self.left = after

    def __call__(self, _block: object) -> None:
        self.left -= 1
        if self.left < 0:
            raise OSError(28, "No space left on device")


async def test_a_full_disk_ends_the_recording_once_and_the_call_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failures: list[RecordingFailed] = []
    recorder = Recorder(tmp_path / "call.flac", MULAW_8K, MULAW_8K, failures.append)
    real, full = recorder._write, Full(2)

    def write(block: object) -> None:
        full(block)
        real(block)  # type: ignore[arg-type]

    monkeypatch.setattr(recorder, "_write", write)

    def work() -> None:
        for n in range(800):
            recorder.caller(n * FRAME, LOUD, (n + 1) * 20 * MS)

    async with anyio.create_task_group() as group:
        group.start_soon(recorder.run)
        work()
    work()
    assert await recorder.close() is None
    assert len(failures) == 1
    assert "No space" in failures[0].detail
    assert "No space" not in failures[0].public
    assert list(tmp_path.iterdir()) == []


async def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    recorder = Recorder(tmp_path / "file" / "call.flac", MULAW_8K, MULAW_8K)
    assert await recorded(recorder, lambda: recorder.caller(0, LOUD, 20 * MS)) is None
    assert recorder.error is not None


async def test_a_disk_that_is_too_slow_ends_the_recording(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "call.flac", MULAW_8K, MULAW_8K)
    for n in range(50 * 60):
        recorder.caller(n * FRAME, QUIET, (n + 1) * 20 * MS)
    assert recorder.error is not None
    assert not recorder._blocks
    assert await recorder.close() is None
    assert list(tmp_path.iterdir()) == []


async def test_a_call_without_audio_leaves_nothing(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "call.flac", MULAW_8K, MULAW_8K)
    assert await recorder.close() is None
    assert await recorder.close() is None
    assert list(tmp_path.iterdir()) == []


async def test_what_is_keyed_in_secret_is_in_neither_channel_and_told_to_the_sample(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "call.flac", MULAW_8K, MULAW_8K)

    def work() -> None:
        for n in range(500):
            recorder.redact(hidden=100 <= n < 400)
            recorder.caller(n * FRAME, LOUD, n * 20 * MS)
            # What is sent is heard a little later: the agent's audio is ahead of the caller's when something begins to be hidden.
            recorder.agent((n + 5) * FRAME, LOUD)

    info = await recorded(recorder, work)
    assert info is not None
    assert info.redacted == ((2_000, 8_000),)
    sound, rate = soundfile.read(str(info.path), dtype="int16")
    hidden = sound[2 * rate : 8 * rate]
    assert len(hidden) == 6 * rate
    assert not hidden.any()
    assert (np.abs(sound[: 2 * rate, 0].astype(int)) > 5_000).all()
    assert (np.abs(sound[8 * rate : 10 * rate].astype(int)) > 5_000).all()


async def test_a_call_that_ends_while_something_is_keyed_in_secret_hides_it_to_its_end(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "call.flac", MULAW_8K, MULAW_8K)

    def work() -> None:
        for n in range(100):
            recorder.redact(hidden=n >= 50)
            recorder.caller(n * FRAME, LOUD, n * 20 * MS)

    info = await recorded(recorder, work)
    assert info is not None
    assert info.redacted == ((1_000, 2_000),)
    sound, rate = soundfile.read(str(info.path), dtype="int16")
    assert not sound[rate:].any()
