"""Versions under calls, in the database, and carried over from when an agent had one only."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import NullPool, create_engine, event, text
from sqlalchemy.exc import DBAPIError
from tests.e2e.business import House, greeted
from tests.e2e.server import Server

import offhook.orchestrator.migrations as migrations
from offhook.contracts.plan import TurnPlan
from offhook.errors import NotFound
from offhook.orchestrator.agents import ops as agents
from offhook.orchestrator.agents.config import AgentConfig
from offhook.orchestrator.agents.ops import reading
from offhook.orchestrator.seed import examples, plant, read_business

AGENT = "/agents/front-desk"
OLD_AGENT = """
    insert into agent (tenant_id, id, name, version, voice, script, turn, lines, hours, knowledge, transfer_to, tools)
    values ('harbour', 'front-desk', 'Front desk', 7, 'heart', cast(:script as jsonb), cast(:turn as jsonb), cast(:lines as jsonb),
            cast(:hours as jsonb), cast(:knowledge as jsonb), cast(:transfer_to as jsonb), cast(:tools as jsonb))
"""


async def publish(house: House, **fields: Any) -> int:
    etag = (await house.ask("GET", AGENT)).headers["etag"]
    changed = await house.ask("PATCH", f"{AGENT}/draft", fields, if_match=etag)
    assert changed.status_code == 200, changed.text
    made = await house.ask("POST", f"{AGENT}/publish", {}, if_match=changed.headers["etag"])
    assert made.status_code == 201, made.text
    number: int = made.json()["number"]
    return number


@contextmanager
def queries(house: House) -> Iterator[list[str]]:
    """Statements of the application while the block runs, without those that a transaction begins with."""
    found: list[str] = []
    engine = house.services.database._engine.sync_engine

    def seen(_c: Any, _u: Any, statement: str, *_: Any) -> None:
        if "set_config" not in statement:
            found.append(statement)

    event.listen(engine, "before_cursor_execute", seen)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", seen)


async def test_answering_takes_one_query_and_no_parsing(house: House) -> None:
    database = house.services.database
    async with database.tenant("harbour") as scope:
        first = await agents.live(scope, "front-desk")
    with queries(house) as asked:
        async with database.tenant("harbour") as scope:
            again = await agents.live(scope, "front-desk")
    assert len(asked) == 1
    assert again == first
    assert again.config is first.config
    async with database.tenant("quayside") as scope:
        other = await agents.live(scope, "front-desk")
    assert other.tenant.id == "quayside"
    assert other.config is not first.config
    await publish(house, greeting="Good day.")
    async with database.tenant("harbour") as scope:
        now = await agents.live(scope, "front-desk")
        assert (now.version, now.config.greeting) == (2, "Good day.")
        with queries(house) as asked:
            assert (await agents.version(scope, "front-desk", 1)).script == first.script
        assert len(asked) == 1
        with pytest.raises(NotFound):
            await agents.version(scope, "front-desk", 3)
        with pytest.raises(NotFound):
            await agents.live(scope, "nobody")
    await house.look("update tenant set timezone = 'Asia/Tokyo' where id = 'harbour'")
    async with database.tenant("harbour") as scope:
        assert (await agents.live(scope, "front-desk")).timezone == "Asia/Tokyo"


async def test_the_store_of_versions_is_bounded(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "KEPT", 2)
    monkeypatch.setattr(reading, "_parsed", OrderedDict())
    for number in range(4):
        await publish(house, greeting=f"Good day{'!' * (number + 1)}")
        async with house.services.database.tenant("harbour") as scope:
            assert (await agents.live(scope, "front-desk")).version == number + 2
    assert len(reading._parsed) <= 3


async def test_publishing_while_calls_come_in(house: House) -> None:
    """Every call is answered, by one version or the next, whole; its record says which."""
    plans: list[dict[str, Any]] = []
    await house.look("update tenant set max_calls = 100 where id = 'harbour'")

    async def ring(first: int) -> None:
        plans.extend([await house.plan(f"p{number}") for number in range(first, first + 6)])

    async def edit() -> None:
        for number in range(3):
            await publish(
                house, greeting=f"Good day, line {'one two three'.split()[number]}.", voice="heart", turn={"confirm_words": number + 2}
            )

    async with anyio.create_task_group() as group:
        for first in (0, 10):
            group.start_soon(ring, first)
        group.start_soon(edit)
    words = {None: 2, "Good day, line one.": 2, "Good day, line two.": 3, "Good day, line three.": 4}
    for plan in plans:
        say = plan["script"]["states"]["greet"]["say"]
        assert plan["turn"]["confirm_words"] == words[_greeting(say)]
    assert len(plans) == 12
    rows = await house.look("select id, agent_version from call")
    stored = {row.id: row.agent_version for row in rows}
    say_of = {1: None, 2: "Good day, line one.", 3: "Good day, line two.", 4: "Good day, line three."}
    for plan in plans:
        say = plan["script"]["states"]["greet"]["say"]
        assert say_of[stored[plan["call"]]] == _greeting(say)


def _greeting(say: Any) -> str | None:
    """An agent's own; None for the script's words."""
    words: str = say[-1]["text"]
    return words if words.startswith("Good day") else None


async def test_a_version_cannot_be_changed_by_the_application(house: House) -> None:
    for statement in ("update agent_version set note = 'x'", "delete from agent_version"):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with house.services.database.tenant("harbour") as scope:
                await scope.session.execute(text(statement))


async def test_seeding_leaves_what_people_have_published(house: House) -> None:
    business, script = read_business(examples() / "receptionist" / "business.yaml")
    await publish(house, greeting="Good day.")
    await plant(house.services.database, business, script)
    assert (await house.plan("s1"))["script"]["states"]["greet"]["say"] == greeted("Good day.")
    await plant(house.services.database, business.model_copy(update={"name": "Harbour Plumbing and Heating"}), script)
    versions = (await house.ask("GET", f"{AGENT}/versions")).json()["data"]
    assert [one["number"] for one in versions] == [3, 2, 1]
    assert (await house.ask("GET", AGENT)).json()["name"] == "Harbour Plumbing and Heating"
    assert (await house.ask("GET", f"{AGENT}/draft")).json()["check"]["ok"]


async def test_what_was_added_to_agents_since_is_no_new_document(house: House) -> None:
    """Seeding after an upgrade: the stored version has nothing of what its document leaves to a default."""
    business, script = read_business(examples() / "receptionist" / "business.yaml")
    await publish(house, greeting="Good day.")
    [(config,)] = await house.look("select config from agent_version where tenant_id = 'harbour' and number = 1")
    old = {name: value for name, value in config.items() if name not in {"fillers", "openers"}}
    old["providers"] = {
        name: value for name, value in config["providers"].items() if name not in {"voices", "routes", "costs", "answer_ms"}
    }
    change = "update agent_version set config = cast(:config as json), sha = repeat('0', 64) where tenant_id = 'harbour' and number = 1"
    await house.look(change, config=json.dumps(old))
    await plant(house.services.database, business, script)
    assert (await house.plan("s1"))["script"]["states"]["greet"]["say"] == greeted("Good day.")
    await house.look(change, config=json.dumps({**old, "voice": 7}))  # nothing that this version would take
    await plant(house.services.database, business, script)
    assert (await house.plan("s2"))["script"]["states"]["greet"].get("say") != greeted("Good day.")


def kept(before: Any, now: Any) -> bool:
    """Whether all that there was is there, and as it was."""
    if isinstance(before, dict) and isinstance(now, dict):
        return all(name in now and kept(value, now[name]) for name, value in before.items())
    return bool(before == now)


def upgrade(url: str, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", next(iter(migrations.__path__)).replace("%", "%%"))
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def test_an_agent_that_had_one_version_only_is_carried_over(postgres: Server) -> None:
    business, script = read_business(examples() / "receptionist" / "business.yaml")
    postgres.sql("create database offhook_carried")
    url = postgres.url("offhook_carried")
    try:
        upgrade(url, "0004")
        engine = create_engine(url, poolclass=NullPool)
        turn = TurnPlan(idle_ms=9_000).model_dump(mode="json")
        row = {
            "script": script,
            "turn": turn,
            "lines": business.lines.model_dump(),
            "hours": [one.model_dump() for one in business.hours],
            "knowledge": [one.model_dump() for one in business.knowledge],
            "transfer_to": {"boss": "+441134960000"},
            "tools": {"book_visit": "book"},
        }
        with engine.begin() as connection:
            connection.execute(text("alter table tenant no force row level security"))
            connection.execute(text("alter table agent no force row level security"))
            connection.execute(
                text(
                    "insert into tenant (id, reseller_id, name, timezone, region, locale, diary)"
                    " values ('harbour', 'direct', 'Harbour', 'Europe/London', 'GB', 'en-GB', '{}')"
                )
            )
            connection.execute(text(OLD_AGENT), {name: json.dumps(value) for name, value in row.items()})
            connection.execute(text("alter table agent force row level security"))
        upgrade(url, "head")
        with engine.begin() as connection:
            agent = connection.execute(text("select * from agent")).mappings().one()
            version = connection.execute(text("select * from agent_version")).mappings().one()
        assert (agent["live"], agent["latest"], agent["name"]) == (1, 1, "Front desk")
        assert (version["number"], version["sha"]) == (1, agent["live_sha"])
        config = AgentConfig.model_validate(version["config"])
        assert kept(version["config"], config.model_dump(mode="json"))  # what there was then is not left to a default that may change
        assert config.script == script
        assert config.turn_plan() == TurnPlan(idle_ms=9_000)
        assert config.transfer["boss"].number == "+441134960000"
        assert config.transfer["staff"].number is None  # whom the script names
        assert [span.closes for span in config.hours.saturday] == ["13:00"]
        assert config.tools == {"book_visit": "book"}
    finally:
        postgres.sql("drop database offhook_carried with (force)")
