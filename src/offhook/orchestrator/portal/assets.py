"""The portal's files: read once, named by what is in them, so that a browser keeps each for ever and never an old one."""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response

from offhook.errors import NotFound

FOLDER: Final = Path(__file__).parent / "static"
TALK: Final = Path(str(files("offhook.transports"))) / "static" / "talk"
SHARED: Final = ("line.js", "rtc.js", "worklet.js")
"""What of the page at an engine's ``/talk`` carries a call: the portal has it as ``talk/...``, so that there is one of it."""
TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".woff2": "font/woff2", ".txt": "text/plain"}
FOR_EVER: Final = "public, max-age=31536000, immutable"
_URL: Final = re.compile(rb'url\("([^"?:]+)"\)')


@dataclass(frozen=True, slots=True)
class Asset:
    """A file and its hash; ``packed`` is smaller, or not there."""

    body: bytes
    packed: bytes | None
    type: str
    version: str


class Assets:
    """All files by their path under ``static``."""

    def __init__(self, folder: Path = FOLDER) -> None:
        raw = {one.relative_to(folder).as_posix(): one.read_bytes() for one in folder.rglob("*") if one.suffix in TYPES}
        raw |= {f"talk/{name}": (TALK / name).read_bytes() for name in SHARED}
        self._found: dict[str, Asset] = {}
        # Style sheets last: they name other files, by their hashes.
        for name in sorted(raw, key=lambda one: (one.endswith(".css"), one)):
            body = _URL.sub(self._named(name), raw[name]) if name.endswith(".css") else raw[name]
            packed = gzip.compress(body, 9, mtime=0) if TYPES[Path(name).suffix] != "font/woff2" else None
            self._found[name] = Asset(body, packed, TYPES[Path(name).suffix], hashlib.sha256(body).hexdigest()[:12])

    def href(self, name: str) -> str:
        """Where a page finds it."""
        return f"/static/{name}?v={self._found[name].version}"

    def get(self, name: str) -> Asset | None:
        """By its path."""
        return self._found.get(name)

    def _named(self, sheet: str) -> Callable[[re.Match[bytes]], bytes]:
        folder = Path(sheet).parent

        def replace(found: re.Match[bytes]) -> bytes:
            return f'url("{self.href((folder / found.group(1).decode()).as_posix())}")'.encode()

        return replace


router = APIRouter(tags=["portal"], include_in_schema=False)


@router.get("/static/{name:path}", response_class=Response)
async def static_file(
    name: str,
    request: Request,
    v: Annotated[str, Query(max_length=64)] = "",
    accepted: Annotated[str, Header(alias="Accept-Encoding")] = "",
) -> Response:
    """A file; under its own hash for ever, otherwise asked for anew each time."""
    assets: Assets = request.app.state.portal.assets
    found = assets.get(name)
    if found is None:
        raise NotFound("no such file")
    headers = {"Cache-Control": FOR_EVER if v == found.version else "no-cache", "ETag": f'"{found.version}"'}
    if found.packed is not None:
        headers["Vary"] = "Accept-Encoding"
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(None, 304, headers)
    if found.packed is not None and takes_gzip(accepted):
        return Response(found.packed, 200, headers | {"Content-Encoding": "gzip"}, found.type)
    return Response(found.body, 200, headers, found.type)


def takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding names gzip and does not refuse it."""
    for one in accepted.split(","):
        name, _, weight = one.strip().partition(";")
        if name.strip().lower() == "gzip":
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
