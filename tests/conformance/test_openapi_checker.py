"""The checker of vendors' descriptions finds what is wrong, and only that."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from tests.conformance.specs import OpenApiChecker, Several

from offhook.testing.business.base import Seen

FILE = "servicem8/servicem8-openapi.json"
CHECKER = OpenApiChecker(FILE, queries=("$filter",), outside=("/webhook_subscriptions",))
API = "https://api.servicem8.com/api_1.0"
OK = b'{"errorCode":0,"message":"OK"}'
ID = "123e4567-0a1e-4826-8513-23eb237c736b"


def seen(body: object, *, path: str = "/job.json", method: str = "POST", reply: bytes = OK, status: int = 200, key: bool = True) -> Seen:
    headers = {"content-type": "application/json", **({"x-api-key": "k"} if key else {})}
    sent = b"" if body is None else json.dumps(body).encode()
    return Seen(method, API + path, headers, sent, status, {"content-type": "application/json"}, reply)


def rows(*found: object) -> bytes:
    return json.dumps(found).encode()


pytestmark = [
    pytest.mark.paperwork,
    pytest.mark.skipif(not CHECKER.there(), reason="the vendors' descriptions are not beside the repository"),
]


@pytest.mark.parametrize(
    "good",
    [
        seen({"status": "Quote", "uuid": ID, "job_description": "Zoë"}),
        seen(None, method="GET", path="/job.json?%24filter=active%20eq%20%271%27", reply=rows({"uuid": ID, "status": "Quote"})),
        seen(None, method="GET", path=f"/job/{ID}.json", status=404, reply=b'{"errorCode":404,"message":"no"}'),
        seen(
            None,
            method="GET",
            path="/search/company.json?q=a&limit=9",
            reply=b'{"results":[],"query":"a","objectType":"company","count":0}',
        ),
        replace(seen({"status": "Quote"}), status=500, reply=b"<html>", fault="500"),
    ],
)
def test_what_is_as_described_is_well(good: Seen) -> None:
    assert CHECKER.covers(good)
    assert CHECKER.check(good) == []


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (seen({"uuid": ID}), "status"),
        (seen({"status": "Lost"}), "Lost"),
        (seen({"status": "Quote", "job_titel": "x"}), "job_titel"),
        (seen({"status": "Quote", "company_uuid": "1"}), "uuid"),
        (seen({"status": "Quote", "job_address": "x" * 501}), "too long"),
        (seen({"status": "Quote", "date": 5}), "5"),
        (seen(["Quote"]), "object"),
        (seen({"status": "Quote"}, path="/jobs.json"), "jobs.json"),
        (seen({"status": "Quote"}, method="PUT"), "put"),
        (seen({"status": "Quote"}, key=False), "ecurity"),
        (seen(None, method="GET", path="/job.json?filter=1", reply=b"[]"), "filter"),
        (seen(None, method="GET", path="/search/company.json", reply=b'{"results":[],"query":"","objectType":"x","count":0}'), "q"),
        (seen(None, method="GET", path="/search/boat.json?q=a", reply=b'{"results":[],"query":"","objectType":"x","count":0}'), "boat"),
        (seen({"status": "Quote"}, reply=b'{"errorCode":"none"}'), "none"),
        (seen(None, method="GET", path="/job.json", reply=rows({"uuid": ID})), "status"),
        (seen(None, method="GET", path="/job.json", reply=rows({"uuid": ID, "status": "Quote", "colour": "red"})), "colour"),
        (seen({"status": "Quote"}, status=202), "202"),
    ],
)
def test_what_is_not_as_described_is_found(bad: Seen, why: str) -> None:
    found = CHECKER.check(bad)
    assert len(found) >= 1
    assert why in " ".join(found)


def test_what_stands_elsewhere_is_not_covered() -> None:
    other = replace(seen({}), url="https://api.servicem8.com/webhook_subscriptions")
    assert not CHECKER.covers(other)


def test_a_description_that_is_not_there_is_said_so() -> None:
    assert not OpenApiChecker("servicem8/nothing.json").there()


def test_each_of_several_files_has_its_part() -> None:
    both = Several("two", {"/api_1.0/job": CHECKER, "/webhook_subscriptions": CHECKER})
    assert both.there()
    assert both.covers(seen({}))
    assert both.check(seen({}))
    elsewhere = seen({}, path="/company.json")
    assert not both.covers(elsewhere)
    assert both.check(elsewhere) == []
    assert not Several("two", {"/a": CHECKER, "/b": OpenApiChecker("servicem8/nothing.json")}).there()
