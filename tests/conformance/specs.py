"""Requests of adapters and replies of simulators against the vendors' own descriptions."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeAlias
from urllib.parse import parse_qsl, urlsplit

import yaml
from openapi_core import Config, OpenAPI
from openapi_core.datatypes import RequestParameters
from openapi_core.exceptions import OpenAPIError
from openapi_core.templating.responses.exceptions import ResponseNotFound
from tests.shared import SHARED
from werkzeug.datastructures import Headers, ImmutableMultiDict

from offhook.testing.business.base import Seen

SPECS = SHARED / "specs"
Mend: TypeAlias = Callable[[dict[str, Any]], None]


class SpecChecker(Protocol):
    """A vendor's description."""

    name: str

    def there(self) -> bool:
        """Whether its file is on this machine."""
        ...

    def covers(self, seen: Seen) -> bool:
        """Whether it describes this at all: sign-in and webhooks often stand elsewhere."""
        ...

    def check(self, seen: Seen) -> list[str]:
        """What is not as described, in sentences."""
        ...


class _Request:
    """What openapi-core asks for."""

    def __init__(self, seen: Seen) -> None:
        url = urlsplit(seen.url)
        self.host_url = f"{url.scheme}://{url.netloc}"
        self.path = url.path
        self.method = seen.method.lower()
        self.body = seen.body
        self.content_type = seen.headers.get("content-type", "application/json").partition(";")[0]
        self.query = parse_qsl(url.query, keep_blank_values=True)
        self.parameters = RequestParameters(
            query=ImmutableMultiDict(self.query), header=Headers(dict(seen.headers)), cookie=ImmutableMultiDict(), path={}
        )


class _Reply:
    def __init__(self, seen: Seen) -> None:
        self.data = seen.reply
        self.status_code = seen.status
        self.headers = Headers(dict(seen.reply_headers))
        self.content_type = seen.reply_headers.get("content-type", "application/json").partition(";")[0]


class OpenApiChecker:
    """An OpenAPI file, read strictly: what it does not name may not be sent, even where it says nothing on further properties.

    ``queries``: parameters that the vendor documents outside the file. ``outside``: beginnings of paths that it documents elsewhere.
    ``loose``: further properties may be sent, for files that are known to leave some out. ``mend`` corrects in the document
    as read what is known to be wrong in it.
    """

    def __init__(
        self,
        file: str,
        *,
        queries: tuple[str, ...] = (),
        outside: tuple[str, ...] = (),
        loose: bool = False,
        server: str = "",
        mend: Mend | None = None,
    ) -> None:
        self.name = Path(file).name
        self._path = SPECS / file
        self._queries = frozenset(queries)
        self._outside = outside
        self._loose = loose
        self._server = server
        self._mend = mend

    def there(self) -> bool:
        return self._path.is_file()

    def covers(self, seen: Seen) -> bool:
        return not urlsplit(seen.url).path.startswith(self._outside) if self._outside else True

    def check(self, seen: Seen) -> list[str]:
        spec, operations = _loaded(self._path, self._loose, self._server, self._mend)
        request, found = _Request(seen), []
        what = f"{seen.method} {urlsplit(seen.url).path}"
        try:
            spec.validate_request(request)
        except OpenAPIError as error:
            # A request that is refused as wrong is the simulator's to judge: it must have been sent all the same.
            found.append(f"{what}: request: {_why(error)}")
        named = operations(seen)
        if named is not None:
            found += [f"{what}: unknown query parameter {name}" for name, _ in request.query if name not in named | self._queries]
        if seen.fault is None:
            try:
                spec.validate_response(request, _Reply(seen))
            except OpenAPIError as error:
                if isinstance(error, ResponseNotFound) and seen.status >= 400:
                    return found  # many files say what goes well only
                found.append(f"{what}: reply {seen.status}: {_why(error)}")
        return found


class Several:
    """A vendor that describes itself in several files: which, by the beginning of the path, the first that fits."""

    def __init__(self, name: str, files: Mapping[str, SpecChecker]) -> None:
        self.name = name
        self._files = files

    def there(self) -> bool:
        return all(one.there() for one in self._files.values())

    def covers(self, seen: Seen) -> bool:
        return (one := self._of(seen)) is not None and one.covers(seen)

    def check(self, seen: Seen) -> list[str]:
        one = self._of(seen)
        return [] if one is None else one.check(seen)

    def _of(self, seen: Seen) -> SpecChecker | None:
        path = urlsplit(seen.url).path
        return next((one for beginning, one in self._files.items() if path.startswith(beginning)), None)


def _why(error: OpenAPIError) -> str:
    causes: list[str] = []
    one: BaseException | None = error
    while one is not None:
        causes.append(_short(str(one)) or type(one).__name__)
        causes += [_short(getattr(each, "message", str(each))) for each in getattr(one, "schema_errors", ())]
        one = one.__cause__ or one.__context__
    return "; ".join(dict.fromkeys(causes))


def _short(text: str) -> str:
    """What is wrong stands at the end, after the value."""
    return text if len(text) <= 400 else f"{text[:200]}…{text[-200:]}"


@functools.cache
def _loaded(path: Path, loose: bool, server: str, mend: Mend | None) -> tuple[OpenAPI, Any]:
    text = path.read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text) if path.suffix == ".json" else yaml.load(text, Loader=yaml.CSafeLoader)
    if mend is not None:
        mend(document)
    for name, scheme in document.get("components", {}).get("securitySchemes", {}).items():
        if scheme.get("type") == "oauth2":  # which openapi-core does not know: a bearer token must be there
            document["components"]["securitySchemes"][name] = {"type": "http", "scheme": "bearer"}
    if server:
        document["servers"] = [{"url": server}]
    config = Config(spec_validator_cls=None, additional_properties_default_policy="allow" if loose else "forbid")
    # The base path lets references to neighbouring files be followed.
    spec = OpenAPI.from_dict(document, config=config, base_uri=path.as_uri())
    base = urlsplit(document.get("servers", [{"url": ""}])[0]["url"]).path.rstrip("/")

    def operations(seen: Seen) -> frozenset[str] | None:
        asked = urlsplit(seen.url).path.removeprefix(base).split("/")
        for template, item in _templates(document):
            parts = template.split("/")
            if len(parts) == len(asked) and all(_same(one, two) for one, two in zip(parts, asked, strict=True)):
                named = [*item.get("parameters", ()), *item.get(seen.method.lower(), {}).get("parameters", ())]
                return frozenset(_resolved(document, one).get("name", "") for one in named)
        return None

    return spec, operations


def _templates(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Paths, those with the fewest places to fill first."""
    yield from sorted(document["paths"].items(), key=lambda one: one[0].count("{"))


def _same(template: str, part: str) -> bool:
    if "{" not in template:
        return template == part
    before, after = template.partition("{")[0], template.rpartition("}")[2]
    return part.startswith(before) and part.endswith(after)


def _resolved(document: dict[str, Any], one: dict[str, Any]) -> dict[str, Any]:
    found: Any = one
    while "$ref" in found:
        reference: str = found["$ref"]
        if not reference.startswith("#/"):
            return {}
        found = functools.reduce(lambda place, key: place[key], reference[2:].split("/"), document)
    return dict(found)
