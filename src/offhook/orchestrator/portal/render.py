"""Pages and parts of pages: one template each, of which a request for a part is answered with the one block that it needs."""

from __future__ import annotations

import functools
from typing import Any, Final

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from offhook.orchestrator.portal import outcomes, security, show
from offhook.orchestrator.portal.assets import FOLDER, Assets
from offhook.orchestrator.portal.frame import SAID_COOKIE, Frame

TEMPLATES: Final = FOLDER.parent / "templates"


SAME: Final = frozenset({"icon", "oc"})
"""Macros that a list shows on every row and that are the same wherever the same is shown: worked out once."""


class _Parts:
    """The macros of the files in ``templates/parts``: what one defines is ``ui.name`` in every template."""

    def __init__(self, environment: Environment) -> None:
        for file in sorted((TEMPLATES / "parts").glob("*.html")):
            module = environment.get_template(f"parts/{file.name}").module
            for name, value in vars(module).items():
                if not name.startswith("_"):
                    setattr(self, name, functools.lru_cache(maxsize=500)(value) if name in SAME else value)


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
        connect: str = "",
        **context: Any,  # noqa: ANN401 - whatever the template shows
    ) -> HTMLResponse:
        """The page, or only the block ``part`` where htmx asks for a part of it."""
        found = self._environment.get_template(template)
        values = {"frame": frame, **context}
        headers = security.headers(frame.nonce, microphone=microphone, secret_address=secret_address, connect=connect)
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

    def block(self, template: str, name: str, **context: Any) -> str:  # noqa: ANN401 - whatever the template shows
        """One block of a template, for a stream of them."""
        found = self._environment.get_template(template)
        return "".join(found.blocks[name](found.new_context(context)))


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
    made.filters |= {"duration": show.duration, "clock": show.position, "ms": show.milliseconds, "money": show.money}
    made.globals |= {"_": show._, "many": show.many, "asset": assets.href, "outcome_word": outcomes.word}
    made.globals["ui"] = _Parts(made)
    return made
