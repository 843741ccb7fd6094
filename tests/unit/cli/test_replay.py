"""A call's trace decides the same again, bit for bit; another policy decides otherwise; what is no trace is named."""

from __future__ import annotations

import functools
from pathlib import Path

import anyio
import pytest
from tests.scenarios.harness import plan_of, scene
from typer.testing import CliRunner

from offhook.cli import replay as cli
from offhook.cli.main import app
from offhook.core.time import MS
from offhook.core.turn.effects import Effect
from offhook.core.turn.events import Event
from offhook.core.turn.policy import TurnPolicy, replace_path
from offhook.core.turn.replay import replay, what_if
from offhook.engine.trace import read_trace
from offhook.errors import ConfigError
from offhook.testing.clock import VIRTUAL_TIME


async def _call(folder: Path, decided: list[Effect]) -> None:
    async with scene(plan_of(), traces=folder) as stage:
        apply = stage.call.driver._apply

        def keep(effect: Effect, event: Event) -> None:
            decided.append(effect)
            apply(effect, event)

        stage.call.driver._apply = keep
        await stage.line.agent_speaks()
        await stage.line.agent_done()
        await stage.line.say("a booking please")
        await stage.line.agent_speaks()
        await stage.line.agent_done()


def recorded(folder: Path) -> tuple[Path, list[Effect]]:
    decided: list[Effect] = []
    name, options = VIRTUAL_TIME
    anyio.run(functools.partial(_call, folder, decided), backend=name, backend_options=dict(options))
    [path] = folder.rglob("trace.jsonl")
    return path, decided


def test_a_replay_decides_what_the_call_decided(tmp_path: Path) -> None:
    path, decided = recorded(tmp_path)
    head, events = read_trace(path)
    again = replay(list(events), TurnPolicy.of(head["policy"]))
    assert len(decided) > 5
    assert [decision.effect for decision in again] == decided


def test_another_policy_decides_otherwise(tmp_path: Path) -> None:
    path, _ = recorded(tmp_path)
    head, read = read_trace(path)
    events, policy = list(read), TurnPolicy.of(head["policy"])
    slower = replace_path(policy, "endpointing.sure_ms", 1_900.0)
    assert what_if(events, policy) != what_if(events, slower)
    answer = CliRunner().invoke(app, ["replay", str(path), "--set", "endpointing.sure_ms=1900"])
    assert answer.exit_code == 0, answer.output
    assert "changed policy" in answer.output
    same = CliRunner().invoke(app, ["replay", str(path), "--set", f"endpointing.sure_ms={policy.endpointing.sure_ms / MS}"])
    assert "would have changed nothing" in same.output


@pytest.mark.parametrize(
    ("entry", "words"), [("endpointing.nothing=4", "endpointing.nothing"), ("endpointing.sure_ms=soon", "path=number")]
)
def test_a_bad_change_is_named(tmp_path: Path, entry: str, words: str) -> None:
    path, _ = recorded(tmp_path)
    answer = CliRunner().invoke(app, ["replay", str(path), "--set", entry])
    assert answer.exit_code == 2
    assert words in answer.output


def test_no_such_call_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no trace of 'c9'"):
        cli.find_trace("c9", tmp_path)
