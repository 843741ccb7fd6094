"""A tenant's files are found whatever their kind, and no other's."""

from __future__ import annotations

from pathlib import Path

from offhook.orchestrator.tenants.files import folder, found, remove


def _write(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    return path


def test_all_of_its_own_go_and_no_others(tmp_path: Path) -> None:
    mine = [_write(folder(tmp_path, kind, "ten_1") / name) for kind in ("recordings", "exports", "new") for name in ("a", "deep/b")]
    kept = [
        _write(folder(tmp_path, "recordings", "ten_2") / "a"),
        _write(folder(tmp_path, "recordings", "ten_11") / "a"),
        _write(tmp_path / "postgres" / "ten_1" / "base"),
        _write(tmp_path / "keys.json"),
        _write(tmp_path / "recordings" / "index"),
    ]
    letters = [_write(tmp_path / "mail" / "mail_1.eml"), _write(tmp_path / "mail" / "mail_2.part")]
    assert len(found(tmp_path, "ten_1")) == 3
    assert remove(tmp_path, "ten_1") == len(mine) + len(letters)
    assert not any(path.exists() for path in mine + letters)
    assert all(path.exists() for path in kept)
    assert found(tmp_path, "ten_1") == []
    assert remove(tmp_path, "ten_1") == 0


def test_without_any_folder_there_is_nothing(tmp_path: Path) -> None:
    assert found(tmp_path / "none", "ten_1") == []
    assert remove(tmp_path / "none", "ten_1") == 0
