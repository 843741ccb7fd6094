"""Where commands may go, and what tells one command from the next."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from offhook.orchestrator.live.engines import nonce, reachable
from offhook.orchestrator.settings import OrchestratorSettings

NOW = datetime(2026, 11, 23, 7, tzinfo=UTC)


def settings(*urls: str) -> OrchestratorSettings:
    values: dict[str, Any] = {"secret": "x", "engine_urls": urls}
    return OrchestratorSettings(**values)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8081", "https://engine.example.com/one", "http://[::1]:8081/"])
def test_an_engine_is_reached_by_http(url: str) -> None:
    assert reachable(settings(), url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "engine",
        "ftp://10.0.0.7",
        "file:///etc/passwd",
        "http://",
        "http://:8081",
        "http://user:word@10.0.0.7",
        "http://10.0.0.7:0",
        "http://10.0.0.7:99999",
        "http://10.0.0.7/?a=b",
        "http://10.0.0.7/#a",
        "http://10.0.0.7/a b",
        "http://10.0.0.7/a\r\nHost: b",
        "http://[::1",
        "http://ex\u00e4mple.com",
    ],
)
def test_and_by_nothing_else(url: str) -> None:
    assert not reachable(settings(), url)


def test_only_at_the_settings_addresses_if_they_name_any() -> None:
    some = settings("http://10.0.0.7:8081", "https://engine.example.com/")
    assert reachable(some, "http://10.0.0.7:8081/")
    assert reachable(some, "https://engine.example.com")
    for url in ("http://10.0.0.7:8082", "https://10.0.0.7:8081", "http://10.0.0.7:8081/x", "https://engine.example.com.evil.test"):
        assert not reachable(some, url)


def test_the_same_request_sent_again_is_one_command() -> None:
    assert nonce(NOW, "harbour", "key_1", "again") == nonce(NOW, "harbour", "key_1", "again")
    assert len({nonce(NOW, "harbour", "key_1", "k"), nonce(NOW, "quayside", "key_1", "k"), nonce(NOW, "harbour", "key_2", "k")}) == 3
    assert nonce(NOW, "harbour", "key_1", "") != nonce(NOW, "harbour", "key_1", "")
