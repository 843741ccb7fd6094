"""``offhook calls list | show``: what the orchestrator knows of calls, over its reading API."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from offhook.errors import ConfigError

app = typer.Typer(help="Look at calls.", no_args_is_help=True)
Url = Annotated[str, typer.Option(envvar="OFFHOOK_ORCHESTRATOR_URL", help="Where the orchestrator is.")]
Token = Annotated[str, typer.Option(envvar="OFFHOOK_ORCHESTRATOR_ADMIN_TOKEN", help="Default: the one in var/keys.json.")]
Tenant = Annotated[str | None, typer.Option(help="Which tenant, if there are several.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the API's answer as it is.")]
HERE = "http://127.0.0.1:8080"


class Reader:
    """The reading API."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url.rstrip("/"), token or _kept_token()

    def get(self, path: str, **params: str | int | None) -> Any:  # noqa: ANN401 - JSON
        """The answer; ConfigError with the orchestrator's own words where it refuses."""
        wanted = {name: value for name, value in params.items() if value is not None}
        try:
            answer = httpx.get(f"{self._url}{path}", params=wanted, headers={"authorization": f"Bearer {self._token}"}, timeout=10)
            body = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise ConfigError(f"no orchestrator answers at {self._url}: is `offhook up` running?") from error
        if answer.is_error:
            raise ConfigError(f"{answer.status_code}: {body.get('title', 'refused')}")
        return body


def _kept_token() -> str:
    """The token that ``offhook up`` made, from its state folder."""
    path = Path(os.environ.get("OFFHOOK_ORCHESTRATOR_STATE_DIR", "var")) / "keys.json"
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(found.get("admin_token", "")) if isinstance(found, dict) else ""


@app.command("list")
def list_calls(url: Url = HERE, token: Token = "", tenant: Tenant = None, limit: int = 20, as_json: AsJson = False) -> None:
    """The latest calls."""
    calls = _get(url, token, "/v1/calls", tenant=tenant, limit=limit)
    if as_json:
        typer.echo(json.dumps(calls, indent=2))
        return
    table = Table("call", "when", "caller", "via", "state", "outcome", "seconds")
    for call in calls:
        seconds = "" if call["seconds"] is None else f"{call['seconds']:.0f}"
        when = (call["started_at"] or call["planned_at"])[:19].replace("T", " ")
        table.add_row(call["id"], when, call["caller"], call["transport"], call["state"], call["outcome"] or "", seconds)
    Console().print(table)


@app.command("show")
def show_call(call: str, url: Url = HERE, token: Token = "", tenant: Tenant = None, as_json: AsJson = False) -> None:
    """A call: what was said, done, booked, and what came of it."""
    detail = _get(url, token, f"/v1/calls/{call}", tenant=tenant)
    if as_json:
        typer.echo(json.dumps(detail, indent=2))
    else:
        render(detail, Console())


def render(detail: dict[str, Any], console: Console) -> None:
    """Print a call's detail for a reader."""
    call = detail["call"]
    console.print(f"[bold]{call['id']}[/] {call['caller'] or 'unknown caller'} to {call['did']} by {call['transport']}: {call['state']}")
    for turn in detail["turns"]:
        _turn(turn, console)
    for tool in detail["tools"]:
        answer = tool["error"] or json.dumps(tool["values"], ensure_ascii=False)
        console.print(
            f"[dim]{tool['at_ms'] / 1000:7.1f} s[/] {tool['tool']} ({tool['took_ms']:.0f} ms): {answer}", highlight=False, markup=True
        )
    for booked in detail["appointments"]:
        console.print(f"[green]booked[/] {booked['ref']} {booked['starts_at']} {booked['staff']}: {booked['name']}, {booked['address']}")
    if lead := detail["lead"]:
        console.print(f"[green]lead[/] {lead['status']}: {lead['problem']}")
    for message in detail["messages"]:
        console.print(f"[green]{message['kind']}[/] {message['note']}")
    if result := detail["result"]:
        console.print(f"[bold]result[/] {result['outcome']} ({result['success']}): {result['summary']}")
    if detail["missing"]:
        console.print(f"[yellow]{detail['missing']} events of this call never came[/]")


def _turn(turn: dict[str, Any], console: Console) -> None:
    caller = turn["type"] == "turn.caller"
    said = escape(turn["text"]) if caller else escape(turn["heard"]) + (" [yellow]\\[interrupted][/]" if turn["interrupted"] else "")
    total = None if caller else turn["ladder"]["total"]
    after = f" [dim]({total:.0f} ms after the caller)[/]" if total is not None else ""
    console.print(f"[dim]{turn['start_ms'] / 1000:7.1f} s[/] {'caller' if caller else 'agent '} {said}{after}", highlight=False)


def _get(url: str, token: str, path: str, **params: str | int | None) -> Any:  # noqa: ANN401 - JSON
    try:
        return Reader(url, token).get(path, **params)
    except ConfigError as error:
        typer.echo(error.public, err=True)
        raise typer.Exit(1) from error
