from __future__ import annotations

import pytest

from offhook.adapters.phones import e164, national, written


@pytest.mark.parametrize(
    ("text", "region", "read"),
    [
        ("+44 20 7946 0018", "AU", "+442079460018"),
        ("(02) 9999 1234", "AU", "+61299991234"),
        ("0412 345 678", "AU", "+61412345678"),
        ("ask for Bob ", "GB", "ask for Bob"),
        ("12", "GB", "12"),
        ("", "GB", ""),
    ],
)
def test_numbers_are_read_by_region_and_kept_as_written_where_they_cannot_be(text: str, region: str, read: str) -> None:
    assert e164(text, region) == read


def test_the_digits_within_a_country_are_told() -> None:
    assert [national(one) for one in ("+447700900123", "+61299991234", "07700 900", "")] == ["7700900123", "299991234", "07700900", ""]


@pytest.mark.parametrize(
    ("number", "forms"),
    [
        ("+447700900123", ("+447700900123", "07700 900123", "07700900123", "+44 7700 900123")),
        ("+6421123456", ("+6421123456", "021 123 456", "021123456", "+64 21 123 456")),
        ("+12025550123", ("+12025550123", "(202) 555-0123", "2025550123", "+1 202-555-0123")),
        ("anonymous", ("anonymous",)),
    ],
)
def test_a_number_is_written_as_people_of_its_country_do(number: str, forms: tuple[str, ...]) -> None:
    assert written(number) == forms
