"""The script editor: a draft's script as graph, form and text, all of one document. What is posted is kept, finished or not."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import ValidationError

from offhook.contracts.script import NAME
from offhook.errors import Conflict, DomainError, Fault, Invalid, PreconditionFailed
from offhook.orchestrator.agents.ops import editing, reading
from offhook.orchestrator.agents.schemas import CheckView, FaultView, ScriptBody
from offhook.orchestrator.agents.stored import Stored
from offhook.orchestrator.audit import ops as audit
from offhook.orchestrator.audit.schemas import AuditFilter
from offhook.orchestrator.auth.access import TenantAccess
from offhook.orchestrator.errors import faults_of
from offhook.orchestrator.portal import script_steps as steps
from offhook.orchestrator.portal import slots
from offhook.orchestrator.portal.forms import Typed, refused
from offhook.orchestrator.portal.frame import Frame, Framed, onward
from offhook.orchestrator.portal.graph import mapping
from offhook.orchestrator.portal.pages.agents.common import AgentId, Reading, Writing, agent_frame, unchanged
from offhook.orchestrator.portal.pages.agents.editor import VIEWS, Opened, editor
from offhook.orchestrator.portal.pages.agents.talk import Talk, talk
from offhook.orchestrator.portal.render import portal, wants_part
from offhook.orchestrator.portal.security import PostedScript
from offhook.orchestrator.portal.show import _, many

router = APIRouter(tags=["portal"], include_in_schema=False)
NEW: Final = re.compile(r"[^a-z0-9]+")
NOTHING: Final = Typed()
LOOKED_AT: Final = 20
"""Rows of the audit log in which whoever saved last is looked for."""


@dataclass(frozen=True, slots=True)
class Clash:
    """Somebody saved while somebody else was typing."""

    who: str
    ago: str


@dataclass(frozen=True, slots=True)
class Saved:
    """How long ago the draft was kept; the page goes on counting."""

    seconds: int
    said: str

    @classmethod
    def of(cls, moment: datetime, now: datetime) -> Saved:
        """Seen from now."""
        return cls(max(0, int((now - moment).total_seconds())), _("Saved {ago}.").format(ago=ago(moment, now)))


@dataclass(frozen=True, slots=True)
class Typing:
    """What was sent and not kept: a part, or a text with what is wrong with it."""

    opened: Opened
    text: str | None = None
    typed: Typed = NOTHING
    clash: Clash | None = None
    check: CheckView | None = None


@router.get("/t/{tenant}/agents/{agent}/script", response_class=Response)
async def script_page(
    request: Request,
    frame: Framed,
    agent: AgentId,
    access: Reading,
    step: Annotated[str, Query(max_length=200)] = "",
    slot: Annotated[str, Query(max_length=200)] = "",
    view: Annotated[Literal["steps", "text", "talk"], Query()] = "steps",
) -> Response:
    """The draft's script, with one part of it open."""
    opened = Opened("slots", slot) if slot else Opened("states", step)
    return await _page(request, frame, access, agent, Typing(opened), view)


async def _page(
    request: Request, frame: Frame, access: TenantAccess, agent: str, typing: Typing, view: str, said: Talk | None = None
) -> Response:
    around = await agent_frame(access, frame, agent, "script")
    script = await editing.show_script(access.scope, agent)
    drawn = await editor(
        around.base,
        script.document,
        typing.text if typing.text is not None else script.text,
        typing.check or around.draft.check,
        typing.opened,
        view,
    )
    return portal(request).page(
        request,
        frame,
        "pages/script.html",
        "editor" if said is None else "talk",
        typing.typed.status if said is None else said.status,
        shell=around.shell,
        local=around.local,
        around=around,
        drawn=drawn,
        revision=script.revision,
        typed=typing.typed,
        clash=typing.clash,
        kept=typing.text is None,
        saved=None if typing.typed.bad else Saved.of(around.draft.updated_at, around.local.now),
        talk=said,
        script_href=f"{around.base}/script",
        talk_href=f"{around.base}/script/talk",
    )


@router.post("/t/{tenant}/agents/{agent}/script", response_class=Response)
async def script_form(request: Request, frame: Framed, agent: AgentId, access: Writing, fields: PostedScript) -> Response:
    """Keep what was changed: a step, a slot, the text, a step more or one less."""
    old = await reading.get(access.scope, agent, lock=True)
    view = fields.get("view", "")
    view = view if view in VIEWS else VIEWS[0]
    change = _change(old, fields)
    try:
        if fields.get("act") == "copy":
            return await _copied(access, old, change)
        unchanged(fields, old.revision)
        await _keep(access, old, change)
    except PreconditionFailed as error:
        clash = await _clash(access, old)
        return await _page(request, frame, access, agent, replace(change.typing(refused(fields, error)), clash=clash), view)
    except (Invalid, Conflict, ValidationError) as error:
        typing = change.typing(refused(fields, error))
        if change.text is not None:
            typing = replace(typing, check=_unread(error))
        return await _page(request, frame, access, agent, typing, view)
    if wants_part(request):
        return await _page(request, frame, access, agent, Typing(change.after), view)
    return onward(_href(access, agent, change.after, view), "saved")


@router.post("/t/{tenant}/agents/{agent}/script/talk", response_class=Response)
async def talk_form(request: Request, frame: Framed, agent: AgentId, access: Reading, fields: PostedScript) -> Response:
    """Talk to the draft by text. Nothing is kept, and so there is nowhere to go on to."""
    opened = Opened("slots" if fields.get("slot") else "states", fields.get("slot") or fields.get("step", ""))
    draft = await editing.show(access.scope, agent)
    stopped = any(one.path.partition(".")[0] == "script" for one in draft.check.faults)
    return await _page(request, frame, access, agent, Typing(opened), "talk", Talk() if stopped else await talk(access, agent, fields))


def _href(access: TenantAccess, agent: str, opened: Opened, view: str) -> str:
    kind = "slot" if opened.section == "slots" else "step"
    beside = f"&view={view}" if view != VIEWS[0] else ""
    return f"/t/{access.scope.tenant}/agents/{agent}/script?{kind}={opened.name}{beside}"


# -- what a form asks for ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a script: a whole text, or one part (None takes it out). ``after`` is what is open when it is done."""

    after: Opened
    text: str | None = None
    section: str = ""
    name: str = ""
    part: Mapping[str, Any] | None = None
    wrong: str = ""
    """Why it cannot be done, and at which field."""

    def typing(self, typed: Typed) -> Typing:
        """The page again, with what was typed."""
        part = self.part if self.section else None
        return Typing(replace(self.after, part=part) if not self.wrong else self.after, self.text, typed)


def _change(old: Stored, fields: Mapping[str, str]) -> Change:
    """What these fields ask for. The fields of a form are read by the draft that there is, which is why it is locked."""
    section = "slots" if fields.get("what") == "slot" else "states"
    name = fields.get("name", "")
    if fields.get("what") == "text":
        opened = Opened("slots" if fields.get("slot") else "states", fields.get("slot") or fields.get("step", ""))
        return Change(opened, text=fields.get("text", "").replace("\r\n", "\n"))
    document = old.draft.get("script", {})
    entries = mapping(mapping(document).get(section))
    if fields.get("what") == "new":
        return _new(fields.get("title", ""), document, entries)
    part = entries.get(name)
    if fields.get("act", "").startswith("use="):  # the word that a problem suggests, in the place of the one that it is about
        _use, field, word = [*fields["act"].split("=", 2), "", ""][:3]
        fields = {**fields, field: word}
    if part is None:
        return Change(Opened(section), wrong="name")
    if fields.get("act") == "remove":
        return Change(Opened(section), section=section, name=name)
    form = slots if section == "slots" else steps
    if not form.fits(part):
        return Change(Opened(section, name), wrong="name")
    return Change(Opened(section, name), section=section, name=name, part=form.read(fields, part))


def _new(title: str, document: Mapping[str, Any], entries: Mapping[str, Any]) -> Change:
    """A step more, which leads back to where calls begin until somebody says where it leads."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    name = NEW.sub("_", plain.lower()).strip("_")[:64]
    if not re.fullmatch(NAME, name) or name in entries:
        return Change(Opened(), wrong="title")
    return Change(Opened("states", name), section="states", name=name, part={"goal": title.strip(), "next": document.get("start", "")})


async def _keep(access: TenantAccess, old: Stored, change: Change) -> None:
    if change.wrong == "title":
        message = _("a step's name begins with a letter, is made of letters and digits, and is not there yet")
        raise Invalid(message, faults=(Fault("title", message),))
    if change.wrong:
        raise Invalid(_("this is not in the script any more, or its form cannot show it: change its text"))
    if change.text is not None:
        if change.text == old.draft_text:
            return
        body = ScriptBody(text=change.text)
        found = await editing.replace_script(access.given, access.scope, old, body, unfinished=True)
    else:
        kept = await editing.replace_part(access.given, access.scope, old, change.section, change.name, change.part)
        if kept is None:
            return
        found = kept
    await access.audit("agent.draft_changed", old.id, {"fields": ["script"], "revision": found.revision})


async def _copied(access: TenantAccess, old: Stored, change: Change) -> Response:
    """What somebody typed while another saved, as an agent of its own."""
    made = await editing.duplicate(access.given, access.scope, old.id, None)
    await access.audit("agent.created", made.id, {"name": made.name, "copy_of": old.id})
    await _keep(access, await reading.get(access.scope, made.id, lock=True), change)
    return onward(_href(access, made.id, change.after, VIEWS[0]), "agent-copied")


def _unread(error: Exception) -> CheckView:
    """What is wrong with a text that was not kept."""
    faults = error.faults if isinstance(error, Invalid) else faults_of(error) if isinstance(error, ValidationError) else ()
    if not faults and isinstance(error, DomainError):
        faults = (Fault("script", error.public),)
    return CheckView(ok=False, faults=[FaultView(path=one.path, message=one.message, line=one.line) for one in faults], warnings=[])


# -- who was here -----------------------------------------------------------------------------------------------------------------------


async def _clash(access: TenantAccess, old: Stored) -> Clash:
    """Who saved last, and when."""
    rows = await audit.newest(access.scope, AuditFilter(action="agent."), None, LOOKED_AT)
    last = next((one for one in rows if one.target == old.id), None)
    who = last.actor_name if last is not None and last.actor_name else _("Somebody")
    if last is not None and last.actor_id == access.principal.id:
        who = _("You, on another page,")
    return Clash(who, ago(old.updated_at, access.given.clock()))


def ago(moment: datetime, now: datetime) -> str:
    """As 20 s ago, 4 min ago; longer ago by hours and days."""
    seconds = max(0, int((now - moment).total_seconds()))
    for size, one, more in (
        (86_400, "{n} day ago", "{n} days ago"),
        (3_600, "{n} hour ago", "{n} hours ago"),
        (60, "{n} min ago", "{n} min ago"),
    ):
        if seconds >= size:
            return many(one, more, seconds // size)
    return many("{n} s ago", "{n} s ago", seconds)
