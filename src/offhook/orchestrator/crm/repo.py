"""Reading and writing customers, leads and messages."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import case, func, literal, select
from sqlalchemy.dialects.postgresql import insert

from offhook.orchestrator.crm.schemas import Customer, Lead, Message
from offhook.orchestrator.crm.tables import CustomerRow, LeadRow, MessageRow
from offhook.orchestrator.scope import Repo


class CrmRepo(Repo):
    """A tenant's CRM."""

    async def by_phone(self, phone: str) -> Customer | None:
        """The customer with this number (E.164)."""
        query = select(CustomerRow).where(CustomerRow.tenant_id == self._tenant, CustomerRow.phone == phone)
        row = (await self._session.execute(query)).scalar_one_or_none()
        return Customer.model_validate(row) if row else None

    async def save_customer(self, phone: str | None, fields: dict[str, str]) -> Customer:
        """Make or complete the customer with this number; an empty field changes nothing."""
        values = {"tenant_id": self._tenant, "id": secrets.token_hex(8), "phone": phone, **fields}
        put = insert(CustomerRow).values(values)
        kept: dict[str, Any] = {
            name: case((put.excluded[name] != "", put.excluded[name]), else_=getattr(CustomerRow, name)) for name in fields
        }
        kept["phone"] = put.excluded.phone
        saved = put.on_conflict_do_update(index_elements=["tenant_id", "phone"], set_=kept).returning(CustomerRow)
        row = (await self._session.execute(saved.execution_options(populate_existing=True))).scalar_one()
        return Customer.model_validate(row)

    async def stop_calls(self, customer: str) -> None:
        """Mark that this customer is not to be rung."""
        row = await self._session.get_one(CustomerRow, (self._tenant, customer))
        row.no_calls = True
        await self._session.flush()

    async def save_lead(self, customer: str, call: str, status: str, problem: str, extras: dict[str, Any]) -> Lead:
        """The call's lead: one, whatever is saved how often; booked stays booked."""
        put = insert(LeadRow).values(
            tenant_id=self._tenant,
            id=secrets.token_hex(8),
            customer_id=customer,
            call_id=call,
            status=status,
            problem=problem,
            extras=extras,
        )
        saved = put.on_conflict_do_update(
            index_elements=["tenant_id", "call_id"],
            set_={
                "customer_id": put.excluded.customer_id,
                "status": case((LeadRow.status == "booked", literal("booked")), else_=put.excluded.status),
                "problem": case((put.excluded.problem != "", put.excluded.problem), else_=LeadRow.problem),
                "extras": LeadRow.extras.op("||")(put.excluded.extras),
            },
        ).returning(LeadRow)
        row = (await self._session.execute(saved.execution_options(populate_existing=True))).scalar_one()
        return Lead.model_validate(row)

    async def add_message(self, customer: str, call: str, kind: str, note: str, due: datetime | None) -> Message:
        """Keep a message."""
        row = MessageRow(tenant_id=self._tenant, id=secrets.token_hex(8), customer_id=customer, call_id=call, kind=kind, note=note, due=due)
        self._session.add(row)
        await self._session.flush()
        return Message.model_validate(row)

    async def of_call(self, call: str) -> tuple[Lead | None, list[Message]]:
        """What a call left behind."""
        lead = (
            await self._session.execute(select(LeadRow).where(LeadRow.tenant_id == self._tenant, LeadRow.call_id == call))
        ).scalar_one_or_none()
        messages = (
            await self._session.execute(
                select(MessageRow).where(MessageRow.tenant_id == self._tenant, MessageRow.call_id == call).order_by(MessageRow.created_at)
            )
        ).scalars()
        return Lead.model_validate(lead) if lead else None, [Message.model_validate(one) for one in messages]

    async def count(self) -> int:
        """How many customers there are."""
        return (await self._session.execute(select(func.count()).where(CustomerRow.tenant_id == self._tenant))).scalar_one()
