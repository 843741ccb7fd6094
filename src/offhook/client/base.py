"""What the generated operations stand on: a request as a value, who sends it, and what answers are wrapped in.

A request is sent again only where that is safe: reading, and POSTs that carry an ``Idempotency-Key``, which the orchestrator
carries out once however often they arrive.
"""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, NamedTuple, TypeVar, cast, get_args, get_origin
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from offhook.client.errors import ApiError, RateLimited, Unavailable, Unexpected, Unreachable, refusal
from offhook.errors import ConfigError, OffhookError

T = TypeVar("T")
_SAFE = frozenset({"GET", "HEAD"})


class Model(BaseModel):
    """A value of the interface. What a newer orchestrator adds to an answer is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True, defer_build=True, protected_namespaces=())
    constants: ClassVar[frozenset[str]] = frozenset()
    """Fields that have one possible value: always sent, or nobody could tell the kinds of a union apart."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: object) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        fixed = {
            name
            for name, info in cls.model_fields.items()
            if get_origin(info.annotation) is Literal and len(get_args(info.annotation)) == 1 and not info.is_required()
        }
        cls.constants = frozenset(fixed)

    def model_post_init(self, context: object, /) -> None:  # noqa: ARG002 - pydantic's own signature
        """Count constants as given."""
        self.__pydantic_fields_set__.update(self.constants)


class Sent(Model):
    """A value that is only ever sent: a misspelt field is refused here and now."""

    model_config = ConfigDict(extra="forbid")


class Document(Model):
    """A value that is read, changed and sent back: what this client does not know is kept."""

    model_config = ConfigDict(extra="allow")


class Page(Model, Generic[T]):
    """Some of a list, in its order; ``next_cursor`` leads to what follows."""

    data: list[T]
    next_cursor: str | None = None


class Tagged(NamedTuple, Generic[T]):
    """A value and the ETag of what was read: give it as ``if_match`` to change just that. Empty where none came."""

    value: T
    etag: str


def part(value: object) -> str:
    """A value as one part of a path. ConfigError for one that would lead to another path."""
    text = str(to_jsonable_python(value))
    if text in {"", ".", ".."}:
        raise ConfigError(f"{text!r} is no id")
    return quote(text, safe="")


@dataclass(frozen=True, slots=True)
class Request:
    """One request. ``body`` is sent as JSON, ``content`` as it is; ``once``: takes an Idempotency-Key."""

    method: str
    path: str
    query: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str | None] = field(default_factory=dict)
    body: object = None
    content: bytes | None = None
    content_type: str = ""
    once: bool = False
    key: str | None = None

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice does no more than sending it once."""
        return self.method in _SAFE or self.key is not None

    def keyed(self) -> Request:
        """With a key of its own, if it takes one and has none."""
        return replace(self, key=uuid.uuid4().hex) if self.once and self.key is None else self

    def arguments(self) -> dict[str, Any]:
        """What httpx needs to build it."""
        headers = {name: value for name, value in self.headers.items() if value is not None}
        if self.key is not None:
            headers["Idempotency-Key"] = self.key
        found: dict[str, Any] = {"method": self.method, "url": self.path, "params": _query(self.query), "headers": headers}
        if self.content is not None:
            headers["Content-Type"] = self.content_type
            found["content"] = self.content
        elif self.body is not None:
            found["json"] = _plain(self.body)
        return found


def _query(values: Mapping[str, object]) -> list[tuple[str, str]]:
    pairs = []
    for name, value in values.items():
        if value is None:
            continue
        for one in value if isinstance(value, list | tuple | set | frozenset) else (value,):
            plain = to_jsonable_python(one)
            pairs.append((name, str(plain).lower() if isinstance(plain, bool) else str(plain)))
    return pairs


def _plain(value: object) -> object:
    """JSON of a body: only what was set, so that the orchestrator's own defaults hold."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_unset=True)
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return to_jsonable_python(value)


@dataclass(frozen=True, slots=True)
class Retrying:
    """How often, and how long to wait: what the orchestrator asks for, else ``first`` seconds, doubled every time."""

    times: int = 3
    first: float = 0.25
    longest: float = 30.0
    """A longer wait that the orchestrator asks for is the caller's to decide."""

    def pause(self, request: Request, failure: OffhookError, attempt: int) -> float | None:
        """Seconds until attempt ``attempt + 1``; None: give up."""
        if attempt >= self.times or not (request.repeatable or isinstance(failure, RateLimited)):  # what came too often was not done
            return None
        wait: float | None = self.first * 2**attempt
        if isinstance(failure, RateLimited | Unavailable):
            wait = wait if failure.retry_after is None else failure.retry_after
        elif not isinstance(failure, Unreachable):
            return None
        return wait if wait is not None and wait <= self.longest else None


def lost(error: httpx.RequestError, base: object) -> Unreachable:
    """No answer came."""
    why = "did not answer in time" if isinstance(error, httpx.TimeoutException) else "cannot be reached"
    return Unreachable(f"the orchestrator at {base} {why}", detail=repr(error))


def refused(answer: httpx.Response) -> OffhookError:
    """What an answer that is no success stands for; its body has been read."""
    if answer.is_redirect:
        return Unexpected(f"the orchestrator sends to another place ({answer.status_code}): is the address right?")
    return refusal(answer.status_code, answer.content, answer.headers.get("retry-after", ""))


@functools.cache
def _adapter(kind: Any) -> TypeAdapter[Any]:  # noqa: ANN401 - any type
    return TypeAdapter(kind)


def read(answer: httpx.Response, kind: Any) -> Any:  # noqa: ANN401 - the value is of this kind
    """The value in an answer. Unexpected says where it is not what was described, never what it holds."""
    if answer.status_code == 204:
        return None
    try:
        return _adapter(kind).validate_json(answer.content)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = ".".join(str(one) for one in first["loc"]) or "the body"
        raise Unexpected(
            f"{answer.request.url.path} answered with something that this client does not understand: {where}: {first['msg']}"
        ) from None


def paged(item: Any) -> Any:  # noqa: ANN401 - a type
    """The type of a page of such items."""
    return cast("Any", Page)[item]


def follow(request: Request, page: Page[T], before: str | None) -> Request | None:
    """The request for the page after this one; None at the end."""
    if page.next_cursor is None:
        return None
    if page.next_cursor == before:
        raise Unexpected(f"{request.path} leads from a page to the same page again")
    return replace(request, query={**request.query, "cursor": page.next_cursor})


class Pages(Generic[T]):
    """A list that comes in pages, read as it is walked through."""

    def __init__(self, sender: Sender, request: Request, item: type[T]) -> None:
        self._sender, self._request, self._kind = sender, request, paged(item)

    def pages(self) -> Iterator[Page[T]]:
        """Page by page."""
        request: Request | None = self._request
        before: str | None = None
        while request is not None:
            page: Page[T] = self._sender.value(request, self._kind)
            yield page
            request = follow(request, page, before)
            before = page.next_cursor

    def first(self) -> Page[T]:
        """The first page alone."""
        return next(self.pages())

    def __iter__(self) -> Iterator[T]:
        for page in self.pages():
            yield from page.data


class File:
    """Bytes that may be many: nothing is fetched before one of these is called."""

    def __init__(self, sender: Sender, request: Request) -> None:
        self._sender, self._request = sender, request

    def read(self) -> bytes:
        """All of it."""
        return b"".join(self.chunks())

    def chunks(self) -> Iterator[bytes]:
        """Piece by piece, as they come."""
        yield from self._sender.stream(self._request)

    def lines(self) -> Iterator[str]:
        """Line by line, as they come: for streams of text."""
        rest = b""
        for piece in self.chunks():
            *whole, rest = (rest + piece).split(b"\n")
            yield from (one.decode("utf-8", "replace").rstrip("\r") for one in whole)
        if rest:
            yield rest.decode("utf-8", "replace")

    def save(self, path: Path) -> int:
        """Into a file, which appears only when it is whole. Bytes written."""
        unfinished = path.with_name(path.name + ".part")
        try:
            with unfinished.open("wb") as file:
                written = sum(file.write(piece) for piece in self.chunks())
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
        return written


class Sender:
    """Sends requests and understands answers."""

    def __init__(self, http: httpx.Client, retrying: Retrying, sleep: Callable[[float], object]) -> None:
        self._http, self._retrying, self._sleep = http, retrying, sleep

    def value(self, request: Request, kind: type[T]) -> T:
        """The answer as such a value."""
        found: T = read(self._send(request), kind)
        return found

    def tagged(self, request: Request, kind: type[T]) -> Tagged[T]:
        """The answer with its ETag."""
        answer = self._send(request)
        return Tagged(read(answer, kind), answer.headers.get("etag", ""))

    def nothing(self, request: Request) -> None:
        """An answer without content."""
        self._send(request)

    def pages(self, request: Request, item: type[T]) -> Pages[T]:
        """A list in pages."""
        return Pages(self, request, item)

    def file(self, request: Request) -> File:
        """Bytes to fetch."""
        return File(self, request)

    def stream(self, request: Request) -> Iterator[bytes]:
        """The pieces of an answer. Unreachable where it breaks off."""
        answer = self._send(request, stream=True)
        try:
            yield from answer.iter_bytes()  # as they come: a stream of news must not wait for more
        except httpx.RequestError as error:
            raise lost(error, self._http.base_url) from error
        finally:
            answer.close()

    def _send(self, request: Request, *, stream: bool = False) -> httpx.Response:
        request = request.keyed()
        for attempt in range(self._retrying.times + 1):
            failure = self._try(request, stream)
            if isinstance(failure, httpx.Response):
                return failure
            pause = self._retrying.pause(request, failure, attempt)
            if pause is None:
                raise failure
            self._sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def _try(self, request: Request, stream: bool) -> httpx.Response | OffhookError:
        built = self._http.build_request(**request.arguments())
        try:
            answer = self._http.send(built, stream=stream, follow_redirects=stream)
            if answer.is_success:
                return answer
            answer.read()
        except httpx.RequestError as error:
            return lost(error, self._http.base_url)
        answer.close()
        return refused(answer)


__all__ = ["ApiError", "Document", "File", "Model", "Page", "Pages", "Request", "Retrying", "Sender", "Sent", "Tagged", "part"]
