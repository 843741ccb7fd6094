"""Every command can be made: its options have no name twice, its help can be read."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from offhook.cli.main import _COMMANDS, app

ROOT = Path(__file__).resolve().parents[3]
root: Any = typer.main.get_command(app)


def paths(command: Any, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command and group below one."""
    yield before
    for name in getattr(command, "commands", {}):
        yield from paths(command.commands[name], (*before, name))


@pytest.mark.parametrize("name", sorted(_COMMANDS))
def test_help(name: str) -> None:
    command = root.get_command(None, name)
    runner = CliRunner()
    for path in paths(command, (name,)):
        done = runner.invoke(app, [*path, "--help"])
        assert done.exit_code == 0, (path, done.output)
        assert "Usage" in done.output


def test_the_reference_is_current() -> None:
    done = subprocess.run([sys.executable, str(ROOT / "scripts" / "commands.py"), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
