"""The pages of settings without a browser: the business, its members, one's own account, accounts with vendors, the log, and the end."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from datetime import timedelta

import pyotp
import pytest
from tests.e2e.business import House
from tests.e2e.calls import NOW
from tests.e2e.people import OWNER, PASSWORD, Street, open_street
from tests.e2e.portal_forms import errors, submit
from tests.e2e.portal_http import PAGE, bare, get
from tests.isolation.routes import asked
from tests.isolation.things import furnish

BASE = "/t/harbour/settings"
KEY, OTHER_KEY = "0123456789abcdef" * 2, "fedcba9876543210" * 2
BUSINESS = {
    "name": "Harbour <b>Plumbing</b>", "timezone": "Australia/Sydney", "region": "au", "locale": "en-AU", "fallback_number": "02 5550 1234",
    "visit_minutes": "45", "lead_minutes": "60", "horizon_days": "14", "staff": "ray, mina",
}  # fmt: skip


@pytest.fixture
async def street(house: House) -> AsyncIterator[Street]:
    house.now[0] = NOW
    async with open_street(house) as opened:
        yield opened


# -- the business -----------------------------------------------------------------------------------------------------------------


async def test_a_business_is_changed_and_only_what_differs_is_written_down(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    here = f"{BASE}/business"
    assert (await get(ann, BASE)).headers["location"] == here
    old = (await get(ann, here)).text
    assert (await submit(ann, here, here, BUSINESS)).status_code == 303
    page = await get(ann, here)
    assert "&lt;b&gt;Plumbing" in page.text
    assert "<b>Plumbing</b>" not in page.text
    for value in ("Australia/Sydney", "+61255501234", "ray, mina", "45"):
        assert value in page.text, value
    assert (await submit(ann, here, here, {**BUSINESS, "name": "Harbour"})).status_code == 303
    stale = await submit(ann, here, here, BUSINESS, page=old)
    assert (stale.status_code, "Somebody else has changed this" in stale.text) == (412, True)
    log = await street.house.look("select details from audit where action = 'tenant.changed' order by seq")
    assert sorted(log[0].details) == ["diary", "fallback_number", "locale", "name", "region", "timezone"]
    assert list(log[1].details) == ["name"]


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", "", "Type a name in one line."),
        ("timezone", "Mars/North", "Choose a time zone."),
        ("region", "Wales", "Type the two letters of a country, such as GB."),
        ("fallback_number", "12", "Not a phone number that callers can be put through to, such as +442079460000."),
        ("fallback_number", "+442079460000", "A number of your own here: the call would come back."),
        ("fallback_number", "+12025550100", "Calls to this country are not allowed: see the limits on calls."),
        ("visit_minutes", "1", "Type a whole number of minutes, from 5 to 1,440."),
        ("staff", "Ray Charles!", "Use small letters, digits, - and _ for names, up to 32 of them."),
    ],
)
async def test_what_is_wrong_with_a_business_is_said_at_its_field(street: Street, field: str, value: str, said: str) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    answer = await submit(ann, f"{BASE}/business", f"{BASE}/business", BUSINESS | {field: value})
    assert (answer.status_code, errors(answer)) == (422, {field: said})
    assert 'value="14"' in answer.text


async def test_calls_are_kept_for_as_long_as_one_says(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    here = f"{BASE}/retention"
    assert errors(await submit(ann, here, here, {"retention_days": "0"})) == {
        "retention_days": "Type a whole number of days, or leave it empty."
    }
    assert (await submit(ann, here, here, {"retention_days": "30"})).status_code == 303
    assert await street.house.look("select retention_days from tenant where id = 'harbour'") == [(30,)]
    assert (await submit(ann, here, here, {"retention_days": ""})).status_code == 303
    assert await street.house.look("select retention_days from tenant where id = 'harbour'") == [(None,)]


async def test_what_each_agent_records_is_shown_with_what_callers_hear(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    await street.house.ask("POST", "/agents", {"template": "receptionist", "name": "Night desk"})
    page = await get(ann, f"{BASE}/recording")
    assert re.search(r"Harbour Plumbing.*?Records.*?Calls are recorded.*?90 days", page.text, re.DOTALL)
    assert re.search(r"Night desk.*?Not published", page.text, re.DOTALL)


# -- members ----------------------------------------------------------------------------------------------------------------------


async def test_somebody_is_invited_comes_and_goes(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    here = f"{BASE}/members"
    page = (await get(ann, here)).text
    fields = {"email": "mina@harbour.example", "role": "viewer"}
    assert (await submit(ann, here, here, fields, page=page)).status_code == 303
    assert "Invited. A mail is on its way." in (await get(ann, here)).text
    assert (await submit(ann, here, here, fields, page=page)).status_code == 409
    token = await street.token("invitations")
    mina = await street.browser()
    await mina.done("POST", f"/v1/invitations/{token}/accept", {"name": "<u>Mina</u>", "password": PASSWORD})
    listed = await get(ann, here)
    assert "&lt;u&gt;Mina" in listed.text
    assert "<u>Mina" not in listed.text
    member = re.findall(rf'href="({here}/mbr_\w+)">&lt;u&gt;Mina', listed.text)[0]
    assert (await submit(ann, member, member, {"role": "agent_editor"})).status_code == 303
    assert "members.read" not in str((await mina.done("GET", "/v1/me"))["memberships"])
    assert (await mina.done("GET", "/v1/me"))["memberships"][0]["role"] == "agent_editor"
    assert errors(await submit(ann, member, member, {"role": "emperor"})) == {"role": "Choose a role."}
    assert (await submit(ann, member, f"{member}/remove")).headers["location"] == here
    assert (await get(mina, "/t/harbour/calls")).status_code == 404
    await submit(ann, here, here, {"email": "bob@harbour.example", "role": "viewer"})
    revoke = re.findall(rf'action="({here}/invitations/\w+/revoke)"', (await get(ann, here)).text)[0]
    assert (await submit(ann, here, revoke)).status_code == 303
    assert (await street.actions())[2:] == [
        "member.invited", "member.joined", "member.role_changed", "member.removed", "member.invited", "invitation.revoked",
    ]  # fmt: skip


async def test_nobody_gives_or_takes_a_role_above_their_own_and_one_owner_stays(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    adam = await street.member("adam@harbour.example", "tenant_admin")
    here = f"{BASE}/members"
    page = await get(adam, here)
    assert 'value="tenant_owner"' not in page.text
    owner = re.findall(rf'href="({here}/mbr_\w+)">Ann', page.text)
    ids = {row.role: row.id for row in await street.house.look("select role, id from membership where tenant_id = 'harbour'")}
    boss = f"{here}/{ids['tenant_owner']}"
    assert boss in owner
    assert f'action="{boss}"' not in (await get(adam, boss)).text
    above = await submit(adam, here, here, {"email": "eve@harbour.example", "role": "tenant_owner"})
    assert (above.status_code, "may do more than you may" in above.text) == (403, True)
    mine = f"{here}/{ids['tenant_admin']}"
    form = (await get(adam, mine)).text.replace(mine, boss)
    for action in (f"{boss}/remove", boss):
        answer = await submit(adam, boss, action, {"role": "viewer"}, page=form)
        assert answer.status_code == 403, action
    invited = await submit(ann, here, here, {"email": "kay@harbour.example", "role": "tenant_owner"})
    assert invited.status_code == 303
    revoke = re.findall(rf'action="({here}/invitations/\w+/revoke)"', (await get(adam, here)).text)[0]
    refused = await submit(adam, here, revoke)
    assert refused.status_code == 403
    assert len(await street.house.look("select id from invitation")) == 1  # deleted first and refused then: it is there again
    last = await submit(ann, boss, boss, {"role": "viewer"})
    assert (last.status_code, "the last tenant_owner must stay" in last.text.lower()) == (409, True)


# -- one's own account ------------------------------------------------------------------------------------------------------------


async def test_a_name_and_a_password_are_changed(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    other = await street.browser()
    await other.sign_in()
    here = f"{BASE}/security"
    assert (await submit(ann, here, f"{here}/name", {"name": "Ann <i>Lee</i>"})).status_code == 303
    assert "&lt;i&gt;Lee" in (await get(ann, here)).text
    wrong = await submit(ann, here, f"{here}/password", {"current": "no", "password": "and another kettle"})
    assert (wrong.status_code, errors(wrong), "and another" in wrong.text) == (422, {"current": "Is wrong."}, False)
    short = await submit(ann, here, f"{here}/password", {"current": PASSWORD, "password": "short"})
    assert "password" in errors(short)
    done = await submit(ann, here, f"{here}/password", {"current": PASSWORD, "password": "and another kettle"})
    assert (done.status_code, await other.signed_in(), await ann.signed_in()) == (303, False, True)


async def test_one_time_codes_are_turned_on_and_off_and_shown_once(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    here = f"{BASE}/security"
    assert errors(await submit(ann, here, f"{here}/codes", {"password": "no"})) == {}
    step = await submit(ann, here, f"{here}/codes", {"password": PASSWORD})
    secret = re.findall(r"secret=(\w+)", step.text)[0]
    assert f">{secret}</code>" in step.text
    assert 'href="otpauth://totp/' in step.text
    assert PASSWORD not in step.text
    wrong = await submit(ann, "", f"{here}/codes/confirm", {"code": "000000"}, page=step.text)
    assert errors(wrong) == {"code": "Is not the app's code of this moment."}
    app = pyotp.TOTP(secret)
    on = await submit(ann, "", f"{here}/codes/confirm", {"code": app.at(NOW)}, page=wrong.text)
    recovery = re.findall(r"<li>([0-9A-Z]{4}(?:-[0-9A-Z]{4}){3})</li>", on.text)
    assert len(recovery) == 10
    page = await get(ann, here)
    assert not any(one in page.text for one in (*recovery, secret))
    refused = await submit(ann, here, f"{here}/codes/disable", {"password": PASSWORD, "code": "000000"})
    assert (refused.status_code, list(errors(refused))) == (422, ["code"])
    off = await submit(ann, here, f"{here}/codes/disable", {"password": PASSWORD, "code": recovery[0]})
    assert off.status_code == 303
    actions = await street.house.look("select action from audit where action like 'totp.%' order by seq")
    assert [row.action for row in actions] == ["totp.enabled", "totp.disabled"]


async def test_sessions_are_shown_and_ended(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    other = await street.browser()
    agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1"
    await other.ask("POST", "/v1/session", {"email": OWNER, "password": PASSWORD}, user_agent=agent)
    here = f"{BASE}/security"
    page = await get(ann, here)
    end = re.search(rf'Safari on iPhone</td>.*?action="({here}/sessions/\w+/end)"', page.text, re.DOTALL)
    assert end
    assert (await submit(ann, here, end.group(1))).headers["location"] == here
    assert (await other.signed_in(), await ann.signed_in()) == (False, True)
    own = re.search(rf'This one.*?action="({here}/sessions/\w+/end)"', (await get(ann, here)).text, re.DOTALL)
    assert own
    assert (await submit(ann, here, own.group(1))).headers["location"] == "/sign-in"
    assert not await ann.signed_in()


async def test_a_key_has_no_account_to_change(house: House) -> None:
    page = await house.http.get(f"{BASE}/security", headers=PAGE | await house.role("tenant_owner"))
    assert (page.status_code, "You are here with a key" in page.text, "/codes" in page.text) == (200, True, False)


# -- providers, vendors -----------------------------------------------------------------------------------------------------------


async def test_a_provider_is_set_by_an_owner_and_its_secret_never_comes_out(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    adam = await street.member("adam@harbour.example", "tenant_admin")
    new = f"{BASE}/sign-in/new"
    fields = {
        "name": "Ours",
        "issuer": "https://id.harbour.example",
        "client_id": "c",
        "client_secret": KEY,
        "domains": "Harbour.example, b.example",
    }
    wrong = await submit(ann, new, new, fields | {"issuer": "ftp://x", "domains": ""})
    assert errors(wrong) == {
        "issuer": "Type an https address, such as https://accounts.google.com.",
        "domains": "Type at least one domain, such as example.com.",
    }
    assert KEY not in wrong.text
    assert '<form class="form"' not in (await get(adam, new)).text
    made = (await submit(ann, new, new, fields)).headers["location"]
    page = await get(ann, made)
    assert ("b.example, harbour.example" in page.text, KEY in page.text) == (True, False)
    changed = {"name": "Ours", "client_id": "d", "domains": "harbour.example", "default_role": "viewer", "enabled": "yes"}
    assert (await submit(ann, made, made, changed)).status_code == 303
    log = await street.house.look("select details from audit where action = 'provider.changed'")
    assert log[0].details == {"client_id": "d", "default_role": "viewer", "domains": ["harbour.example"], "enabled": True}
    assert (await submit(ann, made, f"{made}/remove")).headers["location"] == f"{BASE}/sign-in"
    assert (await get(ann, made)).status_code == 404


async def test_a_vendors_key_goes_in_and_never_comes_out(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    new, here = f"{BASE}/vendors/new", f"{BASE}/vendors/deepgram"
    short = await submit(ann, new, new, {"vendor": "deepgram", "api_key": "short"})
    assert errors(short) == {"api_key": "Type the key as the vendor shows it: 16 to 500 letters and digits without spaces."}
    assert (await submit(ann, new, new, {"vendor": "nobody", "api_key": KEY})).status_code == 422
    assert (await submit(ann, new, new, {"vendor": "deepgram", "api_key": KEY})).headers["location"] == here
    twice = await submit(ann, new, new, {"vendor": "deepgram", "api_key": KEY})
    assert errors(twice) == {"vendor": "There is an account with this vendor already: change that one."}
    assert (await submit(ann, here, f"{here}/rotate", {"new_key": OTHER_KEY})).status_code == 303
    elsewhere = await submit(ann, here, here, {"base_url": "http://10.0.0.1", "api_key": KEY})
    assert (elsewhere.status_code, list(errors(elsewhere))) == (422, ["base_url"])
    page = await get(ann, here)
    assert "••••3210" in page.text
    assert not re.search(f"{KEY}|{OTHER_KEY}", page.text + elsewhere.text + short.text + (await get(ann, f"{BASE}/vendors")).text)
    assert (await submit(ann, here, f"{here}/delete")).status_code == 303
    actions = await street.house.look("select action, details::text as details from audit where action like 'vendor%' order by seq")
    assert [row.action for row in actions] == ["vendor_account.created", "vendor_account.rotated", "vendor_account.deleted"]


# -- the log, exports, the end ----------------------------------------------------------------------------------------------------


async def test_the_log_is_narrowed_and_checked(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    await submit(ann, f"{BASE}/retention", f"{BASE}/retention", {"retention_days": "30"})
    here = f"{BASE}/audit"
    whole = await get(ann, f"{here}?who=&what=&since=&until=")
    assert whole.text.count('id="row-aud_') == 3
    assert (await get(ann, f"{here}?what=tenant")).text.count('id="row-aud_') == 1
    assert (await get(ann, f"{here}?until=2026-11-25")).text.count('id="row-aud_') == 0
    assert (await get(ann, f"{here}?since=2026-11-26&until=2026-11-26")).text.count('id="row-aud_') == 3
    for bad in ("since=9999-99-99", "until=9999-12-31", "since=soon"):
        assert (await get(ann, f"{here}?{bad}")).status_code == 422, bad
    assert "The log is whole" in (await get(ann, f"{here}?check=true")).text
    await street.house.look("alter table audit disable trigger all")
    await street.house.look("update audit set target = 'somebody else' where tenant_id = 'harbour' and seq = 2")
    assert "Row 2 is not as it was written" in (await get(ann, f"{here}?check=true")).text


async def test_an_export_is_made_and_fetched(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    here = f"{BASE}/exports"
    assert (await submit(ann, here, here)).status_code == 303
    assert "Being made" in (await get(ann, here)).text
    assert (await submit(ann, here, here)).status_code == 409

    async def ready() -> bool:
        return bool(await street.house.look("select 1 from tenant_export where state = 'ready'"))

    await street.house.work_until(ready)
    page = await get(ann, here)
    file = re.search(rf'href="({here}/\w+/file)"', page.text)
    assert file
    answer = await get(ann, file.group(1))
    assert (answer.headers["content-type"], answer.content[:2]) == ("application/zip", b"PK")
    assert (await street.actions())[-2:] == ["export.created", "export.fetched"]
    street.house.now[0] += timedelta(days=8)
    await ann.sign_in()
    assert (await get(ann, file.group(1))).status_code == 404


async def test_a_business_is_erased_by_who_types_its_name(street: Street) -> None:
    ann = await street.member(OWNER, "tenant_owner")
    adam = await street.member("adam@harbour.example", "tenant_admin")
    here = f"{BASE}/erase"
    assert (await get(adam, here)).status_code == 404
    assert "Erase this business" not in (await get(adam, f"{BASE}/exports")).text
    wrong = await submit(ann, here, here, {"name": "harbour plumbing"})
    assert (wrong.status_code, errors(wrong)) == (422, {"name": "That is not the name of this business."})
    assert (await get(ann, here)).status_code == 200
    done = await submit(ann, here, here, {"name": "Harbour Plumbing"})
    assert (done.status_code, done.headers["location"]) == (303, "/")
    assert "The business is being erased." in (await get(ann, "/")).text
    assert (await get(ann, f"{BASE}/business")).status_code == 404


# -- who may ----------------------------------------------------------------------------------------------------------------------


async def test_each_tab_takes_its_own_permission(street: Street) -> None:
    viewer = await street.member("vic@harbour.example", "viewer")
    page = await get(viewer, f"{BASE}/business")
    tabs = re.findall(rf'href="{BASE}/([\w-]+)"', page.text.partition('<nav class="tabs')[2].partition("</nav>")[0])
    assert tabs == ["business", "security", "recording", "retention", "calls-out", "consent", "do-not-call", "limits"]
    assert '<form class="form"' not in page.text
    nowhere = bare(await get(viewer, "/t/nowhere/settings"))
    for tab in ("members", "sign-in", "vendors", "audit", "exports", "erase", "members/mbr_none", "vendors/new"):
        answer = await get(viewer, f"{BASE}/{tab}")
        assert (answer.status_code, bare(answer)) == (404, nowhere), tab
    for tab in tabs:
        assert (await get(viewer, f"{BASE}/{tab}")).status_code == 200, tab


async def test_another_businesss_things_are_not_there_for_any_form(street: Street) -> None:
    """Every form of these pages, with a good token, under one's own name and under the other's, with the other's ids."""
    things = await furnish(street.house)
    await street.letters()
    bea = await street.member("bea@quayside.example", "tenant_owner", at="/v1/tenants/quayside")
    form = (await get(bea, "/t/quayside/settings/business")).text
    token = re.search(r'name="_token" value="(\w+)"', form)
    assert token
    tried = 0
    for route in asked(street.house.app):
        if route.method != "POST" or not route.path.startswith(("/t/{tenant}/numbers", "/t/{tenant}/developers", "/t/{tenant}/settings")):
            continue
        stolen = any(name in things for name in route.names)
        for tenant in ("harbour", *(["quayside"] if stolen else [])):
            fields = {"_token": token.group(1), "_once": f"form {tried}", "_revision": "1", "role": "viewer", "new_key": KEY}
            path = route.at(tenant=tenant, **things)
            answer = await bea.http.post(path, data=fields, headers=PAGE | {"sec-fetch-site": "same-origin"})
            assert answer.status_code == 404, (path, answer.status_code)
            assert not any(value in html.unescape(answer.text) for name, value in things.items() if len(value) > 8), path
            tried += 1
    assert tried > 50
