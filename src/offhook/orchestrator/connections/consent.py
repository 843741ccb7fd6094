"""Connecting by OAuth 2: there, back to the one callback host, and on to where it was begun.

A system knows one address of ours, whatever name the tenant's portal has. So what comes back there is only put aside, and the browser is
sent on, with a code that is good once, to the host where it was begun; there the same session finishes it. Nobody can finish what
somebody else has begun, nor have somebody else finish what they have begun.
"""

from __future__ import annotations

import ipaddress
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import urlencode, urlsplit

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from offhook.adapters.http import FixedSigner
from offhook.adapters.port import OAuth
from offhook.errors import AdapterUnavailable, ConfigError, Conflict, Invalid, NotFound, NotPermitted, Unreachable
from offhook.orchestrator.audit import ops as audit
from offhook.orchestrator.auth.permissions import Principal
from offhook.orchestrator.connections import states
from offhook.orchestrator.connections.clients import client_for, client_of
from offhook.orchestrator.connections.forms import checked, oauth_of
from offhook.orchestrator.connections.ops import Ending, Proven, end, keep_proven, module_of, show, whose
from offhook.orchestrator.connections.repo import Flows
from offhook.orchestrator.connections.schemas import Connection
from offhook.orchestrator.connections.secrets import code_place, flow_place
from offhook.orchestrator.connections.tables import FlowRow
from offhook.orchestrator.connections.tokens import Granted, Refused, ask
from offhook.orchestrator.resellers import ops as resellers
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.tenants import ops as tenants

CALLBACK: Final = "/oauth/callback"
FINISH: Final = "/oauth/finish"
HANDOFF: Final = timedelta(minutes=2)
AGAIN: Final = "this was not begun in this browser, has been finished, or took too long: connect it again"
DENIED: Final = frozenset({"access_denied", "user_denied", "user_cancelled", "consent_required", "interaction_required", "login_required"})


@dataclass(frozen=True, slots=True)
class Beginner:
    """Who begins or finishes, in which browser: the session's token, and the Host header in lower case."""

    principal: Principal
    session: str
    host: str
    ip: str = ""


@dataclass(frozen=True, slots=True)
class Back:
    """What the browser brings from the system."""

    state: str
    code: str
    error: str
    iss: str


@dataclass(frozen=True, slots=True)
class Finished:
    """Where the browser goes on, with what came of it: a connection, or a word for what did not work."""

    path: str
    connection: Connection | None = None
    new: bool = False
    trouble: str = ""

    @property
    def address(self) -> str:
        """The page, with the outcome."""
        said = {"connected": self.connection.id} if self.connection else {"trouble": self.trouble}
        return f"{self.path}?{urlencode(said)}"


async def begin(given: Services, tenant: str, by: Beginner, adapter: str, fields: Mapping[str, str], path: str, id: str | None) -> str:
    """Where the browser goes to give consent. Within no transaction; ``id`` connects that connection again.

    NotFound; Invalid for a system that is not connected so here, for its form, or for a page that is none of the tenant's.
    """
    module = module_of(adapter)
    auth = oauth_of(module.manifest)
    async with given.database.platform() as platform:
        found = await tenants.find(platform, tenant)
    client = await client_for(given, found.reseller_id, adapter) if found else None
    if found is None or auth is None or client is None:
        raise Invalid(f"{module.manifest.title} cannot be connected by signing in here")
    if not path.startswith(f"/t/{tenant}/"):
        raise Invalid("there is no such page to come back to")
    if await origin_of(given, found.reseller_id, by.host) is None:
        raise Invalid(f"connect it from the portal's own address: {given.settings.portal}")
    values = checked(module.manifest, "oauth", fields)
    nonce, verifier, now = secrets.token_urlsafe(32), secrets.token_urlsafe(48), given.clock()
    flow = states.nonce_id(nonce)
    async with given.database.tenant(tenant) as scope:
        if id is not None and (await show(scope, id)).adapter != adapter:
            raise NotFound("no such connection")
        kept = json.dumps({"verifier": verifier, "fields": values}).encode()
        row = {
            "id": flow,
            "adapter": adapter,
            "connection_id": id,
            "begun_by": by.principal.id,
            "session_hash": states.session_hash(by.session),
            "host": by.host,
            "path": path,
            "owner": client.owner,
            "client_id": client.id,
            "kept": await given.vault.seal(scope, flow_place(flow), kept),
            "state": "begun",
            "expires_at": now + states.LIFETIME,
        }
        await Flows(scope).add(row, now)
    state = states.State(tenant, found.reseller_id, by.principal.id, adapter, nonce, by.host, path)
    return given.systems.outward(adapter, _address(given, auth, client.id, states.sign(given.settings.secrets, state, now), verifier))


async def come_back(given: Services, back: Back) -> str:
    """On the callback host: put aside what came, and say where the browser goes on. NotPermitted with nothing done."""
    now = given.clock()
    state = states.read(given.settings.secrets, back.state, now)
    if state is None:
        raise NotPermitted(AGAIN)
    try:
        auth = oauth_of(module_of(state.adapter).manifest)
    except NotFound as missing:
        raise NotPermitted(AGAIN) from missing
    async with given.database.platform() as platform:
        found = await tenants.find(platform, state.tenant)
    if found is None or auth is None or found.reseller_id != state.reseller:
        raise NotPermitted(AGAIN)
    origin = await origin_of(given, found.reseller_id, state.host)
    if origin is None or not _issued(given, state.adapter, auth, back.iss):
        raise NotPermitted(AGAIN)
    handoff, flow = secrets.token_urlsafe(32), states.nonce_id(state.nonce)
    error = "" if back.code and not back.error else "denied" if back.error in DENIED else "refused"
    async with given.database.tenant(state.tenant) as scope:
        values = {
            "handoff_hash": states.handoff_hash(handoff),
            "code": await given.vault.seal(scope, code_place(flow), back.code.encode()) if not error else None,
            "error": error,
            "expires_at": now + HANDOFF,
        }
        row = await Flows(scope).back(flow, values, now)
        if row is None or (row.adapter, row.begun_by, row.host, row.path) != (state.adapter, state.person, state.host, state.path):
            raise NotPermitted(AGAIN)
    return f"{origin}{FINISH}/{state.tenant}?{urlencode({'handoff': handoff})}"


async def finish(given: Services, tenant: str, by: Beginner, handoff: str) -> Finished:
    """Where it was begun: change the code for tokens, ask whose account it is, keep it. Within no transaction."""
    async with given.database.tenant(tenant) as scope:
        row = await Flows(scope).done(
            states.handoff_hash(handoff), states.session_hash(by.session), by.principal.id, by.host, given.clock()
        )
        if row is None:
            return Finished(f"/t/{tenant}/connections", trouble="again")
        if row.error or row.code is None:
            return Finished(row.path, trouble=row.error or "refused")
        code = (await given.vault.open(scope, code_place(row.id), row.code)).decode()
        kept = json.loads(await given.vault.open(scope, flow_place(row.id), row.kept))
    try:
        proven, granted = await _proven(given, tenant, row, code, kept)
    except (Refused, Invalid, ConfigError, NotFound):
        return Finished(row.path, trouble="refused")
    except (AdapterUnavailable, Unreachable):
        return Finished(row.path, trouble="unreachable")
    try:
        async with given.database.tenant(tenant) as scope:
            made, new = await _kept(scope, given, by, row, proven, granted)
    except (Conflict, NotFound) as error:
        tokens = (("refresh_token", granted.refresh), ("access_token", granted.access))
        await end(given, Ending(row.adapter, row.owner, tuple((kind, token) for kind, token in tokens if token)))
        return Finished(row.path, trouble="account" if isinstance(error, Conflict) else "again")
    return Finished(row.path, made, new)


async def origin_of(given: Services, reseller: str, host: str) -> str | None:
    """Where a Host header (lower case) leads people of this reseller's tenants: the portal's own address, or a name of the reseller's
    brand that is nobody else's. None for all others, to which nobody is ever sent.
    """
    portal = urlsplit(given.settings.portal)
    if host == portal.netloc.lower():
        return f"{portal.scheme}://{portal.netloc}"
    name, _, port = host.partition(":")
    if _loopback(portal.hostname or "") and _loopback(name) and port == str(portal.port or ""):
        return f"{portal.scheme}://{host}"  # development: localhost and 127.0.0.1 are one
    if port:
        return None
    async with given.database.platform() as scope:
        found = await resellers.of_host(scope, host)
    return f"https://{host}" if found is not None and found.id == reseller and found.state == "active" else None


def callback_url(given: Services) -> str:
    """The one address that systems know of us."""
    return f"{given.settings.connect}{CALLBACK}"


async def _proven(given: Services, tenant: str, row: FlowRow, code: str, kept: Mapping[str, object]) -> tuple[Proven, Granted]:
    module = module_of(row.adapter)
    auth, client = oauth_of(module.manifest), await client_of(given, row.owner, row.adapter)
    if auth is None or client is None or client.id != row.client_id:
        raise Refused
    verifier, fields = str(kept["verifier"]), kept["fields"]
    values = {"code": code, "redirect_uri": callback_url(given), **({"code_verifier": verifier} if auth.pkce else {})}
    granted = await ask(given, row.adapter, auth, client, "authorization_code", values)
    fields = fields if isinstance(fields, dict) else {}
    signer = FixedSigner({"authorization": f"Bearer {granted.access}"})
    return Proven(module, "oauth", fields, await whose(given, tenant, module, "oauth", fields, signer)), granted


async def _kept(
    scope: TenantScope, given: Services, by: Beginner, row: FlowRow, proven: Proven, granted: Granted
) -> tuple[Connection, bool]:
    made, new = await keep_proven(scope, given, proven, id=row.connection_id, granted=granted, owner=row.owner)
    details = {"adapter": made.adapter, "account": made.account, "by": "oauth"}
    action = "connection.created" if new else "connection.reconnected"
    await audit.record(scope, given.clock(), by.principal, action, made.id, details, by.ip)
    return made, new


def _address(given: Services, auth: OAuth, client_id: str, state: str, verifier: str) -> str:
    pkce = {"code_challenge": create_s256_code_challenge(verifier), "code_challenge_method": "S256"} if auth.pkce else {}
    made: str = prepare_grant_uri(
        auth.authorize_url,
        client_id=client_id,
        response_type="code",
        redirect_uri=callback_url(given),
        scope=" ".join(auth.scopes),
        state=state,
        **pkce,
        **auth.authorize,
    )
    return made


def _issued(given: Services, adapter: str, auth: OAuth, iss: str) -> bool:
    """Whether an answer that says whose it is (RFC 9207) is this system's."""
    if not iss:
        return True
    if auth.issuer:
        return iss == auth.issuer
    ours = {_origin(one) for url in (auth.authorize_url, auth.token_url) for one in (url, given.systems.outward(adapter, url))}
    return _origin(iss) in ours


def _origin(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:  # brackets that do not close
        return "", ""
    return parts.scheme, parts.netloc.lower()


def _loopback(name: str) -> bool:
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
