"""What each step asks of a system. No transaction is open meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, replace

from offhook.adapters.model import Appointment, Customer, Job, Lead, Note, Ref
from offhook.adapters.port import Adapter, Manifest
from offhook.orchestrator.paperwork.plan import Intended
from offhook.orchestrator.paperwork.steps import customer


@dataclass(frozen=True, slots=True)
class Work:
    """A step that has begun. ``made`` are the records of the steps before it, by step."""

    item: Intended
    key: str
    made: dict[str, Ref]
    caller: customer.Caller


async def perform(adapter: Adapter, manifest: Manifest, work: Work) -> Ref | None:
    """Write one record; None where there is nothing to write. AdapterError."""
    record = work.item.record
    about = work.made.get("customer", Ref("customer", ""))
    match record:
        case Customer():
            return await customer.resolve(adapter, manifest, work.key, record, work.caller)
        case Lead():
            return await adapter.create_lead(work.key, replace(record, customer=about.id))
        case Job():
            return await adapter.create_job(work.key, replace(record, customer=about.id))
        case Appointment():
            job = work.made.get("job", Ref("job", ""))
            return await adapter.create_appointment(work.key, replace(record, customer=about.id, job=job.id))
        case Note():
            main = work.made.get("job") or work.made.get("lead") or about
            return await adapter.add_note(work.key, replace(record, about=main))
