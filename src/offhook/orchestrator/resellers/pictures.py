"""A reseller's pictures: its logo in both modes, and what stands in the browser's tab."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final, Literal, cast, get_args

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from offhook.errors import NotFound
from offhook.orchestrator.resellers.logo import Picture, clean
from offhook.orchestrator.resellers.tables import PictureRow
from offhook.orchestrator.scope import PlatformScope, ResellerScope

Kind = Literal["light", "dark", "icon"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


async def put(scope: ResellerScope, kind: Kind, data: bytes, now: datetime) -> str:
    """Keep a picture, made harmless, in place of the one before; its version. Invalid says why it cannot be."""
    picture = clean(data)
    version = hashlib.sha256(picture.body).hexdigest()[:16]
    row = {"media_type": picture.media_type, "body": picture.body, "version": version, "updated_at": now}
    made = insert(PictureRow).values(reseller_id=scope.reseller, kind=kind, **row)
    await scope.session.execute(made.on_conflict_do_update(index_elements=["reseller_id", "kind"], set_=row))
    return version


async def drop(scope: ResellerScope, kind: Kind) -> None:
    """Let a picture go; NotFound."""
    gone = delete(PictureRow).where(PictureRow.reseller_id == scope.reseller, PictureRow.kind == kind).returning(PictureRow.kind)
    if (await scope.session.execute(gone)).first() is None:
        raise NotFound("there is no such picture")


async def versions(scope: ResellerScope | PlatformScope, reseller: str) -> dict[Kind, str]:
    """Which pictures there are, each with its version."""
    query = select(PictureRow.kind, PictureRow.version).where(PictureRow.reseller_id == reseller)
    return {cast("Kind", row.kind): row.version for row in await scope.session.execute(query)}


async def get(scope: ResellerScope | PlatformScope, reseller: str, kind: Kind) -> Picture:
    """A picture; NotFound."""
    query = select(PictureRow.media_type, PictureRow.body).where(PictureRow.reseller_id == reseller, PictureRow.kind == kind)
    row = (await scope.session.execute(query)).one_or_none()
    if row is None:
        raise NotFound("there is no such picture")
    return Picture(row.media_type, row.body)
