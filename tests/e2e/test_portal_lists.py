"""The list of calls: what it is narrowed by, lists that a person keeps, and the list as a file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from tests.e2e.business import DID, House
from tests.e2e.calls import CALLS, NOW, Rang, ring
from tests.e2e.people import OWNER, Browser, Street, open_street
from tests.e2e.portal_http import CALLS_PAGE, PAGE, bare, get, post

from offhook.orchestrator.calls import exporting, views

SAVE, DELETE = "/t/harbour/call-views", "/t/harbour/call-views/delete"


@pytest.fixture
async def street(house: House) -> AsyncIterator[Street]:
    house.now[0] = NOW
    async with open_street(house) as found:
        yield found


def names(page: httpx.Response) -> list[str]:
    return re.findall(r'class="who"><b><a class="all" href="[^"]*">([^<]*)</a></b>', page.text)


def kept(page: httpx.Response) -> list[tuple[str, str]]:
    found = re.search(r'<div class="kept">(.*?)<details', page.text, re.DOTALL)
    return re.findall(r'<a href="([^"]*)">([^<]*)</a>', found.group(1).replace("&amp;", "&")) if found else []


async def table(browser: Browser, query: str = "") -> list[dict[str, str]]:
    answer = await get(browser, f"/t/harbour/calls.csv{query}")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


# -- narrowing --------------------------------------------------------------------------------------------------------------------


async def test_it_is_narrowed_to_slow_replies_to_a_length_and_to_a_number(street: Street) -> None:
    await ring(street.house)
    ann = await street.member(OWNER, "tenant_owner")
    slow = await get(ann, f"{CALLS_PAGE}?slow=true")
    assert names(slow) == ["Tom Brightwell", "07700 900159", "Dana Whitlock"]
    assert re.findall(r'<a class="b on" href="([^"]+)" aria-current="true">', slow.text) == [CALLS_PAGE]
    for length, seconds in {"moment": (0, 30), "short": (30, 120), "middle": (120, 300), "long": (300, 10_000)}.items():
        found = names(await get(ann, f"{CALLS_PAGE}?length={length}"))
        assert len(found) == sum(seconds[0] <= one.seconds < seconds[1] for one in CALLS), length
    assert len(names(await get(ann, f"{CALLS_PAGE}?number=%2B{DID[1:]}"))) == len(CALLS)
    assert names(await get(ann, f"{CALLS_PAGE}?number=%2B44123")) == []
    both = await get(ann, f"{CALLS_PAGE}?slow=true&outcome=booked")
    assert names(both) == ["Dana Whitlock"]
    assert "outcome=booked&amp;slow=true&amp;length=moment" in both.text  # one filter leaves the others
    day = re.search(r'<form class="oneday".*?</form>', both.text, re.DOTALL)
    assert day
    assert re.findall(r'name="(\w+)" value="([^"]*)"', day.group()) == [("outcome", "booked"), ("slow", "true"), ("on", "")]
    assert (await get(ann, f"{CALLS_PAGE}?length=endless")).status_code == 422


async def test_programs_narrow_it_the_same_way(street: Street) -> None:
    await ring(street.house)
    for query, count in (("slow=true", 3), ("longer=120", 3), ("shorter=48", 2), ("longer=48&shorter=66", 2), ("slow=false", 12)):
        answer = await street.house.get(f"/calls?{query}")
        assert len(answer.json()["data"]) == count, query
    [slowest] = (await street.house.get("/calls?slow=true&limit=1&outcome=failed")).json()["data"]
    assert slowest["slowest_ms"] == 2_140


# -- lists that are kept ------------------------------------------------------------------------------------------------------------


async def test_a_list_is_kept_under_a_name_and_let_go(street: Street) -> None:
    await ring(street.house)
    ann = await street.member(OWNER, "tenant_owner")
    assert kept(await get(ann, CALLS_PAGE)) == []
    answer = await post(
        ann, SAVE, {"name": "  Needs   <b>listening ", "slow": "true", "when": "all"}, at=f"{CALLS_PAGE}?slow=true&when=all"
    )
    assert (answer.status_code, answer.headers["location"]) == (303, f"{CALLS_PAGE}?when=all&slow=true")
    page = await get(ann, CALLS_PAGE)
    assert kept(page) == [(f"{CALLS_PAGE}?when=all&slow=true", "Needs &lt;b&gt;listening")]
    assert "Saved." in page.text
    await post(ann, SAVE, {"name": "Needs <b>listening", "slow": "true"}, at=f"{CALLS_PAGE}?slow=true")
    assert kept(await get(ann, CALLS_PAGE)) == [(f"{CALLS_PAGE}?slow=true", "Needs &lt;b&gt;listening")]
    await post(ann, DELETE, {"name": "Needs <b>listening"}, at=CALLS_PAGE)
    assert kept(await get(ann, CALLS_PAGE)) == []


async def test_a_list_is_ones_own(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    max_ = await street.member("max@harbour.example", "viewer")
    bea = await street.member("bea@quayside.example", "tenant_owner", at="/v1/tenants/quayside")
    await post(ann, SAVE, {"name": "Mine", "slow": "true"}, at=f"{CALLS_PAGE}?slow=true")
    assert kept(await get(max_, CALLS_PAGE)) == kept(await get(bea, "/t/quayside/calls")) == []
    await post(max_, DELETE, {"name": "Mine"}, at=f"{CALLS_PAGE}?slow=true")
    assert len(kept(await get(ann, CALLS_PAGE))) == 1
    theirs = await post(bea, SAVE, {"name": "x", "slow": "true"}, at="/t/quayside/calls?slow=true")
    assert theirs.status_code == 404
    assert len(await street.house.look("select * from call_view")) == 1
    bare_form = await ann.http.post(SAVE, data={"name": "x"}, headers={**PAGE, "sec-fetch-site": "same-origin"})
    assert bare_form.status_code == 403 or "stale" in bare_form.text or bare_form.status_code == 404


@pytest.mark.parametrize("fields", [{"name": ""}, {"name": "x" * 61}, {"name": "a", "length": "endless"}, {"name": "a", "on": "yesterday"}])
async def test_what_is_no_list_is_not_kept(street: Street, fields: dict[str, str]) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    assert (await post(ann, SAVE, fields, at=f"{CALLS_PAGE}?slow=true")).status_code == 422
    assert await street.house.look("select * from call_view") == []


async def test_somebody_keeps_so_many_and_a_key_none(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    for number in range(views.MOST):
        assert (await post(ann, SAVE, {"name": str(number), "slow": "true"}, at=f"{CALLS_PAGE}?slow=true")).status_code == 303
    assert (await post(ann, SAVE, {"name": "0", "slow": "true"}, at=f"{CALLS_PAGE}?slow=true")).status_code == 303
    assert (await post(ann, SAVE, {"name": "more", "slow": "true"}, at=f"{CALLS_PAGE}?slow=true")).status_code == 409
    await street.house.look("update call_view set asked = '{\"length\": \"endless\"}' where name = '3'")  # of a portal that knew it
    assert len(kept(await get(ann, CALLS_PAGE))) == views.MOST - 1


# -- as a file ------------------------------------------------------------------------------------------------------------------------


async def test_the_file_has_what_is_filtered_and_who_took_it_is_written_down(street: Street) -> None:
    await ring(street.house)
    ann = await street.member(OWNER, "tenant_owner")
    rows = await table(ann)
    assert len(rows) == len(CALLS)
    first = rows[0]
    assert (first["at"], first["outcome"], first["seconds"]) == ("2026-11-26T10:31:00+00:00", "booked", "131.0")
    assert (first["caller"], first["slowest_reply_ms"]) == ("'+447700900123", "540.0")
    assert [one["outcome"] for one in await table(ann, "?slow=true")] == ["message", "failed", "booked"]
    answer = await get(ann, "/t/harbour/calls.json?outcome=lead")
    assert (answer.headers["content-type"], answer.headers["content-disposition"][:32]) == (
        "application/json",
        'attachment; filename="calls-harb',
    )
    assert [(one["caller"], one["outcome"]) for one in answer.json()] == [("+447700900144", "lead"), ("+447700900153", "lead")]
    assert (await get(ann, "/t/harbour/calls.json?q=nosuchword")).json() == []
    noted = await street.house.look("select details from audit where action = 'calls.exported' order by seq")
    assert [one.details for one in noted][1:3] == [
        {"format": "csv", "filters": {"slow": "true"}},
        {"format": "json", "filters": {"outcome": "lead"}},
    ]


@pytest.mark.parametrize("evil", ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", 'a",=1\n=2'])
async def test_no_cell_is_a_formula(street: Street, evil: str) -> None:
    await ring(street.house, [replace(CALLS[0], outcome=evil[:40])])
    ann = await street.member(OWNER, "tenant_owner")
    [row] = await table(ann)
    assert not row["outcome"].startswith(("=", "+", "-", "@", "\t"))
    assert row["outcome"].removeprefix("'") == evil[:40]
    assert (await get(ann, "/t/harbour/calls.json")).json()[0]["outcome"] == evil[:40]


async def test_a_long_list_goes_on_from_part_to_part_and_ends(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    await ring(street.house, [Rang(minutes, "+447700900123", "", "tap", "message", 20) for minutes in range(1, 24)])
    ann = await street.member(OWNER, "tenant_owner")
    monkeypatch.setattr(exporting, "PART", 5)
    rows = await table(ann, "?when=all")
    assert (len(rows), len({one["id"] for one in rows})) == (23, 23)
    monkeypatch.setattr(exporting, "MOST", 10)
    assert len(await table(ann, "?when=all")) == 10


async def test_nobody_else_takes_the_file(street: Street) -> None:
    await ring(street.house)
    bea = await street.member("bea@quayside.example", "tenant_owner", at="/v1/tenants/quayside")
    for kind in ("csv", "json"):
        theirs = await get(bea, f"/t/harbour/calls.{kind}")
        assert (theirs.status_code, bare(theirs)) == (404, bare(await get(bea, "/no/such/page")))
        assert "Priya" not in (await get(bea, f"/t/quayside/calls.{kind}?when=all")).text
        lesser = await street.house.http.get(f"/t/harbour/calls.{kind}", headers=PAGE | await street.house.key("tenant.read"))
        assert lesser.status_code == 404
    assert await street.house.look("select * from audit where action = 'calls.exported' and tenant_id = 'harbour'") == []
