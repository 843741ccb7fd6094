"""What the generator makes from a description does what the description says."""

from __future__ import annotations

import datetime as dt
import inspect
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from fastapi import Response
from pydantic import ValidationError
from tests.unit.client.shop import ROOT, Shop

from offhook.client.base import Document, File, Model, Page, Pages, Sent


def test_answers_are_typed(sync: Any, made: ModuleType, shop: Shop) -> None:
    basket = sync.baskets.show("a b", "ü?").value
    assert shop.last.scope["raw_path"] == b"/v1/shops/a%20b/baskets/%C3%BC%3F"
    assert isinstance(basket, made.models.Basket)
    assert basket.made_at == dt.datetime(2026, 11, 21, 9, 30, tzinfo=dt.UTC)
    assert basket.day is None
    assert basket.colour == "green"
    assert [type(pet).__name__ for pet in basket.pets] == ["Dog", "Cat"]
    assert basket.prices == {"all": 1.5}
    assert basket.parent.id == "above"
    assert basket.schema_ == "x"


def test_bodies_hold_what_was_set_and_what_tells_kinds_apart(sync: Any, made: ModuleType, shop: Shop) -> None:
    models = made.models
    body = models.NewBasket(pets=[models.Cat(name="Tom"), models.Dog(name="Rex", good=True)])
    found = sync.baskets.create("s", body)
    assert json.loads(shop.bodies[-1]) == {"pets": [{"type": "cat", "name": "Tom"}, {"type": "dog", "name": "Rex", "good": True}]}
    assert found.schema_ == "y"
    assert found.signing_secret == "whsec_shown-once"
    assert "shown-once" not in repr(found)


def test_kinds_of_models(made: ModuleType) -> None:
    models = made.models
    assert issubclass(models.NewBasket, Sent)
    assert issubclass(models.Settings, Document)
    assert issubclass(models.Basket, Model)
    assert not issubclass(models.Basket, Document | Sent)
    with pytest.raises(ValidationError):
        models.NewBasket(colours="red")
    kept = models.Settings.model_validate({"greeting": "hi", "new_in_2027": [1]})
    assert kept.model_dump(exclude_unset=True) == {"greeting": "hi", "new_in_2027": [1]}
    assert models.Basket.__doc__ == "What is sold together."


def test_queries(sync: Any, shop: Shop) -> None:
    sync.baskets.list("s", limit=1, colour=["red", "green"], sold=True).first()
    assert shop.last.url.query == "limit=1&colour=red&colour=green&sold=true"


def test_pages_are_walked(sync: Any, shop: Shop) -> None:
    lazy = sync.baskets.list("s")
    assert isinstance(lazy, Pages)
    assert not shop.asked
    assert [one.id for one in lazy] == ["s-0", "s-1", "s-2", "s-3", "s-4"]
    assert [one.url.query for one in shop.asked] == ["", "cursor=2", "cursor=4"]
    assert [len(page.data) for page in sync.baskets.list("s", limit=3).pages()] == [3, 2]
    assert shop.last.url.query == "limit=3&cursor=3"
    assert isinstance(lazy.first(), Page)


async def test_pages_are_walked_asynchronously(aio: Any, shop: Shop) -> None:
    assert [one.id async for one in aio.baskets.list("s")] == ["s-0", "s-1", "s-2", "s-3", "s-4"]
    assert [len(page.data) async for page in aio.baskets.list("s", limit=4).pages()] == [4, 1]
    assert len((await aio.baskets.list("s").first()).data) == 2


def test_etags_come_and_go(sync: Any, made: ModuleType, shop: Shop) -> None:
    value, etag = sync.shop_settings.show()
    assert (value.greeting, etag) == ("hello", '"r1"')
    written = sync.shop_settings.put(value.model_copy(update={"greeting": "hi"}), if_match=etag)
    assert shop.last.headers["if-match"] == '"r1"'
    assert (written.value.greeting, written.etag) == ("hi", '"r2"')
    assert sync.baskets.delete("s", "1", if_match="*") is None
    with pytest.raises(TypeError, match="if_match"):
        sync.shop_settings.put(value)


def test_files(sync: Any, shop: Shop, tmp_path: Path) -> None:
    file = sync.baskets.picture("s", "1")
    assert isinstance(file, File)
    assert not shop.asked
    assert file.read() == b"\x89PNG" * 50_000
    assert file.save(tmp_path / "picture.png") == 200_000
    assert [one.name for one in tmp_path.iterdir()] == ["picture.png"]
    assert sync.baskets.sound("s", "1").read() == b"RIFF"


def test_lines_of_a_stream(sync: Any, shop: Shop) -> None:
    shop.answers.append(Response("one\r\n\ntw\u00f6"))
    assert list(sync.baskets.picture("s", "1").lines()) == ["one", "", "tw\u00f6"]


async def test_lines_of_an_asynchronous_stream(aio: Any, shop: Shop) -> None:
    shop.answers.append(Response("one\r\n\ntw\u00f6\n"))
    assert [line async for line in aio.baskets.picture("s", "1").lines()] == ["one", "", "tw\u00f6"]


async def test_asynchronous_operations(aio: Any, made: ModuleType, shop: Shop, tmp_path: Path) -> None:
    assert (await aio.baskets.show("s", "1")).value.id == "s/1"
    assert await aio.baskets.picture("s", "1").save(tmp_path / "picture.png") == 200_000
    assert [one.name for one in tmp_path.iterdir()] == ["picture.png"]
    value, etag = await aio.shop_settings.show()
    assert (await aio.shop_settings.put(value, if_match=etag)).etag == '"r2"'
    assert await aio.baskets.delete("s", "1", if_match="*") is None
    assert shop.last.method == "DELETE"


def test_other_answers(sync: Any, made: ModuleType) -> None:
    assert isinstance(sync.shop_settings.check({"name": "Tom"}), made.models.Cat)
    assert sync.shop_settings.kinds() == ["red"]
    assert sync.shop_settings.text() == "a text"


def test_what_is_not_for_customers_is_left_out(made: ModuleType) -> None:
    operations = made.operations.Operations(None)
    assert set(vars(operations)) == {"baskets", "shop_settings"}
    assert "Operations" in vars(made.operations)
    assert inspect.signature(made.operations.BasketsGroup.create).parameters["idempotency_key"].default is None
    assert made.operations.BasketsGroup.list.__doc__ == "Baskets, latest first."


def test_the_generated_code_is_clean(made: ModuleType) -> None:
    folder = Path(made.models.__file__ or "").parent
    words = ["check", "--quiet", "--config", str(ROOT / "pyproject.toml"), "--ignore", "I", str(folder)]
    done = subprocess.run([sys.executable, "-m", "ruff", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_committed_client_is_of_the_committed_description(generator: ModuleType) -> None:
    document = json.loads(generator.DOCUMENT.read_text(encoding="utf-8"))
    assert all(text.startswith('"""') for text in generator.generate(document).values())


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"allOf": [{"type": "string"}, {"type": "integer"}]}, "allOf"),
        ({"type": "object", "properties": {"a": {"type": "string"}}}, "no name of its own"),
        ({"type": "tensor"}, "type tensor"),
        ({"not": {"type": "string"}}, "'not'"),
        ({"$ref": "#/components/schemas/Gone"}, "is not there"),
    ],
)
def test_what_has_no_type_stops_the_generation(generator: ModuleType, schema: dict[str, Any], message: str) -> None:
    document = {
        "paths": {"/a": {"get": {"operationId": "a", "responses": {"200": {"content": {"application/json": {"schema": schema}}}}}}},
    }
    with pytest.raises(generator.Unsupported, match=message):
        generator.generate(document)


@pytest.mark.parametrize(
    ("schema", "kind"),
    [
        ({"type": "string", "format": "date"}, "dt.date"),
        ({"type": ["string", "null"]}, "str | None"),
        ({"anyOf": [{"type": "number"}, {"type": "string", "pattern": "x"}, {"type": "null"}]}, "decimal.Decimal | None"),
        ({"enum": ["a", 1, None]}, "Literal['a', 1, None]"),
        ({"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]}, "tuple[str, int]"),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "dict[str, int]"),
        ({"type": "object"}, "dict[str, Any]"),
        ({}, "Any"),
        ({"anyOf": [{}, {"type": "null"}]}, "Any"),
    ],
)
def test_types(generator: ModuleType, schema: dict[str, Any], kind: str) -> None:
    assert generator.Types({}, set(), set()).expression(schema, "here") == kind


def test_names_that_would_hide_each_other(generator: ModuleType) -> None:
    names = sys.modules["scripts.client_models"].Names.choose(["app__a__Thing", "app__b__Thing", "Page_Call_", "new-hours"])
    assert names.of == {"app__a__Thing": "AppAThing", "app__b__Thing": "AppBThing", "Page_Call_": "PageCall", "new-hours": "NewHours"}
    short = sys.modules["scripts.client_models"].Names.choose(
        ["offhook__contracts__analysis__Contact", "offhook__orchestrator__crm__schemas__Contact"]
    )
    assert list(short.of.values()) == ["AnalysisContact", "CrmContact"]
    schemas = {
        "Thing": {
            "type": "object",
            "properties": {
                name: {"type": "string"} for name in ("class", "list", "model_x", "2fa", "_links", "copy", "x-y", "x_y", "from")
            },
        }
    }
    text = generator.Types(schemas, set(), {"Thing"}).definitions()
    fields = [line.strip().partition(":")[0] for line in text.splitlines() if "Field(" in line or ": str" in line]
    assert fields == ["class_", "list_", "model_x_", "n2fa", "links", "copy_", "x_y", "x_y_", "from_"]


def test_two_operations_of_one_name_keep_their_long_names(generator: ModuleType) -> None:
    answer = {"responses": {"204": {"description": ""}}, "tags": ["things"]}
    document = {
        "paths": {
            "/a": {"get": {**answer, "operationId": "list_things_a_get"}},
            "/b": {"get": {**answer, "operationId": "list_b_get"}},
            "/c": {"get": {**answer, "operationId": "things_c_get"}},
        }
    }
    found = generator.operations(document, generator.types_of(document))
    assert [one.name for one in found] == ["list_things", "list", "things"]
