"""ServiceM8's rows: times, filters, numbers, names; pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.adapters.crm import _servicem8_rows as rows
from offhook.adapters.model import Customer

LONDON = ZoneInfo("Europe/London")
UUID = "123e4567-0a1e-4826-8513-23eb237c736b"
ZONES = st.sampled_from([ZoneInfo(name) for name in ("Europe/London", "Australia/Sydney", "America/St_Johns", "Asia/Kathmandu", "UTC")])


@given(st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)), ZONES)  # noqa: DTZ001 - made aware below
def test_a_time_is_the_same_after_the_accounts_clock_but_in_the_hour_that_comes_twice(at: datetime, zone: ZoneInfo) -> None:
    wanted = at.replace(microsecond=0, tzinfo=UTC)
    back = rows.utc(rows.local(wanted, zone), zone)
    assert back is not None
    if wanted.astimezone(zone).fold == 0:
        assert back == wanted
    else:
        assert timedelta() < wanted - back <= timedelta(hours=1)


@pytest.mark.parametrize("text", ["0000-00-00 00:00:00", "", None, "2031-02-30 10:00:00", "2031-02-03", "soon"])
def test_what_is_no_time_is_none(text: object) -> None:
    assert rows.utc(text, LONDON) is None


@given(st.text())
def test_a_value_cannot_leave_its_quotes(value: str) -> None:
    if rows.plain(value):
        said = rows.where(("name", "eq", value))
        assert said == f"name eq '{value}'"
        assert said.count("'") == 2
    else:
        with pytest.raises(ValueError, match="filter"):
            rows.where(("name", "eq", value))


def test_a_number_is_looked_for_as_people_type_it() -> None:
    assert rows.written("+447700900123", "GB") == ("+447700900123", "07700900123", "07700 900123", "+44 7700 900123")
    assert rows.written("+61412345678", "AU") == ("+61412345678", "0412345678", "0412 345 678", "+61 412 345 678")
    assert rows.written("anonymous", "GB") == ("anonymous",)


def test_a_landline_and_a_mobile_have_their_fields() -> None:
    assert rows.phone_fields(("+442079460123", "+61412345678", "+61499999999"), "GB") == {
        "phone": "+442079460123",
        "mobile": "+61412345678",
    }


@pytest.mark.parametrize(
    ("person", "expected"),
    [
        (Customer(name="Maggie"), {}),
        (Customer(name="Maggie", email="no address"), {}),
        (Customer(name="Maggie", email="m@mill.example"), {"first": "Maggie", "email": "m@mill.example", "type": "JOB"}),
        (Customer(name="Jean de la Tour", email="j@x.y"), {"first": "Jean", "last": "de la Tour", "email": "j@x.y", "type": "JOB"}),
        (Customer(phones=("x",)), {"mobile": "x", "type": "JOB"}),
    ],
)
def test_a_contact_is_made_of_what_is_known(person: Customer, expected: dict[str, str]) -> None:
    assert rows.contact_fields(person, "GB") == expected


def test_the_primary_contact_speaks_for_a_customer() -> None:
    company = {"uuid": UUID, "name": "Tulliver & Deane", "active": 1, "address": None}
    contacts: list[rows.Row] = [
        {"first": "Tom", "last": "Tulliver", "mobile": "07700 900111", "active": 1, "is_primary_contact": "0"},
        {"first": "Maggie", "last": "Tulliver", "phone": "(020) 7946 0123", "active": "1", "is_primary_contact": "1", "email": "m@x.y"},
        {"first": "Gone", "mobile": "07700 900999", "active": 0, "is_primary_contact": "1"},
    ]
    known = rows.customer(company, contacts, LONDON, "GB")
    assert (known.name, known.company, known.email, known.address) == ("Maggie Tulliver", "Tulliver & Deane", "m@x.y", "")
    assert known.phones == ("+442079460123", "+447700900111")
    alone = rows.customer({**company, "name": " maggie  TULLIVER "}, contacts, LONDON, "GB")
    assert alone.company == ""


@pytest.mark.parametrize(
    ("text", "title", "rest"),
    [
        ("Tap drips\nSince Monday\nUpstairs", "Tap drips", "Since Monday\nUpstairs"),
        ("  Tap drips ", "Tap drips", ""),
        ("", "Job 1042", ""),
        (None, "Job 1042", ""),
    ],
)
def test_a_job_is_called_by_its_first_line(text: str | None, title: str, rest: str) -> None:
    job = rows.job({"uuid": UUID, "job_description": text, "generated_job_id": "1042", "status": "Quote"}, LONDON)
    assert (job.title, job.description, job.open) == (title, rest, True)
    assert not rows.job({"uuid": UUID, "status": "Completed"}, LONDON).open


def test_what_was_recorded_or_has_no_time_is_no_visit() -> None:
    row = {"uuid": UUID, "start_date": "2031-07-01 09:00:00", "end_date": "2031-07-01 10:00:00", "activity_was_scheduled": 1, "active": 0}
    visit = rows.appointment(row, LONDON)
    assert visit is not None
    assert (visit.start, visit.cancelled) == (datetime(2031, 7, 1, 8, tzinfo=UTC), True)
    assert rows.appointment({**row, "activity_was_scheduled": "0"}, LONDON) is None
    assert rows.appointment({**row, "end_date": "0000-00-00 00:00:00"}, LONDON) is None


@pytest.mark.parametrize(
    ("url", "secret", "expected"),
    [
        ("https://x.example/hooks/in/t/c/s3cret", "s3cret", True),
        ("https://x.example/hooks/in/t/c/s3cret/?a=b", "s3cret", True),
        ("https://x.example/hooks/in/t/c/s3cret", "s3cre", False),
        ("https://x.example/hooks/in/t/c/other?key=s3cret", "s3cret", False),
        ("https://x.example/hooks/in/t/c/ä", "s3cret", False),
        ("", "", False),
        ("https://x.example/", "", False),
    ],
)
def test_an_address_ends_with_the_secret(url: str, secret: str, expected: bool) -> None:
    assert rows.carries(url, secret) is expected


def test_a_title_is_a_line() -> None:
    assert rows.text_of("Tap\ndrips  a lot", "", "  ", "Upstairs") == "Tap drips a lot\nUpstairs"
    assert len(rows.text_of("x" * 9_000, "y" * 99_000)) == rows.TEXT
