"""A tenant's data in one file: a zip with a file of JSON lines for every table and every recording in the clear, itself sealed on its
way to the disk, kept for some days.

What there is to export the database says itself: every table and column that the tenant's own role may read, its rows only. Secrets are
left out, and what only stands for them. The last file is ``manifest.json``: rows, sizes and hashes of all others.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from anyio import to_thread
from sqlalchemy import delete, insert, select, text, tuple_, update

from offhook.errors import Conflict, NotFound, NotPermitted
from offhook.orchestrator.audit import ops as audit
from offhook.orchestrator.auth.permissions import IN_TENANT, Permission
from offhook.orchestrator.db import raw_connection
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.recordings import ops as recorded
from offhook.orchestrator.recordings.schemas import Held
from offhook.orchestrator.scope import PlatformScope, Repo, TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.tenants import ops
from offhook.orchestrator.tenants.archive import Archive
from offhook.orchestrator.tenants.files import folder
from offhook.orchestrator.tenants.schemas import ExportView
from offhook.orchestrator.tenants.tables import ExportRow
from offhook.orchestrator.vault.files import HEAD, FileKey
from offhook.orchestrator.vault.ops import vault_of
from offhook.orchestrator.vault.seal import Unsealable

EXPORT: Final = "export_tenant"
"""Name of the job that makes an export."""
KEPT: Final = timedelta(days=7)
BATCH: Final = 500
RECORDINGS: Final = "recording"
"""The table whose rows each name a sealed file."""
LEFT_OUT: Final = frozenset({"data_key", "idempotency", "media_token", "open_as", "reseller_vendor_account", "tenant_export"})
"""Tables of the machinery: keys, answers that were given before, passes of calls, and exports themselves; and what is the reseller's, with
whether one of it is looking right now (that it looked is in the log).
"""
SECRET: Final = re.compile(r"secret|token|password|(^|_)hash$")
"""Columns whose text is a secret or stands for one. Columns of bytes hold sealed secrets and digests."""
PROOF: Final = frozenset({("audit", "hash"), ("audit_head", "hash")})
"""Bytes that are no secret: with them whoever has the export can check the log."""
READING: Final = frozenset(one for one in IN_TENANT if one.endswith(".read"))
_COLUMNS: Final = text("""
    select c.relname::text as name, a.attname::text as "column", a.atttypid = 'bytea'::regtype as bytes,
        coalesce(array_position(k.conkey, a.attnum), 0) as key
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_constraint k on k.conrelid = c.oid and k.contype = 'p'
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition and c.relrowsecurity
        and has_column_privilege(c.oid, a.attnum, 'select')
    order by c.relname, a.attnum
""")


@dataclass(frozen=True, slots=True)
class Source:
    """What of a table is exported, and how it is ordered."""

    table: str
    columns: tuple[str, ...]
    left_out: tuple[str, ...]
    order: tuple[str, ...]

    def query(self) -> str:
        """Its rows, each as JSON. The names are the catalogue's, and quoted."""
        columns, order = (", ".join(f'"{one}"' for one in names) for names in (self.columns, self.order))
        rows = f'select {columns} from "{self.table}"' + (f" order by {order}" if order else "")  # noqa: S608
        return f"select row_to_json(t)::text from ({rows}) t"  # noqa: S608


class ExportRepo(Repo):
    """Exports of one tenant."""

    async def add(self, id: str, now: Any) -> None:  # noqa: ANN401 - a datetime
        """Note that one is to be made."""
        row = {"tenant_id": self._tenant, "id": id, "state": "waiting", "requested_at": now, "expires_at": now + KEPT}
        await self._session.execute(insert(ExportRow).values(row))

    async def get(self, id: str) -> ExportView | None:
        """One."""
        query = select(ExportRow).where(ExportRow.tenant_id == self._tenant, ExportRow.id == id)
        row = (await self._session.execute(query.execution_options(populate_existing=True))).scalar_one_or_none()
        return _view(row) if row else None

    async def page(self, limit: int, after: tuple[Any, str] | None) -> list[ExportView]:
        """The newest first."""
        query = select(ExportRow).where(ExportRow.tenant_id == self._tenant)
        if after:
            query = query.where(tuple_(ExportRow.requested_at, ExportRow.id) < after)
        rows = await self._session.execute(query.order_by(ExportRow.requested_at.desc(), ExportRow.id.desc()).limit(limit))
        return [_view(row) for row in rows.scalars()]

    async def waiting(self) -> int:
        """How many are still to be made."""
        rows = await self._session.execute(select(ExportRow.id).where(ExportRow.tenant_id == self._tenant, ExportRow.state == "waiting"))
        return len(rows.all())

    async def change(self, id: str, **fields: Any) -> None:  # noqa: ANN401 - columns
        """Change these columns."""
        query = update(ExportRow).where(ExportRow.tenant_id == self._tenant, ExportRow.id == id)
        await self._session.execute(query.values(**fields))

    async def remove(self, id: str) -> None:
        """Forget one."""
        await self._session.execute(delete(ExportRow).where(ExportRow.tenant_id == self._tenant, ExportRow.id == id))


def need(may: frozenset[Permission]) -> None:
    """NotPermitted unless they may read all that an export holds."""
    if missing := sorted(READING - may):
        raise NotPermitted(f"an export holds everything: this needs the permission {missing[0]}")


async def begin(given: Services, scope: TenantScope) -> ExportView:
    """Queue an export; Conflict while another is being made."""
    await ops.locked(scope)
    repo = ExportRepo(scope)
    if await repo.waiting():
        raise Conflict("an export is being made: wait for it")
    made = new_id("exp", given.clock())
    await repo.add(made, given.clock())
    job = given.queue.configure_task(EXPORT, connection=await raw_connection(scope.session))
    await job.defer_async(tenant=scope.tenant, export=made)
    return await show(scope, made)


async def show(scope: TenantScope, id: str) -> ExportView:
    """An export; NotFound."""
    found = await ExportRepo(scope).get(id)
    if found is None:
        raise NotFound("no such export")
    return found


async def listed(scope: TenantScope, limit: int, after: tuple[Any, str] | None) -> list[ExportView]:
    """Exports, the newest first."""
    return await ExportRepo(scope).page(limit, after)


async def fetch(given: Services, scope: TenantScope, id: str) -> tuple[ExportView, Iterator[bytes]]:
    """A ready export and the pieces of its zip file, for a thread.

    Conflict while it is not ready or if its key is gone, NotFound once it is.
    """
    export = await show(scope, id)
    if export.expires_at <= given.clock():
        raise NotFound("the export is no longer kept: make another")
    if export.state != "ready":
        raise Conflict("the export is not ready" if export.state == "waiting" else "the export could not be made: make another")
    path = _path(given, scope.tenant, id)
    try:
        head = await to_thread.run_sync(_head, path)
    except FileNotFoundError:
        raise NotFound("the export's file is gone: make another") from None
    try:
        key = await vault_of(given).file_key(scope, _place(id), head)
    except Unsealable as error:
        raise Conflict("the export can no longer be opened: make another") from error
    return export, _pieces(path, key)


async def make(given: Services, tenant: str, id: str) -> bool:
    """Make an export, from the beginning if it was begun before; False if it is not wanted any more.

    The tables are read in one transaction, the recordings after it: to write them may take longer than a transaction should.
    """
    path = _path(given, tenant, id)
    part = path.with_suffix(".part")
    async with given.database.tenant(tenant) as scope:
        export = await ExportRepo(scope).get(id)
        if export is None or export.state != "waiting":
            return False
        key = await vault_of(given).file_key(scope, _place(id))
    out = await to_thread.run_sync(Archive.open, part, key)
    try:
        async with given.database.tenant(tenant) as scope:
            manifest, recordings = await _tables(scope, out)
        gone = [one for one in recordings if not await _recording(given, tenant, out, *one)]
        manifest |= {"missing": gone, "files": out.files}
        await to_thread.run_sync(out.begin, "manifest.json")
        await to_thread.run_sync(out.write, json.dumps(manifest, indent=2).encode())
        size, digest = await to_thread.run_sync(out.close)
    finally:
        await to_thread.run_sync(out.abandon)
    counts = manifest["rows"] | {"files": len(out.files)}
    async with given.database.tenant(tenant) as scope:
        if await ExportRepo(scope).get(id) is None:
            await to_thread.run_sync(_unlink, path)
            return False
        await to_thread.run_sync(part.replace, path)
        await ExportRepo(scope).change(id, state="ready", ready_at=given.clock(), size=size, sha256=digest, counts=counts)
        return True


async def give_up(given: Services, tenant: str, id: str) -> None:
    """Note that an export could not be made."""
    async with given.database.tenant(tenant) as scope:
        await ExportRepo(scope).change(id, state="failed")


async def expired(given: Services, scope: PlatformScope) -> Sequence[tuple[str, str]]:
    """Exports, by tenant and id, that are no longer to be kept."""
    query = select(ExportRow.tenant_id, ExportRow.id).where(ExportRow.expires_at <= given.clock())
    return [(row.tenant_id, row.id) for row in await scope.session.execute(query)]


async def sweep(given: Services) -> int:
    """Delete what is no longer to be kept; how many."""
    async with given.database.platform() as platform:
        old = await expired(given, platform)
    for tenant, export in old:
        await to_thread.run_sync(_unlink, _path(given, tenant, export))
        async with given.database.tenant(tenant) as scope:
            await ExportRepo(scope).remove(export)
    return len(old)


async def _tables(scope: TenantScope, out: Archive) -> tuple[dict[str, Any], list[tuple[str, Held]]]:
    """Write every table; the manifest so far, and which recordings there are, by call and kind."""
    counts: dict[str, int] = {}
    recordings: list[tuple[str, Held]] = []
    sources = await sources_of(scope)
    for source in sources:
        counts[source.table] = 0
        await to_thread.run_sync(out.begin, f"tables/{source.table}.jsonl")
        rows = await scope.session.stream(text(source.query()), execution_options={"yield_per": BATCH})
        async for batch in rows.scalars().partitions(BATCH):
            counts[source.table] += len(batch)
            await to_thread.run_sync(out.write, "".join(f"{line}\n" for line in batch).encode())
            if source.table == RECORDINGS:
                recordings += [(row["call_id"], row["kind"]) for row in map(json.loads, batch)]
    checked = await audit.verify(scope)
    manifest = {
        "format": 1,
        "tenant": scope.tenant,
        "rows": counts,
        "left_out": {source.table: source.left_out for source in sources if source.left_out} | {one: ["*"] for one in sorted(LEFT_OUT)},
        "audit": checked.model_dump(mode="json"),
    }
    return manifest, recordings


async def _recording(given: Services, tenant: str, out: Archive, call: str, kind: Held) -> bool:
    """Write a recording, a trace or a message; False if it was deleted meanwhile."""
    try:
        async with given.database.tenant(tenant) as scope:
            view, stored = await recorded.fetch(given, scope, call, kind)
    except NotFound:
        return False
    suffix = "jsonl" if kind == "trace" else "flac"
    await to_thread.run_sync(out.copy, f"{kind}s/{quote(call, safe='')}.{suffix}", stored.read(0, view.size - 1))
    return True


async def sources_of(scope: TenantScope) -> list[Source]:
    """Every table that the tenant may read."""
    tables: dict[str, list[Any]] = {}
    for row in await scope.session.execute(_COLUMNS):
        if row.name not in LEFT_OUT:
            tables.setdefault(row.name, []).append(row)
    found = []
    for name, columns in tables.items():
        kept = tuple(one.column for one in columns if (name, one.column) in PROOF or not (one.bytes or SECRET.search(one.column)))
        keys = sorted((one for one in columns if one.key), key=lambda one: int(one.key))
        out = tuple(one.column for one in columns if one.column not in kept)
        found.append(Source(name, kept, out, tuple(one.column for one in keys)))
    return found


def _view(row: ExportRow) -> ExportView:
    return ExportView.model_validate({name: getattr(row, name) for name in ExportView.model_fields})


def _place(id: str) -> str:
    return f"export/{id}"


def _path(given: Services, tenant: str, id: str) -> Path:
    return folder(given.settings.state_dir, "exports", tenant) / f"{id}.zip.sealed"


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(HEAD)


def _pieces(path: Path, key: FileKey) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(HEAD)
        yield from key.read(file)


def _unlink(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.with_suffix(".part").unlink(missing_ok=True)
