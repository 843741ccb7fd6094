"""Fetch the portal's vendored assets anew: exact versions, by ``npm pack``, from whatever registry npm is set to.

Nothing of this happens when the project is built or run: the files are committed, with their licences and SHA-256 in one manifest.
``--check``: exit 1 if a file is not what the manifest says; needs no network.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
SHIPPED: Final = Path("src/offhook/orchestrator/portal/static/vendor")
TESTS: Final = Path("tests/e2e/vendor")
MANIFEST: Final = ROOT / SHIPPED / "manifest.json"


@dataclass(frozen=True, slots=True)
class Package:
    """What is taken of a package: files by their path in it, each with the name that it has here."""

    name: str
    version: str
    licence: str
    files: dict[str, str]
    folder: Path = SHIPPED

    @property
    def licence_file(self) -> Path:
        """Where its licence stands here."""
        return self.folder / f"LICENSE-{re.sub(r'[^a-z0-9]+', '-', self.name).strip('-')}.txt"


PACKAGES: Final = (
    Package(
        "htmx.org",
        "4.0.1",
        "0BSD",
        {
            "dist/htmx.min.js": "htmx.js",
            "dist/ext/hx-sse.min.js": "hx-sse.js",
            "dist/ext/hx-csp.min.js": "hx-csp.js",
            "dist/ext/hx-preload.min.js": "hx-preload.js",
        },
    ),
    Package(
        "@fontsource-variable/instrument-sans",
        "5.3.0",
        "OFL-1.1",
        {
            "files/instrument-sans-latin-wght-normal.woff2": "instrument-sans-latin.woff2",
            "files/instrument-sans-latin-ext-wght-normal.woff2": "instrument-sans-latin-ext.woff2",
        },
    ),
    Package(
        "@fontsource-variable/geist-mono",
        "5.3.0",
        "OFL-1.1",
        {
            "files/geist-mono-latin-wght-normal.woff2": "geist-mono-latin.woff2",
            "files/geist-mono-latin-ext-wght-normal.woff2": "geist-mono-latin-ext.woff2",
        },
    ),
    Package("lucide-static", "1.62.0", "ISC", {}),
    Package("axe-core", "4.14.1", "MPL-2.0", {"axe.min.js": "axe.js"}, TESTS),
)
SPRITE: Final = SHIPPED / "icons.svg"
ICONS: Final = (
    "activity", "archive", "archive-restore", "arrow-down", "arrow-left", "arrow-right", "arrow-up", "bell", "book-open", "bookmark",
    "bot", "braces", "briefcase", "building-2", "calendar-check", "calendar-days", "calendar-plus", "calendar-x", "check", "chevron-down",
    "chevron-left", "chevron-right", "chevron-up", "circle", "circle-alert", "circle-check", "circle-dashed", "circle-dot", "circle-help",
    "circle-x", "clock", "clock-3", "code", "copy", "credit-card", "database", "download", "ellipsis", "external-link", "eye", "eye-off",
    "file-text", "filter", "flag", "gauge", "git-branch", "git-compare", "grid-3x3", "grip-vertical", "hand", "hash", "headphones",
    "history", "hourglass", "image", "info", "key", "key-round", "keyboard", "link", "list", "lock", "log-in", "log-out", "mail",
    "map-pin", "message-square", "mic", "mic-off", "minus", "moon", "octagon-x", "palette", "pause", "pencil", "phone", "phone-call",
    "phone-forwarded", "phone-incoming", "phone-missed", "phone-off", "phone-outgoing", "play", "plug", "plus", "radio", "refresh-cw",
    "rotate-ccw", "save", "scissors", "search", "send", "server", "settings", "share-2", "shield", "signature", "skip-back",
    "skip-forward", "sliders-horizontal", "star", "sun", "sun-moon", "tag", "terminal", "timer", "trash-2", "triangle", "triangle-alert",
    "undo-2", "upload", "user", "user-check", "user-plus", "user-x", "users", "voicemail", "volume-2", "webhook", "workflow", "wrench",
    "x", "zap",
)  # fmt: skip
"""What the sprite holds: add a name and run this script."""


def pack(package: Package, folder: Path) -> dict[str, bytes]:
    """All files of a package by their path in it."""
    wanted = f"{package.name}@{package.version}"
    done = subprocess.run(["npm", "pack", "--silent", wanted], cwd=folder, check=True, capture_output=True, text=True)
    with tarfile.open(folder / done.stdout.split()[-1]) as archive:
        members = [one for one in archive.getmembers() if one.isfile()]
        return {one.name.removeprefix("package/"): _read(archive, one) for one in members}


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    opened = archive.extractfile(member)
    return opened.read() if opened else b""


def sprite(files: dict[str, bytes]) -> bytes:
    """The icons of the list as symbols of one file."""
    symbols = []
    for name in ICONS:
        text = files[f"icons/{name}.svg"].decode()
        inner = " ".join(re.sub(r"(?s)^.*?<svg.*?>|</svg>\s*$", "", text).split())
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{inner}</symbol>')
    lines = "\n".join(symbols)
    return f'<svg xmlns="http://www.w3.org/2000/svg">\n{lines}\n</svg>\n'.encode()


def fetch() -> None:
    """Write every file and the manifest."""
    entries = []
    for package in PACKAGES:
        with tempfile.TemporaryDirectory() as folder:
            found = pack(package, Path(folder))
        written = {package.folder / name: (source, found[source]) for source, name in package.files.items()}
        if package.name == "lucide-static":
            written[SPRITE] = ("icons/*.svg", sprite(found))
        written[package.licence_file] = ("LICENSE", found["LICENSE"])
        files = []
        for path, (source, body) in written.items():
            (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
            (ROOT / path).write_bytes(body)
            files.append({"path": path.as_posix(), "from": source, "sha256": hashlib.sha256(body).hexdigest(), "bytes": len(body)})
        entries.append({"package": package.name, "version": package.version, "licence": package.licence, "files": files})
    MANIFEST.write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")


def faults(entries: list[dict[str, Any]]) -> list[str]:
    """What is not as the manifest says: packages, files, and files that nobody vouches for."""
    found = []
    pinned = {(one.name, one.version, one.licence) for one in PACKAGES}
    if (listed := {(one["package"], one["version"], one["licence"]) for one in entries}) != pinned:
        found.append(f"the manifest and scripts/vendor_assets.py name different packages: {sorted(listed ^ pinned)}")
    known = {MANIFEST.relative_to(ROOT).as_posix()}
    for file in (file for one in entries for file in one["files"]):
        path = ROOT / file["path"]
        known.add(file["path"])
        if not path.is_file():
            found.append(f"{file['path']} is missing")
        elif hashlib.sha256(path.read_bytes()).hexdigest() != file["sha256"]:
            found.append(f"{file['path']} is not what was fetched")
    for folder in (SHIPPED, TESTS):
        there = {one.relative_to(ROOT).as_posix() for one in (ROOT / folder).iterdir()}
        found += [f"{path} is in no manifest" for path in sorted(there - known)]
    return found


def main() -> int:
    if "--check" not in sys.argv:
        fetch()
    found = faults(json.loads(MANIFEST.read_text(encoding="utf-8")))
    for one in found:
        print(one)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
