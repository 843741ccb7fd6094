"""Every command can be made: its options have no name twice, its help can be read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from offhook.cli.main import _COMMANDS, app

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
