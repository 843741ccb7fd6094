"""What was wrong with a form, said at its fields. Nothing that was typed is lost, but for passwords."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import ValidationError

from offhook.errors import DomainError, Invalid
from offhook.orchestrator.errors import faults_of
from offhook.orchestrator.portal.show import _


@dataclass(frozen=True, slots=True)
class Typed:
    """A form as it was sent, or as it is first shown. Templates ask ``typed.value("name", "")`` and ``typed.error("name")``."""

    values: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    """What is wrong with the whole; empty where a field says it."""
    status: int = 200

    def value(self, name: str, otherwise: object = "") -> str:
        """What stands in a field."""
        found = self.values.get(name)
        return found if found is not None else "" if otherwise is None else str(otherwise)

    def error(self, name: str) -> str:
        """What is wrong with it, as a sentence."""
        return self.errors.get(name, "")

    @property
    def bad(self) -> bool:
        """Whether it was refused."""
        return bool(self.errors or self.problem)


def refused(values: Mapping[str, str], error: DomainError | ValidationError, fields: Mapping[str, str] | None = None) -> Typed:
    """The form again, with what an operation or its schema says. ``fields`` maps a path of theirs to the field here that it belongs to;
    the beginning of a path counts for all under it. A fault of no field is said above the form.
    """
    kept = {name: value for name, value in values.items() if "password" not in name}
    faults = faults_of(error) if isinstance(error, ValidationError) else error.faults if isinstance(error, Invalid) else ()
    names = fields or {}
    errors: dict[str, str] = {}
    rest: list[str] = []
    for one in faults:
        found = next((names[path] for path in _beginnings(one.path) if path in names), one.path if one.path in values else None)
        if found is None:
            rest.append(sentence(f"{one.path}: {one.message}" if one.path else one.message))
        else:
            errors.setdefault(found, sentence(one.message))
    if isinstance(error, DomainError) and not faults:
        rest.append(sentence(error.public))
    status = error.status if isinstance(error, DomainError) else 422
    return Typed(kept, errors, " ".join(rest), status)


def _beginnings(path: str) -> list[str]:
    parts = path.split(".")
    return [".".join(parts[:end]) for end in range(len(parts), 0, -1)]


def listed(text: str) -> tuple[str, ...]:
    """Short names with commas or spaces between them, in small letters."""
    return tuple(text.lower().replace(",", " ").split())


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    said = _(text).strip()
    return said[:1].upper() + said[1:] + ("" if said.endswith((".", "?", "!")) else ".")
