"""``offhook talk``: the page of a running engine, or a conversation by typing."""

from __future__ import annotations

import re
import webbrowser
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from offhook.authoring.load import Loaded, ScriptError, load, read_list
from offhook.authoring.passages import passages
from offhook.authoring.runner import Conversation
from offhook.core.script.step import Out, Refused, Run, ScriptEvent, ToolDone, Transfer

HELP = "Type what the caller says. /keys 12# presses keys, /silence says nothing, /hangup (or Ctrl-D) ends."
TALK_KEYS = {"given", "tools", "faq", "now", "hours", "region", "mode"}


def main(
    url: Annotated[str, typer.Option(help="Where the engine listens.")] = "http://127.0.0.1:8081",
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    text: Annotated[
        Path | None, typer.Option("--text", exists=True, dir_okay=False, help="Talk to this script by typing; no engine.")
    ] = None,
    tools: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="With --text: answers of tools, as YAML, or a tests file with them.")
    ] = None,
) -> None:
    """Talk to an agent: in a browser with a microphone, or here by typing."""
    if text is not None:
        try:
            chat = Chat(load(text), *_answers(tools))
        except ScriptError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(1) from None
        except OSError as error:
            typer.echo(f"{error.filename}: cannot be read: {error.strerror}", err=True)
            raise typer.Exit(1) from None
        _converse(chat)
        return
    if tools is not None:
        raise typer.BadParameter("needs --text", param_hint="--tools")
    page = f"{url.rstrip('/')}/talk/"
    problem = check(url.rstrip("/"))
    if problem:
        typer.echo(problem, err=True)
        raise typer.Exit(1)
    typer.echo(f"Talk to the agent at {page}")
    if open_page and not webbrowser.open(page):
        typer.echo("No browser could be opened here: open the address yourself.", err=True)


def check(url: str) -> str:
    """What keeps a page from working, in a sentence; nothing if it works."""
    try:
        answer = httpx.get(f"{url}/healthz", timeout=3, trust_env=False)
        health = answer.raise_for_status().json()
    except httpx.HTTPStatusError as error:
        return f"The engine at {url} is not well: it answers with status {error.response.status_code}. `offhook doctor` may say why."
    except (httpx.HTTPError, httpx.InvalidURL):
        return f"No engine answers at {url}. Start everything with `offhook up`, or name its address with --url."
    except ValueError:
        health = None
    if not isinstance(health, dict) or "capacity" not in health:
        return f"What answers at {url} is no engine of offhook. Name the engine's address with --url."
    if health.get("draining"):
        return f"The engine at {url} is being stopped and takes no more calls."
    return ""


# -- by typing --------------------------------------------------------------------------------------------------------------


class Chat(Conversation):
    """A conversation that is going on: the lines to show since they were last asked for, tools and refusals included."""

    def __init__(self, loaded: Loaded, test: Mapping[str, Any], faq: tuple[tuple[str, str], ...]) -> None:
        self._news: list[str] = []
        self._shown = 0
        super().__init__(loaded, test, faq, "rules")

    def news(self) -> Iterable[str]:
        """What has happened since the last call of this, in order."""
        said = [line for line in self.words[self._shown :] if line.startswith("agent: ")]
        self._shown = len(self.words)
        notes, self._news = self._news, []
        return [*notes, *said]

    @property
    def over(self) -> bool:
        """Whether the script has come to an end."""
        return self.state.ended

    def _step(self, event: ScriptEvent) -> tuple[Out, ...]:
        outs = super()._step(event)
        for each in outs:
            if isinstance(each, Refused):
                self._news.append(f"  [refused: {each.why}]")
            elif isinstance(each, Transfer):
                self._news.append(f"  [transfer to {each.target}]")
        return outs

    def _answer(self, run: Run) -> ToolDone:
        given = ", ".join(f"{name}={value}" for name, value in run.args.items())
        done = super()._answer(run)
        told = done.error or (", ".join(f"{name}={value}" for name, value in done.values.items()) or "done")
        self._news.append(f"  [{run.tool}({given}) -> {told}]")
        return done


def _answers(path: Path | None) -> tuple[dict[str, Any], tuple[tuple[str, str], ...]]:
    """A conversation's surroundings out of a file: tools' answers alone, or a tests file with ``given``, ``faq`` and hours too."""
    now = datetime.now().astimezone().isoformat()
    if path is None:
        return {"now": now}, ()
    plain, _ = read_list(path, "tests")
    if not isinstance(plain.get("tools"), dict):
        return {"now": now, "tools": plain}, ()
    test = {"now": now} | {key: value for key, value in plain.items() if key in TALK_KEYS}
    faq = test.pop("faq", None)
    return test, passages((path.parent / str(faq)).read_text(encoding="utf-8")) if faq else ()


def _converse(chat: Chat) -> None:
    typer.echo(HELP)
    chat.turn({})  # what it begins with is heard to its end
    _print(chat)
    while not chat.over:
        try:
            line = input("you: ").strip()
        except (EOFError, KeyboardInterrupt):
            typer.echo()
            line = "/hangup"
        keys = re.fullmatch(r"/keys\s+([0-9*#A-D]+)", line)
        if line == "/hangup":
            chat.turn({"hangup": True})
            break
        if keys:
            chat.turn({"keys": keys[1]})
        elif line == "/silence" or not line:
            chat.turn({"silence": True})
        elif line.startswith("/"):
            typer.echo(HELP)
            continue
        else:
            chat.turn({"caller": line})
        _print(chat)
    outcome = chat.state.outcome
    typer.echo(f"  [the call is over{f': {outcome}' if outcome else ''}]")


def _print(chat: Chat) -> None:
    for line in chat.news():
        typer.echo(line)
