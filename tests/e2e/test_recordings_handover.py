"""Recordings and traces go from an engine's disk to the orchestrator's, sealed, once, whatever dies on the way."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import sys
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import httpx
import numpy as np
import pytest
import soundfile
from tests.e2e.business import SECRET, House, open_house

from offhook import signing
from offhook.contracts.handover import HEADER, Handover
from offhook.engine.handover import HandoverDesk, Held
from offhook.orchestrator.calls import ops as calls
from offhook.orchestrator.recordings import ops
from offhook.orchestrator.vault.files import PIECE
from offhook.orchestrator.vault.seal import Unsealable

REF = "harbour/front-desk"
RATE = 8_000


def tone(path: Path, seconds: float) -> bytes:
    """A recording: the caller loud in its first half, the agent soft in its second."""
    frames = round(seconds * RATE)
    noise = np.random.default_rng(0).integers(-1, 2, (frames, 2))
    wave = np.sin(np.arange(frames) * 0.3)
    samples = np.zeros((frames, 2))
    samples[: frames // 2, 0] = wave[: frames // 2] * 20_000
    samples[frames // 2 :, 1] = wave[frames // 2 :] * 5_000
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, (samples + noise).astype(np.int16), RATE, format="FLAC")
    return path.read_bytes()


@asynccontextmanager
async def desk(house: House, folder: Path, transport: httpx.AsyncBaseTransport | None = None) -> AsyncIterator[HandoverDesk]:
    """An engine's desk that sends to the house. It signs by the wall clock, so the house must live by it too."""
    async with (
        httpx.AsyncClient(transport=transport or httpx.ASGITransport(house.app)) as http,
        anyio.create_task_group() as group,
    ):
        yield HandoverDesk(folder, http, "http://orchestrator/v1/recordings", SECRET, group)
        group.cancel_scope.cancel()


async def settled(one: HandoverDesk) -> None:
    with anyio.fail_after(150):
        while one.open:
            await anyio.sleep(0.01)


@pytest.fixture
async def now_house(house: House) -> House:
    """Engines sign with the wall clock's time."""
    house.now[0] = datetime.now(UTC)
    return house


async def begun(one: HandoverDesk, folder: Path, call: str = "c1", ref: str = REF) -> Held:
    held = await one.begin(folder / call, call, ref)
    assert held is not None
    return held


async def send(house: House, body: bytes, *, kind: str = "recording", call: str = "c1", ref: str = REF, **changes: Any) -> httpx.Response:
    """One request as an engine makes it; ``changes`` to what it says of the file."""
    said = {"call": call, "ref": ref, "kind": kind, "size": len(body), "sha256": hashlib.sha256(body).hexdigest()} | changes
    manifest = Handover.model_validate(said).model_dump_json().encode()
    headers = signing.headers(SECRET, "m1", int(house.now[0].timestamp()), manifest)
    return await house.http.post("/v1/recordings", content=body, headers={**headers, HEADER: base64.b64encode(manifest).decode()})


def files(house: House) -> list[Path]:
    return sorted(one for one in (house.settings.state_dir / "recordings").rglob("*") if one.is_file())


async def examined(house: House, call: str = "c1") -> dict[str, Any]:
    async def done() -> bool:
        found = (await house.call(call))["recording"]
        return bool(found and found["seconds"] is not None)

    await house.work_until(done)
    found: dict[str, Any] = (await house.call(call))["recording"]
    return found


async def test_a_calls_files_are_handed_over_sealed_and_then_deleted(now_house: House, tmp_path: Path) -> None:
    house, folder = now_house, tmp_path / "engine"
    async with desk(house, folder) as one:
        held = await begun(one, folder)
        sound = tone(folder / "c1" / "call.flac", 3.0)
        trace = b'{"trace": 1, "call": "c1", "policy": {}}\n["Tick", 5]\n'
        (folder / "c1" / "trace.jsonl").write_bytes(trace)
        one.finish(held)
        await settled(one)
        assert (one.handed_over, one.refused, one.failed_attempts) == (2, 0, 0)
    assert list(folder.iterdir()) == []
    assert [one.suffix for one in files(house)] == [".recording", ".trace"]
    for path in files(house):
        assert sound[:40] not in path.read_bytes()
        assert b"Tick" not in path.read_bytes()
        assert path.stat().st_mode & 0o077 == 0
    recording = await examined(house)
    assert (recording["seconds"], recording["sample_rate"], recording["channels"]) == (3.0, RATE, 2)
    assert (recording["sha256"], recording["size"], recording["recovered"]) == (hashlib.sha256(sound).hexdigest(), len(sound), False)
    assert (await house.call())["call"]["recorded"] is True
    assert (await house.get("/calls/c1/recording")).content == sound
    answer = await house.get("/calls/c1/trace")
    assert (answer.content, answer.headers["content-type"]) == (trace, "application/jsonl")


async def test_the_waveform_shows_who_spoke_when(now_house: House, tmp_path: Path) -> None:
    house = now_house
    assert (await house.get("/calls/c1/peaks")).status_code == 404
    assert (await send(house, tone(tmp_path / "call.flac", 10.0))).json() == {"kept": True}
    assert (await house.get("/calls/c1/peaks")).status_code == 409
    await examined(house)
    for asked, buckets in ((4_000, 500), (500, 500), (200, 167), (7, 7), (1, 1)):
        wave = (await house.get(f"/calls/c1/peaks?resolution={asked}")).json()
        assert (wave["seconds"], wave["resolution"]) == (10.0, buckets)
        caller, agent = wave["channels"]
        assert [caller["name"], agent["name"]] == ["caller", "agent"]
        assert {len(one[side]) for one in wave["channels"] for side in ("min", "max")} == {buckets}
        if buckets > 2:
            first, second = slice(0, buckets // 2 - 1), slice(buckets // 2 + 2, buckets)
            assert max(caller["max"][first]) == 78  # 20,000 of 32,768
            assert min(caller["min"][first]) == -79
            assert set(caller["max"][second]) <= {0}
            assert max(agent["max"][second]) == 19
            assert set(agent["max"][first]) <= {0}
    for wrong in ("0", "4001", "x"):
        assert (await house.get(f"/calls/c1/peaks?resolution={wrong}")).status_code == 422


async def test_every_part_of_a_recording_can_be_asked_for(now_house: House, tmp_path: Path) -> None:
    house = now_house
    rng = np.random.default_rng(1)
    body = rng.integers(0, 256, 3 * PIECE + 17, dtype=np.uint8).tobytes()
    assert (await send(house, body)).status_code == 200
    size = len(body)
    whole = await house.ask("GET", "/calls/c1/recording")
    assert (whole.status_code, whole.content) == (200, body)
    assert (whole.headers["content-type"], whole.headers["accept-ranges"], whole.headers["content-length"]) == (
        "audio/flac",
        "bytes",
        str(size),
    )
    assert whole.headers["content-disposition"] == 'inline; filename="c1.flac"'
    saved = await house.ask("GET", "/calls/c1/recording?download=true")
    assert saved.headers["content-disposition"] == 'attachment; filename="c1.flac"'
    head = await house.ask("HEAD", "/calls/c1/recording")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(size))
    edges = [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 3 * PIECE - 1, 3 * PIECE, size - 1]
    for first in edges:
        for last in edges:
            if last >= first:
                answer = await house.ask("GET", "/calls/c1/recording", Range=f"bytes={first}-{last}")
                assert answer.status_code == 206
                assert answer.content == body[first : last + 1], (first, last)
                assert answer.headers["content-range"] == f"bytes {first}-{last}/{size}"
                assert answer.headers["content-length"] == str(last - first + 1)
    for asked, expected in (
        ("bytes=-5", body[-5:]),
        (f"bytes={size - 3}-", body[-3:]),
        (f"bytes=5-{size * 9}", body[5:]),
        (f"bytes=-{size * 2}", body),
    ):
        answer = await house.ask("GET", "/calls/c1/recording", Range=asked)
        assert (answer.status_code, answer.content) == (206, expected), asked
    for asked in (f"bytes={size}-", "bytes=-0", f"bytes={size + 5}-{size + 9}"):
        answer = await house.ask("GET", "/calls/c1/recording", Range=asked)
        assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{size}"), asked
    for asked in ("bytes=5-3", "bytes=-", "lines=1-2", "bytes=0-1,4-5", "nonsense"):
        assert (await house.ask("GET", "/calls/c1/recording", Range=asked)).status_code == 200, asked
    tag = whole.headers["etag"]
    assert (await house.ask("GET", "/calls/c1/recording", Range="bytes=0-1", If_Range=tag)).status_code == 206
    assert (await house.ask("GET", "/calls/c1/recording", Range="bytes=0-1", If_Range='"other"')).status_code == 200


async def test_who_listens_is_written_down_once_a_request(now_house: House, tmp_path: Path) -> None:
    house = now_house
    await send(house, os.urandom(5 * PIECE))
    await send(house, b"{}\n", kind="trace")
    listener = await house.key("calls.read")
    for headers in ({}, {"Range": "bytes=0-9"}):
        assert (await house.http.get("/v1/tenants/harbour/calls/c1/recording", headers=listener | headers)).is_success
    assert (await house.http.head("/v1/tenants/harbour/calls/c1/recording", headers=listener)).is_success
    assert (await house.http.get("/v1/tenants/harbour/calls/c1/trace", headers=listener)).is_success
    rows = await house.look("select action, target, details, actor_kind from audit where tenant_id = 'harbour' order by seq")
    assert [tuple(row) for row in rows] == [
        ("call.recording.read", "c1", {}, "key"),
        ("call.recording.read", "c1", {"range": [0, 9]}, "key"),
        ("call.trace.read", "c1", {}, "key"),
    ]
    assert (await house.http.get("/v1/tenants/harbour/calls/c1/recording", headers=await house.key("agents.read"))).status_code == 403


async def test_sent_again_it_is_the_same_file_and_another_is_refused(now_house: House, tmp_path: Path) -> None:
    house = now_house
    body = tone(tmp_path / "call.flac", 1.0)
    answers = []

    async def again() -> None:
        answers.append(await send(house, body))

    async with anyio.create_task_group() as group:
        for _ in range(6):
            group.start_soon(again)
    assert [one.json() for one in answers] == [{"kept": True}] * 6
    assert len(files(house)) == 1
    assert (await send(house, body)).json() == {"kept": True}
    assert (await send(house, body + b"x")).status_code == 409
    assert (await house.get("/calls/c1/recording")).content == body
    [(jobs,)] = await house.look("select count(*) from procrastinate_jobs where task_name = 'examine_recording'")
    assert jobs == 1


async def test_what_is_not_as_it_was_signed_is_not_kept(now_house: House) -> None:
    house = now_house
    body = os.urandom(1_000)
    assert (await send(house, body, size=999)).status_code == 422
    assert (await send(house, body, size=1_001)).status_code == 422
    assert (await send(house, body, sha256="0" * 64)).status_code == 422
    manifest = Handover(call="c1", ref=REF, kind="trace", size=1_000, sha256=hashlib.sha256(body).hexdigest()).model_dump_json().encode()
    good = signing.headers(SECRET, "m1", int(house.now[0].timestamp()), manifest) | {HEADER: base64.b64encode(manifest).decode()}
    old = signing.headers(SECRET, "m1", int(house.now[0].timestamp()) - 301, manifest)
    foreign = signing.headers(signing.new_secret(), "m1", int(house.now[0].timestamp()), manifest)
    other = base64.b64encode(manifest.replace(b"c1", b"c2")).decode()
    for headers in (
        {},
        {HEADER: good[HEADER]},
        good | {HEADER: other},
        good | old,
        good | foreign,
        good | {HEADER: "?"},
        good | {HEADER: ""},
    ):
        assert (await house.http.post("/v1/recordings", content=body, headers=headers)).status_code == 401
    assert files(house) == []
    assert (await house.look("select count(*) from recording"))[0][0] == 0
    assert (await house.http.post("/v1/recordings", content=body, headers=good)).json() == {"kept": True}
    for ref in ("", "nobody", "nobody/front-desk", "harbour/nobody", "/"):
        answer = await send(house, body, ref=ref, call="c9")
        assert answer.status_code == 404 or answer.json() == {"kept": False}, ref
    assert len(files(house)) == 1


async def test_nobody_elses_key_opens_a_recording(now_house: House) -> None:
    house = now_house
    body = os.urandom(1_000)
    await send(house, body)
    await send(house, b"of the other" * 10, ref="quayside/front-desk")
    for path in ("/calls/c1/recording", "/calls/c1/trace", "/calls/c1/peaks"):
        assert (await house.ask("GET", path, tenant="quayside", **await house.role("tenant_owner"))).status_code == 404
    assert (await house.get("/calls/c1/recording", tenant="quayside")).content == b"of the other" * 10
    mine = next(one for one in files(house) if one.parent.name == "harbour")
    theirs = next(one for one in files(house) if one.parent.name == "quayside")
    theirs.write_bytes(mine.read_bytes())
    with pytest.raises(Unsealable):
        await house.get("/calls/c1/recording", tenant="quayside")


async def test_while_nobody_answers_it_stays_on_the_engines_disk(now_house: House, tmp_path: Path) -> None:
    house, folder = now_house, tmp_path / "engine"
    state = {"up": False, "asked": 0}
    app = httpx.ASGITransport(house.app)

    class Door(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            state["asked"] += 1
            if state["asked"] == 1:
                raise httpx.ConnectError("down")
            if state["asked"] == 2:
                return httpx.Response(502, content=b"<html>")
            if state["asked"] == 3:
                return httpx.Response(404, headers={"content-type": "text/html"})
            answer = await app.handle_async_request(request)
            if state["asked"] == 4:  # taken, and the answer is lost
                await answer.aread()
                raise httpx.ReadError("lost")
            return answer

    async with desk(house, folder, Door()) as one:
        held = await begun(one, folder)
        body = tone(folder / "c1" / "call.flac", 0.5)
        one.finish(held)
        await settled(one)
        assert (one.failed_attempts, one.handed_over, state["asked"]) == (4, 1, 5)
    assert not (folder / "c1").exists()
    assert (await house.get("/calls/c1/recording")).content == body


async def test_an_engine_that_was_restarted_hands_over_what_it_finds(now_house: House, tmp_path: Path) -> None:
    house, folder = now_house, tmp_path / "engine"
    async with desk(house, folder) as one:
        gone = await begun(one, folder)
        body = tone(folder / "c1" / "call.flac", 0.5)
        living = await begun(one, folder, "c2")
        tone(folder / "c2" / "call.flac", 0.5)
        gone.release()  # as the end of its process does
        (folder / "c3").mkdir()
        (folder / "c3" / "note.json").write_text('{"call": "c3"')
        (folder / "c4").mkdir()
        (folder / "c4" / "call.flac").write_bytes(b"of an engine that ran alone")
        assert await one.recover() == 1
        await settled(one)
        assert sorted(path.name for path in folder.iterdir()) == ["c2", "c3", "c4"]
        living.release()
    assert (await house.get("/calls/c1/recording")).content == body
    assert (await house.get("/calls/c2/recording")).status_code == 404


KILLED = """
import os, signal, sys
from pathlib import Path
import anyio, numpy as np
from offhook.core.audio.format import PCM16_8K
from offhook.engine.handover import HandoverDesk
from offhook.engine.record import Recorder

async def main(folder):
    async with anyio.create_task_group() as group:
        held = await HandoverDesk(folder, None, "", "", group).begin(folder / "c1", "c1", "harbour/front-desk")
        recorder = Recorder(folder / "c1" / "call.flac", PCM16_8K, PCM16_8K)
        group.start_soon(recorder.run)
        rng = np.random.default_rng(0)
        for second in range(20):
            data = rng.integers(-8000, 8000, 8000).astype("<i2").tobytes()
            recorder.caller(second * 8000, data)
            await anyio.sleep(0.01)
        (folder / "c1" / "trace.jsonl").write_text('{"trace": 1, "call": "c1", "policy": {}}\\n["Tick", 5]\\n["Ti')
        print("ready", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

anyio.run(main, Path(sys.argv[1]))
"""


async def test_a_killed_engines_recording_is_made_whole_and_handed_over(now_house: House, tmp_path: Path) -> None:
    house, folder = now_house, tmp_path / "engine"
    done = await anyio.run_process([sys.executable, "-c", KILLED, str(folder)], check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert (folder / "c1" / "call.flac.part").exists()
    async with desk(house, folder) as one:
        assert await one.recover() == 1
        await settled(one)
        assert (one.handed_over, one.refused) == (2, 0)
    assert list(folder.iterdir()) == []
    recording = await examined(house)
    assert recording["recovered"] is True
    assert 10 < recording["seconds"] <= 20  # what waits for late audio and in buffers is lost
    samples, _ = soundfile.read(_kept(tmp_path, (await house.get("/calls/c1/recording")).content), dtype="int16")
    spoken = np.random.default_rng(0).integers(-8000, 8000, 8000).astype("<i2")
    assert (samples[:8000, 0] == spoken).all()


def _kept(folder: Path, content: bytes) -> Path:
    path = folder / "again.flac"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("content", [b"", b"fLaC", b"noise" * 1_000])
async def test_a_recording_of_which_nothing_was_written_is_nothing(now_house: House, tmp_path: Path, content: bytes) -> None:
    folder = tmp_path / "engine"
    async with desk(now_house, folder) as one:
        held = await begun(one, folder)
        (folder / "c1" / "call.flac.part").write_bytes(content)
        held.release()
        assert await one.recover() == 1
        await settled(one)
        assert (one.handed_over, one.refused) == (0, 0)
    assert list(folder.iterdir()) == []


async def test_the_orchestrator_dies_while_a_file_comes(now_house: House, database_url: str, tmp_path: Path) -> None:
    """What it had begun is swept away, and the file comes again to whoever stands in."""
    house = now_house
    body = os.urandom(3 * PIECE)
    manifest = (
        Handover(call="c1", ref=REF, kind="recording", size=len(body), sha256=hashlib.sha256(body).hexdigest()).model_dump_json().encode()
    )
    headers = signing.headers(SECRET, "m1", int(house.now[0].timestamp()), manifest) | {HEADER: base64.b64encode(manifest).decode()}

    async def cut() -> AsyncIterator[bytes]:
        yield body[:PIECE]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await house.http.post("/v1/recordings", content=cut(), headers=headers)
    assert files(house) == []
    half = house.settings.state_dir / "recordings" / "harbour" / "x.recording.y.part"
    half.parent.mkdir(parents=True, exist_ok=True)
    half.write_bytes(b"of a process that was killed")
    assert await ops.sweep_parts(house.services) == 0
    house.now[0] += timedelta(days=2)
    assert await ops.sweep_parts(house.services) == 1
    assert (await send(house, body)).json() == {"kept": True}
    async with open_house(database_url, house.settings.state_dir) as other:
        assert (await other.get("/calls/c1/recording")).content == body


async def test_a_file_that_is_no_recording_has_no_length(now_house: House) -> None:
    house = now_house
    await send(house, b"not FLAC")

    async def done() -> bool:
        return bool((await house.look("select examined_at from recording"))[0][0])

    await house.work_until(done)
    assert (await house.call())["recording"]["seconds"] is None
    assert (await house.get("/calls/c1/peaks")).status_code == 409
    assert (await house.get("/calls/c1/recording")).content == b"not FLAC"
    assert await ops.examine(house.services, "harbour", "c1") is False


async def test_a_hundred_megabytes_are_never_in_memory_at_once(now_house: House) -> None:
    house = now_house
    piece = os.urandom(1_048_576)
    digest = hashlib.sha256()
    for _ in range(100):
        digest.update(piece)
    manifest = Handover(call="c1", ref=REF, kind="recording", size=100 * len(piece), sha256=digest.hexdigest()).model_dump_json().encode()
    headers = signing.headers(SECRET, "m1", int(house.now[0].timestamp()), manifest) | {HEADER: base64.b64encode(manifest).decode()}

    async def body() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield piece

    tracemalloc.start()
    try:
        assert (await house.http.post("/v1/recordings", content=body(), headers=headers)).json() == {"kept": True}
        _, taken = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        async with house.services.database.tenant("harbour") as scope:
            view, stored = await ops.fetch(house.services, scope, "c1", "recording")
            await calls.get(scope, "c1")
        again = hashlib.sha256()
        for part in stored.read(0, view.size - 1):
            again.update(part)
        _, given = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert again.hexdigest() == digest.hexdigest()
    assert taken < 20_000_000
    assert given < 20_000_000
    assert json.loads(manifest)["size"] == view.size
