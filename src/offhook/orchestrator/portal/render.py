"""Pages and parts of pages: one template each, of which a request for a part is answered with the one block that it needs."""

from __future__ import annotations

from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from offhook.orchestrator.portal import outcomes, security, show
from offhook.orchestrator.portal.assets import FOLDER, Assets
from offhook.orchestrator.portal.frame import SAID_COOKIE, Frame

TEMPLATES: Final = FOLDER.parent / "templates"
PARTS: Final = ("basics", "calls", "states")
"""Files of macros: what they define is ``ui.name`` in every template."""


class _Parts:
    """The macros of ``templates/parts``."""

    def __init__(self, environment: Environment) -> None:
        for file in PARTS:
            module = environment.get_template(f"parts/{file}.html").module
            for name, value in vars(module).items():
                if not name.startswith("_"):
                    setattr(self, name, value)


class Portal:
    """The app's templates and files, read once."""

    def __init__(self) -> None:
        self.assets = Assets()
        self._environment = environment(self.assets)

    def page(
        self,
        request: Request,
        frame: Frame,
        template: str,
        part: str | None = None,
        status: int = 200,
        *,
        microphone: bool = False,
        secret_address: bool = False,
        **context: Any,  # noqa: ANN401 - whatever the template shows
    ) -> HTMLResponse:
        """The page, or only the block ``part`` where htmx asks for a part of it."""
        found = self._environment.get_template(template)
        values = {"frame": frame, **context}
        headers = security.headers(frame.nonce, microphone=microphone, secret_address=secret_address)
        if part is not None:
            headers["Vary"] = "HX-Request-Type"
        block = found.blocks[part] if part is not None and wants_part(request) else None
        body = "".join(block(found.new_context(values))) if block else found.render(values)
        answer = HTMLResponse(body, status, headers)
        if frame.form_cookie is not None:
            security.set_form_cookie(answer, frame.form_cookie)
        if frame.said is not None:
            answer.delete_cookie(SAID_COOKIE, path="/", secure=True, httponly=True, samesite="lax")
        return answer


def wants_part(request: Request) -> bool:
    """Whether htmx asks for a part of the page only."""
    return request.headers.get("hx-request-type") == "partial"


def portal(request: Request) -> Portal:
    """The app's portal."""
    found: Portal = request.app.state.portal
    return found


def environment(assets: Assets) -> Environment:
    """Templates: everything is escaped, and a name that is not given is an error."""
    loader = FileSystemLoader(TEMPLATES)
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, auto_reload=False)
    made.filters |= {"duration": show.duration, "ms": show.milliseconds, "money": show.money}
    made.globals |= {"_": show._, "many": show.many, "asset": assets.href, "outcome_word": outcomes.word}
    made.globals["ui"] = _Parts(made)
    return made
