"""Reading and writing agents."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, func, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from offhook.orchestrator.agents.config import AgentConfig
from offhook.orchestrator.agents.schemas import AgentView, VersionView
from offhook.orchestrator.agents.stored import DOCUMENT, By, Stored, dumped
from offhook.orchestrator.agents.tables import AgentRow, AgentVersionRow
from offhook.orchestrator.scope import Repo
from offhook.orchestrator.tenants.schemas import Tenant

_TENANT = ", ".join(f"t.{name}" for name in Tenant.model_fields)
# One query, because somebody is listening to a ringing tone.
_ANSWERING = text(f"""
    select {_TENANT}, a.live as number, a.live_sha as sha from agent a join tenant t on t.id = a.tenant_id
    where a.tenant_id = :tenant and a.id = :id and a.archived_at is null and a.live is not null
      and t.id = :tenant and t.erasing_at is null
""")  # noqa: S608 - names of columns, from our own model
_ANSWERED = text(f"""
    select {_TENANT}, v.number, v.sha from agent_version v join tenant t on t.id = v.tenant_id
    where v.tenant_id = :tenant and v.agent_id = :id and v.number = :number and t.id = :tenant and t.erasing_at is null
""")  # noqa: S608


class AgentRepo(Repo):
    """One tenant's agents."""

    async def answering(self, id: str, number: int | None = None) -> tuple[Tenant, int, str] | None:
        """The tenant, and number and hash of a version of the agent: of the live one unless another is asked for."""
        query, named = (_ANSWERING, {}) if number is None else (_ANSWERED, {"number": number})
        row = (await self._session.execute(query, {"tenant": self._tenant, "id": id, **named})).mappings().first()
        if row is None:
            return None
        return Tenant.model_validate({name: row[name] for name in Tenant.model_fields}), row["number"], row["sha"]

    async def config(self, id: str, number: int) -> tuple[dict[str, Any], str | None] | None:
        """A version's configuration, and its script as it was written."""
        query = select(AgentVersionRow.config, AgentVersionRow.script_text).where(*self._version(id), AgentVersionRow.number == number)
        row = (await self._session.execute(query)).first()
        return (row.config, row.script_text) if row else None

    async def get(self, id: str, *, lock: bool = False) -> Stored | None:
        """By id."""
        query = select(AgentRow).where(AgentRow.tenant_id == self._tenant, AgentRow.id == id).execution_options(populate_existing=True)
        row = (await self._session.execute(query.with_for_update(key_share=True) if lock else query)).scalar_one_or_none()
        return _stored(row) if row else None

    async def page(self, limit: int, after: tuple[datetime, str] | None, *, archived: bool) -> list[AgentView]:
        """Agents, newest first, from after a place in the list."""
        fields = (AgentRow.id, AgentRow.name, AgentRow.live, AgentRow.revision, AgentRow.archived_at)
        changed = (AgentRow.draft_sha.is_distinct_from(AgentRow.live_sha)).label("changed")
        query = select(*fields, AgentRow.created_at, AgentRow.updated_at, changed).where(AgentRow.tenant_id == self._tenant)
        if not archived:
            query = query.where(AgentRow.archived_at.is_(None))
        if after is not None:
            query = query.where(tuple_(AgentRow.created_at, AgentRow.id) < after)
        rows = await self._session.execute(query.order_by(AgentRow.created_at.desc(), AgentRow.id.desc()).limit(limit))
        return [AgentView.model_validate(row) for row in rows]

    async def count(self) -> int:
        """How many there are, archived ones too."""
        return (await self._session.execute(select(func.count()).where(AgentRow.tenant_id == self._tenant))).scalar_one()

    async def add(self, id: str, config: AgentConfig, script_text: str | None, now: datetime) -> None:
        """Make an agent with a draft and no version; nothing if it is there."""
        draft, sha = dumped(config)
        row = {"tenant_id": self._tenant, "id": id, "name": config.name, "draft": draft, "draft_text": script_text, "draft_sha": sha}
        made = insert(AgentRow).values(**row, created_at=now, updated_at=now)
        await self._session.execute(made.on_conflict_do_nothing())

    async def keep_draft(self, id: str, config: AgentConfig, script_text: str | None, now: datetime) -> None:
        """Replace the draft."""
        draft, sha = dumped(config)
        await self.change(id, {"name": config.name, "draft": draft, "draft_text": script_text, "draft_sha": sha}, now)

    async def change(self, id: str, fields: Mapping[str, Any], now: datetime) -> None:
        """Set columns; a new revision."""
        values = {**fields, "revision": AgentRow.revision + 1, "updated_at": now}
        await self._session.execute(update(AgentRow).where(AgentRow.tenant_id == self._tenant, AgentRow.id == id).values(values))

    async def publish(
        self,
        stored: Stored,
        config: AgentConfig,
        script_text: str | None,
        by: By,
        now: datetime,
        *,
        note: str = "",
        restored: int | None = None,
    ) -> int:
        """Make a version and have it take calls; its number. The agent's row is locked."""
        plain, sha = dumped(config)
        number = stored.latest + 1
        row = {"tenant_id": self._tenant, "agent_id": stored.id, "number": number, "config": plain, "script_text": script_text, "sha": sha}
        who = {"published_kind": by.kind, "published_by": by.id, "published_name": by.name, "published_at": now}
        await self._session.execute(insert(AgentVersionRow).values(**row, **who, note=note, restored_from=restored))
        await self.change(stored.id, {"live": number, "live_sha": sha, "latest": number}, now)
        return number

    async def versions(self, stored: Stored, limit: int, before: int | None) -> list[VersionView]:
        """Versions, newest first, older than a number."""
        query = select(*_VERSION).where(*self._version(stored.id))
        if before is not None:
            query = query.where(AgentVersionRow.number < before)
        rows = await self._session.execute(query.order_by(AgentVersionRow.number.desc()).limit(limit))
        return [_view(row, stored.live) for row in rows.mappings()]

    async def version(self, stored: Stored, number: int) -> VersionView | None:
        """One of them."""
        query = select(*_VERSION).where(*self._version(stored.id), AgentVersionRow.number == number)
        row = (await self._session.execute(query)).mappings().first()
        return _view(row, stored.live) if row else None

    async def seeded(self, id: str) -> dict[str, Any] | None:
        """The last version that a document made, as it was stored: without what has been added to agents since."""
        query = select(AgentVersionRow.config).where(*self._version(id), AgentVersionRow.published_kind == DOCUMENT)
        return (await self._session.execute(query.order_by(AgentVersionRow.number.desc()).limit(1))).scalar_one_or_none()

    def _version(self, id: str) -> tuple[Any, Any]:
        return AgentVersionRow.tenant_id == self._tenant, AgentVersionRow.agent_id == id


_VERSION = tuple(
    getattr(AgentVersionRow, name) for name in ("number", "sha", "note", "restored_from", "published_at", "published_by", "published_name")
)


def _view(row: RowMapping, live: int | None) -> VersionView:
    return VersionView.model_validate({**row, "live": row["number"] == live})


def _stored(row: AgentRow) -> Stored:
    return Stored(**{name: getattr(row, name) for name in Stored.__slots__})
