"""Runs, steps and callers in the database. A run is a worker's by its lease: what it asks of a system may take longer than any transaction.

A row lock would do for less: it holds a transaction open, and the database ends those that are idle for half a minute.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from offhook.orchestrator.paperwork.schemas import GivenUp, Paperwork, Step, SystemPaper
from offhook.orchestrator.paperwork.tables import CallerRow, RunRow, StepRow
from offhook.orchestrator.scope import PlatformRepo, Repo

OWN: Final = ""
"""The connection of what stays here."""
_OPEN: Final = ("waiting", "held")


class RunRepo(Repo):
    """The paperwork of calls."""

    async def add(self, call: str, connection: str, fields: dict[str, Any], steps: Sequence[dict[str, Any]]) -> bool:
        """A run with its steps; False if there is one."""
        row = {"tenant_id": self._tenant, "call_id": call, "connection_id": connection, **fields}
        made = await self._session.execute(insert(RunRow).values(row).on_conflict_do_nothing().returning(RunRow.call_id))
        if made.first() is None:
            return False
        await self.put_steps(call, connection, steps)
        return True

    async def put_steps(self, call: str, connection: str, steps: Sequence[dict[str, Any]]) -> None:
        """Steps that are not there yet."""
        key = {"tenant_id": self._tenant, "call_id": call, "connection_id": connection}
        rows = [{**key, "place": place, **one} for place, one in enumerate(steps)]
        if rows:
            await self._session.execute(insert(StepRow).on_conflict_do_nothing(), rows)

    async def lock(self, call: str, connection: str) -> RunRow | None:
        """A run that nobody else changes until the transaction ends; None if there is none."""
        query = select(RunRow).where(*self._run(call, connection)).with_for_update().execution_options(populate_existing=True)
        return (await self._session.execute(query)).scalar_one_or_none()

    async def put(self, call: str, connection: str, **fields: object) -> None:
        """Set columns of a run."""
        await self._session.execute(update(RunRow).where(*self._run(call, connection)).values(**fields))

    async def renew(self, call: str, connection: str, runner: str, until: datetime) -> bool:
        """Keep a lease; False if it is another's by now."""
        query = update(RunRow).where(*self._run(call, connection), RunRow.runner == runner).values(leased_until=until)
        return (await self._session.execute(query.returning(RunRow.call_id))).first() is not None

    async def steps(self, call: str, connection: str) -> list[StepRow]:
        """In order."""
        query = select(StepRow).where(*self._steps(call, connection)).order_by(StepRow.place).execution_options(populate_existing=True)
        return list((await self._session.execute(query)).scalars())

    async def put_step(self, call: str, connection: str, step: str, **fields: object) -> None:
        """Set columns of a step."""
        await self._session.execute(update(StepRow).where(*self._steps(call, connection), StepRow.step == step).values(**fields))

    async def runs(self, call: str) -> list[RunRow]:
        """All of a call."""
        query = select(RunRow).where(RunRow.tenant_id == self._tenant, RunRow.call_id == call)
        return list((await self._session.execute(query.order_by(RunRow.title, RunRow.connection_id))).scalars())

    async def one_at_a_time(self, connection: str, person: str) -> None:
        """Nobody else looks whether somebody works for this caller until the transaction ends."""
        key = f"paperwork {self._tenant} {connection} {person}"
        await self._session.execute(text("select pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": key})

    async def busy(self, connection: str, person: str, call: str, now: datetime) -> datetime | None:
        """Until when somebody else works on another call of this caller; None if nobody does."""
        query = select(func.max(RunRow.leased_until)).where(
            *self._persons(connection, person), RunRow.call_id != call, RunRow.leased_until > now
        )
        return (await self._session.execute(query)).scalar_one()

    async def behind(self, connection: str, person: str, call: str, now: datetime) -> str | None:
        """Another call of this caller that is due."""
        its = [*self._persons(connection, person), RunRow.call_id != call, RunRow.state.in_(_OPEN), RunRow.next_at <= now]
        return (await self._session.execute(select(RunRow.call_id).where(*its).order_by(RunRow.next_at).limit(1))).scalar_one_or_none()

    async def open_of(self, connection: str) -> list[str]:
        """Calls whose paperwork in this system is not done, or waits for its authorisation."""
        its = [RunRow.tenant_id == self._tenant, RunRow.connection_id == connection, RunRow.state.in_(_OPEN)]
        return list((await self._session.execute(select(RunRow.call_id).where(*its).with_for_update())).scalars())

    async def knows(self, connection: str) -> bool:
        """Whether any call has left something for this system."""
        query = select(RunRow.call_id).where(RunRow.tenant_id == self._tenant, RunRow.connection_id == connection).limit(1)
        return (await self._session.execute(query)).first() is not None

    async def failed_of(self, connection: str) -> list[str]:
        """Calls whose paperwork in this system was given up, the oldest first."""
        its = [RunRow.tenant_id == self._tenant, RunRow.connection_id == connection, RunRow.state == "failed"]
        return list((await self._session.execute(select(RunRow.call_id).where(*its).order_by(RunRow.done_at))).scalars())

    async def given_up(self, since: datetime) -> list[GivenUp]:
        """By connection, what was given up since then and has not been sent again."""
        query = select(RunRow).where(RunRow.tenant_id == self._tenant, RunRow.state == "failed", RunRow.done_at >= since)
        found: dict[str, list[RunRow]] = {}
        for row in (await self._session.execute(query.order_by(RunRow.done_at.desc()))).scalars():
            found.setdefault(row.connection_id, []).append(row)
        return [
            GivenUp(
                connection_id=one,
                title=rows[0].title,
                count=len(rows),
                at=rows[0].done_at or rows[0].created_at,
                call_id=rows[0].call_id,
                error=rows[0].reason,
            )
            for one, rows in found.items()
        ]

    async def paperwork(self, call: str) -> Paperwork:
        """All of a call, in order."""
        runs = await self.runs(call)
        query = select(StepRow).where(StepRow.tenant_id == self._tenant, StepRow.call_id == call).order_by(StepRow.place)
        steps: dict[str, list[Step]] = {}
        for row in (await self._session.execute(query)).scalars():
            steps.setdefault(row.connection_id, []).append(Step.model_validate(row))
        systems = [_paper(one, steps.get(one.connection_id, [])) for one in runs if one.connection_id != OWN]
        return Paperwork(call_id=call, own=steps.get(OWN, []), systems=systems)

    async def forget(self, call: str) -> None:
        """Drop what is known of a call's paperwork. What was written elsewhere stays there."""
        await self._session.execute(delete(RunRow).where(RunRow.tenant_id == self._tenant, RunRow.call_id == call))

    def _run(self, call: str, connection: str) -> tuple[ColumnElement[bool], ...]:
        return RunRow.tenant_id == self._tenant, RunRow.call_id == call, RunRow.connection_id == connection

    def _steps(self, call: str, connection: str) -> tuple[ColumnElement[bool], ...]:
        return StepRow.tenant_id == self._tenant, StepRow.call_id == call, StepRow.connection_id == connection

    def _persons(self, connection: str, person: str) -> tuple[ColumnElement[bool], ...]:
        return RunRow.tenant_id == self._tenant, RunRow.connection_id == connection, RunRow.person == person


def _paper(run: RunRow, steps: Iterable[Step]) -> SystemPaper:
    fields = {name: getattr(run, name) for name in SystemPaper.model_fields if name != "steps"}
    return SystemPaper(**fields, steps=list(steps))


class CallerRepo(Repo):
    """Who callers are in systems."""

    async def keep(self, connection: str, person: str, key: str, now: datetime) -> CallerRow:
        """The one that is known of this caller; made with this key if there is none."""
        row = {"tenant_id": self._tenant, "connection_id": connection, "person": person, "key": key, "created_at": now}
        await self._session.execute(insert(CallerRow).values(row).on_conflict_do_nothing())
        query = select(CallerRow).where(*self._its(connection, person)).execution_options(populate_existing=True)
        return (await self._session.execute(query)).scalar_one()

    async def known(self, connection: str, person: str, id: str, url: str) -> None:
        """Note who it is there."""
        await self._session.execute(update(CallerRow).where(*self._its(connection, person)).values(record_id=id, record_url=url))

    async def forget(self, connection: str, person: str) -> None:
        """They are not there any more, or not who they were."""
        await self._session.execute(delete(CallerRow).where(*self._its(connection, person)))

    async def forget_system(self, connection: str) -> None:
        """The connection is no more."""
        its = (CallerRow.tenant_id == self._tenant, CallerRow.connection_id == connection)
        await self._session.execute(delete(CallerRow).where(*its))

    def _its(self, connection: str, person: str) -> tuple[ColumnElement[bool], ...]:
        return CallerRow.tenant_id == self._tenant, CallerRow.connection_id == connection, CallerRow.person == person


class Runs(PlatformRepo):
    """The runs of all tenants: which are due, not what they are about."""

    async def due(self, now: datetime, limit: int) -> list[tuple[str, str, str]]:
        """Tenant, call and connection of those that are due and that nobody works on."""
        query = (
            select(RunRow.tenant_id, RunRow.call_id, RunRow.connection_id)
            .where(
                and_(RunRow.state.in_(_OPEN), RunRow.next_at <= now),
                or_(RunRow.leased_until.is_(None), RunRow.leased_until <= now),
            )
            .order_by(RunRow.next_at)
            .limit(limit)
        )
        return [(row[0], row[1], row[2]) for row in await self._session.execute(query)]
