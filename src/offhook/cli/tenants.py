"""``offhook tenants``: businesses, from their making to their erasure."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from offhook.cli.api import Api, Cursor, IfMatch, Limit, Yes, command, confirm, document_as, said, save
from offhook.client.errors import NotFound, NotPermitted
from offhook.client.models import Confirmation, Diary, ErasureView, ExportView, Move, NewTenant, TenantChange, TenantLimits
from offhook.errors import ConfigError

app = typer.Typer(help="Tenants.", no_args_is_help=True)
T = TypeVar("T")
PATIENCE = 300.0
"""Seconds that a job is waited for."""
EVERY = 0.25
COLUMNS = {"tenant": "id", "name": "name", "reseller": "reseller_id", "state": "state", "calls at once": "max_calls", "since": "created_at"}
Zone = Annotated[str | None, typer.Option("--timezone", help="Such as Europe/London.")]
Region = Annotated[str | None, typer.Option(help="Country of its numbers, such as GB.")]
Locale = Annotated[str | None, typer.Option(help="Language, such as en-GB.")]
Fallback = Annotated[str | None, typer.Option(help="Where callers are put through when nothing else can be done.")]
Keep = Annotated[int | None, typer.Option("--keep-days", help="Calls that ended so many days ago are deleted.")]
DiaryFile = Annotated[Path | None, typer.Option("--diary", help="A document: staff, visit_minutes, lead_minutes, horizon_days.")]
Which = Annotated[str | None, typer.Argument(help="Its id; needed only if there are several.")]
Reseller = Annotated[str | None, typer.Option(envvar="OFFHOOK_RESELLER", help="Which reseller, if there are several.")]


@command(app, "list")
def list_tenants(api: Api, reseller: Reseller = None, limit: Limit = 50, cursor: Cursor = None) -> None:
    """The tenants that you may see."""
    tenants = api.client.tenants
    pages = tenants.list_reseller(reseller, limit=limit, cursor=cursor) if reseller else tenants.list(limit=limit, cursor=cursor)
    api.rows(pages.first(), COLUMNS)


@command(app, "create")
def create_tenant(
    api: Api,
    name: str,
    reseller: Reseller = None,
    timezone: Zone = None,
    region: Region = None,
    locale: Locale = None,
    fallback: Fallback = None,
    keep: Keep = None,
    diary: DiaryFile = None,
    max_calls: Annotated[int | None, typer.Option(help="Calls at once.")] = None,
) -> None:
    """Make a tenant."""
    plan = None if diary is None else document_as(Diary, diary)
    facts = said(
        timezone=timezone, region=region, locale=locale, fallback_number=fallback, retention_days=keep, diary=plan, max_calls=max_calls
    )
    api.show(api.client.tenants.create(reseller or _only_reseller(api), NewTenant(name=name, **facts)))


def _only_reseller(api: Api) -> str:
    """The only reseller that there is, or whose tenants one sees."""
    try:
        found = {one.id for one in api.client.resellers.list(limit=2).first().data}
    except NotPermitted:
        found = {one.reseller_id for one in api.client.tenants.list(limit=200).first().data}
    if len(found) != 1:
        raise ConfigError("say which reseller with --reseller")
    return found.pop()


@command(app, "show")
def show_tenant(api: Api, which: Which = None) -> None:
    """A tenant."""
    api.show(api.client.tenants.show(which or api.tenant).value)


@command(app, "change")
def change_tenant(
    api: Api,
    which: Which = None,
    name: Annotated[str | None, typer.Option(help="What it is called.")] = None,
    timezone: Zone = None,
    region: Region = None,
    locale: Locale = None,
    fallback: Fallback = None,
    keep: Keep = None,
    diary: DiaryFile = None,
    if_match: IfMatch = None,
) -> None:
    """Change what is given of a tenant."""
    tenant = which or api.tenant
    plan = None if diary is None else document_as(Diary, diary)
    body = TenantChange(
        **said(name=name, timezone=timezone, region=region, locale=locale, fallback_number=fallback, retention_days=keep, diary=plan)
    )
    tag = if_match or api.client.tenants.show(tenant).etag
    api.show(api.client.tenants.change(tenant, body, if_match=tag).value)


@command(app, "limit")
def limit_tenant(api: Api, max_calls: Annotated[int, typer.Argument(help="Calls at once.")], which: Which = None) -> None:
    """Set what it may have at once."""
    tenant = api.client.tenants.show(which or api.tenant).value
    api.show(api.client.tenants.limit(tenant.reseller_id, tenant.id, TenantLimits(max_calls=max_calls)))


@command(app, "suspend")
def suspend_tenant(api: Api, which: Which = None, yes: Yes = False) -> None:
    """Refuse its calls; all else stays as it is."""
    tenant = api.client.tenants.show(which or api.tenant).value
    confirm(f"refuse the calls of {tenant.name}", yes)
    api.show(api.client.tenants.suspend(tenant.reseller_id, tenant.id))


@command(app, "resume")
def resume_tenant(api: Api, which: Which = None) -> None:
    """Take its calls again."""
    tenant = api.client.tenants.show(which or api.tenant).value
    api.show(api.client.tenants.resume(tenant.reseller_id, tenant.id))


@command(app, "move")
def move_tenant(api: Api, reseller: Annotated[str, typer.Argument(help="Where it goes.")], which: Which = None) -> None:
    """Give it, with all that is its own, to another reseller."""
    api.show(api.client.tenants.move(which or api.tenant, Move(reseller_id=reseller)))


# -- all of it, and none of it ------------------------------------------------------------------------------------------------


@command(app, "export")
def export_tenant(
    api: Api,
    which: Which = None,
    out: Annotated[Path | None, typer.Option(help="Where the zip file goes; its id in this folder without it.")] = None,
) -> None:
    """Fetch all data of a tenant as a zip file."""
    tenant = which or api.tenant
    tenants = api.client.tenants
    export = tenants.create_export(tenant).id
    done: ExportView = _wait(lambda: tenants.show_export(tenant, export), lambda one: one.state != "waiting", f"the export {export}")
    if done.state != "ready":
        raise ConfigError(f"the export {export} failed: the orchestrator's log says why")
    path = out or Path(f"{export}.zip")
    written = save(tenants.fetch_export(tenant, export), path)
    if api.as_json:
        api.json(done)
    api.done(f"{written} bytes, {sum(done.counts.values())} rows of {len(done.counts)} tables, in {path}")


@command(app, "erase")
def erase_tenant(
    api: Api,
    which: Annotated[str, typer.Argument(help="Its id.")],
    name: Annotated[
        str,
        typer.Option("--yes", prompt="This cannot be undone. The tenant's name, to erase it", metavar="NAME", help="Its name, once more."),
    ],
    wait: Annotated[bool, typer.Option(help="Wait until nothing is left, and show the certificate.")] = True,
) -> None:
    """Erase a tenant and everything of it, for ever."""
    found = api.client.tenants.show(which)
    if name != found.value.name:
        raise ConfigError(f"nothing was done: {which} is called {found.value.name!r}, not {name!r}")
    begun = api.client.tenants.erase(which, Confirmation(name=name), if_match=found.etag)
    if not wait:
        return api.show(begun)
    looks = _certificate(api, found.value.reseller_id, begun.erasure)
    try:
        certificate: ErasureView = _wait(looks, lambda one: one.finished_at is not None, "the erasure")
    except (NotPermitted, NotFound):  # certificates are the platform's and the reseller's
        return api.show(begun)
    api.show(certificate)
    if not certificate.verified:
        raise ConfigError("something of the tenant was found after its erasure: the certificate says what was done")
    return None


def _certificate(api: Api, reseller: str, erasure: str) -> Callable[[], ErasureView | None]:
    """Looks for a certificate where one may: with the platform, else with the reseller."""

    def look() -> ErasureView | None:
        tenants = api.client.tenants
        try:
            return tenants.show_erasure(erasure)
        except NotFound:
            pass
        except NotPermitted:
            return next((one for one in tenants.list_reseller_erasures(reseller) if one.id == erasure), None)
        return None

    return look


@command(app, "erasures")
def list_erasures(api: Api, reseller: Reseller = None, limit: Limit = 50, cursor: Cursor = None) -> None:
    """Certificates of tenants that were erased."""
    tenants = api.client.tenants
    if reseller:
        pages = tenants.list_reseller_erasures(reseller, limit=limit, cursor=cursor)
    else:
        pages = tenants.list_erasures(limit=limit, cursor=cursor)
    api.rows(pages.first(), {"erasure": "id", "subject": "subject", "asked": "requested_at", "done": "finished_at", "verified": "verified"})


def _wait(look: Callable[[], T | None], done: Callable[[T], bool], what: str) -> T:
    """Look until it is done; ConfigError if that takes too long."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        found = look()
        if found is not None and done(found):
            return found
        time.sleep(EVERY)
    raise ConfigError(f"{what} is not done after {PATIENCE:g} s: does a worker run?")
