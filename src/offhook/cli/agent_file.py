"""An agent's draft as one YAML file: what ``offhook agents pull`` writes and ``push`` reads.

The first line says which agent it is and of which state of its draft, so that ``push`` changes just that. The script stands last,
with its own comments, indented by two.
"""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError
from pydantic_core import to_jsonable_python
from ruamel.yaml import YAML

from offhook.authoring.load import ScriptError, parse
from offhook.client.models import AgentConfig
from offhook.errors import ConfigError

_HEAD = re.compile(r"# offhook agent (?P<agent>\S+) (?P<etag>\S+)")
_SCRIPT = re.compile(r"^script:[ \t]*(#[^\n]*)?\n", re.MULTILINE)


class Faulty(Protocol):
    """A fault as the interface has it."""

    @property
    def path(self) -> str:
        """Where in the configuration."""

    @property
    def message(self) -> str:
        """What."""

    @property
    def line(self) -> int | None:
        """In the script's text."""


@dataclass(frozen=True, slots=True)
class AgentFile:
    """A file that was read. ``agent`` and ``etag`` are empty where its first line does not say them."""

    path: Path
    text: str
    document: dict[str, Any]
    lines: dict[tuple[str | int, ...], tuple[str, int]] = field(repr=False)
    agent: str = ""
    etag: str = ""
    script: str | None = None
    """The script's own text, if it stands there as a block."""
    script_line: int = 0
    """The line before its first."""

    @classmethod
    def read(cls, path: Path) -> AgentFile:
        """ConfigError names the line that cannot be read."""
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path} cannot be read") from error
        try:
            document, lines = parse(text, str(path))
        except ScriptError as error:
            first = error.faults[0]
            raise ConfigError(f"{path}:{first.line or 1}: {first.message}") from error
        document = to_jsonable_python(document)
        head = _HEAD.match(text)
        script, before = _script_of(text)
        if script is not None and not _same(script, document.get("script")):
            script = None
        return cls(path, text, document, lines, head["agent"] if head else "", head["etag"] if head else "", script, before)

    def config(self) -> AgentConfig:
        """Its configuration; ConfigError with the line of each fault."""
        try:
            return AgentConfig.model_validate(self.document)
        except ValidationError as error:
            found = [(".".join(map(str, one["loc"])), one["msg"]) for one in error.errors()]
            raise ConfigError("\n".join(f"{self.path}:{self.line(at)}: {at}: {message}" for at, message in found)) from error

    def line(self, path: str, of_script: int | None = None) -> int:
        """The line of a field, or of the nearest one around it."""
        if of_script is not None and self.script is not None:
            return self.script_line + of_script
        at: tuple[str | int, ...] = tuple(int(part) if part.isdigit() else part for part in re.split(r"[./]", path))
        while at and at not in self.lines:
            at = at[:-1]
        return self.lines[at][1] if at else 1

    def told(self, faults: Iterable[Faulty]) -> list[str]:
        """Faults as ``FILE:LINE: path: message``, in the order of the file."""
        found = sorted((self.line(one.path, one.line), one.path, one.message) for one in faults)
        return [f"{self.path}:{line}: {path}: {message}" for line, path, message in found]

    def tag(self, agent: str, etag: str) -> None:
        """Say in the file's first line of which state it is now."""
        rest = self.text.partition("\n")[2] if _HEAD.match(self.text) else self.text
        self.path.write_text(f"{head(agent, etag)}\n{rest}", encoding="utf-8")


def head(agent: str, etag: str) -> str:
    """The first line."""
    return f"# offhook agent {agent} {etag}"


def written(agent: str, etag: str, config: AgentConfig, script: str) -> str:
    """The file of a draft."""
    plain = config.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude={"script"})
    yaml = YAML(typ="rt", pure=True)
    yaml.width, yaml.allow_unicode = 130, True
    yaml.indent(mapping=2, sequence=4, offset=2)
    out = io.StringIO()
    yaml.dump(plain, out)
    return f"{head(agent, etag)}\n{out.getvalue()}script:\n{textwrap.indent(script.rstrip(), '  ')}\n"


def _script_of(text: str) -> tuple[str | None, int]:
    """The block below ``script:`` with its indentation taken off, and the number of the line before it."""
    begin = _SCRIPT.search(text)
    if begin is None:
        return None, 0
    end = re.compile(r"^[^\s#]", re.MULTILINE).search(text, begin.end())
    block = text[begin.end() : end.start() if end else len(text)]
    return textwrap.dedent(block), text.count("\n", 0, begin.end())


def _same(script: str, document: object) -> bool:
    try:
        return bool(to_jsonable_python(parse(script)[0]) == document)
    except ScriptError:
        return False
