"""Reading and writing calls and their events."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

from psycopg.errors import ForeignKeyViolation
from sqlalchemy import ARRAY, Select, Text, cast, delete, exists, func, literal_column, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by, distinct_on, insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased

from offhook.contracts.analysis import CallResult
from offhook.errors import NotFound
from offhook.orchestrator.calls.results import amended
from offhook.orchestrator.calls.schemas import SLOW_MS, AgentCalls, Call, CallFilter, CallRecord, Rhythm
from offhook.orchestrator.calls.tables import CallEventRow, CallResultRow, CallRow, CallWordRow, DeletedCallRow
from offhook.orchestrator.calls.words import of_call as words_of_call
from offhook.orchestrator.kit.among import among
from offhook.orchestrator.scope import Repo

WORDS: Final = ("text", "heard", "acts", "args", "values", "slots")
"""Fields of events that hold what was said, by whichever side."""

# Bounded for each agent: nobody waits for a list because an agent is busy.
_BY_AGENT: Final = text("""
    select a.id as agent,
      (select count(*) from (select 1 from call c where c.tenant_id = :tenant and not c.test and c.agent_id = a.id and c.at >= :since
        limit :most) counted) as calls,
      (select percentile_disc(0.5) within group (order by (e.body -> 'ladder' ->> 'total')::double precision)
        from (select c.id from call c where c.tenant_id = :tenant and not c.test and c.agent_id = a.id and c.at >= :since
          order by c.at desc, c.id desc limit :latest) last
        join call_event e on e.tenant_id = :tenant and e.call_id = last.id
        where e.type = 'turn.agent' and jsonb_typeof(e.body -> 'ladder' -> 'total') = 'number') as reply_ms
    from unnest(cast(:agents as text[])) a(id)
""")
_SHOWN: Final = tuple(getattr(CallRow, name) for name in Call.model_fields)
"""Columns of a list."""


class CallRepo(Repo):
    """A tenant's calls."""

    async def ensure(self, id: str, agent: str, **fields: Any) -> CallRecord | None:  # noqa: ANN401 - columns
        """The call, made if it is new; None if it was deleted. NotFound, and the transaction is over, if there is no such agent."""
        put = insert(CallRow).values(tenant_id=self._tenant, id=id, agent_id=agent, **fields)
        try:
            made = (await self._session.execute(put.on_conflict_do_nothing().returning(CallRow))).scalar()
        except IntegrityError as error:
            if not isinstance(error.orig, ForeignKeyViolation):
                raise
            raise NotFound("no such agent") from error
        # Asked after the insert, which waits for a deletion that is under way: only then is what that left behind seen.
        if made is None:
            return await self.get(id)
        if await self.deleted(id):
            await self._session.execute(delete(CallRow).where(CallRow.tenant_id == self._tenant, CallRow.id == id))
            return None
        return CallRecord.model_validate(made)

    async def deleted(self, id: str) -> bool:
        """Whether there was such a call and it was deleted."""
        query = select(DeletedCallRow.call_id).where(DeletedCallRow.tenant_id == self._tenant, DeletedCallRow.call_id == id)
        return (await self._session.execute(query)).first() is not None

    async def get(self, id: str, *, lock: bool = False) -> CallRecord | None:
        """By id; locked, so that the events of one call come one after the other."""
        query = select(CallRow).where(CallRow.tenant_id == self._tenant, CallRow.id == id)
        row = (await self._session.execute((query.with_for_update() if lock else query).execution_options(populate_existing=True))).scalar()
        return CallRecord.model_validate(row) if row else None

    async def change(self, id: str, **fields: Any) -> None:  # noqa: ANN401 - columns
        """Set columns."""
        await self._session.execute(update(CallRow).where(CallRow.tenant_id == self._tenant, CallRow.id == id).values(**fields))

    async def page(self, wanted: CallFilter, after: tuple[datetime, str] | None, limit: int) -> list[Call]:
        """Calls, the latest first, from after this place on."""
        query, place = self._fitting(select(*_SHOWN), wanted)
        if after is not None:
            query = query.where(tuple_(*place) < after)
        rows = await self._session.execute(query.order_by(*(one.desc() for one in place)).limit(limit))
        return [Call.model_validate(row) for row in rows]

    async def count(self, wanted: CallFilter, most: int) -> int:
        """How many fit, counted up to ``most``."""
        query, _ = self._fitting(select(CallRow.id), wanted)
        return (await self._session.execute(select(func.count()).select_from(query.limit(most).subquery()))).scalar_one()

    async def by_agent(self, agents: Collection[str], since: datetime, most: int, latest: int) -> dict[str, AgentCalls]:
        """How many calls each had since then, counted up to ``most``, and the median reply of its ``latest``."""
        named = {"tenant": self._tenant, "agents": list(agents), "since": since, "most": most, "latest": latest}
        rows = await self._session.execute(_BY_AGENT, named)
        return {row.agent: AgentCalls(calls=row.calls, reply_ms=row.reply_ms) for row in rows}

    def _fitting(self, query: Select[Any], wanted: CallFilter) -> tuple[Select[Any], tuple[Any, Any]]:
        """The query for those that fit, and what gives them their order."""
        query = query.where(CallRow.tenant_id == self._tenant)
        # A search goes along the index of its rarest word, which has the list's own order.
        place: Any = (CallRow.at, CallRow.id)
        if wanted.words:
            first, *others = wanted.words
            found, also = aliased(CallWordRow), aliased(CallWordRow)
            place = (found.at, found.call_id)
            query = query.join(found, (found.tenant_id == CallRow.tenant_id) & (found.call_id == CallRow.id))
            query = query.where(found.tenant_id == self._tenant, found.word == first)
            for word in others:
                same = (also.tenant_id == self._tenant, also.word == word, also.at == found.at, also.call_id == found.call_id)
                query = query.where(exists().where(*same))
        equal = {CallRow.state: wanted.state, CallRow.outcome: wanted.outcome, CallRow.agent_id: wanted.agent, CallRow.did: wanted.number}
        query = query.where(*(column == value for column, value in (equal | {CallRow.caller: wanted.caller}).items() if value is not None))
        if wanted.test is not None:
            query = query.where(CallRow.test if wanted.test else ~CallRow.test)
        if wanted.state not in {None, "ended"}:
            query = query.where(CallRow.state != "ended")  # in the partial index's own words
        if wanted.slow:
            query = query.where(CallRow.slowest_ms > literal_column(str(SLOW_MS)))  # in the partial index's own words
        if wanted.longer is not None:
            query = query.where(CallRow.seconds >= wanted.longer)
        if wanted.shorter is not None:
            query = query.where(CallRow.seconds < wanted.shorter)
        if wanted.since is not None:
            query = query.where(place[0] >= wanted.since)
        if wanted.until is not None:
            query = query.where(place[0] < wanted.until)
        return query, place

    async def some(self, ids: Collection[str]) -> list[Call]:
        """Those of these that there are."""
        query = select(CallRow).where(CallRow.tenant_id == self._tenant, among(CallRow.id, ids))
        return [Call.model_validate(row) for row in (await self._session.execute(query)).scalars()] if ids else []

    async def last_said(self, ids: Collection[str]) -> dict[str, dict[str, Any]]:
        """The turn that was finished last in each of these calls."""
        query = (
            select(CallEventRow.call_id, CallEventRow.body)
            .ext(distinct_on(CallEventRow.call_id))
            .where(
                CallEventRow.tenant_id == self._tenant,
                among(CallEventRow.call_id, ids),
                CallEventRow.type.in_(["turn.caller", "turn.agent"]),
            )
            .order_by(CallEventRow.call_id, CallEventRow.seq.desc())
        )
        return {row[0]: row[1] for row in await self._session.execute(query)} if ids else {}

    async def rhythms(self, ids: Collection[str]) -> dict[str, Rhythm]:
        """When each side spoke in each of these calls."""
        body = CallEventRow.body
        turn = func.jsonb_build_array(
            CallEventRow.type,
            body["start_ms"],
            body["end_ms"],
            func.coalesce(body["interrupted"], func.to_jsonb(False)),
            body["ladder"]["total"],
        )
        # One row a call: a page of calls has a thousand turns.
        query = (
            select(CallEventRow.call_id, func.jsonb_agg(aggregate_order_by(turn, CallEventRow.seq)))
            .where(
                CallEventRow.tenant_id == self._tenant,
                among(CallEventRow.call_id, ids),
                CallEventRow.type.in_(["turn.caller", "turn.agent"]),
            )
            .group_by(CallEventRow.call_id)
        )
        return {row[0]: _rhythm(row[1]) for row in await self._session.execute(query)} if ids else {}

    async def results(self, ids: Collection[str]) -> dict[str, CallResult]:
        """The results of those of these that have one."""
        query = select(CallResultRow.call_id, CallResultRow.result, CallResultRow.corrections)
        query = query.where(CallResultRow.tenant_id == self._tenant, among(CallResultRow.call_id, ids))
        return {row[0]: amended(CallResult.model_validate(row[1]), row[2]) for row in await self._session.execute(query)} if ids else {}

    async def engines(self, ids: Collection[str]) -> dict[str, str]:
        """Where the engines of these calls take commands."""
        query = select(CallRow.id, CallRow.engine_url).where(CallRow.tenant_id == self._tenant, among(CallRow.id, ids))
        return {row[0]: row[1] for row in await self._session.execute(query)} if ids else {}

    async def by_carrier_call(self, carrier_call: str) -> CallRecord | None:
        """The call that a carrier's id belongs to; the latest, should there be several."""
        query = (
            select(CallRow)
            .where(CallRow.tenant_id == self._tenant, CallRow.carrier_call == carrier_call)
            .order_by(CallRow.at.desc())
            .limit(1)
        )
        row = (await self._session.execute(query)).scalar_one_or_none()
        return CallRecord.model_validate(row) if row else None

    async def add_event(self, call: str, id: str, seq: int, type: str, body: dict[str, Any]) -> bool:
        """Store it; False if the id or the place is taken."""
        put = insert(CallEventRow).values(tenant_id=self._tenant, call_id=call, id=id, seq=seq, type=type, body=body)
        return (await self._session.execute(put.on_conflict_do_nothing().returning(CallEventRow.id))).first() is not None

    async def has_event(self, call: str, id: str) -> bool:
        """Whether an event of this id is stored."""
        return await self._session.get(CallEventRow, (self._tenant, call, id)) is not None

    async def events(self, call: str, after: int = 0) -> list[dict[str, Any]]:
        """All that came from after this place on, in order."""
        query = (
            select(CallEventRow.body)
            .where(CallEventRow.tenant_id == self._tenant, CallEventRow.call_id == call, CallEventRow.seq > after)
            .order_by(CallEventRow.seq)
        )
        return list((await self._session.execute(query)).scalars())

    async def missing(self, call: str) -> int | None:
        """How many events up to call.ended have not come; None while call.ended has not."""
        last = (
            await self._session.execute(select(CallRow.last_seq).where(CallRow.tenant_id == self._tenant, CallRow.id == call))
        ).scalar_one_or_none()
        if last is None:
            return None
        count = select(func.count()).where(CallEventRow.tenant_id == self._tenant, CallEventRow.call_id == call, CallEventRow.seq <= last)
        return last - (await self._session.execute(count)).scalar_one()

    async def find_by(self, call: CallRecord) -> None:
        """Let the call be found by the words of its record as it is now."""
        await self._session.execute(delete(CallWordRow).where(CallWordRow.tenant_id == self._tenant, CallWordRow.call_id == call.id))
        words = [
            {"tenant_id": self._tenant, "word": word, "at": call.at, "call_id": call.id}
            for word in words_of_call(call.caller, call.summary)
        ]
        if words:
            await self._session.execute(insert(CallWordRow), words)

    async def strip(self, call: str) -> None:
        """Take what was said out of the events, and out of the evidence of the result; that they came stays."""
        bare = CallEventRow.body.op("-")(cast(list(WORDS), ARRAY(Text)))
        query = update(CallEventRow).where(CallEventRow.tenant_id == self._tenant, CallEventRow.call_id == call)
        await self._session.execute(query.values(body=bare))
        mine = (CallResultRow.tenant_id == self._tenant, CallResultRow.call_id == call)
        await self._session.execute(update(CallResultRow).where(*mine).values(result=CallResultRow.result.op("-")("evidence")))

    async def delete(self, call: str, now: datetime) -> None:
        """Delete all that is ours of a call, and remember that it was."""
        grave = insert(DeletedCallRow).values(tenant_id=self._tenant, call_id=call, deleted_at=now)
        await self._session.execute(grave.on_conflict_do_nothing())
        for table in (CallWordRow, CallResultRow, CallEventRow):
            await self._session.execute(delete(table).where(table.tenant_id == self._tenant, table.call_id == call))
        await self._session.execute(delete(CallRow).where(CallRow.tenant_id == self._tenant, CallRow.id == call))

    async def outlived(self, agent: str, before: datetime, limit: int) -> list[str]:
        """Calls of an agent, the oldest first, that began before this and whose words are still kept."""
        query = select(CallRow.id).where(CallRow.tenant_id == self._tenant, CallRow.agent_id == agent, CallRow.at < before, CallRow.kept)
        return list((await self._session.execute(query.order_by(CallRow.at).limit(limit))).scalars())

    async def before(self, moment: datetime, limit: int) -> list[str]:
        """Calls that began before this."""
        query = select(CallRow.id).where(CallRow.tenant_id == self._tenant, CallRow.at < moment)
        return list((await self._session.execute(query.order_by(CallRow.test, CallRow.at, CallRow.id).limit(limit))).scalars())

    async def agents(self) -> list[tuple[str, int | None]]:
        """Agents with calls whose words are kept, and their newest version that took one."""
        query = select(CallRow.agent_id, func.max(CallRow.agent_version)).where(CallRow.tenant_id == self._tenant, CallRow.kept)
        return [(row[0], row[1]) for row in await self._session.execute(query.group_by(CallRow.agent_id))]

    async def result(self, call: str) -> tuple[CallResult, int] | None:
        """The result, with what people have put right, and how many events it was made without."""
        row = await self._session.get(CallResultRow, (self._tenant, call))
        return (amended(CallResult.model_validate(row.result), row.corrections), row.missing) if row else None

    async def correct(self, call: str, corrections: dict[str, str]) -> bool:
        """Note what was heard wrong, beside what was noted before; False if there is no result."""
        beside = CallResultRow.corrections.op("||")(cast(corrections, JSONB))
        mine = (CallResultRow.tenant_id == self._tenant, CallResultRow.call_id == call)
        done = await self._session.execute(
            update(CallResultRow).where(*mine).values(corrections=beside).returning(CallResultRow.call_id),
            execution_options={"synchronize_session": False},
        )
        found = done.first() is not None
        self._session.expire_all()
        return found

    async def write_result(self, call: str, result: CallResult, missing: int) -> None:
        """Write it, or write it anew."""
        put = insert(CallResultRow).values(tenant_id=self._tenant, call_id=call, result=result.model_dump(mode="json"), missing=missing)
        anew = {"result": put.excluded.result, "missing": put.excluded.missing}
        await self._session.execute(put.on_conflict_do_update(index_elements=["tenant_id", "call_id"], set_=anew))


def _rhythm(turns: Sequence[tuple[str, int, int, bool, float | None]]) -> Rhythm:
    """Of one call's turns: kind, beginning, end, cut off, how long the answer was waited for."""
    agent = [turn for turn in turns if turn[0] == "turn.agent"]
    return Rhythm(
        caller=tuple((at, end) for kind, at, end, _, _ in turns if kind == "turn.caller"),
        agent=tuple((at, end) for _, at, end, _, _ in agent),
        cuts=tuple(end for _, _, end, cut, _ in agent if cut),
        slowest_ms=max((waited for _, _, _, _, waited in agent if waited is not None), default=None),
    )
