"""Where a tenant's files lie: ``state_dir/<kind>/<tenant>/...``, whatever the kind, so that all of them are found again.

Mail that lands in a folder, as it does in development, is not kept by tenant.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

SERVER: Final = "postgres"
"""The embedded database's own folder, which may not be looked into while it runs."""
MAIL: Final = "mail"


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
    """Remove them, and mail in the folder: whom a copy concerns nobody can say any more. How many files there were. May be run again."""
    files = 0
    for letter in (state / MAIL).glob("*.*"):
        letter.unlink(missing_ok=True)
        files += 1
    for one in found(state, tenant):
        files += sum(1 for path in one.rglob("*") if not path.is_dir())
        shutil.rmtree(one)
    return files
