"""The API's routes are built once a process, and before anybody waits for them."""

from __future__ import annotations

import pytest
from fastapi import routing

from offhook.orchestrator.app import operations


def test_nothing_is_built_at_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    routes = operations()

    def late(*_: object, **__: object) -> None:
        raise AssertionError("a route is built")

    monkeypatch.setattr(routing._EffectiveRouteContext, "from_api_route", late)
    assert len(list(routing.iter_route_contexts(routes))) > 150
    assert operations() is routes
