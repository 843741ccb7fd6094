"""The demonstration tenant, from its documents. Running it again changes nothing that has not changed there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from offhook.authoring.load import load
from offhook.authoring.passages import passages
from offhook.contracts.plan import Passage
from offhook.errors import ConfigError
from offhook.orchestrator.agents import ops as agents
from offhook.orchestrator.db import Database
from offhook.orchestrator.numbers import ops as numbers
from offhook.orchestrator.tenants import ops as tenants
from offhook.orchestrator.tenants.schemas import Business


def examples() -> Path:
    """The examples: in a checkout beside ``src``, in an installed wheel inside the package. ConfigError if they are in neither."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "examples", package.parents[1] / "examples"):
        if (folder / "receptionist" / "business.yaml").is_file():
            return folder
    raise ConfigError("the examples are missing: give the path of a business.yaml")


def read_business(path: Path) -> tuple[Business, dict[str, Any]]:
    """A business with its knowledge, and its checked script; ConfigError names the file and what is wrong in it."""
    try:
        business = Business.model_validate(_yaml(path))
        if business.faq:
            text = (path.parent / business.faq).read_text(encoding="utf-8")
            found = tuple(Passage(title=title, text=body) for title, body in passages(text))
            business = business.model_copy(update={"knowledge": (*business.knowledge, *found)})
    except ValidationError as error:
        fields = "; ".join(f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()[:5])
        raise ConfigError(f"{path}: {fields}") from error
    except OSError as error:
        raise ConfigError(f"{path}: its faq cannot be read: {error.strerror}") from error
    script: dict[str, Any] = json.loads(json.dumps(load(path.parent / business.script).source, default=str))
    return business, script


def _yaml(path: Path) -> dict[str, Any]:
    try:
        loaded = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except (OSError, YAMLError) as error:
        raise ConfigError(f"{path} cannot be read", detail=str(error)) from error
    if not isinstance(loaded, dict):
        raise ConfigError(f"{path} is not a mapping")
    return loaded


async def seed(database: Database, path: Path | None = None) -> Business:
    """Make or renew the tenant of a business.yaml, the demonstration's by default."""
    business, script = read_business(path or examples() / "receptionist" / "business.yaml")
    await plant(database, business, script)
    return business


async def plant(database: Database, business: Business, script: dict[str, Any]) -> None:
    """Make or renew a document's tenant, agent and numbers; Conflict if a number is another tenant's."""
    async with database.platform() as platform:
        await tenants.make(platform, business)
    async with database.tenant(business.id) as scope:
        await tenants.renew(scope, business)
        await agents.seed(scope, business, script)
        await numbers.seed(scope, business)
