"""``offhook calls``: what the orchestrator knows of calls."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.markup import escape

from offhook.cli.api import Api, Cursor, Limit, Yes, command, confirm, moment, save
from offhook.client.models import CallDetail, Said

app = typer.Typer(help="Look at calls.", no_args_is_help=True)
CallId = Annotated[str, typer.Argument(metavar="CALL", help="Its id.")]
State = Annotated[Literal["planned", "live", "ended"] | None, typer.Option(help="How far it is.")]
Outcome = Annotated[str | None, typer.Option(help="What came of it, such as booked.")]
Agent = Annotated[str | None, typer.Option(help="Who answered.")]
Number = Annotated[str | None, typer.Option(help="The number that was rung, such as +442079460000.")]
Caller = Annotated[str | None, typer.Option(help="Who rang, such as +447700900123.")]
Since = Annotated[datetime | None, typer.Option(help="Then or later, UTC.")]
Until = Annotated[datetime | None, typer.Option(help="Before then, UTC.")]
Tests = Annotated[bool | None, typer.Option("--tests/--no-tests", help="Tests alone, or none.")]
Words = Annotated[str | None, typer.Option("--words", help="Whole words of the summary, or the last digits of the caller's number.")]


@command(app, "list")
def list_calls(
    api: Api,
    state: State = None,
    outcome: Outcome = None,
    agent: Agent = None,
    number: Number = None,
    caller: Caller = None,
    since: Since = None,
    until: Until = None,
    tests: Tests = None,
    words: Words = None,
    limit: Limit = 20,
    cursor: Cursor = None,
) -> None:
    """The tenant's calls, the latest first."""
    pages = api.client.calls.list(
        api.tenant,
        state=state,
        outcome=outcome,
        agent=agent,
        number=number,
        caller=caller,
        since=moment(since),
        until=moment(until),
        test=tests,
        q=words,
        limit=limit,
        cursor=cursor,
    )
    api.rows(
        pages.first(),
        {
            "call": "id",
            "when": "at",
            "caller": "caller",
            "via": "transport",
            "state": "state",
            "outcome": "outcome",
            "seconds": lambda one: "" if one.seconds is None else f"{one.seconds:.0f}",
        },
    )


@command(app, "show")
def show_call(api: Api, call: CallId) -> None:
    """A call: what was said, done, booked, and what came of it."""
    detail = api.client.calls.show(api.tenant, call)
    if api.as_json:
        api.json(detail)
    else:
        render(detail, api.console)


@command(app, "transcript")
def show_transcript(api: Api, call: CallId) -> None:
    """What was said in a call."""
    found = api.client.calls.show_transcript(api.tenant, call)
    if api.as_json:
        return api.json(found)
    for turn in found.turns:
        api.console.print(_line(turn), highlight=False)
    if not found.complete:
        api.console.print("not all of the call has come yet", style="yellow")
    return None


def _line(turn: Said) -> str:
    cut = " [yellow]\\[interrupted][/]" if turn.interrupted else ""
    unheard = f" [dim]{escape(turn.unheard)}[/]" if turn.unheard else ""
    return f"[dim]{turn.start_ms / 1000:7.1f} s[/] {turn.speaker:<6} {escape(turn.text)}{cut}{unheard}"


@command(app, "recording")
def fetch_recording(
    api: Api, call: CallId, out: Annotated[Path | None, typer.Option("--out", "-o", help="A file; CALL.flac without it.")] = None
) -> None:
    """Fetch a call's recording: left the caller, right the agent."""
    path = out or Path(f"{call}.flac")
    api.done(f"{save(api.client.recordings.fetch(api.tenant, call), path)} bytes in {path}")


@command(app, "trace")
def fetch_trace(
    api: Api, call: CallId, out: Annotated[Path | None, typer.Option("--out", "-o", help="A file; CALL.jsonl without it.")] = None
) -> None:
    """Fetch every event of a call's turns: `offhook replay FILE` runs them again."""
    path = out or Path(f"{call}.jsonl")
    api.done(f"{save(api.client.recordings.fetch_trace(api.tenant, call), path)} bytes in {path}")


@command(app, "delete")
def delete_call(api: Api, call: CallId, yes: Yes = False) -> None:
    """Delete a call for ever, with its recording and all that was said in it. What it booked stays."""
    confirm(f"delete the call {call} for ever", yes)
    api.client.calls.delete(api.tenant, call)
    api.done(f"{call} is deleted")


# -- a call for a reader ------------------------------------------------------------------------------------------------------


def render(detail: CallDetail, console: Console) -> None:
    """Print a call's detail."""
    call = detail.call
    test = " (a test)" if call.test else ""
    console.print(f"[bold]{escape(call.id)}[/] {call.caller or 'unknown caller'} to {call.did} by {call.transport}: {call.state}{test}")
    for turn in detail.turns:
        _turn(turn, console)
    for tool in detail.tools:
        answer = tool["error"] or json.dumps(tool.get("values", {}), ensure_ascii=False)
        console.print(f"[dim]{tool['at_ms'] / 1000:7.1f} s[/] {tool['tool']} ({tool['took_ms']:.0f} ms): {escape(answer)}", highlight=False)
    for booked in detail.appointments:
        words = f"{booked.ref} {booked.starts_at:%Y-%m-%d %H:%M} {booked.staff}: {booked.name}, {booked.address}"
        console.print(f"[green]booked[/] {escape(words)}")
    if detail.lead:
        console.print(f"[green]lead[/] {detail.lead.status}: {escape(detail.lead.problem)}")
    for message in detail.messages:
        console.print(f"[green]{message.kind}[/] {escape(message.note)}")
    if detail.result:
        console.print(f"[bold]result[/] {detail.result.outcome} ({detail.result.success}): {escape(detail.result.summary)}")
    if detail.missing:
        console.print(f"[yellow]{detail.missing} events of this call never came[/]")


def _turn(turn: dict[str, Any], console: Console) -> None:
    caller = turn["type"] == "turn.caller"
    if ("text" if caller else "heard") not in turn:  # no longer kept
        return
    said = escape(turn["text"]) if caller else escape(turn["heard"]) + (" [yellow]\\[interrupted][/]" if turn["interrupted"] else "")
    total = None if caller else turn["ladder"]["total"]
    after = f" [dim]({total:.0f} ms after the caller)[/]" if total is not None else ""
    console.print(f"[dim]{turn['start_ms'] / 1000:7.1f} s[/] {'caller' if caller else 'agent '} {said}{after}", highlight=False)
