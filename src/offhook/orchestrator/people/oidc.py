"""What a relying party of OpenID Connect asks a provider and believes of it (Core 1.0, Discovery 1.0; code flow with PKCE, RFC 7636).

Authlib makes the requests' parameters and judges the claims, joserfc checks the signature, and every request goes through the guard: a
provider's address, and every address that its own document names, is somebody else's choice.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import BaseModel, Field, ValidationError

from offhook.addresses import BadUrl
from offhook.errors import NotPermitted, Unreachable
from offhook.orchestrator.hooks.guard import Answer, Guard, NoAnswer

log = logging.getLogger(__name__)
SCOPE: Final = "openid email profile"
ALGORITHMS: Final = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519"]
"""What an ID token may be signed by: public keys only, whatever the token or the provider's document says."""
LEEWAY_S: Final = 60
WITHIN_S: Final = 8.0
MOST: Final = 256 * 1024
"""Bytes of an answer."""
UNBELIEVED: Final = "the sign-in provider's answer cannot be believed"


class Metadata(BaseModel):
    """What a provider says of itself (Discovery 1.0 section 3)."""

    issuer: str = Field(max_length=500)
    authorization_endpoint: str = Field(max_length=2_000)
    token_endpoint: str = Field(max_length=2_000)
    jwks_uri: str = Field(max_length=2_000)
    userinfo_endpoint: str | None = Field(default=None, max_length=2_000)
    token_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]
    authorization_response_iss_parameter_supported: bool = False


@dataclass(frozen=True, slots=True)
class Client:
    """Who we are to a provider."""

    id: str
    secret: str
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a code was changed for."""

    id_token: str
    access_token: str | None


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom the provider has signed in. ``email`` is as the provider writes it."""

    issuer: str
    subject: str
    email: str | None
    email_verified: bool
    name: str


class Provider:
    """A provider as the guard lets us reach it; Unreachable where it does not answer as it should, NotPermitted where it lies."""

    def __init__(self, guard: Guard, metadata: Metadata) -> None:
        self._guard = guard
        self.metadata = metadata

    @classmethod
    async def discover(cls, guard: Guard, issuer: str) -> Provider:
        """Read what the issuer says of itself: it must be called exactly what its owner has called it."""
        document = await _json(guard, "GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration", {})
        try:
            metadata = Metadata.model_validate(document)
            guard.check(metadata.authorization_endpoint)
        except (ValidationError, BadUrl) as error:
            raise Unreachable("the sign-in provider's configuration is not as it should be", detail=str(error)) from error
        if metadata.issuer != issuer:
            raise Unreachable("the sign-in provider calls itself by another name than the issuer that is set here")
        return cls(guard, metadata)

    def address(self, client_id: str, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """Where the browser goes."""
        made: str = prepare_grant_uri(
            self.metadata.authorization_endpoint,
            client_id=client_id,
            response_type="code",
            redirect_uri=redirect_uri,
            scope=SCOPE,
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return made

    async def exchange(self, client: Client, code: str, verifier: str) -> Tokens:
        """Change the code for tokens."""
        methods = self.metadata.token_endpoint_auth_methods_supported
        method = "client_secret_post" if "client_secret_post" in methods and "client_secret_basic" not in methods else "client_secret_basic"
        body = prepare_token_request("authorization_code", redirect_uri=client.redirect_uri, code=code, code_verifier=verifier)
        plain = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        url, headers, body = ClientAuth(client.id, client.secret, method).prepare("POST", self.metadata.token_endpoint, plain, body)
        answer = await _json(self._guard, "POST", url, headers, body.encode(), refused=True)
        id_token, access_token = answer.get("id_token"), answer.get("access_token")
        if not isinstance(id_token, str):
            raise NotPermitted("the sign-in provider did not say who you are")
        return Tokens(id_token, access_token if isinstance(access_token, str) else None)

    async def subject(self, client: Client, tokens: Tokens, nonce: str, now: datetime) -> Subject:
        """Who the ID token says that it is, once its signature, issuer, audience, times and nonce are right."""
        claims = self._believe(await self._keys(), client, tokens, nonce, now)
        sub = claims["sub"]
        if not isinstance(sub, str) or not 0 < len(sub) <= 255 or not sub.isprintable():
            raise NotPermitted(UNBELIEVED)
        if "email" not in claims:
            claims = await self._more(tokens, sub) | claims
        email, name = claims.get("email"), claims.get("name")
        return Subject(
            self.metadata.issuer,
            sub,
            email if isinstance(email, str) else None,
            claims.get("email_verified") is True,
            name if isinstance(name, str) else "",
        )

    def _believe(self, keys: KeySet, client: Client, tokens: Tokens, nonce: str, now: datetime) -> dict[str, Any]:
        options = {"iss": {"essential": True, "value": self.metadata.issuer}, "aud": {"essential": True, "value": client.id}}
        params = {"client_id": client.id, "nonce": nonce, "access_token": tokens.access_token}
        try:
            token = jwt.decode(tokens.id_token, keys, algorithms=ALGORITHMS)
            claims = CodeIDToken(token.claims, token.header, options, params)
            claims.validate(int(now.timestamp()), LEEWAY_S)
        except (JoseError, ValueError, TypeError) as error:  # a claim of another type than it should be is a TypeError
            log.warning("an ID token was refused: %s", type(error).__name__)
            raise NotPermitted(UNBELIEVED, detail=str(error)) from error
        return dict(claims)

    async def _keys(self) -> KeySet:
        document = await _json(self._guard, "GET", self.metadata.jwks_uri, {})
        try:
            return KeySet.import_key_set({"keys": document.get("keys", [])})
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise Unreachable("the sign-in provider's keys cannot be read", detail=str(error)) from error

    async def _more(self, tokens: Tokens, sub: str) -> dict[str, Any]:
        """What the provider says elsewhere of the same subject (Core 1.0 section 5.3)."""
        if self.metadata.userinfo_endpoint is None or tokens.access_token is None:
            return {}
        headers = {"authorization": f"Bearer {tokens.access_token}"}
        found = await _json(self._guard, "GET", self.metadata.userinfo_endpoint, headers)
        if found.get("sub") != sub:
            raise NotPermitted(UNBELIEVED)
        return found


async def _json(
    guard: Guard, method: str, url: str, headers: Mapping[str, str], content: bytes = b"", *, refused: bool = False
) -> dict[str, Any]:
    """A JSON document. ``refused``: an answer of 4xx means that the person may not come in, not that the provider is broken."""
    try:
        answer: Answer = await guard.request(
            method, url, headers={"accept": "application/json", **headers}, content=content, within=WITHIN_S, most=MOST
        )
    except NoAnswer as error:
        raise Unreachable("the sign-in provider does not answer", detail=error.sentence) from error
    if refused and 400 <= answer.status < 500:
        raise NotPermitted("the sign-in provider did not let you in: begin again", detail=str(answer.status))
    if answer.status != 200 or answer.cut:
        raise Unreachable("the sign-in provider does not answer as it should", detail=str(answer.status))
    try:
        found = json.loads(answer.body)
    except ValueError as error:
        raise Unreachable("the sign-in provider does not answer as it should") from error
    if not isinstance(found, dict):
        raise Unreachable("the sign-in provider does not answer as it should")
    return found
