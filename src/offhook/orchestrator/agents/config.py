"""AgentConfig: all that a tenant decides about one of its agents. A version of an agent is one of these and never changes.

What can be told from one field alone is refused here; what needs the script, the tenant or this installation is in ``check``.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, StringConstraints

from offhook.contracts.plan import Clock, Fillers, Lines, Models, Openers, Passage, TurnPlan
from offhook.orchestrator.agents.presets import PresetName, turn_plan
from offhook.orchestrator.tenants.schemas import Locale, Model, Name, Zone

SCRIPT_BYTES: Final = 200_000
DEEPEST: Final = 30
KNOWLEDGE_CHARACTERS: Final = 400_000
DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

Ident = Annotated[str, StringConstraints(max_length=64, pattern=r"^[a-z][a-z0-9_]*$")]
StateName = Annotated[str, StringConstraints(max_length=64, pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$")]
Said = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""Something that is spoken: one line of text."""
Bridge = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""A few words that stand before an answer."""
Provider = Annotated[str, StringConstraints(max_length=100, pattern=r"^[a-z][a-z0-9_-]{0,39}(:[A-Za-z0-9][A-Za-z0-9._/@-]{0,58})?$")]
"""``deepgram:nova-3``: a provider, and its model."""
Voice = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._/:@-]*$")]
Words = Annotated[int, Field(ge=0, le=1_000)]
Cost = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
Target = Annotated[str, StringConstraints(min_length=2, max_length=128, pattern=r"^[^\x00-\x1f\x7f]*$")]


def document(value: dict[str, Any]) -> dict[str, Any]:
    """A plain document that can be stored; ValueError says why not."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except RecursionError as error:
        raise ValueError("is nested too deeply") from error
    except (TypeError, ValueError) as error:
        raise ValueError("holds something that JSON has no form for") from error
    if size > SCRIPT_BYTES:
        raise ValueError(f"is {size} bytes long, at most {SCRIPT_BYTES} are taken")
    return shallow(value)


def shallow(value: dict[str, Any]) -> dict[str, Any]:
    """A document that is not nested too deeply and holds no NUL; ValueError."""
    _plain(value, 0)
    return value


def _plain(node: object, depth: int) -> None:
    if depth > DEEPEST:
        raise ValueError("is nested too deeply")
    if isinstance(node, dict):
        for key, value in node.items():
            _plain(key, depth)
            _plain(value, depth + 1)
    elif isinstance(node, list):
        for value in node:
            _plain(value, depth + 1)
    elif isinstance(node, str) and "\x00" in node:
        raise ValueError("holds a NUL character")


class ModelRoute(Model):
    """Which language models answer the turns that fit all of its conditions; an empty condition fits every turn."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$")]
    """As the record of a turn shows it."""
    prefer: Annotated[tuple[Provider, ...], Field(max_length=5)] = ()
    """Of ``llm``, first choice first; the others come after them."""
    states: Annotated[tuple[StateName, ...], Field(max_length=200)] = ()
    """Of the script."""
    locales: Annotated[tuple[Locale, ...], Field(max_length=20)] = ()
    wordings: Annotated[tuple[Literal["exact", "guided", "free"], ...], Field(max_length=3)] = ()
    speculative: bool | None = None
    """Asked ahead of the end of the caller's turn; None: either way."""
    least_words: Words = 0
    """Of the caller."""
    most_words: Words = 0
    """Of the caller; 0: any number."""
    ceiling: Cost = 0
    """No dearer model than this by ``costs``, unless there is no other; 0: none is too dear."""


class Providers(Model):
    """Who hears, speaks, thinks and listens for the end of a turn: the first that opens, else the next."""

    stt: Annotated[tuple[Provider, ...], Field(min_length=1, max_length=5)] = ("local",)
    tts: Annotated[tuple[Provider, ...], Field(min_length=1, max_length=5)] = ("local",)
    llm: Annotated[tuple[Provider, ...], Field(max_length=5)] = ()
    """Empty: the rules alone drive the script."""
    voices: dict[Provider, Voice] = Field(default_factory=dict, max_length=10)
    """What the agent's voice is called by whom: by a name in ``tts``, else by its provider (``cartesia``). Vendors know no voice but their
    own, so each that is not the first of ``tts`` needs one here, or its account's own is heard."""
    routes: Annotated[tuple[ModelRoute, ...], Field(max_length=20)] = ()
    """Which language model answers which turn; the first that fits counts. Without any, the order of ``llm``."""
    costs: dict[Provider, Cost] = Field(default_factory=dict, max_length=5)
    """Of a model's million tokens, in the unit of the routes' ceilings."""
    answer_ms: Annotated[int, Field(ge=0, le=60_000)] = Models().answer_ms
    """A language model that has given nothing to say by then has its turn taken by the rules."""
    vad: Provider = "silero"
    endpoint: Provider | None = "smart_turn"
    """An acoustic hint for the end of a turn; without one the words alone decide."""

    def models(self) -> Models:
        """The same as a plan has it."""
        return Models.model_validate(self.model_dump())


Pause = Annotated[int, Field(ge=0, le=60_000)]
Score = Annotated[float, Field(ge=0, le=1)]


class Endpointing(Model):
    """Values that differ from the preset's; ``presets.EXPLAINED`` says what each does."""

    sure_ms: Pause | None = None
    probable_ms: Pause | None = None
    likely_ms: Pause | None = None
    unsure_ms: Pause | None = None
    incomplete_ms: Pause | None = None
    utterance_end_ms: Pause | None = None
    vendor_ms: Pause | None = None
    sure: Score | None = None
    probable: Score | None = None
    likely: Score | None = None
    unsure: Score | None = None
    eager: Score | None = None


class Turn(Model):
    """Turn-taking: a preset, and the values that differ from it."""

    preset: PresetName = "receptionist"
    endpointing: Endpointing = Endpointing()
    confirm_ms: Pause | None = None
    confirm_words: Annotated[int, Field(ge=1, le=10)] | None = None
    resume_ms: Pause | None = None
    stalled_ms: Pause | None = None
    ahead: bool | None = None


class Limits(Model):
    """How long things may last; None takes the preset's."""

    max_call_ms: Annotated[int, Field(ge=10_000, le=14_400_000)] | None = None
    max_turn_ms: Annotated[int, Field(ge=1_000, le=600_000)] | None = None
    """A caller who speaks without a pause for this long is answered all the same."""
    idle_ms: Annotated[int, Field(ge=1_000, le=120_000)] | None = None
    idle_prompts: Annotated[int, Field(ge=0, le=5)] | None = None
    tool_ms: Annotated[int, Field(ge=500, le=60_000)] | None = None


class FixedLines(Model):
    """What is said when nothing else can be; as in a plan."""

    fallback: Annotated[Said, Field(min_length=1)] = Lines().fallback
    still_there: Annotated[Said, Field(min_length=1)] = Lines().still_there
    goodbye: Annotated[Said, Field(min_length=1)] = Lines().goodbye
    limit: Annotated[Said, Field(min_length=1)] = Lines().limit
    failed: Annotated[Said, Field(min_length=1)] = Lines().failed
    deaf: Annotated[Said, Field(min_length=1)] = Lines().deaf
    putting_through: Annotated[Said, Field(min_length=1)] = Lines().putting_through
    still_trying: Annotated[Said, Field(min_length=1)] = Lines().still_trying
    not_through: Annotated[Said, Field(min_length=1)] = Lines().not_through
    staying: Annotated[Said, Field(min_length=1)] = Lines().staying


class FillerLines(Model):
    """Short lines that bridge a silence: kept as audio, at most one in a turn, never the same twice running, never over the caller."""

    after_ms: Pause = Fillers().after_ms
    """An answer that is not audible so long after the caller's turn is bridged. 0: never."""
    tool_ms: Pause = Fillers().tool_ms
    """A tool that takes longer has its filler said, if the script has one for it."""
    lines: Annotated[tuple[Bridge, ...], Field(max_length=20)] = Fillers().lines

    def fillers(self) -> Fillers:
        """The same as a plan has it."""
        return Fillers.model_validate(self.model_dump())


class OpenerLines(Model):
    """Short acknowledgements, kept as audio: one is said as soon as the caller's turn is decided, before its answer."""

    on: bool = False
    lines: Annotated[tuple[Bridge, ...], Field(min_length=1, max_length=20)] = Openers().lines

    def openers(self) -> Openers:
        """The same as a plan has it."""
        return Openers.model_validate(self.model_dump())


class Recording(Model):
    """Whether calls are recorded, and what callers are told of it."""

    record: bool = True
    disclosure: Said = ""
    """Said whole before the first question, and before anything is recorded. Empty where the script says it itself (``must_say``)."""
    keep_days: Annotated[int, Field(ge=1, le=3_650)] = 90
    """How long the recording and the transcript are kept."""


class Span(Model):
    """A stretch of a day, on the clock of the agent's time zone; one that closes before it opens ends on the next day."""

    opens: Clock
    closes: Clock


Spans = Annotated[tuple[Span, ...], Field(max_length=6)]


class Week(Model):
    """Opening hours by weekday. A day without spans is closed."""

    monday: Spans = ()
    tuesday: Spans = ()
    wednesday: Spans = ()
    thursday: Spans = ()
    friday: Spans = ()
    saturday: Spans = ()
    sunday: Spans = ()

    def spans(self, weekday: int) -> tuple[Span, ...]:
        """Those of a weekday, 0 is Monday."""
        found: tuple[Span, ...] = getattr(self, DAYS[weekday])
        return found


class Holiday(Model):
    """Days with other hours than their weekday's: closed, or open as ``hours`` says."""

    name: Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    first: date
    last: date | None = None
    """The last day; without one it is a single day."""
    yearly: bool = False
    """Every year on the same days."""
    hours: Spans = ()


class OutOfHours(Model):
    """What a caller gets when the business is closed."""

    do: Literal["answer", "message", "say", "transfer"] = "answer"
    """As at any time (the script knows ``open_now``); take a message (the script from ``entry`` on); say ``line`` and hang up;
    say ``line`` and put through to ``target``."""
    entry: StateName | None = None
    line: Said = ""
    """For ``answer`` and ``message``: said instead of the greeting, if given."""
    target: Ident | None = None


class TransferPerson(Model):
    """Somebody else who is rung for a target, when those before them do not take the call."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
    number: Target
    hours: Week | None = None
    """When they answer; None: whenever the target is open."""


class TransferTarget(Model):
    """Whom the script may put a caller through to."""

    number: Target | None = None
    """E.164, a number of the tenant's region, or a SIP address. None: nobody, callers get what the script has for a failed transfer."""
    hours: Week | None = None
    """When somebody answers there; None: always."""
    order: Annotated[int, Field(ge=1, le=100)] | None = None
    """Where it stands in for a target that is closed, or where nobody takes the call: the open one with the lowest order does first.
    None: it stands in for nobody."""
    people: Annotated[tuple[TransferPerson, ...], Field(max_length=10)] = ()
    """Who is rung after ``number``, in order."""
    ring_s: Annotated[int, Field(ge=5, le=60)] = 20
    """How long each of them is rung."""
    announce: bool = True
    """They are told who rings and why, and take the call by a key or a word: no voicemail does. Without it whoever answers has it."""

    @property
    def reached(self) -> str | None:
        """Where somebody is rung first; None: nobody is."""
        return self.number or (self.people[0].number if self.people else None)


class Callers(Model):
    """What the agent may say of what is known about a caller. The number that a call shows is no proof of who rings."""

    greet: bool = True
    """By name. Without it the name is not used at all."""
    visits: bool = True
    """The next visit, and the job that is open."""
    balance: bool = False
    """What they owe, where a connected system says it."""


class Knowledge(Model):
    """A piece of the tenant's own text that answers questions."""

    title: Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    text: Annotated[str, StringConstraints(min_length=1, max_length=10_000, pattern=r"^[^\x00]*$")]


class ExtractField(Model):
    """Something that the business wants to know of every call, read off what was said."""

    name: Ident
    type: Literal["text", "number", "date", "time", "choice", "yes_no"] = "text"
    description: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    """What it is, in a few words: ``the make of the boiler``."""
    choices: Annotated[tuple[Bridge, ...], Field(max_length=20)] = ()
    """What a choice is one of."""


def _bounded(value: tuple[Knowledge, ...]) -> tuple[Knowledge, ...]:
    if sum(len(one.title) + len(one.text) for one in value) > KNOWLEDGE_CHARACTERS:
        raise ValueError(f"at most {KNOWLEDGE_CHARACTERS} characters in all")
    return value


Recipient = Annotated[str, StringConstraints(strip_whitespace=True, max_length=254, pattern=r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+$")]


class Notify(Model):
    """Who gets a mail when a call is over. Test calls tell nobody."""

    emails: Annotated[tuple[Recipient, ...], Field(max_length=20)] = ()
    when: Literal["every_call", "follow_up", "urgent"] = "follow_up"
    """``follow_up``: where there is a visit, a lead or a message; ``urgent``: where the caller called it urgent."""


class AgentConfig(Model):
    """One agent. Every field but the name and the script has a default that works without any account elsewhere."""

    name: Name
    script: Annotated[dict[str, Any], AfterValidator(document)]
    """A script document (``offhook.contracts.script``)."""
    locale: Locale | None = None
    """The language it hears and speaks; None: the tenant's."""
    timezone: Zone | None = None
    """Of its hours and of dates that callers name; None: the tenant's."""
    voice: Voice = "heart"
    providers: Providers = Providers()
    turn: Turn = Turn()
    limits: Limits = Limits()
    lines: FixedLines = FixedLines()
    fillers: FillerLines = FillerLines()
    openers: OpenerLines = OpenerLines()
    greeting: Said = ""
    """Said first; it takes the place of what the script's first state says. Empty: the script's own words."""
    recording: Recording = Recording()
    callers: Callers = Callers()
    hours: Week = Week()
    holidays: Annotated[tuple[Holiday, ...], Field(max_length=200)] = ()
    out_of_hours: OutOfHours = OutOfHours()
    transfer: Annotated[dict[Ident, TransferTarget], Field(max_length=50, default_factory=dict)]
    knowledge: Annotated[tuple[Knowledge, ...], Field(max_length=500), AfterValidator(_bounded)] = ()
    tools: Annotated[dict[StateName, Ident], Field(max_length=100, default_factory=dict)]
    """The script's names of tools that are called otherwise here."""
    extract: Annotated[tuple[ExtractField, ...], Field(max_length=20)] = ()
    """What is read off the transcript after the call, besides what every result has. A slot of the script with the same name fills it."""
    notify: Notify = Notify()

    def turn_plan(self) -> TurnPlan:
        """The numbers of turn-taking: the preset with what differs from it."""
        own = self.turn.model_dump(exclude={"preset", "endpointing"}, exclude_none=True)
        return turn_plan(
            self.turn.preset,
            own | self.limits.model_dump(exclude_none=True),
            self.turn.endpointing.model_dump(exclude_none=True),
        )

    def passages(self) -> tuple[Passage, ...]:
        """The knowledge as a plan has it."""
        return tuple(Passage(title=one.title, text=one.text) for one in self.knowledge)
