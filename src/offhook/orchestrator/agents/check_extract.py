"""Faults of the fields that are read off the transcript."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from offhook.contracts.analysis import CallResult, Contact
from offhook.errors import Fault
from offhook.orchestrator.agents.config import AgentConfig

TAKEN: Final = frozenset({*CallResult.model_fields, *Contact.model_fields, "postcode"})
"""What every result has."""


def fields(config: AgentConfig, advice: list[Fault]) -> Iterator[Fault]:
    """Names that are taken, and choices without anything to choose."""
    slots = config.script.get("slots")
    seen: set[str] = set()
    for index, field in enumerate(config.extract):
        at = f"extract.{index}"
        if field.name in TAKEN:
            yield Fault(f"{at}.name", f"every result has '{field.name}' already")
        if field.name in seen:
            yield Fault(f"{at}.name", f"'{field.name}' is in the list already")
        seen.add(field.name)
        if isinstance(slots, dict) and field.name in slots:
            advice.append(Fault(f"{at}.name", f"the script asks for '{field.name}': its answer counts where there is one"))
        if field.type == "choice" and len(field.choices) < 2:
            yield Fault(f"{at}.choices", "a choice needs two or more to choose from")
        elif field.type != "choice" and field.choices:
            yield Fault(f"{at}.choices", f"a {field.type} has no choices: make it a choice")
        for place, one in enumerate(field.choices):
            if one.casefold() in {before.casefold() for before in field.choices[:place]}:
                yield Fault(f"{at}.choices.{place}", f"'{one}' is in the list already")
