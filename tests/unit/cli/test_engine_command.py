"""The engine's command: what it changes in its process, and that nobody's address is logged."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from typer.testing import CliRunner

from offhook.cli.engine import GARBAGE, _Server
from offhook.cli.main import app


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def collector() -> Iterator[None]:
    before = gc.get_threshold()
    gc.unfreeze()  # the tests' own
    yield
    gc.freeze()
    gc.set_threshold(*before)


@pytest.mark.anyio
async def test_what_is_there_at_the_start_is_spared_by_the_garbage_collector(collector: None) -> None:
    config = uvicorn.Config(Starlette(), host="127.0.0.1", port=0, lifespan="off", log_config=None)
    config.load()
    server = _Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        assert server.started
        assert gc.get_freeze_count() > 10_000
        assert gc.get_threshold() == GARBAGE
    finally:
        server.force_exit = True
        await server.shutdown()


@pytest.fixture
def loggers() -> Iterator[None]:
    changed = [logging.getLogger(), logging.getLogger("httpx")]
    before = [(one, one.level, list(one.handlers)) for one in changed]
    yield
    for one, level, handlers in before:
        one.setLevel(level)
        one.handlers = handlers


def test_no_request_is_logged_with_its_address(tmp_path: Path, loggers: None) -> None:
    result = CliRunner().invoke(app, ["engine", "--plan", str(tmp_path / "none.json")])
    assert result.exit_code == 2
    assert not logging.getLogger("httpx").isEnabledFor(logging.INFO)
    assert logging.getLogger("httpx").isEnabledFor(logging.WARNING)
