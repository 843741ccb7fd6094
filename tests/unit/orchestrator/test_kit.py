"""Paging, preconditions, rate limits, ids and permissions: their edges."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, strategies
from pydantic import SecretStr
from starlette.requests import Request

from offhook.errors import Invalid, PreconditionFailed, PreconditionRequired, TooManyRequests
from offhook.orchestrator.auth.permissions import EVERYTHING, IN_TENANT, LEVELS, ROLES, Grant, Principal, operator
from offhook.orchestrator.ids import ALPHABET, new_id
from offhook.orchestrator.kit.etag import etag, match
from offhook.orchestrator.kit.limits import Limiter
from offhook.orchestrator.kit.paging import cursor_of, page, position_of

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
SERVICES = cast("Any", SimpleNamespace(settings=SimpleNamespace(secret=SecretStr("whsec_c2VjcmV0"))))
OTHERS = cast("Any", SimpleNamespace(settings=SimpleNamespace(secret=SecretStr("whsec_b3RoZXI="))))


def request(**headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": raw, "method": "PUT", "path": "/"})


# -- ids --------------------------------------------------------------------------------------------------------------------


@given(strategies.datetimes(datetime(1970, 1, 2), datetime(2300, 1, 1)), strategies.integers(1, 10**9))  # noqa: DTZ001 - given a zone below
def test_ids_sort_by_time_and_differ(at: datetime, later_ms: int) -> None:
    first, second = new_id("agt", at.replace(tzinfo=UTC)), new_id("agt", at.replace(tzinfo=UTC) + timedelta(milliseconds=later_ms + 1))
    assert first < second
    assert first.startswith("agt_")
    assert len(first) == 30
    assert set(first[4:]) <= set(ALPHABET)
    assert new_id("agt", NOW) != new_id("agt", NOW)


# -- paging -----------------------------------------------------------------------------------------------------------------


@given(
    strategies.tuples(strategies.text(), strategies.integers()),
    strategies.dictionaries(strategies.text(max_size=5), strategies.text(max_size=5)),
)
def test_a_cursor_comes_back_as_it_was(position: tuple[str, int], filters: dict[str, str]) -> None:
    cursor = cursor_of(SERVICES, filters, position)
    assert position_of(SERVICES, filters, cursor) == position
    assert position_of(SERVICES, filters, None) is None


@pytest.mark.parametrize("bad", ["", "x", "ÄÖ", "A" * 900, "!!!!", "Li4u"])
def test_a_cursor_of_somebody_else_is_refused(bad: str) -> None:
    with pytest.raises(Invalid):
        position_of(SERVICES, {"tenant": "a"}, bad)


def test_a_cursor_is_good_for_its_own_list_only() -> None:
    cursor = cursor_of(SERVICES, {"tenant": "a", "state": "live"}, ("x", 1))
    for filters, services in (
        ({"tenant": "b", "state": "live"}, SERVICES),
        ({"tenant": "a"}, SERVICES),
        ({"tenant": "a", "state": "live"}, OTHERS),
    ):
        with pytest.raises(Invalid):
            position_of(services, filters, cursor)
    with pytest.raises(Invalid):
        position_of(SERVICES, {"tenant": "a", "state": "live"}, cursor[:-2] + ("AA" if cursor[-2:] != "AA" else "BB"))


def test_a_page_knows_whether_there_is_more() -> None:
    whole = page([1, 2], 2, SERVICES, {}, lambda row: (row,))
    assert (whole.data, whole.next_cursor) == ([1, 2], None)
    part = page([1, 2, 3], 2, SERVICES, {}, lambda row: (row,))
    assert part.data == [1, 2]
    assert position_of(SERVICES, {}, part.next_cursor) == (2,)


# -- preconditions ------------------------------------------------------------------------------------------------------------


def test_a_change_names_its_revision() -> None:
    match(request(if_match=etag(3)), 3)
    match(request(if_match='"r2", "r3"'), 3)
    match(request(if_match="*"), 3)
    with pytest.raises(PreconditionRequired):
        match(request(), 3)
    for wrong in ('"r2"', "r3", 'W/"r3"', ""):
        with pytest.raises(PreconditionFailed):
            match(request(if_match=wrong), 3)


# -- rate limits --------------------------------------------------------------------------------------------------------------


def test_a_burst_then_the_rate() -> None:
    now = [NOW]
    limiter = Limiter(lambda: now[0], rate=60, per_s=60.0, burst=5)
    assert [limiter.take("a") for _ in range(5)] == [0.0] * 5
    assert limiter.take("a") == pytest.approx(1.0)
    assert limiter.take("b") == 0.0
    now[0] += timedelta(seconds=2)
    assert [limiter.take("a") == 0.0 for _ in range(3)] == [True, True, False]
    with pytest.raises(TooManyRequests) as refused:
        limiter.check("a")
    assert refused.value.retry.after == pytest.approx(1.0)
    limiter.forget("a")
    assert limiter.left("a") == 5


@given(strategies.lists(strategies.floats(0, 30), max_size=60))
def test_never_more_than_burst_and_rate_allow(pauses: list[float]) -> None:
    now, taken = [NOW], 0
    limiter = Limiter(lambda: now[0], rate=2, per_s=1.0, burst=3)
    for pause in pauses:
        now[0] += timedelta(seconds=pause)
        taken += limiter.take("k") == 0.0
    assert taken <= 3 + 2 * (now[0] - NOW).total_seconds() + 1e-6


# -- permissions --------------------------------------------------------------------------------------------------------------


def one(role: str, tenant: str | None = None, reseller: str | None = None) -> Principal:
    return Principal("person", "usr_1", "Ann", (Grant(ROLES[cast("Any", role)], tenant, reseller),))


def test_a_grant_reaches_its_own_place_and_below() -> None:
    assert one("tenant_owner", tenant="a").in_tenant("a", "r") == IN_TENANT
    assert not one("tenant_owner", tenant="a").in_tenant("b", "r")
    assert not one("tenant_owner", tenant="a").in_reseller("r")
    assert one("reseller_admin", reseller="r").in_tenant("a", "r") == IN_TENANT
    assert not one("reseller_admin", reseller="r").in_tenant("a", "s")
    assert "tenants.create" in one("reseller_admin", reseller="r").in_reseller("r")
    assert not one("reseller_admin", reseller="r").on_platform()
    assert one("platform_admin").in_tenant("a", "r") == IN_TENANT
    assert operator().on_platform() == EVERYTHING


def test_a_tenants_grant_of_platform_permissions_reaches_nothing_but_the_tenant() -> None:
    greedy = Principal("key", "key_1", "k", (Grant(EVERYTHING, tenant="a"),))
    assert greedy.in_tenant("a", "r") == IN_TENANT
    assert not greedy.in_tenant("b", "r")
    assert not greedy.in_reseller("r")
    assert not greedy.on_platform()


def test_roles_are_ordered_within_their_level() -> None:
    assert ROLES["viewer"] < ROLES["agent_editor"] < ROLES["tenant_admin"] < ROLES["tenant_owner"]
    assert ROLES["reseller_support"] < ROLES["reseller_admin"] < ROLES["platform_admin"]
    assert not any(name.endswith((".write", ".delete", ".control", ".publish", ".create")) for name in ROLES["reseller_support"])
    assert set(LEVELS) == set(ROLES)
