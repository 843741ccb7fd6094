"""What other domains know of an agent, and what goes in and out about agents."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, model_validator

from offhook.authoring.retime import Timing
from offhook.contracts.plan import Fillers, Lines, Models, Openers, OpeningHours, Passage, TurnPlan
from offhook.orchestrator.agents.compose import compose, told_first
from offhook.orchestrator.agents.config import AgentConfig, document, shallow
from offhook.orchestrator.agents.hours import Calendar, flat, is_open
from offhook.orchestrator.tenants.schemas import Model, Name, Tenant

TEXT_LONGEST = 64_000


class Agent(Model):
    """Who answers for a tenant: one version, or the draft (``version`` 0). ``script`` is whole: with greeting, disclosure and closing.

    ``tools`` maps a script's tool names to built-in ones where they differ.
    """

    tenant: Tenant
    id: str
    name: str
    version: int
    revision: int = 0
    """Of the draft; 0 for a version."""
    script: dict[str, Any]
    voice: str
    locale: str
    timezone: str
    models: Models = Models()
    turn: TurnPlan = TurnPlan()
    lines: Lines = Lines()
    fillers: Fillers = Fillers()
    openers: Openers = Openers()
    hours: tuple[OpeningHours, ...] = ()
    """The week without holidays; ``calendar`` has both."""
    knowledge: tuple[Passage, ...] = ()
    transfer_to: dict[str, str] = Field(default_factory=dict)
    """All that have a number; ``transfer_at`` heeds their hours."""
    tools: dict[str, str] = Field(default_factory=dict)
    record: bool = True
    record_after: tuple[str, ...] = ()
    """Names of the script's ``must_say`` that are heard before anything is recorded."""
    keep_days: int = 90
    config: AgentConfig

    @classmethod
    def of(cls, tenant: Tenant, id: str, config: AgentConfig, *, version: int = 0, revision: int = 0) -> Agent:
        """An agent made of a configuration that has been checked."""
        return cls.model_construct(
            tenant=tenant,
            id=id,
            version=version,
            revision=revision,
            locale=config.locale or tenant.locale,
            timezone=config.timezone or tenant.timezone,
            **parts(config),
        )

    @property
    def ref(self) -> str:
        """What an engine is told of the owner of a call."""
        return f"{self.tenant.id}/{self.id}"

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of its hours."""
        return ZoneInfo(self.timezone)

    @property
    def calendar(self) -> Calendar:
        """Its hours, with holidays: goes wherever ``hours`` does."""
        return Calendar(self.config.hours, self.config.holidays)

    def open_at(self, moment: datetime) -> bool:
        """Whether the business is open."""
        return is_open(self.calendar, self.zone, moment)

    def transfer_at(self, moment: datetime) -> dict[str, str]:
        """Where each target is reached now.

        One that is closed is stood in for by the open one with the lowest order; without such a one it is left out.
        """
        targets = self.config.transfer
        there = {
            name: one.reached
            for name, one in targets.items()
            if one.reached is not None and (one.hours is None or is_open(Calendar(one.hours), self.zone, moment))
        }
        stands_in = sorted((one.order, name) for name, one in targets.items() if one.order is not None and name in there)
        backup = there[stands_in[0][1]] if stands_in else None
        closed = {name: backup for name, one in targets.items() if name not in there and one.reached is not None and backup is not None}
        return there | closed


def parts(config: AgentConfig) -> dict[str, Any]:
    """All of an agent that comes from its configuration alone."""
    return {
        "name": config.name,
        "script": compose(config),
        "voice": config.voice,
        "models": config.providers.models(),
        "turn": config.turn_plan(),
        "lines": Lines.model_validate(config.lines.model_dump()),
        "fillers": config.fillers.fillers(),
        "openers": config.openers.openers(),
        "hours": flat(config.hours),
        "knowledge": config.passages(),
        "transfer_to": {name: one.reached for name, one in config.transfer.items() if one.reached is not None},
        "tools": dict(config.tools),
        "record": config.recording.record,
        "record_after": told_first(config),
        "keep_days": config.recording.keep_days,
        "config": config,
    }


# -- over the API ---------------------------------------------------------------------------------------------------------------

ScriptText = Annotated[str, StringConstraints(min_length=1, max_length=TEXT_LONGEST, pattern=r"^[^\x00]*$")]
Document = Annotated[dict[str, Any], AfterValidator(document)]
Parts = Annotated[dict[str, Any], AfterValidator(shallow)]
"""Parts of a configuration, or one that may be wrong."""
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500, pattern=r"^[^\x00]*$")]
TemplateId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]


class NewAgent(Model):
    """An agent from a template (the tenant's own name, numbers and hours are put in afterwards), or from a document."""

    template: TemplateId | None = None
    name: Name | None = None
    """Instead of the template's."""
    config: AgentConfig | None = None
    unfinished: bool = False
    """Take a document that cannot be published yet."""

    @model_validator(mode="after")
    def _one(self) -> NewAgent:
        if (self.template is None) == (self.config is None):
            raise ValueError("either a template or a config")
        return self


class ScriptBody(Model):
    """A script: as YAML text, whose comments and order are kept, or as a document."""

    text: ScriptText | None = None
    document: Document | None = None

    @model_validator(mode="after")
    def _one(self) -> ScriptBody:
        if (self.text is None) == (self.document is None):
            raise ValueError("either a text or a document")
        return self


class CheckBody(Model):
    """What to check: a whole configuration, of which nothing is stored; ``text`` takes the place of its script."""

    config: Parts
    text: ScriptText | None = None


class Publish(Model):
    """Why; for people."""

    note: Note = ""


class Duplicate(Model):
    """Under which name."""

    name: Name | None = None


class View(BaseModel):
    """Base of what goes out."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class FaultView(View):
    """Something wrong: where in the document, what, and in which line of the script's text."""

    path: str
    message: str
    line: int | None = None


class CheckView(View):
    """``faults`` keep it from being published, ``warnings`` do not."""

    ok: bool
    faults: list[FaultView]
    warnings: list[FaultView]


class AgentView(View):
    """An agent as lists show it."""

    id: str
    name: str
    live: int | None
    """The version that answers; None: nobody has published one."""
    changed: bool
    """Whether the draft differs from it."""
    revision: int
    archived_at: datetime | None
    created_at: datetime
    updated_at: datetime


class DraftView(View):
    """What is being worked on, and what is still wrong with it."""

    id: str
    revision: int
    live: int | None
    changed: bool
    updated_at: datetime
    config: AgentConfig
    check: CheckView


class ScriptView(View):
    """The draft's script as text and as a document."""

    revision: int
    text: str
    document: dict[str, Any]
    check: CheckView


class VersionView(View):
    """A version as lists show it."""

    number: int
    sha: str
    note: str
    restored_from: int | None
    published_at: datetime
    published_by: str
    """Id of who did it; the document's name for one that a document made."""
    published_name: str
    live: bool


class VersionDetail(VersionView):
    """A version with its configuration."""

    config: AgentConfig


class ChangeView(View):
    """One difference. Of long texts the lines that differ, as a unified diff."""

    kind: Literal["added", "removed", "changed", "moved"]
    path: str
    before: Any = None
    after: Any = None


class DiffView(View):
    """What differs, by path; of the script also as a unified diff of its YAML."""

    before: str
    after: str
    changes: list[ChangeView]
    script: str


class PresetView(View):
    """Turn-taking for a use case: every number of it, and those that it sets itself."""

    name: str
    title: str
    use: str
    why: str
    turn: TurnPlan
    own: list[str]
    """Paths of values that differ from the default."""


class ValueView(View):
    """One number: what it does, and what raising and lowering it costs."""

    path: str
    """In a TurnPlan; of ``fillers`` and ``models`` in a CallPlan."""
    field: str
    """In an agent's configuration."""
    unit: Literal["ms", "words", "times", "score", "switch"]
    does: str
    higher: str
    lower: str
    low: float
    high: float


class TurnPresets(View):
    """All presets and all values."""

    presets: list[PresetView]
    values: list[ValueView]


class Retimed(View):
    """What values of turn-taking would have done to calls, beside those of the live version, where there is one."""

    calls: int
    unreadable: int
    here: Timing
    live: Timing | None


class TemplateView(View):
    """An example to begin with."""

    id: str
    title: str
    use: str


class TemplateDetail(TemplateView):
    """With its configuration, and its script as text."""

    config: AgentConfig
    text: str
