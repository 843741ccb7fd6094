"""Values of the orchestrator's interface. Made by ``scripts/client.py``; do not edit."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from pydantic import Field

from offhook.client.base import Document, Model, Sent


class Acceptance(Sent):
    """A new account, or the password of the one there is; neither for who is signed in as the one invited."""

    name: str | None = None
    password: str | None = Field(default=None, repr=False)


class AccountChange(Sent):
    """What is left out stays as it is. An API key of Twilio's is changed, or taken away by null, with its secret."""

    label: str | None = None
    auth_token: str | None = Field(default=None, repr=False)
    api_key_sid: str | None = None
    api_key_secret: str | None = Field(default=None, repr=False)
    space: str | None = None
    public_key: str | None = None
    application_id: str | None = None


class AccountTest(Model):
    """Whether an account can be used: what its carrier says, if nothing here is in the way."""

    ok: bool
    faults: list[str]


class AccountView(Model):
    """A carrier account as its tenant sees it."""

    id: str
    kind: str
    label: str
    account_sid: str
    auth_token: SecretView
    api_key_sid: str | None
    api_key_secret: SecretView
    settings: dict[str, str]
    asked: bool
    voice_url: str
    revision: int
    created_at: dt.datetime
    updated_at: dt.datetime


class Again(Sent):
    """Which system's to send again; all that were given up, without one."""

    connection_id: str | None = None


class AgentConfig(Document):
    """One agent. Every field but the name and the script has a default that works without any account elsewhere."""

    name: str
    script: dict[str, Any]
    locale: str | None = None
    timezone: str | None = None
    voice: str = "heart"
    providers: Providers | None = None
    turn: Turn | None = None
    limits: Limits | None = None
    lines: FixedLines | None = None
    fillers: FillerLines | None = None
    openers: OpenerLines | None = None
    greeting: str = ""
    recording: Recording | None = None
    callers: Callers | None = None
    hours: Week | None = None
    holidays: list[Holiday] = Field(default_factory=list)
    out_of_hours: OutOfHours | None = None
    transfer: dict[str, Any] | None = None
    knowledge: list[Knowledge] = Field(default_factory=list)
    tools: dict[str, Any] | None = None
    extract: list[ExtractField] = Field(default_factory=list)
    notify: Notify | None = None


class AgentView(Model):
    """An agent as lists show it."""

    id: str
    name: str
    live: int | None
    changed: bool
    revision: int
    archived_at: dt.datetime | None
    created_at: dt.datetime
    updated_at: dt.datetime


class AgentsTrialsSlotView(Model):
    """A value that is known, and the words that it came from."""

    value: Any
    raw: str
    status: str


class AnalysisContact(Model):
    """Who called and how to reach them."""

    name: str | None = None
    phone: str | None = None
    email: str | None = None
    address: str | None = None


class Answered(Document):
    """What a model answered to the caller's words. With it the turn can be played again, and nobody is asked."""

    text: str = ""
    whole: bool = True
    model: str = ""
    route: str = ""
    failure: str = ""
    first_token_ms: float | None = None
    first_words_ms: float | None = None
    total_ms: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0


class Appointment(Model):
    """A visit. ``contact_id`` is empty once the contact was deleted, ``call_id`` when no call booked it."""

    id: str
    ref: str
    contact_id: str | None
    call_id: str | None
    staff: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    status: Literal["booked", "cancelled"]
    name: str
    address: str
    problem: str
    extras: dict[str, Any]
    revision: int
    created_at: dt.datetime
    updated_at: dt.datetime


class AppointmentChange(Sent):
    """What is left out stays as it is. ``slot``, ``starts_at``, ``minutes`` and ``staff`` move it."""

    slot: str | None = None
    starts_at: dt.datetime | None = None
    minutes: int | None = None
    staff: str | None = None
    name: str | None = None
    address: str | None = None
    problem: str | None = None


class AppointmentDetail(Model):
    """An appointment and all that was done to it, the first thing first."""

    appointment: Appointment
    history: list[AppointmentEvent]


class AppointmentEvent(Model):
    """What was done to an appointment, by whom, and to which revision it led. ``changed`` names fields, without what is in them."""

    revision: int
    at: dt.datetime
    kind: Literal["created", "moved", "changed", "cancelled"]
    by_kind: Literal["call", "person", "key", "operator"]
    by_id: str
    before: dict[str, Any]
    after: dict[str, Any]


class Attach(Sent):
    """Who answers a number that is to ring here."""

    agent_id: str


class AttemptView(Model):
    """One request and what came of it."""

    id: str
    at: dt.datetime
    ms: int
    status: int | None
    error: str | None
    message: str
    response: str


class AuditView(Model):
    """Who did what to what, when, from where."""

    id: str
    seq: int
    at: dt.datetime
    actor_kind: Literal["person", "key", "operator"]
    actor_id: str
    actor_name: str
    action: str
    target: str
    details: dict[str, Any]
    ip: str


class Authorize(Sent):
    """A system to be connected by signing in there, with those fields of its form that it asks for besides."""

    adapter: str
    fields: dict[str, Any] = Field(default_factory=dict)
    connection: str | None = None
    path: str | None = None


class BookingsSlotView(Model):
    """A visit that can be booked, by its ``id``. Nobody holds it until then."""

    id: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    staff: str
    label: str


class Brand(Document):
    """How a reseller presents itself to its tenants."""

    product_name: str = ""
    hosts: list[str] = Field(default_factory=list)
    sender_name: str = ""
    sender_address: str | None = None
    support_address: str | None = None
    support_url: str | None = None
    logo_url: str | None = None
    colour: str | None = None


class Call(Model):
    """A call's record. ``at`` is when it started, else when it was planned; lists go by it."""

    id: str
    agent_id: str
    agent_version: int | None
    transport: str
    carrier_call: str
    did: str
    caller: str
    state: Literal["planned", "live", "ended"]
    test: bool
    at: dt.datetime
    planned_at: dt.datetime
    started_at: dt.datetime | None
    ended_at: dt.datetime | None
    reason: str | None
    outcome: str | None
    seconds: float | None
    slowest_ms: float | None
    summary: str
    recorded: bool
    kept: bool
    flag: str
    flagged_by: str
    flagged_at: dt.datetime | None
    trace_id: str


class CallDetail(Model):
    """A call with all that came of it. Turns and tools are the engine's events, in order; ``missing`` counts those that never
    came.
    """

    call: Call
    turns: list[dict[str, Any]]
    tools: list[dict[str, Any]]
    transfers: list[dict[str, Any]] = Field(default_factory=list)
    recording: RecordingView | None
    voice_message: VoiceMessage | None = None
    usage: dict[str, Any] | None
    ended: dict[str, Any] | None
    media: MediaQuality | None = None
    redacted: list[tuple[int, int]] = Field(default_factory=list)
    result: CallResult | None
    missing: int
    appointments: list[Appointment]
    lead: Lead | None
    messages: list[Message]


class CallResult(Model):
    """The result of one call, written once. What has no evidence is not there: nothing is guessed."""

    intent: str
    job_type: str | None = None
    problem: str | None = None
    urgency: str | None = None
    contact: AnalysisContact | None = None
    preferred_times: list[str] = Field(default_factory=list)
    appointment: dt.datetime | None = None
    outcome: str
    success: Literal["good", "neutral", "bad"]
    summary: str
    facts: dict[str, Any] = Field(default_factory=dict)
    sentiment: Literal["positive", "neutral", "negative"] | None = None
    evidence: dict[str, Evidence] = Field(default_factory=dict)
    by: Literal["rules", "model"] = "rules"
    model: str = ""
    fallback: str = ""


class Callers(Document):
    """What the agent may say of what is known about a caller. The number that a call shows is no proof of who rings."""

    greet: bool = True
    visits: bool = True
    balance: bool = False


class ChangeView(Model):
    """One difference. Of long texts the lines that differ, as a unified diff."""

    kind: Literal["added", "removed", "changed", "moved"]
    path: str
    before: Any = None
    after: Any = None


class CheckBody(Sent):
    """What to check: a whole configuration, of which nothing is stored; ``text`` takes the place of its script."""

    config: dict[str, Any]
    text: str | None = None


class CheckView(Model):
    """``faults`` keep it from being published, ``warnings`` do not."""

    ok: bool
    faults: list[FaultView]
    warnings: list[FaultView]


class Checked(Model):
    """What checking a log's chain found. ``head`` is the hash of its last row in hex: keep it elsewhere to be able to compare."""

    whole: bool
    rows: int
    broken_at: int | None = None
    head: str


class ChoiceView(Model):
    """One of what there is to choose from."""

    id: str
    label: str
    group: str


class ChooserView(Model):
    """Something to choose once connected."""

    name: str
    title: str
    help: str
    many: bool
    required: bool
    per_staff: bool


class Choosing(Sent):
    """What was chosen, by chooser (``staff``, ``calendar``...), or by ``staff/<name>`` for one of the diary's staff."""

    chosen: dict[str, Any]


class CodeIn(Sent):
    """The second step: ``pending`` of the first one's answer, and a code of the app or a recovery code."""

    pending: str = Field(repr=False)
    code: str


class Commanded(Model):
    """The call's engine has taken a command. It is carried out at the call's next safe moment."""

    call: str
    action: Literal["say", "transfer", "end"]


class Confirmation(Sent):
    """The tenant's name, once more: erasing cannot be undone."""

    name: str


class Connection(Model):
    """A link to one account of one system; no secret."""

    id: str
    adapter: str
    kind: Literal["crm", "calendar"]
    title: str
    auth: Literal["key", "oauth", "none"] = "key"
    account: str
    state: Literal["active", "expired", "off"]
    problem: str
    settings: dict[str, str]
    chosen: dict[str, list[str]]
    mapping: dict[str, str]
    ok_at: dt.datetime | None
    failed_at: dt.datetime | None
    synced_at: dt.datetime | None
    revision: int
    created_at: dt.datetime
    updated_at: dt.datetime


class ConsentView(Model):
    """Who agreed, when and how."""

    phone: str
    how: str
    given_at: dt.datetime
    by: str


class ContactChange(Sent):
    """What is left out stays as it is."""

    phone: str | None = None
    name: str | None = None
    address: str | None = None
    email: str | None = None
    no_calls: bool | None = None
    note: str | None = None


class ContactDetail(Model):
    """A contact with all its numbers, and the newest calls, visits, leads and messages, the latest first; messages in order."""

    contact: CrmContact
    phones: list[str]
    calls: list[Call]
    appointments: list[Appointment]
    leads: list[Lead]
    messages: list[Message]


class Copy(Model):
    """A visit in another system: still to be written there, written, given up, or taken out."""

    appointment_id: str
    connection_id: str
    state: Literal["waiting", "written", "failed", "gone"]
    external_id: str
    url: str
    revision: int
    error: str
    attempts: int
    next_at: dt.datetime | None
    written_at: dt.datetime | None
    clash: str
    clash_at: dt.datetime | None


class Corrections(Sent):
    """What was heard wrong, by the name of the value: name, phone, email, address, or one of the script's. Empty: there is none."""

    values: dict[str, Any]


class CrmContact(Model):
    """Somebody known to the tenant, mostly by phone number."""

    id: str
    phone: str | None
    name: str
    address: str
    email: str
    no_calls: bool
    note: str
    revision: int
    created_at: dt.datetime
    updated_at: dt.datetime


class DataKeyView(Model):
    """A data key that seals from now on; the older ones still open what they have sealed."""

    version: int


class DeliveryDetail(Model):
    """A delivery with its event and all that was tried (the newest hundred attempts, the oldest first)."""

    delivery: DeliveryView
    event: EventView
    attempts: list[AttemptView]


class DeliveryView(Model):
    """An event on its way to an endpoint."""

    id: str
    webhook_id: str
    event_id: str
    type: str
    subject: str
    state: Literal["waiting", "succeeded", "failed"]
    attempts: int
    next_at: dt.datetime | None
    done_at: dt.datetime | None
    last_status: int | None
    last_error: str | None
    created_at: dt.datetime


class DeniedView(Model):
    """What the caller did without effect, and why."""

    act: str
    why: str


class Diary(Document):
    """How visits are planned. Minutes, unless a name says otherwise."""

    staff: list[str] = Field(default_factory=list)
    visit_minutes: int = 60
    lead_minutes: int = 120
    horizon_days: int = 21


class DiffView(Model):
    """What differs, by path; of the script also as a unified diff of its YAML."""

    before: str
    after: str
    changes: list[ChangeView]
    script: str


class Disconnected(Model):
    """A connection that is off."""

    connection: Connection
    revoked: bool


class DoNotCallView(Model):
    """A number that is never rung, since when and why."""

    phone: str
    why: str
    at: dt.datetime
    by: str


class DraftView(Model):
    """What is being worked on, and what is still wrong with it."""

    id: str
    revision: int
    live: int | None
    changed: bool
    updated_at: dt.datetime
    config: AgentConfig
    check: CheckView


class Duplicate(Sent):
    """Under which name."""

    name: str | None = None


class EndLiveCall(Sent):
    """How to end: when the agent has said what it is saying, after a last line; or at once."""

    line: str | None = None
    at_once: bool = False
    """Cut the call off, whoever is speaking."""


class Endpointing(Document):
    """Values that differ from the preset's; ``presets.EXPLAINED`` says what each does."""

    sure_ms: int | None = None
    probable_ms: int | None = None
    likely_ms: int | None = None
    unsure_ms: int | None = None
    incomplete_ms: int | None = None
    utterance_end_ms: int | None = None
    vendor_ms: int | None = None
    sure: float | None = None
    probable: float | None = None
    likely: float | None = None
    unsure: float | None = None
    eager: float | None = None


class EndpointingPlan(Model):
    """How long the agent waits after the caller stops, by how complete the words are. All in milliseconds from the last speech."""

    sure_ms: int = 260
    probable_ms: int = 480
    likely_ms: int = 700
    unsure_ms: int = 1150
    incomplete_ms: int = 2000
    utterance_end_ms: int = 1000
    vendor_ms: int = 1200
    sure: float = 0.85
    probable: float = 0.75
    likely: float = 0.6
    unsure: float = 0.3
    eager: float = 0.6


class Erasing(Model):
    """A tenant is being erased; its certificate will be found by ``erasure``."""

    erasure: str
    subject: str


class ErasureView(Model):
    """That a tenant was erased: a certificate that holds nothing of it. ``subject`` is a hash of its id."""

    id: str
    subject: str
    requested_at: dt.datetime
    finished_at: dt.datetime | None
    counts: dict[str, int]
    verified: bool


class EventTypeList(Model):
    """All types of events."""

    data: list[EventTypeView]


class EventTypeView(Model):
    """A type of event: what it says, the JSON schema of its ``data``, and an example of the whole."""

    type: str
    description: str
    data_schema: dict[str, Any]
    example: dict[str, Any]


class EventView(Model):
    """An event, as it is sent."""

    id: str
    type: str
    subject: str
    timestamp: dt.datetime
    data: dict[str, Any]


class Evidence(Model):
    """Where a value comes from: the turn that says it, in whose words. Without a turn it was known before the call, or keyed in."""

    by: Literal["script", "rules", "model"]
    turn: int | None = None
    speaker: Literal["caller", "agent"] = "caller"
    at_ms: int | None = None
    quote: str = ""


class ExchangeView(Model):
    """One request to the system and what came of it; the bodies by their hashes."""

    id: str
    at: dt.datetime
    method: str
    path: str
    status: int | None
    trouble: str
    seconds: float
    sent_sha256: str
    got_sha256: str
    call_id: str
    write_key: str


class ExportView(Model):
    """All data of a tenant in one zip file, made by a job. It is fetched from ``/exports/{id}/file`` once it is ``ready``."""

    id: str
    state: Literal["waiting", "ready", "failed"]
    requested_at: dt.datetime
    ready_at: dt.datetime | None
    expires_at: dt.datetime
    size: int | None
    sha256: str | None
    counts: dict[str, int]


class ExtractField(Document):
    """Something that the business wants to know of every call, read off what was said."""

    name: str
    type: Literal["text", "number", "date", "time", "choice", "yes_no"] = "text"
    description: str = ""
    choices: list[str] = Field(default_factory=list)


class FakeAnswer(Sent):
    """What a tool answers instead of doing anything: values, or an error of a kind that the script knows."""

    values: dict[str, Any] = Field(default_factory=dict)
    error: Literal["conflict", "rejected", "timeout", "unavailable"] | None = None


class FaultView(Model):
    """Something wrong: where in the document, what, and in which line of the script's text."""

    path: str
    message: str
    line: int | None = None


class FieldMapping(Sent):
    """The system's fields, each filled from a place in a call's result, such as ``facts.boiler_make``."""

    mapping: dict[str, Any]


class FieldView(Model):
    """A field of a system's form."""

    name: str
    title: str
    help: str
    pattern: str
    secret: bool
    required: bool
    placeholder: str


class FillerLines(Document):
    """Short lines that bridge a silence: kept as audio, at most one in a turn, never the same twice running, never over the
    caller.
    """

    after_ms: int = 900
    tool_ms: int = 700
    lines: list[str] | None = None


class FixedLines(Document):
    """What is said when nothing else can be; as in a plan."""

    fallback: str = "Sorry, I did not get that. Could you say it again?"
    still_there: str = "Are you still there?"
    goodbye: str = "I will let you go. Goodbye."
    limit: str = "We have come to the end of the time for this call. Goodbye."
    failed: str = "I am sorry, something has gone wrong on our side. Please ring again in a little while. Goodbye."
    deaf: str = "I am sorry, I cannot hear you just now. Please use the keys of your telephone."
    putting_through: str = "I am putting you through. One moment, please."
    still_trying: str = "I am still trying to reach somebody. You can also say never mind."
    not_through: str = "I am sorry, nobody could take your call just now."
    staying: str = "All right, I am still here."


class FlagIn(Sent):
    """Why a call is marked."""

    reason: str


class Forgot(Sent):
    """Whose password is forgotten."""

    email: str


class Holiday(Document):
    """Days with other hours than their weekday's: closed, or open as ``hours`` says."""

    name: str = ""
    first: dt.date
    last: dt.date | None = None
    yearly: bool = False
    hours: list[Span] = Field(default_factory=list)


class Invitation(Model):
    """An invitation that nobody has taken yet."""

    id: str
    email: str
    role: Literal["platform_admin", "reseller_admin", "reseller_support", "tenant_owner", "tenant_admin", "agent_editor", "viewer"]
    created_at: dt.datetime
    created_by: str
    expires_at: dt.datetime


class Key(Model):
    """A key. ``prefix`` is how it begins; the rest is known to nobody but its holder. ``last_used_at`` is kept to the minute."""

    id: str
    name: str
    prefix: str
    permissions: list[
        Literal[
            "tenant.read",
            "tenant.write",
            "tenant.delete",
            "members.read",
            "members.write",
            "keys.read",
            "keys.write",
            "agents.read",
            "agents.write",
            "agents.publish",
            "numbers.read",
            "numbers.write",
            "media.write",
            "outgoing.read",
            "outgoing.write",
            "tolls.write",
            "vendors.read",
            "vendors.write",
            "calls.read",
            "calls.write",
            "calls.delete",
            "live.control",
            "contacts.read",
            "contacts.write",
            "appointments.read",
            "appointments.write",
            "webhooks.read",
            "webhooks.write",
            "connections.read",
            "connections.write",
            "connections.connect",
            "audit.read",
        ]
        | Literal["reseller.read", "reseller.write", "tenants.create"]
        | Literal["resellers.read", "resellers.write", "platform.audit"]
    ]
    created_by: str
    created_at: dt.datetime
    expires_at: dt.datetime | None
    last_used_at: dt.datetime | None


class Knowledge(Document):
    """A piece of the tenant's own text that answers questions."""

    title: str = ""
    text: str


class Lead(Model):
    """A job that may come, or came, of a call."""

    id: str
    contact_id: str
    call_id: str
    status: Literal["new", "callback", "booked", "contacted", "won", "lost"]
    problem: str
    extras: dict[str, Any]
    note: str
    assigned: str
    revision: int
    created_at: dt.datetime
    updated_at: dt.datetime


class LeadChange(Sent):
    """What is left out stays as it is."""

    status: Literal["new", "contacted", "won", "lost"] | None = None
    note: str | None = None
    assigned: str | None = None


class Leaving(Model):
    """Where the browser goes to give consent, within ten minutes."""

    url: str


class Limits(Document):
    """How long things may last; None takes the preset's."""

    max_call_ms: int | None = None
    max_turn_ms: int | None = None
    idle_ms: int | None = None
    idle_prompts: int | None = None
    tool_ms: int | None = None


class LineUse(Model):
    """Calls of one number: at once now, and those that were not taken today (UTC), by reason."""

    number_id: str
    did: str
    calls: int
    max_calls: int | None
    refused: dict[str, int]


class LinesView(Model):
    """How many calls the tenant has and may have at once."""

    calls: int
    max_calls: int
    numbers: list[LineUse]


class LiveCallView(Model):
    """A call that is under way."""

    id: str
    agent_id: str
    agent_version: int | None
    transport: str
    did: str
    caller: str
    test: bool
    started_at: dt.datetime
    seconds: float
    last: Said | None
    steerable: bool


class Me(Model):
    """Who asks. A key and the operator have no mail address and no memberships; ``permissions`` are their own."""

    kind: Literal["person", "key", "operator"]
    id: str
    name: str
    email: str | None = None
    totp: bool = False
    password: bool = False
    provider_id: str | None = None
    memberships: list[MembershipView] = Field(default_factory=list)
    permissions: list[
        Literal[
            "tenant.read",
            "tenant.write",
            "tenant.delete",
            "members.read",
            "members.write",
            "keys.read",
            "keys.write",
            "agents.read",
            "agents.write",
            "agents.publish",
            "numbers.read",
            "numbers.write",
            "media.write",
            "outgoing.read",
            "outgoing.write",
            "tolls.write",
            "vendors.read",
            "vendors.write",
            "calls.read",
            "calls.write",
            "calls.delete",
            "live.control",
            "contacts.read",
            "contacts.write",
            "appointments.read",
            "appointments.write",
            "webhooks.read",
            "webhooks.write",
            "connections.read",
            "connections.write",
            "connections.connect",
            "audit.read",
        ]
        | Literal["reseller.read", "reseller.write", "tenants.create"]
        | Literal["resellers.read", "resellers.write", "platform.audit"]
    ] = Field(default_factory=list)


class MediaQuality(Model):
    """How the caller's media fared, from transports that can tell (SIP, WebRTC). Times are milliseconds."""

    received: int = 0
    lost: int = 0
    late: int = 0
    concealed_ms: int = 0
    jitter_ms: float = 0.0
    rtt_ms: float | None = None
    mos: float | None = None
    codec: str = ""


class MediaToken(Model):
    """A one-time token for a call's media, and where the media goes."""

    token: str = Field(repr=False)
    url: str
    did: str
    expires_in_s: int


class Member(Model):
    """Somebody with a role here. ``provider_id``: signs in by this provider only."""

    id: str
    person_id: str
    name: str
    email: str
    role: Literal["platform_admin", "reseller_admin", "reseller_support", "tenant_owner", "tenant_admin", "agent_editor", "viewer"]
    provider_id: str | None
    created_at: dt.datetime


class MembershipView(Model):
    """A role of one's own, and where."""

    id: str
    level: Literal["platform", "reseller", "tenant"]
    tenant_id: str | None
    reseller_id: str | None
    name: str
    role: Literal["platform_admin", "reseller_admin", "reseller_support", "tenant_owner", "tenant_admin", "agent_editor", "viewer"]
    permissions: list[
        Literal[
            "tenant.read",
            "tenant.write",
            "tenant.delete",
            "members.read",
            "members.write",
            "keys.read",
            "keys.write",
            "agents.read",
            "agents.write",
            "agents.publish",
            "numbers.read",
            "numbers.write",
            "media.write",
            "outgoing.read",
            "outgoing.write",
            "tolls.write",
            "vendors.read",
            "vendors.write",
            "calls.read",
            "calls.write",
            "calls.delete",
            "live.control",
            "contacts.read",
            "contacts.write",
            "appointments.read",
            "appointments.write",
            "webhooks.read",
            "webhooks.write",
            "connections.read",
            "connections.write",
            "connections.connect",
            "audit.read",
        ]
        | Literal["reseller.read", "reseller.write", "tenants.create"]
        | Literal["resellers.read", "resellers.write", "platform.audit"]
    ]


class Merge(Sent):
    """Which contact is the same person: everything of theirs comes here, and they are gone."""

    other: str


class Message(Model):
    """For the team."""

    id: str
    contact_id: str
    call_id: str
    kind: str
    note: str
    due: dt.datetime | None
    created_at: dt.datetime


class MintedKey(Model):
    """A key that has just been made. ``secret`` is the bearer token; it is shown this once."""

    id: str
    name: str
    prefix: str
    permissions: list[
        Literal[
            "tenant.read",
            "tenant.write",
            "tenant.delete",
            "members.read",
            "members.write",
            "keys.read",
            "keys.write",
            "agents.read",
            "agents.write",
            "agents.publish",
            "numbers.read",
            "numbers.write",
            "media.write",
            "outgoing.read",
            "outgoing.write",
            "tolls.write",
            "vendors.read",
            "vendors.write",
            "calls.read",
            "calls.write",
            "calls.delete",
            "live.control",
            "contacts.read",
            "contacts.write",
            "appointments.read",
            "appointments.write",
            "webhooks.read",
            "webhooks.write",
            "connections.read",
            "connections.write",
            "connections.connect",
            "audit.read",
        ]
        | Literal["reseller.read", "reseller.write", "tenants.create"]
        | Literal["resellers.read", "resellers.write", "platform.audit"]
    ]
    created_by: str
    created_at: dt.datetime
    expires_at: dt.datetime | None
    last_used_at: dt.datetime | None
    secret: str = Field(repr=False)


class MishapView(Model):
    """What went wrong in the test itself, and in which turn (0 is the opening)."""

    turn: int
    message: str


class ModelRoute(Document):
    """Which language models answer the turns that fit all of its conditions; an empty condition fits every turn."""

    name: str
    prefer: list[str] = Field(default_factory=list)
    states: list[str] = Field(default_factory=list)
    locales: list[str] = Field(default_factory=list)
    wordings: list[Literal["exact", "guided", "free"]] = Field(default_factory=list)
    speculative: bool | None = None
    least_words: int = 0
    most_words: int = 0
    ceiling: float = 0


class Move(Sent):
    """To which reseller a tenant goes."""

    reseller_id: str


class NewAccount(Sent):
    """An account with a carrier. Which fields it takes is the carrier's matter (``kinds.KINDS``); Twilio is the first."""

    kind: Literal["twilio", "signalwire", "telnyx", "plivo", "vonage"] = "twilio"
    label: str = ""
    account_sid: str
    auth_token: str = Field(repr=False)
    api_key_sid: str | None = None
    api_key_secret: str | None = Field(default=None, repr=False)
    space: str = ""
    public_key: str = ""
    application_id: str = ""


class NewAgent(Sent):
    """An agent from a template (the tenant's own name, numbers and hours are put in afterwards), or from a document."""

    template: str | None = None
    name: str | None = None
    config: AgentConfig | None = None
    unfinished: bool = False


class NewAppointment(Sent):
    """A visit to be booked: in a slot that was offered, or at any time at which the staff is free."""

    contact_id: str
    slot: str | None = None
    starts_at: dt.datetime | None = None
    minutes: int | None = None
    staff: str | None = None
    name: str = ""
    address: str = ""
    problem: str = ""


class NewConnection(Sent):
    """A system with the fields of its form, its key among them. The system is asked before anything is kept."""

    adapter: str
    fields: dict[str, Any] = Field(default_factory=dict)


class NewConsent(Sent):
    """Somebody has agreed to be rung by an automated assistant."""

    phone: str
    how: str


class NewContact(Sent):
    """A contact to be made; a phone number without a country code belongs to the tenant's region."""

    phone: str | None = None
    name: str = ""
    address: str = ""
    email: str = ""
    no_calls: bool = False
    note: str = ""


class NewDoNotCall(Sent):
    """A number that is never rung."""

    phone: str
    why: str = ""


class NewMedia(Sent):
    """A call at a telephone system of yours, whose media is to come to an engine."""

    dialect: Literal["asterisk", "audiosocket", "exotel", "jambonz"]
    caller: str = ""
    carrier_call: str = ""


class NewNumber(Sent):
    """A DID for an agent."""

    did: str
    agent_id: str
    label: str = ""
    carrier_account_id: str | None = None
    trunk_id: str | None = None
    overflow: str | None = None
    enabled: bool = True
    max_calls: int | None = None


class NewOutgoing(Sent):
    """A call to be placed, as soon as it may be. The request's Idempotency-Key is the call's, too: it rings once."""

    to: str
    agent_id: str
    number_id: str | None = None
    trunk_id: str | None = None
    purpose: Literal["reminder", "call-back", "other"] = "other"
    about: str = ""
    on_machine: Literal["hang_up", "leave_message"] | None = None
    contact_id: str | None = None
    lead_id: str | None = None
    appointment_id: str | None = None
    not_before: dt.datetime | None = None
    not_after: dt.datetime | None = None


class NewPlatformMember(Sent):
    """Whom to invite to run the platform."""

    email: str
    role: Literal["platform_admin"] = "platform_admin"


class NewProvider(Sent):
    """Where people sign in by OpenID Connect. ``domains`` are those of the mail addresses that it may vouch for."""

    name: str
    issuer: str
    client_id: str
    client_secret: str = Field(repr=False)
    domains: list[str]
    default_role: Literal["tenant_admin", "agent_editor", "viewer", "reseller_support"] | None = None
    enabled: bool = True


class NewReseller(Sent):
    """A reseller to be made."""

    name: str
    brand: Brand | None = None


class NewResellerKey(Sent):
    """A key of a reseller; what it may do in a tenant, it may do in all of the reseller's tenants."""

    name: str
    permissions: list[
        Literal[
            "tenant.read",
            "tenant.write",
            "tenant.delete",
            "members.read",
            "members.write",
            "keys.read",
            "keys.write",
            "agents.read",
            "agents.write",
            "agents.publish",
            "numbers.read",
            "numbers.write",
            "media.write",
            "outgoing.read",
            "outgoing.write",
            "tolls.write",
            "vendors.read",
            "vendors.write",
            "calls.read",
            "calls.write",
            "calls.delete",
            "live.control",
            "contacts.read",
            "contacts.write",
            "appointments.read",
            "appointments.write",
            "webhooks.read",
            "webhooks.write",
            "connections.read",
            "connections.write",
            "connections.connect",
            "audit.read",
        ]
        | Literal["reseller.read", "reseller.write", "tenants.create"]
    ]
    expires_at: dt.datetime | None = None


class NewResellerMember(Sent):
    """Whom to invite into a reseller, as what."""

    email: str
    role: Literal["reseller_admin", "reseller_support"]


class NewSetup(Sent):
    """The first administrator, by the link that the first start prints."""

    token: str = Field(repr=False)
    name: str
    email: str
    password: str = Field(repr=False)


class NewTenant(Sent):
    """A business to be made."""

    name: str
    timezone: str = "Europe/London"
    region: str = "GB"
    locale: str = "en-GB"
    fallback_number: str | None = None
    retention_days: int | None = None
    diary: Diary | None = None
    max_calls: int = 10


class NewTenantKey(Sent):
    """A key of a tenant: what for, what it may do (no more than its maker), and until when; without ``expires_at`` until
    revoked.
    """

    name: str
    permissions: list[
        Literal[
            "tenant.read",
            "tenant.write",
            "tenant.delete",
            "members.read",
            "members.write",
            "keys.read",
            "keys.write",
            "agents.read",
            "agents.write",
            "agents.publish",
            "numbers.read",
            "numbers.write",
            "media.write",
            "outgoing.read",
            "outgoing.write",
            "tolls.write",
            "vendors.read",
            "vendors.write",
            "calls.read",
            "calls.write",
            "calls.delete",
            "live.control",
            "contacts.read",
            "contacts.write",
            "appointments.read",
            "appointments.write",
            "webhooks.read",
            "webhooks.write",
            "connections.read",
            "connections.write",
            "connections.connect",
            "audit.read",
        ]
    ]
    expires_at: dt.datetime | None = None


class NewTenantMember(Sent):
    """Whom to invite into a tenant, as what."""

    email: str
    role: Literal["tenant_owner", "tenant_admin", "agent_editor", "viewer"]


class NewTrunk(Sent):
    """A SIP link to a carrier or exchange."""

    label: str = ""
    auth: Literal["register", "address"]
    host: str = ""
    user: str = ""
    password: str | None = Field(default=None, repr=False)
    sources: list[str] = Field(default_factory=list)
    did_from: Literal["request", "to", "p-called-party-id", "diversion"] = "request"
    codecs: list[Literal["PCMU", "PCMA", "G722", "opus"]] | None = None
    max_calls: int = 100
    transfers: Literal["bridge", "refer"] = "bridge"
    enabled: bool = True


class NewVoiceTest(Sent):
    """A call by voice with a draft or a version: tools answer from fakes, nothing is booked, nobody is told."""

    version: int | None = None
    config: AgentConfig | None = None
    tools: dict[str, Any] = Field(default_factory=dict)
    caller: str = ""
    real: bool = False
    """No test, but a call: what it books is booked. Needs appointments.write."""
    minutes: int = 10


class NewWebhook(Sent):
    """An endpoint for the tenant's events."""

    url: str
    description: str = ""
    event_types: (
        list[
            Literal[
                "call.started",
                "call.ended",
                "call.transferred",
                "call.transcribed",
                "call.analyzed",
                "lead.created",
                "appointment.created",
                "appointment.changed",
                "appointment.cancelled",
                "appointment.clash",
                "crm.sync.failed",
                "usage.threshold",
                "connection.expired",
                "outgoing.suspended",
                "webhook.disabled",
                "test",
            ]
        ]
        | None
    ) = None
    enabled: bool = True


class NewWidget(Sent):
    """A call button for a web site."""

    agent_id: str
    origins: list[str]
    label: str = ""
    enabled: bool = True
    per_minute: int = 10
    per_day: int = 500


class Notify(Document):
    """Who gets a mail when a call is over. Test calls tell nobody."""

    emails: list[str] = Field(default_factory=list)
    when: Literal["every_call", "follow_up", "urgent"] = "follow_up"


class NumberAtCarrier(Model):
    """A number of a carrier account as the carrier has it."""

    id: str
    did: str
    label: str
    voice_url: str
    fallback_url: str
    used_by: str
    rings_here: bool
    number_id: str | None
    agent_id: str | None
    check: NumberCheck | None


class NumberChange(Sent):
    """What is left out stays as it is."""

    agent_id: str | None = None
    label: str | None = None
    carrier_account_id: str | None = None
    trunk_id: str | None = None
    overflow: str | None = None
    enabled: bool | None = None
    max_calls: int | None = None


class NumberCheck(Model):
    """What the last self-test of a number found."""

    state: Literal["ringing", "rang", "set", "failed"]
    fault: str
    checked_at: dt.datetime
    rang_at: dt.datetime | None


class NumberView(Model):
    """A number as its tenant sees it."""

    id: str
    did: str
    agent_id: str
    label: str
    carrier_account_id: str | None
    trunk_id: str | None
    overflow: str | None
    enabled: bool
    max_calls: int | None
    revision: int
    created_at: dt.datetime
    updated_at: dt.datetime


class NumbersAtCarrier(Model):
    """All numbers of a carrier account that can take calls."""

    data: list[NumberAtCarrier]


class Offered(Model):
    """What there is to choose from, by chooser."""

    choices: dict[str, list[ChoiceView]]


class OpenInvitation(Model):
    """An invitation as its recipient sees it. ``account``: there is one for this address, so that its password is wanted, not a
    new one.
    """

    email: str
    level: Literal["platform", "reseller", "tenant"]
    name: str
    role: Literal["platform_admin", "reseller_admin", "reseller_support", "tenant_owner", "tenant_admin", "agent_editor", "viewer"]
    invited_by: str
    expires_at: dt.datetime
    account: bool


class OpenerLines(Document):
    """Short acknowledgements, kept as audio: one is said as soon as the caller's turn is decided, before its answer."""

    on: bool = False
    lines: list[str] | None = None


class OutOfHours(Document):
    """What a caller gets when the business is closed."""

    do: Literal["answer", "message", "say", "transfer"] = "answer"
    entry: str | None = None
    line: str = ""
    target: str | None = None


class OutgoingView(Model):
    """A call that we place, and how it stands."""

    id: str
    to: str
    agent_id: str
    number_id: str
    trunk_id: str | None
    purpose: Literal["reminder", "call-back", "other"]
    about: str
    on_machine: Literal["hang_up", "leave_message"] | None
    contact_id: str | None
    lead_id: str | None
    appointment_id: str | None
    state: Literal["waiting", "dialling", "ringing", "answered", "done", "failed", "refused", "cancelled"]
    reason: str
    consent: str
    not_before: dt.datetime | None
    not_after: dt.datetime | None
    attempts: int
    next_at: dt.datetime | None
    answered_by: str
    call_id: str | None
    created_at: dt.datetime
    ended_at: dt.datetime | None


class OwnClient(Sent):
    """A reseller's client with a system, as the system gave it out for the callback address of this installation."""

    client_id: str
    client_secret: str = Field(repr=False)


class OwnClientView(Model):
    """The same without its secret."""

    adapter: str
    client_id: str
    client_secret_end: str
    revision: int
    created_at: dt.datetime
    updated_at: dt.datetime


class OwnClients(Model):
    """A reseller's clients, and the address that systems must send people back to."""

    data: list[OwnClientView]
    callback_url: str


class Paperwork(Model):
    """What went where. ``own``: what was done here: the transcript, the result, the events to webhooks, who was told."""

    call_id: str
    own: list[Step]
    systems: list[SystemPaper]


class PasswordChange(Sent):
    """A new password in place of the current one."""

    current: str
    password: str = Field(repr=False)


class PasswordIn(Sent):
    """The password once more, before something that matters."""

    password: str = Field(repr=False)


class PersonChange(Sent):
    """What people may change of themselves."""

    name: str


class PresetView(Model):
    """Turn-taking for a use case: every number of it, and those that it sets itself."""

    name: str
    title: str
    use: str
    why: str
    turn: TurnPlan
    own: list[str]


class Preview(Sent):
    """A past call, and the mapping to try; without one the connection's own."""

    call: str
    mapping: dict[str, Any] | None = None


class Previewed(Model):
    """What each of the system's fields would get of that call; those that it does not fill are left out."""

    fields: dict[str, str]


class Provider(Model):
    """A provider; its secret is never shown. ``sign_in`` is where its people begin, ``redirect_uri`` what the provider must be
    told.
    """

    id: str
    name: str
    issuer: str
    client_id: str
    domains: list[str]
    default_role: (
        Literal["platform_admin", "reseller_admin", "reseller_support", "tenant_owner", "tenant_admin", "agent_editor", "viewer"] | None
    )
    enabled: bool
    revision: int
    sign_in: str
    redirect_uri: str = Field(repr=False)
    created_at: dt.datetime
    updated_at: dt.datetime


class ProviderChange(Sent):
    """What to change of a provider; what is left out stays. ``default_role`` of null takes the default role away."""

    name: str | None = None
    client_id: str | None = None
    client_secret: str | None = Field(default=None, repr=False)
    domains: list[str] | None = None
    default_role: Literal["tenant_admin", "agent_editor", "viewer", "reseller_support"] | None = None
    enabled: bool | None = None


class Providers(Document):
    """Who hears, speaks, thinks and listens for the end of a turn: the first that opens, else the next."""

    stt: list[str] | None = None
    tts: list[str] | None = None
    llm: list[str] = Field(default_factory=list)
    voices: dict[str, Any] | None = None
    routes: list[ModelRoute] = Field(default_factory=list)
    costs: dict[str, Any] | None = None
    answer_ms: int = 1200
    vad: str = "silero"
    endpoint: str | None = "smart_turn"


class Publish(Sent):
    """Why; for people."""

    note: str = ""


class RanView(Model):
    """A tool that would have run, and what its fake answered."""

    tool: str
    effect: str
    args: dict[str, Any]
    values: dict[str, Any]
    error: str | None


class ReasonView(Model):
    """Why: ``way`` names the rule that was taken (``states/route/next/0``), other codes are notes of the script."""

    code: str
    text: str


class Reconnect(Sent):
    """The fields of the form once more, for the same connection."""

    fields: dict[str, Any] = Field(default_factory=dict)


class Recording(Document):
    """Whether calls are recorded, and what callers are told of it."""

    record: bool = True
    disclosure: str = ""
    keep_days: int = 90


class RecordingView(Model):
    """A call's recording. Its length and waveform are known a moment after it has come; ``recovered``: from an engine that was
    killed.
    """

    size: int
    sha256: str
    recovered: bool
    stored_at: dt.datetime
    seconds: float | None
    sample_rate: int | None
    channels: int | None


class RecoveryCodes(Model):
    """Codes for when the app is lost; shown once."""

    recovery_codes: list[str] = Field(repr=False)


class RefusedOut(Model):
    """How many calls out were refused on a day (UTC), and why."""

    purpose: Literal["transfer", "overflow", "outgoing", "call-back"]
    reason: str
    count: int


class ReplayRange(Sent):
    """Events of a time to be sent again: those that were given up, or all that the endpoint's types cover."""

    since: dt.datetime
    until: dt.datetime | None = None
    which: Literal["failed", "all"] = "failed"


class Replayed(Model):
    """How many events will be sent again."""

    deliveries: int


class ResellerChange(Sent):
    """What is left out stays as it is."""

    name: str | None = None
    brand: Brand | None = None


class ResellerRoleChange(Sent):
    """Another role."""

    role: Literal["reseller_admin", "reseller_support"]


class ResellerView(Model):
    """A reseller as those see it who may."""

    id: str
    name: str
    state: Literal["active", "suspended"]
    brand: Brand
    revision: int
    created_at: dt.datetime


class Reset(Sent):
    """A new password, by the link of a mail."""

    token: str = Field(repr=False)
    password: str = Field(repr=False)


class RotateSecret(Sent):
    """How long the old secret goes on signing beside the new one."""

    overlap_hours: int = 24


class RotateVendorKey(Sent):
    """A new key for the same address: calls that begin from now on use it."""

    api_key: str = Field(repr=False)


class Said(Model):
    """One turn. ``text`` was heard; ``unheard`` is what the agent was still going to say when it was cut off. Milliseconds of
    the call.
    """

    turn: int
    speaker: Literal["caller", "agent"]
    start_ms: int
    end_ms: int
    text: str
    unheard: str = ""
    interrupted: bool = False


class SaidView(Model):
    """One thing that the agent says. ``item`` is the script's name for it; ``kind`` is ack, answer, say, must, goodbye, ask,
    guess, confirm, agree, change, or ``line`` for a fixed line.
    """

    item: str
    text: str
    kind: str


class SayLine(Sent):
    """What the agent says next, word for word, once nobody is speaking."""

    text: str


class ScriptBody(Sent):
    """A script: as YAML text, whose comments and order are kept, or as a document."""

    text: str | None = None
    document: dict[str, Any] | None = None


class ScriptView(Model):
    """The draft's script as text and as a document."""

    revision: int
    text: str
    document: dict[str, Any]
    check: CheckView


class SecretView(Model):
    """All that is shown of a secret."""

    set: bool
    last4: str | None = None


class SessionView(Model):
    """A browser that one is signed in with."""

    id: str
    current: bool
    host: str
    ip: str
    user_agent: str
    created_at: dt.datetime
    last_seen_at: dt.datetime
    expires_at: dt.datetime


class Setting(Sent):
    """How a tenant places calls. Minutes of the day are by the clock of the business, and by that of whoever is rung."""

    opens: int = 540
    closes: int = 1200
    days: list[int] | None = None
    consent_for: list[Literal["reminder", "call-back", "other"]] | None = None
    attempts: int = 2
    gap_minutes: int = 30
    voicemail: str = ""
    reminder_hours: int | None = None
    reminder_agent: str | None = None


class SettingView(Model):
    """The same, with its revision."""

    opens: int = 540
    closes: int = 1200
    days: list[int] | None = None
    consent_for: list[Literal["reminder", "call-back", "other"]] | None = None
    attempts: int = 2
    gap_minutes: int = 30
    voicemail: str = ""
    reminder_hours: int | None = None
    reminder_agent: str | None = None
    revision: int


class Share(Model):
    """A link to a call for whoever has it. Its token is shown this once."""

    path: str
    expires_at: dt.datetime


class SignIn(Sent):
    """A mail address and a password."""

    email: str
    password: str = Field(repr=False)


class SignedIn(Model):
    """``next`` is ``totp`` if a one-time code is wanted; else the answer has set the session's cookie."""

    next: Literal["totp"] | None = None
    pending: str | None = Field(default=None, repr=False)


class Span(Document):
    """A stretch of a day, on the clock of the agent's time zone; one that closes before it opens ends on the next day."""

    opens: str
    closes: str


class StateView(Model):
    """How a trunk fares at one engine, as that has last told."""

    engine: str
    state: str
    error: str
    calls: int
    refused: int
    at: dt.datetime


class Step(Model):
    """One record that a call became, or is to become. ``reason``: why it was not written; ``error``: why it could not be."""

    step: str
    state: Literal["waiting", "running", "done", "skipped", "failed"]
    attempts: int
    record_kind: str
    record_id: str
    record_url: str
    error: str
    reason: str
    begun_at: dt.datetime | None
    done_at: dt.datetime | None


class System(Model):
    """A system that can be connected."""

    adapter: str
    kind: Literal["crm", "calendar"]
    title: str
    about: str
    tier: Literal["bronze", "silver", "gold"]
    ways: list[Literal["key", "oauth", "none"]]
    scopes: list[str]
    capabilities: list[str]
    writes: list[str]
    fields: list[FieldView]
    choosers: list[ChooserView]
    mappable: dict[str, str]


class SystemPaper(Model):
    """A call's paperwork in one system."""

    connection_id: str
    adapter: str
    title: str
    state: Literal["waiting", "held", "done", "failed", "skipped"]
    reason: str
    next_at: dt.datetime | None
    failing_since: dt.datetime | None
    steps: list[Step]


class Systems(Model):
    """All systems that can be connected, by title."""

    data: list[System]


class TemplateDetail(Model):
    """With its configuration, and its script as text."""

    id: str
    title: str
    use: str
    config: AgentConfig
    text: str


class TemplateView(Model):
    """An example to begin with."""

    id: str
    title: str
    use: str


class TenantChange(Sent):
    """What is left out stays as it is."""

    name: str | None = None
    timezone: str | None = None
    region: str | None = None
    locale: str | None = None
    fallback_number: str | None = None
    retention_days: int | None = None
    diary: Diary | None = None


class TenantLimits(Sent):
    """What a tenant may have at once."""

    max_calls: int


class TenantRoleChange(Sent):
    """Another role."""

    role: Literal["tenant_owner", "tenant_admin", "agent_editor", "viewer"]


class TenantView(Model):
    """A business as those see it who may."""

    id: str
    reseller_id: str
    name: str
    timezone: str
    region: str
    locale: str
    fallback_number: str | None
    retention_days: int | None
    diary: Diary
    max_calls: int
    state: Literal["active", "suspended"]
    revision: int
    created_at: dt.datetime
    subject: str


class Tested(Model):
    """What the system said to the test."""

    ok: bool
    account: str
    problem: str


class TextTest(Sent):
    """A conversation by text. It is played from its first word, so that a turn is edited by sending the list again."""

    version: int | None = None
    config: AgentConfig | None = None
    turns: list[TurnIn] = Field(default_factory=list)
    tools: dict[str, Any] = Field(default_factory=dict)
    given: dict[str, Any] = Field(default_factory=dict)
    caller: str = ""
    now: dt.datetime | None = None
    unreachable: list[str] = Field(default_factory=list)
    former: list[str] = Field(default_factory=list)
    rules_only: bool = False


class TextTestResult(Model):
    """The whole conversation."""

    script: str
    script_version: int
    open_now: bool
    turns: list[TurnView]
    same_until: int
    ended: bool
    outcome: str
    success: str | None
    path: list[str]
    faults: list[MishapView]
    notice: str
    steps: int


class TollLimits(Sent):
    """What a tenant's calls out may use, transfers among them. Money is in the minor unit of its currency."""

    countries: list[str] = Field(default_factory=list)
    hosts: list[str] = Field(default_factory=list)
    at_once: int = 5
    per_minute: int = 10
    minutes_per_hour: int = 120
    spend_per_hour: int = 1000
    max_minutes: int = 30
    price_home: int = 2
    price_abroad: int = 25


class TollView(Model):
    """Limits on calls out and how they stand."""

    countries: list[str] = Field(default_factory=list)
    hosts: list[str] = Field(default_factory=list)
    at_once: int = 5
    per_minute: int = 10
    minutes_per_hour: int = 120
    spend_per_hour: int = 1000
    max_minutes: int = 30
    price_home: int = 2
    price_abroad: int = 25
    region: str
    state: Literal["open", "suspended"]
    suspended_at: dt.datetime | None
    suspended_why: str
    calls: int
    minutes: float
    spent: float
    refused: list[RefusedOut]
    revision: int


class TotpCode(Sent):
    """A code of the app."""

    code: str


class TotpDisable(Sent):
    """The password and a code, so that neither alone is enough."""

    password: str = Field(repr=False)
    code: str


class TotpEnrolment(Model):
    """What an app needs: the secret, and the same as the URI of a QR code. Not in force until confirmed."""

    secret: str = Field(repr=False)
    uri: str = Field(repr=False)


class Transcript(Model):
    """All turns in order of their beginning. ``complete`` once no event of the call is missing."""

    call: str
    complete: bool
    turns: list[Said]


class TransferCall(Sent):
    """Where the caller is put through to: a name of the agent's transfer targets, or the number or SIP address of one."""

    target: str


class TransferPerson(Document):
    """Somebody else who is rung for a target, when those before them do not take the call."""

    name: str
    number: str
    hours: Week | None = None


class TransferTarget(Document):
    """Whom the script may put a caller through to."""

    number: str | None = None
    hours: Week | None = None
    order: int | None = None
    people: list[TransferPerson] = Field(default_factory=list)
    ring_s: int = 20
    announce: bool = True


class TrunkChange(Sent):
    """What is left out stays as it is."""

    label: str | None = None
    auth: Literal["register", "address"] | None = None
    host: str | None = None
    user: str | None = None
    password: str | None = Field(default=None, repr=False)
    sources: list[str] | None = None
    did_from: Literal["request", "to", "p-called-party-id", "diversion"] | None = None
    codecs: list[Literal["PCMU", "PCMA", "G722", "opus"]] | None = None
    max_calls: int | None = None
    transfers: Literal["bridge", "refer"] | None = None
    enabled: bool | None = None


class TrunkView(Model):
    """A trunk as its tenant sees it."""

    id: str
    label: str
    auth: Literal["register", "address"]
    host: str
    user: str
    password_set: bool
    sources: list[str]
    did_from: Literal["request", "to", "p-called-party-id", "diversion"]
    codecs: list[Literal["PCMU", "PCMA", "G722", "opus"]]
    max_calls: int
    transfers: Literal["bridge", "refer"]
    enabled: bool
    states: list[StateView] = Field(default_factory=list)
    revision: int
    created_at: dt.datetime
    updated_at: dt.datetime


class Turn(Document):
    """Turn-taking: a preset, and the values that differ from it."""

    preset: Literal["receptionist", "booking_confirmation", "intake_by_dictation", "fast_answers", "careful", "noisy_line"] = "receptionist"
    endpointing: Endpointing | None = None
    confirm_ms: int | None = None
    confirm_words: int | None = None
    resume_ms: int | None = None
    stalled_ms: int | None = None
    ahead: bool | None = None


class TurnIn(Sent):
    """What the caller does: one of ``caller`` (words), ``keys``, ``silence``, ``hangup``."""

    caller: str | None = None
    keys: str | None = None
    silence: Literal[True] | None = None
    hangup: Literal[True] | None = None
    cut_at: str = ""
    answer: Answered | None = None


class TurnPlan(Model):
    """The numbers of turn-taking for this agent, in milliseconds."""

    endpointing: EndpointingPlan | None = None
    confirm_ms: int = 600
    confirm_words: int = 2
    resume_ms: int = 350
    stalled_ms: int = 2800
    idle_ms: int = 7000
    idle_prompts: int = 2
    tool_ms: int = 8000
    max_call_ms: int = 1800000
    max_turn_ms: int = 60000
    ahead: bool = True


class TurnPresets(Model):
    """All presets and all values."""

    presets: list[PresetView]
    values: list[ValueView]


class TurnView(Model):
    """A turn of the caller's and all that followed from it; the first is the agent's opening (``begin``)."""

    kind: Literal["begin", "caller", "keys", "silence", "hangup"]
    text: str
    answered_by: Literal["", "rules", "model", "plain", "policy"]
    why: str
    answer: Answered | None
    acts: list[dict[str, Any]]
    agent: list[SaidView]
    asks: str
    tools: list[RanView]
    reasons: list[ReasonView]
    refused: list[DeniedView]
    at: str
    stack: list[str]
    slots: dict[str, AgentsTrialsSlotView]
    transfer: str | None
    ended: bool
    digest: str


class ValueView(Model):
    """One number: what it does, and what raising and lowering it costs."""

    path: str
    field: str
    unit: Literal["ms", "words", "times", "score", "switch"]
    does: str
    higher: str
    lower: str
    low: float
    high: float


class VaultView(Model):
    """The installation's master keys, by the ids that they have in the settings."""

    current: str | None
    known: list[str]
    wrapped: dict[str, int]
    missing: list[str]


class VendorAccount(Sent):
    """A whole account: what is left out is empty. The key is always given again, so that no kept one can be sent to another
    address.
    """

    api_key: str | None = Field(default=None, repr=False)
    base_url: str | None = None
    region: str | None = None


class VendorAccountView(Model):
    """An account with a vendor, without its key."""

    vendor: str
    api_key: SecretView
    base_url: str | None
    region: str | None
    revision: int
    created_at: dt.datetime
    updated_at: dt.datetime


class VersionDetail(Model):
    """A version with its configuration."""

    number: int
    sha: str
    note: str
    restored_from: int | None
    published_at: dt.datetime
    published_by: str
    published_name: str
    live: bool
    config: AgentConfig


class VersionView(Model):
    """A version as lists show it."""

    number: int
    sha: str
    note: str
    restored_from: int | None
    published_at: dt.datetime
    published_by: str
    published_name: str
    live: bool


class Visit(Model):
    """What a page needs for one call: used up by it, or in two minutes."""

    token: str = Field(repr=False)
    offers: list[str]
    socket: str


class VoiceMessage(Model):
    """A message that the caller left after a tone, when the call could not go on. Its sound is at ``.../calls/{call}/voice-
    message``.
    """

    state: Literal["fetching", "here", "failed", "off"]
    fault: Literal["gone", "keys", "elsewhere", "too_large", "not_audio", "unreachable", "broken"] | None
    recording: str
    seconds: float
    left_at: dt.datetime
    settled_at: dt.datetime | None


class VoiceTestStart(Model):
    """The one-time token, shown this once, and where to bring it."""

    id: str
    agent_id: str
    version: int | None
    draft: int | None
    made_by: str
    created_at: dt.datetime
    expires_at: dt.datetime
    call_id: str | None
    token: str = Field(repr=False)
    page: str
    socket: str
    start: dict[str, Any]
    offers: list[str]


class VoiceTestView(Model):
    """A voice test. ``call_id`` is there once its call was begun."""

    id: str
    agent_id: str
    version: int | None
    draft: int | None
    made_by: str
    created_at: dt.datetime
    expires_at: dt.datetime
    call_id: str | None


class Wave(Model):
    """One side's waveform: the lowest and the highest value in each stretch of the call, -128 to 127."""

    name: Literal["caller", "agent"]
    min: list[int]
    max: list[int]


class Waveform(Model):
    """The waveform of a recording, to be drawn: each value stands for as much of the call as any other."""

    seconds: float
    resolution: int
    channels: list[Wave]


class WebhookChange(Sent):
    """What is left out stays as it is. An endpoint that is enabled again gets at once what has waited for it, in order."""

    url: str | None = None
    description: str | None = None
    event_types: (
        list[
            Literal[
                "call.started",
                "call.ended",
                "call.transferred",
                "call.transcribed",
                "call.analyzed",
                "lead.created",
                "appointment.created",
                "appointment.changed",
                "appointment.cancelled",
                "appointment.clash",
                "crm.sync.failed",
                "usage.threshold",
                "connection.expired",
                "outgoing.suspended",
                "webhook.disabled",
                "test",
            ]
        ]
        | None
    ) = None
    enabled: bool | None = None


class WebhookSecret(Model):
    """An endpoint with its new secret, which is shown this once."""

    id: str
    url: str
    description: str
    event_types: list[str] | None
    enabled: bool
    disabled_reason: Literal["hand", "failing", "gone"] | None
    disabled_at: dt.datetime | None
    waiting: int
    failing_since: dt.datetime | None
    last_failure_at: dt.datetime | None
    last_success_at: dt.datetime | None
    paused_until: dt.datetime | None
    old_secret_until: dt.datetime | None
    revision: int
    created_at: dt.datetime
    updated_at: dt.datetime
    secret: str = Field(repr=False)


class WebhookView(Model):
    """An endpoint as its tenant sees it, without its secret."""

    id: str
    url: str
    description: str
    event_types: list[str] | None
    enabled: bool
    disabled_reason: Literal["hand", "failing", "gone"] | None
    disabled_at: dt.datetime | None
    waiting: int
    failing_since: dt.datetime | None
    last_failure_at: dt.datetime | None
    last_success_at: dt.datetime | None
    paused_until: dt.datetime | None
    old_secret_until: dt.datetime | None
    revision: int
    created_at: dt.datetime
    updated_at: dt.datetime


class Week(Document):
    """Opening hours by weekday. A day without spans is closed."""

    monday: list[Span] = Field(default_factory=list)
    tuesday: list[Span] = Field(default_factory=list)
    wednesday: list[Span] = Field(default_factory=list)
    thursday: list[Span] = Field(default_factory=list)
    friday: list[Span] = Field(default_factory=list)
    saturday: list[Span] = Field(default_factory=list)
    sunday: list[Span] = Field(default_factory=list)


class WidgetChange(Sent):
    """What is given is changed."""

    agent_id: str | None = None
    origins: list[str] | None = None
    label: str | None = None
    enabled: bool | None = None
    per_minute: int | None = None
    per_day: int | None = None


class WidgetView(Model):
    """A call button. ``key`` is public; ``snippet`` is what goes into the page."""

    id: str
    agent_id: str
    key: str
    label: str
    origins: list[str]
    enabled: bool
    per_minute: int
    per_day: int
    revision: int
    created_at: dt.datetime
    updated_at: dt.datetime
    snippet: str = ""
