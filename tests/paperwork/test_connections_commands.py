"""``offhook connections``: systems from a terminal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.e2e.business import open_house
from tests.e2e.test_cli_commands import Terminal
from tests.e2e.test_cli_commands import terminal as terminal
from tests.paperwork.tradebook import KEY, OTHER_KEY, Tradebook

from offhook.testing.business.serve import served

pytestmark = pytest.mark.paperwork


@pytest.fixture
async def house(database_url: str, owner_url: str, tmp_path: Path, tradebook: Tradebook) -> AsyncIterator[object]:
    """An orchestrator that finds the system behind a port of this machine."""
    async with (
        served(tradebook) as url,
        open_house(database_url, tmp_path, owner_url=owner_url, vendor_origins={"crm/tradebook": url}) as opened,
    ):
        yield opened


async def test_systems_from_a_terminal(terminal: Terminal) -> None:
    listed = await terminal.do("connections", "systems")
    assert "Tradebook" in listed
    shown = await terminal.do("connections", "connect", "crm/tradebook", "--field", "branch=north", typed=f"{KEY}\n")
    assert "Harbour at Tradebook" in shown
    assert KEY not in shown
    [made] = (await terminal.json("connections", "list"))["data"]
    assert (made["state"], made["settings"]) == ("active", {"branch": "north"})
    assert "Harbour at Tradebook" in await terminal.do("connections", "test", made["id"])
    assert "off" in await terminal.do("connections", "disconnect", made["id"], "--yes")
    assert (await terminal.json("connections", "show", made["id"]))["state"] == "off"
    await terminal.do("connections", "connect", "crm/tradebook", "--again", made["id"], typed=f"{KEY}\n")
    assert (await terminal.json("connections", "show", made["id"]))["state"] == "active"
    other = await terminal.fails("connections", "connect", "crm/tradebook", "--again", made["id"], "--field", f"key={OTHER_KEY}")
    assert "another account" in other
    assert "there is no system" in await terminal.fails("connections", "connect", "crm/nobodys")
    wrong = await terminal.fails("connections", "connect", "crm/tradebook", "--field", "key=tb_wrongkey9")
    assert "tb_wrongkey9" not in wrong
    assert "signing in" in await terminal.fails("connections", "connect", "crm/xero")
