"""Numbers, developers and settings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tests.e2e.business import DID, House
from tests.e2e.calls import NOW
from tests.e2e.people import PASSWORD
from tests.e2e.stops import Stop

BASE = "/t/harbour"
NUMBER = f"{BASE}/numbers/num_{DID.removeprefix('+')}"
HOOKS = f"{BASE}/developers/webhooks"
OPEN = "() => document.querySelectorAll('details.sure').forEach((one) => { one.open = true; })"


def send(action: str, **fields: str) -> str:
    """Fill in and send the form that goes there, past what the browser itself would refuse."""
    filled = "".join(f"form.elements['{name}'].value = {value!r};" for name, value in fields.items())
    return f"() => {{ const form = document.querySelector('form[action$=\"{action}\"]'); {filled} form.submit(); }}"


MAKE_KEY = """() => {
  const form = document.querySelector('form[action$="keys/new"]');
  form.elements['name'].value = 'Booking sheet';
  form.elements['p-calls.read'].checked = true;
  form.submit();
}"""


def _stops(ids: Mapping[str, str]) -> dict[str, Stop]:
    account, hook = f"{BASE}/numbers/accounts/{ids['account']}", f"{HOOKS}/{ids['webhook']}"
    key, event, delivery = (f"{BASE}/developers/keys/{ids['key']}", f"{BASE}/developers/events/{ids['event']}", ids["delivery"])
    settings, provider = f"{BASE}/settings", f"{BASE}/settings/sign-in/{ids['provider']}"
    return {
        "numbers": Stop(f"{BASE}/numbers"),
        "number-doors": Stop(f"{BASE}/numbers/new"),
        "number-new": Stop(f"{BASE}/numbers/new?door=twilio"),
        "number-new-sip": Stop(f"{BASE}/numbers/new?door=sip"),
        "number-new-refused": Stop(
            f"{BASE}/numbers/new?door=hand", send("door=hand", did="12", overflow="nobody"), wait=".problem, .error"
        ),
        "number": Stop(NUMBER),
        "number-delete": Stop(NUMBER, OPEN),
        "account-new": Stop(f"{BASE}/numbers/accounts/new"),
        "account-new-refused": Stop(
            f"{BASE}/numbers/accounts/new", send("accounts/new", account_sid="AC1", auth_token="short"), wait=".problem"
        ),
        "account": Stop(account),
        "account-tested": Stop(account, send("/test"), wait=".shown"),
        "trunk-new": Stop(f"{BASE}/numbers/trunks/new"),
        "call-buttons": Stop(f"{BASE}/call-buttons"),
        "calls-out": Stop(f"{settings}/calls-out"),
        "calls-out-new": Stop(f"{settings}/calls-out/new"),
        "calls-out-how": Stop(f"{settings}/calls-out/how"),
        "consent": Stop(f"{settings}/consent"),
        "do-not-call": Stop(f"{settings}/do-not-call", OPEN),
        "limits": Stop(f"{settings}/limits"),
        "webhooks": Stop(HOOKS),
        "webhook-new": Stop(f"{HOOKS}/new"),
        "webhook-new-refused": Stop(f"{HOOKS}/new", send("webhooks/new", url="http://10.0.0.1/x"), wait=".problem, .error"),
        "webhook": Stop(hook),
        "webhook-tasks": Stop(hook, OPEN),
        "webhook-none": Stop(f"{hook}?state=succeeded"),
        "delivery": Stop(f"{hook}/deliveries/{delivery}"),
        "keys": Stop(f"{BASE}/developers/keys"),
        "key-new": Stop(f"{BASE}/developers/keys/new"),
        "key-new-refused": Stop(f"{BASE}/developers/keys/new", send("keys/new", name=""), wait=".problem"),
        "key-made": Stop(f"{BASE}/developers/keys/new", MAKE_KEY, wait=".shown"),
        "key": Stop(key, OPEN),
        "events": Stop(f"{BASE}/developers/events"),
        "events-kind": Stop(f"{BASE}/developers/events?type=lead.created", "() => { document.querySelector('.pick').open = true; }"),
        "event": Stop(event),
        "settings-business": Stop(f"{settings}/business"),
        "settings-business-refused": Stop(f"{settings}/business", send("/business", region="Wales", visit_minutes="0"), wait=".problem"),
        "settings-members": Stop(f"{settings}/members"),
        "settings-members-refused": Stop(f"{settings}/members", send("/members", email="bob"), wait=".error"),
        "settings-member": Stop(f"{settings}/members/{ids['member']}", OPEN),
        "settings-sign-in": Stop(f"{settings}/sign-in"),
        "settings-provider-new": Stop(f"{settings}/sign-in/new"),
        "settings-provider": Stop(provider, OPEN),
        "settings-account": Stop(f"{settings}/security", OPEN),
        "settings-account-refused": Stop(f"{settings}/security", send("/password", current="x", password="y"), wait=".error"),
        "settings-codes": Stop(f"{settings}/security", send("/codes", password=PASSWORD), wait=".shown"),
        "settings-recording": Stop(f"{settings}/recording"),
        "settings-retention": Stop(f"{settings}/retention"),
        "settings-vendors": Stop(f"{settings}/vendors"),
        "settings-vendor-new": Stop(f"{settings}/vendors/new"),
        "settings-vendor": Stop(f"{settings}/vendors/deepgram", OPEN),
        "settings-audit": Stop(f"{settings}/audit?check=true"),
        "settings-audit-details": Stop(f"{settings}/audit?what=tenant", OPEN),
        "settings-audit-none": Stop(f"{settings}/audit?what=nothing"),
        "settings-exports": Stop(f"{settings}/exports"),
        "settings-erase": Stop(f"{settings}/erase"),
        "settings-erase-refused": Stop(f"{settings}/erase", send("/erase", name="Harbour"), wait=".error"),
    }


STOPS = _stops(defaultdict(str))
"""Their paths are whole once ``furnish`` has made what they show."""


SENT: tuple[tuple[str, int | None, str | None], ...] = (
    ("succeeded", 200, None),
    ("failed", 500, "status"),
    ("waiting", 503, "status"),
    ("waiting", None, None),
)
"""What became of an event, its endpoint's last answer, and what was wrong with it."""


async def furnish(house: House) -> None:
    """A carrier account, an endpoint with events that arrived, wait and were given up, and one of whatever settings show."""
    secret = {"account_sid": f"AC{'4f1c' * 8}", "auth_token": "0123456789abcdef" * 2}
    account = await _made(house, "/carrier-accounts", {"label": "Main account", **secret})
    webhook = await _made(house, "/webhooks", {"url": "https://hooks.harbour.example/offhook", "description": "Job sheets"})
    given_up = ""
    for minutes, (state, status, error) in enumerate(SENT):
        delivery = await _made(house, f"/webhooks/{webhook}/test", {})
        given_up = delivery if state == "failed" else given_up
        at = NOW - timedelta(minutes=minutes)
        await house.look(
            "update webhook_delivery set state = :state, attempts = :attempts, last_status = :status, last_error = :error,"
            " next_at = :next, done_at = :done where id = :id",
            id=delivery,
            state=state,
            attempts=1 if status else 0,
            status=status,
            error=error,
            next=at if state == "waiting" else None,
            done=at if state != "waiting" else None,
        )
        if status:
            await house.look(
                "insert into webhook_attempt (tenant_id, id, delivery_id, at, ms, status, error, message, response)"
                " values ('harbour', :id, :delivery, :at, 212, :status, :error, :message, :response)",
                id=f"att_{minutes}",
                delivery=delivery,
                at=at,
                status=status,
                error=error,
                message=f"the endpoint answered {status}" if error else "",
                response="<h1>Bad gateway</h1>" if error else "ok",
            )
    await house.look("update webhook_queue set succeeded_at = :now where endpoint_id = :id", now=NOW, id=webhook)
    await _made(house, "/members", {"email": "mina@harbour.example", "role": "agent_editor"})
    provider = {"name": "Our Google accounts", "issuer": "https://accounts.harbour.example", "client_id": "harbour", "client_secret": "s"}
    found = await house.ask("PUT", "/vendor-accounts/deepgram", {"api_key": "0123456789abcdef" * 2})
    assert found.status_code == 200, found.text
    changed = await house.ask("PATCH", "", {"retention_days": 365}, if_match="*")
    assert changed.status_code == 200, changed.text
    ids = {
        "account": account,
        "webhook": webhook,
        "delivery": given_up,
        "event": await _first(house, "/events"),
        "key": await _made(house, "/keys", {"name": "Van screen", "permissions": ["calls.read", "appointments.read"]}),
        "member": await _first(house, "/members"),
        "provider": await _made(house, "/oidc-providers", {**provider, "domains": ["harbour.example"], "enabled": False}),
    }
    await _made(house, "/exports", {})
    STOPS.update(_stops(ids))


async def _made(house: House, path: str, body: dict[str, Any]) -> str:
    answer = await house.ask("POST", path, body)
    assert answer.status_code in {200, 201}, answer.text
    return str(answer.json()["id"])


async def _first(house: House, path: str) -> str:
    answer = await house.ask("GET", path)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["data"][0]["id"])
