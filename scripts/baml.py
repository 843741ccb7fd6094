"""Generate the client of orchestrator/extraction/baml_src, or with ``--check`` fail where it is out of date. Needs no network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "src" / "offhook" / "orchestrator" / "extraction"


def generate(folder: Path) -> None:
    """Write ``baml_client`` beside a folder's ``baml_src``."""
    cli = Path(sys.executable).parent / "baml-cli"
    done = subprocess.run(
        [str(cli), "generate", "--from", str(folder / "baml_src")],
        capture_output=True,
        text=True,
        env={**os.environ, "BAML_LOG": "warn"},
        check=False,
    )
    if done.returncode:
        sys.exit(done.stdout + done.stderr)


def texts(folder: Path) -> dict[str, str]:
    """The generated files."""
    return {one.name: one.read_text(encoding="utf-8") for one in sorted((folder / "baml_client").glob("*.py"))}


def main() -> None:
    if "--check" not in sys.argv[1:]:
        generate(FOLDER)
        return
    with tempfile.TemporaryDirectory() as name:
        fresh = Path(name)
        shutil.copytree(FOLDER / "baml_src", fresh / "baml_src")
        generate(fresh)
        old, new = texts(FOLDER), texts(fresh)
    stale = sorted(one for one in {*old, *new} if old.get(one) != new.get(one))
    if stale:
        sys.exit(f"out of date: {', '.join(stale)} in {FOLDER / 'baml_client'}; run scripts/baml.py")


if __name__ == "__main__":
    main()
