"""One-time codes of a person's app, and recovery codes."""

from __future__ import annotations

from offhook.errors import Conflict, Fault, Invalid
from offhook.orchestrator.people import totp
from offhook.orchestrator.people.repo import Directory
from offhook.orchestrator.people.schemas import TotpEnrolment
from offhook.orchestrator.people.tables import PersonRow
from offhook.orchestrator.scope import PlatformScope
from offhook.orchestrator.services import Services

ISSUER = "offhook"


async def enrol(given: Services, scope: PlatformScope, person: PersonRow) -> TotpEnrolment:
    """A new secret, not in force before it is confirmed; Conflict while another is in force."""
    directory = Directory(scope)
    found = await directory.totp(person.id, lock=True)
    if found is not None and found.confirmed_at is not None:
        raise Conflict("one-time codes are on: turn them off first")
    secret = totp.new_secret()
    await directory.put_totp(person.id, await given.vault.seal(scope, _place(person.id), secret.encode()))
    return TotpEnrolment(secret=secret, uri=totp.uri(secret, person.email, ISSUER))


async def confirm(given: Services, scope: PlatformScope, person: str, code: str) -> tuple[str, ...]:
    """Put the new secret in force by a first code of it; the recovery codes."""
    directory = Directory(scope)
    found = await directory.totp(person, lock=True)
    if found is None or found.confirmed_at is not None:
        raise Conflict("there is nothing to confirm")
    secret = (await given.vault.open(scope, _place(person), found.secret)).decode()
    step = totp.step_of(secret, code.strip(), given.clock(), found.last_step)
    if step is None:
        raise Invalid("the code is wrong", faults=(Fault("code", "is not the app's code of this moment"),))
    codes = totp.recovery_codes()
    kept = [totp.recovery_digest(one) for one in codes]
    await directory.change_totp(person, confirmed_at=given.clock(), last_step=step, recovery=kept)
    return codes


async def use(given: Services, scope: PlatformScope, person: str, code: str) -> bool:
    """Whether the code is right and had not been used; from now on it has."""
    directory = Directory(scope)
    found = await directory.totp(person, lock=True)
    if found is None or found.confirmed_at is None:
        return False
    secret = (await given.vault.open(scope, _place(person), found.secret)).decode()
    step = totp.step_of(secret, code.strip(), given.clock(), found.last_step)
    if step is not None:
        await directory.change_totp(person, last_step=step)
        return True
    spent = totp.recovery_digest(code)
    if spent not in found.recovery:
        return False
    await directory.change_totp(person, recovery=[one for one in found.recovery if one != spent])
    return True


def _place(person: str) -> str:
    return f"person/{person}/totp"
