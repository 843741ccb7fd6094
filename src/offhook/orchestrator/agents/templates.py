"""Examples to begin with: folders of ``examples/templates``, each with an agent.yaml and its script, tested as all examples are."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from offhook.authoring.load import ScriptError, parse
from offhook.errors import ConfigError, NotFound
from offhook.orchestrator.agents.config import AgentConfig
from offhook.orchestrator.agents.schemas import TemplateDetail


def get(id: str) -> TemplateDetail:
    """A template; NotFound. Slow the first time: call it in a thread."""
    found = every().get(id)
    if found is None:
        raise NotFound("no such template")
    return found


@functools.cache
def every() -> Mapping[str, TemplateDetail]:
    """All templates by id; ConfigError names the file that is wrong. Slow the first time: call it in a thread."""
    folder = _folder()
    return {one.parent.name: _template(one) for one in sorted(folder.glob("*/agent.yaml"))} if folder else {}


def _folder() -> Path | None:
    """In a checkout beside ``src``, in an installed wheel inside the package."""
    package = Path(__file__).resolve().parents[2]
    return next((one for one in (package / "examples/templates", package.parents[1] / "examples/templates") if one.is_dir()), None)


@dataclass(frozen=True, slots=True)
class _Written:
    title: str
    use: str
    script: str
    config: dict[str, object]


def _template(path: Path) -> TemplateDetail:
    try:
        written = _Written(**YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8")))
        text = (path.parent / written.script).read_text(encoding="utf-8")
        config = AgentConfig.model_validate({**written.config, "script": parse(text)[0]})
    except (OSError, YAMLError, TypeError, ValidationError, ScriptError) as error:
        raise ConfigError(f"the template {path.parent.name} cannot be used", detail=str(error)) from error
    return TemplateDetail(id=path.parent.name, title=written.title, use=written.use, config=config, text=text)
