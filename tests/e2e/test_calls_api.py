"""Calls over the API: lists by pages and filters, one call, what was said, and deleting it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest
from tests.e2e.business import ADMIN, DID, House
from tests.e2e.test_orchestrator_calls import EVENTS
from tests.e2e.test_recordings_handover import files, send

from offhook.orchestrator.calls import intake, ops, removal
from offhook.orchestrator.hooks.catalogue import TYPES as PUBLIC

START = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
CALLERS = ("+447700900123", "+447700900456", "+441134960000")


async def fill(house: House, count: int = 30, *, tests: bool = False) -> None:
    """Calls a minute apart; every third lasts, every fifth is a test if ``tests``."""
    for n in range(count):
        async with house.services.database.tenant("harbour") as scope:
            await ops.ensure(
                scope,
                f"call_{n:03}",
                "front-desk",
                transport="loopback",
                did=DID if n % 2 else "+442079460001",
                caller=CALLERS[n % 3],
                version=1,
                test=tests and n % 5 == 0,
                engine_url="http://10.0.0.7:8081",
            )
    await house.look(
        "update call set started_at = cast(:start as timestamptz) + make_interval(mins => substr(id, 6)::int),"
        " state = case when substr(id, 6)::int %% 3 = 0 then 'live' else 'ended' end,"
        " outcome = case substr(id, 6)::int %% 3 when 1 then 'booked' when 2 then 'enquiry' end".replace("%%", "%"),
        start=START,
    )


async def listed(house: House, query: str = "", limit: int = 7, most: int = 100) -> list[int]:
    """The numbers of all calls of a list, page by page."""
    found: list[int] = []
    cursor = ""
    for _ in range(most):
        answer = await house.get(f"/calls?limit={limit}&{query}{cursor}")
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["data"]) <= limit
        found += [int(one["id"][5:]) for one in page["data"]]
        if page["next_cursor"] is None:
            return found
        cursor = f"&cursor={page['next_cursor']}"
    raise AssertionError("the list does not end")


async def test_pages_hold_every_call_once_the_latest_first(house: House) -> None:
    await fill(house)
    for limit in (1, 7, 29, 30, 31, 200):
        assert await listed(house, limit=limit) == list(range(29, -1, -1))
    await house.look("update call set started_at = :start", start=START)  # all in one moment
    assert await listed(house, limit=4) == list(range(29, -1, -1))
    assert await listed(house, "q=nothing") == []


async def test_a_page_goes_on_where_it_was_while_calls_come(house: House) -> None:
    await fill(house)
    first = (await house.get("/calls?limit=10")).json()
    async with house.services.database.tenant("harbour") as scope:
        await ops.ensure(scope, "call_999", "front-desk")
    second = (await house.get(f"/calls?limit=10&cursor={first['next_cursor']}")).json()
    assert [int(one["id"][5:]) for one in second["data"]] == list(range(19, 9, -1))


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("state=live", [n for n in range(30) if n % 3 == 0]),
        ("state=ended", [n for n in range(30) if n % 3]),
        ("state=planned", []),
        ("outcome=booked", [n for n in range(30) if n % 3 == 1]),
        ("outcome=none", []),
        ("agent=front-desk", list(range(30))),
        ("agent=other", []),
        ("number=%2B442079460000", [n for n in range(30) if n % 2]),
        ("caller=%2B447700900123", [n for n in range(30) if n % 3 == 0]),
        ("since=2026-11-23T07:10:00Z", list(range(10, 30))),
        ("until=2026-11-23T07:10:00Z", list(range(10))),
        ("since=2026-11-23T08:10:00%2B01:00&until=2026-11-23T07:12:00Z", [10, 11]),
        ("outcome=booked&number=%2B442079460000", [n for n in range(30) if n % 3 == 1 and n % 2]),
        ("state=live&caller=%2B447700900456", []),
    ],
)
async def test_filters(house: House, query: str, wanted: Sequence[int]) -> None:
    await fill(house)
    assert await listed(house, query, limit=3) == sorted(wanted, reverse=True)


async def test_test_calls_are_in_a_list_of_their_own(house: House) -> None:
    await fill(house, tests=True)
    assert await listed(house) == [n for n in range(29, -1, -1) if n % 5]
    assert await listed(house, "test=false&outcome=booked") == [n for n in range(29, -1, -1) if n % 5 and n % 3 == 1]
    assert await listed(house, "test=true") == [25, 20, 15, 10, 5, 0]
    assert await listed(house, "test=true&outcome=booked&number=%2B442079460000") == [25]


BAD = ("state=over", "since=yesterday", "since=2026-11-23T07:10:00", "test=perhaps", "q=", "agent=%00", "limit=0", "cursor=x")


@pytest.mark.parametrize("query", BAD)
async def test_what_cannot_be_asked(house: House, query: str) -> None:
    answer = await house.get(f"/calls?{query}")
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:offhook:problem:invalid")


async def test_a_cursor_is_good_for_its_own_list_only(house: House) -> None:
    await fill(house, 5)
    cursor = (await house.get("/calls?limit=2&state=ended")).json()["next_cursor"]
    assert (await house.get(f"/calls?limit=2&state=ended&cursor={cursor}")).status_code == 200
    for query in ("", "test=true&state=ended&", "state=live&", "state=ended&q=x&"):
        assert (await house.get(f"/calls?{query}cursor={cursor}")).status_code == 422
    assert (await house.get(f"/calls?state=ended&cursor={cursor}", tenant="quayside")).status_code == 422


async def finished(house: House, call: str = "c1") -> dict[str, Any]:
    """The call once its result is written, as the job does it."""
    await intake.finish(house.services, "harbour", call)
    assert not await intake.finish(house.services, "harbour", call)
    return await house.call(call)


async def tell(house: House, call: str = "c1", events: Sequence[tuple[int, str, dict[str, Any]]] = EVENTS) -> None:
    for seq, kind, fields in events:
        answer = await house.event(seq, kind, call, **fields)
        assert answer.status_code == 200, answer.text


async def test_words_find_a_call(house: House) -> None:
    await house.plan()
    await tell(house)
    detail = await finished(house)
    assert detail["call"]["summary"] == detail["result"]["summary"]
    await house.plan("c2", caller="+447700900777")
    await house.event(1, "call.started", "c2", transport="loopback", did=DID, caller="+447700900777")

    async def found(q: str) -> list[str]:
        answer = await house.http.get("/v1/tenants/harbour/calls", params={"q": q}, headers=ADMIN)
        return [one["id"] for one in answer.json()["data"]]

    assert await found("dripping") == ["c1"]
    assert await found("DRIPPING tap Ann") == ["c1"]
    assert await found("dripping boiler") == []
    assert await found("drip") == []
    for number in ("+447700900123", "07700 900123", "+44 (0)7700 900123", "900123", "0123"):
        assert await found(number) == ["c1"], number
    assert await found("900777") == ["c2"]
    assert await found("!?") == []
    assert await found("') or true --") == []
    assert await found("0123 dripping") == ["c1"]


async def test_what_was_said_as_json_vtt_and_text(house: House) -> None:
    await house.plan()
    hello = {"text": "Harbour, hello. How can I help?", "heard": "Harbour, hello.", "interrupted": True}
    turns = [
        (1, "call.started", EVENTS[0][2]),
        (3, "turn.agent", {"turn": 1, "start_ms": 0, "end_ms": 900} | hello),
        (2, "turn.caller", {"turn": 2, "start_ms": 800, "end_ms": 3_661_000, "text": "a <tap> & a\nboiler"}),
        (4, "turn.agent", {"turn": 3, "start_ms": 3_661_500, "end_ms": 3_661_500, "text": "Right.", "heard": "", "interrupted": True}),
    ]
    await tell(house, events=turns)
    found = (await house.get("/calls/c1/transcript")).json()
    assert (found["call"], found["complete"]) == ("c1", False)
    assert [tuple(one.values()) for one in found["turns"]] == [
        (1, "agent", 0, 900, "Harbour, hello.", "How can I help?", True),
        (2, "caller", 800, 3_661_000, "a <tap> & a\nboiler", "", False),
        (3, "agent", 3_661_500, 3_661_500, "", "Right.", True),
    ]
    assert list(found["turns"][0]) == ["turn", "speaker", "start_ms", "end_ms", "text", "unheard", "interrupted"]
    vtt = await house.ask("GET", "/calls/c1/transcript", Accept="text/vtt, application/json;q=0.5")
    assert vtt.headers["content-type"] == "text/vtt; charset=utf-8"
    assert vtt.text == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:00.900\n<v agent>Harbour, hello.\n"
        "\n00:00:00.800 --> 01:01:01.000\n<v caller>a &lt;tap&gt; &amp; a boiler\n"
    )
    plain = await house.get("/calls/c1/transcript?format=text")
    assert plain.headers["content-type"] == "text/plain; charset=utf-8"
    assert plain.text.splitlines() == [
        "[00:00:00] agent: Harbour, hello. [not heard: How can I help?]",
        "[00:00:00] caller: a <tap> & a boiler",
        "[01:01:01] agent: [not heard: Right.]",
    ]
    assert (await house.get("/calls/c1/transcript?format=pdf")).status_code == 422
    assert (await house.get("/calls/nobody/transcript")).status_code == 404
    await house.event(5, "call.ended", reason="hangup", outcome="left_early", seconds=3662)
    assert (await house.get("/calls/c1/transcript")).json()["complete"] is True


async def test_a_call_says_nothing_of_its_engine(house: House) -> None:
    await fill(house, 3)
    for path in ("/calls", "/calls/call_001"):
        assert "10.0.0.7" not in (await house.get(path)).text
    async with house.services.database.tenant("harbour") as scope:
        call = await ops.get(scope, "call_001")
    assert (call.engine_url, call.agent_version, call.test) == ("http://10.0.0.7:8081", 1, False)


TABLES = ("call", "call_event", "call_result", "call_word", "tool_run", "recording", "webhook_event")


async def left(house: House, call: str = "c1") -> dict[str, int]:
    """Rows of the call, by table."""
    column = {"call": "id", "webhook_event": "subject"}
    counts = {}
    for table in TABLES:
        sql = f"select count(*) from {table} where tenant_id = 'harbour' and {column.get(table, 'call_id')} = :call"  # noqa: S608
        [(count,)] = await house.look(sql, call=call)
        counts[table] = int(count)
    return counts


async def whole(house: House) -> None:
    """A call with all that a call can have."""
    await house.plan()
    slot = (await house.slots())[0]
    await house.tool("book", {"slot": slot["id"], "name": "Ann Lee", "phone": "+447700900123", "problem": "tap"})
    await tell(house)
    assert (await send(house, b"sound" * 1_000)).json() == {"kept": True}
    assert (await send(house, b"trace", kind="trace")).json() == {"kept": True}
    await finished(house)


async def test_a_deleted_call_is_gone_and_stays_gone(house: House) -> None:
    await whole(house)
    assert all((await left(house)).values()), await left(house)
    assert len(files(house)) == 2
    assert (await house.ask("DELETE", "/calls/c1", **await house.role("viewer"))).status_code == 403
    assert (await house.ask("DELETE", "/calls/c1", tenant="quayside")).status_code == 404
    answer = await house.ask("DELETE", "/calls/c1")
    assert (answer.status_code, answer.content) == (204, b"")
    assert not any((await left(house)).values()), await left(house)
    assert files(house) == []
    rows = await house.look("select action, target from audit where tenant_id = 'harbour' and action = 'call.deleted'")
    assert [tuple(row) for row in rows] == [("call.deleted", "c1")]
    [(status, call)] = await house.look("select status, call_id from appointment")
    assert (status, call) == ("booked", None)
    for path in ("", "/transcript", "/recording", "/trace", "/peaks"):
        assert (await house.get(f"/calls/c1{path}")).status_code == 404
    assert (await house.ask("DELETE", "/calls/c1")).status_code == 404
    assert await listed(house) == []
    # What comes late, again, or for the first time does not bring it back; its engine hears that it need not try again.
    for seq, kind, fields in (*EVENTS, (6, "turn.caller", {"turn": 3, "text": "and", "start_ms": 0, "end_ms": 1})):
        answer = await house.event(seq, kind, **fields)
        assert (answer.status_code, answer.json()) == (200, {"duplicate": True})
    assert (await send(house, b"sound" * 1_000)).json() == {"kept": False}
    assert (await house.post("/v1/plans", {"call": "c1", "transport": "loopback", "did": DID})).status_code == 404
    assert (await house.post("/v1/tools/free_slots", house.request("free_slots", {}))).status_code == 404
    assert not any((await left(house)).values()), await left(house)
    assert files(house) == []


async def test_a_call_that_goes_on_is_not_deleted(house: House) -> None:
    await house.plan()
    await house.event(1, "call.started", transport="loopback", did=DID)
    answer = await house.ask("DELETE", "/calls/c1")
    assert (answer.status_code, answer.json()["title"]) == (409, "the call is going on: end it first")
    house.now[0] += timedelta(hours=6)  # whoever carried it was lost
    assert (await house.ask("DELETE", "/calls/c1")).status_code == 204


async def test_deleting_while_events_and_files_come(house: House) -> None:
    """Whoever is first: in the end nothing is left, and nothing failed."""
    for n in range(8):
        call = f"r{n}"
        await house.plan(call)
        await house.event(5, "call.ended", call, reason="hangup", outcome="booked", seconds=1)
        statuses: list[int] = []

        async def tells(call: str = call, statuses: list[int] = statuses) -> None:
            for seq, kind, fields in EVENTS[:4]:
                statuses.append((await house.event(seq, kind, call, **fields)).status_code)

        async def sends(call: str = call, statuses: list[int] = statuses) -> None:
            statuses.append((await send(house, b"sound" * 50_000, call=call)).status_code)

        async def deletes(call: str = call, statuses: list[int] = statuses, wait: float = n * 0.01) -> None:
            await anyio.sleep(wait)
            answer = await house.ask("DELETE", f"/calls/{call}")
            statuses.append(200 if answer.status_code == 204 else answer.status_code)

        async with anyio.create_task_group() as group:
            for work in (tells, sends, deletes):
                group.start_soon(work)
        assert statuses == [200] * 6
        assert not any((await left(house, call)).values()), await left(house, call)
        assert files(house) == []


async def test_customers_hear_of_a_call_once_and_never_of_a_test(house: House) -> None:
    await house.plan()
    await tell(house, events=[*EVENTS, *EVENTS])
    await finished(house)
    await tell(house)
    rows = await house.look("select type, subject, data from webhook_event where tenant_id = 'harbour' order by seq")
    assert [(row.type, row.subject) for row in rows] == [(f"call.{one}", "c1") for one in ("started", "ended", "transcribed", "analyzed")]
    started, ended, transcribed, analyzed = (row.data for row in rows)
    assert started == {
        "call_id": "c1", "agent_id": "front-desk", "agent_version": 1, "caller": "+447700900123", "did": DID, "transport": "loopback",
        "started_at": "2026-11-23T07:00:00Z",
    }  # fmt: skip
    assert (ended["seconds"], ended["reason"], ended["outcome"], ended["ended_at"]) == (61.5, "finished", "booked", "2026-11-23T07:00:00Z")
    assert [(turn["who"], turn["text"]) for turn in transcribed["turns"]] == [("agent", "Harbour"), ("caller", "my tap is dripping")]
    assert analyzed["result"]["outcome"] == "booked"
    assert {row.type for row in rows} <= set(PUBLIC)
    async with house.services.database.tenant("harbour") as scope:
        await ops.ensure(scope, "c2", "front-desk", test=True)
    await tell(house, "c2")
    await finished(house, "c2")
    assert await house.look("select 1 from webhook_event where subject = 'c2'") == []
    assert (await house.call("c2"))["call"]["test"] is True


async def test_a_place_is_freed_when_the_call_ends_and_taken_where_no_plan_was_asked(house: House) -> None:
    async def places() -> int:
        return int((await house.look("select count(*) from placement"))[0][0])

    await house.plan()
    assert await places() == 1
    await tell(house)
    assert await places() == 0
    await house.event(1, "call.started", "c2", transport="loopback", did=DID)  # from a plan that its engine had kept
    assert await places() == 1
    await house.event(5, "call.ended", "c3", reason="hangup", outcome="x", seconds=1)
    await house.event(1, "call.started", "c3", transport="loopback", did=DID)  # late: it is over
    assert await places() == 1
    await house.event(2, "call.ended", "c2", reason="hangup", outcome="x", seconds=1)
    assert await places() == 0


async def test_what_was_kept_for_long_enough_goes(house: House) -> None:
    await whole(house)
    await house.plan("c2")
    await tell(house, "c2")
    await finished(house, "c2")
    await house.look("update call set started_at = started_at + interval '50 days' where id = 'c2'")
    days = 90
    house.now[0] = START + timedelta(days=days) - timedelta(minutes=1)
    assert await removal.sweep(house.services, "harbour") == (0, 0)
    house.now[0] = START + timedelta(days=days) + timedelta(minutes=1)
    assert await removal.sweep(house.services, "harbour") == (0, 1)
    assert await removal.sweep(house.services, "harbour") == (0, 0)
    detail = await house.call()
    assert (detail["call"]["kept"], detail["call"]["recorded"], detail["recording"]) == (False, False, None)
    assert (detail["call"]["outcome"], detail["result"]["outcome"], detail["missing"]) == ("booked", "booked", 0)
    assert (await house.get("/calls/c1/transcript")).json()["turns"] == []
    assert (await house.get("/calls/c1/recording")).status_code == 404
    assert files(house) == []
    bodies = "".join(str(row.body) for row in await house.look("select body from call_event where call_id = 'c1'"))
    assert "dripping" not in bodies
    assert "Harbour Plumbing" not in bodies
    assert len((await house.get("/calls/c2/transcript")).json()["turns"]) == 2
    await house.look("update tenant set retention_days = 45 where id = 'harbour'")
    assert await removal.sweep(house.services, "harbour") == (1, 0)
    assert (await house.get("/calls/c1")).status_code == 404
    assert (await house.get("/calls/c2")).status_code == 200
    rows = await house.look("select details from audit where action = 'calls.expired' order by seq")
    assert [row.details for row in rows] == [{"deleted": 0, "let_go": 1}, {"deleted": 1, "let_go": 0}]


async def test_the_nightly_job_goes_through_all_tenants(house: House) -> None:
    await whole(house)
    house.now[0] = START + timedelta(days=91)
    await house.services.queue.configure_task("sweep_calls").defer_async(timestamp=0)

    async def done() -> bool:
        return not (await house.call())["call"]["kept"]

    await house.work_until(done)
    assert files(house) == []
