"""Every command that speaks to an orchestrator, against a real one: it does what it says, for people and for machines."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread
from tests.e2e.business import House
from typer.testing import CliRunner, Result

from offhook.cli.main import app
from offhook.orchestrator.serve import Running, serve


@dataclass(frozen=True, slots=True)
class Terminal:
    """Commands, as the operator and for Harbour Plumbing unless told otherwise."""

    url: str
    token: str = "operator"
    tenant: str = "harbour"

    async def run(self, *words: str, typed: str = "") -> Result:
        env = {"OFFHOOK_URL": self.url, "OFFHOOK_TOKEN": self.token, "OFFHOOK_TENANT": self.tenant, "COLUMNS": "250"}
        found: Result = await to_thread.run_sync(lambda: CliRunner().invoke(app, list(words), input=typed, env=env))
        return found

    async def do(self, *words: str, typed: str = "") -> str:
        """What it printed; it must succeed."""
        done = await self.run(*words, typed=typed)
        assert done.exit_code == 0, f"{words}: {done.output} {done.exception!r}"
        return done.stdout

    async def json(self, *words: str) -> Any:
        return json.loads(await self.do(*words, "--json"))

    async def fails(self, *words: str) -> str:
        """What it complained of; it must end with 1."""
        done = await self.run(*words)
        assert done.exit_code == 1, f"{words}: {done.output} {done.exception!r}"
        return done.stderr


@pytest.fixture
async def terminal(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Terminal]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    started: list[Running] = []
    up = anyio.Event()

    def ready(running: Running) -> None:
        started.append(running)
        up.set()

    async def run() -> None:
        await serve(house.settings.model_copy(update={"port": 0, "webhook_ports": ()}), jobs=False, ready=ready)

    async with anyio.create_task_group() as group:
        group.start_soon(run)
        with anyio.fail_after(150):
            await up.wait()
        yield Terminal(started[0].url)
        group.cancel_scope.cancel()


async def test_people_and_keys(terminal: Terminal) -> None:
    assert "operator" in await terminal.do("whoami")
    for where in ((), ("--reseller", "direct")):
        role = ("--role", "reseller_support" if where else "viewer")
        invited = await terminal.json("members", "invite", f"ann{len(where)}@example.com", *role, *where)
        assert invited["id"] in await terminal.do("members", "invitations", *where)
        await terminal.do("members", "uninvite", invited["id"], *where)
        assert (await terminal.json("members", "invitations", *where))["data"] == []
        assert (await terminal.json("members", "list", *where))["data"] == []
        key = await terminal.json("keys", "create", "reports", "--allow", "calls.read", "--until", "2030-01-01", *where)
        assert key["expires_at"].startswith("2030-01-01T00:00")
        assert key["id"] in await terminal.do("keys", "list", *where)
        assert "calls.read" in await Terminal(terminal.url, key["secret"]).do("whoami")
        await terminal.do("keys", "revoke", key["id"], "--yes", *where)
        assert "offhook login" in await Terminal(terminal.url, key["secret"]).fails("whoami")
    await terminal.do("members", "invite", "boss@example.com", "--platform")
    assert "boss@example.com" in await terminal.do("members", "invitations", "--platform")
    assert await terminal.fails("members", "invite", "a@example.com", "--role", "king") == (
        "there is no role 'king' here: it is one of tenant_owner, tenant_admin, agent_editor, viewer\n"
    )
    assert "permissions: 'calls.erase' is not known here" in await terminal.fails("keys", "create", "x", "--allow", "calls.erase")
    assert "no such" in await terminal.fails("members", "remove", "mbr_none", "--yes")


async def test_the_log(terminal: Terminal) -> None:
    await terminal.do("keys", "create", "reports", "--allow", "calls.read")
    await terminal.do("resellers", "create", "Brightline")
    assert "key.created" in await terminal.do("audit", "list", "--since", "2020-01-01")
    assert "reseller.created" in await terminal.do("audit", "list", "--platform")
    assert (await terminal.json("audit", "list", "--action", "nothing.done"))["data"] == []
    for where in ((), ("--reseller", "direct"), ("--platform",)):
        assert (await terminal.json("audit", "check", *where))["whole"] is True


async def test_contacts_leads_and_the_diary(terminal: Terminal, house: House) -> None:
    ann = await terminal.json("contacts", "add", "Ann [Lee]", "--phone", "07700 900999")
    assert ann["phone"] == "+447700900999"
    assert "Ann [Lee]" in await terminal.do("contacts", "list", "--search", "ann")
    assert (await terminal.json("contacts", "change", ann["id"], "--note", "rings twice", "--no-calls"))["no_calls"] is True
    other = await terminal.json("contacts", "add", "A. Lee")
    await terminal.do("contacts", "merge", ann["id"], other["id"], "--yes")
    assert "no such contact" in await terminal.fails("contacts", "show", other["id"])
    slots = await terminal.json("appointments", "slots", "front-desk", "--from", "2026-11-23", "--to", "2026-11-30")
    visit = await terminal.json("appointments", "add", ann["id"], "--slot", slots[0]["id"], "--problem", "tap")
    assert visit["starts_at"] == slots[0]["starts_at"]
    assert "tap" in await terminal.do("appointments", "list", "--order", "soonest")
    at = ("--at", "2026-11-27T10:00:00")
    assert (await terminal.json("appointments", "change", visit["id"], *at))["starts_at"] == "2026-11-27T10:00:00Z"
    assert "moved" in await terminal.do("appointments", "show", visit["id"])
    assert "tap" in await terminal.do("contacts", "show", ann["id"])
    assert "nothing was done" in await terminal.fails("appointments", "cancel", visit["id"])
    assert (await terminal.json("appointments", "cancel", visit["id"], "--yes"))["status"] == "cancelled"
    await house.plan()
    await house.tool("save_lead", {"name": "Bob", "phone": "+447700900888", "problem": "boiler"})
    (lead,) = (await terminal.json("leads", "list", "--status", "new"))["data"]
    assert (await terminal.json("leads", "change", lead["id"], "--status", "won", "--assigned", "Ann"))["status"] == "won"
    assert "boiler" in await terminal.do("leads", "show", lead["id"])
    await terminal.do("contacts", "delete", ann["id"], "--yes")


async def test_webhooks(terminal: Terminal) -> None:
    refused = await terminal.fails("webhooks", "add", "https://127.0.0.1/")
    assert "url" in refused
    made = await terminal.json("webhooks", "add", "https://hooks.example.com/in", "--type", "call.ended", "--description", "ours")
    assert made["secret"].startswith("whsec_")
    assert made["id"] in await terminal.do("webhooks", "list")
    assert "call.ended" in await terminal.do("webhooks", "types")
    rotated = await terminal.do("webhooks", "rotate", made["id"], "--overlap-hours", "1")
    assert "whsec_" in rotated
    assert made["secret"] not in rotated
    sent = await terminal.json("webhooks", "test", made["id"])
    assert sent["id"] in await terminal.do("webhooks", "deliveries", made["id"], "--state", "waiting")
    assert '"type": "test"' in await terminal.do("webhooks", "delivery", made["id"], sent["id"])
    assert (await terminal.json("webhooks", "replay", made["id"], sent["id"]))["id"]
    assert (await terminal.json("webhooks", "replay", made["id"], "--since", "2020-01-01"))["deliveries"] == 0
    assert "say which" in await terminal.fails("webhooks", "replay", made["id"])
    assert (await terminal.json("webhooks", "change", made["id"], "--disable"))["enabled"] is False
    assert "event types" in await terminal.fails("webhooks", "change", made["id"], "--type", "call.begun")
    await terminal.do("webhooks", "remove", made["id"], "--yes")
    assert (await terminal.json("webhooks", "list"))["data"] == []


async def test_numbers_and_accounts(terminal: Terminal) -> None:
    done = await terminal.run("numbers", "accounts", "add", "AC" + "0" * 32, "--label", "ours", typed="f" * 32 + "\n")
    assert done.exit_code == 0, done.output
    assert "f" * 32 not in done.output
    (account,) = (await terminal.json("numbers", "accounts", "list"))["data"]
    await terminal.do("numbers", "accounts", "change", account["id"], "--label", "theirs")
    told = await terminal.run("numbers", "accounts", "test", account["id"])
    assert (told.exit_code, "no public address" in told.stdout) == (1, True)
    number = await terminal.json("numbers", "add", "+442079460111", "--agent", "front-desk", "--account", account["id"])
    assert (await terminal.json("numbers", "change", number["id"], "--label", "Desk", "--max-calls", "2"))["max_calls"] == 2
    assert "+442079460111" in await terminal.do("numbers", "lines")
    assert "Desk" in await terminal.do("numbers", "show", number["id"])
    await terminal.do("numbers", "remove", number["id"], "--yes")
    await terminal.do("numbers", "accounts", "remove", account["id"], "--yes")


async def test_resellers_tenants_and_live(terminal: Terminal) -> None:
    reseller = (await terminal.json("resellers", "create", "Brightline"))["id"]
    assert (await terminal.json("resellers", "change", reseller, "--name", "Bright"))["name"] == "Bright"
    await terminal.do("resellers", "suspend", reseller, "--yes")
    await terminal.do("resellers", "resume", reseller)
    tenant = (await terminal.json("tenants", "create", "Quill", "--reseller", reseller))["id"]
    assert (await terminal.json("tenants", "change", tenant, "--keep-days", "30"))["retention_days"] == 30
    assert (await terminal.json("tenants", "limit", "3", tenant))["max_calls"] == 3
    assert (await terminal.json("tenants", "suspend", tenant, "--yes"))["state"] == "suspended"
    assert (await terminal.json("tenants", "resume", tenant))["state"] == "active"
    assert (await terminal.json("tenants", "move", "direct", tenant))["reseller_id"] == "direct"
    assert tenant in await terminal.do("tenants", "list", "--reseller", "direct")
    await terminal.do("resellers", "delete", reseller, "--yes")
    assert (await terminal.json("live", "list"))["data"] == []
    assert "no such call" in await terminal.fails("live", "say", "call_none", "Hello")
    assert (await terminal.json("tenants", "erasures"))["data"] == []


async def test_providers(terminal: Terminal) -> None:
    words = ("--issuer", "https://id.example.com", "--client-id", "us", "--domain", "example.com", "--secret", "s3cret")
    for where in ((), ("--reseller", "direct")):
        made = await terminal.json("providers", "add", "Ours", *words, *where)
        assert "https://id.example.com" in await terminal.do("providers", "list", *where)
        assert (await terminal.json("providers", "change", made["id"], "--disable", *where))["enabled"] is False
        assert "s3cret" not in await terminal.do("providers", "show", made["id"], *where)
        await terminal.do("providers", "remove", made["id"], "--yes", *where)


async def test_agents_in_files(terminal: Terminal, tmp_path: Path) -> None:
    """Without a template: from a file, with comments that stay; an edit by somebody else is not overwritten."""
    await terminal.do("agents", "presets")
    made = await terminal.json("agents", "create", "--template", "receptionist")
    await terminal.do("agents", "pull", made["id"], "-o", "one.yaml")
    path = tmp_path / "one.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("script:\n", "script:\n  # our own remark\n"), encoding="utf-8")
    second = await terminal.json("agents", "create", "--file", "one.yaml", "--name", "Second", "--unfinished")
    await terminal.do("agents", "pull", second["id"], "-o", "two.yaml")
    assert "# our own remark" in (tmp_path / "two.yaml").read_text(encoding="utf-8")
    await terminal.do("agents", "push", "two.yaml", "--unfinished")
    before = (tmp_path / "two.yaml").read_text(encoding="utf-8")
    await terminal.do("agents", "push", "two.yaml", "--unfinished")
    (tmp_path / "two.yaml").write_text(before, encoding="utf-8")
    assert "pull it again" in await terminal.fails("agents", "push", "two.yaml", "--unfinished")
    await terminal.do("agents", "push", "two.yaml", "--unfinished", "--force")
    copy = await terminal.json("agents", "duplicate", second["id"], "--name", "Third")
    await terminal.do("agents", "archive", copy["id"], "--yes")
    assert copy["id"] not in await terminal.do("agents", "list")
    assert copy["id"] in await terminal.do("agents", "list", "--archived")
    await terminal.do("agents", "unarchive", copy["id"])
    assert "Third" in await terminal.do("agents", "show", copy["id"])
    assert "/talk/" in await terminal.do("agents", "call", copy["id"])
    assert "say from what" in await terminal.fails("agents", "create")
