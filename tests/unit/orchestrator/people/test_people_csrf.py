"""Where a request says it comes from."""

from __future__ import annotations

import pytest

from offhook.orchestrator.people.csrf import foreign, same_origin

HOST = "voice.example.com"


@pytest.mark.parametrize(
    ("headers", "ours", "elsewhere"),
    [
        ({}, False, False),
        ({"sec-fetch-site": "same-origin"}, True, False),
        ({"sec-fetch-site": "same-site"}, False, True),
        ({"sec-fetch-site": "cross-site"}, False, True),
        ({"sec-fetch-site": "none"}, False, True),
        ({"sec-fetch-site": "cross-site", "origin": f"https://{HOST}"}, False, True),
        ({"origin": f"https://{HOST}"}, True, False),
        ({"origin": f"http://{HOST.upper()}"}, True, False),
        ({"origin": f"https://{HOST}:444"}, False, True),
        ({"origin": f"https://{HOST}.evil.example"}, False, True),
        ({"origin": f"https://evil.example/{HOST}"}, False, True),
        ({"origin": f"file://{HOST}"}, False, True),
        ({"origin": "null"}, False, True),
        ({"origin": ""}, False, True),
    ],
)
def test_origin(headers: dict[str, str], ours: bool, elsewhere: bool) -> None:
    assert same_origin(headers, HOST) is ours
    assert foreign(headers, HOST) is elsewhere


def test_without_a_host_nothing_is_ours() -> None:
    assert not same_origin({"origin": "https://"}, "")
