"""The script document: what a call must find out, what must be said and what may be done. One JSON Schema for editors.

Shorthands are kept here as the author wrote them; ``offhook.authoring.load`` writes them out.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

NAME = r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$"
Ident = Annotated[str, Field(pattern=NAME)]
SlotType = Literal[
    "choice",
    "yes_no",
    "offer",
    "person_name",
    "phone",
    "email",
    "address",
    "date",
    "time",
    "datetime",
    "number",
    "money",
    "free_text",
    "pattern",
]
GiveType = SlotType | Literal["offers"]
Confirm = Literal["always", "if_unsure", "at_end", "never"]
Words = str | dict[str, str]
"""A text, or one per language."""
Seconds = Annotated[float, Field(gt=0, le=60)]
Condition = str | bool


class Part(BaseModel):
    """Base of the document: frozen, unknown keys refused, names as the author writes them."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=False)


class VariantDoc(Part):
    """A wording with a condition."""

    if_: Condition | None = Field(None, alias="if")
    text: Words


TextDoc = str | dict[str, str] | list[VariantDoc]


class LineDoc(Part):
    """A way on, taken if the condition holds."""

    if_: Condition | None = Field(None, alias="if")
    forget: list[Ident] = []
    go: Ident


NextDoc = Ident | list[LineDoc]


class ReactionDoc(Part):
    """What follows a failure."""

    say: TextDoc | None = None
    forget: list[Ident] = []
    go: Ident | None = None


class OptionDoc(Part):
    """One answer to a choice; its name always counts as a phrase."""

    label: Words | None = None
    says: list[str] = []


class CheckDoc(Part):
    """A condition that a value must meet."""

    if_: Condition = Field(alias="if")
    else_: TextDoc = Field(alias="else")


class SlotDoc(Part):
    """A value to find out."""

    type: SlotType
    ask: TextDoc | list[Words | list[VariantDoc]]
    options: dict[Ident, OptionDoc] = {}
    check: list[CheckDoc] = []
    confirm: Confirm | None = None
    optional: bool = False
    guess: Ident | None = None
    guess_ask: TextDoc | None = None
    resets: list[Ident] = []
    keys: Literal["record", "skip", "digits"] | None = None
    from_: str | None = Field(None, alias="from")
    if_empty: ReactionDoc | None = None
    pattern: str | None = None
    spoken: Literal["letters", "digits", "letters and digits"] = "letters and digits"
    says: list[str] = []
    """For free_text: a sentence with one of these is taken for it even where something else was asked."""
    secure: bool = False
    """For a pattern of digits: it is keyed, not spoken, and nobody reads it but the tool that it is for."""


class ToolDoc(Part):
    """Work with an effect, done by the tenant's systems; address and secrets are in the plan."""

    effect: Literal["read", "write"]
    with_: dict[Ident, str] = Field({}, alias="with")
    gives: dict[Ident, GiveType] = {}
    confirm: TextDoc | None = None
    because: str | None = None
    timeout: Seconds = 5
    filler: TextDoc | None = None
    if_fails: dict[Literal["conflict", "rejected", "timeout", "unavailable", "else"], ReactionDoc] = {}
    if_changed: Ident | None = None

    @field_validator("if_fails", mode="before")
    @classmethod
    def _one_for_all(cls, value: object) -> object:
        if isinstance(value, dict) and value and set(value) <= {"say", "forget", "go"}:
            return {"else": value}
        return value


class TopicDoc(Part):
    """What a caller may raise at any moment."""

    hint: str = ""
    says: list[str] = []
    answer: TextDoc | None = None
    call: Ident | None = None
    go: Ident | None = None
    first: bool = False
    from_: list[Ident] = Field([], alias="from")


class ObjectionDoc(Part):
    """A topic with answers that are used up one by one."""

    hint: str = ""
    says: list[str] = []
    answers: list[TextDoc] = []
    then: Ident
    first: bool = False
    from_: list[Ident] = Field([], alias="from")


class MustSayDoc(Part):
    """A text that must be heard whole, word for word, before a gate: ``first question``, ``goodbye``, a state or a tool."""

    text: TextDoc
    before: str | list[str]


class KnowledgeDoc(Part):
    """The tenant's own text answers open questions."""

    unsure: TextDoc
    go: Ident | None = None


class UniversalsDoc(Part):
    """What every caller may say at any moment."""

    human: NextDoc | None = None
    cancel: NextDoc | None = None
    goodbye: NextDoc | None = None
    repeat: TextDoc | None = None
    help: TextDoc | None = None
    silence: TextDoc | None = None
    unclear: TextDoc | None = None
    abuse: list[TextDoc] | None = None


class StateDoc(Part):
    """A place in the call; the order inside is fixed: say, call, collect, do, transfer, outcome, then next, return or end."""

    goal: str = ""
    say: TextDoc | None = None
    call: Ident | None = None
    collect: list[Ident] = []
    also: list[Ident] = []
    do: Ident | None = None
    transfer: Ident | None = None
    if_fails: Ident | None = None
    outcome: Ident | None = None
    next: NextDoc | None = None
    return_: bool = Field(False, alias="return")
    end: str | None = None
    wording: Literal["exact", "guided", "free"] | None = None


class ScriptDoc(Part):
    """A script. ``offhook`` is the format, ``version`` the author's; a saved version never changes."""

    offhook: Literal[1]
    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    version: Annotated[int, Field(ge=1)] = 1
    title: str = ""
    languages: Annotated[list[str], Field(min_length=1)] = ["en-GB"]
    wording: Literal["exact", "guided", "free"] = "guided"
    persona: str = ""
    start: Ident
    include: list[str] = []
    given: dict[Ident, SlotType] = {}
    must_say: dict[Ident, MustSayDoc] = {}
    never: list[str] = []
    knowledge: KnowledgeDoc | None = None
    slots: dict[Ident, SlotDoc] = {}
    tools: dict[Ident, ToolDoc] = {}
    topics: dict[Ident, TopicDoc] = {}
    objections: dict[Ident, ObjectionDoc] = {}
    universals: UniversalsDoc = UniversalsDoc()
    states: dict[Ident, StateDoc]
    outcomes: dict[Ident, Literal["good", "neutral", "bad"]] = {}


BUILT_IN_OUTCOMES = {"left_early": "bad", "no_answer": "neutral", "enquiry": "neutral", "limit": "bad"}
DEFAULT_CONFIRM: dict[str, Confirm] = {
    "choice": "if_unsure",
    "yes_no": "if_unsure",
    "offer": "never",
    "person_name": "if_unsure",
    "phone": "always",
    "email": "always",
    "address": "always",
    "date": "if_unsure",
    "time": "if_unsure",
    "datetime": "if_unsure",
    "number": "if_unsure",
    "money": "if_unsure",
    "free_text": "never",
    "pattern": "always",
}


DEFAULT_KEYS: dict[str, Literal["record", "skip", "digits"]] = {
    "person_name": "record",
    "address": "record",
    "free_text": "record",
    "email": "skip",
}


def schema() -> dict[str, Any]:
    """The document's JSON Schema."""
    return ScriptDoc.model_json_schema(by_alias=True)
