"""What trunks do, for their routes and for other domains. A password is sealed, goes to engines, and nowhere else."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final

from pydantic import SecretStr

from offhook.contracts.trunks import Trunk, TrunkReport, Trunks, TrunksTaken
from offhook.errors import ConfigError, Conflict, Fault, Invalid, NotFound
from offhook.orchestrator.ids import new_id
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.scope import PlatformScope, TenantScope
from offhook.orchestrator.services import Services
from offhook.orchestrator.trunks import places
from offhook.orchestrator.trunks.repo import Known, TrunkDirectory, TrunkRepo
from offhook.orchestrator.trunks.schemas import NewTrunk, StateView, TrunkChange, TrunkView
from offhook.orchestrator.trunks.tables import TrunkRow, TrunkStateRow
from offhook.orchestrator.vault.seal import Unsealable

KEPT: Final = timedelta(days=1)
"""How long the word of an engine that has gone is shown."""
FRESH: Final = timedelta(seconds=20)
"""An engine that has not told of its trunks for so long is asked to place no call. They tell every 5 s."""
_COLUMNS: Final = {"user": "username"}
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Placer:
    """An engine that places calls: where it is asked, and which start of it."""

    engine: str
    boot: str


def place(id: str) -> str:
    """Where a trunk's password belongs, for the vault."""
    return f"trunk/{id}/password"


# what owners do


async def create(scope: TenantScope, given: Services, new: NewTrunk) -> TrunkView:
    """Keep a trunk; Invalid says which fields are wrong."""
    now = given.clock()
    made = new_id("trk", now)
    fields = _checked(given, new.model_dump(exclude={"password"}), password=new.password is not None)
    await TrunkRepo(scope).add(
        id=made, created_at=now, updated_at=now, password=await _sealed(scope, given, made, new.password), **_row(fields)
    )
    return await show(scope, made)


async def show(scope: TenantScope, id: str, *, lock: bool = False) -> TrunkView:
    """A trunk without its password; NotFound."""
    repo = TrunkRepo(scope)
    row = await repo.get(id, lock=lock)
    if row is None:
        raise NotFound("no such trunk")
    return _view(row, (await repo.states([id])).get(id, []))


async def page(scope: TenantScope, limit: int, after: tuple[datetime, str] | None) -> list[TrunkView]:
    """Trunks, newest first."""
    repo = TrunkRepo(scope)
    rows = await repo.page(limit, after)
    states = await repo.states([row.id for row in rows])
    return [_view(row, states.get(row.id, [])) for row in rows]


async def change(scope: TenantScope, given: Services, old: TrunkView, changes: TrunkChange) -> TrunkView:
    """Change what is given; Invalid says which fields are wrong. Calls that it has go on."""
    named = changes.model_fields_set
    faults = tuple(Fault(name, "this cannot be empty") for name in sorted(named - {"password"}) if getattr(changes, name) is None)
    if faults:
        raise Invalid("a trunk always has these", faults=faults)
    told = changes.model_dump(include=set(named) - {"password"})
    kept = {name: getattr(old, name) for name in NewTrunk.model_fields if name != "password"}
    secret = changes.password if "password" in named else None
    password = secret is not None if "password" in named else old.password_set
    fields = {name: value for name, value in _checked(given, kept | told, password=password).items() if name in told}
    row = _row(fields)
    if "password" in named:
        row["password"] = await _sealed(scope, given, old.id, secret)
    if row:
        await TrunkRepo(scope).change(old.id, row, given.clock())
    return await show(scope, old.id)


async def delete(scope: TenantScope, id: str) -> None:
    """Drop a trunk with its password; Conflict while numbers belong to it."""
    if await numbers.with_trunk(scope, id):
        raise Conflict("numbers belong to this trunk: give them another first")
    await TrunkRepo(scope).delete(id)


def differences(old: TrunkView, new: TrunkView, names: Collection[str]) -> dict[str, Any]:
    """What a change of these fields has changed, for the log; of a password, that it did."""
    told = {name: [getattr(old, name), getattr(new, name)] for name in sorted(set(names) - {"password"})}
    return {**told, "password": "changed"} if "password" in names else told


def _checked(given: Services, fields: dict[str, Any], *, password: bool) -> dict[str, Any]:
    """A trunk's fields, each in its one form; Invalid with all that is wrong."""
    faults, own = [], places.networks(given.settings.trunk_networks)
    sources: dict[str, None] = {}
    for at, one in enumerate(fields["sources"]):
        try:
            sources[places.source(one, own)] = None
        except ValueError as error:
            faults.append(Fault(f"sources.{at}", str(error)))
    if fields["host"]:
        try:
            fields["host"] = places.host(fields["host"], own)
        except ValueError as error:
            faults.append(Fault("host", str(error)))
    if fields["auth"] == "register":
        faults += [Fault(name, "a trunk that registers needs this") for name in ("host", "user") if not fields[name]]
        faults += [] if password else [Fault("password", "a trunk that registers needs this")]
    elif not fields["sources"]:
        faults.append(Fault("sources", "a trunk that is known by its address needs at least one"))
    if len(set(fields["codecs"])) < len(fields["codecs"]):
        faults.append(Fault("codecs", "each of them once"))
    if faults:
        raise Invalid("the trunk cannot be set up so", faults=tuple(faults))
    return {**fields, "sources": list(sources), "codecs": list(fields["codecs"])}


def _row(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {_COLUMNS.get(name, name): value for name, value in fields.items()}


async def _sealed(scope: TenantScope, given: Services, id: str, password: SecretStr | None) -> bytes | None:
    return await given.vault.seal(scope, place(id), password.get_secret_value().encode()) if password is not None else None


def _view(row: TrunkRow, states: list[TrunkStateRow]) -> TrunkView:
    fields = {name: getattr(row, _COLUMNS.get(name, name)) for name in TrunkView.model_fields if name not in {"password_set", "states"}}
    return TrunkView(**fields, password_set=row.password is not None, states=tuple(StateView.model_validate(one) for one in states))


# what engines ask and tell


def ref(tenant: str, id: str) -> str:
    """A trunk's name across the wall."""
    return f"{tenant}/{id}"


async def owner(platform: PlatformScope, trunk_ref: str) -> tuple[str, str] | None:
    """Whose trunk this is (its tenant and its id); None if it is nobody's, or is out of use."""
    tenant, _, id = trunk_ref.partition("/")  # noqa: A001 - what it is
    return (tenant, id) if await TrunkDirectory(platform).in_use(tenant, id) else None


async def version(given: Services) -> str:
    """Changes with whatever engines are told of trunks. In a transaction of its own."""
    return _version(await _known(given))


async def known(given: Services) -> Trunks:
    """The trunks of all tenants, with their passwords: for engines alone. In transactions of its own, one a tenant.

    A trunk whose password cannot be opened is left out and logged: it could not log in.
    """
    every = await _known(given)
    found: list[Trunk] = []
    for tenant, group in groupby(every, key=lambda one: one.tenant):
        dids = {one.id: one.dids for one in group}
        async with given.database.tenant(tenant) as scope:
            rows = {row.id: row for row in await TrunkRepo(scope).every()}
            for id, numbers_of in dids.items():  # noqa: A001 - what it is
                try:
                    found += [await _trunk(scope, given, rows[id], numbers_of)] if id in rows else []
                except (Unsealable, ConfigError) as error:
                    log.warning("trunk %s of tenant %s cannot be used: %s", id, tenant, error.public)
    return Trunks(version=_version(every), trunks=tuple(found))


async def _known(given: Services) -> list[Known]:
    async with given.database.platform() as platform:
        return await TrunkDirectory(platform).known()


def _version(every: list[Known]) -> str:
    return hashlib.sha256(repr([tuple(one) for one in every]).encode()).hexdigest()[:32]


async def _trunk(scope: TenantScope, given: Services, row: TrunkRow, dids: tuple[str, ...]) -> Trunk:
    password = (await given.vault.open(scope, place(row.id), row.password)).decode() if row.password else ""
    same = ("id", "auth", "host", "sources", "did_from", "codecs")
    fields = {name: getattr(row, name) for name in same}
    known = {"ref": ref(row.tenant_id, row.id), "user": row.username, "calls": row.max_calls}
    return Trunk.model_validate({**fields, **known, "password": password, "dids": dids})


async def placers(scope: TenantScope, id: str, now: datetime) -> list[Placer]:
    """Engines that place calls over a trunk, the best first; NotFound where it is out of use, or has no host to send calls to."""
    row = await TrunkRepo(scope).get(id)
    if row is None or not row.enabled or not row.host:
        raise NotFound("no such trunk that calls out go over")
    return [Placer(one.engine, one.boot) for one in await TrunkRepo(scope).heard(id, now - FRESH) if one.state != "failed"]


async def told(given: Services, report: TrunkReport) -> TrunksTaken:
    """Keep how an engine's trunks fare, and say with which it registers. In transactions of its own, one a tenant.

    A trunk that registers is one engine's until that drains, goes, or is not heard of for ``trunk_lease_s``.
    """
    now, kept, registers = given.clock(), 0, []
    by_tenant: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for one in report.states:
        tenant, _, id = one.ref.partition("/")  # noqa: A001 - what it is
        by_tenant.setdefault(tenant, []).append((id, one.model_dump(exclude={"ref"})))
    for tenant, states in sorted(by_tenant.items()):
        try:
            async with given.database.tenant(tenant) as scope:
                repo = TrunkRepo(scope)
                await repo.forget(now - KEPT)
                for id, fields in sorted(states, key=lambda one: one[0]):  # noqa: A001 - what it is
                    kept += await repo.tell(id, report.engine, now, boot=report.boot if report.takes else "", **fields)
                if report.boot:
                    registers += [ref(tenant, one) for one in await _leased(repo, given, report, [name for name, _ in states])]
        except NotFound:  # the tenant is gone
            continue
    return TrunksTaken(kept=kept, registers=tuple(sorted(registers)))


async def _leased(repo: TrunkRepo, given: Services, report: TrunkReport, ids: Collection[str]) -> list[str]:
    """The trunks of a tenant that an engine registers with from now on."""
    now = given.clock()
    until = now + timedelta(seconds=given.settings.trunk_lease_s)
    wanted = sorted(row.id for row in await repo.every() if row.auth == "register" and row.id in ids) if report.takes else []
    await repo.let_go(report.boot, wanted)
    return [one for one in wanted if await repo.lease(one, report.boot, now, until)]
