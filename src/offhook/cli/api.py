"""What the commands that speak to an orchestrator share: whose and where it is, the tenant meant, output, and errors.

A command is a function whose first argument is an ``Api``; ``command`` gives it the options that all have in common.
"""

from __future__ import annotations

import functools
import inspect
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Concatenate, Final, ParamSpec, TypeAlias, TypeVar, get_type_hints

import httpx
import typer
from pydantic import BaseModel, ValidationError
from pydantic_core import to_jsonable_python
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from offhook.client import Client, File
from offhook.client.base import Page, Retrying
from offhook.client.errors import ApiError, NotSignedIn, Unreachable
from offhook.errors import ConfigError, OffhookError

P = ParamSpec("P")
M = TypeVar("M", bound=BaseModel)
RETRYING: Final = Retrying(times=2)
"""Somebody waits and watches."""
HERE: Final = "http://127.0.0.1:8080"
Limit = Annotated[int, typer.Option(min=1, max=200, help="How many at most.")]
Cursor = Annotated[str | None, typer.Option(help="Go on where the list before ended.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
IfMatch = Annotated[str | None, typer.Option(help="Only if its ETag is still this one; without it, whatever it is now.")]
OfReseller = Annotated[str | None, typer.Option("--reseller", help="Of this reseller, instead of a tenant.")]
OfPlatform = Annotated[bool, typer.Option("--platform", help="Of the platform itself.")]
Columns: TypeAlias = Mapping[str, str | Callable[[Any], object]]
"""Titles, and which attribute or what of each item."""
_Url = Annotated[str | None, typer.Option(envvar=["OFFHOOK_URL", "OFFHOOK_ORCHESTRATOR_URL"], help="Where the orchestrator is.")]
_Token = Annotated[
    str | None, typer.Option(envvar=["OFFHOOK_TOKEN", "OFFHOOK_ORCHESTRATOR_ADMIN_TOKEN"], help="API key or operator's token.")
]
_Tenant = Annotated[str | None, typer.Option(envvar="OFFHOOK_TENANT", help="Which tenant, if there are several.")]
_AsJson = Annotated[bool, typer.Option("--json", help="Print the API's answer as it is.")]


# -- whose and where ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Login:
    """An orchestrator and a token that it knows."""

    url: str
    token: str = field(repr=False)


def login_file() -> Path:
    """Where ``offhook login`` keeps what it was told."""
    return Path(typer.get_app_dir("offhook")) / "login.json"


def kept_login() -> Login | None:
    """What ``offhook login`` was told; ConfigError for a file that others may read or that is damaged."""
    path = login_file()
    try:
        with path.open(encoding="utf-8") as file:
            if os.name == "posix" and os.fstat(file.fileno()).st_mode & 0o077:
                raise ConfigError(f"{path} may be read by others: run `chmod 600` on it, or `offhook login` again")
            found = json.load(file)
        return Login(str(found["url"]), str(found["token"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{path} is damaged: run `offhook login` again") from error


def keep_login(login: Login) -> Path:
    """Write it down for this user alone."""
    path = login_file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = path.with_suffix(".part")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump({"url": login.url, "token": login.token}, file)
    unfinished.replace(path)
    return path


def own_token() -> str:
    """The token that ``offhook up`` made on this machine, from its state folder."""
    path = Path(os.environ.get("OFFHOOK_ORCHESTRATOR_STATE_DIR", "var")) / "keys.json"
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(found.get("admin_token", "")) if isinstance(found, dict) else ""


def choose_login(url: str | None, token: str | None) -> Login:
    """What was said on the command line or by the environment, else what was kept. A kept token goes nowhere but where it belongs."""
    if url and token:
        return Login(url, token)
    kept = kept_login()
    if kept is not None and (url is None or _same(url, kept.url)):
        return Login(kept.url, token or kept.token)
    here = url or HERE
    return Login(here, token or (own_token() if _loopback(here) else ""))


def _same(one: str, other: str) -> bool:
    return one.rstrip("/") == other.rstrip("/")


def _loopback(url: str) -> bool:
    try:
        return httpx.URL(url).host in {"127.0.0.1", "::1", "localhost"}
    except httpx.InvalidURL:
        return False


# -- what a command works with --------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Api:
    """An open client, and how to print."""

    client: Client
    as_json: bool = False
    wanted: str | None = None
    console: Console = field(default_factory=lambda: Console(soft_wrap=True))

    @property
    def tenant(self) -> str:
        """The id of the tenant that is meant: the one named, else the only one there is."""
        if self.wanted is None:
            found = self.client.tenants.list(limit=2).first().data
            if len(found) != 1:
                raise ConfigError("there is no tenant yet: make one with `offhook tenants create`" if not found else _SEVERAL)
            self.wanted = found[0].id
        return self.wanted

    def rows(self, page: Page[Any], columns: Columns) -> None:
        """A page as a table: titles, and which attribute or what of each item."""
        if self.as_json:
            return self.json(page)
        self.table(page.data, columns)
        if page.next_cursor:
            self.console.print(f"there are more: --cursor {page.next_cursor}", style="dim", highlight=False)
        return None

    def table(self, values: Iterable[object], columns: Columns) -> None:
        """Values as a table, whatever was asked for."""
        table = Table(*columns)
        for one in values:
            table.add_row(*(escape(plain(how(one) if callable(how) else getattr(one, how))) for how in columns.values()))
        self.console.print(table)

    def show(self, value: object) -> None:
        """A value, field by field."""
        if self.as_json or not isinstance(value, BaseModel):
            return self.json(value)
        table = Table.grid(padding=(0, 2))
        for name in type(value).model_fields:
            table.add_row(f"[dim]{name.replace('_', ' ')}[/]", escape(plain(getattr(value, name))))
        self.console.print(table)
        return None

    def json(self, value: object) -> None:
        """A value as the API has it."""
        typer.echo(json.dumps(to_jsonable_python(value, by_alias=True), indent=2, ensure_ascii=False))

    def done(self, sentence: str) -> None:
        """What was done; nothing for readers of JSON."""
        if not self.as_json:
            self.console.print(escape(sentence), highlight=False)


_SEVERAL: Final = "there are several tenants: say which with --tenant"


def plain(value: object) -> str:
    """A value in a cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    found = to_jsonable_python(value, by_alias=True)
    if isinstance(found, str):
        return found[:19].replace("T", " ") if not isinstance(value, str) and len(found) > 19 and found[10:11] == "T" else found
    if isinstance(found, list) and all(isinstance(one, str) for one in found):
        return ", ".join(found)
    return json.dumps(found, ensure_ascii=False)


def said(**facts: object) -> dict[str, Any]:
    """Those options that were given."""
    return {name: value for name, value in facts.items() if value is not None}


def checked(kind: type[M], facts: Mapping[str, object]) -> M:
    """A value of what the command line says; ConfigError names what is no such value."""
    try:
        return kind.model_validate(dict(facts))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        name = str(first["loc"][0] if first["loc"] else "").replace("_", " ")
        raise ConfigError(f"{name}: {first['input']!r} is not known here") from error


def moment(given: datetime | None) -> datetime | None:
    """A time of the command line, which has no zone: UTC."""
    return given.replace(tzinfo=UTC) if given is not None and given.tzinfo is None else given


def save(file: File, path: Path) -> int:
    """Fetch into a file; how many bytes. ConfigError where it cannot be written."""
    try:
        return file.save(path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error


def confirm(question: str, yes: bool) -> None:
    """Ask before what cannot be undone; a ConfigError where nobody can answer."""
    if yes:
        return
    try:
        agreed = typer.confirm(question)
    except typer.Abort as error:
        raise ConfigError("nothing was done: say --yes where nobody can answer") from error
    if not agreed:
        raise ConfigError("nothing was done")


def read_document(path: Path) -> Any:  # noqa: ANN401 - JSON
    """A JSON or YAML document from a file, ``-`` for what comes in. ConfigError says where it is broken."""
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
        return YAML(typ="safe", pure=True).load(text)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read") from error
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f", line {mark.line + 1}"
        raise ConfigError(f"{path}{where}: {getattr(error, 'problem', None) or 'neither JSON nor YAML'}") from error


def document_as(kind: type[M], path: Path) -> M:
    """A document of this kind from a file; ConfigError with the path of each fault."""
    found = read_document(path)
    try:
        return kind.model_validate(found)
    except ValidationError as error:
        faults = "\n".join(f"  {'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise ConfigError(f"{path} is not as it should be\n{faults}") from error


def complain(error: OffhookError) -> None:
    """One sentence, and which fields are wrong."""
    typer.echo(f"{error.public}: is `offhook up` running?" if isinstance(error, Unreachable) else error.public, err=True)
    if isinstance(error, NotSignedIn):
        typer.echo("run `offhook login`, or set OFFHOOK_URL and OFFHOOK_TOKEN", err=True)
    for fault in error.faults if isinstance(error, ApiError) else ():
        if fault.message not in error.public:
            typer.echo(f"  {fault}", err=True)


@contextmanager
def errors_end_with_1() -> Iterator[None]:
    """Say what was wrong, and end the program."""
    try:
        yield
    except OffhookError as error:
        complain(error)
        raise typer.Exit(1) from error


# -- commands ---------------------------------------------------------------------------------------------------------------


def command(app: typer.Typer, name: str) -> Callable[[Callable[Concatenate[Api, P], None]], Callable[Concatenate[Api, P], None]]:
    """Make a function a command: it is given an ``Api``, and ``--url``, ``--token``, ``--tenant`` and ``--json`` are added."""

    def register(function: Callable[Concatenate[Api, P], None]) -> Callable[Concatenate[Api, P], None]:
        app.command(name)(_with_options(function))
        return function

    return register


def _with_options(function: Callable[..., None]) -> Callable[..., None]:
    common: dict[str, Any] = {"url": (_Url, None), "token": (_Token, None), "tenant": (_Tenant, None), "as_json": (_AsJson, False)}
    hints = get_type_hints(function, include_extras=True)
    own = list(inspect.signature(function).parameters.values())[1:]

    @functools.wraps(function)
    def run(*, url: str | None, token: str | None, tenant: str | None, as_json: bool, **given: object) -> None:
        with errors_end_with_1():
            login = choose_login(url, token)
            with Client(login.url, login.token, retrying=RETRYING) as client:
                function(Api(client, as_json, tenant), **given)

    parameters = [one.replace(annotation=hints[one.name]) for one in own]
    parameters += [
        inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=value, annotation=kind) for key, (kind, value) in common.items()
    ]
    run.__dict__["__signature__"] = inspect.Signature(parameters)
    run.__annotations__ = {one.name: one.annotation for one in parameters}
    del run.__dict__["__wrapped__"]
    return run
