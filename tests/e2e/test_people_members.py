"""Members and invitations: who may invite whom, how one accepts, who stays."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import anyio
import pytest
from tests.e2e.business import ADMIN, House
from tests.e2e.people import OWNER, PASSWORD, Street, open_street

from offhook.orchestrator.people.jobs import sweep

BOB = "bob@harbour.example"


@pytest.fixture
async def street(house: House) -> AsyncIterator[Street]:
    async with open_street(house) as found:
        yield found


async def test_somebody_new_is_invited_and_accepts(street: Street) -> None:
    made = await street.house.ask("POST", "/members", {"email": "Bob@Harbour.example", "role": "tenant_admin"})
    assert made.status_code == 201, made.text
    invitation = made.json()
    assert (invitation["email"], invitation["role"], invitation["created_by"]) == (BOB, "tenant_admin", "operator")
    assert (await street.house.get("/invitations")).json() == {"data": [invitation], "next_cursor": None}
    (letter,) = await street.letters()
    assert (letter.to, letter.subject) == (BOB, "Your invitation to Harbour Plumbing")
    token = letter.text.partition("/invitations/")[2].partition("\n")[0]
    assert token not in made.text
    assert token not in str(await street.house.look("select invitation::text, (select args::text from procrastinate_jobs) from invitation"))

    browser = await street.browser()
    seen = await browser.done("GET", f"/v1/invitations/{token}")
    assert (seen["name"], seen["role"], seen["invited_by"], seen["account"]) == ("Harbour Plumbing", "tenant_admin", "operator", False)
    for body in ({}, {"name": "Bob"}, {"password": PASSWORD}, {"name": "Bob", "password": "short"}, {"name": "Bob", "password": BOB}):
        assert (await browser.ask("POST", f"/v1/invitations/{token}/accept", body)).status_code == 422, body
    await browser.done("POST", f"/v1/invitations/{token}/accept", {"name": " Bob ", "password": PASSWORD})
    me = await browser.done("GET", "/v1/me")
    assert (me["name"], me["email"]) == ("Bob", BOB)
    assert [(one["tenant_id"], one["name"], one["role"]) for one in me["memberships"]] == [("harbour", "Harbour Plumbing", "tenant_admin")]
    assert "agents.publish" in me["memberships"][0]["permissions"]
    for path in (f"/v1/invitations/{token}", f"/v1/invitations/{token}/accept"):
        answer = await browser.ask("POST" if "accept" in path else "GET", path, {"name": "x", "password": PASSWORD})
        assert answer.status_code == 404
    members = (await street.house.get("/members")).json()["data"]
    assert [(one["email"], one["name"], one["role"]) for one in members] == [(BOB, "Bob", "tenant_admin")]
    assert (await street.house.get(f"/members/{members[0]['id']}")).json() == members[0]
    assert (await street.house.get(f"/members/{members[0]['id']}", "quayside")).status_code == 404
    assert (await street.house.get("/members", "quayside")).json()["data"] == []
    assert (await browser.ask("GET", "/v1/tenants")).json()["data"][0]["id"] == "harbour"
    assert await street.actions() == ["member.invited", "member.joined"]
    again = await street.house.ask("POST", "/members", {"email": BOB, "role": "viewer"})
    assert again.status_code == 409


async def test_somebody_with_an_account_accepts_with_its_password_or_signed_in(street: Street) -> None:
    browser = await street.member(BOB, "viewer")
    for tenant, role in (("quayside", "viewer"),):
        await street.house.ask("POST", "/members", {"email": BOB, "role": role}, tenant=tenant)
    token = await street.token("invitations")
    other = await street.browser()
    assert (await other.done("GET", f"/v1/invitations/{token}"))["account"] is True
    for body in ({}, {"password": "wrong wrong wrong"}, {"name": "Eve", "password": "another good one"}):
        assert (await other.ask("POST", f"/v1/invitations/{token}/accept", body)).status_code == 401
    stranger = await street.member("eve@quayside.example", "viewer", at="/v1/tenants/quayside")
    assert (await stranger.ask("POST", f"/v1/invitations/{token}/accept", {})).status_code == 401
    assert (await browser.ask("POST", f"/v1/invitations/{token}/accept", {}, sec_fetch_site="cross-site")).status_code == 403
    await browser.done("POST", f"/v1/invitations/{token}/accept", {})
    assert {one["tenant_id"] for one in (await browser.done("GET", "/v1/me"))["memberships"]} == {"harbour", "quayside"}

    invited = await street.house.http.post("/v1/resellers/direct/members", json={"email": BOB, "role": "reseller_support"}, headers=ADMIN)
    assert invited.status_code == 201
    token = await street.token("invitations")
    await other.done("POST", f"/v1/invitations/{token}/accept", {"password": PASSWORD})
    assert {one["role"] for one in (await other.done("GET", "/v1/me"))["memberships"]} == {"viewer", "reseller_support"}
    assert (await street.house.look("select count(*) from person where email = :email", email=BOB))[0][0] == 1


async def test_an_invitation_ends_and_is_replaced_and_taken_back(street: Street) -> None:
    browser = await street.browser()
    tokens = []
    for _ in range(2):
        await street.house.ask("POST", "/members", {"email": BOB, "role": "viewer"})
        tokens.append(await street.token("invitations"))
    assert (await browser.ask("GET", f"/v1/invitations/{tokens[0]}")).status_code == 404
    assert (await browser.ask("GET", f"/v1/invitations/{tokens[1]}")).status_code == 200
    (invitation,) = (await street.house.get("/invitations")).json()["data"]
    path = f"/invitations/{invitation['id']}"
    assert (await street.house.ask("DELETE", path, tenant="quayside")).status_code == 404
    assert (await street.house.ask("DELETE", path)).status_code == 204
    assert (await street.house.ask("DELETE", path)).status_code == 404
    assert (await browser.ask("POST", f"/v1/invitations/{tokens[1]}/accept", {"name": "B", "password": PASSWORD})).status_code == 404

    await street.house.ask("POST", "/members", {"email": BOB, "role": "viewer"})
    token = await street.token("invitations")
    street.house.now[0] += timedelta(days=7)
    assert (await browser.ask("GET", f"/v1/invitations/{token}")).status_code == 404
    assert (await street.house.get("/invitations")).json()["data"] == []
    await sweep(street.house.services)
    assert (await street.house.look("select count(*) from invitation"))[0][0] == 0
    assert (await street.house.look("select count(*) from person"))[0][0] == 0


async def test_who_accepts_twice_at_once_is_one_member(street: Street) -> None:
    await street.house.ask("POST", "/members", {"email": BOB, "role": "viewer"})
    token = await street.token("invitations")
    statuses: list[int] = []

    async def accept() -> None:
        browser = await street.browser()
        answer = await browser.ask("POST", f"/v1/invitations/{token}/accept", {"name": "Bob", "password": PASSWORD})
        statuses.append(answer.status_code)

    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(accept)
    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 401, 404, 409}
    assert (await street.house.look("select count(*) from membership"))[0][0] == 1


@pytest.mark.parametrize(
    ("role", "gives", "status"),
    [
        ("tenant_owner", "tenant_owner", 201),
        ("tenant_admin", "tenant_admin", 201),
        ("tenant_admin", "tenant_owner", 403),
        ("agent_editor", "viewer", 403),
        ("viewer", "viewer", 403),
        ("reseller_admin", "tenant_owner", 201),
        ("reseller_support", "viewer", 403),
        ("platform_admin", "tenant_owner", 201),
        ("platform_admin", "platform_admin", 422),
        ("platform_admin", "reseller_admin", 422),
    ],
)
async def test_nobody_gives_more_than_they_have(street: Street, role: str, gives: str, status: int) -> None:
    headers = await street.house.role(role)  # type: ignore[arg-type]
    answer = await street.house.ask("POST", "/members", {"email": BOB, "role": gives}, **headers)
    assert answer.status_code == status, answer.text
    assert (await street.house.look("select count(*) from mail"))[0][0] == int(status == 201)


async def test_roles_are_changed_and_take_effect_at_once(street: Street) -> None:
    owner = await street.member(OWNER, "tenant_owner")
    admin = await street.member(BOB, "tenant_admin")
    ids = {one["email"]: one["id"] for one in (await street.house.get("/members")).json()["data"]}
    here = "/v1/tenants/harbour"
    assert (await admin.ask("PATCH", f"{here}/members/{ids[OWNER]}", {"role": "viewer"})).status_code == 403
    assert (await admin.ask("DELETE", f"{here}/members/{ids[OWNER]}")).status_code == 403
    assert (await admin.ask("PATCH", f"{here}/members/{ids[BOB]}", {"role": "tenant_owner"})).status_code == 403
    await admin.done("POST", f"{here}/members", {"email": "carl@harbour.example", "role": "tenant_admin"}, 201)
    changed = await owner.done("PATCH", f"{here}/members/{ids[BOB]}", {"role": "viewer"})
    assert changed["role"] == "viewer"
    assert (await admin.ask("GET", f"{here}/members")).status_code == 403
    assert (await admin.ask("GET", f"{here}/calls")).status_code == 200
    assert (await owner.done("GET", f"{here}/invitations"))["data"] == []  # what they invited as an administrator is void
    await owner.done("DELETE", f"{here}/members/{ids[BOB]}", status=204)
    assert (await admin.ask("GET", f"{here}/calls")).status_code == 404
    assert (await owner.ask("GET", f"{here}/members/{ids[BOB]}")).status_code == 404
    assert (await street.actions())[-2:] == ["member.role_changed", "member.removed"]
    assert (await owner.ask("PATCH", f"{here}/members/{ids[OWNER]}", {"role": "reseller_admin"})).status_code == 422


async def test_the_last_owner_stays(street: Street) -> None:
    owner = await street.member(OWNER, "tenant_owner")
    (me,) = (await street.house.get("/members")).json()["data"]
    path = f"/v1/tenants/harbour/members/{me['id']}"
    for method, body in (("DELETE", None), ("PATCH", {"role": "viewer"})):
        assert (await owner.ask(method, path, body)).status_code == 409
        assert (await street.house.http.request(method, path, json=body, headers=ADMIN)).status_code == 409
    await owner.done("PATCH", path, {"role": "tenant_owner"})
    second = await street.member(BOB, "tenant_owner")
    ids = [one["id"] for one in (await street.house.get("/members")).json()["data"]]
    statuses: list[int] = []

    async def leave(member: str) -> None:
        statuses.append((await street.house.ask("DELETE", f"/members/{member}")).status_code)

    async with anyio.create_task_group() as group:  # both at once: one must stay
        for member in ids:
            group.start_soon(leave, member)
    assert sorted(statuses) == [204, 409]
    seen = [(await one.ask("GET", "/v1/tenants/harbour/calls")).status_code for one in (owner, second)]
    assert sorted(seen) == [200, 404]


async def test_resellers_and_the_platform_have_people_of_their_own(street: Street) -> None:
    root = await street.admin()
    admin = await street.member("ria@reseller.example", "reseller_admin", at="/v1/resellers/direct")
    street.house.now[0] += timedelta(seconds=1)
    support = await street.member("sam@reseller.example", "reseller_support", at="/v1/resellers/direct")
    assert (await admin.ask("GET", "/v1/tenants/quayside/members")).status_code == 200
    assert (await support.ask("GET", "/v1/tenants/quayside/members")).status_code == 200
    assert (await support.ask("POST", "/v1/resellers/direct/members", {"email": BOB, "role": "reseller_support"})).status_code == 403
    assert (await admin.ask("POST", "/v1/members", {"email": BOB})).status_code == 403
    assert (await admin.ask("GET", "/v1/members")).status_code == 403
    other = (await root.done("POST", "/v1/resellers", {"name": "Other"}, 201))["id"]
    assert (await admin.ask("GET", f"/v1/resellers/{other}/members")).status_code == 404
    assert (await admin.ask("POST", f"/v1/resellers/{other}/members", {"email": BOB, "role": "reseller_support"})).status_code == 404

    listed = (await admin.done("GET", "/v1/resellers/direct/members"))["data"]
    assert [one["role"] for one in listed] == ["reseller_support", "reseller_admin"]
    assert (await admin.ask("DELETE", f"/v1/resellers/direct/members/{listed[1]['id']}")).status_code == 409
    await admin.done("PATCH", f"/v1/resellers/direct/members/{listed[0]['id']}", {"role": "reseller_admin"})
    await support.done("DELETE", f"/v1/resellers/direct/members/{listed[1]['id']}", status=204)
    assert (await admin.ask("GET", "/v1/resellers/direct/members")).status_code == 404
    invited = await support.done("POST", "/v1/resellers/direct/members", {"email": BOB, "role": "reseller_support"}, 201)
    assert (await support.done("GET", "/v1/resellers/direct/invitations"))["data"] == [invited]
    await support.done("DELETE", f"/v1/resellers/direct/invitations/{invited['id']}", status=204)
    await street.letters()

    (me,) = (await root.done("GET", "/v1/members"))["data"]
    assert (await root.ask("DELETE", f"/v1/members/{me['id']}")).status_code == 409
    second = await street.member("two@platform.example", "platform_admin", at="/v1")
    assert len((await second.done("GET", "/v1/members"))["data"]) == 2
    assert (await second.done("GET", f"/v1/members/{me['id']}"))["role"] == "platform_admin"
    await second.done("DELETE", f"/v1/members/{me['id']}", status=204)
    assert (await root.ask("GET", "/v1/members")).status_code == 403
    invited = await second.done("POST", "/v1/members", {"email": BOB}, 201)
    assert (await second.done("GET", "/v1/invitations"))["data"] == [invited]
    await second.done("DELETE", f"/v1/invitations/{invited['id']}", status=204)
    assert (await street.actions("reseller_id = 'direct'"))[:2] == ["member.invited", "member.joined"]


async def test_lists_come_in_pages_of_their_own(street: Street) -> None:
    for count in range(5):
        street.house.now[0] += timedelta(seconds=1)
        await street.house.ask("POST", "/members", {"email": f"p{count}@harbour.example", "role": "viewer"})
    first = (await street.house.get("/invitations?limit=3")).json()
    second = (await street.house.get(f"/invitations?limit=3&cursor={first['next_cursor']}")).json()
    assert [one["email"][:2] for one in first["data"] + second["data"]] == ["p4", "p3", "p2", "p1", "p0"]
    assert second["next_cursor"] is None
    assert (await street.house.get(f"/members?cursor={first['next_cursor']}")).status_code == 422
    assert (await street.house.get(f"/invitations?cursor={first['next_cursor']}", "quayside")).status_code == 422


async def test_an_invitation_that_is_asked_for_twice_is_sent_once(street: Street) -> None:
    bodies = [await street.house.ask("POST", "/members", {"email": BOB, "role": "viewer"}, idempotency_key="k") for _ in range(2)]
    assert bodies[0].json() == bodies[1].json()
    assert len(await street.letters()) == 1


async def test_invitations_are_sent_only_so_often(street: Street) -> None:
    statuses = [
        (await street.house.ask("POST", "/members", {"email": f"p{count}@harbour.example", "role": "viewer"})).status_code
        for count in range(51)
    ]
    assert statuses == [201] * 50 + [429]
    assert (await street.house.ask("POST", "/members", {"email": BOB, "role": "viewer"}, tenant="quayside")).status_code == 201


async def test_what_is_no_mail_address(street: Street) -> None:
    odd = ("", "bob", "bob@", "@x.example", "a b@x.example", "bob@x.example\nbcc: eve@x.example", "b" * 250 + "@x.example", "ü@x.example")
    for email in odd:
        answer = await street.house.ask("POST", "/members", {"email": email, "role": "viewer"})
        assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "email")
