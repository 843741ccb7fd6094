"""What every simulator of a business system is: a Starlette app over state in memory, a log of all that was said, and faults by plan.

In tests an adapter reaches it by ``Simulator.client()``, without a socket; ``serve`` (module ``serve``) puts one behind a port. What people
do in the system's own pages is done by the simulator's methods (``add_customer`` to ``incoming``), which write no log and never fail.
"""

from __future__ import annotations

import json
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, Literal, TypeAlias
from urllib.parse import parse_qsl

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute
from starlette.types import Message, Receive, Scope, Send

from offhook.adapters.http import Pace
from offhook.adapters.model import Appointment, Customer, RecordKind
from offhook.adapters.port import Incoming

FaultKind: TypeAlias = Literal["429", "500", "lost", "dropped"]
"""Too many requests; a fault of the server's; the request was carried out but its answer is lost; it never arrived."""
KINDS: Final[tuple[FaultKind, ...]] = ("429", "500", "lost", "dropped")


@dataclass(slots=True)
class Faults:
    """Which requests fail and how: those that are listed, first to last, then by chance from a seed. None for a request that goes well."""

    planned: list[FaultKind | None] = field(default_factory=list)
    chance: float = 0.0
    seed: int = 0
    down: bool = False
    """All requests answer 503."""
    count: int = 0
    """How many requests failed."""
    _dice: random.Random | None = None

    def next(self) -> FaultKind | None:
        """What becomes of the next request."""
        if self.planned:
            return self.planned.pop(0)
        if self._dice is None:
            self._dice = random.Random(self.seed)
        return self._dice.choice(KINDS) if self.chance and self._dice.random() < self.chance else None


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as it came and the answer as it went; for checks against the vendor's own description."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    status: int
    reply_headers: Mapping[str, str]
    reply: bytes
    fault: FaultKind | None = None


class Dropped(httpx.ReadError):
    """The answer never came."""


class Refused(Exception):
    """Answer with this status and body: raised by handlers."""

    def __init__(self, status: int, body: Any = None, headers: Mapping[str, str] | None = None) -> None:  # noqa: ANN401 - JSON
        super().__init__(status)
        self.status, self.body, self.headers = status, body, dict(headers or {})


class Simulator:
    """Base. A subclass gives ``NAME`` (``crm/servicem8``), ``BASE`` (the vendor's own base URL), ``routes`` and its state."""

    NAME: ClassVar[str] = ""
    BASE: ClassVar[str] = ""

    def __init__(self) -> None:
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        """When it is, in UTC: of edits, tokens and cursors."""
        self.page_size: int | None = None
        """Rows of a page, where tests want fewer than the vendor gives."""
        self.paces: tuple[Pace, ...] = ()
        """Limits that are kept: beyond them requests are too many, and are not carried out."""
        self.refused = 0
        """How many requests were too many by ``paces``."""
        self._came: list[float] = []
        self.faults = Faults()
        self.log: list[Seen] = []
        self._inner = Starlette(routes=list(self.routes()), exception_handlers={Refused: _refused})

    def routes(self) -> Sequence[BaseRoute]:
        """The vendor's paths. Handlers check authorisation themselves, by ``self.authorised``."""
        raise NotImplementedError

    # -- what people do and see in the system's own pages; a system that has no such thing leaves the method out -------------------

    def count(self, kind: RecordKind) -> int:
        """How many records of this kind there are, but for those deleted or archived; cancelled visits do not count."""
        raise NotImplementedError

    def add_customer(self, customer: Customer) -> str:
        """Somebody enters a customer; the id."""
        raise NotImplementedError

    def customer(self, id: str) -> Customer | None:
        """A customer as kept."""
        raise NotImplementedError

    def edit_customer(self, id: str, name: str) -> None:
        """Somebody changes a customer's name."""
        raise NotImplementedError

    def remove(self, kind: RecordKind, id: str) -> None:
        """Somebody deletes or archives a record."""
        raise NotImplementedError

    def add_job(self, customer: str, title: str) -> str:
        """Somebody opens a job for a customer; the id."""
        raise NotImplementedError

    def add_visit(self, resource: str, start: datetime, end: datetime) -> str:
        """Somebody puts an entry into a calendar or a staff member's day; the id."""
        raise NotImplementedError

    def move_visit(self, id: str, start: datetime, end: datetime) -> None:
        """Somebody drags a visit to another time."""
        raise NotImplementedError

    def visit(self, id: str) -> Appointment | None:
        """A visit as kept; None where it was deleted or cancelled, or never was."""
        raise NotImplementedError

    def notes(self) -> list[str]:
        """All notes' texts, the oldest first."""
        raise NotImplementedError

    def forget(self) -> None:
        """All cursors that were given out are forgotten, as vendors do after some weeks."""
        raise NotImplementedError

    def incoming(self, secret: str, once: str = "") -> Incoming:
        """A webhook on a change as the system sends it, under this secret; ``once``: the message's id, where messages have one."""
        raise NotImplementedError

    def handshake(self, secret: str) -> tuple[Incoming, bytes] | None:  # noqa: ARG002
        """What the system asks of an address before it sends webhooks there, and the answer that it wants."""
        return None

    # -- the wire ---------------------------------------------------------------------------------------------------------------

    def too_many(self) -> Response:
        """How this vendor says that there are too many requests."""
        return JSONResponse({"error": "rate limit"}, 429, {"Retry-After": "1"})

    def client(self) -> httpx.AsyncClient:
        """A client whose requests, to whatever host, come here."""
        return httpx.AsyncClient(transport=self.transport(), follow_redirects=False, trust_env=False)

    def transport(self) -> httpx.AsyncBaseTransport:
        """For a client of one's own."""
        return httpx.ASGITransport(app=self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI: with faults and log around the vendor's paths."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        body = await _whole(receive)
        request = Request(scope)
        fault = None if self.faults.down else self.faults.next()
        self.faults.count += fault is not None or self.faults.down
        if fault == "dropped":
            raise Dropped("the request never arrived")
        if self.faults.down:
            status, headers, reply = await _run(JSONResponse({"error": "down for maintenance"}, 503), scope, body)
        elif fault == "429" or self._over():
            status, headers, reply = await _run(self.too_many(), scope, body)
        elif fault == "500":
            status, headers, reply = await _run(JSONResponse({"error": "internal"}, 500), scope, body)
        else:
            status, headers, reply = await _run(self._inner, scope, body)
        named = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
        self.log.append(Seen(request.method, str(request.url), dict(request.headers), body, status, named, reply, fault))
        if fault == "lost":
            raise Dropped("the answer was lost")
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": reply})

    def _over(self) -> bool:
        now = self.clock().timestamp()
        rates = [one for one in self.paces if one.seconds]
        if any(sum(now - one.seconds < came for came in self._came) >= one.limit for one in rates):
            self.refused += 1
            return True
        if rates:
            self._came.append(now)
        return False


Handler: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


async def _whole(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body


async def _run(app: Handler, scope: Scope, body: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    start = next(one for one in sent if one["type"] == "http.response.start")
    whole = b"".join(one.get("body", b"") for one in sent if one["type"] == "http.response.body")
    return start["status"], list(start.get("headers", [])), whole


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)  # noqa: S101 - by its registration
    if isinstance(error.body, str):
        return Response(error.body, error.status, error.headers, "text/plain")
    return JSONResponse(error.body if error.body is not None else {}, error.status, error.headers)


async def json_of(request: Request) -> dict[str, Any]:
    """The request's body as a JSON object; Refused (400)."""
    try:
        found = json.loads(await request.body())
    except ValueError as error:
        raise Refused(400, {"error": "no JSON"}) from error
    if not isinstance(found, dict):
        raise Refused(400, {"error": "not an object"})
    return found


async def form_of(request: Request) -> dict[str, str]:
    """The request's body as a form."""
    return dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
