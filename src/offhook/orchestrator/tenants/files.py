"""Where a tenant's files lie: ``state_dir/<kind>/<tenant>/...``, whatever the kind, so that all of them are found again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

SERVER: Final = "postgres"
"""The embedded database's own folder, which may not be looked into while it runs."""


def folder(state: Path, kind: str, tenant: str) -> Path:
    """The folder of one kind of a tenant's files."""
    return state / kind / tenant


def found(state: Path, tenant: str) -> list[Path]:
    """All folders of a tenant."""
    if not state.is_dir():
        return []
    kinds = (one for one in state.iterdir() if one.is_dir() and one.name != SERVER)
    return [folder(state, one.name, tenant) for one in kinds if folder(state, one.name, tenant).is_dir()]


def remove(state: Path, tenant: str) -> int:
    """Remove them; how many files there were. May be run again."""
    files = 0
    for one in found(state, tenant):
        files += sum(1 for path in one.rglob("*") if not path.is_dir())
        shutil.rmtree(one)
    return files
