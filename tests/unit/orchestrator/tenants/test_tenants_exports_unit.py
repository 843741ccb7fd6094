"""What of a table is left out of an export, and the zip that is sealed as it is written."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from offhook.errors import NotPermitted
from offhook.orchestrator.auth.permissions import IN_TENANT, ROLES
from offhook.orchestrator.tenants import exports
from offhook.orchestrator.tenants.archive import Archive
from offhook.orchestrator.vault.files import HEAD, FileKey
from offhook.orchestrator.vault.seal import DataKey

KEY = FileKey.new(DataKey("ten_1", 1, bytes(32)), "export/exp_1")


@pytest.mark.parametrize("column", ["secret", "old_secret", "client_secret", "token_end", "password_hash", "hash", "auth_token_end"])
def test_columns_that_stand_for_secrets_are_left_out(column: str) -> None:
    assert exports.SECRET.search(column)


@pytest.mark.parametrize("column", ["name", "hashtag", "sha256", "phone", "details"])
def test_other_columns_are_not(column: str) -> None:
    assert not exports.SECRET.search(column)


def test_a_source_reads_its_columns_in_the_order_of_its_key() -> None:
    source = exports.Source("call", ("tenant_id", "id", "at"), (), ("tenant_id", "id"))
    assert source.query() == ('select row_to_json(t)::text from (select "tenant_id", "id", "at" from "call" order by "tenant_id", "id") t')


@pytest.mark.parametrize("role", ["tenant_owner", "tenant_admin", "reseller_admin", "platform_admin"])
def test_who_may_read_everything_may_export(role: str) -> None:
    exports.need(ROLES[role] & IN_TENANT)  # type: ignore[index]


@pytest.mark.parametrize("role", ["viewer", "agent_editor"])
def test_who_may_not_may_not(role: str) -> None:
    with pytest.raises(NotPermitted):
        exports.need(ROLES[role] & IN_TENANT)  # type: ignore[index]


def test_a_zip_is_written_sealed_with_sizes_and_hashes(tmp_path: Path) -> None:
    path = tmp_path / "exports" / "ten_1" / "exp_1.part"
    archive = Archive.open(path, KEY)
    archive.begin("a.jsonl")
    archive.write(b"one\n")
    archive.write(b"two\n")
    archive.copy("b.flac", iter([bytes(100_000), b"end"]))
    archive.begin("c")
    size, digest = archive.close()
    sealed = path.read_bytes()
    clear = b"".join(KEY.read(io.BytesIO(sealed[HEAD:])))
    assert (size, digest) == (len(clear), hashlib.sha256(clear).hexdigest())
    with zipfile.ZipFile(io.BytesIO(clear)) as file:
        assert file.testzip() is None
        assert {name: file.read(name) for name in file.namelist()} == {
            "a.jsonl": b"one\ntwo\n",
            "b.flac": bytes(100_000) + b"end",
            "c": b"",
        }
        for name, known in archive.files.items():
            assert known == {"size": len(file.read(name)), "sha256": hashlib.sha256(file.read(name)).hexdigest()}
    archive.abandon()  # nothing after it was closed


def test_one_that_is_given_up_does_not_open(tmp_path: Path) -> None:
    path = tmp_path / "exp_1.part"
    archive = Archive.open(path, KEY)
    archive.begin("a")
    archive.write(bytes(200_000))
    archive.abandon()
    archive.abandon()
    with pytest.raises(Exception, match="cannot be opened"):
        list(KEY.read(io.BytesIO(path.read_bytes()[HEAD:])))
