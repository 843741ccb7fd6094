"""Reading a call with a language model: BAML makes the prompt and understands the answer, our own guarded client carries both.

The model only proposes. Each value has to show the words that say it (``proof``).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from anyio import to_thread

from offhook.contracts.analysis import Evidence
from offhook.orchestrator.agents.config import ExtractField
from offhook.orchestrator.extraction import proof, rules
from offhook.orchestrator.extraction.port import Draft, Unread, Value
from offhook.orchestrator.extraction.spoken import Spoken
from offhook.orchestrator.hooks.guard import Guard, NoAnswer

if TYPE_CHECKING:
    from offhook.orchestrator.extraction.baml_client.types import Read

WITHIN_S: Final = 30.0
MOST: Final = 262_144
"""Bytes of an answer that are read."""
TRIES: Final = 2
TURNS: Final = 400
"""Turns of a call that a model is shown, the last ones."""
CHARACTERS: Final = 60_000
TELLING: Final = ("intent", "job_type", "problem", "urgency", "sentiment")


@dataclass(frozen=True, slots=True)
class Server:
    """Where a model of the OpenAI dialect is, and with which key."""

    base: str
    model: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class BamlExtractor:
    """See ``StructuredExtractor``."""

    server: Server
    guard: Guard
    within: float = WITHIN_S

    @property
    def name(self) -> str:
        """Which model it is."""
        return self.server.model

    async def read(self, spoken: Spoken, fields: tuple[ExtractField, ...]) -> Draft:
        """What was said, with the words that say it; Unread after two tries."""
        if not any(one.speaker == "caller" and one.text.strip() for one in spoken.turns):
            raise Unread("nothing was said")
        url, headers, body = await to_thread.run_sync(_request, self.server, spoken, fields)
        why = ""
        for _ in range(TRIES):
            try:
                answer = await self.guard.request("POST", url, headers=headers, content=body, within=self.within, most=MOST)
                if answer.status in {400, 401, 403, 404}:
                    raise Unread(f"the model's server refused it with {answer.status}")
                if answer.status != 200:
                    raise _Again(f"the model's server answered {answer.status}")
                if answer.cut:
                    raise _Again("the model's answer has no end")
                draft = await to_thread.run_sync(_draft, answer.body, spoken, fields)
            except NoAnswer as error:
                why = f"the model's server: {error.sentence}"
            except _Again as error:
                why = str(error)
            else:
                return draft
        raise Unread(why)


class _Again(Exception):
    """Worth another try."""


def _request(server: Server, spoken: Spoken, fields: tuple[ExtractField, ...]) -> tuple[str, dict[str, str], bytes]:
    """The request that asks; made in a thread, since BAML takes most of a second to be imported."""
    baml, registry = _baml(), _registry(server)
    made = baml.request.ReadCall(_transcript(spoken), _now(spoken), {"tb": _types(fields), "client_registry": registry})
    headers = {"content-type": "application/json", "accept": "application/json"}
    if server.key:
        headers["authorization"] = f"Bearer {server.key}"
    return server.base.rstrip("/") + "/chat/completions", headers, json.dumps(made.body.json()).encode()


def _draft(body: bytes, spoken: Spoken, fields: tuple[ExtractField, ...]) -> Draft:
    """What an answer says and shows; _Again for one that says nothing."""
    try:
        told = json.loads(body)
        content = told["choices"][0]["message"]["content"]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise _Again("the model's server answered with no completion") from error
    if not isinstance(content, str) or "{" not in content:
        raise _Again("the model answered with no form")
    try:
        read: Read = _baml().parse.ReadCall(content, {"tb": _types(fields)})
    except _errors() as error:
        raise _Again("the model's answer cannot be read") from error
    return shown(read.model_dump(), spoken, fields)


def shown(read: Mapping[str, Any], spoken: Spoken, fields: tuple[ExtractField, ...]) -> Draft:
    """Of what a model read, that which the words show."""
    values: dict[str, Value] = {}
    for name in (*TELLING, "name", "phone", "email", "address"):
        value, evidence = _told(read.get(name), spoken)
        if evidence is None:
            continue
        path = name if name in TELLING else f"contact.{name}"
        if (one := _standard(spoken, name, value, evidence)) is not None:
            values[path] = one
    for one in (read.get("preferred_times") or ())[: rules.MOST_TIMES]:
        value, evidence = _told(one, spoken)
        if evidence is not None and evidence.speaker == "caller" and proof.says(evidence.quote, value, most=True):
            values[f"preferred_times.{sum(path.startswith('preferred_times.') for path in values)}"] = Value(value, evidence)
    own = read.get("fields") or {}
    for field in fields:
        value, evidence = _told(own.get(field.name), spoken)
        if evidence is not None and (shown_one := proof.field(spoken, field, value, evidence)) is not None:
            values[f"facts.{field.name}"] = shown_one
    summary = proof.text(read.get("summary"))
    return Draft(values, summary if proof.faithful(spoken, summary) else "")


def _told(read: Any, spoken: Spoken) -> tuple[str, Evidence | None]:  # noqa: ANN401 - whatever a model gave
    if not isinstance(read, Mapping):
        return "", None
    value, turn = proof.text(read.get("value")), read.get("turn")
    quote = read.get("quote")
    if not value or not isinstance(quote, str):
        return "", None
    return value, proof.quoted(spoken, turn if isinstance(turn, int) else None, quote)


def _standard(spoken: Spoken, name: str, value: str, evidence: Evidence) -> Value | None:
    if name == "intent":
        known = value.strip().casefold()
        return Value(known, evidence) if known in rules.INTENTS and evidence.speaker == "caller" else None
    if name == "sentiment":
        return Value(value, evidence) if evidence.speaker == "caller" else None
    if name == "urgency":
        return proof.urgency(value, evidence)
    if name in {"job_type", "problem"}:
        return Value(value, evidence) if evidence.speaker == "caller" and proof.says(evidence.quote, value, most=True) else None
    return proof.contact(spoken, name, value, evidence)


def _transcript(spoken: Spoken) -> str:
    """Numbered lines. Angle brackets could end the part of the prompt that is only read."""
    lines = [f"[{place}] {one.speaker}: {' '.join(one.text.split())}" for place, one in enumerate(spoken.turns, 1)]
    return "\n".join(lines[-TURNS:])[-CHARACTERS:].replace("<", "(").replace(">", ")")


def _now(spoken: Spoken) -> str:
    return spoken.where.now.strftime("%A, %Y-%m-%d, %H:%M")


def _baml() -> Any:  # noqa: ANN401 - generated
    """The generated client, imported when the first call needs it."""
    os.environ.setdefault("BAML_LOG", "off")
    from offhook.orchestrator.extraction.baml_client.sync_client import b

    return b


def _errors() -> tuple[type[Exception], ...]:
    from baml_py.errors import BamlError

    return (BamlError,)


def _registry(server: Server) -> Any:  # noqa: ANN401 - BAML's
    from baml_py import ClientRegistry

    registry = ClientRegistry()
    registry.add_llm_client("Tenants", "openai-generic", {"base_url": server.base, "model": server.model, "api_key": ""})
    registry.set_primary("Tenants")
    return registry


def _types(fields: tuple[ExtractField, ...]) -> Any:  # noqa: ANN401 - BAML's
    """The tenant's own fields as properties of the form."""
    from offhook.orchestrator.extraction.baml_client.type_builder import TypeBuilder

    make: Any = TypeBuilder
    types = make()
    for one in fields:
        types.Tenant.add_property(one.name, types.Told.type().optional()).description(_described(one))
    return types


def _described(one: ExtractField) -> str:
    form = {
        "text": "in the words that were said",
        "number": "a number",
        "date": "a date, year-month-day",
        "time": "a time of day, hh:mm",
        "yes_no": "yes or no",
        "choice": f"one of: {', '.join(one.choices)}",
    }[one.type]
    return f"{one.description or one.name.replace('_', ' ')}; {form}"
