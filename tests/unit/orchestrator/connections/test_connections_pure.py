"""Forms, mappings and states of connections: what needs no database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from offhook.adapters.http import Pace
from offhook.adapters.port import Field, KeyAuth, Manifest, NoAuth, OAuth
from offhook.errors import Invalid
from offhook.orchestrator.connections import forms, states
from offhook.orchestrator.connections.mapping import filled

NOW = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
STATE = states.State("harbour", "direct", "usr_1", "crm/x", "nonce", "portal.example", "/t/harbour/connections")
OAUTH = OAuth("https://x.example/a", "https://x.example/t", ("all",))


def manifest(*auth: Any, fields: tuple[Field, ...] = ()) -> Manifest:
    return Manifest("crm", "x", "X", "https://x.example", auth, frozenset(), (Pace(1, 1.0),), "id", fields=fields)


def test_a_form_that_takes_a_key_has_a_field_for_it() -> None:
    assert [one.name for one in forms.fields_of(manifest(KeyAuth()))] == ["key"]
    described = manifest(KeyAuth(), fields=(Field("key", "Token", secret=True),))
    assert [one.title for one in forms.fields_of(described)] == ["Token"]
    assert forms.fields_of(manifest(OAUTH)) == ()
    both = manifest(OAUTH, KeyAuth(), fields=(Field("branch", "Branch"),))
    assert [one.name for one in forms.asked(both, "key")] == ["key", "branch"]
    assert [one.name for one in forms.asked(both, "oauth")] == ["branch"]


def test_a_form_is_checked_field_by_field() -> None:
    form = manifest(KeyAuth(), fields=(Field("branch", "Branch", pattern="[a-z]+", required=False),))
    assert forms.checked(form, "key", {"key": " abc\n", "branch": ""}) == {"key": "abc"}
    with pytest.raises(Invalid) as caught:
        forms.checked(form, "key", {"branch": "north\n1", "other": "x"})
    assert [one.path for one in caught.value.faults] == ["fields.other", "fields.key", "fields.branch"]
    with pytest.raises(Invalid):
        forms.checked(form, "key", {"key": "x" * 2_001})
    plain, hidden = forms.parted(form, {"key": "abc", "branch": "north"})
    assert (plain, hidden) == ({"branch": "north"}, {"key": "abc"})
    assert [forms.way_of(one) for one in (KeyAuth(), OAUTH, NoAuth())] == ["key", "oauth", "none"]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("intent", "new_job"),
        ("contact.name", "Dana"),
        ("facts.dog", "no"),
        ("facts.floors", "2"),
        ("facts.rooms", "hall, kitchen"),
        ("facts.none", None),
        ("facts", None),
        ("facts.rooms.0", None),
        ("nothing.at.all", None),
        ("facts.blank", None),
    ],
)
def test_a_field_is_filled_from_a_place_in_the_result(path: str, text: str | None) -> None:
    facts = {"dog": False, "floors": 2, "rooms": ["hall", "", None, "kitchen"], "none": None, "blank": "  "}
    result = {"intent": "new_job", "contact": {"name": "Dana"}, "facts": facts}
    assert filled({"x": path}, result) == ({"x": text} if text is not None else {})


def test_a_state_is_good_for_ten_minutes_and_under_an_old_secret_too() -> None:
    token = states.sign(["whsec_new", "whsec_old"], STATE, NOW)
    assert states.read(["whsec_new"], token, NOW) == STATE
    assert states.read(["whsec_newer", "whsec_new"], token, NOW + timedelta(minutes=9, seconds=59)) == STATE
    assert states.read(["whsec_new"], token, NOW + timedelta(minutes=10)) is None
    assert states.read(["whsec_old"], token, NOW) is None


def test_what_is_kept_of_nonce_session_and_handoff_differs() -> None:
    kept = {states.nonce_id("x"), states.session_hash("x").hex(), states.handoff_hash("x").hex()}
    assert len(kept) == 2  # a nonce is no handoff: each is 256 random bits of its own
    assert states.session_hash("x").hex() not in {states.nonce_id("x"), states.handoff_hash("x").hex()}
