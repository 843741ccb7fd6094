"""When a step is tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from offhook.errors import (
    AdapterConflict,
    AdapterNotFound,
    AdapterRateLimited,
    AdapterRejected,
    AdapterUnauthorized,
    AdapterUnavailable,
    ConfigError,
    NotFound,
    OffhookError,
    Retry,
)
from offhook.orchestrator.paperwork.schedule import DELAYS, GIVE_UP, HELD, LOOK, after, kind_of

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
DOWN = AdapterUnavailable("crm/any", "down")


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (DOWN, "later"),
        (ConfigError("no key"), "later"),
        (AdapterRateLimited("a", "slow down"), "paced"),
        (AdapterUnauthorized("a", "expired"), "held"),
        (AdapterRejected("a", "bad"), "refused"),
        (AdapterConflict("a", "taken"), "taken"),
        (AdapterNotFound("a", "gone"), "lost"),
        (NotFound("no such connection"), "off"),
    ],
)
def test_what_an_error_means(error: OffhookError, kind: str) -> None:
    assert kind_of(error) == kind


@pytest.mark.parametrize("draw", [0.0, 0.5, 1.0])
def test_a_system_that_is_down_is_asked_for_three_days_and_less_and_less(draw: float) -> None:
    now, tries, since, gaps = NOW, 0, None, []
    while True:
        then = after(DOWN, tries, since, now, draw)
        if then.at is None:
            break
        gaps.append(then.at - now)
        now, tries, since = then.at, then.tries, then.since
    assert GIVE_UP <= now - NOW <= GIVE_UP + timedelta(minutes=1)
    assert gaps[0] == DELAYS[0] * (1 + 0.2 * draw)
    assert all(a <= b for a, b in pairwise(gaps[:-1]))
    assert max(gaps) <= DELAYS[-1] * 1.2
    assert 20 <= len(gaps) <= 30


def test_a_system_says_itself_when_it_wants_to_be_asked() -> None:
    then = after(AdapterRateLimited("a", "slow", retry=Retry(30.0)), 3, None, NOW, 0.0)
    assert then.at == NOW + timedelta(seconds=30)
    assert then.tries == 3  # being asked to wait is no failure
    down = after(AdapterUnavailable("a", "down", retry=Retry(600.0)), 0, None, NOW, 0.0)
    assert down.at == NOW + timedelta(seconds=600)
    years = after(AdapterRateLimited("a", "slow", retry=Retry(1e9)), 0, None, NOW, 0.0)
    assert years.at == NOW + timedelta(hours=24)


def test_an_expired_connection_is_waited_for_longer_than_an_outage() -> None:
    error = AdapterUnauthorized("a", "expired")
    assert after(error, 2, NOW - GIVE_UP, NOW, 1.0).at == NOW + LOOK
    assert after(error, 2, NOW - HELD, NOW, 1.0).at is None
