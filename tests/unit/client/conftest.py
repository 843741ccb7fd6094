"""A client made from the shop's own description, as modules; and clients that talk to the shop."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from types import ModuleType
from typing import Any

import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from tests.unit.client.shop import ROOT, Shop, load

from offhook.client.aio import AsyncSender
from offhook.client.base import Retrying, Sender


@pytest.fixture(scope="session")
def generator() -> ModuleType:
    return load("offhook_client_script", ROOT / "scripts" / "client.py")


@pytest.fixture(scope="session")
def made(generator: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The package that was generated: ``made.models`` and ``made.operations``."""
    folder = tmp_path_factory.mktemp("generated") / "made_client"
    folder.mkdir()
    (folder / "__init__.py").write_text("", encoding="utf-8")
    for name, text in generator.generate(Shop().app.openapi(), "made_client").items():
        (folder / name).write_text(text, encoding="utf-8")
    package = load("made_client", folder / "__init__.py")
    package.__path__ = [str(folder)]
    for name in ("models", "operations"):
        setattr(package, name, load(f"made_client.{name}", folder / f"{name}.py"))
    yield package
    for name in ("made_client", "made_client.models", "made_client.operations"):
        sys.modules.pop(name, None)


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def slept() -> list[float]:
    """How long the client waited, in virtual seconds."""
    return []


class OverPortal(httpx.BaseTransport):
    """A real app behind a blocking client: starlette's own test client speaks another library's httpx where that is installed."""

    def __init__(self, app: Any, portal: BlockingPortal) -> None:
        self._inner = httpx.ASGITransport(app)
        self._portal = portal

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        async def handle() -> httpx.Response:
            asked = httpx.Request(
                request.method, request.url, headers=request.headers, content=request.read(), extensions=request.extensions
            )
            answer = await self._inner.handle_async_request(asked)
            return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())

        return self._portal.call(handle)


@pytest.fixture
def sync(made: ModuleType, shop: Shop, slept: list[float]) -> Iterator[Any]:
    with start_blocking_portal() as portal, httpx.Client(transport=OverPortal(shop.app, portal), base_url="http://shop") as http:
        yield made.operations.Operations(Sender(http, Retrying(), slept.append))


@pytest.fixture
async def aio(made: ModuleType, shop: Shop, slept: list[float]) -> AsyncIterator[Any]:
    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(shop.app), base_url="http://shop") as http:
        yield made.operations.AsyncOperations(AsyncSender(http, Retrying(), sleep))
