"""What a brand may say: it ends in mails, pages and certificates of hosts."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from offhook.orchestrator.resellers.schemas import Brand

GOOD: dict[str, Any] = {
    "product_name": "North Desk",
    "hosts": ["desk.north.example", "xn--bcher-kva.example"],
    "sender_name": "North Desk",
    "sender_address": "desk@north.example",
    "support_address": "help+uk@north.example",
    "support_url": "https://north.example/help?x=1",
    "logo_url": "https://north.example/logo.svg",
    "colour": "#0a7cff",
}


def test_a_whole_brand() -> None:
    assert Brand.model_validate(GOOD).model_dump(mode="json") == GOOD


def test_nothing_is_a_brand_too() -> None:
    assert Brand().hosts == ()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("product_name", "a\r\nBcc: x@y.z"),
        ("product_name", "x" * 101),
        ("hosts", ["UPPER.example"]),
        ("hosts", ["no-dot"]),
        ("hosts", ["-a.example"]),
        ("hosts", ["a.example:80"]),
        ("hosts", ["a.example/"]),
        ("hosts", [f"h{at}.example" for at in range(21)]),
        ("sender_name", "A <x@y.z>"),
        ("sender_address", "a@b\nBcc:c@d"),
        ("sender_address", "plain"),
        ("support_url", "http://north.example"),
        ("support_url", "javascript:alert(1)"),
        ("logo_url", 'https://x/"onload="'),
        ("colour", "#0A7CFF"),
        ("colour", "red;}"),
        ("theme", "dark"),
    ],
)
def test_what_it_must_not_say(field: str, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        Brand.model_validate(GOOD | {field: value})
    assert caught.value.errors()[0]["loc"][0] == field
