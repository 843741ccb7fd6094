"""What recordings do, for their routes and for other domains."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import anyio
from anyio import to_thread

from offhook.contracts.handover import HandedOver, Handover
from offhook.errors import Conflict, Invalid, NotFound
from offhook.orchestrator.agents import ops as agents
from offhook.orchestrator.calls import ops as calls
from offhook.orchestrator.db import raw_connection
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.recordings import store, waveform
from offhook.orchestrator.recordings.repo import RecordingRepo
from offhook.orchestrator.recordings.schemas import SPEAKERS, Held, Loudness, RecordingView, Wave, Waveform
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.tenants import files
from offhook.orchestrator.vault.files import FileKey
from offhook.orchestrator.vault.ops import vault_of

EXAMINE: Final = "examine_recording"
"""Name of the job that looks at a sound which has come."""
KINDS: Final[tuple[Held, ...]] = ("recording", "trace", "message")
WRITE: Final = 262_144
"""Bytes that are gathered before a thread writes them."""


async def receive(given: Services, one: Handover, body: AsyncIterator[bytes]) -> HandedOver:
    """Take a file in. No transaction is open while it comes, which may take minutes.

    Conflict: another file of this call is here already. Invalid: the body is not what was signed.
    """
    tenant, agent = agents.split_ref(one.ref)
    try:
        async with given.database.tenant(tenant) as scope:
            await calls.ensure(scope, one.call, agent)
            if await _there(scope, one):
                key = None
            else:
                key = await vault_of(given).file_key(scope, store.place(one.call, one.kind))
    except NotFound:  # deleted, with or without all that was its owner's
        await _drain(body)
        return HandedOver(kept=False)
    if key is None:
        await _drain(body)
        return HandedOver(kept=True)
    return await _take_in(given, tenant, one, key, body)


async def _take_in(given: Services, tenant: str, one: Handover, key: FileKey, body: AsyncIterator[bytes]) -> HandedOver:
    token = new_id("part", given.clock())
    incoming = await to_thread.run_sync(store.Incoming, path_of(given, tenant, one.call, one.kind), key, token)
    try:
        await _copy(one, body, incoming)
        if await to_thread.run_sync(incoming.end) != one.sha256 or incoming.size != one.size:
            raise Invalid("the body is not what was signed")
        try:
            async with given.database.tenant(tenant) as scope:
                await _enter(given, scope, one, incoming)
        except NotFound:
            return HandedOver(kept=False)
        return HandedOver(kept=True)
    finally:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(incoming.abandon)


async def _copy(one: Handover, body: AsyncIterator[bytes], incoming: store.Incoming) -> None:
    gathered = bytearray()
    size = 0
    async for piece in body:
        gathered += piece
        size += len(piece)
        if size > one.size:
            raise Invalid("the body is longer than was signed")
        if len(gathered) >= WRITE:
            await to_thread.run_sync(incoming.write, bytes(gathered))
            gathered.clear()
    await to_thread.run_sync(incoming.write, bytes(gathered))


async def _enter(given: Services, scope: TenantScope, one: Handover, incoming: store.Incoming) -> None:
    """Note the file and give it its name, while nobody deletes its call; NotFound if somebody has."""
    await calls.locked(scope, one.call)
    new = await RecordingRepo(scope).add(one.call, one.kind, given.clock(), size=one.size, sha256=one.sha256, recovered=one.recovered)
    if not new:
        await _there(scope, one)  # another request has brought it in the meantime
        return
    await to_thread.run_sync(incoming.keep)
    if one.kind == "recording":
        await calls.recorded(scope, one.call, recorded=True)
        await look_at(given, scope, one.call, one.kind)


async def look_at(given: Services, scope: TenantScope, call: str, kind: Held) -> None:
    """Have a sound examined, once this transaction is over."""
    job = given.queue.configure_task(EXAMINE, connection=await raw_connection(scope.session))
    await job.defer_async(tenant=scope.tenant, call=call, kind=kind)


async def _there(scope: TenantScope, one: Handover) -> bool:
    """Whether this very file is here already; Conflict if it is another."""
    found = await RecordingRepo(scope).get(one.call, one.kind)
    if found is not None and found.sha256 != one.sha256:
        raise Conflict(f"another {one.kind} of this call is here already")
    return found is not None


async def _drain(body: AsyncIterator[bytes]) -> None:
    """Read what nobody wants: a sender that is still sending would not hear the answer."""
    async for _ in body:
        pass


async def show(scope: TenantScope, call: str) -> RecordingView | None:
    """What is known of a call's recording; None if there is none."""
    return await RecordingRepo(scope).get(call, "recording")


async def has(scope: TenantScope, call: str, kind: Held) -> bool:
    """Whether there is such a file of a call."""
    return await RecordingRepo(scope).get(call, kind) is not None


async def fetch(given: Services, scope: TenantScope, call: str, kind: Held) -> tuple[RecordingView, store.Stored]:
    """A call's file, to be read in a thread, also after this transaction; NotFound."""
    view = await RecordingRepo(scope).get(call, kind)
    if view is None:
        raise NotFound(f"there is no {kind} of this call")
    path = path_of(given, scope.tenant, call, kind)
    try:
        head = await to_thread.run_sync(store.head, path)
    except FileNotFoundError:
        raise NotFound(f"the file of this {kind} is gone") from None
    return view, store.Stored(path, await vault_of(given).file_key(scope, store.place(call, kind), head))


async def peaks(given: Services, scope: TenantScope, call: str, resolution: int) -> Waveform:
    """The waveform of a recording; NotFound without one, Conflict until the recording has been examined."""
    seconds, packed = await _packed(given, scope, call, "recording")
    found = waveform.unpack(packed, resolution)
    sides = [Wave(name=name, min=one[0].tolist(), max=one[1].tolist()) for name, one in zip(SPEAKERS, found, strict=False)]
    return Waveform(seconds=seconds, resolution=found.shape[2], channels=sides)


async def loudness(given: Services, scope: TenantScope, call: str, a_second: int, kind: Held = "recording") -> Loudness:
    """How loud the sides of a sound are, about so many times a second, to be drawn; NotFound and Conflict as ``peaks``."""
    seconds, packed = await _packed(given, scope, call, kind)
    rate, found = waveform.loudness(waveform.unpack(packed, waveform.MOST), seconds, a_second)
    sides = {name: one.tobytes() for name, one in zip(SPEAKERS, found, strict=False)}
    return Loudness(seconds=seconds, a_second=rate, **sides)


async def _packed(given: Services, scope: TenantScope, call: str, kind: Held) -> tuple[float, bytes]:
    """A sound's length in seconds, and its waveform."""
    view = await RecordingRepo(scope).get(call, kind)
    if view is None:
        raise NotFound(f"there is no {kind} of this call")
    sealed = await RecordingRepo(scope).peaks(call, kind)
    if sealed is None or view.seconds is None:
        raise Conflict("the waveform is not ready yet")
    return view.seconds, await given.vault.open(scope, _peaks_place(call, kind), sealed)


async def remove(given: Services, scope: TenantScope, call: str) -> None:
    """Delete a call's files, and what is known of them. The call's row must be locked."""
    # The files first: should the transaction fail, they are gone all the same, and it can be tried again; not the other way about.
    for kind in KINDS:
        await to_thread.run_sync(store.remove, path_of(given, scope.tenant, call, kind))
    await RecordingRepo(scope).remove(call)


async def examine(given: Services, tenant: str, call: str, kind: Held = "recording") -> bool:
    """Find out how long a sound is, and its waveform; False if there is nothing to do any more."""
    async with given.database.tenant(tenant) as scope:
        if not await RecordingRepo(scope).unexamined(call, kind):
            return False
        _, stored = await fetch(given, scope, call, kind)
    sound = await to_thread.run_sync(_examine, stored)
    async with given.database.tenant(tenant) as scope:
        fields: dict[str, Any] = {"examined_at": given.clock()}
        if sound is not None:
            sealed = await given.vault.seal(scope, _peaks_place(call, kind), waveform.pack(sound.peaks))
            fields |= {"seconds": sound.seconds, "sample_rate": sound.sample_rate, "channels": sound.channels, "peaks": sealed}
        await RecordingRepo(scope).examined(call, kind, **fields)
    return True


def _examine(stored: store.Stored) -> waveform.Sound | None:
    with stored.path.open("rb") as file:
        return waveform.examine(store.Clear(file, stored.key))


async def sweep_parts(given: Services) -> int:
    """Delete what was begun and never ended, by an orchestrator that was killed; how many. They are sent again."""
    return await to_thread.run_sync(_sweep, given.settings.state_dir / store.KIND, given.clock().timestamp() - 86_400)


def _sweep(folder: Path, before: float) -> int:
    old = [one for one in folder.glob(f"*/*{store.PART}") if one.stat().st_mtime < before]
    for one in old:
        one.unlink(missing_ok=True)
    return len(old)


def path_of(given: Services, tenant: str, call: str, kind: Held) -> Path:
    """Where a call's file is."""
    return store.path_of(files.folder(given.settings.state_dir, store.KIND, tenant), call, kind)


def _peaks_place(call: str, kind: Held) -> str:
    return f"recording/{call}/peaks" if kind == "recording" else f"recording/{call}/{kind}/peaks"
