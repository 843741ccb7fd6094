"""How an agency shows itself to its clients: name, colour, addresses, pictures."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import ValidationError

from offhook.errors import DomainError, PreconditionFailed
from offhook.orchestrator.auth.access import ResellerAccess, in_reseller
from offhook.orchestrator.portal.brand import OWN
from offhook.orchestrator.portal.forms import Typed, refused
from offhook.orchestrator.portal.frame import Frame, Framed, onward, reseller_shell
from offhook.orchestrator.portal.pages.look import shown
from offhook.orchestrator.portal.preview import previews
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.security import Posted, Upload, Uploaded
from offhook.orchestrator.portal.show import _
from offhook.orchestrator.resellers import ops, pictures
from offhook.orchestrator.resellers.pictures import KINDS, Kind
from offhook.orchestrator.resellers.schemas import ResellerChange

router = APIRouter(tags=["portal"], include_in_schema=False)
Reading = Annotated[ResellerAccess, in_reseller("reseller.read")]
Writing = Annotated[ResellerAccess, in_reseller("reseller.write")]
_TEXTS: Final = ("product_name", "sender_name")
_OPTIONAL: Final = ("sender_address", "support_address", "support_url", "colour")
_FIELDS: Final = {f"brand.{name}": name for name in (*_TEXTS, *_OPTIONAL, "hosts")} | {"name": "name"}
_NAMED: Final[dict[Kind, tuple[str, str]]] = {
    "light": ("Logo on light pages", "Wide and 28 pixels high on the page."),
    "dark": ("Logo on dark pages", "Without one, the other stands there too."),
    "icon": ("Mark in the browser's tab", "Square. Without one, it is the first letter in your colour."),
}


@router.get("/r/{reseller}/brand", response_class=HTMLResponse)
async def brand_page(request: Request, frame: Framed, access: Writing) -> HTMLResponse:
    """What clients see of their agency."""
    return await _page(request, frame, access, Typed())


@router.get("/r/{reseller}/brand/_preview", response_class=HTMLResponse)
async def brand_preview(
    request: Request, frame: Framed, access: Writing, colour: Annotated[str, Query(max_length=20)] = ""
) -> HTMLResponse:
    """How a colour will look, while it is typed."""
    return await _page(request, frame, access, Typed({"colour": colour}))


@router.post("/r/{reseller}/brand", response_class=HTMLResponse)
async def change_brand(request: Request, frame: Framed, access: Writing, fields: Posted) -> Response:
    """Save it, or look at it first."""
    if fields.get("do") == "preview":
        return await _page(request, frame, access, Typed(fields))
    old = await ops.locked(access.scope)
    try:
        if fields.get("revision") != str(old.revision):
            raise PreconditionFailed("somebody else has saved in the meantime: this is what you typed, over what they saved")
        change = ResellerChange.model_validate({"name": fields.get("name", ""), "brand": _brand(fields) | {"logo_url": old.brand.logo_url}})
        new = await ops.change(access.scope, change)
    except (ValidationError, DomainError) as error:
        return await _page(request, frame, access, refused(fields, error, _FIELDS))
    before, after = old.model_dump(mode="json"), new.model_dump(mode="json")
    await access.audit("reseller.changed", old.id, {name: [before[name], after[name]] for name in ("brand", "name")})
    return onward(f"/r/{old.id}/brand", "saved")


def _brand(fields: dict[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {name: fields.get(name, "").strip() for name in _TEXTS}
    found |= {name: fields.get(name, "").strip() or None for name in _OPTIONAL}
    colour = found["colour"]
    return found | {"hosts": fields.get("hosts", "").lower().split(), "colour": colour.lower() if colour else None}


@router.post("/r/{reseller}/brand/picture", response_class=HTMLResponse)
async def put_picture(request: Request, frame: Framed, access: Writing, upload: Uploaded) -> Response:
    """Take a picture, made harmless, or let one go."""
    sent: Upload = upload
    kind: Kind = next((one for one in KINDS if one == sent.fields.get("kind")), "light")
    try:
        if sent.fields.get("do") == "remove":
            await pictures.drop(access.scope, kind)
            await access.audit("reseller.picture_removed", access.scope.reseller, {"kind": kind})
            return onward(f"/r/{access.scope.reseller}/brand", "removed")
        version = await pictures.put(access.scope, kind, sent.data, access.given.clock())
    except DomainError as error:
        return await _page(request, frame, access, refused({}, error, {"file": kind}))
    await access.audit("reseller.picture_changed", access.scope.reseller, {"kind": kind, "version": version})
    return onward(f"/r/{access.scope.reseller}/brand", "saved")


@router.get("/r/{reseller}/brand/picture/{kind}", response_class=Response)
async def show_picture(access: Reading, kind: Kind) -> Response:
    """One of its pictures, wherever its agency looks at it."""
    found = await pictures.get(access.scope, access.scope.reseller, kind)
    return shown(found, {"Cache-Control": "no-store"})


async def _page(request: Request, frame: Frame, access: ResellerAccess, typed: Typed) -> HTMLResponse:
    shell, local, reseller = await reseller_shell(access, "brand")
    colour = typed.value("colour", reseller.brand.colour or OWN)
    have = await pictures.versions(access.scope, reseller.id)
    uploads = [(kind, _(label), _(about), have.get(kind), typed.error(kind)) for kind, (label, about) in _NAMED.items()]
    return portal(request).page(
        request, frame, "pages/brand.html", "preview", status=typed.status, shell=shell, local=local, typed=typed, reseller=reseller,
        brand=reseller.brand, base=f"/r/{reseller.id}", colour=colour, modes=previews(colour), uploads=uploads,
        preview_href=f"/r/{reseller.id}/brand/_preview",
    )  # fmt: skip
