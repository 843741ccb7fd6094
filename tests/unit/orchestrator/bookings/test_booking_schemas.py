"""What may be asked of the diary."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from offhook.orchestrator.bookings.schemas import AppointmentChange, Moment, NewAppointment

moment: TypeAdapter[datetime] = TypeAdapter(Moment)


def test_a_moment_is_in_utc() -> None:
    assert moment.validate_python("2026-11-24T10:00:00+01:00") == datetime(2026, 11, 24, 9, tzinfo=UTC)
    assert moment.validate_python("2026-11-24T10:00:00+01:00").utcoffset() == datetime(2026, 1, 1, tzinfo=UTC).utcoffset()


@pytest.mark.parametrize(
    "text", ["2026-11-24T10:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2200-01-01T00:00:00Z", "x"]
)
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(ValidationError):
        moment.validate_python(text)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"slot": "x", "starts_at": "2026-11-24T10:00:00Z"},
        {"slot": "x", "minutes": 30},
        {"slot": "x", "staff": "sam"},
        {"slot": "x y"},
        {"starts_at": "2026-11-24T10:00:00Z", "minutes": 1_441},
        {"starts_at": "2026-11-24T10:00:00Z", "staff": "Sam Smith"},
    ],
)
def test_an_appointment_has_one_time(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        NewAppointment.model_validate({"contact_id": "con_1", **body})


def test_a_slot_says_itself_when_it_is() -> None:
    assert AppointmentChange.model_validate({"slot": "x"}).slot == "x"
    for other in ({"staff": "sam"}, {"minutes": 30}, {"starts_at": "2026-11-24T10:00:00Z"}):
        with pytest.raises(ValidationError):
            AppointmentChange.model_validate({"slot": "x", **other})
