"""How an agency shows itself: its brand's form, its pictures, its team and its log."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import AsyncIterator

import httpx
import pytest
from tests.e2e.business import House
from tests.e2e.calls import NOW
from tests.e2e.people import OWNER, Browser, Street, open_street
from tests.e2e.portal_http import PAGE, get, post

from offhook.errors import Invalid
from offhook.orchestrator.resellers.logo import LARGEST, clean

MINA = "mina@trellis.example"
BRAND = "/r/direct/brand"
FIELDS = {
    "name": "Trellis Voice", "product_name": "Trellis", "colour": "#3B5BFD", "hosts": "portal.trellis.example\nvoice.trellis.example",
    "sender_name": "Trellis", "sender_address": "post@trellis.example", "support_address": "", "support_url": "https://trellis.example/help",
}  # fmt: skip
LOGO = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 20"><rect width="40" height="20" fill="#3b5bfd"/></svg>'


def png(width: int = 4, height: int = 4, packed: bytes | None = None, extra: bytes = b"") -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    rows = zlib.compress((b"\0" + b"\0" * 4 * width) * height) if packed is None else packed
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"tEXt", b"Comment\0secret") + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.fixture
async def street(house: House) -> AsyncIterator[Street]:
    house.now[0] = NOW
    async with open_street(house) as opened:
        yield opened


@pytest.fixture
async def mina(street: Street) -> Browser:
    return await street.member(MINA, "reseller_admin", at="/v1/resellers/direct", name="Mina")


async def upload(browser: Browser, data: bytes, kind: str = "light", do: str = "put", **headers: str) -> httpx.Response:
    token = re.search(r'name="_token" value="([0-9a-f]{64})"', (await get(browser, BRAND)).text)
    assert token
    sent = {**PAGE, "sec-fetch-site": "same-origin", **headers}
    fields = {"_token": token.group(1), "kind": kind, "do": do}
    return await browser.http.post(f"{BRAND}/picture", data=fields, files={kind: ("logo.svg", data)}, headers=sent)


# -- the form -----------------------------------------------------------------------------------------------------------------------


async def test_a_brand_is_saved_and_shown_where_its_addresses_lead(street: Street, mina: Browser) -> None:
    revision = re.search(r'name="revision" value="(\d+)"', (await get(mina, BRAND)).text)
    assert revision
    saved = await post(mina, BRAND, {**FIELDS, "revision": revision.group(1)}, at=BRAND)
    assert saved.status_code == 303, saved.text
    page = await get(mina, BRAND)
    assert 'value="#3b5bfd"' in page.text
    assert "portal.trellis.example\nvoice.trellis.example" in page.text
    assert (await street.actions("reseller_id = 'direct'"))[-1] == "reseller.changed"
    visitor = await street.browser("voice.trellis.example")
    assert "<b>Trellis</b>" in (await get(visitor, "/sign-in")).text
    assert "#3b5bfd" in (await visitor.http.get("/brand.css")).text
    stale = await post(mina, BRAND, {**FIELDS, "name": "Other", "revision": revision.group(1)}, at=BRAND)
    assert stale.status_code == 412
    assert "Somebody else has saved" in stale.text
    assert 'value="Other"' in stale.text
    assert [row.name for row in await street.house.look("select name from reseller where id = 'direct'")] == ["Trellis Voice"]


async def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(mina: Browser) -> None:
    answer = await post(
        mina, BRAND, {**FIELDS, "colour": "teal", "support_url": "javascript:alert(1)", "hosts": "a_b", "revision": "1"}, at=BRAND
    )
    assert answer.status_code == 422
    for name in ("colour", "support_url", "hosts"):
        assert f'id="e-{name}"' in answer.text, name
    assert 'value="teal"' in answer.text
    assert "This is no colour" in answer.text


async def test_a_colour_is_shown_before_it_is_saved(mina: Browser) -> None:
    answer = await post(mina, BRAND, {**FIELDS, "colour": "#f5b700", "do": "preview"}, at=BRAND)
    assert answer.status_code == 200
    assert 'fill="#f5b700"' in answer.text
    part = await get(mina, f"{BRAND}/_preview?colour=%23f5b700", hx_request="true", hx_request_type="partial")
    assert part.text.lstrip().startswith("<section")
    assert part.text.count("<svg viewBox") == 2
    assert "<nav" not in part.text
    evil = await get(mina, f"{BRAND}/_preview?colour=%22%3E%3Cscript%3E", hx_request="true", hx_request_type="partial")
    assert "<script>" not in evil.text


# -- pictures -----------------------------------------------------------------------------------------------------------------------


async def test_a_logo_is_shown_to_everybody_of_that_brand(street: Street, mina: Browser) -> None:
    await post(mina, BRAND, {**FIELDS, "revision": "1"}, at=BRAND)
    assert (await upload(mina, LOGO)).status_code == 303
    assert (await upload(mina, png(), "icon")).status_code == 303
    assert (await street.actions("reseller_id = 'direct'"))[-2:] == ["reseller.picture_changed"] * 2
    visitor = await street.browser("portal.trellis.example")
    page = await get(visitor, "/sign-in")
    href = re.search(r'class="onlight" src="([^"]+)"', page.text)
    assert href
    shown = await visitor.http.get(href.group(1))
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/svg+xml")
    assert shown.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert "immutable" in shown.headers["cache-control"]
    assert (await visitor.http.get("/icon.svg")).headers["content-type"] == "image/png"
    elsewhere = await street.browser()
    assert (await elsewhere.http.get("/brand/light")).status_code == 404
    assert 'class="logo"' not in (await get(elsewhere, "/sign-in")).text
    assert (await get(mina, f"{BRAND}/picture/light")).content == shown.content
    assert (await upload(mina, b"", do="remove")).status_code == 303
    assert (await visitor.http.get("/brand/light")).status_code == 404


async def test_uploads_from_elsewhere_of_others_or_too_large_are_refused(street: Street, mina: Browser) -> None:
    assert (await upload(mina, LOGO, **{"sec-fetch-site": "cross-site"})).status_code == 404  # as for every page
    no_token = await mina.http.post(
        f"{BRAND}/picture", data={"kind": "light"}, files={"light": ("a", LOGO)}, headers=PAGE | {"sec-fetch-site": "same-origin"}
    )
    assert no_token.status_code == 403
    assert (await upload(mina, b"x" * 300_000)).status_code == 422
    large = await upload(mina, LOGO + b" " * LARGEST)
    assert large.status_code == 422
    assert "use one of 64 kB or less" in large.text
    assert (await upload(mina, b"GIF89a")).status_code == 422
    ann = await street.member(OWNER, "tenant_owner")
    for path in (BRAND, f"{BRAND}/_preview", f"{BRAND}/picture/light"):
        assert (await get(ann, path)).status_code == 404
    assert await street.house.look("select 1 from reseller_picture") == []


EVIL = (
    b"<script>alert(1)</script>",
    b'<rect onload="alert(1)" width="1" height="1"/>',
    b'<image href="https://evil.example/x.png"/>',
    b'<image xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="data:image/svg+xml;base64,PHN2Zz4="/>',
    b'<a href="javascript:alert(1)"><rect width="1" height="1"/></a>',
    b'<foreignObject><iframe xmlns="http://www.w3.org/1999/xhtml" src="https://evil.example"/></foreignObject>',
    b"<style>@import url(https://evil.example/x.css);</style>",
    b'<rect width="1" height="1" style="fill:url(https://evil.example/#a)"/>',
    b'<rect width="1" height="1" fill="u\\72l(https://evil.example)"/>',
    b'<rect width="1" height="1" fill="image-set(\'https://evil.example/a\' 1x)"/>',
    b'<use href="https://evil.example/a.svg#x"/>',
    b'<animate attributeName="href" to="javascript:alert(1)"/><set attributeName="onload" to="alert(1)"/>',
    b'<linearGradient id="a" href="https://evil.example/#g"/>',
    b'<g filter="url(https://evil.example/#f)"/>',
    b'<?xml-stylesheet href="https://evil.example/x.css"?>',
    b'<h:script xmlns:h="http://www.w3.org/1999/xhtml">alert(1)</h:script>',
    b"<text><tspan>ok</tspan><script>alert(1)</script></text>",
    b"<title>&lt;script&gt;alert(1)&lt;/script&gt;</title>",
)


@pytest.mark.parametrize("part", EVIL)
def test_nothing_in_an_svg_runs_or_loads(part: bytes) -> None:
    found = clean(b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">' + part + b'<path d="M0 0h9"/></svg>').body.decode()
    for word in ("evil", "<script", "javascript", "onload", "<style", "<image", "<a ", "iframe", "<use", "<animate", "<set", "data:"):
        assert word not in found.lower(), found
    assert found.endswith('<path d="M0 0h9"></path></svg>')
    assert clean(found.encode()).body.decode() == found


def test_what_is_drawn_stays() -> None:
    drawn = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><defs><linearGradient id="g"><stop offset="0" stop-color="#fff"/>'
        '</linearGradient></defs><g transform="translate(1 2) rotate(4)" style="fill:url(#g); stroke:rgb(1,2,3)"><circle r="2"/></g></svg>'
    )
    found = clean(drawn.encode()).body.decode()
    for part in ('fill="url(#g)"', 'stroke="rgb(1,2,3)"', 'transform="translate(1 2) rotate(4)"', '<stop offset="0" stop-color="#fff">'):
        assert part in found


@pytest.mark.parametrize(
    "data",
    [
        b'<!DOCTYPE svg [<!ENTITY a "aaaa">]><svg xmlns="http://www.w3.org/2000/svg">&a;</svg>',
        b"<svg>", b"<svg/>", b'<html><svg xmlns="http://www.w3.org/2000/svg"/></html>',
        b'<svg xmlns="http://www.w3.org/2000/svg">' + b"<g>" * 40 + b"</g>" * 40 + b"</svg>",
        b'<svg xmlns="http://www.w3.org/2000/svg">' + b"<g/>" * 2_001 + b"</svg>",
        b"\x89PNG\r\n\x1a\n", png()[:-20], png(3_000, 1), png(2_000, 2_000), png(4, 4, zlib.compress(b"\0" * 10_000_000)),
        png(4, 4, b"not deflate"), png().replace(b"IDAT", b"IDAX"), b"", b"\xff\xd8\xff",
    ],
)  # fmt: skip
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid):
        clean(data)


def test_a_png_keeps_its_picture_and_nothing_else() -> None:
    found = clean(png())
    assert found.media_type == "image/png"
    assert b"secret" not in found.body
    assert b"IDAT" in found.body
    assert clean(found.body).body == found.body


# -- team and log -------------------------------------------------------------------------------------------------------------------


async def test_a_team_is_invited_changed_and_removed(street: Street, mina: Browser) -> None:
    team = "/r/direct/team"
    bad = await post(mina, team, {"email": "nobody", "role": "reseller_support"}, at=team)
    assert (bad.status_code, 'id="e-email"' in bad.text) == (422, True)
    above = await post(mina, team, {"email": "x@y.example", "role": "platform_admin"}, at=team)
    assert above.status_code == 422
    sam = await street.member("sam@trellis.example", "reseller_support", at="/v1/resellers/direct", name="<i>Sam</i>")
    page = await get(mina, team)
    assert "&lt;i&gt;Sam" in page.text
    assert "Remove" not in (await get(sam, team)).text
    assert (await post(mina, team, {"email": "kim@trellis.example", "role": "reseller_support"}, at=team)).status_code == 303
    page = await get(mina, team)
    taken = re.search(rf'action="({team}/invitations/[^"]+)"', page.text)
    assert taken
    assert (await post(mina, taken.group(1), {}, at=team)).status_code == 303
    rows = await street.house.look("select role, id from membership where level = 'reseller'")
    members = {row.role: row.id for row in rows}
    own = await post(mina, f"{team}/{members['reseller_admin']}", {"do": "remove"}, at=team)  # the last one who may do everything
    assert own.status_code == 409
    assert 'role="alert"' in own.text
    assert (await post(mina, f"{team}/{members['reseller_support']}", {"role": "reseller_admin"}, at=team)).status_code == 303
    assert (await post(mina, f"{team}/{members['reseller_support']}", {"do": "remove"}, at=team)).status_code == 303
    assert (await get(sam, team)).status_code == 404
    log = await get(mina, "/r/direct/audit")
    for word in ("member.invited", "invitation.revoked", "member.role_changed", "member.removed"):
        assert word in log.text


# -- vendors and the platform -------------------------------------------------------------------------------------------------------


async def test_accounts_are_lent_and_their_keys_never_shown(street: Street, mina: Browser) -> None:
    at, secret = "/r/direct/settings", "sk-" + "0123456789" * 3
    wrong = await post(mina, f"{at}/vendors", {"vendor": "deepgram", "api_key": "short-key"}, at=at)
    assert wrong.status_code == 422
    assert "short-key" not in wrong.text
    assert 'id="e-api_key"' in wrong.text
    assert (await post(mina, f"{at}/vendors", {"vendor": "nobody", "api_key": secret}, at=at)).status_code == 422
    assert (await post(mina, f"{at}/vendors", {"vendor": "deepgram", "api_key": secret}, at=at)).status_code == 303
    page = await get(mina, at)
    assert "Deepgram" in page.text
    assert secret not in page.text
    assert (await post(mina, f"{at}/vendors", {"vendor": "deepgram", "api_key": secret}, at=at)).status_code == 409
    assert (await post(mina, f"{at}/vendors/deepgram", {"key": secret + "1"}, at=at)).status_code == 303
    assert (await post(mina, f"{at}/vendors/deepgram", {"do": "remove", "revision": "1"}, at=at)).status_code == 412
    assert (await post(mina, f"{at}/vendors/deepgram", {"do": "remove", "revision": "2"}, at=at)).status_code == 303
    log = await street.actions("reseller_id = 'direct' and action like 'vendor%'")
    assert log == ["vendor_account.created", "vendor_account.rotated", "vendor_account.deleted"]
    sam = await street.member("sam@trellis.example", "reseller_support", at="/v1/resellers/direct", name="Sam")
    assert "Lend an account" not in (await get(sam, at)).text


async def test_the_platform_makes_resellers_and_sees_its_jobs(street: Street, mina: Browser) -> None:
    root = await street.admin()
    assert (await post(root, "/ops/resellers", {"name": " "}, at="/ops")).status_code == 422
    made = await post(root, "/ops/resellers", {"name": "<b>Fresh</b>"}, at="/ops")
    assert re.fullmatch(r"/r/res_\w+/team", made.headers["location"])
    assert (await get(root, made.headers["location"])).status_code == 200
    assert "&lt;b&gt;Fresh" in (await get(root, "/ops")).text
    reseller = made.headers["location"].split("/")[2]
    assert (await post(root, f"/ops/resellers/{reseller}", {"do": "suspend"}, at="/ops")).status_code == 303
    assert (await post(root, f"/ops/resellers/{reseller}", {"do": "resume"}, at="/ops")).status_code == 303
    refused = await post(root, "/ops/resellers/direct", {"do": "suspend"}, at="/ops")
    assert (refused.status_code, "platform itself" in refused.text) == (409, True)
    page = await get(root, "/ops/jobs")
    assert "Jobs" in page.text
    assert (await post(root, "/ops/members", {"email": "ops@platform.example"}, at="/ops/members")).status_code == 303
    log = (await get(root, "/ops/audit")).text
    for word in ("reseller.created", "reseller.suspended", "reseller.resumed", "member.invited"):
        assert word in log
    for href in re.findall(r'<a href="([^"]+)" data-go', page.text):
        assert (await get(root, href)).status_code == 200, href
    for path in ("/ops", "/ops/jobs", "/ops/members", "/ops/audit"):
        assert (await get(mina, path)).status_code == 404
