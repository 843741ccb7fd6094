"""Trying an agent before it is published."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request

from offhook.errors import NotPermitted
from offhook.orchestrator.agents.trials import ops, text
from offhook.orchestrator.agents.trials.schemas import NewVoiceTest, TextTest, TextTestResult, VoiceTestStart, VoiceTestView
from offhook.orchestrator.auth.access import ID, TenantAccess, in_tenant
from offhook.orchestrator.errors import Problem

router = APIRouter(prefix="/v1/tenants/{tenant}/agents/{agent}", tags=["agents"])
Reading = Annotated[TenantAccess, in_tenant("agents.read")]
Writing = Annotated[TenantAccess, in_tenant("agents.write")]
AgentId = Annotated[str, Path(pattern=ID)]
TestId = Annotated[str, Path(pattern=ID)]
PROBLEM: dict[str, Any] = {"model": Problem}


@router.post("/text-tests", responses={404: PROBLEM, 429: PROBLEM, 503: PROBLEM})
async def run_text_test(agent: AgentId, body: TextTest, access: Reading) -> TextTestResult:
    """Talk to an agent by text: its draft, a version, or a document. The whole conversation is played each time, nothing is stored.

    To edit a turn, send the list again with that turn changed, and the digests of the answer before: ``same_until`` is the first that
    differs. Tools answer from fakes; ``tools`` gives other answers, errors too.

    Where the agent has language models they answer as in a call, asked by an engine: ``answered_by`` says of each turn who did. That is
    paid for, and needs agents.write; without it, and where no engine is named, the rules alone answer and ``notice`` says so.
    """
    subject = await ops.subject(access.scope, agent, body)
    return await text.run(subject, body, access.given.clock(), access.given, paid="agents.write" in access.may)


@router.post("/voice-tests", status_code=201, responses={404: PROBLEM, 409: PROBLEM})
async def start_voice_test(agent: AgentId, body: NewVoiceTest, access: Writing, request: Request) -> VoiceTestStart:
    """A one-time token for a call by voice with the draft, a version or a document, as it is now. It is shown this once.

    Nothing is booked in such a call, nobody is told of it, and lists of calls have it only when asked for. It takes one of the tenant's
    places like any other call. With ``real`` all of this is otherwise: it is a call like any other, from a browser.
    """
    if body.real and "appointments.write" not in access.may:
        raise NotPermitted("a real call books: this needs the permission appointments.write")
    subject, now = await ops.subject(access.scope, agent, body), access.given.clock()
    await text.run(subject, TextTest(), now)  # an agent that cannot say its first word is not worth a call
    view, token = await ops.start(access.scope, subject, body, access.principal.id, now)
    await access.audit("voice_test.started", view.id, {"agent": agent, "version": view.version, "draft": view.draft, "real": body.real})
    engine = access.given.settings.browser_engine
    return VoiceTestStart(
        **view.model_dump(),
        token=token,
        page=f"{engine}/talk/?token={token}",
        offers=access.given.settings.offers(request.headers.get("origin", ""), now.timestamp()),
        socket=f"{engine.replace('http', 'ws', 1)}/media/browser",
        start={"type": "start", "version": 1, "token": token},
    )


@router.get("/voice-tests/{test}", responses={404: PROBLEM})
async def show_voice_test(agent: AgentId, test: TestId, access: Reading) -> VoiceTestView:
    """A voice test: whether its call was begun, and which one it is. Forgotten a day after its token has expired."""
    return await ops.show(access.scope, agent, test)


routers: tuple[APIRouter, ...] = (router,)
