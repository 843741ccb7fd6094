"""Sealing: known values, and that nothing opens but what was sealed, where it was sealed."""

from __future__ import annotations

import base64
import io

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import SecretStr

from offhook.errors import ConfigError
from offhook.orchestrator.vault import files
from offhook.orchestrator.vault.files import HEAD, PIECE, FileKey
from offhook.orchestrator.vault.masters import Masters
from offhook.orchestrator.vault.seal import DataKey, Unsealable, bound, seal, unseal, unwrap, version_of, wrap

KEY = DataKey("ten_1", 3, bytes(range(32)))
MASTER = bytes(range(32, 64))
NONCE = bytes(range(12))
SEALED = "3467b569a091e053786e39742a3597399e3b4c47da51"
WRAPPED = "5c535fa44e30edebb4f0c3cd2a7e50330361fb777e04b0063c14c9a1a79cd5870361666daf850ea338ba076858cacbd8"
names = st.text(max_size=20)


def master(id: str, key: bytes = MASTER) -> SecretStr:
    return SecretStr(f"{id}:{base64.b64encode(key).decode()}")


def test_known_values() -> None:
    # Worked out apart from this code, with pyca's AESGCM and the additional data written out by hand.
    assert seal(KEY, "number/num_1/auth_token", b"secret", nonce=NONCE).hex() == "0100000003000102030405060708090a0b" + SEALED
    assert wrap(MASTER, "k1", KEY, nonce=NONCE).hex() == "01000102030405060708090a0b" + WRAPPED


def test_fields_are_bound_with_their_lengths() -> None:
    assert bound(b"ab", b"c") == b"\0\0\0\2ab\0\0\0\1c"
    assert bound(b"ab", b"c") != bound(b"a", b"bc")


@given(names, names, st.integers(0, 2**32 - 1), st.binary(max_size=300))
def test_what_was_sealed_opens(owner: str, place: str, version: int, secret: bytes) -> None:
    key = DataKey(owner, version, KEY.key)
    sealed = seal(key, place, secret)
    assert version_of(sealed) == version
    assert unseal(key, place, sealed) == secret
    assert seal(key, place, secret) != sealed


@given(names, names, names, names)
def test_nothing_opens_elsewhere(owner: str, place: str, other_owner: str, other_place: str) -> None:
    assume((owner, place) != (other_owner, other_place))
    sealed = seal(DataKey(owner, 3, KEY.key), place, b"secret")
    with pytest.raises(Unsealable):
        unseal(DataKey(other_owner, 3, KEY.key), other_place, sealed)


@given(st.binary(max_size=40), st.data())
def test_a_changed_bit_is_found(secret: bytes, data: st.DataObject) -> None:
    sealed = bytearray(seal(KEY, "place", secret))
    bit = data.draw(st.integers(0, len(sealed) * 8 - 1))
    sealed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Unsealable):
        unseal(KEY, "place", bytes(sealed))


@given(st.binary(max_size=60))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(Unsealable):
        unseal(KEY, "place", noise)
    with pytest.raises(Unsealable):
        unwrap(MASTER, "k1", "ten_1", 3, noise)


def test_another_version_or_key_opens_nothing() -> None:
    sealed = seal(KEY, "place", b"secret")
    for other in (DataKey("ten_1", 4, KEY.key), DataKey("ten_1", 3, MASTER)):
        with pytest.raises(Unsealable):
            unseal(other, "place", sealed)


def test_a_wrapped_key_is_its_owners() -> None:
    wrapped = wrap(MASTER, "k1", KEY)
    assert unwrap(MASTER, "k1", "ten_1", 3, wrapped) == KEY
    for name, owner, version, key in (
        ("k2", "ten_1", 3, MASTER),
        ("k1", "ten_2", 3, MASTER),
        ("k1", "ten_1", 4, MASTER),
        ("k1", "ten_1", 3, KEY.key),
    ):
        with pytest.raises(Unsealable):
            unwrap(key, name, owner, version, wrapped)


def test_keys_are_not_shown() -> None:
    masters = Masters.parse([master("k1")])
    shown = f"{KEY!r} {masters!r} {FileKey.new(KEY, 'place')!r}"
    assert repr(KEY.key) not in shown
    assert repr(MASTER) not in shown
    assert "ten_1" in shown


def test_master_keys_are_read() -> None:
    masters = Masters.parse([master("new", bytes(32)), master("old")])
    assert masters.first() == ("new", bytes(32))
    assert masters.get("old") == MASTER
    with pytest.raises(ConfigError, match="the master key gone is missing"):
        masters.get("gone")
    with pytest.raises(ConfigError, match="set OFFHOOK_ORCHESTRATOR_MASTER_KEYS"):
        Masters.parse([]).first()


@pytest.mark.parametrize(
    "wrong", ["", "k1", "k1:", ":QQ==", "k1:QQ==", "k 1:" + base64.b64encode(MASTER).decode(), "k1:" + "!" * 44, "k1:é"]
)
def test_a_faulty_master_key_is_named_but_not_shown(wrong: str) -> None:
    with pytest.raises(ConfigError, match="master key 2 is not") as caught:
        Masters.parse([master("k0"), SecretStr(wrong)])
    assert not wrong.partition(":")[2] or wrong.partition(":")[2] not in str(caught.value)


def test_two_master_keys_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="two master keys have the id k1"):
        Masters.parse([master("k1"), master("k1", bytes(32))])


def sealed_file(data: bytes, *, step: int = 50_000) -> bytes:
    out = io.BytesIO()
    writer = FileKey.new(KEY, "file").writer(out)
    for at in range(0, len(data), step):
        assert writer.write(data[at : at + step]) == len(data[at : at + step])
    writer.close()
    return out.getvalue()


def opened(sealed: bytes, place: str = "file", key: DataKey = KEY) -> bytes:
    assert FileKey.version_of(sealed[:HEAD]) == key.version
    return b"".join(FileKey.of(key, place, sealed[:HEAD]).read(io.BytesIO(sealed[HEAD:])))


@pytest.mark.parametrize("length", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 3 * PIECE + 17])
def test_a_file_of_any_length_comes_back(length: int) -> None:
    data = bytes(at % 251 for at in range(length))
    sealed = sealed_file(data)
    assert opened(sealed) == data
    assert len(sealed) == HEAD + length + 16 * max(1, -(-length // PIECE))
    assert sealed_file(data) != sealed


def test_a_file_cannot_be_cut_moved_or_repeated() -> None:
    sealed = sealed_file(bytes(2 * PIECE + 5))
    head, whole = sealed[:HEAD], PIECE + 16
    first, second, last = sealed[HEAD : HEAD + whole], sealed[HEAD + whole : HEAD + 2 * whole], sealed[HEAD + 2 * whole :]
    for pieces in (
        first + second,
        first,
        b"",
        second + first + last,
        first + last,
        first + second + second + last,
        first + second + last + last,
    ):
        with pytest.raises(Unsealable):
            opened(head + pieces)
    for place, key in (("other", KEY), ("file", DataKey("ten_2", 3, KEY.key)), ("file", DataKey("ten_1", 3, MASTER))):
        with pytest.raises(Unsealable):
            opened(sealed, place, key)
    for wrong in (b"", bytes(HEAD), sealed[: HEAD - 1]):
        with pytest.raises(Unsealable):
            FileKey.version_of(wrong)


def test_nonces_of_a_file_never_repeat() -> None:
    made = {files._nonce(number, last=last) for number in range(500) for last in (False, True)}
    assert len(made) == 1_000
    assert {len(one) for one in made} == {12}
