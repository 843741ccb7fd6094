"""Passwords: argon2id (RFC 9106 section 4, second recommended option), off the event loop and few at a time."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from anyio import CapacityLimiter, to_thread
from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from offhook.errors import Fault, Invalid, Retry, TooManyRequests

T = TypeVar("T")
SHORTEST: Final = 12
LONGEST: Final = 256
AT_ONCE: Final = 2
"""Hashes at a time: each takes a core for about 0.1 s and 64 MiB."""
WAITING: Final = 50
"""Requests that may wait for one; more are turned away rather than kept for long."""
COMMON: Final = frozenset(
    {
        "123456789012", "1234567890123", "12345678901234", "123123123123", "111111111111", "000000000000", "qwertyuiop12", "qwertyuiop123",
        "qwertyuiopasdfgh", "1q2w3e4r5t6y", "1qaz2wsx3edc", "password1234", "password12345", "password123456", "passwordpassword",
        "administrator", "iloveyou1234", "welcome12345", "changeme1234", "letmein12345", "abcdefghijkl", "abcdefghijklm", "abcd12345678",
        "q1w2e3r4t5y6", "qwerty123456", "qwerty1234567", "correcthorsebatterystaple", "trustno1trustno1", "unknown12345", "default12345",
        "offhookoffhook", "offhook12345",
    }
)  # fmt: skip
"""The most common of those that are long enough."""


def faults_of(password: str, email: str, field: str = "password") -> tuple[Fault, ...]:
    """What is wrong with a new password for the account of this mail address; nothing if it will do."""
    plain = unicodedata.normalize("NFKC", password).casefold()
    if len(password) < SHORTEST:
        return (Fault(field, f"at least {SHORTEST} characters"),)
    if len(password) > LONGEST:
        return (Fault(field, f"at most {LONGEST} characters"),)
    if "\0" in password:
        return (Fault(field, "has a character that no keyboard makes"),)
    if plain in {email.casefold(), email.casefold().partition("@")[0]}:
        return (Fault(field, "is the mail address"),)
    if plain in COMMON or len(set(plain)) < 4:
        return (Fault(field, "is one that everybody tries first"),)
    return ()


def check(password: str, email: str, field: str = "password") -> None:
    """Invalid if the password will not do."""
    if faults := faults_of(password, email, field):
        raise Invalid(f"the password will not do: {faults[0].message}", faults=faults)


class Passwords:
    """Hashes and verifies; one for each app."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher(time_cost=3, memory_cost=65_536, parallelism=4, type=Type.ID)
        self._room = CapacityLimiter(AT_ONCE)
        self._pending = 0
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """The hash in PHC format, with its parameters and a salt of its own."""
        return await self._run(partial(self._hasher.hash, _canonical(password)))

    async def verify(self, hash: str | None, password: str) -> bool:
        """Whether the password is the hash's. Without a hash (no such account, or none with a password) as much time goes by."""
        if self._nobody is None:
            self._nobody = await self.hash("nobody has this password")
        right = await self._run(partial(self._matches, hash or self._nobody, _canonical(password)))
        return right and hash is not None

    def outdated(self, hash: str) -> bool:
        """Whether the hash was made with other parameters than today's, so that it should be made anew while the password is known."""
        return self._hasher.check_needs_rehash(hash)

    def _matches(self, hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(hash, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._pending >= AT_ONCE + WAITING:
            raise TooManyRequests("too many people are signing in: try again in a moment", retry=Retry(2.0))
        self._pending += 1
        try:
            return await to_thread.run_sync(work, limiter=self._room)
        finally:
            self._pending -= 1


def _canonical(password: str) -> str:
    """The same characters however a keyboard composed them (NIST SP 800-63B section 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)
