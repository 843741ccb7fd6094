from __future__ import annotations

from datetime import UTC, datetime

import pytest

from offhook.adapters.crm._xero_forms import customer, cut, id_of, moment
from offhook.errors import AdapterNotFound


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("/Date(1551459777193+0000)/", datetime(2019, 3, 1, 17, 2, 57, 193_000, UTC)),
        ("/Date(1551459777193+1300)/", datetime(2019, 3, 1, 17, 2, 57, 193_000, UTC)),  # the offset is told, not added
        ("/Date(1551459777193)/", datetime(2019, 3, 1, 17, 2, 57, 193_000, UTC)),
        ("/Date(-1000)/", datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("2019-03-01", None),
        ("", None),
        (None, None),
    ],
)
def test_dates_are_milliseconds_in_utc(text: str | None, read: datetime | None) -> None:
    assert moment(text) == read


def test_numbers_in_parts_are_read_whole_and_faxes_left_out() -> None:
    phones = [
        {"PhoneType": "DEFAULT", "PhoneNumber": "9999 1234", "PhoneAreaCode": "02", "PhoneCountryCode": "61"},
        {"PhoneType": "DDI", "PhoneNumber": "9999 1234", "PhoneAreaCode": "02", "PhoneCountryCode": ""},
        {"PhoneType": "MOBILE", "PhoneNumber": "+64 21 123 4567", "PhoneAreaCode": "0", "PhoneCountryCode": "61"},
        {"PhoneType": "FAX", "PhoneNumber": "9999 1235", "PhoneAreaCode": "02", "PhoneCountryCode": "61"},
        {"PhoneType": "OFFICE", "PhoneNumber": "", "PhoneAreaCode": "02", "PhoneCountryCode": "61"},
    ]
    read = customer({"ContactID": "1", "Name": "Ann", "Phones": phones}, "AU")
    assert read.phones == ("+61299991234", "+64211234567")


def test_what_can_be_no_id_is_not_found() -> None:
    assert id_of("8138A266-FB42-49B2-A104-014B7045753D", "crm/xero") == "8138a266-fb42-49b2-a104-014b7045753d"
    for text in ("", "1/History", "8138a266"):
        with pytest.raises(AdapterNotFound):
            id_of(text, "crm/xero")


def test_texts_are_cut_where_they_are_too_long() -> None:
    assert (cut("abcd", 4), cut("abcde", 4)) == ("abcd", "abc…")
