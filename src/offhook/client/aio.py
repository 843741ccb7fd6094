"""The asynchronous twin of what ``base`` has for threads."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Generic, TypeVar

import anyio
import httpx

from offhook.client.base import Page, Request, Retrying, Tagged, follow, lost, paged, read, refused
from offhook.errors import OffhookError

T = TypeVar("T")


class AsyncPages(Generic[T]):
    """A list that comes in pages, read as it is walked through."""

    def __init__(self, sender: AsyncSender, request: Request, item: type[T]) -> None:
        self._sender, self._request, self._kind = sender, request, paged(item)

    async def pages(self) -> AsyncIterator[Page[T]]:
        """Page by page."""
        request: Request | None = self._request
        before: str | None = None
        while request is not None:
            page: Page[T] = await self._sender.value(request, self._kind)
            yield page
            request = follow(request, page, before)
            before = page.next_cursor

    async def first(self) -> Page[T]:
        """The first page alone."""
        page: Page[T] = await self._sender.value(self._request, self._kind)
        return page

    async def __aiter__(self) -> AsyncIterator[T]:
        async for page in self.pages():
            for one in page.data:
                yield one


class AsyncFile:
    """Bytes that may be many: nothing is fetched before one of these is called."""

    def __init__(self, sender: AsyncSender, request: Request) -> None:
        self._sender, self._request = sender, request

    async def read(self) -> bytes:
        """All of it."""
        return b"".join([piece async for piece in self.chunks()])

    async def chunks(self) -> AsyncIterator[bytes]:
        """Piece by piece, as they come."""
        async for piece in self._sender.stream(self._request):
            yield piece

    async def lines(self) -> AsyncIterator[str]:
        """Line by line, as they come: for streams of text."""
        rest = b""
        async for piece in self.chunks():
            *whole, rest = (rest + piece).split(b"\n")
            for one in whole:
                yield one.decode("utf-8", "replace").rstrip("\r")
        if rest:
            yield rest.decode("utf-8", "replace")

    async def save(self, path: Path) -> int:
        """Into a file, which appears only when it is whole. Bytes written."""
        unfinished = anyio.Path(path.with_name(path.name + ".part"))
        written = 0
        try:
            async with await unfinished.open("wb") as file:
                async for piece in self.chunks():
                    written += await file.write(piece)
            await unfinished.replace(path)
        finally:
            with anyio.CancelScope(shield=True):
                await unfinished.unlink(missing_ok=True)
        return written


class AsyncSender:
    """Sends requests and understands answers."""

    def __init__(self, http: httpx.AsyncClient, retrying: Retrying, sleep: Callable[[float], Awaitable[object]]) -> None:
        self._http, self._retrying, self._sleep = http, retrying, sleep

    async def value(self, request: Request, kind: type[T]) -> T:
        """The answer as such a value."""
        found: T = read(await self._send(request), kind)
        return found

    async def tagged(self, request: Request, kind: type[T]) -> Tagged[T]:
        """The answer with its ETag."""
        answer = await self._send(request)
        return Tagged(read(answer, kind), answer.headers.get("etag", ""))

    async def nothing(self, request: Request) -> None:
        """An answer without content."""
        await self._send(request)

    def pages(self, request: Request, item: type[T]) -> AsyncPages[T]:
        """A list in pages."""
        return AsyncPages(self, request, item)

    def file(self, request: Request) -> AsyncFile:
        """Bytes to fetch."""
        return AsyncFile(self, request)

    async def stream(self, request: Request) -> AsyncIterator[bytes]:
        """The pieces of an answer. Unreachable where it breaks off."""
        answer = await self._send(request, stream=True)
        try:
            async for piece in answer.aiter_bytes():
                yield piece
        except httpx.RequestError as error:
            raise lost(error, self._http.base_url) from error
        finally:
            with anyio.CancelScope(shield=True):
                await answer.aclose()

    async def _send(self, request: Request, *, stream: bool = False) -> httpx.Response:
        request = request.keyed()
        for attempt in range(self._retrying.times + 1):
            failure = await self._try(request, stream)
            if isinstance(failure, httpx.Response):
                return failure
            pause = self._retrying.pause(request, failure, attempt)
            if pause is None:
                raise failure
            await self._sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    async def _try(self, request: Request, stream: bool) -> httpx.Response | OffhookError:
        built = self._http.build_request(**request.arguments())
        try:
            answer = await self._http.send(built, stream=stream, follow_redirects=stream)
            if answer.is_success:
                return answer
            await answer.aread()
        except httpx.RequestError as error:
            return lost(error, self._http.base_url)
        await answer.aclose()
        return refused(answer)
