"""Erasing a tenant, for ever: first its keys, so that whatever is sealed can be read by nobody, then files, jobs, people, and every row.

Every step may be killed and run again; what was counted is kept with what was deleted, in one transaction. The last transaction deletes
the tenant's own record, looks through all tables, and signs the certificate, or does none of it. The database's own functions do the
deleting, since the audit log refuses it to the application: they do it for a tenant that is being erased, and for no other
(migration 0003).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Final

from anyio import to_thread
from sqlalchemy import delete, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from offhook.errors import Conflict, Retry
from offhook.orchestrator.audit import ops as audit
from offhook.orchestrator.auth.permissions import Principal
from offhook.orchestrator.db import raw_connection
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.kit.once import IdempotencyRow
from offhook.orchestrator.scope import PlatformScope, ResellerScope, TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.tenants import catalogue, files
from offhook.orchestrator.tenants.catalogue import TENANT, Order
from offhook.orchestrator.tenants.repo import TenantRepo, subject
from offhook.orchestrator.tenants.schemas import Erasing
from offhook.orchestrator.tenants.tables import ErasureRow, TenantRow
from offhook.orchestrator.vault.ops import vault_of

ERASE: Final = "erase_tenant"
"""Name of the job that erases."""
BATCH: Final = 2_000
"""Rows that one transaction deletes."""
WAIT: Final = Retry(5.0)
log = logging.getLogger(__name__)
_PEOPLE = text("""
    with gone as (
        delete from person where id in (
            select m.person_id from membership m where m.tenant_id = :tenant and not exists (
                select from membership other where other.person_id = m.person_id and other.tenant_id is distinct from :tenant))
        returning id, email
    ), looks as (
        delete from open_as where person_id in (select id from gone)
    ), letters as (
        delete from mail where recipient in (select email from gone union select email from invitation where tenant_id = :tenant)
    )
    select count(*) from gone
""")
"""Members who are nobody anywhere else, with all that hangs on them: the tables of people cascade from ``person``. What they look at
right now, and mail to them that has not left yet, go too."""


@dataclass(frozen=True, slots=True)
class Doomed:
    """A tenant that is being erased."""

    tenant: str
    reseller: str
    erasure: str
    by: Principal
    """Who asked."""


async def begin(given: Services, scope: TenantScope, by: Principal) -> Erasing:
    """From the end of this transaction on nobody finds the tenant, and a job erases it."""
    erasure = new_id("ers", given.clock())
    fields = {"erasing_at": given.clock(), "erasure_id": erasure, "erasing_by": f"{by.kind}/{by.id}", "suspended": True}
    await TenantRepo(scope).change(fields)
    job = given.queue.configure_task(ERASE, connection=await raw_connection(scope.session))
    await job.defer_async(tenant=scope.tenant)
    return Erasing(erasure=erasure, subject=subject(scope.tenant))


async def unfinished(scope: PlatformScope) -> list[str]:
    """Tenants that are being erased."""
    return list((await scope.session.execute(select(TenantRow.id).where(TenantRow.erasing_at.is_not(None)))).scalars())


async def run(given: Services, tenant: str) -> bool:
    """Erase a tenant; False if it is gone. Conflict, to be tried again, while a job of it is still running."""
    doomed = await _open(given, tenant)
    if doomed is None:
        return False
    await _keys(given, doomed)
    order = await _tables(given)
    await _answers(given, doomed)
    await _jobs(given, doomed)
    await _files(given, doomed)
    async with given.database.platform() as scope:
        await _count(scope, doomed, "people", (await scope.session.execute(_PEOPLE, {"tenant": tenant})).scalar_one())
    for table, column in order.loosen:
        async with given.database.platform() as scope:
            await scope.session.execute(
                text("select offhook_erase_links(:tenant, :table, :column)"), {"tenant": tenant, "table": table, "column": column}
            )
    for table in order.tables:
        if table != TENANT:
            await _rows(given, doomed, table)
    await _files(given, doomed)  # whoever was still at work when the keys went may have written one
    await _finish(given, doomed)
    log.info("tenant erased", extra={"erasure": doomed.erasure})
    return True


async def _open(given: Services, tenant: str) -> Doomed | None:
    """Begin the certificate; None if the tenant is gone."""
    async with given.database.platform() as scope:
        query = select(TenantRow.reseller_id, TenantRow.erasure_id, TenantRow.erasing_at, TenantRow.erasing_by)
        row = (await scope.session.execute(query.where(TenantRow.id == tenant))).first()
        if row is None:
            return None
        if row.erasing_at is None:
            raise Conflict("this tenant is not being erased")
    kind, _, name = row.erasing_by.partition("/")
    # By its id alone: whoever asked may be a member, of whom nothing is to be left.
    doomed = Doomed(tenant, row.reseller_id, row.erasure_id, Principal(kind, name, "", ()))
    async with given.database.reseller(doomed.reseller) as reseller:
        fields = {"id": doomed.erasure, "reseller_id": doomed.reseller, "subject": subject(tenant), "requested_at": row.erasing_at}
        begun = insert(ErasureRow).values(fields).on_conflict_do_nothing().returning(ErasureRow.id)
        if (await reseller.session.execute(begun)).first() is not None:
            details = {"erasure": doomed.erasure, "requested_at": row.erasing_at.isoformat()}
            await audit.record(reseller, given.clock(), doomed.by, "tenant.erasing", subject(tenant), details)
    return doomed


async def _tables(given: Services) -> Order:
    """All tables with rows of tenants, each open to the functions that erase."""
    async with given.database.platform() as scope:
        order = await catalogue.read(scope.session)
    for table in order.tables:
        async with given.database.platform() as scope:
            await scope.session.execute(text("select offhook_open_to_erasing(:table)"), {"table": table})
    return order


async def _keys(given: Services, doomed: Doomed) -> None:
    """Shred first: from here on all that was sealed is noise, wherever a copy of it may be."""
    async with given.database.tenant(doomed.tenant) as scope:
        shredded = await vault_of(given).shred(scope)
    # Another transaction in another role: a death in between loses a count of keys, never a key that should have gone.
    async with given.database.platform() as platform:
        await _count(platform, doomed, "keys", shredded)


async def _answers(given: Services, doomed: Doomed) -> None:
    """Answers kept for requests that are sent again may hold the tenant's record: that of its making among them."""
    mentions = IdempotencyRow.body.contains(f'"{doomed.tenant}"', autoescape=True)
    async with given.database.reseller(doomed.reseller) as reseller:
        await reseller.session.execute(delete(IdempotencyRow).where(IdempotencyRow.reseller_id == doomed.reseller, mentions))
    async with given.database.platform() as platform:
        await platform.session.execute(delete(IdempotencyRow).where(IdempotencyRow.owner == "platform", mentions))


async def _jobs(given: Services, doomed: Doomed) -> None:
    """Delete what waits to be done; Conflict while something is being done, which would fail and wait again."""
    async with given.database.platform() as scope:
        values = {"tenant": doomed.tenant, "but": ERASE}
        await _waiting_jobs(scope, doomed)
        running = (await scope.session.execute(text("select offhook_running_jobs(:tenant, :but)"), values)).scalar_one()
    if running:
        raise Conflict("a job of this tenant is still running", retry=WAIT)


async def _waiting_jobs(scope: PlatformScope, doomed: Doomed) -> None:
    gone = (await scope.session.execute(text("select offhook_erase_jobs(:tenant)"), {"tenant": doomed.tenant})).scalar_one()
    await _count(scope, doomed, "jobs", gone)


async def _files(given: Services, doomed: Doomed) -> None:
    gone = await to_thread.run_sync(files.remove, given.settings.state_dir, doomed.tenant)
    async with given.database.platform() as scope:
        await _count(scope, doomed, "files", gone)


async def _rows(given: Services, doomed: Doomed, table: str) -> None:
    gone = BATCH
    while gone == BATCH:
        async with given.database.platform() as scope:
            gone = await _delete(scope, doomed, table)


async def _delete(scope: PlatformScope, doomed: Doomed, table: str) -> int:
    values = {"tenant": doomed.tenant, "table": table, "most": BATCH}
    gone: int = (await scope.session.execute(text("select offhook_erase_rows(:tenant, :table, :most)"), values)).scalar_one()
    await _count(scope, doomed, table, gone)
    return gone


async def _finish(given: Services, doomed: Doomed) -> None:
    """Delete the tenant's record, look everywhere, and sign; all of it or nothing. Conflict, to be tried again, if something is left."""
    try:
        async with given.database.platform() as scope:
            # The record first locks out whoever would still write a row that refers to it.
            await scope.session.execute(select(TenantRow.id).where(TenantRow.id == doomed.tenant).with_for_update())
            await _waiting_jobs(scope, doomed)
            await _delete(scope, doomed, TENANT)
            look = text("select offhook_rows_left(:tenant)")
            left: dict[str, Any] = (await scope.session.execute(look, {"tenant": doomed.tenant})).scalar_one()
            folders = await to_thread.run_sync(files.found, given.settings.state_dir, doomed.tenant)
            if left or folders:
                raise Conflict(f"something of this tenant is left: {', '.join(sorted(left)) or 'files'}", retry=WAIT)
            done = update(ErasureRow).where(ErasureRow.id == doomed.erasure).values(finished_at=given.clock(), verified=True)
            counts = (await scope.session.execute(done.returning(ErasureRow.counts))).scalar_one()
            details = {"erasure": doomed.erasure, "reseller_id": doomed.reseller, "counts": counts}
            await audit.record(scope, given.clock(), doomed.by, "tenant.erased", subject(doomed.tenant), details)
    except IntegrityError as error:
        raise Conflict("something of this tenant was written as it was erased", retry=WAIT) from error


async def _count(scope: PlatformScope | ResellerScope, doomed: Doomed, what: str, gone: int) -> None:
    """Add to the certificate's counts, in the transaction that deleted."""
    if gone:
        query = text(
            "update erasure set counts = counts || jsonb_build_object(cast(:what as text),"
            " coalesce((counts->>:what)::bigint, 0) + cast(:gone as bigint)) where id = :id"
        )
        await scope.session.execute(query, {"what": what, "gone": gone, "id": doomed.erasure})
