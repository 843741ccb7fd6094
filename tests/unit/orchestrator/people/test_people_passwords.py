"""What a password must be, and how it is kept."""

from __future__ import annotations

import unicodedata
from typing import Literal

import anyio
import pytest
from argon2 import PasswordHasher

from offhook.errors import Invalid, TooManyRequests
from offhook.orchestrator.people import passwords
from offhook.orchestrator.people.passwords import Passwords, check, faults_of

CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
EMAIL = "someone.in.particular@example.com"


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("short", "at least 12"),
        ("x" * 300, "at most 256"),
        (EMAIL, "mail address"),
        (EMAIL.upper(), "mail address"),
        ("someone.in.particular", "mail address"),
        ("Password1234", "everybody"),
        ("ababababababab", "everybody"),
        ("long enough \0 yes", "keyboard"),
    ],
)
def test_refused(password: str, why: str) -> None:
    [fault] = faults_of(password, EMAIL)
    assert why in fault.message
    with pytest.raises(Invalid, match=why) as caught:
        check(password, EMAIL)
    assert password not in str(caught.value)


def test_taken() -> None:
    check("four ordinary words 7", EMAIL)
    check("слово и ещё одно слово", EMAIL)


async def test_verify() -> None:
    made = Passwords(CHEAP)
    kept = await made.hash("four ordinary words")
    assert kept.startswith("$argon2id$")
    assert await made.verify(kept, "four ordinary words")
    assert not await made.verify(kept, "four ordinary word")
    assert not await made.verify("no hash at all", "four ordinary words")


async def test_the_same_letters_composed_otherwise() -> None:
    made = Passwords(CHEAP)
    assert await made.verify(
        await made.hash(unicodedata.normalize("NFD", "crème brûlée été")), unicodedata.normalize("NFC", "crème brûlée été")
    )


async def test_without_an_account_a_hash_is_computed_all_the_same() -> None:
    computed: list[str] = []

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
            computed.append(str(hash))
            return super().verify(hash, password)

    made = Passwords(Counting(time_cost=1, memory_cost=8, parallelism=1))
    assert not await made.verify(None, "four ordinary words")
    assert not await made.verify(None, "nobody has this password")
    assert [one.split("$")[3] for one in computed] == ["m=8,t=1,p=1"] * 2


async def test_outdated() -> None:
    old = await Passwords(CHEAP).hash("four ordinary words")
    new = Passwords(PasswordHasher(time_cost=2, memory_cost=8, parallelism=1))
    assert new.outdated(old)
    assert await new.verify(old, "four ordinary words")
    assert not new.outdated(await new.hash("four ordinary words"))


async def test_too_many_at_once_are_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "WAITING", 1)
    made = Passwords(PasswordHasher(time_cost=2, memory_cost=16_384, parallelism=1))
    refused: list[TooManyRequests] = []

    async def one() -> None:
        try:
            await made.hash("four ordinary words")
        except TooManyRequests as error:
            refused.append(error)

    async with anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(one)
    assert len(refused) == 5
    assert refused[0].retry.after
