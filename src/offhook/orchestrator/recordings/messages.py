"""Messages that callers left with a carrier when a call could not go on: noted at once, kept like a recording once their sound has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

import anyio
from anyio import to_thread

from offhook.errors import NotFound
from offhook.orchestrator.calls import ops as calls
from offhook.orchestrator.db import raw_connection
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.recordings import ops, store
from offhook.orchestrator.recordings.repo import MessageRepo, RecordingRepo
from offhook.orchestrator.recordings.schemas import MessageFault, VoiceMessage
from offhook.orchestrator.recordings.sound import Flac
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.vault.ops import vault_of

FETCH: Final = "fetch_voice_message"
"""Name of the job that fetches a message's sound from its carrier (``carriers.messages``)."""


@dataclass(frozen=True, slots=True)
class Left:
    """A message as its carrier told of it. ``account`` is None for the platform's own; ``recording`` is the carrier's name of it."""

    carrier: str
    account: str | None
    recording: str
    url: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message whose sound is still with its carrier; ``attempts`` to fetch it came to nothing."""

    carrier: str
    account: str | None
    url: str
    left_at: datetime
    attempts: int


async def begin(scope: TenantScope, given: Services, call: str, left: Left) -> None:
    """Note a message and have its sound fetched. A call has one: what a carrier tells again changes nothing."""
    sealed = await given.vault.seal(scope, _place(call), left.url.encode())
    fields = {"carrier": left.carrier, "account_id": left.account, "recording": left.recording, "url": sealed, "seconds": left.seconds}
    if await MessageRepo(scope).add(call, left_at=given.clock(), **fields):
        await fetch_in(scope, given, call, 0)


async def fetch_in(scope: TenantScope, given: Services, call: str, seconds: int) -> None:
    """Have a message's sound fetched after so many seconds, once this transaction is over."""
    wait = {"seconds": seconds} if seconds else None
    job = given.queue.configure_task(FETCH, connection=await raw_connection(scope.session), schedule_in=wait)
    await job.defer_async(tenant=scope.tenant, call=call)


async def show(scope: TenantScope, call: str) -> VoiceMessage | None:
    """What is known of the message of a call; None if there is none."""
    return await MessageRepo(scope).get(call)


async def waiting(scope: TenantScope, given: Services, call: str) -> Waiting | None:
    """A message whose sound is to be fetched; None if there is nothing to do any more."""
    row = await MessageRepo(scope).waiting(call)
    if row is None or row.url is None:
        return None
    url = await given.vault.open(scope, _place(call), row.url)
    return Waiting(row.carrier, row.account_id, url.decode(), row.left_at, row.attempts)


async def again(scope: TenantScope, given: Services, call: str, seconds: int) -> None:
    """An attempt came to nothing: there is another after so many seconds."""
    await MessageRepo(scope).again(call)
    await fetch_in(scope, given, call, seconds)


async def leave(scope: TenantScope, given: Services, call: str, fault: MessageFault | None) -> None:
    """The sound stays with the carrier: it could not be had, or (None) recording is off for the agent."""
    await MessageRepo(scope).settle(call, "failed" if fault else "off", given.clock(), fault)


async def keep(given: Services, tenant: str, call: str, sound: Flac) -> bool:
    """Keep a message's sound as recordings are kept; False if it is here already, or the message was deleted."""
    try:
        async with given.database.tenant(tenant) as scope:
            key = await vault_of(given).file_key(scope, store.place(call, "message"))
    except NotFound:
        return False
    token = new_id("part", given.clock())
    incoming = await to_thread.run_sync(store.Incoming, ops.path_of(given, tenant, call, "message"), key, token)
    try:
        await to_thread.run_sync(incoming.write, sound.data)
        digest = await to_thread.run_sync(incoming.end)
        async with given.database.tenant(tenant) as scope:
            await calls.locked(scope, call)
            if not await MessageRepo(scope).settle(call, "here", given.clock(), seconds=sound.seconds):
                return False
            await RecordingRepo(scope).add(call, "message", given.clock(), size=incoming.size, sha256=digest)
            await to_thread.run_sync(incoming.keep)
            await ops.look_at(given, scope, call, "message")
        return True
    except NotFound:
        return False
    finally:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(incoming.abandon)


def _place(call: str) -> str:
    return f"recording/{call}/message/url"
