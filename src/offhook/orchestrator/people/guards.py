"""What an app keeps in memory about signing in: how often somebody has tried, and the room for hashing passwords."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from offhook.orchestrator.access import Given
from offhook.orchestrator.hooks.guard import Guard
from offhook.orchestrator.kit.limits import Limiter
from offhook.orchestrator.people.passwords import Passwords
from offhook.orchestrator.people.tokens import Signer
from offhook.orchestrator.services import Services

MINUTE, HOUR = 60.0, 3600.0


class Guards:
    """Limits by account and by address. That of an account alone is wide, so that nobody can lock its owner out by trying."""

    def __init__(self, given: Services) -> None:
        clock = given.clock
        secret = given.settings.secret.get_secret_value()
        self.passwords = Passwords()
        self.pending = Signer(secret, "one-time code")
        self.state = Signer(secret, "oidc state")
        self.guard = Guard.of(given.settings)
        self._address = Limiter(clock, 60, MINUTE, 60)
        self._pair = Limiter(clock, 10, 10 * MINUTE, 10)
        self._account = Limiter(clock, 100, HOUR, 100)
        self._code = Limiter(clock, 10, 15 * MINUTE, 5)
        self._forgot = Limiter(clock, 5, HOUR, 5)
        self._forgot_address = Limiter(clock, 30, HOUR, 30)
        self._token = Limiter(clock, 30, 10 * MINUTE, 30)
        self._provider = Limiter(clock, 30, MINUTE, 30)
        self._invite = Limiter(clock, 100, HOUR, 50)

    def sign_in(self, ip: str, email: str) -> None:
        """Before a password is looked at; TooManyRequests if it may not be."""
        self._address.check(ip)
        self._pair.check(f"{ip} {email}")
        self._account.check(email)

    def signed_in(self, ip: str, email: str) -> None:
        """The password was right."""
        self._pair.forget(f"{ip} {email}")
        self._account.forget(email)

    def code(self, ip: str, person: str) -> None:
        """Before a one-time code is looked at. Few, whoever asks: a code has a million values, and three of them are right."""
        self._address.check(ip)
        self._code.check(person)

    def code_right(self, person: str) -> None:
        """The code was right."""
        self._code.forget(person)

    def forgot(self, ip: str, email: str) -> None:
        """Before a mail for a new password."""
        self._forgot_address.check(ip)
        self._forgot.check(email)

    def token(self, ip: str) -> None:
        """Before a token of a mail is looked at."""
        self._token.check(ip)

    def provider(self, ip: str) -> None:
        """Before a provider is asked anything."""
        self._provider.check(ip)

    def invite(self, owner: str) -> None:
        """Before an invitation is sent on behalf of this tenant, reseller or platform."""
        self._invite.check(owner)


def guards(request: Request, given: Given) -> Guards:
    """The app's guards, made when they are first needed."""
    found: Guards | None = getattr(request.app.state, "people", None)
    if found is None:
        found = request.app.state.people = Guards(given)
    return found


Guarded = Annotated[Guards, Depends(guards)]
