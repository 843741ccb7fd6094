"""Development: the mails that landed in the folder, for whoever sits at this machine."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request

from offhook.errors import NotFound
from offhook.orchestrator.access import Given
from offhook.orchestrator.people.mail import Folder, post
from offhook.orchestrator.people.schemas import Letter

router = APIRouter(tags=["dev"], include_in_schema=False)
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")
SHOWN = 50


def folder(request: Request, given: Given) -> Folder:
    """The folder. NotFound unless mails go there, nobody else is told of an address, and the request is of this very machine:
    by its peer, by the name that it used (no page can have rebound one), and through no proxy.
    """
    found = post(given.mail).folder
    peer = request.client.host if request.client else ""
    name = urlsplit(f"//{request.headers.get('host', '')}").hostname
    settings = given.settings
    named = (urlsplit(one).hostname for one in (settings.public_url, settings.portal_url) if one)
    if found is None or any(host not in LOOPBACK for host in named):
        raise NotFound("no such page")
    if peer not in LOOPBACK or name not in LOOPBACK or any(one in request.headers for one in FORWARDED):
        raise NotFound("no such page")
    return found


Mails = Annotated[Folder, Depends(folder)]


async def newest(mails: Folder) -> list[Letter]:
    """What the folder holds."""
    return [Letter(id=one.id, to=one.to, subject=one.subject, at=one.at, text=one.text) for one in await mails.newest(SHOWN)]


@router.get("/v1/dev/mail")
async def list_mail(mails: Mails) -> list[Letter]:
    """The last mails, newest first."""
    return await newest(mails)
