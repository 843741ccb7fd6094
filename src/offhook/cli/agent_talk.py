"""Conversations by text with an agent of an orchestrator: by typing, or from a file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer
from rich.markup import escape

from offhook.cli.api import Api, read_document
from offhook.client.models import FakeAnswer, TextTest, TextTestResult, TurnIn, TurnView
from offhook.errors import ConfigError

HELP = "Type what the caller says. /keys 12# presses keys, /silence says nothing, /undo takes the last turn back, /hangup (or Ctrl-D) ends."
_SURROUNDINGS = ("now", "given", "caller", "unreachable")
_ACTS = ("caller", "keys", "silence", "hangup", "cut_at")


@dataclass(frozen=True, slots=True)
class Base:
    """Whom to talk to, and the circumstances."""

    agent: str
    facts: dict[str, Any]

    def run(self, api: Api, turns: list[TurnIn], **more: object) -> TextTestResult:
        """The whole conversation, from its first word. What models have answered is put to ``turns``: nobody asks them again."""
        found = api.client.agents.run_text_test(api.tenant, self.agent, TextTest(**{**self.facts, **more}, turns=turns))
        for number, view in enumerate(found.turns[1:]):
            turns[number] = turns[number].model_copy(update={"answer": view.answer})
        return found


# -- by typing ------------------------------------------------------------------------------------------------------------------


def chat(api: Api, base: Base) -> None:
    """Until the agent or the caller ends it."""
    typer.echo(HELP)
    turns: list[TurnIn] = []
    found = base.run(api, turns)
    _notice(found)
    _print(api, found.turns)
    while not found.ended:
        line = _line()
        if line == "/undo":
            del turns[-1:]
            found = base.run(api, turns)
            typer.echo("  [taken back]")
            _print(api, found.turns[-1:])
            continue
        turn = _turn(line)
        if turn is None:
            typer.echo(HELP)
            continue
        shown = len(found.turns)
        turns.append(turn)
        found = base.run(api, turns)
        _print(api, found.turns[shown:], own=False)
        if turn.hangup:
            break
    typer.echo(f"  [the call is over{f': {found.outcome}' if found.outcome else ''}]")


def _line() -> str:
    try:
        return input("you: ").strip()
    except (EOFError, KeyboardInterrupt):
        typer.echo()
        return "/hangup"


def _turn(line: str) -> TurnIn | None:
    if line == "/hangup":
        return TurnIn(hangup=True)
    if line == "/silence" or not line:
        return TurnIn(silence=True)
    keys = re.fullmatch(r"/keys\s+([0-9*#]+)", line)
    if keys:
        return TurnIn(keys=keys[1])
    return None if line.startswith("/") else TurnIn(caller=line)


def _notice(found: TextTestResult) -> None:
    if found.notice:
        typer.echo(f"  [{found.notice}]", err=True)


def _print(api: Api, turns: list[TurnView], *, own: bool = True) -> None:
    for turn in turns:
        if own and turn.kind != "begin":
            api.console.print(f"[yellow]caller[/] {escape(turn.text or f'({turn.kind})')}", highlight=False)
        for one in turn.tools:
            given = ", ".join(f"{name}={value}" for name, value in one.args.items())
            told = one.error or ", ".join(f"{name}={value}" for name, value in one.values.items()) or "done"
            api.console.print(f"  [dim]{escape(f'[{one.tool}({given}) -> {told}]')}[/]", highlight=False)
        if told := _answered(turn):
            api.console.print(f"  [dim]{escape(f'[{told}]')}[/]", highlight=False)
        for denied in turn.refused:
            api.console.print(f"  [dim]{escape(f'[refused: {denied.why}]')}[/]", highlight=False)
        words = " ".join(one.text for one in turn.agent)
        if words:
            api.console.print(f"[cyan]agent[/]  {escape(words)}", highlight=False)
        if turn.transfer:
            api.console.print(f"  [dim]{escape(f'[transfer to {turn.transfer}]')}[/]", highlight=False)


def _answered(turn: TurnView) -> str:
    """Who answered, where that was not simply the rules: the model, how soon, for how many tokens; or why it was not the model."""
    answer = turn.answer
    if answer is None:
        return ""
    soon = f", {answer.first_words_ms:.0f} ms to its first words" if answer.first_words_ms is not None else ""
    used = f", {answer.input_tokens} + {answer.output_tokens} tokens" if answer.text else ""
    who = {"model": "", "plain": " in plain words"}.get(turn.answered_by)
    if who is None:
        return f"answered by the rules in place of {answer.model or 'a model'}: {turn.why}{used}"
    return f"answered by {answer.model}{who}{soon}{used}"


# -- from a file ----------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Scene:
    """One conversation of a file. ``expected`` by the number of its turn: words that the agent says, and where the call is then."""

    name: str
    turns: list[TurnIn]
    facts: dict[str, Any]
    expected: dict[int, dict[str, Any]] = field(default_factory=dict)


def play(api: Api, base: Base, path: Path) -> None:
    """Play the conversations of a file. Exits with 1 where something was not as the file expects."""
    wrong = 0
    results = []
    for scene in scenes(path):
        found = base.run(api, scene.turns, **scene.facts)
        failures = [*(f"turn {one.turn}: {one.message}" for one in found.faults), *_failures(scene, found)]
        wrong += bool(failures)
        results.append({"name": scene.name, "result": found, "failures": failures})
        if api.as_json:
            continue
        api.console.print(f"[bold]{escape(scene.name)}[/]")
        _notice(found)
        _print(api, found.turns)
        end = escape(f"[{found.outcome or 'the call goes on'}]")
        api.console.print(f"  [dim]{end}[/]", highlight=False)
        for failure in failures:
            typer.echo(f"  FAILED {failure}", err=True)
    if api.as_json:
        api.json(results)
    if wrong:
        raise typer.Exit(1)


def scenes(path: Path) -> Iterator[Scene]:
    """The conversations of a file: a list of turns, a mapping with ``turns``, or one with ``tests`` as for ``offhook script test``."""
    found = read_document(path)
    if isinstance(found, list):
        found = {"turns": found}
    if not isinstance(found, dict):
        raise ConfigError(f"{path} holds no conversation: a list of turns, or `tests` with `turns` each")
    tests = found.get("tests")
    for index, test in enumerate(tests if isinstance(tests, list) else [found]):
        if not isinstance(test, dict) or not isinstance(test.get("turns"), list):
            raise ConfigError(f"{path}: test {index + 1} has no turns")
        name = str(test.get("name") or path.name)
        facts = {key: value for key, value in {**found, **test}.items() if key in _SURROUNDINGS}
        facts["given"] = {**(found.get("given") or {}), **(test.get("given") or {})}
        facts["tools"] = _tools({**(found.get("tools") or {}), **(test.get("tools") or {})})
        yield Scene(name, [_checked(path, name, one) for one in test["turns"]], facts, _expected(test["turns"]))


def _checked(path: Path, name: str, turn: object) -> TurnIn:
    if isinstance(turn, str):
        return TurnIn(caller=turn)
    given = {key: value for key, value in turn.items() if key in _ACTS} if isinstance(turn, dict) else {}
    if not given:
        raise ConfigError(f"{path}: {name}: a turn has one of caller, keys, silence and hangup")
    return TurnIn(**{key: str(value) if key in {"caller", "keys"} else value for key, value in given.items()})


def _tools(given: dict[str, Any]) -> dict[str, list[FakeAnswer]]:
    return {name: [_fake(one) for one in (value if isinstance(value, list) else [value])] for name, value in given.items()}


def _fake(one: Any) -> FakeAnswer:  # noqa: ANN401 - of a file
    if isinstance(one, str):
        return FakeAnswer.model_validate({"error": one})
    return FakeAnswer(values=one or {})


def _expected(turns: list[Any]) -> dict[int, dict[str, Any]]:
    return {index: one["expect"] for index, one in enumerate(turns) if isinstance(one, dict) and isinstance(one.get("expect"), dict)}


def _failures(scene: Scene, found: TextTestResult) -> Iterator[str]:
    """What differs from what is expected of words, state, tools and the end; `offhook script test` knows all the others."""
    for index, expect in scene.expected.items():
        if index + 1 >= len(found.turns):
            yield f"turn {index + 1}: the call was over before it"
            return
        turn = found.turns[index + 1]
        said = " ".join(one.text for one in turn.agent).lower()
        for words in expect["says"] if isinstance(expect.get("says"), list) else [expect.get("says")]:
            if words is not None and str(words).lower() not in said:
                yield f"turn {index + 1}: the agent does not say {words!r}"
        if expect.get("at") is not None and turn.at != expect["at"]:
            yield f"turn {index + 1}: at {turn.at}, not {expect['at']}"
        if expect.get("asks") is not None and turn.asks != expect["asks"]:
            yield f"turn {index + 1}: asks {turn.asks or 'nothing'}, not {expect['asks']}"
        ran = {one.tool for one in turn.tools}
        for key, there in (("ran", True), ("not_ran", False)):
            names = expect.get(key)
            for name in names if isinstance(names, list) else [names]:
                if name is not None and (name in ran) != there:
                    yield f"turn {index + 1}: {name} {'was not run' if there else 'was run'}"
        if expect.get("ended") is not None and (not turn.ended or found.outcome != expect["ended"]):
            yield f"turn {index + 1}: does not end with {expect['ended']}"
