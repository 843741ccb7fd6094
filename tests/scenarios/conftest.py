"""Calls are played in virtual time, all of them: a file that forgot to say so took minutes of everybody's."""

from __future__ import annotations

import pytest

from offhook.testing.clock import VIRTUAL_TIME


@pytest.fixture
def anyio_backend() -> object:
    return VIRTUAL_TIME
