"""What must not work when a system is connected by signing in there. Each attack is a function; none may leave a connection."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from tests.e2e.business import SECRET, House
from tests.e2e.people import open_street
from tests.paperwork.consenting import PAGE, PORTAL, Scene, changed, value
from tests.paperwork.figures import figure
from tests.paperwork.tradebook import OTHER_KEY, Tradebook

from offhook.orchestrator.connections import states
from offhook.orchestrator.people.tokens import Signer

pytestmark = [pytest.mark.paperwork, pytest.mark.timeout(120)]
Attack = Callable[[Scene], Awaitable[httpx.Response]]
Table = dict[str, Attack]


@pytest.fixture
async def scene(shop: House, tradebook: Tradebook) -> AsyncIterator[Scene]:
    async with open_street(shop) as street:
        yield await Scene.set(street, tradebook)


def refused(answer: httpx.Response) -> bool:
    """Whether an answer sends nobody anywhere but to the portal's own list of connections, with a word of what did not work."""
    if answer.status_code != 303:
        return 400 <= answer.status_code < 500
    parts = urlsplit(answer.headers["location"])
    return parts.netloc == "" and parts.path == PAGE and parts.query.startswith("trouble=")


async def tried(scene: Scene, table: Table) -> None:
    """Every attack is refused, and leaves no connection and no token."""
    for name, attack in table.items():
        answer = await attack(scene)
        assert refused(answer), (name, answer.status_code, answer.headers.get("location"), answer.text[:300])
        assert await scene.connections() == [], name
        assert await scene.street.house.look("select 1 from connection_token") == [], name
    figure(f"oauth: {len(table)} attacks refused ({', '.join(sorted({name.partition(':')[0] for name in table}))})")


# states that are not ours


def claims_of(state: str) -> tuple[dict[str, Any], dict[str, Any]]:
    head, body, _ = state.split(".")
    return _json(head), _json(body)


def _json(part: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def _part(document: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")


def edited(**changes: Any) -> Attack:
    """The payload is another, the signature the old one."""

    async def attack(scene: Scene) -> httpx.Response:
        url = await scene.agreed()
        state = value(url, "state")
        head, body = claims_of(state)
        return await scene.go(changed(url, state=f"{_part(head)}.{_part(body | changes)}.{state.split('.')[2]}"))

    return attack


def resigned(secret: str | None, header: dict[str, Any], algorithm: str = "HS256", **changes: Any) -> Attack:
    """Signed anew: with a secret of their own, or with ours (None) under a header that we do not write."""

    async def attack(scene: Scene) -> httpx.Response:
        url = await scene.agreed()
        head, body = claims_of(value(url, "state"))
        key = states._key(SECRET)[1] if secret is None else OctKey.import_key(secret)
        made = {name: one for name, one in (head | {"alg": algorithm} | header).items() if one is not None}
        return await scene.go(changed(url, state=jwt.encode(made, body | changes, key, algorithms=[algorithm])))

    return attack


def with_state(make: Callable[[str], str]) -> Attack:
    """Something else in its place."""

    async def attack(scene: Scene) -> httpx.Response:
        url = await scene.agreed()
        return await scene.go(changed(url, state=make(value(url, "state"))))

    return attack


async def unsigned(scene: Scene) -> httpx.Response:
    url = await scene.agreed()
    _, body = claims_of(value(url, "state"))
    return await scene.go(changed(url, state=f"{_part({'alg': 'none', 'typ': 'JWT'})}.{_part(body)}."))


async def of_another_purpose(scene: Scene) -> httpx.Response:
    url = await scene.agreed()
    _, body = claims_of(value(url, "state"))
    body = {name: one for name, one in body.items() if name not in {"aud", "exp"}}
    now = scene.street.house.now[0]
    return await scene.go(changed(url, state=Signer(SECRET, "oidc state").sign(body, now, timedelta(minutes=10))))


async def ten_minutes_later(scene: Scene) -> httpx.Response:
    url, now = await scene.agreed(), scene.street.house.now
    now[0] += timedelta(minutes=10)
    return await scene.go(url)


async def nonce_of_nobody(scene: Scene) -> httpx.Response:
    """Signed by us, for a nonce that was never begun: as after the row was swept."""
    url = await scene.agreed()
    _, body = claims_of(value(url, "state"))
    state = states.State("harbour", body["rid"], body["uid"], body["prov"], "another nonce", body["host"], body["ret"])
    return await scene.go(changed(url, state=states.sign([SECRET], state, scene.street.house.now[0])))


async def nonce_for_another(scene: Scene) -> httpx.Response:
    """Signed by us, for a nonce that was begun for another page: what a leaked secret could do."""
    url = await scene.agreed()
    _, body = claims_of(value(url, "state"))
    state = states.State("harbour", body["rid"], body["uid"], body["prov"], body["n"], body["host"], "/t/harbour/other")
    return await scene.go(changed(url, state=states.sign([SECRET], state, scene.street.house.now[0])))


FORGED: Table = {
    "state: none": with_state(lambda _: ""),
    "state: a word": with_state(lambda _: "nonsense"),
    "state: three words": with_state(lambda _: "a.b.c"),
    "state: cut off": with_state(lambda state: state[:-3]),
    "state: without its signature": with_state(lambda state: state.rpartition(".")[0] + "."),
    "state: longer than any": with_state(lambda state: state + "A" * 3_000),
    "state: letters that are none": with_state(lambda state: state[:10] + "\u00e9\0" + state[12:]),
    "state: unsigned (alg none)": unsigned,
    "state: another tenant's": edited(tid="quayside"),
    "state: another host's": edited(host="evil.example"),
    "state: another page's": edited(ret="//evil.example"),
    "state: another reseller's": edited(rid="res_other"),
    "state: another system's": edited(prov="crm/servicem8"),
    "state: another person's": edited(uid="usr_other"),
    "state: another nonce's": edited(n="guess"),
    "state: living longer": edited(exp=9_999_999_999),
    "state: signed by somebody else": resigned("a key of their own, thirty-two b", {}),
    "state: signed under another key's id": resigned(None, {"kid": "000000000000"}),
    "state: signed without a key's id": resigned(None, {"kid": None}),
    "state: signed by another algorithm": resigned(None, {}, "HS512"),
    "state: signed for ever": resigned(None, {}, exp="never"),
    "state: signed for nothing": resigned(None, {}, aud="else"),
    "state: signed with a number for a tenant": resigned(None, {}, tid=7),
    "state: signed for a system that there is not": resigned(None, {}, prov="crm/nobodys"),
    "state: of a sign-in": of_another_purpose,
    "state: expired": ten_minutes_later,
    "state: of nothing that was begun": nonce_of_nobody,
    "state: of what was begun otherwise": nonce_for_another,
}


async def test_states_that_are_not_ours(scene: Scene) -> None:
    control = await resigned(None, {})(scene)
    assert control.headers["location"].startswith(f"{PORTAL}/oauth/finish/harbour?handoff=")
    await tried(scene, FORGED)
    assert scene.tradebook.counted["authorization_code"] == 0


# what has been used


async def replayed_state(scene: Scene) -> httpx.Response:
    url = await scene.agreed()
    assert (await scene.go(url)).status_code == 303
    return await scene.go(url)


async def replayed_with_own_code(scene: Scene) -> httpx.Response:
    """The victim came back first; the attacker brings a code of their own account."""
    url = await scene.agreed()
    assert (await scene.go(url)).status_code == 303
    theirs = await scene.agreed(scene.quinn, tenant="quayside", account=OTHER_KEY)
    return await scene.go(changed(url, code=value(theirs, "code")))


async def injected_code(scene: Scene) -> httpx.Response:
    """A code that was given for another flow: its PKCE verifier is not this one's."""
    url, theirs = await scene.agreed(), await scene.agreed(scene.quinn, tenant="quayside", account=OTHER_KEY)
    back = await scene.go(changed(url, code=value(theirs, "code")))
    return await scene.go(back.headers["location"], scene.ann)


async def used_code(scene: Scene) -> httpx.Response:
    url = await scene.agreed()
    scene.tradebook.codes.clear()
    back = await scene.go(url)
    return await scene.go(back.headers["location"], scene.ann)


async def after_denial(scene: Scene) -> httpx.Response:
    """Denied, and then a code for the same state."""
    begun = await scene.begin()
    agreed = scene.tradebook.consent(begun)
    denied = scene.tradebook.consent(begun, error="access_denied")
    assert (await scene.go(denied)).status_code == 303
    return await scene.go(agreed)


def with_handoff(make: Callable[[str], str]) -> Attack:
    async def attack(scene: Scene) -> httpx.Response:
        url = await scene.returned()
        return await scene.go(changed(url, handoff=make(value(url, "handoff"))), scene.ann)

    return attack


async def late_handoff(scene: Scene) -> httpx.Response:
    url = await scene.returned()
    scene.street.house.now[0] += timedelta(minutes=2)
    return await scene.go(url, scene.ann)


USED: Table = {
    "replay: the state": replayed_state,
    "replay: the state, with a code of one's own": replayed_with_own_code,
    "replay: a code of another flow": injected_code,
    "replay: a code that was used": used_code,
    "replay: a code after denial": after_denial,
    "handoff: guessed": with_handoff(lambda _: "A" * 43),
    "handoff: none": with_handoff(lambda _: ""),
    "handoff: with more to it": with_handoff(lambda code: code + "A"),
    "handoff: in other letters": with_handoff(str.swapcase),
    "handoff: too late": late_handoff,
}


async def test_what_has_been_used_or_is_over(scene: Scene) -> None:
    await tried(scene, USED)


async def test_a_handoff_is_good_once(scene: Scene) -> None:
    url = await scene.returned()
    assert "connected=" in (await scene.go(url, scene.ann)).headers["location"]
    again = await scene.go(url, scene.ann)
    assert again.headers["location"] == f"{PAGE}?trouble=again"
    assert await scene.connections() == [("harbour", "active")]
    assert scene.tradebook.counted["authorization_code"] == 1
    figure("oauth: 1 attacks refused (handoff used twice)")


async def test_two_callbacks_and_two_finishes_at_once(scene: Scene) -> None:
    url = await scene.agreed()
    backs = await at_once(lambda: scene.go(url), 8)
    went = [one.headers["location"] for one in backs if one.status_code == 303]
    assert len(went) == 1
    done = await at_once(lambda: scene.go(went[0], scene.ann), 8)
    assert sorted("connected=" in one.headers["location"] for one in done) == [False] * 7 + [True]
    assert await scene.connections() == [("harbour", "active")]
    figure("oauth: 2 attacks refused (two callbacks at once, two finishes at once)")


async def at_once(ask: Callable[[], Awaitable[httpx.Response]], count: int) -> list[httpx.Response]:
    found: list[httpx.Response] = []

    async def one() -> None:
        found.append(await ask())

    async with anyio.create_task_group() as group:
        for _ in range(count):
            group.start_soon(one)
    return found


# somebody else


def finished_by(who: Callable[[Scene], Any]) -> Attack:
    """Ann begins and agrees; another browser gets hold of the address at which it is finished."""

    async def attack(scene: Scene) -> httpx.Response:
        browser = who(scene)
        return await scene.go(await scene.returned(), await browser if hasattr(browser, "__await__") else browser)

    return attack


async def ann_elsewhere(scene: Scene) -> Any:
    other = await scene.street.browser()
    assert (await other.sign_in("ann@harbour.example")).is_success
    return other


async def with_a_guessed_cookie(scene: Scene) -> Any:
    other = await scene.street.browser()
    other.http.cookies.set("__Host-offhook", "A" * 43, domain="portal.example")
    return other


async def lured(scene: Scene) -> httpx.Response:
    """The attacker begins and agrees with their own account, and lures Ann to the callback: her calls would land there."""
    url = await scene.agreed(scene.bob, account=OTHER_KEY)
    back = await scene.go(url, scene.ann)
    return await scene.go(back.headers["location"], scene.ann)


async def signed_out(scene: Scene) -> httpx.Response:
    other = await ann_elsewhere(scene)
    url = await scene.returned(other)
    assert (await other.ask("DELETE", "/v1/session")).is_success
    return await scene.go(url, other)


async def under_another_tenant(scene: Scene) -> httpx.Response:
    """Who belongs to both finishes Harbour's under Quayside's name."""
    person = (await scene.street.house.look("select id from person where email = 'ann@harbour.example'"))[0][0]
    insert = (
        "insert into membership (id, person_id, level, tenant_id, role, created_by, created_at)"
        " values ('mbr_both', :person, 'tenant', 'quayside', 'tenant_owner', 'test', now())"
    )
    await scene.street.house.look(insert, person=person)
    url = (await scene.returned()).replace("/finish/harbour", "/finish/quayside")
    answer = await scene.go(url, scene.ann)
    await scene.street.house.look("delete from membership where id = 'mbr_both'")
    assert answer.headers["location"] == "/t/quayside/connections?trouble=again"
    answer.headers["location"] = f"{PAGE}?trouble=again"
    return answer


def meanwhile(statement: str, back: str = "select 1", *, late: bool = False) -> Attack:
    """Something changes while Ann is at the system; ``late``: while she is on her way from the callback to the portal."""

    async def attack(scene: Scene) -> httpx.Response:
        url = await (scene.returned() if late else scene.agreed())
        await scene.street.house.look(statement)
        try:
            answer = await scene.go(url, scene.ann if late else None)
        finally:
            await scene.street.house.look(back)
        return answer

    return attack


_ROLE = "update membership m set role = '{}' from person p where p.id = m.person_id and p.email = 'ann@harbour.example'"
OTHERS: Table = {
    "mix-up: another owner finishes": finished_by(lambda scene: scene.bob),
    "mix-up: the same person in another browser": finished_by(ann_elsewhere),
    "mix-up: nobody finishes": finished_by(lambda scene: scene.nobody),
    "mix-up: with a guessed cookie": finished_by(with_a_guessed_cookie),
    "mix-up: somebody of another tenant": finished_by(lambda scene: scene.quinn),
    "mix-up: lured to an attacker's account": lured,
    "mix-up: signed out meanwhile": signed_out,
    "cross-tenant: finished under another tenant": under_another_tenant,
    "cross-tenant: the tenant is being erased": meanwhile(
        "update tenant set erasing_at = now(), erasure_id = 'e', erasing_by = 'x/y', suspended = true where id = 'harbour'",
        "update tenant set erasing_at = null, erasure_id = null, erasing_by = null, suspended = false where id = 'harbour'",
    ),
    "rights: lowered meanwhile": meanwhile(
        _ROLE.format("viewer"),
        _ROLE.format("tenant_owner"),
        late=True,
    ),
}


async def test_somebody_else_finishes(scene: Scene) -> None:
    await tried(scene, OTHERS)


# who may begin, from where, and where to


def begun(**body: Any) -> Attack:
    async def attack(scene: Scene) -> httpx.Response:
        return await scene.ask(scene.ann, **body)

    return attack


async def with_a_key(scene: Scene) -> httpx.Response:
    headers = await scene.street.house.key("connections.connect")
    body = {"adapter": "crm/tradebook"}
    return await scene.street.house.http.post("/v1/tenants/harbour/connections/authorize", json=body, headers=headers)


async def from_a_foreign_page(scene: Scene) -> httpx.Response:
    body = {"adapter": "crm/tradebook"}
    return await scene.ann.ask("POST", "/v1/tenants/harbour/connections/authorize", body, sec_fetch_site="cross-site")


async def as_a_viewer(scene: Scene) -> httpx.Response:
    viewer = await scene.street.member("vic@harbour.example", "viewer", name="Vic")
    return await scene.ask(viewer)


async def for_another_tenant(scene: Scene) -> httpx.Response:
    return await scene.ask(scene.quinn, "harbour")


async def under_another_name(scene: Scene) -> httpx.Response:
    """A session that was made under a name which is no brand's of this reseller."""
    other = await scene.street.browser("evil.example")
    assert (await other.sign_in("ann@harbour.example")).is_success
    return await scene.ask(other)


BEGUN: Table = {
    "redirect: to a page elsewhere": begun(path="https://evil.example/t/harbour/x"),
    "redirect: to a host in a path": begun(path="//evil.example/t/harbour"),
    "redirect: over a backslash": begun(path="/t/harbour/\\evil.example"),
    "redirect: upwards": begun(path="/t/harbour/../../evil"),
    "redirect: with a new line": begun(path="/t/harbour/x\r\nlocation: https://evil.example"),
    "redirect: with a query": begun(path="/t/harbour/x?next=//evil.example"),
    "redirect: to another tenant's page": begun(path="/t/quayside/connections"),
    "redirect: from a name that is nobody's": under_another_name,
    "begin: by a key": with_a_key,
    "begin: from a foreign page": from_a_foreign_page,
    "begin: by a viewer": as_a_viewer,
    "begin: for another tenant": for_another_tenant,
    "begin: for another tenant's connection": begun(connection="con_of_quayside"),
    "begin: for a system that there is not": begun(adapter="crm/nobodys"),
    "begin: with a key in the form": begun(fields={"key": "tb_firstkey1"}),
}


async def test_who_begins_and_where_they_come_back_to(scene: Scene) -> None:
    await tried(scene, BEGUN)
    assert await scene.street.house.look("select 1 from oauth_flow") == []


# what systems say


def came_back(**values: str) -> Attack:
    """The callback is given something else, and what follows is followed."""

    async def attack(scene: Scene) -> httpx.Response:
        answer = await scene.go(changed(await scene.agreed(), **values))
        if answer.status_code != 303:
            return answer
        assert answer.headers["location"].startswith(f"{PORTAL}/oauth/finish/harbour?")
        return await scene.go(answer.headers["location"], scene.ann)

    return attack


async def refused_by_the_system(scene: Scene) -> httpx.Response:
    scene.tradebook.refuse = "invalid_grant"
    answer = await came_back()(scene)
    scene.tradebook.refuse = ""
    return answer


async def another_client(scene: Scene) -> httpx.Response:
    """The operator's client is another by the time that the code is changed."""
    url, settings = await scene.returned(), scene.street.house.settings
    before = settings.oauth_clients["crm/tradebook"]
    settings.oauth_clients["crm/tradebook"] = before.model_copy(update={"id": "another"})
    answer = await scene.go(url, scene.ann)
    settings.oauth_clients["crm/tradebook"] = before
    return answer


async def system_is_down(scene: Scene) -> httpx.Response:
    url = await scene.returned()
    scene.tradebook.faults.down = True
    answer = await scene.go(url, scene.ann)
    scene.tradebook.faults.down = False
    assert answer.headers["location"] == f"{PAGE}?trouble=unreachable"
    return answer


SAID: Table = {
    "issuer: another's (RFC 9207)": came_back(iss="https://evil.example"),
    "issuer: nearly the same": came_back(iss="https://login.tradebook.example.evil.example"),
    "issuer: no address": came_back(iss="tradebook"),
    "issuer: an address that cannot be read": came_back(iss="https://[login.tradebook.example"),
    "error: denied": came_back(error="access_denied"),
    "error: denied, with a code": came_back(error="access_denied", code="code1"),
    "error: a fault of the system's": came_back(error="server_error", code=""),
    "error: neither code nor error": came_back(code=""),
    "error: a code longer than any": came_back(code="A" * 5_000),
    "error: a code that it never gave": came_back(code="guess"),
    "error: tokens refused": refused_by_the_system,
    "error: our client is another meanwhile": another_client,
    "error: the system is down": system_is_down,
}


async def test_what_systems_say(scene: Scene) -> None:
    await tried(scene, SAID)
    denied = await came_back(error="access_denied")(scene)
    assert denied.headers["location"] == f"{PAGE}?trouble=denied"


async def test_another_account_than_the_one_that_was_connected(scene: Scene) -> None:
    """Reconnecting with another account is refused, and what it had given is revoked."""
    made = await scene.connected()
    before = set(scene.tradebook.access)
    url = await scene.returned(connection=made, account=OTHER_KEY)
    answer = await scene.go(url, scene.ann)
    assert answer.headers["location"] == f"{PAGE}?trouble=account"
    assert set(scene.tradebook.access) == before
    assert len(scene.tradebook.revoked) == 2
    assert await scene.connections() == [("harbour", "active")]
    foreign = await scene.ask(scene.quinn, "quayside", connection=made)
    assert foreign.status_code == 404
    figure("oauth: 2 attacks refused (another account, another tenant's connection)")


async def test_under_a_brands_own_name(scene: Scene) -> None:
    """A reseller's name works as long as it is that reseller's; and what is begun there is finished there."""
    house, name = scene.street.house, "calls.brand.example"
    set_hosts = (
        "update reseller set settings = settings || jsonb_build_object('hosts', jsonb_build_array(cast(:host as text))) where id = :id"
    )
    drop = "update reseller set settings = settings - 'hosts' where id = :id"
    await house.look("insert into reseller (id, name) values ('res_other', 'Other')")
    await house.look(set_hosts, host=name, id="direct")
    branded = await scene.street.browser(name)
    assert (await branded.sign_in("ann@harbour.example")).is_success
    refusals = 0

    elsewhere = await scene.go((await scene.returned(branded)).replace(f"https://{name}", PORTAL), scene.ann)
    assert refused(elsewhere)
    refusals += 1
    url = await scene.agreed(branded)
    await house.look(drop, id="direct")
    gone = await scene.go(url)
    assert gone.status_code == 403
    refusals += 1
    await house.look(set_hosts, host=name, id="res_other")
    url_of_other = await scene.ask(branded)
    assert url_of_other.status_code == 422
    taken = await scene.go(url)
    assert taken.status_code == 403
    refusals += 2
    assert await scene.connections() == []

    await house.look(drop, id="res_other")
    await house.look(set_hosts, host=name, id="direct")
    moved = await scene.agreed(branded)
    await house.look("update tenant set reseller_id = 'res_other' where id = 'harbour'")
    assert (await scene.go(moved)).status_code == 403
    await house.look("update tenant set reseller_id = 'direct' where id = 'harbour'")
    refusals += 1
    url = await scene.returned(branded)
    assert url.startswith(f"https://{name}/oauth/finish/harbour?")
    done = await scene.go(url, branded)
    assert "connected=" in done.headers["location"]
    assert {one["redirect_uri"] for one in scene.tradebook.asked} == {"https://connect.example/oauth/callback"}
    figure(f"oauth: {refusals} attacks refused (names of brands)")


async def test_what_is_kept_of_a_flow_tells_nobody_how_to_finish_it(scene: Scene) -> None:
    """The database holds digests and sealed words: no state, no verifier, no handoff, no code, no session."""
    url = await scene.agreed()
    back = await scene.go(url)
    assert back.headers["referrer-policy"] == "no-referrer"
    assert back.headers["cache-control"] == "no-store"
    words = [value(url, "code"), value(back.headers["location"], "handoff"), value(url, "state"), str(scene.ann.cookie)]
    nonce = claims_of(value(url, "state"))[1]["n"]
    [(row,)] = await scene.street.house.look("select t::text from oauth_flow t")
    for word in [*words, nonce]:
        assert word not in row
        assert word.encode().hex() not in row
    assert scene.tradebook.asked[0]["scope"] == "jobs customers"
    assert scene.tradebook.asked[0]["prompt"] == "consent"
    assert scene.tradebook.asked[0]["audience"] == "api"
