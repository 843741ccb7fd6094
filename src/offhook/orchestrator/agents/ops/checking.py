"""Checking agents where they will work: in their tenant, with what this installation has. Off the loop, since scripts may be long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from pydantic import ValidationError

from offhook.errors import Fault, Invalid
from offhook.orchestrator.agents import check, rewrite, scripts
from offhook.orchestrator.agents.config import AgentConfig
from offhook.orchestrator.agents.known import known
from offhook.orchestrator.agents.schemas import CheckBody, CheckView, FaultView
from offhook.orchestrator.errors import faults_of
from offhook.orchestrator.numbers import dialling
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.scope import TenantScope
from offhook.orchestrator.tenants import ops as tenants
from offhook.orchestrator.tolls import ops as tolls
from offhook.orchestrator.vendors import ops as vendors

AT_ONCE: Final = 2
"""Scripts that are read or checked at the same moment in this process: the processor is for calls."""
MOST: Final = 200
"""Faults that are shown."""


async def read(text: str) -> tuple[dict[str, Any], scripts.Lines]:
    """The document of a script's text; Invalid with the line."""
    return await to_thread.run_sync(scripts.read, text, limiter=_limiter())


async def write(document: dict[str, Any]) -> str:
    """A script's document as text."""
    return await to_thread.run_sync(scripts.write, document, limiter=_limiter())


async def rewritten(text: str, section: str, name: str, part: Mapping[str, Any] | None) -> str:
    """A script's text with another state, slot or tool in the place of this one; None takes it out. Invalid: the text cannot be read."""
    return await to_thread.run_sync(rewrite.put, text, section, name, part, limiter=_limiter())


async def checked(scope: TenantScope, config: AgentConfig, text: str | None = None) -> check.Checked:
    """All that is wrong with an agent of this tenant. ``text`` is what its script was read from."""
    tenant = await tenants.get(scope)
    own = frozenset(one.did for one in await numbers.page(scope, 1_000, None))
    rules = await tolls.rules(scope)
    accounts = await vendors.places(scope, tenant.reseller_id)

    def work() -> check.Checked:
        lines = scripts.read(text)[1] if text is not None else None
        return check.check(config, check.Setting(tenant.locale, tenant.region, known(), own, rules, accounts), lines)

    return await to_thread.run_sync(work, limiter=_limiter())


async def need_sound(scope: TenantScope, config: AgentConfig, text: str | None = None, *, under: str = "") -> check.Checked:
    """Invalid with all faults if the agent could not be published. ``under`` is where the configuration stands in the request."""
    found = await checked(scope, config, text)
    if found.faults:
        faults = tuple(Fault(f"{under}{one.path}", one.message, one.line) for one in found.faults)
        raise Invalid(f"the agent has {len(faults)} fault{'s' if len(faults) > 1 else ''}", faults=faults)
    return found


async def check_document(scope: TenantScope, body: CheckBody) -> CheckView:
    """What is wrong with any document, of which nothing is stored."""
    document = dict(body.config)
    try:
        if body.text is not None:
            document["script"], _ = await read(body.text)
        config = AgentConfig.model_validate(document)
    except Invalid as error:
        return shown(check.Checked(error.faults, ()))
    except ValidationError as error:
        return shown(check.Checked(faults_of(error), ()))
    return shown(await checked(scope, config, body.text))


def shown(found: check.Checked) -> CheckView:
    """As the API says it."""
    return CheckView(ok=not found.faults, faults=_views(found.faults), warnings=_views(found.warnings))


def normal(config: AgentConfig, region: str) -> AgentConfig:
    """The same with transfer targets as E.164, where they are telephone numbers."""
    if not config.transfer:
        return config
    made = {}
    for name, target in config.transfer.items():
        people = tuple(one.model_copy(update={"number": _dialled(one.number, region)}) for one in target.people)
        made[name] = target.model_copy(update={"number": _dialled(target.number, region), "people": people})
    return config.model_copy(update={"transfer": made})


def _dialled(number: str | None, region: str) -> str | None:
    try:
        return None if number is None else dialling.target(number, region)
    except ValueError:
        return number  # the check says what is wrong with it


def _views(faults: tuple[Fault, ...]) -> list[FaultView]:
    return [FaultView(path=one.path, message=one.message, line=one.line) for one in faults[:MOST]]


_places: RunVar[CapacityLimiter] = RunVar("places of checks")


def _limiter() -> CapacityLimiter:
    """One for each event loop."""
    try:
        return _places.get()
    except LookupError:
        made = CapacityLimiter(AT_ONCE)
        _places.set(made)
        return made
