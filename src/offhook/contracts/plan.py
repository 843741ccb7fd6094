"""CallPlan: all that the engine knows of a call. The orchestrator writes it while the line rings."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, HttpUrl

from offhook.contracts.ids import CallId, Ref

Milliseconds = Annotated[int, Field(ge=0, le=3_600_000)]
VendorSetting = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*_(API_KEY|API_VERSION|BASE_URL|REGION|VOICE)$", max_length=60)]
Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]


class Contract(BaseModel):
    """Base of everything that crosses the wall: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class EndpointingPlan(Contract):
    """How long the agent waits after the caller stops, by how complete the words are. All in milliseconds from the last speech.

    The completeness score (0 to 1) comes from the words, from what was asked, and from the acoustic hint where there is one. Words that
    leave nothing open (0.92 on) wait five eighths of ``sure_ms``.
    """

    sure_ms: Milliseconds = 260
    probable_ms: Milliseconds = 480
    likely_ms: Milliseconds = 700
    unsure_ms: Milliseconds = 1_150
    incomplete_ms: Milliseconds = 2_000
    utterance_end_ms: Milliseconds = 1_000
    """When no words have arrived at all."""
    vendor_ms: Milliseconds = 1_200
    """With a recogniser that decides on turns itself: how long, at least, its end is waited for. 0: the engine decides by its waits."""
    sure: Annotated[float, Field(ge=0, le=1)] = 0.85
    probable: Annotated[float, Field(ge=0, le=1)] = 0.75
    likely: Annotated[float, Field(ge=0, le=1)] = 0.6
    unsure: Annotated[float, Field(ge=0, le=1)] = 0.3
    eager: Annotated[float, Field(ge=0, le=1)] = 0.6
    """From this score on the reply is prepared, muted, before the shift is sure."""


class TurnPlan(Contract):
    """The numbers of turn-taking for this agent, in milliseconds."""

    endpointing: EndpointingPlan = EndpointingPlan()
    confirm_ms: Milliseconds = 600
    """Speech over the agent that lasts this long is a barge-in whatever its words."""
    confirm_words: Annotated[int, Field(ge=1, le=10)] = 2
    """So many words that are no backchannel confirm a barge-in at once."""
    resume_ms: Milliseconds = 350
    """After a sound over the agent stops, how long to wait for its words before going on."""
    stalled_ms: Milliseconds = 2_800
    """A reply that makes no progress for this long is given up and the fallback line is said: longer than a model that is given up for the
    rules (``answer_ms``) and a voice after it may take, and short enough that nobody listens to 4 s of silence."""
    idle_ms: Milliseconds = 7_000
    """Silence on both sides before the agent asks whether the caller is still there."""
    idle_prompts: Annotated[int, Field(ge=0, le=5)] = 2
    """After so many unanswered prompts the agent says goodbye."""
    tool_ms: Milliseconds = 8_000
    """A tool that has not answered by then counts as failed."""
    max_call_ms: Annotated[int, Field(ge=10_000, le=14_400_000)] = 1_800_000
    max_turn_ms: Milliseconds = 60_000
    """A caller who speaks without a pause for this long is answered all the same."""
    ahead: bool = True
    """Replies are prepared, muted, before it is sure that the caller's turn is over."""


class Lines(Contract):
    """What is said when nothing else can be: short, fixed, synthesised ahead."""

    fallback: str = "Sorry, I did not get that. Could you say it again?"
    still_there: str = "Are you still there?"
    goodbye: str = "I will let you go. Goodbye."
    deaf: str = "I am sorry, I cannot hear you just now. Please use the keys of your telephone."
    """When no recogniser can be had; what can be keyed is said after it."""
    limit: str = "We have come to the end of the time for this call. Goodbye."
    failed: str = "I am sorry, something has gone wrong on our side. Please ring again in a little while. Goodbye."
    putting_through: str = "I am putting you through. One moment, please."
    """When the script has not said so itself."""
    still_trying: str = "I am still trying to reach somebody. You can also say never mind."
    not_through: str = "I am sorry, nobody could take your call just now."
    staying: str = "All right, I am still here."
    """To a caller who would rather not be put through."""


class Fillers(Contract):
    """Short lines that bridge a silence: kept as audio, at most one in a turn, never the same twice running, never over the caller."""

    after_ms: Milliseconds = 900
    """An answer that is not audible so long after the caller's turn is bridged. 0: never."""
    tool_ms: Milliseconds = 700
    """A tool that takes longer has its filler said."""
    lines: tuple[str, ...] = ("One moment.", "Let me see.")


class Openers(Contract):
    """Short acknowledgements, kept as audio: one is said as soon as the caller's turn is decided, before its answer. Off by default."""

    on: bool = False
    lines: tuple[str, ...] = ("Okay,", "Sure,", "Right,", "All right,")


class ToolSpec(Contract):
    """Work with an effect, done by whoever made the plan: a signed POST to ``url``."""

    url: HttpUrl
    effect: Literal["read", "write"]
    timeout_ms: Milliseconds = 5_000


class Route(Contract):
    """Language models for the turns that fit all of its conditions; an empty one fits every turn. The plan's others come after them."""

    name: str
    prefer: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    locales: tuple[str, ...] = ()
    wordings: tuple[Literal["exact", "guided", "free"], ...] = ()
    speculative: bool | None = None
    """Asked ahead of the end of the caller's turn."""
    least_words: Annotated[int, Field(ge=0)] = 0
    """Of the caller."""
    most_words: Annotated[int, Field(ge=0)] = 0
    ceiling: Annotated[float, Field(ge=0)] = 0
    """No dearer model than this by ``costs``, unless there is no other; 0: none."""


class Models(Contract):
    """Providers by name (``local``, ``deepgram:nova-3``), first choice first."""

    stt: tuple[str, ...] = ("local",)
    tts: tuple[str, ...] = ("local",)
    llm: tuple[str, ...] = ()
    """Empty: the rules alone drive the script."""
    vendors: Annotated[dict[VendorSetting, Annotated[str, Field(max_length=2_000)]], Field(repr=False, max_length=60)] = {}
    """The business's own accounts: settings such as ``DEEPGRAM_API_KEY`` that come before the engine's. Secret: in no log, kept nowhere."""
    voices: Annotated[dict[Annotated[str, Field(max_length=100)], Annotated[str, Field(max_length=100)]], Field(max_length=20)] = {}
    """What the call's voice is called by whom: by a name in ``tts`` (``cartesia:sonic-3``), else by its provider (``cartesia``). For the
    first of ``tts`` the plan's ``voice`` counts where nothing is said here; another that does not know that one has its own."""
    routes: tuple[Route, ...] = ()
    """Which language model answers which turn; the first that fits counts."""
    costs: dict[str, Annotated[float, Field(ge=0)]] = {}
    """Of a model's million tokens, in the unit of the routes' ceilings."""
    answer_ms: Milliseconds = 1_200
    """A language model that has given nothing to say by then has its turn taken by the rules."""
    vad: str = "silero"
    endpoint: str | None = "smart_turn"
    """An acoustic end-of-turn model; a hint only, and none where its weights are missing."""


class Passage(Contract):
    """A piece of the tenant's own text that answers questions."""

    title: str
    text: str


class OpeningHours(Contract):
    """Opening hours of one weekday, 0 is Monday. A day without an entry is closed."""

    weekday: Annotated[int, Field(ge=0, le=6)]
    opens: Clock
    closes: Clock


class MachinePlan(Contract):
    """What a call that we placed does where a machine answers, which the engine finds out by what it hears."""

    on_machine: Literal["hang_up", "leave_message"] = "hang_up"
    message: Annotated[str, Field(max_length=1_000)] = ""
    """Said once, after the machine's beep or greeting. Empty: it is hung up on."""
    carrier: Literal["", "human", "machine"] = ""
    """What the carrier has said already of who has answered."""


class TracePlan(Contract):
    """How a call is traced."""

    parent: Annotated[str, Field(pattern=r"^(00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2})?$")] = ""
    """A W3C ``traceparent`` of whoever asked for the call; empty begins a trace of its own."""
    text: bool = False
    """Have what was said in the spans, under ``voice.pii.*``. Off: spans hold no words of anybody."""


class CallPlan(Contract):
    """Everything that one call needs. ``script`` is a script document (``offhook.contracts.script``)."""

    model_config = ConfigDict(hide_input_in_errors=True)  # a plan holds keys

    version: Literal[1] = 1
    call: CallId
    ref: Ref = ""
    locale: str = "en-GB"
    timezone: str = "Europe/London"
    region: Annotated[str, Field(pattern=r"^[A-Z]{2}$")] = "GB"
    """Where a phone number without a country code belongs."""
    hours: tuple[OpeningHours, ...] = ()
    voice: str = "heart"
    models: Models = Models()
    turn: TurnPlan = TurnPlan()
    lines: Lines = Lines()
    fillers: Fillers = Fillers()
    openers: Openers = Openers()
    script: dict[str, Any]
    given: dict[str, Any] = {}
    """Values that may be known before the first word: caller_name, caller_number, open_now, ..."""
    knowledge: tuple[Passage, ...] = ()
    tools: dict[str, ToolSpec] = {}
    events_url: HttpUrl | None = None
    """Where events go; none for an engine that runs alone."""
    record: bool = True
    record_after: tuple[str, ...] = ()
    """Names of the script's ``must_say`` that the caller has heard whole before anything is recorded."""
    transfer_to: dict[str, str] = {}
    """Names that the script may transfer to, as E.164 numbers or SIP addresses."""
    transfers_url: HttpUrl | None = None
    """Who puts callers through (``offhook.contracts.transfer``); none: the transport is told to, with the number or address."""
    machine: MachinePlan | None = None
    """Of a call that we placed; None for one that came in, in which nobody is taken for a machine."""
    test: bool = False
    """A test of an agent: tools answer from fakes, and an engine keeps nothing of this plan for other calls."""
    trace: TracePlan = TracePlan()


class PlanRequest(Contract):
    """Asked once while the line rings: ``POST /v1/plans``."""

    call: CallId
    transport: str
    did: str = ""
    caller: str = ""
    token: str = ""
    """The one-time token that the carrier handed us with the media."""
    carrier_call: str = ""
    parameters: dict[str, str] = {}
    control_url: Annotated[str, Field(max_length=300)] = ""
    """Where this engine is steered (``http://10.0.0.7:8081``); empty when nobody can."""


class Refusal(Contract):
    """The answer to a PlanRequest when the call must not be taken."""

    reason: Literal["unknown_number", "bad_token", "suspended", "limit"]
    line: str = ""
    """What to tell the caller before the line is closed; may be empty."""
