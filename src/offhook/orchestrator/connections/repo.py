"""Reading and writing connections. Rows hold sealed secrets and stay inside this domain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from offhook.orchestrator.connections.tables import ConnectionRow, ExchangeRow, FlowRow, ResellerClientRow, SecretRow, TokenRow
from offhook.orchestrator.scope import PlatformRepo, Repo, ResellerRepo

After = tuple[datetime, str] | None
_LOCK = text("select pg_advisory_xact_lock(hashtextextended(:name, 0))")


class ConnectionRepo(Repo):
    """One tenant's connections."""

    async def get(self, id: str, *, lock: bool = False) -> ConnectionRow | None:
        """By id."""
        query = select(ConnectionRow).where(ConnectionRow.tenant_id == self._tenant, ConnectionRow.id == id)
        query = query.execution_options(populate_existing=True)
        return (await self._session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()

    async def every(self) -> list[ConnectionRow]:
        """All of them, the oldest first."""
        query = select(ConnectionRow).where(ConnectionRow.tenant_id == self._tenant).order_by(ConnectionRow.created_at, ConnectionRow.id)
        return list((await self._session.execute(query.execution_options(populate_existing=True))).scalars())

    async def page(self, limit: int, after: After) -> list[ConnectionRow]:
        """Some of them, the newest first."""
        query = select(ConnectionRow).where(ConnectionRow.tenant_id == self._tenant)
        if after is not None:
            query = query.where(tuple_(ConnectionRow.created_at, ConnectionRow.id) < after)
        query = query.order_by(ConnectionRow.created_at.desc(), ConnectionRow.id.desc()).limit(limit)
        return list((await self._session.execute(query)).scalars())

    async def alone(self, adapter: str) -> None:
        """Nobody else connects this system for the tenant until the transaction ends."""
        await self._session.execute(_LOCK, {"name": f"connections/{self._tenant}/{adapter}"})

    async def of_account(self, adapter: str, account_id: str) -> ConnectionRow | None:
        """The connection to this account."""
        query = select(ConnectionRow).where(
            ConnectionRow.tenant_id == self._tenant,
            ConnectionRow.adapter == adapter,
            ConnectionRow.account_id == account_id,
            ConnectionRow.account_id != "",
        )
        return (await self._session.execute(query.with_for_update())).scalar_one_or_none()

    async def add(self, fields: Mapping[str, Any]) -> None:
        """Make one."""
        await self._session.execute(insert(ConnectionRow).values(tenant_id=self._tenant, **fields))

    async def change(self, id: str, fields: Mapping[str, Any], now: datetime) -> None:
        """Set what its owner has set; the revision goes up by one."""
        await self.note(id, {**fields, "revision": ConnectionRow.revision + 1, "updated_at": now})

    async def note(self, id: str, fields: Mapping[str, Any]) -> None:
        """Set what was seen of it."""
        query = update(ConnectionRow).where(ConnectionRow.tenant_id == self._tenant, ConnectionRow.id == id)
        await self._session.execute(query.values(dict(fields)))

    async def expire(self, id: str, problem: str, now: datetime) -> bool:
        """From active to expired; False if it was not active."""
        query = update(ConnectionRow).where(
            ConnectionRow.tenant_id == self._tenant, ConnectionRow.id == id, ConnectionRow.state == "active"
        )
        values = {"state": "expired", "problem": problem, "failed_at": now, "updated_at": now}
        return (await self._session.execute(query.values(values).returning(ConnectionRow.id))).first() is not None


class Secrets(Repo):
    """The sealed secrets of one tenant's connections."""

    async def of(self, connection: str) -> dict[str, bytes]:
        """All of a connection's, by field."""
        query = select(SecretRow.field, SecretRow.sealed).where(SecretRow.tenant_id == self._tenant, SecretRow.connection_id == connection)
        return {row.field: row.sealed for row in await self._session.execute(query)}

    async def replace(self, connection: str, sealed: Mapping[str, bytes], now: datetime) -> None:
        """These in the place of all that there are."""
        await self.shred(connection)
        for field, value in sealed.items():
            row = {"tenant_id": self._tenant, "connection_id": connection, "field": field, "sealed": value, "made_at": now}
            await self._session.execute(insert(SecretRow).values(row))

    async def shred(self, connection: str) -> None:
        """Delete them all."""
        await self._session.execute(delete(SecretRow).where(SecretRow.tenant_id == self._tenant, SecretRow.connection_id == connection))


class Tokens(Repo):
    """The sealed tokens of one tenant's connections."""

    async def get(self, connection: str, *, lock: bool = False) -> TokenRow | None:
        """A connection's. ``lock``: nobody else renews them until the transaction ends."""
        query = select(TokenRow).where(TokenRow.tenant_id == self._tenant, TokenRow.connection_id == connection)
        query = query.execution_options(populate_existing=True)
        return (await self._session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()

    async def put(self, connection: str, fields: Mapping[str, Any]) -> None:
        """These in the place of those that there are."""
        row = {"tenant_id": self._tenant, "connection_id": connection, **fields}
        made = insert(TokenRow).values(row)
        await self._session.execute(made.on_conflict_do_update(index_elements=["tenant_id", "connection_id"], set_=dict(fields)))

    async def note(self, connection: str, fields: Mapping[str, Any]) -> None:
        """Set columns."""
        query = update(TokenRow).where(TokenRow.tenant_id == self._tenant, TokenRow.connection_id == connection)
        await self._session.execute(query.values(dict(fields)))

    async def shred(self, connection: str) -> None:
        """Delete them."""
        await self._session.execute(delete(TokenRow).where(TokenRow.tenant_id == self._tenant, TokenRow.connection_id == connection))


class Exchanges(Repo):
    """What was said over one tenant's connections."""

    async def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Keep some."""
        await self._session.execute(insert(ExchangeRow), [{"tenant_id": self._tenant, **one} for one in rows])

    async def page(self, connection: str, limit: int, after: str | None) -> list[ExchangeRow]:
        """The newest first."""
        query = select(ExchangeRow).where(ExchangeRow.tenant_id == self._tenant, ExchangeRow.connection_id == connection)
        if after is not None:
            query = query.where(ExchangeRow.id < after)
        return list((await self._session.execute(query.order_by(ExchangeRow.id.desc()).limit(limit))).scalars())


class Flows(Repo):
    """One tenant's authorisations under way."""

    async def add(self, fields: Mapping[str, Any], now: datetime) -> None:
        """Begin one, and forget those that are over."""
        await self._session.execute(delete(FlowRow).where(FlowRow.tenant_id == self._tenant, FlowRow.expires_at <= now))
        await self._session.execute(insert(FlowRow).values(tenant_id=self._tenant, **fields))

    async def back(self, id: str, fields: Mapping[str, Any], now: datetime) -> FlowRow | None:
        """From begun to back, by whoever is first; None for everybody else."""
        query = update(FlowRow).where(
            FlowRow.tenant_id == self._tenant, FlowRow.id == id, FlowRow.state == "begun", FlowRow.expires_at > now
        )
        return (await self._session.execute(query.values(state="back", **fields).returning(FlowRow))).scalar_one_or_none()

    async def get(self, id: str) -> FlowRow | None:
        """By id."""
        query = select(FlowRow).where(FlowRow.tenant_id == self._tenant, FlowRow.id == id)
        return (await self._session.execute(query.execution_options(populate_existing=True))).scalar_one_or_none()

    async def done(self, handoff_hash: bytes, session_hash: bytes, begun_by: str, host: str, now: datetime) -> FlowRow | None:
        """From back to done, by whoever is first of those who have the handoff, in the session that it was begun in."""
        query = update(FlowRow).where(
            FlowRow.tenant_id == self._tenant,
            FlowRow.handoff_hash == handoff_hash,
            FlowRow.session_hash == session_hash,
            FlowRow.begun_by == begun_by,
            FlowRow.host == host,
            FlowRow.state == "back",
            FlowRow.expires_at > now,
        )
        return (await self._session.execute(query.values(state="done").returning(FlowRow))).scalar_one_or_none()


class ResellerClients(ResellerRepo):
    """One reseller's own OAuth clients."""

    async def get(self, adapter: str, *, lock: bool = False) -> ResellerClientRow | None:
        """With a system."""
        query = select(ResellerClientRow).where(ResellerClientRow.reseller_id == self._reseller, ResellerClientRow.adapter == adapter)
        query = query.execution_options(populate_existing=True)
        return (await self._session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()

    async def every(self) -> list[ResellerClientRow]:
        """All, by system."""
        query = select(ResellerClientRow).where(ResellerClientRow.reseller_id == self._reseller).order_by(ResellerClientRow.adapter)
        return list((await self._session.execute(query)).scalars())

    async def put(self, adapter: str, fields: Mapping[str, Any], now: datetime) -> None:
        """Keep one in the place of what there is."""
        row = {"reseller_id": self._reseller, "adapter": adapter, "created_at": now, "updated_at": now, **fields}
        changed = {**fields, "updated_at": now, "revision": ResellerClientRow.revision + 1}
        made = insert(ResellerClientRow).values(row)
        await self._session.execute(made.on_conflict_do_update(index_elements=["reseller_id", "adapter"], set_=changed))

    async def delete(self, adapter: str) -> None:
        """Drop it with its secret."""
        mine = ResellerClientRow.reseller_id == self._reseller
        await self._session.execute(delete(ResellerClientRow).where(mine, ResellerClientRow.adapter == adapter))


class Everybodys(PlatformRepo):
    """The connections of all tenants: that they are there, not what they hold."""

    async def working(self) -> list[tuple[str, str, str]]:
        """Tenant, id and adapter of those that are active."""
        query = select(ConnectionRow.tenant_id, ConnectionRow.id, ConnectionRow.adapter).where(ConnectionRow.state == "active")
        return [(row[0], row[1], row[2]) for row in await self._session.execute(query.order_by(ConnectionRow.tenant_id, ConnectionRow.id))]

    async def idle(self, before: datetime) -> list[tuple[str, str]]:
        """Tenant and id of the active ones whose tokens nobody has renewed since then."""
        query = (
            select(TokenRow.tenant_id, TokenRow.connection_id)
            .join(ConnectionRow, (ConnectionRow.tenant_id == TokenRow.tenant_id) & (ConnectionRow.id == TokenRow.connection_id))
            .where(TokenRow.renewed_at < before, ConnectionRow.state == "active")
            .order_by(TokenRow.renewed_at)
        )
        return [(row[0], row[1]) for row in await self._session.execute(query)]

    async def sweep_flows(self, now: datetime) -> None:
        """Drop authorisations that nobody has finished."""
        await self._session.execute(delete(FlowRow).where(FlowRow.expires_at <= now))

    async def sweep_exchanges(self, before: datetime) -> None:
        """Drop what was said before then."""
        await self._session.execute(delete(ExchangeRow).where(ExchangeRow.at < before))


class LentClients(PlatformRepo):
    """Resellers' OAuth clients, for connections of their tenants."""

    async def get(self, reseller: str, adapter: str) -> tuple[str, bytes] | None:
        """Its id and sealed secret."""
        query = select(ResellerClientRow.client_id, ResellerClientRow.client_secret)
        query = query.where(ResellerClientRow.reseller_id == reseller, ResellerClientRow.adapter == adapter)
        row = (await self._session.execute(query)).first()
        return (row[0], row[1]) if row else None

    async def adapters(self, reseller: str) -> frozenset[str]:
        """Systems that a reseller has a client with."""
        query = select(ResellerClientRow.adapter).where(ResellerClientRow.reseller_id == reseller)
        return frozenset((await self._session.execute(query)).scalars())
