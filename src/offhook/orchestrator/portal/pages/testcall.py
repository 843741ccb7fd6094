"""A call to an agent from the browser: a rehearsal that writes nothing, or a call like any other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse

from offhook.errors import NotFound
from offhook.orchestrator.agents import ops as agents
from offhook.orchestrator.agents.schemas import Agent
from offhook.orchestrator.agents.trials import ops as trials
from offhook.orchestrator.auth.access import ID, TenantAccess, in_tenant
from offhook.orchestrator.calls import ops as calls
from offhook.orchestrator.calls.results import value_text
from offhook.orchestrator.portal import security
from offhook.orchestrator.portal.frame import Framed, tenant_shell
from offhook.orchestrator.portal.live import name_of
from offhook.orchestrator.portal.render import portal
from offhook.orchestrator.portal.reply import BUDGET_MS
from offhook.orchestrator.portal.show import _
from offhook.orchestrator.scope import TenantScope

router = APIRouter(tags=["portal"], include_in_schema=False)
Writing = Annotated[TenantAccess, in_tenant("agents.write")]
AgentId = Annotated[str, Path(pattern=ID)]
TestId = Annotated[str, Path(pattern=ID)]
PAGE: Final = "pages/testcall.html"
PLAYED: Final = 4
"""Parts that are offered."""
SAYS: Final = 3


@dataclass(frozen=True, slots=True)
class Part:
    """A part to play: what the script listens for, and words that it knows."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Written:
    """A write of the script: what it waits for, or with what it was done."""

    name: str
    done: bool
    failed: bool
    lines: tuple[str, ...]


@router.get("/t/{tenant}/agents/{agent}/test", response_class=HTMLResponse)
async def talk_page(
    request: Request, frame: Framed, access: Writing, agent: AgentId, of: Literal["draft", "live", "real"] = "draft"
) -> HTMLResponse:
    """Talk to an agent: its draft, the version that answers now, or that version for real."""
    shell, local, tenant = await tenant_shell(access, frame.brand, "agents")
    draft = await agents.draft(access.scope, agent)
    live = await _live(access.scope, agent)
    books = live is not None and "appointments.write" in access.may
    if (of == "live" and live is None) or (of == "real" and not books):
        raise NotFound("no such way to talk to it")
    tested = draft if of == "draft" or live is None else live
    base = f"/t/{tenant.id}/agents/{agent}"
    engine = access.given.settings.browser_engine
    return portal(request).page(
        request,
        frame,
        PAGE,
        microphone=True,
        connect=" ".join((_socket_origin(engine), *map(_origin, access.given.settings.webrtc_urls))).strip(),
        shell=shell,
        local=local,
        name=tested.config.name,
        of=of,
        ways=_ways(base, of, live, books=books),
        parts=parts(tested.script),
        writes=writes(tested.script, []),
        real=of == "real",
        call=None,
        calls_base=f"/t/{tenant.id}/calls",
        budget=BUDGET_MS,
        agent_href=base,
        agents_href=f"/t/{tenant.id}/agents",
        start=f"/v1/tenants/{tenant.id}/agents/{agent}/voice-tests",
        written=f"{base}/test",
        asked=_asked(of, live),
    )


async def _live(scope: TenantScope, agent: str) -> Agent | None:
    try:
        return await agents.live(scope, agent)
    except NotFound:  # nobody has published it yet
        return None


def _asked(of: str, live: Agent | None) -> dict[str, Any]:
    """What the operation that begins a test is asked for."""
    if of == "real":
        return {"real": True}
    return {"version": live.version} if of == "live" and live is not None else {}


def _ways(base: str, of: str, live: Agent | None, *, books: bool) -> list[tuple[str, str, bool]]:
    """Draft, live, for real: label, address, whether it is this one."""
    found = [(_("Draft"), f"{base}/test", of == "draft")]
    if live is not None:
        found.append((_("Live {number}").format(number=live.version), f"{base}/test?of=live", of == "live"))
    if books:
        found.append((_("For real"), f"{base}/test?of=real", of == "real"))
    return found


def _socket_origin(engine: str) -> str:
    """The engine's origin as a page's policy names it. Empty where any ``wss:`` is allowed already."""
    parts_of = urlsplit(engine)
    return "" if parts_of.scheme == "https" else f"ws://{parts_of.netloc}"


def _origin(address: str) -> str:
    parts_of = urlsplit(address)
    return f"{parts_of.scheme}://{parts_of.netloc}"


def parts(script: Mapping[str, Any]) -> list[Part]:
    """What there is to try, from what the script itself listens for: answers to its first choice, and what may be raised at any moment."""
    choices = (one for one in (script.get("slots") or {}).values() if isinstance(one, Mapping) and one.get("type") == "choice")
    first = next(choices, {})
    return [*_played(first.get("options")), *_played(script.get("topics"))][:PLAYED]


def _played(given: object) -> Iterator[Part]:
    for name, one in given.items() if isinstance(given, Mapping) else ():
        spec = one if isinstance(one, Mapping) else {}
        said = spec.get("says")
        words = [str(text) for text in said[:SAYS]] if isinstance(said, list | tuple) else []
        label = spec.get("label")
        title = label if isinstance(label, str) else name_of(str(name))
        hint = _("Say something with: {words}.").format(words=", ".join(words)) if words else str(spec.get("hint") or "")
        yield Part(title[:1].upper() + title[1:], hint)


def writes(script: Mapping[str, Any], events: list[dict[str, Any]]) -> list[Written]:
    """The script's writes in its order, with what was given to those that ran."""
    ran = {event["tool"]: event for event in events if event["type"] == "tool.finished"}
    found = []
    for name, spec in (script.get("tools") or {}).items():
        if not isinstance(spec, Mapping) or spec.get("effect") != "write":
            continue
        event = ran.get(name)
        if event is not None:
            chosen = _chosen(script, spec)
            lines = tuple(f"{key} {text}" for key, value in event["args"].items() if key not in chosen and (text := value_text(value)))
        else:
            wanted = spec.get("with")
            names = ", ".join(str(key) for key in wanted) if isinstance(wanted, Mapping) else ""
            lines = (_("waits for {names}").format(names=names),) if names else ()
        found.append(Written(name_of(name), event is not None and not event["error"], event is not None and bool(event["error"]), lines))
    return sorted(found, key=lambda one: not (one.done or one.failed))


def _chosen(script: Mapping[str, Any], tool: Mapping[str, Any]) -> set[str]:
    """Which of a tool's arguments are one of several things that were offered: they are ids, which say nothing to people."""
    slots, wanted = script.get("slots") or {}, tool.get("with")
    offers = {name for name, one in slots.items() if isinstance(one, Mapping) and one.get("type") == "offer"}
    return {str(key) for key, source in wanted.items() if source in offers} if isinstance(wanted, Mapping) else set()


@router.get("/t/{tenant}/agents/{agent}/test/{test}/_written", response_class=HTMLResponse)
async def written_part(
    request: Request, frame: Framed, access: Writing, agent: AgentId, test: TestId, real: Annotated[bool, Query()] = False
) -> HTMLResponse:
    """What a call from the browser has written by now, or would have."""
    view = await trials.show(access.scope, agent, test)
    trial = await trials.get(access.scope, test)
    events = await calls.told(access.scope, view.call_id, 0) if view.call_id else []
    context = {
        "real": real,
        "writes": writes(trial.agent.script, events),
        "call": view.call_id,
        "calls_base": f"/t/{access.scope.tenant}/calls",
    }
    return HTMLResponse(portal(request).block(PAGE, "written", **context), headers=security.headers(frame.nonce))
