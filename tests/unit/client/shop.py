"""An interface with everything that the generator knows, served by a real app, and the client made from its description."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Generic, Literal, TypeVar

from fastapi import APIRouter, FastAPI, Header, Query, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

ROOT = Path(__file__).resolve().parents[3]
T = TypeVar("T")


def load(name: str, path: Path) -> ModuleType:
    """A module from a file."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


class Page(BaseModel, Generic[T]):
    data: list[T]
    next_cursor: str | None = None


class Colour(StrEnum):
    RED = "red"
    GREEN = "green"


class Cat(BaseModel):
    type: Literal["cat"] = "cat"
    name: str
    lives: int = 9


class Dog(BaseModel):
    type: Literal["dog"] = "dog"
    name: str
    good: bool | None = None


Pet = Annotated[Cat | Dog, Field(discriminator="type")]


class Basket(BaseModel):
    """What is sold together.

    A second paragraph that no docstring needs.
    """

    id: str
    made_at: datetime
    day: date | None
    colour: Colour
    pets: list[Pet]
    prices: dict[str, float]
    parent: Basket | None = None
    notes: list[str] = []
    schema_: str = Field("x", alias="schema")
    signing_secret: str = ""
    anything: Any = None


class NewBasket(BaseModel):
    model_config = ConfigDict(extra="forbid")

    colour: Colour = Colour.RED
    pets: list[Pet] = Field(default_factory=list, description='Who is "in it".')
    note: str | None = None
    wrapped: Literal[True] | None = None


class Settings(BaseModel):
    """Read, changed and written back."""

    greeting: str
    limit: int | None = None


class Shop:
    """The app, and what it was asked. ``answers`` come first, instead of its own."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.bodies: list[bytes] = []
        self.answers: list[Response | Callable[[], Response]] = []
        self.app = FastAPI(separate_input_output_schemas=False)
        self.app.include_router(_routes(), prefix="/v1")

        @self.app.middleware("http")
        async def watch(request: Request, call_next: Any) -> Response:
            self.asked.append(request)
            self.bodies.append(await request.body())
            if self.answers:
                first = self.answers.pop(0)
                return first() if callable(first) and not isinstance(first, Response) else first
            answer: Response = await call_next(request)
            return answer

    @property
    def last(self) -> Request:
        return self.asked[-1]


def _basket(id: str, pets: list[Any] | None = None, **more: Any) -> Basket:
    return Basket(
        id=id,
        made_at=datetime(2026, 11, 21, 9, 30, tzinfo=UTC),
        day=None,
        colour=Colour.GREEN,
        pets=pets or [Dog(name="Rex"), Cat(name="Tom")],
        prices={"all": 1.5},
        **more,
    )


def _routes() -> APIRouter:
    router = APIRouter()
    etag = {200: {"headers": {"ETag": {"schema": {"type": "string"}}}}}

    @router.get("/shops/{shop}/baskets", tags=["baskets"])
    async def list_baskets(
        shop: str, limit: int = 2, cursor: str | None = None, colour: Annotated[list[Colour] | None, Query()] = None, sold: bool = False
    ) -> Page[Basket]:
        """Baskets, latest first."""
        begin = int(cursor or 0)
        found = [_basket(f"{shop}-{n}") for n in range(begin, min(begin + limit, 5))]
        return Page(data=found, next_cursor=str(begin + limit) if begin + limit < 5 else None)

    @router.post("/shops/{shop}/baskets", tags=["baskets"], status_code=201)
    async def create_basket(shop: str, body: NewBasket, idempotency_key: Annotated[str | None, Header()] = None) -> Basket:
        """Make a basket."""
        return _basket(shop, list(body.pets), signing_secret="whsec_shown-once", schema="y")

    @router.get("/shops/{shop}/baskets/{basket}", tags=["baskets"])
    async def show_basket(shop: str, basket: str) -> Basket:
        return _basket(f"{shop}/{basket}", parent=_basket("above"))

    @router.delete("/shops/{shop}/baskets/{basket}", tags=["baskets"], status_code=204)
    async def delete_basket(shop: str, basket: str, if_match: Annotated[str | None, Header()] = None) -> None:
        """Throw it away."""

    @router.get("/shops/{shop}/baskets/{basket}/picture", tags=["baskets"], response_class=Response)
    async def basket_picture(shop: str, basket: str) -> Response:
        """What it looks like."""
        return Response(b"\x89PNG" * 50_000, media_type="image/png")

    @router.get("/shops/{shop}/baskets/{basket}/sound", tags=["baskets"], responses={200: {"content": {"audio/wav": {}}}})
    async def basket_sound(shop: str, basket: str) -> Response:
        return Response(b"RIFF", media_type="audio/wav")

    @router.get("/settings", tags=["shop_settings"], responses=etag)  # type: ignore[arg-type]
    async def show_settings(response: Response) -> Settings:
        response.headers["etag"] = '"r1"'
        return Settings(greeting="hello")

    @router.put("/settings", tags=["shop_settings"])
    async def put_settings(body: Settings, response: Response, if_match: Annotated[str | None, Header()] = None) -> Settings:
        response.headers["etag"] = '"r2"'
        return body

    @router.post("/settings/check", tags=["shop_settings"], status_code=202, responses={200: {"model": Settings}})
    async def check_settings(body: dict[str, Any]) -> Pet:
        return Cat(name=body["name"])

    @router.get("/settings/kinds", tags=["shop_settings"])
    async def kinds() -> list[Colour]:
        return [Colour.RED]

    @router.get("/settings/text", tags=["shop_settings"])
    async def text() -> str:
        return "a text"

    @router.get("/settings/page", tags=["shop_settings"], status_code=303, response_class=RedirectResponse)
    async def page() -> RedirectResponse:
        return RedirectResponse("/", 303)

    @router.post("/sign", tags=["engine"])
    async def sign() -> str:
        return ""

    @router.get("/mails", tags=["dev"])
    async def mails() -> str:
        return ""

    return router


def problem(status: int, code: str = "x", title: str = "no", headers: dict[str, str] | None = None, **more: Any) -> Callable[[], Response]:
    """A refusal as the orchestrator makes it."""
    body = {"type": f"urn:offhook:problem:{code}", "title": title, "status": status, **more}
    return lambda: JSONResponse(body, status, headers, media_type="application/problem+json")
