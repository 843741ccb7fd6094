"""Development: the mails that landed in the folder, for whoever sits at this machine."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from offhook.orchestrator.people.routes.letters import Mails, newest
from offhook.orchestrator.portal.frame import Framed
from offhook.orchestrator.portal.render import portal

router = APIRouter(tags=["dev"], include_in_schema=False)


@router.get("/dev/mail", response_class=HTMLResponse)
async def show_mail(request: Request, mails: Mails, frame: Framed) -> HTMLResponse:
    """The last mails, the newest first, with links where they have any."""
    return portal(request).page(request, frame, "pages/letters.html", letters=await newest(mails), secret_address=True)
