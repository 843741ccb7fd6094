"""What a key looks like, and what it is taken for."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from offhook.orchestrator.auth.permissions import EVERYTHING, IN_TENANT
from offhook.orchestrator.keys.ops import PREFIX, mint, view
from offhook.orchestrator.keys.schemas import NewResellerKey, NewTenantKey
from offhook.orchestrator.keys.tables import ApiKeyRow

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)


def test_a_minted_key_is_random_and_says_its_id() -> None:
    (first, bearer, digest), (second, other, _) = mint(NOW), mint(NOW)
    assert first != second
    assert bearer.rpartition("_")[2] != other.rpartition("_")[2]
    assert bearer.startswith(f"{PREFIX}{first.removeprefix('key_')}_")
    assert len(digest) == 32
    assert len(bearer.removeprefix(f"{PREFIX}{first.removeprefix('key_')}_")) == 43


def _row(scopes: list[str]) -> ApiKeyRow:
    id, _, digest = mint(NOW)  # noqa: A001
    return ApiKeyRow(id=id, level="tenant", tenant_id="t", name="n", hash=digest, scopes=scopes, created_by="usr_1", created_at=NOW)


def test_permissions_that_are_no_more_are_not_shown() -> None:
    assert view(_row(["calls.read", "gone.write", "agents.read"])).permissions == ["agents.read", "calls.read"]


def test_the_view_has_no_digest() -> None:
    row = _row(["calls.read"])
    assert row.hash.hex() not in view(row).model_dump_json()
    assert set(type(view(row)).model_fields) == {
        "id", "name", "prefix", "permissions", "created_by", "created_at", "expires_at", "last_used_at"
    }  # fmt: skip


@pytest.mark.parametrize("permission", sorted(EVERYTHING))
def test_only_permissions_of_the_level_can_be_asked_for(permission: str) -> None:
    wanted = {"name": "n", "permissions": [permission]}
    if permission in IN_TENANT:
        assert NewTenantKey.model_validate(wanted).permissions == [permission]
    else:
        with pytest.raises(ValidationError):
            NewTenantKey.model_validate(wanted)
    if permission.startswith(("resellers.", "platform.")):
        with pytest.raises(ValidationError):
            NewResellerKey.model_validate(wanted)
    else:
        assert NewResellerKey.model_validate(wanted).permissions == [permission]
