"""Names of an agent's own for tools, hostile input, and the command line over a served orchestrator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread
from tests.e2e.business import OTHER_DID, House
from typer.testing import CliRunner

from offhook.cli import calls
from offhook.errors import ConfigError, Conflict
from offhook.orchestrator.agents import ops as agents
from offhook.orchestrator.seed import examples, plant, read_business, seed
from offhook.orchestrator.serve import Running, serve

NASTY: list[Any] = [None, True, -1, 2**70, 1e308, "", "\x00", "é" * 300, "\u202e", "'; drop table call"]
NASTY += [[], {}, [[]], {"text": {}}, {"id": {}}, {"date": []}]
TOOLS = ("free_slots", "find_booking", "book", "move_booking", "cancel_booking", "save_lead", "save_message", "save_callback")
ARGS = ("slot", "name", "phone", "address", "problem", "day", "urgency", "id", "note", "at", "email", "else")


async def test_an_agents_own_names_for_tools(house: House) -> None:
    plan = await house.plan("d1", did=OTHER_DID)
    assert plan["ref"] == "quayside/front-desk"
    assert plan["tools"]["book_survey"]["url"].endswith("/v1/tools/book_survey")
    assert plan["tools"]["book_survey"]["effect"] == "write"
    where = {"call": "d1", "ref": plan["ref"]}
    offered = (await house.tool("survey_slots", {"postcode": "LS1 4AP"}, **where))["values"]["slots"]
    booked = await house.tool("book_survey", {"slot": offered[0]["id"], "postcode": "LS1 4AP", "bill": 80, "roof": "pitched"}, **where)
    assert booked["error"] is None
    detail = (await house.get("/calls/d1", tenant="quayside")).json()
    assert detail["appointments"][0]["extras"] == {"bill": "80", "postcode": "LS1 4AP", "roof": "pitched"}
    assert detail["lead"]["status"] == "booked"
    unknown = await house.post("/v1/tools/book_survey", house.request("book_survey", {}))  # Harbour has no such name
    assert unknown.status_code == 404


async def test_the_example_scripts_tools_are_all_there(house: House) -> None:
    plan = await house.plan()
    wanted = {name: tool["effect"] for name, tool in plan["script"]["tools"].items()}
    assert wanted
    assert {name: plan["tools"][name]["effect"] for name in wanted} == wanted


async def test_nothing_signed_crashes_it(house: House) -> None:
    slot = (await house.slots())[0]["id"]
    bodies: list[tuple[str, dict[str, Any]]] = []
    for value in NASTY:
        bodies += [(f"/v1/tools/{tool}", house.request(tool, dict.fromkeys(ARGS, value))) for tool in TOOLS]
        bodies += [("/v1/tools/book", house.request("book", {"slot": slot, name: value})) for name in ARGS]
        bodies += [("/v1/tools/book", house.request("book", {}) | {name: value}) for name in ("key", "call", "ref", "tool", "args")]
        for transport in ("loopback", "twilio"):
            plan = {"call": "c9", "transport": transport, "did": "+442079460000", "caller": "", "token": "t", "carrier_call": "CA"}
            bodies += [("/v1/plans", plan | {name: value}) for name in (*plan, "parameters")]
        event = {"id": "e", "call": "c1", "ref": "harbour/front-desk", "seq": 1, "at_ms": 0, "time": "2026-11-23T07:00:00Z"}
        event |= {"type": "call.ended", "reason": "hangup", "outcome": "x", "seconds": 1, "slots": {}}
        bodies += [("/v1/events", event | {name: value}) for name in event]
        bodies.append(("/v1/events", event | {"slots": {"name": value, "address": value, "problem": value}}))
    seen: dict[int, int] = {}
    for path, body in bodies:
        status = (await house.post(path, body)).status_code
        assert status < 500, (path, body)
        seen[status] = seen.get(status, 0) + 1
    assert seen[200] > 50
    assert seen[422] > 50
    assert (await house.http.get("/healthz")).status_code == 200


async def test_a_number_belongs_to_one_tenant(house: House) -> None:
    business, script = read_business(examples() / "receptionist" / "business.yaml")
    thief = business.model_copy(update={"id": "thief"})
    with pytest.raises(Conflict):
        await plant(house.services.database, thief, script)
    assert (await house.plan())["ref"] == "harbour/front-desk"


async def test_seeding_again_changes_nothing_and_a_new_script_is_a_new_version(house: House, tmp_path: Path) -> None:
    async def version() -> int:
        async with house.services.database.tenant("harbour") as scope:
            return (await agents.live(scope, "front-desk")).version

    await seed(house.services.database)
    assert await version() == 1
    folder = examples() / "receptionist"
    for name in ("business.yaml", "faq.md", "receptionist.yaml"):
        (tmp_path / name).write_text((folder / name).read_text(encoding="utf-8").replace("Harbour Plumbing, hello", "Harbour, hello"))
    await seed(house.services.database, tmp_path / "business.yaml")
    assert await version() == 2


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (("Europe/London", "Europe/Lundon"), "timezone"),
        (("[tom, priya]", "[Tom Smith]"), "diary.staff.0"),
        (("+442079460000", "020 7946 0000"), "numbers.0"),
        (("faq.md", "gone.md"), "faq"),
        (("voice:", "voices:"), "voices"),
    ],
)
def test_a_wrong_business_file_is_named(tmp_path: Path, change: tuple[str, str], named: str) -> None:
    folder = examples() / "receptionist"
    for name in ("business.yaml", "faq.md", "receptionist.yaml"):
        (tmp_path / name).write_text((folder / name).read_text(encoding="utf-8").replace(*change))
    with pytest.raises(ConfigError, match=named.replace(".", r"\.")):
        read_business(tmp_path / "business.yaml")


async def test_calls_from_the_command_line(house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    await house.plan()
    slot = (await house.slots())[0]
    await house.tool("book", {"slot": slot["id"], "name": "Ann [Lee]", "problem": "tap"})
    turn = {
        "turn": 1,
        "text": "[bold]hello",
        "heard": "[bold]hello",
        "interrupted": True,
        "start_ms": 0,
        "end_ms": 9,
        "ladder": {"total": 412.4},
    }
    await house.event(1, "turn.agent", "c1", **turn)
    started: list[Running] = []
    up = anyio.Event()

    def ready(running: Running) -> None:
        started.append(running)
        up.set()

    async def run() -> None:
        await serve(house.settings.model_copy(update={"port": 0}), jobs=False, ready=ready)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    cli = CliRunner()
    with anyio.fail_after(150):
        async with anyio.create_task_group() as group:
            group.start_soon(run)
            await up.wait()

            async def offhook(*args: str, token: str = "operator") -> tuple[int, str]:
                done = await to_thread.run_sync(lambda: cli.invoke(calls.app, [*args, "--url", started[0].url, "--token", token]))
                return done.exit_code, done.output

            code, listed = await offhook("list", "--tenant", "harbour")
            assert (code, "c1" in listed) == (0, True)
            code, shown = await offhook("show", "c1", "--tenant", "harbour")
            assert code == 0, shown
            assert "[bold]hello [interrupted] (412 ms after the caller)" in shown
            assert "Ann [Lee]" in shown
            code, raw = await offhook("show", "c1", "--tenant", "harbour", "--json")
            assert json.loads(raw)["lead"]["problem"] == "tap"
            assert await offhook("show", "c2", "--tenant", "harbour") == (1, "no such call\n")
            assert await offhook("list") == (1, "there are several tenants: say which with --tenant\n")
            assert (await offhook("list", token="wrong"))[0] == 1
            (tmp_path / "var").mkdir()
            (tmp_path / "var" / "keys.json").write_text('{"admin_token": "operator"}')
            assert (await offhook("list", "--tenant", "harbour", token=""))[0] == 0
            group.cancel_scope.cancel()
    gone = await to_thread.run_sync(lambda: cli.invoke(calls.app, ["list", "--url", started[0].url]))
    assert gone.exit_code == 1
    assert "is `offhook up` running?" in gone.output
