"""SignalWire's compatibility API: Twilio's at a space of its own, signed with another key than requests are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from offhook import signing
from offhook.testing.business.base import Refused
from offhook.testing.carriers.exchange import Account, Call
from offhook.testing.carriers.twilio import TwilioCarrier

PREFIX: Final = "/api/laml"
FILES: Final = "files.signalwire.com"


class SignalWireCarrier(TwilioCarrier):
    """Projects. An account's ``token`` is its signing key; requests are authorised by the API token. Files are at a host of their own."""

    NAME: ClassVar[str] = "carrier/signalwire"
    BASE: ClassVar[str] = f"https://harbour.signalwire.com{PREFIX}"

    def add_project(self, id: str, key: str, token: str) -> Account:
        """Somebody opens a project."""
        return self.add_account(id, key, keys={id: token})

    def signed(self, call: Call, url: str, form: Mapping[str, str]) -> dict[str, str]:
        """See Exchange."""
        return {"X-SignalWire-Signature": signing.twilio_signature(call.account.token, url, form)}

    def routes(self) -> Sequence[BaseRoute]:
        """See Simulator: besides those of the API, a path of the host that has files."""
        return [*super().routes(), Route("/files/{recording}.wav", self._file, methods=["GET"])]

    async def _recording(self, request: Request) -> Response:
        self.authorised(request)
        name = request.path_params["recording"]
        if name not in self.tapes or self.tape.unready > 0:
            return self.tape.answer(_missing())
        return RedirectResponse(self.tape.moved or f"https://{FILES}/{name}.wav", 302)

    async def _file(self, request: Request) -> Response:
        if "authorization" in request.headers:
            raise Refused(400, {"error": "credentials for another host"})
        return self.tape.answer(_missing()) if request.path_params["recording"] in self.tapes else _missing()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See Simulator: the paths begin elsewhere."""
        path = str(scope.get("path", ""))
        asked = dict(scope.get("headers", [])).get(b"host", b"").decode()
        inner = f"/files{path}" if asked == FILES else path.removeprefix(PREFIX) if path.startswith(PREFIX) else "/"
        await super().__call__(dict(scope) | {"path": inner}, receive, send)


def _missing() -> Response:
    return JSONResponse({"code": 20404, "message": "The requested resource was not found", "status": 404}, 404)
