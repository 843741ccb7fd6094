"""The demonstration's business system: a simulated ServiceM8 that is connected as an owner would, and what the call left in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import anyio
import httpx
from rich.console import Console
from rich.table import Table

from offhook.errors import ConfigError
from offhook.testing.business.serve import served
from offhook.testing.business.servicem8 import ServiceM8

ADAPTER: Final = "crm/servicem8"
TENANT: Final = "/v1/tenants/harbour"
WRITTEN_S: Final = 30.0
"""How long the paperwork of one call is waited for."""
WANTED: Final = ("customer", "job", "appointment", "note")
OVER: Final = frozenset({"done", "failed", "skipped"})


@dataclass(frozen=True, slots=True)
class Mill:
    """A simulated account, and where it answers."""

    system: ServiceM8
    origin: str


@asynccontextmanager
async def mill() -> AsyncIterator[Mill]:
    """An account with nothing in it but two members of staff."""
    system = ServiceM8()
    async with served(system) as origin:
        yield Mill(system, origin)


async def connect(http: httpx.AsyncClient, found: Mill) -> None:
    """Connect it by its key, and say who of the diary is who there. A connection of an earlier demonstration is ended first."""
    for old in (await _asked(http, "GET", "/connections"))["data"]:
        if old["adapter"] == ADAPTER and old["state"] != "off":
            await _asked(http, "POST", f"/connections/{old['id']}/disconnect", revision=old["revision"])
    made = await _asked(http, "POST", "/connections", {"adapter": ADAPTER, "fields": {"key": found.system.KEY}})
    staff = (await _asked(http, "GET", ""))["diary"]["staff"]
    chosen = {f"staff/{name}": [there] for name, there in zip(staff, found.system.STAFF, strict=False)}
    await _asked(http, "PUT", f"/connections/{made['id']}/chosen", {"chosen": chosen}, revision=made["revision"])


async def show(http: httpx.AsyncClient, call: str, found: Mill, console: Console) -> bool:
    """Wait until the call is written there, and show it. True when there is one customer, job, visit and note."""
    paper: dict[str, Any] = {}
    with anyio.move_on_after(WRITTEN_S):
        while not (paper.get("systems") and all(one["state"] in OVER for one in paper["systems"])):
            paper = await _asked(http, "GET", f"/calls/{call}/paperwork")
            await anyio.sleep(0.2)
    table = Table("system", "what", "state", "there", title="where it went")
    for system in paper.get("systems", ()):
        for step in system["steps"]:
            table.add_row(
                system["title"], step["step"], step["state"], step["record_url"] or step["record_id"] or step["reason"] or step["error"]
            )
    console.print(table)
    there = {kind: found.system.count(kind) for kind in WANTED}
    console.print(
        "the simulated ServiceM8 holds " + ", ".join(f"{count} {kind}{'' if count == 1 else 's'}" for kind, count in there.items())
    )
    return all(count == 1 for count in there.values())


async def _asked(http: httpx.AsyncClient, method: str, path: str, body: object = None, revision: int | None = None) -> dict[str, Any]:
    headers = {"if-match": f'"r{revision}"'} if revision is not None else {}
    answer = await http.request(method, TENANT + path, json=body, headers=headers, timeout=20)
    if not answer.is_success:
        raise ConfigError(f"the demonstration's business system could not be used: {method} {path} answered {answer.status_code}")
    found: dict[str, Any] = answer.json()
    return found
