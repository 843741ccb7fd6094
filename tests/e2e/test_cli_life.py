"""The whole life of a tenant by the command line alone, on real processes: made by an agency, called, changed, exported, erased.

What is called is the carrier's websocket with a speaking caller, as in `offhook demo`. Nothing is looked up in the database but at
the end, when it and all files are searched for what must be gone.
"""

from __future__ import annotations

import json
import os
import re
import sys
import uuid
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import psycopg
import pytest
from tests.e2e.planting import search, search_files
from tests.e2e.test_survival import Processes, processes

from offhook.cli.demo import ring
from offhook.cli.up import keys_of
from offhook.orchestrator.auth.permissions import IN_RESELLER, IN_TENANT
from offhook.orchestrator.db import libpq
from offhook.orchestrator.embedded import EmbeddedPostgres
from offhook.testing.caller import Caller, CallFailed, Speech
from offhook.testing.carrier import TwilioLine

pytestmark = [pytest.mark.realtime, pytest.mark.timeout(900)]
NAME, DID, CALLER = "Quillmark Gutters", "+442079460777", "+447911555777"
OF_CALLERS = (CALLER, CALLER[3:], "James Wilson", "Station Road")
KEY_MAY = sorted(IN_TENANT | IN_RESELLER)
ANSWERS: tuple[tuple[str, str], ...] = (
    # What the agent's words must hold, and what the caller says to that; the first that fits is taken.
    (r"anything else", "No, that is all, thank you."),
    (r"shall i book|book it|is that right", "Yes please."),
    (r"which would you like", "The first one, please."),
    (r"which day|what day|suit you", "Any day is fine, the sooner the better."),
    (r"am i speaking", "Yes."),
    (r"number you are calling from", "Yes, that is the best one."),
    (r"your name|surname|first name", "My name is James Wilson."),
    (r"address|postcode", "Fourteen Station Road, N W 1, 4 double A."),
    (r"what is it about|shall we come|few words", "The gutter is leaking."),
    (r"book a visit|book, move", "I would like to book a visit."),
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(tmp_path / "postgres", durable=False) as running:
        yield running


@dataclass(frozen=True, slots=True)
class Done:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Desk:
    """Somebody at a terminal, with a home of their own."""

    def __init__(self, home: Path, **environment: str) -> None:
        home.mkdir()
        self.home = home
        plain = {key: value for key, value in os.environ.items() if not key.startswith(("OFFHOOK_", "XDG_"))}
        self._env: Mapping[str, str] = plain | {"HOME": str(home), "COLUMNS": "200"} | environment

    async def run(self, *words: str, typed: str = "") -> Done:
        """A command, whatever comes of it."""
        line = [sys.executable, "-m", "offhook.cli.main", *words]
        done = await anyio.run_process(line, input=typed.encode(), env=self._env, cwd=self.home, check=False)
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    async def do(self, *words: str, typed: str = "") -> Done:
        """A command that must succeed."""
        done = await self.run(*words, typed=typed)
        assert done.code == 0, f"offhook {' '.join(words)}\n{done.out}\n{done.err}"
        return done

    async def json(self, *words: str) -> Any:
        """A command's answer for machines."""
        return (await self.do(*words, "--json")).json


async def test_a_tenants_whole_life_by_the_command_line(tmp_path: Path, server: EmbeddedPostgres) -> None:
    async with processes(tmp_path, server) as platform, Speech() as speech:
        url = f"http://127.0.0.1:{platform.orchestrator}"
        operator = Desk(tmp_path / "operator", OFFHOOK_URL=url, OFFHOOK_TOKEN=keys_of(tmp_path / "state").admin_token)
        reseller = str((await operator.json("resellers", "create", "Brightline"))["id"])
        agency = await _agency(operator, Desk(tmp_path / "agency", OFFHOOK_RESELLER=reseller), url, reseller)
        tenant = await _tenant(agency)
        agent = await _agent(agency)
        await agency.do("numbers", "add", DID, "--agent", agent)
        assert DID in (await agency.do("numbers", "list")).out
        await _tried_by_text(agency, agent, "ring")
        first = await _called(platform, speech)
        call = await _booked(agency, first)
        await _listened_to(agency, call)
        await _changed(agency, agent)
        kept = await _settled(agency, await _steered(agency, platform, speech))
        await _deleted(agency, call)
        await _keys_and_log(agency, url)
        await _exported(agency, tenant, kept, gone=call)
        await _erased(agency, operator, tenant)
        await _nothing_left(platform, tmp_path, [tenant, NAME, DID, call, kept, agent, *OF_CALLERS])
        harbour = await operator.json("tenants", "show", "harbour")  # another tenant is as it was
        assert harbour["state"] == "active"
        (key,) = (await operator.json("keys", "list", "--reseller", reseller))["data"]
        await operator.do("keys", "revoke", key["id"], "--reseller", reseller, "--yes")
        assert "offhook login" in (await agency.run("tenants", "list")).err  # and the agency is let go


async def _agency(operator: Desk, desk: Desk, url: str, reseller: str) -> Desk:
    """An agency with a key of its own, signed in."""
    allowed = [word for one in KEY_MAY for word in ("--allow", one)]
    made = await operator.json("keys", "create", "agency", "--reseller", reseller, *allowed)
    refused = await desk.run("tenants", "list", "--url", url)
    assert refused.code == 1
    assert "offhook login" in refused.err
    done = await desk.do("login", "--url", url, typed=f"{made['secret']}\n")
    assert made["secret"] not in done.out
    kept = list(desk.home.rglob("login.json"))
    assert [one.stat().st_mode & 0o777 for one in kept] == [0o600]
    foreign = await desk.run("tenants", "show", "harbour")
    assert (foreign.code, foreign.out) == (1, "")
    return desk


async def _tenant(desk: Desk) -> str:
    (desk.home / "diary.yaml").write_text("staff: [ann, bob]\nvisit_minutes: 60\nlead_minutes: 0\n", encoding="utf-8")
    made = await desk.json("tenants", "create", NAME, "--diary", "diary.yaml", "--timezone", "Europe/London")
    listed = (await desk.json("tenants", "list"))["data"]
    assert [one["id"] for one in listed] == [made["id"]]
    return str(made["id"])


async def _agent(desk: Desk) -> str:
    """From a template, edited in a file with a fault that is named with its line, published."""
    templates = await desk.json("agents", "templates")
    assert "booking_line" in [one["id"] for one in templates]
    agent = str((await desk.json("agents", "create", "--template", "booking_line", "--name", f"Desk of {NAME}"))["id"])
    await desk.do("agents", "pull", agent, "-o", "agent.yaml")
    path = desk.home / "agent.yaml"
    good = path.read_text(encoding="utf-8")
    wrong = good.replace("next: route}", "next: nowhere}")
    assert wrong != good
    path.write_text(wrong, encoding="utf-8")
    line = next(n for n, text in enumerate(wrong.splitlines(), 1) if "next: nowhere}" in text)
    done = await desk.run("agents", "push", "agent.yaml")
    assert done.code == 1
    assert re.search(rf"^agent\.yaml:{line}: script\.states\.greet\S*: .*nowhere", done.err, re.MULTILINE), done.err
    path.write_text(re.sub(r"(transfer:\n\s+staff:\n\s+number:).*", rf"\1 '{DID[:-3]}000'", good), encoding="utf-8")
    await desk.do("agents", "push", "agent.yaml")
    await desk.do("agents", "check", agent)
    published = await desk.json("agents", "publish", "agent.yaml", "--note", "the first")
    assert published["number"] == 1
    assert published["config"]["transfer"]["staff"]["number"] == f"{DID[:-3]}000"
    return agent


async def _tried_by_text(desk: Desk, agent: str, word: str) -> None:
    """A conversation by typing, and the same from a file with what is expected."""
    typed = await desk.do("agents", "test", agent, typed="I would like to book a visit.\nThe gutter is leaking.\n/undo\n/hangup\n")
    assert word in typed.out.lower()
    assert "address" in typed.out.lower()
    (desk.home / "talk.yaml").write_text(
        "turns:\n"
        "  - {caller: I would like to book a visit., expect: {asks: problem}}\n"
        "  - {caller: The gutter is leaking., expect: {asks: address, says: postcode}}\n",
        encoding="utf-8",
    )
    await desk.do("agents", "test", agent, "--file", "talk.yaml")
    wrong = (desk.home / "talk.yaml").read_text(encoding="utf-8").replace("asks: address", "asks: name")
    (desk.home / "wrong.yaml").write_text(wrong, encoding="utf-8")
    done = await desk.run("agents", "test", agent, "--file", "wrong.yaml")
    assert (done.code, "asks address, not name" in done.err) == (1, True)


async def _called(platform: Processes, speech: Speech) -> str:
    """A real call in which a visit is booked; the carrier's id."""
    call = f"CA{uuid.uuid4().hex}"
    url, parameters = await ring(platform.orchestrator, call, CALLER, DID)
    async with TwilioLine.open(url, parameters=parameters, call=call) as line:
        caller = Caller(line, speech)
        words = await caller.agent_says()
        for _ in range(20):
            if line.closed.is_set() or "goodbye" in words.lower():
                break
            await caller.say(next((reply for pattern, reply in ANSWERS if re.search(pattern, words.lower())), "Sorry?"))
            try:
                words = await caller.agent_says()
            except CallFailed:
                if not line.closed.is_set():
                    raise
        with anyio.move_on_after(10):
            await line.closed.wait()
    return call


async def _steered(desk: Desk, platform: Processes, speech: Speech) -> str:
    """A call that is answered by the new version, spoken into and ended from the terminal."""
    call = f"CA{uuid.uuid4().hex}"
    url, parameters = await ring(platform.orchestrator, call, CALLER, DID)
    async with TwilioLine.open(url, parameters=parameters, call=call) as line:
        caller = Caller(line, speech)
        assert "spring clean" in (await caller.agent_says()).lower()
        (live,) = (await desk.json("live", "list"))["data"]
        assert (live["caller"], live["steerable"]) == (CALLER, True)
        await desk.do("live", "say", live["id"], "Please have your postcode ready.")
        heard = ""
        for _ in range(4):  # it may ask whether anybody is there meanwhile
            heard = (await caller.agent_says()).lower()
            if "postcode" in heard:
                break
        assert "postcode" in heard
        await desk.do("live", "end", live["id"], "--at-once")
        with anyio.fail_after(150):
            await line.closed.wait()
    return call


async def _settled(desk: Desk, carrier_call: str) -> str:
    """The id of a call whose result is written and whose recording has come."""
    with anyio.fail_after(150):
        while True:
            for one in (await desk.json("calls", "list"))["data"]:
                if one["carrier_call"] == carrier_call and one["state"] == "ended" and one["outcome"] and one["recorded"]:
                    return str(one["id"])
            await anyio.sleep(0.5)


async def _booked(desk: Desk, carrier_call: str) -> str:
    """What came of the call: a visit in the diary, a contact, a lead."""
    call = await _settled(desk, carrier_call)
    detail = await desk.json("calls", "show", call)
    shown = (await desk.do("calls", "show", call)).out
    assert detail["call"]["outcome"] == "booked", shown
    visits = (await desk.json("appointments", "list"))["data"]
    assert [(one["call_id"], one["status"]) for one in visits] == [(call, "booked")]
    contacts = (await desk.json("contacts", "list"))["data"]
    assert [one["phone"] for one in contacts] == [CALLER]
    assert "gutter" in (await desk.do("calls", "transcript", call)).out.lower()
    assert visits[0]["id"] in (await desk.do("contacts", "show", contacts[0]["id"])).out
    return call


async def _listened_to(desk: Desk, call: str) -> None:
    await desk.do("calls", "recording", call, "-o", "call.flac")
    assert (desk.home / "call.flac").read_bytes()[:4] == b"fLaC"
    await desk.do("calls", "trace", call, "-o", "call.jsonl")
    replayed = await desk.do("replay", "call.jsonl")
    assert "decisions" in replayed.out


async def _changed(desk: Desk, agent: str) -> None:
    """The greeting is changed in the file, looked at as a difference, and published; a version before is brought back and left again."""
    path = desk.home / "agent.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r"^greeting: .*$", "greeting: Ask us about our spring clean.", text, flags=re.MULTILINE), encoding="utf-8")
    await desk.do("agents", "push", "agent.yaml")
    assert "spring clean" in (await desk.do("agents", "diff", agent)).out
    await desk.do("agents", "publish", "agent.yaml")
    await desk.do("agents", "rollback", agent, "1", "--yes")
    await desk.do("agents", "rollback", agent, "2", "--yes")
    versions = (await desk.json("agents", "versions", agent))["data"]
    assert [(one["number"], one["restored_from"], one["live"]) for one in versions] == [
        (4, 2, True),
        (3, 1, False),
        (2, None, False),
        (1, None, False),
    ]
    stale = await desk.run("agents", "push", "agent.yaml")
    assert (stale.code, "pull it again" in stale.err) == (1, True)


async def _deleted(desk: Desk, call: str) -> None:
    asked = await desk.run("calls", "delete", call)
    assert (asked.code, "--yes" in asked.err) == (1, True)
    await desk.do("calls", "delete", call, "--yes")
    gone = await desk.run("calls", "show", call)
    assert (gone.code, gone.err) == (1, "no such call\n")
    assert (await desk.run("calls", "recording", call)).code == 1
    assert not (desk.home / f"{call}.flac").exists()
    assert [one["status"] for one in (await desk.json("appointments", "list"))["data"]] == ["booked"]


async def _keys_and_log(desk: Desk, url: str) -> None:
    """A key that may only look; and what was done is written down."""
    made = await desk.json("keys", "create", "reports", "--allow", "calls.read")
    as_key = ("--url", url, "--token", made["secret"])
    tenant = (await desk.json("tenants", "list"))["data"][0]["id"]
    assert (await desk.run("calls", "list", "--tenant", tenant, *as_key)).code == 0
    assert (await desk.run("numbers", "list", "--tenant", tenant, *as_key)).code == 1
    await desk.do("keys", "revoke", made["id"], "--yes")
    assert (await desk.run("calls", "list", "--tenant", tenant, *as_key)).code == 1
    done = {one["action"] for one in (await desk.json("audit", "list", "--limit", "200"))["data"]}
    assert {"agent.created", "agent.published", "call.deleted", "call.recording.read"} <= done
    assert (await desk.json("audit", "check"))["whole"] is True


async def _exported(desk: Desk, tenant: str, kept: str, gone: str) -> None:
    await desk.do("tenants", "export", tenant, "--out", "all.zip")
    with zipfile.ZipFile(desk.home / "all.zip") as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        everything = {name: archive.read(name) for name in names}
    recordings = [name for name, held in everything.items() if held[:4] == b"fLaC"]
    assert len(recordings) == 1
    held = b"".join(everything.values())
    assert kept.encode() in held
    assert NAME.encode() in held
    assert CALLER.encode() in held
    # Of the deleted call there is only that it was deleted, and whence a visit and a lead came.
    holding = {name for name, body in everything.items() if gone.encode() in body}
    assert holding <= {
        f"tables/{one}.jsonl" for one in ("appointment", "appointment_change", "audit", "deleted_call", "lead", "message")
    }, holding


async def _erased(agency: Desk, operator: Desk, tenant: str) -> None:
    wrong = await agency.run("tenants", "erase", tenant, "--yes", "Somebody else")
    assert (wrong.code, "nothing was done" in wrong.err) == (1, True)
    certificate = await agency.json("tenants", "erase", tenant, "--yes", NAME)
    assert certificate["verified"] is True
    assert certificate["counts"]["call"] >= 1
    assert (await agency.json("tenants", "list"))["data"] == []
    assert (await operator.run("tenants", "show", tenant)).code == 1


async def _nothing_left(platform: Processes, folder: Path, words: list[str]) -> None:
    """No byte of the tenant's in any table, nor in a file of the orchestrator's or the engine's.

    But one: an engine keeps a number's last plan for when nobody can be asked for one. It holds nothing of any caller. What the
    processes print is the operator's to keep and has ids that mean nothing any more, but no name, number or word.
    """

    def look() -> tuple[dict[str, list[str]], list[Path], list[str]]:
        with psycopg.connect(libpq(platform.server.url()), autocommit=True) as connection:
            rows = search(connection, words)
        logs = [
            line
            for log in folder.glob("*.log")
            for line in log.read_text(encoding="utf-8").splitlines()
            if has(line, (NAME, DID, *OF_CALLERS))
        ]
        return rows, search_files(folder / "state", words), logs

    rows, files, logs = await anyio.to_thread.run_sync(look)
    assert rows == {}
    assert logs == []
    plan = folder / "state" / "engine" / "plans" / f"{DID.removeprefix('+')}.json"
    assert set(files) <= {plan}
    assert not plan.exists() or not has(plan.read_text(encoding="utf-8"), OF_CALLERS)


def has(text: str, words: Sequence[str]) -> bool:
    """Whether a text holds one of the words."""
    return any(word in text for word in words)
