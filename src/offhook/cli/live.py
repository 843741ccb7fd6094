"""``offhook live``: calls that are under way."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Annotated

import typer
from rich.markup import escape

from offhook.cli.api import Api, Columns, Cursor, Limit, command, said
from offhook.client.models import EndLiveCall, LiveCallView, SayLine, TransferCall

app = typer.Typer(help="Calls that are under way.", no_args_is_help=True)
CallId = Annotated[str, typer.Argument(metavar="CALL", help="Its id.")]
COLUMNS: Columns = {
    "call": "id",
    "caller": "caller",
    "to": "did",
    "agent": "agent_id",
    "seconds": lambda one: f"{one.seconds:.0f}",
    "said last": lambda one: "" if one.last is None else f"{one.last.speaker}: {one.last.text}",
}


@command(app, "list")
def list_live(api: Api, limit: Limit = 50, cursor: Cursor = None) -> None:
    """The tenant's calls that are under way."""
    api.rows(api.client.live_calls.list(api.tenant, limit=limit, cursor=cursor).first(), COLUMNS)


@command(app, "watch")
def watch_live(api: Api) -> None:
    """Show what happens in them, until Ctrl-C."""
    tenant = api.tenant
    try:
        while True:  # the orchestrator ends a stream after some minutes
            for kind, data in _events(api.client.live_calls.watch(tenant).lines()):
                _news(api, kind, data)
    except KeyboardInterrupt:
        return


def _events(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Server-sent events: their kinds and data."""
    kind, data = "", ""
    for line in lines:
        if not line:
            if data:
                yield kind, data
            kind = data = ""
        elif line.startswith("event: "):
            kind = line.removeprefix("event: ")
        elif line.startswith("data: "):
            data += line.removeprefix("data: ")


def _news(api: Api, kind: str, data: str) -> None:
    if api.as_json:
        typer.echo(json.dumps({"event": kind, "data": json.loads(data)}, ensure_ascii=False))
    elif kind == "ended":
        api.console.print(f"{escape(str(json.loads(data).get('id', '')))} has ended", highlight=False)
    elif kind in {"call", "calls"}:
        found = json.loads(data)
        for one in found if isinstance(found, list) else [found]:
            call = LiveCallView.model_validate(one)
            last = "" if call.last is None else f"{call.last.speaker}: {call.last.text}"
            api.console.print(f"[dim]{call.seconds:6.0f} s[/] {escape(call.id)} {call.caller} {escape(last)}", highlight=False)


@command(app, "say")
def say_line(api: Api, call: CallId, text: Annotated[str, typer.Argument(help="Word for word.")]) -> None:
    """Have the agent say something, once nobody is speaking."""
    api.show(api.client.live_calls.say(api.tenant, call, SayLine(text=text)))


@command(app, "transfer")
def transfer_call(api: Api, call: CallId, target: Annotated[str, typer.Argument(help="One of the agent's transfer targets.")]) -> None:
    """Put the caller through to somebody."""
    api.show(api.client.live_calls.transfer(api.tenant, call, TransferCall(target=target)))


@command(app, "end")
def end_call(
    api: Api,
    call: CallId,
    line: Annotated[str | None, typer.Option(help="What the agent says last.")] = None,
    at_once: Annotated[bool, typer.Option("--at-once", help="Cut the call off, whoever is speaking.")] = False,
) -> None:
    """End a call."""
    api.show(api.client.live_calls.end(api.tenant, call, EndLiveCall(**said(line=line, at_once=at_once or None))))
