"""How pages look, kept in cookies that the server reads, so that nothing jumps; and the brand's colours."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from offhook.errors import NotFound
from offhook.orchestrator.access import Given
from offhook.orchestrator.portal.assets import FOR_EVER
from offhook.orchestrator.portal.frame import DENSITIES, DENSITY_COOKIE, THEME_COOKIE, THEMES, Brand, brand_of
from offhook.orchestrator.portal.security import Posted
from offhook.orchestrator.resellers import pictures
from offhook.orchestrator.resellers.logo import Picture

router = APIRouter(tags=["portal"], include_in_schema=False)
_YEAR: Final = 31_536_000
_PATH: Final = re.compile(r"/([\x21-\x2e\x30-\x5b\x5d-\x7e][\x21-\x5b\x5d-\x7e]*)?")


def own_path(text: str) -> str:
    """A path of ours to go on to; the first page for anything else, so that no form leads elsewhere."""
    return text if len(text) <= 500 and _PATH.fullmatch(text) else "/"


@router.post("/look", response_class=RedirectResponse)
async def choose_look(fields: Posted) -> RedirectResponse:
    """Remember a theme or how dense tables are, and go back."""
    answer = RedirectResponse(own_path(fields.get("back", "/")), 303)
    for name, cookie, values in (("theme", THEME_COOKIE, THEMES), ("density", DENSITY_COOKIE, DENSITIES)):
        if (value := fields.get(name)) in values:
            answer.set_cookie(cookie, value or "", max_age=_YEAR, path="/", secure=True, httponly=True, samesite="lax")
    return answer


@router.get("/brand.css", response_class=Response)
async def brand_css(request: Request, given: Given, v: Annotated[str, Query(max_length=64)] = "") -> Response:
    """The colours of the brand that this host is."""
    brand = await brand_of(given, request.headers.get("host", ""))
    return Response(brand.css, 200, _kept(brand, v), "text/css")


@router.get("/icon.svg", response_class=Response)
async def brand_icon(request: Request, given: Given, v: Annotated[str, Query(max_length=64)] = "") -> Response:
    """The mark of the brand that this host is."""
    brand = await brand_of(given, request.headers.get("host", ""))
    if brand.reseller is not None and "icon" in brand.pictures:
        async with given.database.platform() as scope:
            return shown(await pictures.get(scope, brand.reseller, "icon"), _kept(brand, v))
    return Response(brand.icon, 200, _kept(brand, v), "image/svg+xml")


@router.get("/brand/{kind}", response_class=Response)
async def brand_logo(
    request: Request, given: Given, kind: Literal["light", "dark"], v: Annotated[str, Query(max_length=64)] = ""
) -> Response:
    """The logo of the brand that this host is."""
    brand = await brand_of(given, request.headers.get("host", ""))
    if brand.reseller is None or kind not in brand.pictures:
        raise NotFound("no logo")
    async with given.database.platform() as scope:
        picture = await pictures.get(scope, brand.reseller, kind)
    return shown(picture, {"Cache-Control": FOR_EVER if v == brand.pictures[kind] else "no-cache"})


def shown(picture: Picture, headers: dict[str, str]) -> Response:
    """A picture that somebody brought: looked at by itself it may do nothing at all."""
    closed = {"Content-Security-Policy": "default-src 'none'; sandbox", "X-Content-Type-Options": "nosniff"}
    return Response(picture.body, 200, headers | closed, picture.media_type)


def _kept(brand: Brand, version: str) -> dict[str, str]:
    return {"Cache-Control": FOR_EVER if version == brand.version else "no-cache", "ETag": f'"{brand.version}"'}
