"""A recording as an answer over HTTP, whole or in part: of the API's route and of the portal's."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from fastapi import Response
from fastapi.responses import StreamingResponse

from offhook.orchestrator.auth.access import TenantAccess
from offhook.orchestrator.errors import answer
from offhook.orchestrator.recordings import ops
from offhook.orchestrator.recordings.ranges import Range, Unsatisfiable, parse
from offhook.orchestrator.recordings.schemas import RecordingView

SOUND: Final = "audio/flac"
Sound: TypeAlias = Literal["recording", "message"]


async def sound(
    access: TenantAccess, call: str, wanted: str | None, if_range: str | None, *, download: bool, kind: Sound = "recording"
) -> Response:
    """A call's recording or message for the headers Range and If-Range. Who listens is written down. NotFound."""
    view, stored = await ops.fetch(access.given, access.scope, call, kind)
    try:
        part = parse(wanted, view.size) if if_range in {None, _tag(view)} else None
    except Unsatisfiable:
        return answer(416, "range", f"the {kind} has no such bytes", headers={"Content-Range": f"bytes */{view.size}"})
    await access.audit(f"call.{kind}.read", call, {"range": [part.first, part.last]} if part else {})
    whole = Range(0, view.size - 1)
    pieces = stored.read((part or whole).first, (part or whole).last)
    return StreamingResponse(pieces, 206 if part else 200, headers(call, view, part, download=download), SOUND)


def headers(call: str, view: RecordingView, part: Range | None, *, download: bool) -> dict[str, str]:
    """Of a recording or a part of it."""
    found = {
        "Accept-Ranges": "bytes",
        "Content-Disposition": f'{"attachment" if download else "inline"}; filename="{call}.flac"',
        "Content-Length": str(part.length if part else view.size),
        "ETag": _tag(view),
    }
    if part is not None:
        found["Content-Range"] = f"bytes {part.first}-{part.last}/{view.size}"
    return found


def _tag(view: RecordingView) -> str:
    return f'"{view.sha256}"'
