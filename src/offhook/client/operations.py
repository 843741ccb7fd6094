"""Operations of the orchestrator's interface. Made by ``scripts/client.py``; do not edit."""

from __future__ import annotations

import builtins
import datetime as dt
from typing import Any, Literal

from offhook.client.aio import AsyncFile, AsyncPages, AsyncSender
from offhook.client.base import File, Pages, Request, Sender, Tagged, part
from offhook.client.models import (
    Acceptance,
    AccountChange,
    AccountTest,
    AccountView,
    Again,
    AgentConfig,
    AgentView,
    Appointment,
    AppointmentChange,
    AppointmentDetail,
    Attach,
    AuditView,
    Authorize,
    BookingsSlotView,
    Call,
    CallDetail,
    CallResult,
    CheckBody,
    Checked,
    CheckView,
    Choosing,
    CodeIn,
    Commanded,
    Confirmation,
    Connection,
    ConsentView,
    ContactChange,
    ContactDetail,
    Copy,
    Corrections,
    CrmContact,
    DataKeyView,
    DeliveryDetail,
    DeliveryView,
    DiffView,
    Disconnected,
    DoNotCallView,
    DraftView,
    Duplicate,
    EndLiveCall,
    Erasing,
    ErasureView,
    EventTypeList,
    EventView,
    ExchangeView,
    ExportView,
    FieldMapping,
    FlagIn,
    Forgot,
    Invitation,
    Key,
    Lead,
    LeadChange,
    Leaving,
    LinesView,
    LiveCallView,
    Me,
    MediaToken,
    Member,
    Merge,
    MintedKey,
    Move,
    NewAccount,
    NewAgent,
    NewAppointment,
    NewConnection,
    NewConsent,
    NewContact,
    NewDoNotCall,
    NewMedia,
    NewNumber,
    NewOutgoing,
    NewPlatformMember,
    NewProvider,
    NewReseller,
    NewResellerKey,
    NewResellerMember,
    NewSetup,
    NewTenant,
    NewTenantKey,
    NewTenantMember,
    NewTrunk,
    NewVoiceTest,
    NewWebhook,
    NewWidget,
    NumberAtCarrier,
    NumberChange,
    NumbersAtCarrier,
    NumberView,
    Offered,
    OpenInvitation,
    OutgoingView,
    OwnClient,
    OwnClients,
    OwnClientView,
    Paperwork,
    PasswordChange,
    PasswordIn,
    PersonChange,
    Preview,
    Previewed,
    Provider,
    ProviderChange,
    Publish,
    Reconnect,
    RecoveryCodes,
    Replayed,
    ReplayRange,
    ResellerChange,
    ResellerRoleChange,
    ResellerView,
    Reset,
    RotateSecret,
    RotateVendorKey,
    SayLine,
    ScriptBody,
    ScriptView,
    SessionView,
    Setting,
    SettingView,
    Share,
    SignedIn,
    SignIn,
    Systems,
    TemplateDetail,
    TemplateView,
    TenantChange,
    TenantLimits,
    TenantRoleChange,
    TenantView,
    Tested,
    TextTest,
    TextTestResult,
    TollLimits,
    TollView,
    TotpCode,
    TotpDisable,
    TotpEnrolment,
    Transcript,
    TransferCall,
    TrunkChange,
    TrunkView,
    TurnPresets,
    VaultView,
    VendorAccount,
    VendorAccountView,
    VersionDetail,
    VersionView,
    Visit,
    VoiceTestStart,
    VoiceTestView,
    Waveform,
    WebhookChange,
    WebhookSecret,
    WebhookView,
    WidgetChange,
    WidgetView,
)


class AgentsGroup:
    """Operations on agents."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list_templates(self) -> builtins.list[TemplateView]:
        """Examples to begin an agent with."""
        request = Request("GET", "/v1/agent-templates")
        return self._sender.value(request, builtins.list[TemplateView])

    def show_template(self, template: str) -> TemplateDetail:
        """An example with its configuration, and its script as text."""
        request = Request("GET", f"/v1/agent-templates/{part(template)}")
        return self._sender.value(request, TemplateDetail)

    def list(self, tenant: str, *, archived: bool | None = None, limit: int | None = None, cursor: str | None = None) -> Pages[AgentView]:
        """The tenant's agents, newest first."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/agents", query={"archived": archived, "limit": limit, "cursor": cursor})
        return self._sender.pages(request, AgentView)

    def create(self, tenant: str, body: NewAgent, *, idempotency_key: str | None = None) -> AgentView:
        """Make an agent, with a draft that is still to be published."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/agents", body=body, once=True, key=idempotency_key)
        return self._sender.value(request, AgentView)

    def check(self, tenant: str, body: CheckBody) -> CheckView:
        """Say what is wrong with a document, of which nothing is stored."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/agents/check", body=body)
        return self._sender.value(request, CheckView)

    def show(self, tenant: str, agent: str) -> AgentView:
        """An agent; its ETag is needed to change it, its draft included."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/agents/{part(agent)}")
        return self._sender.value(request, AgentView)

    def archive(self, tenant: str, agent: str, *, if_match: str) -> Tagged[AgentView]:
        """Take an agent out of use; refused while a number rings it. Its versions and calls stay."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/agents/{part(agent)}/archive", headers={"If-Match": if_match})
        return self._sender.tagged(request, AgentView)

    def diff_versions(self, tenant: str, agent: str, *, before: str | None = None, after: str | None = None) -> DiffView:
        """What differs between two versions, or a version and the draft."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/agents/{part(agent)}/diff", query={"before": before, "after": after})
        return self._sender.value(request, DiffView)

    def show_draft(self, tenant: str, agent: str) -> Tagged[DraftView]:
        """What is being worked on, and what is wrong with it."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/agents/{part(agent)}/draft")
        return self._sender.tagged(request, DraftView)

    def replace_draft(
        self, tenant: str, agent: str, body: AgentConfig, *, if_match: str, unfinished: bool | None = None
    ) -> Tagged[DraftView]:
        """Put a document in the draft's place. One that could not be published is refused with all its faults, unless
        ``unfinished``.
        """
        request = Request(
            "PUT",
            f"/v1/tenants/{part(tenant)}/agents/{part(agent)}/draft",
            query={"unfinished": unfinished},
            headers={"If-Match": if_match},
            body=body,
        )
        return self._sender.tagged(request, DraftView)

    def change_draft(
        self, tenant: str, agent: str, body: builtins.dict[str, Any], *, if_match: str, unfinished: bool | None = None
    ) -> Tagged[DraftView]:
        """Change parts of the draft, as a JSON Merge Patch (RFC 7396) does."""
        request = Request(
            "PATCH",
            f"/v1/tenants/{part(tenant)}/agents/{part(agent)}/draft",
            query={"unfinished": unfinished},
            headers={"If-Match": if_match},
            body=body,
        )
        return self._sender.tagged(request, DraftView)

    def show_draft_script(self, tenant: str, agent: str) -> Tagged[ScriptView]:
        """The draft's script, as text and as a document."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/agents/{part(agent)}/draft/script")
        return self._sender.tagged(request, ScriptView)

    def replace_draft_script(
        self, tenant: str, agent: str, body: ScriptBody, *, if_match: str, unfinished: bool | None = None
    ) -> Tagged[ScriptView]:
        """Put a script in the place of the draft's. Faults have the path of the field and, in a text, its line."""
        request = Request(
            "PUT",
            f"/v1/tenants/{part(tenant)}/agents/{part(agent)}/draft/script",
            query={"unfinished": unfinished},
            headers={"If-Match": if_match},
            body=body,
        )
        return self._sender.tagged(request, ScriptView)

    def duplicate(self, tenant: str, agent: str, body: Duplicate, *, idempotency_key: str | None = None) -> AgentView:
        """Make a new agent with the draft of this one."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/agents/{part(agent)}/duplicate", body=body, once=True, key=idempotency_key)
        return self._sender.value(request, AgentView)

    def publish(
        self, tenant: str, agent: str, body: Publish, *, if_match: str, idempotency_key: str | None = None
    ) -> Tagged[VersionDetail]:
        """Make a version of the draft, which takes calls from now on. Calls that are under way go on with theirs."""
        request = Request(
            "POST",
            f"/v1/tenants/{part(tenant)}/agents/{part(agent)}/publish",
            headers={"If-Match": if_match},
            body=body,
            once=True,
            key=idempotency_key,
        )
        return self._sender.tagged(request, VersionDetail)

    def run_text_test(self, tenant: str, agent: str, body: TextTest) -> TextTestResult:
        """Talk to an agent by text: its draft, a version, or a document. The whole conversation is played each time, nothing is
        stored.
        """
        request = Request("POST", f"/v1/tenants/{part(tenant)}/agents/{part(agent)}/text-tests", body=body)
        return self._sender.value(request, TextTestResult)

    def unarchive(self, tenant: str, agent: str, *, if_match: str) -> Tagged[AgentView]:
        """Bring an agent back into use, as it was."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/agents/{part(agent)}/unarchive", headers={"If-Match": if_match})
        return self._sender.tagged(request, AgentView)

    def list_versions(self, tenant: str, agent: str, *, limit: int | None = None, cursor: str | None = None) -> Pages[VersionView]:
        """An agent's versions, newest first."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/agents/{part(agent)}/versions", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, VersionView)

    def show_version(self, tenant: str, agent: str, number: int) -> VersionDetail:
        """A version with its configuration."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/agents/{part(agent)}/versions/{part(number)}")
        return self._sender.value(request, VersionDetail)

    def restore_version(
        self, tenant: str, agent: str, number: int, body: Publish, *, if_match: str, idempotency_key: str | None = None
    ) -> Tagged[VersionDetail]:
        """Publish an old version's configuration once more, as a new version. The draft follows unless it holds changes of its
        own.
        """
        request = Request(
            "POST",
            f"/v1/tenants/{part(tenant)}/agents/{part(agent)}/versions/{part(number)}/restore",
            headers={"If-Match": if_match},
            body=body,
            once=True,
            key=idempotency_key,
        )
        return self._sender.tagged(request, VersionDetail)

    def start_voice_test(self, tenant: str, agent: str, body: NewVoiceTest) -> VoiceTestStart:
        """A one-time token for a call by voice with the draft, a version or a document, as it is now. It is shown this once."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/agents/{part(agent)}/voice-tests", body=body)
        return self._sender.value(request, VoiceTestStart)

    def show_voice_test(self, tenant: str, agent: str, test: str) -> VoiceTestView:
        """A voice test: whether its call was begun, and which one it is. Forgotten a day after its token has expired."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/agents/{part(agent)}/voice-tests/{part(test)}")
        return self._sender.value(request, VoiceTestView)

    def list_turn_presets(self) -> TurnPresets:
        """Turn-taking by use case, and what each number does: what raising and lowering it costs."""
        request = Request("GET", "/v1/turn-presets")
        return self._sender.value(request, TurnPresets)


class AppointmentsGroup:
    """Operations on appointments."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list_slots(
        self, tenant: str, agent: str, *, from_: dt.datetime, to: dt.datetime, staff: str | None = None, limit: int | None = None
    ) -> builtins.list[BookingsSlotView]:
        """Visits that an agent could offer to a caller now: in its opening hours, at the tenant's notice, with somebody free."""
        request = Request(
            "GET", f"/v1/tenants/{part(tenant)}/agents/{part(agent)}/slots", query={"from": from_, "to": to, "staff": staff, "limit": limit}
        )
        return self._sender.value(request, builtins.list[BookingsSlotView])

    def list(
        self,
        tenant: str,
        *,
        from_: dt.datetime | None = None,
        to: dt.datetime | None = None,
        staff: str | None = None,
        status: Literal["booked", "cancelled"] | None = None,
        order: Literal["latest", "soonest"] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Pages[Appointment]:
        """The tenant's diary: all of it, or what begins in a window of time."""
        request = Request(
            "GET",
            f"/v1/tenants/{part(tenant)}/appointments",
            query={"from": from_, "to": to, "staff": staff, "status": status, "order": order, "limit": limit, "cursor": cursor},
        )
        return self._sender.pages(request, Appointment)

    def create(self, tenant: str, body: NewAppointment, *, idempotency_key: str | None = None) -> Appointment:
        """Book a visit for a contact. A time that is taken, here or in another calendar of the tenant's, is refused, whoever
        else is just booking it.
        """
        request = Request("POST", f"/v1/tenants/{part(tenant)}/appointments", body=body, once=True, key=idempotency_key)
        return self._sender.value(request, Appointment)

    def show(self, tenant: str, appointment: str) -> Tagged[AppointmentDetail]:
        """An appointment and all that was done to it; its ETag is needed to change it."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/appointments/{part(appointment)}")
        return self._sender.tagged(request, AppointmentDetail)

    def change(self, tenant: str, appointment: str, body: AppointmentChange, *, if_match: str) -> Tagged[Appointment]:
        """Move an appointment, or change what is noted of it. It is moved in the tenant's other calendars too."""
        request = Request(
            "PATCH", f"/v1/tenants/{part(tenant)}/appointments/{part(appointment)}", headers={"If-Match": if_match}, body=body
        )
        return self._sender.tagged(request, Appointment)

    def cancel(self, tenant: str, appointment: str, *, if_match: str, idempotency_key: str | None = None) -> Tagged[Appointment]:
        """Cancel an appointment: its time is free again, and it stays in the diary as cancelled. Harmless when it is cancelled
        already.
        """
        request = Request(
            "POST",
            f"/v1/tenants/{part(tenant)}/appointments/{part(appointment)}/cancel",
            headers={"If-Match": if_match},
            once=True,
            key=idempotency_key,
        )
        return self._sender.tagged(request, Appointment)

    def list_copies(self, tenant: str, appointment: str) -> builtins.list[Copy]:
        """An appointment in other systems: whether it is written there, and what stands in the way."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/appointments/{part(appointment)}/copies")
        return self._sender.value(request, builtins.list[Copy])

    def write_again(self, tenant: str, appointment: str, connection: str, *, idempotency_key: str | None = None) -> Copy:
        """Have an appointment written to a system that did not take it, now."""
        request = Request(
            "POST",
            f"/v1/tenants/{part(tenant)}/appointments/{part(appointment)}/copies/{part(connection)}/again",
            once=True,
            key=idempotency_key,
        )
        return self._sender.value(request, Copy)


class AuditGroup:
    """Operations on audit."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list_platform(
        self,
        *,
        actor: str | None = None,
        action: str | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Pages[AuditView]:
        """Who did what on the platform, newest first; resellers and tenants have logs of their own."""
        request = Request(
            "GET", "/v1/audit", query={"actor": actor, "action": action, "since": since, "until": until, "limit": limit, "cursor": cursor}
        )
        return self._sender.pages(request, AuditView)

    def check_platform(self) -> Checked:
        """Whether every row of the log is as it was written, and none is missing."""
        request = Request("GET", "/v1/audit/check")
        return self._sender.value(request, Checked)

    def list_reseller(
        self,
        reseller: str,
        *,
        actor: str | None = None,
        action: str | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Pages[AuditView]:
        """Who did what with the reseller itself, newest first; its tenants have logs of their own."""
        request = Request(
            "GET",
            f"/v1/resellers/{part(reseller)}/audit",
            query={"actor": actor, "action": action, "since": since, "until": until, "limit": limit, "cursor": cursor},
        )
        return self._sender.pages(request, AuditView)

    def check_reseller(self, reseller: str) -> Checked:
        """Whether every row of the log is as it was written, and none is missing."""
        request = Request("GET", f"/v1/resellers/{part(reseller)}/audit/check")
        return self._sender.value(request, Checked)

    def list_tenant(
        self,
        tenant: str,
        *,
        actor: str | None = None,
        action: str | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Pages[AuditView]:
        """Who did what in the tenant, newest first."""
        request = Request(
            "GET",
            f"/v1/tenants/{part(tenant)}/audit",
            query={"actor": actor, "action": action, "since": since, "until": until, "limit": limit, "cursor": cursor},
        )
        return self._sender.pages(request, AuditView)

    def check_tenant(self, tenant: str) -> Checked:
        """Whether every row of the log is as it was written, and none is missing."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/audit/check")
        return self._sender.value(request, Checked)


class CallsGroup:
    """Operations on calls."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list(
        self,
        tenant: str,
        *,
        state: Literal["planned", "live", "ended"] | None = None,
        outcome: str | None = None,
        agent: str | None = None,
        number: str | None = None,
        caller: str | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        test: bool | None = None,
        slow: bool | None = None,
        longer: int | None = None,
        shorter: int | None = None,
        q: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Pages[Call]:
        """A tenant's calls, the latest first."""
        request = Request(
            "GET",
            f"/v1/tenants/{part(tenant)}/calls",
            query={
                "state": state,
                "outcome": outcome,
                "agent": agent,
                "number": number,
                "caller": caller,
                "since": since,
                "until": until,
                "test": test,
                "slow": slow,
                "longer": longer,
                "shorter": shorter,
                "q": q,
                "limit": limit,
                "cursor": cursor,
            },
        )
        return self._sender.pages(request, Call)

    def show(self, tenant: str, call: str) -> CallDetail:
        """A call with its turns, tools, result and what was booked."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/calls/{part(call)}")
        return self._sender.value(request, CallDetail)

    def delete(self, tenant: str, call: str) -> None:
        """Delete a call for ever, with its recording, its trace and all that was said in it. What it booked stays."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}/calls/{part(call)}")
        self._sender.nothing(request)

    def flag(self, tenant: str, call: str, body: FlagIn) -> None:
        """Mark a call for the team, with why."""
        request = Request("PUT", f"/v1/tenants/{part(tenant)}/calls/{part(call)}/flag", body=body)
        self._sender.nothing(request)

    def unflag(self, tenant: str, call: str) -> None:
        """Take the mark away."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}/calls/{part(call)}/flag")
        self._sender.nothing(request)

    def show_paperwork(self, tenant: str, call: str) -> Paperwork:
        """What the call became in each connected system, with links to it there."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/calls/{part(call)}/paperwork")
        return self._sender.value(request, Paperwork)

    def send_paperwork_again(self, tenant: str, call: str, body: Again) -> Paperwork:
        """Write what was given up, and at once what waits. Nothing is written twice."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/calls/{part(call)}/paperwork/again", body=body)
        return self._sender.value(request, Paperwork)

    def correct_result(self, tenant: str, call: str, body: Corrections) -> CallResult:
        """Put right what was heard wrong. What other systems were told already stays as it is there. 409 before there is a
        result.
        """
        request = Request("PATCH", f"/v1/tenants/{part(tenant)}/calls/{part(call)}/result", body=body)
        return self._sender.value(request, CallResult)

    def share(self, tenant: str, call: str) -> Share:
        """A link to a page with the call's words and result, for whoever has it: good for seven days."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/calls/{part(call)}/shares")
        return self._sender.value(request, Share)

    def revoke_shares(self, tenant: str, call: str) -> None:
        """End all links to this call."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}/calls/{part(call)}/shares")
        self._sender.nothing(request)

    def show_transcript(self, tenant: str, call: str, *, format: Literal["json", "vtt", "text"] | None = None) -> Transcript:
        """What was said in a call, and what the agent was cut off from saying: as JSON, as WebVTT, or as plain text."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/calls/{part(call)}/transcript", query={"format": format})
        return self._sender.value(request, Transcript)


class ConnectionsGroup:
    """Operations on connections."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list_oauth_clients(self, reseller: str) -> OwnClients:
        """The reseller's own clients with systems, without their secrets, and the address to give the systems."""
        request = Request("GET", f"/v1/resellers/{part(reseller)}/oauth-clients")
        return self._sender.value(request, OwnClients)

    def put_oauth_client(
        self, reseller: str, kind: str, name: str, body: OwnClient, *, if_match: str, idempotency_key: str | None = None
    ) -> Tagged[OwnClientView]:
        """Keep the reseller's client with a system: its tenants then sign in there by it."""
        request = Request(
            "PUT",
            f"/v1/resellers/{part(reseller)}/oauth-clients/{part(kind)}/{part(name)}",
            headers={"If-Match": if_match},
            body=body,
            once=True,
            key=idempotency_key,
        )
        return self._sender.tagged(request, OwnClientView)

    def delete_oauth_client(self, reseller: str, kind: str, name: str, *, if_match: str) -> None:
        """Drop a client with its secret. Connections that were made by it end when their tokens do."""
        request = Request(
            "DELETE", f"/v1/resellers/{part(reseller)}/oauth-clients/{part(kind)}/{part(name)}", headers={"If-Match": if_match}
        )
        self._sender.nothing(request)

    def list(self, tenant: str, *, limit: int | None = None, cursor: str | None = None) -> Pages[Connection]:
        """The tenant's connections, the newest first, and how they do."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/connections", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, Connection)

    def create(self, tenant: str, body: NewConnection, *, idempotency_key: str | None = None) -> Connection:
        """Connect a system by its key. It is asked whose account it is before anything is kept."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/connections", body=body, once=True, key=idempotency_key)
        return self._sender.value(request, Connection)

    def authorize(self, tenant: str, body: Authorize) -> Leaving:
        """Begin to connect a system by signing in there: for a person, who finishes it in the same browser."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/connections/authorize", body=body)
        return self._sender.value(request, Leaving)

    def show(self, tenant: str, connection: str) -> Connection:
        """A connection without its secrets; its ETag is needed to change it."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/connections/{part(connection)}")
        return self._sender.value(request, Connection)

    def list_choices(self, tenant: str, connection: str) -> Offered:
        """What the system has to choose from: its staff, calendars, pipelines."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/connections/{part(connection)}/choices")
        return self._sender.value(request, Offered)

    def choose_for(self, tenant: str, connection: str, body: Choosing, *, if_match: str) -> Tagged[Connection]:
        """Say what is used of the system, all of it: by chooser, or by ``staff/<name>`` for one of the diary's staff."""
        request = Request(
            "PUT", f"/v1/tenants/{part(tenant)}/connections/{part(connection)}/chosen", headers={"If-Match": if_match}, body=body
        )
        return self._sender.tagged(request, Connection)

    def disconnect(self, tenant: str, connection: str, *, if_match: str) -> Tagged[Disconnected]:
        """Switch a connection off: its key or tokens are deleted here, and revoked at the system where that can be done."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/connections/{part(connection)}/disconnect", headers={"If-Match": if_match})
        return self._sender.tagged(request, Disconnected)

    def list_exchanges(self, tenant: str, connection: str, *, limit: int | None = None, cursor: str | None = None) -> Pages[ExchangeView]:
        """What was said to the system and what came back, the newest first: hashes of the bodies, for support."""
        request = Request(
            "GET", f"/v1/tenants/{part(tenant)}/connections/{part(connection)}/exchanges", query={"limit": limit, "cursor": cursor}
        )
        return self._sender.pages(request, ExchangeView)

    def map_fields(self, tenant: str, connection: str, body: FieldMapping, *, if_match: str) -> Tagged[Connection]:
        """Say which of the system's fields are filled from where in a call's result, all of them."""
        request = Request(
            "PUT", f"/v1/tenants/{part(tenant)}/connections/{part(connection)}/mapping", headers={"If-Match": if_match}, body=body
        )
        return self._sender.tagged(request, Connection)

    def preview_mapping(self, tenant: str, connection: str, body: Preview) -> Previewed:
        """What the system's fields would get of a past call. Nothing is written."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/connections/{part(connection)}/mapping/preview", body=body)
        return self._sender.value(request, Previewed)

    def reconnect(self, tenant: str, connection: str, body: Reconnect, *, idempotency_key: str | None = None) -> Connection:
        """Connect the same account again by its key: what was chosen stays, and what has waited is written."""
        request = Request(
            "POST", f"/v1/tenants/{part(tenant)}/connections/{part(connection)}/reconnect", body=body, once=True, key=idempotency_key
        )
        return self._sender.value(request, Connection)

    def test(self, tenant: str, connection: str) -> Tested:
        """Ask the system, now, whose account it is."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/connections/{part(connection)}/test")
        return self._sender.value(request, Tested)

    def list_systems(self, tenant: str) -> Systems:
        """The systems that can be connected, with the forms that connect them."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/systems")
        return self._sender.value(request, Systems)


class ContactsGroup:
    """Operations on contacts."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list(self, tenant: str, *, q: str | None = None, limit: int | None = None, cursor: str | None = None) -> Pages[CrmContact]:
        """The tenant's contacts, newest first; all, or those that fit a search."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/contacts", query={"q": q, "limit": limit, "cursor": cursor})
        return self._sender.pages(request, CrmContact)

    def create(self, tenant: str, body: NewContact, *, idempotency_key: str | None = None) -> CrmContact:
        """Make a contact. A phone number is one contact's only."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/contacts", body=body, once=True, key=idempotency_key)
        return self._sender.value(request, CrmContact)

    def show(self, tenant: str, contact: str) -> Tagged[ContactDetail]:
        """A contact with the newest of its calls, visits, leads and messages; its ETag is needed to change it."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/contacts/{part(contact)}")
        return self._sender.tagged(request, ContactDetail)

    def change(self, tenant: str, contact: str, body: ContactChange, *, if_match: str) -> Tagged[CrmContact]:
        """Change what is given of a contact."""
        request = Request("PATCH", f"/v1/tenants/{part(tenant)}/contacts/{part(contact)}", headers={"If-Match": if_match}, body=body)
        return self._sender.tagged(request, CrmContact)

    def delete(self, tenant: str, contact: str, *, if_match: str) -> None:
        """Forget a contact with numbers, leads and messages; past visits stay in the diary without anything personal."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}/contacts/{part(contact)}", headers={"If-Match": if_match})
        self._sender.nothing(request)

    def merge(self, tenant: str, contact: str, body: Merge, *, idempotency_key: str | None = None) -> CrmContact:
        """Make one contact of two who are the same person. Calls, visits, leads, messages and numbers of the other come to this
        one.
        """
        request = Request("POST", f"/v1/tenants/{part(tenant)}/contacts/{part(contact)}/merge", body=body, once=True, key=idempotency_key)
        return self._sender.value(request, CrmContact)


class HealthGroup:
    """Operations on health."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def healthz(self) -> builtins.dict[str, str]:
        """Whether the app and its database work."""
        request = Request("GET", "/healthz")
        return self._sender.value(request, builtins.dict[str, str])


class KeysGroup:
    """Operations on keys."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list_reseller(self, reseller: str, *, limit: int | None = None, cursor: str | None = None) -> Pages[Key]:
        """The reseller's own keys, the newest first."""
        request = Request("GET", f"/v1/resellers/{part(reseller)}/keys", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, Key)

    def create_reseller(self, reseller: str, body: NewResellerKey) -> MintedKey:
        """Make a key for the reseller and all its tenants. Its secret is shown this once."""
        request = Request("POST", f"/v1/resellers/{part(reseller)}/keys", body=body)
        return self._sender.value(request, MintedKey)

    def show_reseller(self, reseller: str, key: str) -> Key:
        """A key."""
        request = Request("GET", f"/v1/resellers/{part(reseller)}/keys/{part(key)}")
        return self._sender.value(request, Key)

    def revoke_reseller(self, reseller: str, key: str) -> None:
        """Revoke a key, at once and for good."""
        request = Request("DELETE", f"/v1/resellers/{part(reseller)}/keys/{part(key)}")
        self._sender.nothing(request)

    def list_tenant(self, tenant: str, *, limit: int | None = None, cursor: str | None = None) -> Pages[Key]:
        """The tenant's keys, the newest first."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/keys", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, Key)

    def create_tenant(self, tenant: str, body: NewTenantKey) -> MintedKey:
        """Make a key. Its secret is shown this once; it may do no more than you may."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/keys", body=body)
        return self._sender.value(request, MintedKey)

    def show_tenant(self, tenant: str, key: str) -> Key:
        """A key."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/keys/{part(key)}")
        return self._sender.value(request, Key)

    def revoke_tenant(self, tenant: str, key: str) -> None:
        """Revoke a key, at once and for good."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}/keys/{part(key)}")
        self._sender.nothing(request)


class LeadsGroup:
    """Operations on leads."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list(
        self,
        tenant: str,
        *,
        status: Literal["new", "callback", "booked", "contacted", "won", "lost"] | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Pages[Lead]:
        """The tenant's leads, newest first."""
        request = Request(
            "GET",
            f"/v1/tenants/{part(tenant)}/leads",
            query={"status": status, "since": since, "until": until, "limit": limit, "cursor": cursor},
        )
        return self._sender.pages(request, Lead)

    def show(self, tenant: str, lead: str) -> Tagged[Lead]:
        """A lead; its ETag is needed to change it."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/leads/{part(lead)}")
        return self._sender.tagged(request, Lead)

    def change(self, tenant: str, lead: str, body: LeadChange, *, if_match: str) -> Tagged[Lead]:
        """Say how far a lead has come, who looks after it, and what there is to note."""
        request = Request("PATCH", f"/v1/tenants/{part(tenant)}/leads/{part(lead)}", headers={"If-Match": if_match}, body=body)
        return self._sender.tagged(request, Lead)


class LiveCallsGroup:
    """Operations on live calls."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list(self, tenant: str, *, limit: int | None = None, cursor: str | None = None) -> Pages[LiveCallView]:
        """The tenant's calls that are under way, the latest first, with what was said last."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/live-calls", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, LiveCallView)

    def watch(self, tenant: str) -> File:
        """News of the tenant's live calls, as they happen: a stream of server-sent events for EventSource."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/live-calls/events")
        return self._sender.file(request)

    def end(self, tenant: str, call: str, body: EndLiveCall, *, idempotency_key: str | None = None) -> Commanded:
        """End the call: after a last line, or at once. A caller who speaks up during that line has the conversation back."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/live-calls/{part(call)}/end", body=body, once=True, key=idempotency_key)
        return self._sender.value(request, Commanded)

    def say(self, tenant: str, call: str, body: SayLine, *, idempotency_key: str | None = None) -> Commanded:
        """Have the agent say something, word for word, at the next moment at which nobody is speaking."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/live-calls/{part(call)}/say", body=body, once=True, key=idempotency_key)
        return self._sender.value(request, Commanded)

    def transfer(self, tenant: str, call: str, body: TransferCall, *, idempotency_key: str | None = None) -> Commanded:
        """Put the caller through to one of the agent's transfer targets, once the agent has said what it is saying."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/live-calls/{part(call)}/transfer", body=body, once=True, key=idempotency_key)
        return self._sender.value(request, Commanded)


class MeGroup:
    """Operations on me."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def show(self) -> Me:
        """Who asks, and what they may do where."""
        request = Request("GET", "/v1/me")
        return self._sender.value(request, Me)

    def change(self, body: PersonChange) -> Me:
        """Change one's name."""
        request = Request("PATCH", "/v1/me", body=body)
        return self._sender.value(request, Me)

    def change_password(self, body: PasswordChange) -> None:
        """Change one's password; ends all other sessions."""
        request = Request("POST", "/v1/me/password", body=body)
        self._sender.nothing(request)

    def list_sessions(self) -> builtins.list[SessionView]:
        """Where one is signed in; the last used first."""
        request = Request("GET", "/v1/me/sessions")
        return self._sender.value(request, builtins.list[SessionView])

    def end_session(self, session: str) -> None:
        """Sign out there."""
        request = Request("DELETE", f"/v1/me/sessions/{part(session)}")
        self._sender.nothing(request)

    def enrol_totp(self, body: PasswordIn) -> TotpEnrolment:
        """Begin with one-time codes: a secret for an app. In force once confirmed."""
        request = Request("POST", "/v1/me/totp", body=body)
        return self._sender.value(request, TotpEnrolment)

    def confirm_totp(self, body: TotpCode) -> RecoveryCodes:
        """Put one-time codes in force by a first code; the recovery codes are shown this once. Ends all other sessions."""
        request = Request("POST", "/v1/me/totp/confirm", body=body)
        return self._sender.value(request, RecoveryCodes)

    def disable_totp(self, body: TotpDisable) -> None:
        """No one-time codes any more."""
        request = Request("POST", "/v1/me/totp/disable", body=body)
        self._sender.nothing(request)


class MembersGroup:
    """Operations on members."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list_platform_invitations(self, *, limit: int | None = None, cursor: str | None = None) -> Pages[Invitation]:
        """Invitations to run the platform that nobody has taken yet; the newest first."""
        request = Request("GET", "/v1/invitations", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, Invitation)

    def revoke_platform_invitation(self, invitation: str) -> None:
        """Take an invitation back."""
        request = Request("DELETE", f"/v1/invitations/{part(invitation)}")
        self._sender.nothing(request)

    def list_platform(self, *, limit: int | None = None, cursor: str | None = None) -> Pages[Member]:
        """Who runs the platform; the newest first."""
        request = Request("GET", "/v1/members", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, Member)

    def invite_platform(self, body: NewPlatformMember, *, idempotency_key: str | None = None) -> Invitation:
        """Invite somebody by mail to run the platform."""
        request = Request("POST", "/v1/members", body=body, once=True, key=idempotency_key)
        return self._sender.value(request, Invitation)

    def show_platform(self, member: str) -> Member:
        """A member."""
        request = Request("GET", f"/v1/members/{part(member)}")
        return self._sender.value(request, Member)

    def remove_platform(self, member: str) -> None:
        """Remove a member. The last one stays."""
        request = Request("DELETE", f"/v1/members/{part(member)}")
        self._sender.nothing(request)

    def list_reseller_invitations(self, reseller: str, *, limit: int | None = None, cursor: str | None = None) -> Pages[Invitation]:
        """Invitations that nobody has taken yet; the newest first."""
        request = Request("GET", f"/v1/resellers/{part(reseller)}/invitations", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, Invitation)

    def revoke_reseller_invitation(self, reseller: str, invitation: str) -> None:
        """Take an invitation back."""
        request = Request("DELETE", f"/v1/resellers/{part(reseller)}/invitations/{part(invitation)}")
        self._sender.nothing(request)

    def list_reseller(self, reseller: str, *, limit: int | None = None, cursor: str | None = None) -> Pages[Member]:
        """Who may do what in this reseller and all its tenants; the newest first."""
        request = Request("GET", f"/v1/resellers/{part(reseller)}/members", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, Member)

    def invite_reseller(self, reseller: str, body: NewResellerMember, *, idempotency_key: str | None = None) -> Invitation:
        """Invite somebody by mail."""
        request = Request("POST", f"/v1/resellers/{part(reseller)}/members", body=body, once=True, key=idempotency_key)
        return self._sender.value(request, Invitation)

    def show_reseller(self, reseller: str, member: str) -> Member:
        """A member."""
        request = Request("GET", f"/v1/resellers/{part(reseller)}/members/{part(member)}")
        return self._sender.value(request, Member)

    def change_reseller(self, reseller: str, member: str, body: ResellerRoleChange) -> Member:
        """Give a member another role."""
        request = Request("PATCH", f"/v1/resellers/{part(reseller)}/members/{part(member)}", body=body)
        return self._sender.value(request, Member)

    def remove_reseller(self, reseller: str, member: str) -> None:
        """Remove a member."""
        request = Request("DELETE", f"/v1/resellers/{part(reseller)}/members/{part(member)}")
        self._sender.nothing(request)

    def list_tenant_invitations(self, tenant: str, *, limit: int | None = None, cursor: str | None = None) -> Pages[Invitation]:
        """Invitations that nobody has taken yet; the newest first."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/invitations", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, Invitation)

    def revoke_tenant_invitation(self, tenant: str, invitation: str) -> None:
        """Take an invitation back."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}/invitations/{part(invitation)}")
        self._sender.nothing(request)

    def list_tenant(self, tenant: str, *, limit: int | None = None, cursor: str | None = None) -> Pages[Member]:
        """Who may do what in this tenant; the newest first. Its reseller's people are not among them."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/members", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, Member)

    def invite_tenant(self, tenant: str, body: NewTenantMember, *, idempotency_key: str | None = None) -> Invitation:
        """Invite somebody by mail; they are a member once they accept. Nobody gives a role above their own."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/members", body=body, once=True, key=idempotency_key)
        return self._sender.value(request, Invitation)

    def show_tenant(self, tenant: str, member: str) -> Member:
        """A member."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/members/{part(member)}")
        return self._sender.value(request, Member)

    def change_tenant(self, tenant: str, member: str, body: TenantRoleChange) -> Member:
        """Give a member another role. The last owner stays one."""
        request = Request("PATCH", f"/v1/tenants/{part(tenant)}/members/{part(member)}", body=body)
        return self._sender.value(request, Member)

    def remove_tenant(self, tenant: str, member: str) -> None:
        """Remove a member; at once, wherever they are signed in. The last owner stays."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}/members/{part(member)}")
        self._sender.nothing(request)


class NumbersGroup:
    """Operations on numbers."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list_call_buttons(self, tenant: str, *, limit: int | None = None, cursor: str | None = None) -> Pages[WidgetView]:
        """The tenant's call buttons, newest first."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/call-buttons", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, WidgetView)

    def create_call_button(self, tenant: str, body: NewWidget, *, idempotency_key: str | None = None) -> WidgetView:
        """Make a call button for the pages of some origins."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/call-buttons", body=body, once=True, key=idempotency_key)
        return self._sender.value(request, WidgetView)

    def show_call_button(self, tenant: str, button: str) -> Tagged[WidgetView]:
        """A call button, with what goes into the page; its ETag is needed to change it."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/call-buttons/{part(button)}")
        return self._sender.tagged(request, WidgetView)

    def change_call_button(self, tenant: str, button: str, body: WidgetChange, *, if_match: str) -> Tagged[WidgetView]:
        """Change what is given of a call button. Calls that were begun with it go on."""
        request = Request("PATCH", f"/v1/tenants/{part(tenant)}/call-buttons/{part(button)}", headers={"If-Match": if_match}, body=body)
        return self._sender.tagged(request, WidgetView)

    def delete_call_button(self, tenant: str, button: str, *, if_match: str) -> None:
        """Drop a call button: pages that still have it call nobody."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}/call-buttons/{part(button)}", headers={"If-Match": if_match})
        self._sender.nothing(request)

    def list_carrier_accounts(self, tenant: str, *, limit: int | None = None, cursor: str | None = None) -> Pages[AccountView]:
        """The tenant's accounts with carriers, newest first, without their secrets."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/carrier-accounts", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, AccountView)

    def create_carrier_account(self, tenant: str, body: NewAccount, *, idempotency_key: str | None = None) -> AccountView:
        """Keep an account with a carrier. Its secrets are sealed and do not come out again."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/carrier-accounts", body=body, once=True, key=idempotency_key)
        return self._sender.value(request, AccountView)

    def show_carrier_account(self, tenant: str, account: str) -> Tagged[AccountView]:
        """An account without its secrets; its ETag is needed to change it."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/carrier-accounts/{part(account)}")
        return self._sender.tagged(request, AccountView)

    def change_carrier_account(self, tenant: str, account: str, body: AccountChange, *, if_match: str) -> Tagged[AccountView]:
        """Change what is given of an account."""
        request = Request(
            "PATCH", f"/v1/tenants/{part(tenant)}/carrier-accounts/{part(account)}", headers={"If-Match": if_match}, body=body
        )
        return self._sender.tagged(request, AccountView)

    def delete_carrier_account(self, tenant: str, account: str, *, if_match: str) -> None:
        """Drop an account with its secrets, once no number belongs to it."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}/carrier-accounts/{part(account)}", headers={"If-Match": if_match})
        self._sender.nothing(request)

    def list_at_carrier(self, tenant: str, account: str) -> NumbersAtCarrier:
        """The numbers that the account has at its carrier, now, and whether they ring here."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/carrier-accounts/{part(account)}/numbers")
        return self._sender.value(request, NumbersAtCarrier)

    def attach_at_carrier(self, tenant: str, account: str, number: str, body: Attach) -> NumberAtCarrier:
        """Let a number of the account (by the carrier's id) ring here: its address is set at the carrier, and a self-test call
        placed.
        """
        request = Request("POST", f"/v1/tenants/{part(tenant)}/carrier-accounts/{part(account)}/numbers/{part(number)}/attach", body=body)
        return self._sender.value(request, NumberAtCarrier)

    def self_test_at_carrier(self, tenant: str, account: str, number: str) -> NumberAtCarrier:
        """Read the number back from the carrier, and let the carrier ring it: the result is there a few seconds later."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/carrier-accounts/{part(account)}/numbers/{part(number)}/self-test")
        return self._sender.value(request, NumberAtCarrier)

    def test_carrier_account(self, tenant: str, account: str) -> AccountTest:
        """Whether the account can be used: its carrier is asked, if nothing here is in the way."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/carrier-accounts/{part(account)}/test")
        return self._sender.value(request, AccountTest)

    def show_lines(self, tenant: str) -> LinesView:
        """How many calls the tenant has at once and may have, and calls that were not taken today (UTC)."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/lines")
        return self._sender.value(request, LinesView)

    def list(self, tenant: str, *, limit: int | None = None, cursor: str | None = None) -> Pages[NumberView]:
        """The tenant's numbers, newest first."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/numbers", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, NumberView)

    def create(self, tenant: str, body: NewNumber, *, idempotency_key: str | None = None) -> NumberView:
        """Give a DID to an agent. A number that is somebody else's is refused in the same words as one that cannot be used."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/numbers", body=body, once=True, key=idempotency_key)
        return self._sender.value(request, NumberView)

    def show(self, tenant: str, number: str) -> Tagged[NumberView]:
        """A number; its ETag is needed to change it."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/numbers/{part(number)}")
        return self._sender.tagged(request, NumberView)

    def change(self, tenant: str, number: str, body: NumberChange, *, if_match: str) -> Tagged[NumberView]:
        """Change what is given of a number."""
        request = Request("PATCH", f"/v1/tenants/{part(tenant)}/numbers/{part(number)}", headers={"If-Match": if_match}, body=body)
        return self._sender.tagged(request, NumberView)

    def delete(self, tenant: str, number: str, *, if_match: str) -> None:
        """Let a number go: calls to it are no longer taken. Calls that it has go on."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}/numbers/{part(number)}", headers={"If-Match": if_match})
        self._sender.nothing(request)

    def create_media_token(self, tenant: str, number: str, body: NewMedia) -> MediaToken:
        """Let in the media of a call to this number, from a telephone system of yours: Asterisk, jambonz, Exotel. Once, and
        soon.
        """
        request = Request("POST", f"/v1/tenants/{part(tenant)}/numbers/{part(number)}/media-tokens", body=body)
        return self._sender.value(request, MediaToken)

    def list_trunks(self, tenant: str, *, limit: int | None = None, cursor: str | None = None) -> Pages[TrunkView]:
        """The tenant's trunks, newest first, without their passwords, and how they fare at each engine."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/trunks", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, TrunkView)

    def create_trunk(self, tenant: str, body: NewTrunk, *, idempotency_key: str | None = None) -> TrunkView:
        """Keep a SIP link to a carrier or exchange. Its password is sealed and does not come out again."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/trunks", body=body, once=True, key=idempotency_key)
        return self._sender.value(request, TrunkView)

    def show_trunk(self, tenant: str, trunk: str) -> Tagged[TrunkView]:
        """A trunk without its password; its ETag is needed to change it."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/trunks/{part(trunk)}")
        return self._sender.tagged(request, TrunkView)

    def change_trunk(self, tenant: str, trunk: str, body: TrunkChange, *, if_match: str) -> Tagged[TrunkView]:
        """Change what is given of a trunk. Calls that it has go on."""
        request = Request("PATCH", f"/v1/tenants/{part(tenant)}/trunks/{part(trunk)}", headers={"If-Match": if_match}, body=body)
        return self._sender.tagged(request, TrunkView)

    def delete_trunk(self, tenant: str, trunk: str, *, if_match: str) -> None:
        """Drop a trunk with its password, once no number belongs to it."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}/trunks/{part(trunk)}", headers={"If-Match": if_match})
        self._sender.nothing(request)


class OutgoingCallsGroup:
    """Operations on outgoing calls."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def add_consent(self, tenant: str, body: NewConsent, *, idempotency_key: str | None = None) -> ConsentView:
        """Keep that somebody agreed to be rung by an automated assistant."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/call-consents", body=body, once=True, key=idempotency_key)
        return self._sender.value(request, ConsentView)

    def show_consent(self, tenant: str, phone: str) -> ConsentView:
        """Who agreed, when and how."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/call-consents/{part(phone)}")
        return self._sender.value(request, ConsentView)

    def withdraw_consent(self, tenant: str, phone: str) -> None:
        """Somebody agrees no more."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}/call-consents/{part(phone)}")
        self._sender.nothing(request)

    def show_limits(self, tenant: str) -> Tagged[TollView]:
        """Where calls out may go, how many of them, and how much of that is used."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/call-limits")
        return self._sender.tagged(request, TollView)

    def put_limits(self, tenant: str, body: TollLimits, *, if_match: str) -> Tagged[TollView]:
        """Other limits, from the next call on."""
        request = Request("PUT", f"/v1/tenants/{part(tenant)}/call-limits", headers={"If-Match": if_match}, body=body)
        return self._sender.tagged(request, TollView)

    def resume(self, tenant: str) -> TollView:
        """Place calls again and put callers through."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/call-limits/resume")
        return self._sender.value(request, TollView)

    def suspend(self, tenant: str) -> TollView:
        """Place no calls and put nobody through until somebody resumes."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/call-limits/suspend")
        return self._sender.value(request, TollView)

    def list_do_not(self, tenant: str, *, limit: int | None = None, cursor: str | None = None) -> Pages[DoNotCallView]:
        """Numbers that are never rung."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/do-not-call", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, DoNotCallView)

    def add_do_not(self, tenant: str, body: NewDoNotCall, *, idempotency_key: str | None = None) -> DoNotCallView:
        """Never ring this number again. Calls that wait for it are refused, and consent to it is withdrawn."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/do-not-call", body=body, once=True, key=idempotency_key)
        return self._sender.value(request, DoNotCallView)

    def remove_do_not(self, tenant: str, phone: str) -> None:
        """The number may be rung again, with a new consent."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}/do-not-call/{part(phone)}")
        self._sender.nothing(request)

    def list(
        self,
        tenant: str,
        *,
        state: Literal["waiting", "dialling", "ringing", "answered", "done", "failed", "refused", "cancelled"] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Pages[OutgoingView]:
        """Calls that were placed or are to be, newest first."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/outgoing-calls", query={"state": state, "limit": limit, "cursor": cursor})
        return self._sender.pages(request, OutgoingView)

    def create(self, tenant: str, body: NewOutgoing, *, idempotency_key: str | None = None) -> OutgoingView:
        """Place a call as soon as it may be. One that may not be placed is ``refused`` and says why."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/outgoing-calls", body=body, once=True, key=idempotency_key)
        return self._sender.value(request, OutgoingView)

    def show(self, tenant: str, outgoing: str) -> OutgoingView:
        """A call and how it stands."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/outgoing-calls/{part(outgoing)}")
        return self._sender.value(request, OutgoingView)

    def cancel(self, tenant: str, outgoing: str) -> OutgoingView:
        """Do not place a call that waits."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/outgoing-calls/{part(outgoing)}/cancel")
        return self._sender.value(request, OutgoingView)

    def show_settings(self, tenant: str) -> Tagged[SettingView]:
        """When people are rung, for what they must have agreed, and what happens if nobody answers."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/outgoing-settings")
        return self._sender.tagged(request, SettingView)

    def put_settings(self, tenant: str, body: Setting, *, if_match: str) -> Tagged[SettingView]:
        """Place calls so from the next attempt on."""
        request = Request("PUT", f"/v1/tenants/{part(tenant)}/outgoing-settings", headers={"If-Match": if_match}, body=body)
        return self._sender.tagged(request, SettingView)


class RecordingsGroup:
    """Operations on recordings."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def show_peaks(self, tenant: str, call: str, *, resolution: int | None = None) -> Waveform:
        """The waveform of a call's recording, by side. 409 for the moment until it is ready."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/calls/{part(call)}/peaks", query={"resolution": resolution})
        return self._sender.value(request, Waveform)

    def fetch(self, tenant: str, call: str, *, download: bool | None = None, range: str | None = None, if_range: str | None = None) -> File:
        """A call's recording as FLAC, left the caller and right the agent; whole or in part. Who listens is written down."""
        request = Request(
            "GET",
            f"/v1/tenants/{part(tenant)}/calls/{part(call)}/recording",
            query={"download": download},
            headers={"Range": range, "if-range": if_range},
        )
        return self._sender.file(request)

    def fetch_trace(self, tenant: str, call: str) -> File:
        """Every event of the call's turns and when it came, as JSON lines: `offhook replay` runs them again. Who reads it is
        written down.
        """
        request = Request("GET", f"/v1/tenants/{part(tenant)}/calls/{part(call)}/trace")
        return self._sender.file(request)

    def fetch_voice_message(
        self, tenant: str, call: str, *, download: bool | None = None, range: str | None = None, if_range: str | None = None
    ) -> File:
        """The message that the caller left where the call could not go on, as FLAC; whole or in part. Who listens is written
        down.
        """
        request = Request(
            "GET",
            f"/v1/tenants/{part(tenant)}/calls/{part(call)}/voice-message",
            query={"download": download},
            headers={"Range": range, "if-range": if_range},
        )
        return self._sender.file(request)


class ResellersGroup:
    """Operations on resellers."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> Pages[ResellerView]:
        """All resellers, newest first."""
        request = Request("GET", "/v1/resellers", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, ResellerView)

    def create(self, body: NewReseller, *, idempotency_key: str | None = None) -> ResellerView:
        """Make a reseller: it sells to tenants under its own name."""
        request = Request("POST", "/v1/resellers", body=body, once=True, key=idempotency_key)
        return self._sender.value(request, ResellerView)

    def show(self, reseller: str) -> Tagged[ResellerView]:
        """A reseller; its ETag is needed to change it."""
        request = Request("GET", f"/v1/resellers/{part(reseller)}")
        return self._sender.tagged(request, ResellerView)

    def change(self, reseller: str, body: ResellerChange, *, if_match: str) -> Tagged[ResellerView]:
        """Change what is given of a reseller: its name and how it presents itself."""
        request = Request("PATCH", f"/v1/resellers/{part(reseller)}", headers={"If-Match": if_match}, body=body)
        return self._sender.tagged(request, ResellerView)

    def delete(self, reseller: str, *, if_match: str) -> None:
        """Delete a reseller that nothing belongs to any more."""
        request = Request("DELETE", f"/v1/resellers/{part(reseller)}", headers={"If-Match": if_match})
        self._sender.nothing(request)

    def resume(self, reseller: str) -> ResellerView:
        """Take the calls of its tenants again."""
        request = Request("POST", f"/v1/resellers/{part(reseller)}/resume")
        return self._sender.value(request, ResellerView)

    def suspend(self, reseller: str) -> ResellerView:
        """Refuse the calls of all its tenants."""
        request = Request("POST", f"/v1/resellers/{part(reseller)}/suspend")
        return self._sender.value(request, ResellerView)


class SignInGroup:
    """Operations on sign in."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def show_invitation(self, token: str) -> OpenInvitation:
        """An invitation, for who was sent it."""
        request = Request("GET", f"/v1/invitations/{part(token)}")
        return self._sender.value(request, OpenInvitation)

    def accept_invitation(self, token: str, body: Acceptance) -> SignedIn:
        """Accept an invitation and be signed in."""
        request = Request("POST", f"/v1/invitations/{part(token)}/accept", body=body)
        return self._sender.value(request, SignedIn)

    def forgot_password(self, body: Forgot) -> SignedIn:
        """Ask for a mail with a link to choose a new password. The answer is the same for every address."""
        request = Request("POST", "/v1/password/forgot", body=body)
        return self._sender.value(request, SignedIn)

    def reset_password(self, body: Reset) -> None:
        """Choose a new password by the link of a mail; ends all sessions."""
        request = Request("POST", "/v1/password/reset", body=body)
        self._sender.nothing(request)

    def create_session(self, body: SignIn) -> SignedIn:
        """Sign in: sets the session's cookie, or asks for a one-time code."""
        request = Request("POST", "/v1/session", body=body)
        return self._sender.value(request, SignedIn)

    def delete_session(self) -> None:
        """Sign out."""
        request = Request("DELETE", "/v1/session")
        self._sender.nothing(request)

    def confirm_session(self, body: CodeIn) -> SignedIn:
        """The second step of signing in."""
        request = Request("POST", "/v1/session/totp", body=body)
        return self._sender.value(request, SignedIn)

    def set_up(self, body: NewSetup) -> SignedIn:
        """Make the first administrator of the platform, by the link that the first start prints, and sign them in."""
        request = Request("POST", "/v1/setup", body=body)
        return self._sender.value(request, SignedIn)


class SignInProvidersGroup:
    """Operations on sign in providers."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list_reseller(self, reseller: str, *, limit: int | None = None, cursor: str | None = None) -> Pages[Provider]:
        """Where the reseller's people, and those of its tenants, sign in by OpenID Connect; the newest first."""
        request = Request("GET", f"/v1/resellers/{part(reseller)}/oidc-providers", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, Provider)

    def create_reseller(self, reseller: str, body: NewProvider, *, idempotency_key: str | None = None) -> Provider:
        """Let people sign in by a provider."""
        request = Request("POST", f"/v1/resellers/{part(reseller)}/oidc-providers", body=body, once=True, key=idempotency_key)
        return self._sender.value(request, Provider)

    def show_reseller(self, reseller: str, provider: str) -> Tagged[Provider]:
        """A provider; its ETag is needed to change it."""
        request = Request("GET", f"/v1/resellers/{part(reseller)}/oidc-providers/{part(provider)}")
        return self._sender.tagged(request, Provider)

    def change_reseller(self, reseller: str, provider: str, body: ProviderChange, *, if_match: str) -> Tagged[Provider]:
        """Change what is given of a provider."""
        request = Request(
            "PATCH", f"/v1/resellers/{part(reseller)}/oidc-providers/{part(provider)}", headers={"If-Match": if_match}, body=body
        )
        return self._sender.tagged(request, Provider)

    def remove_reseller(self, reseller: str, provider: str, *, if_match: str) -> None:
        """Remove a provider, the accounts that are only its own, and all sessions made by it."""
        request = Request("DELETE", f"/v1/resellers/{part(reseller)}/oidc-providers/{part(provider)}", headers={"If-Match": if_match})
        self._sender.nothing(request)

    def list_tenant(self, tenant: str, *, limit: int | None = None, cursor: str | None = None) -> Pages[Provider]:
        """Where the tenant's people sign in by OpenID Connect; the newest first."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/oidc-providers", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, Provider)

    def create_tenant(self, tenant: str, body: NewProvider, *, idempotency_key: str | None = None) -> Provider:
        """Let people sign in by a provider. Only who may do all that an owner may: a provider vouches for owners too."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/oidc-providers", body=body, once=True, key=idempotency_key)
        return self._sender.value(request, Provider)

    def show_tenant(self, tenant: str, provider: str) -> Tagged[Provider]:
        """A provider; its ETag is needed to change it."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/oidc-providers/{part(provider)}")
        return self._sender.tagged(request, Provider)

    def change_tenant(self, tenant: str, provider: str, body: ProviderChange, *, if_match: str) -> Tagged[Provider]:
        """Change what is given of a provider. Disabled, nobody signs in by it, and sessions made by it rest."""
        request = Request("PATCH", f"/v1/tenants/{part(tenant)}/oidc-providers/{part(provider)}", headers={"If-Match": if_match}, body=body)
        return self._sender.tagged(request, Provider)

    def remove_tenant(self, tenant: str, provider: str, *, if_match: str) -> None:
        """Remove a provider, the accounts that are only its own, and all sessions made by it."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}/oidc-providers/{part(provider)}", headers={"If-Match": if_match})
        self._sender.nothing(request)


class TenantsGroup:
    """Operations on tenants."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list_erasures(self, *, limit: int | None = None, cursor: str | None = None) -> Pages[ErasureView]:
        """Certificates of tenants that were erased, newest first."""
        request = Request("GET", "/v1/erasures", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, ErasureView)

    def show_erasure(self, erasure: str) -> ErasureView:
        """The certificate of an erasure; it is there once the work has begun."""
        request = Request("GET", f"/v1/erasures/{part(erasure)}")
        return self._sender.value(request, ErasureView)

    def list_reseller_erasures(self, reseller: str, *, limit: int | None = None, cursor: str | None = None) -> Pages[ErasureView]:
        """Certificates of the reseller's tenants that were erased, newest first."""
        request = Request("GET", f"/v1/resellers/{part(reseller)}/erasures", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, ErasureView)

    def list_reseller(self, reseller: str, *, limit: int | None = None, cursor: str | None = None) -> Pages[TenantView]:
        """The reseller's tenants, newest first."""
        request = Request("GET", f"/v1/resellers/{part(reseller)}/tenants", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, TenantView)

    def create(self, reseller: str, body: NewTenant, *, idempotency_key: str | None = None) -> TenantView:
        """Make a tenant of this reseller."""
        request = Request("POST", f"/v1/resellers/{part(reseller)}/tenants", body=body, once=True, key=idempotency_key)
        return self._sender.value(request, TenantView)

    def limit(self, reseller: str, tenant: str, body: TenantLimits) -> TenantView:
        """Set what the tenant may have at once."""
        request = Request("PUT", f"/v1/resellers/{part(reseller)}/tenants/{part(tenant)}/limits", body=body)
        return self._sender.value(request, TenantView)

    def resume(self, reseller: str, tenant: str) -> TenantView:
        """Take the tenant's calls again."""
        request = Request("POST", f"/v1/resellers/{part(reseller)}/tenants/{part(tenant)}/resume")
        return self._sender.value(request, TenantView)

    def suspend(self, reseller: str, tenant: str) -> TenantView:
        """Refuse the tenant's calls; all else stays as it is."""
        request = Request("POST", f"/v1/resellers/{part(reseller)}/tenants/{part(tenant)}/suspend")
        return self._sender.value(request, TenantView)

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> Pages[TenantView]:
        """The tenants that you may read, newest first."""
        request = Request("GET", "/v1/tenants", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, TenantView)

    def show(self, tenant: str) -> Tagged[TenantView]:
        """A tenant; its ETag is needed to change it."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}")
        return self._sender.tagged(request, TenantView)

    def change(self, tenant: str, body: TenantChange, *, if_match: str) -> Tagged[TenantView]:
        """Change what is given of a tenant."""
        request = Request("PATCH", f"/v1/tenants/{part(tenant)}", headers={"If-Match": if_match}, body=body)
        return self._sender.tagged(request, TenantView)

    def erase(self, tenant: str, body: Confirmation, *, if_match: str) -> Erasing:
        """Erase the tenant and everything of it, for ever. From now on nobody finds it and its calls are refused; a job does the
        work.
        """
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}", headers={"If-Match": if_match}, body=body)
        return self._sender.value(request, Erasing)

    def list_exports(self, tenant: str, *, limit: int | None = None, cursor: str | None = None) -> Pages[ExportView]:
        """The tenant's exports, newest first."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/exports", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, ExportView)

    def create_export(self, tenant: str, *, idempotency_key: str | None = None) -> ExportView:
        """Have a job put all data of the tenant into one zip file. Whoever asks must be able to read all of it anyway."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/exports", once=True, key=idempotency_key)
        return self._sender.value(request, ExportView)

    def show_export(self, tenant: str, export: str) -> ExportView:
        """How far an export is."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/exports/{part(export)}")
        return self._sender.value(request, ExportView)

    def fetch_export(self, tenant: str, export: str) -> File:
        """The zip file of an export that is ready."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/exports/{part(export)}/file")
        return self._sender.file(request)

    def move(self, tenant: str, body: Move) -> TenantView:
        """Give the tenant, with all that is its own, to another reseller."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/move", body=body)
        return self._sender.value(request, TenantView)


class VaultGroup:
    """Operations on vault."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def create_data_key(self, tenant: str, *, idempotency_key: str | None = None) -> DataKeyView:
        """Make a new data key of the tenant, which seals from now on. What is sealed already stays as it is, and opens."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/vault/keys", once=True, key=idempotency_key)
        return self._sender.value(request, DataKeyView)

    def show(self) -> VaultView:
        """Which master keys there are, and how many data keys each of them wraps."""
        request = Request("GET", "/v1/vault")
        return self._sender.value(request, VaultView)

    def rewrap(self, *, idempotency_key: str | None = None) -> VaultView:
        """Have a job wrap all data keys with the current master key. It also runs by itself every hour."""
        request = Request("POST", "/v1/vault/rewrap", once=True, key=idempotency_key)
        return self._sender.value(request, VaultView)


class VendorsGroup:
    """Operations on vendors."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list_reseller_accounts(self, reseller: str, *, limit: int | None = None, cursor: str | None = None) -> Pages[VendorAccountView]:
        """Accounts that the reseller lends to its tenants, by vendor, without their keys."""
        request = Request("GET", f"/v1/resellers/{part(reseller)}/vendor-accounts", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, VendorAccountView)

    def show_reseller_account(self, reseller: str, vendor: str) -> Tagged[VendorAccountView]:
        """An account without its key; its ETag is needed to change it."""
        request = Request("GET", f"/v1/resellers/{part(reseller)}/vendor-accounts/{part(vendor)}")
        return self._sender.tagged(request, VendorAccountView)

    def put_reseller_account(
        self, reseller: str, vendor: str, body: VendorAccount, *, if_match: str, idempotency_key: str | None = None
    ) -> Tagged[VendorAccountView]:
        """Keep an account that all tenants of the reseller use who have none of their own with this vendor."""
        request = Request(
            "PUT",
            f"/v1/resellers/{part(reseller)}/vendor-accounts/{part(vendor)}",
            headers={"If-Match": if_match},
            body=body,
            once=True,
            key=idempotency_key,
        )
        return self._sender.tagged(request, VendorAccountView)

    def delete_reseller_account(self, reseller: str, vendor: str, *, if_match: str) -> None:
        """Drop an account with its key. Tenants without one of their own then use the engine's."""
        request = Request("DELETE", f"/v1/resellers/{part(reseller)}/vendor-accounts/{part(vendor)}", headers={"If-Match": if_match})
        self._sender.nothing(request)

    def rotate_reseller_key(
        self, reseller: str, vendor: str, body: RotateVendorKey, *, idempotency_key: str | None = None
    ) -> VendorAccountView:
        """Another key for the same account. Calls that are under way keep the one that they began with."""
        request = Request(
            "POST", f"/v1/resellers/{part(reseller)}/vendor-accounts/{part(vendor)}/rotate", body=body, once=True, key=idempotency_key
        )
        return self._sender.value(request, VendorAccountView)

    def list_tenant_accounts(self, tenant: str, *, limit: int | None = None, cursor: str | None = None) -> Pages[VendorAccountView]:
        """The tenant's own accounts with vendors of speech and language models, by vendor, without their keys."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/vendor-accounts", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, VendorAccountView)

    def show_tenant_account(self, tenant: str, vendor: str) -> Tagged[VendorAccountView]:
        """An account without its key; its ETag is needed to change it."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/vendor-accounts/{part(vendor)}")
        return self._sender.tagged(request, VendorAccountView)

    def put_tenant_account(
        self, tenant: str, vendor: str, body: VendorAccount, *, if_match: str, idempotency_key: str | None = None
    ) -> Tagged[VendorAccountView]:
        """Keep the tenant's account with a vendor, in the place of the one before: the tenant's calls use it from the next one
        on.
        """
        request = Request(
            "PUT",
            f"/v1/tenants/{part(tenant)}/vendor-accounts/{part(vendor)}",
            headers={"If-Match": if_match},
            body=body,
            once=True,
            key=idempotency_key,
        )
        return self._sender.tagged(request, VendorAccountView)

    def delete_tenant_account(self, tenant: str, vendor: str, *, if_match: str) -> None:
        """Drop an account with its key. Calls then use the reseller's, if there is one, else the engine's own."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}/vendor-accounts/{part(vendor)}", headers={"If-Match": if_match})
        self._sender.nothing(request)

    def rotate_tenant_key(
        self, tenant: str, vendor: str, body: RotateVendorKey, *, idempotency_key: str | None = None
    ) -> VendorAccountView:
        """Another key for the same account. Calls that are under way keep the one that they began with."""
        request = Request(
            "POST", f"/v1/tenants/{part(tenant)}/vendor-accounts/{part(vendor)}/rotate", body=body, once=True, key=idempotency_key
        )
        return self._sender.value(request, VendorAccountView)


class VisitorsGroup:
    """Operations on visitors."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def begin_visit(self, key: str, *, origin: str | None = None) -> Visit:
        """Begin a call from a page: for browsers, which say what page asks. The address is limited, and so is the button."""
        request = Request("POST", f"/widget/{part(key)}/calls", headers={"origin": origin})
        return self._sender.value(request, Visit)


class WebhooksGroup:
    """Operations on webhooks."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def list_event_types(self) -> EventTypeList:
        """The types of events, each with the JSON schema of its ``data`` and an example."""
        request = Request("GET", "/v1/event-types")
        return self._sender.value(request, EventTypeList)

    def list_events(
        self,
        tenant: str,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        type: Literal[
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
        | None = None,
        subject: str | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
    ) -> Pages[EventView]:
        """What happened, newest first, whether it was sent to anybody or not."""
        request = Request(
            "GET",
            f"/v1/tenants/{part(tenant)}/events",
            query={"limit": limit, "cursor": cursor, "type": type, "subject": subject, "since": since, "until": until},
        )
        return self._sender.pages(request, EventView)

    def show_event(self, tenant: str, event: str) -> EventView:
        """An event as it is sent."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/events/{part(event)}")
        return self._sender.value(request, EventView)

    def list(self, tenant: str, *, limit: int | None = None, cursor: str | None = None) -> Pages[WebhookView]:
        """The tenant's endpoints for its events, newest first, without their secrets."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/webhooks", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, WebhookView)

    def create(self, tenant: str, body: NewWebhook, *, idempotency_key: str | None = None) -> WebhookSecret:
        """Have events sent to a URL. The answer has the secret that signs them; it is not shown again."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/webhooks", body=body, once=True, key=idempotency_key)
        return self._sender.value(request, WebhookSecret)

    def show(self, tenant: str, webhook: str) -> Tagged[WebhookView]:
        """An endpoint without its secret; its ETag is needed to change it."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/webhooks/{part(webhook)}")
        return self._sender.tagged(request, WebhookView)

    def change(self, tenant: str, webhook: str, body: WebhookChange, *, if_match: str) -> Tagged[WebhookView]:
        """Change what is given. One that is enabled again is sent what has waited for it, in order."""
        request = Request("PATCH", f"/v1/tenants/{part(tenant)}/webhooks/{part(webhook)}", headers={"If-Match": if_match}, body=body)
        return self._sender.tagged(request, WebhookView)

    def delete(self, tenant: str, webhook: str, *, if_match: str) -> None:
        """Drop an endpoint with the log of what was sent there. Nothing more is sent."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}/webhooks/{part(webhook)}", headers={"If-Match": if_match})
        self._sender.nothing(request)

    def list_deliveries(
        self,
        tenant: str,
        webhook: str,
        *,
        state: Literal["waiting", "succeeded", "failed"] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        type: Literal[
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
        | None = None,
        subject: str | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
    ) -> Pages[DeliveryView]:
        """What was or is to be sent to an endpoint, the newest event first."""
        request = Request(
            "GET",
            f"/v1/tenants/{part(tenant)}/webhooks/{part(webhook)}/deliveries",
            query={"state": state, "limit": limit, "cursor": cursor, "type": type, "subject": subject, "since": since, "until": until},
        )
        return self._sender.pages(request, DeliveryView)

    def show_delivery(self, tenant: str, webhook: str, delivery: str) -> DeliveryDetail:
        """A delivery with its event and what was tried."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/webhooks/{part(webhook)}/deliveries/{part(delivery)}")
        return self._sender.value(request, DeliveryDetail)

    def replay_delivery(self, tenant: str, webhook: str, delivery: str, *, idempotency_key: str | None = None) -> DeliveryView:
        """Send an event again, or now if it waits; what waits of the same subject before it goes first."""
        request = Request(
            "POST",
            f"/v1/tenants/{part(tenant)}/webhooks/{part(webhook)}/deliveries/{part(delivery)}/replay",
            once=True,
            key=idempotency_key,
        )
        return self._sender.value(request, DeliveryView)

    def replay(self, tenant: str, webhook: str, body: ReplayRange, *, idempotency_key: str | None = None) -> Replayed:
        """Send the events of a time again, of each subject in order: those given up, or all that the endpoint's types cover."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/webhooks/{part(webhook)}/replay", body=body, once=True, key=idempotency_key)
        return self._sender.value(request, Replayed)

    def rotate_secret(self, tenant: str, webhook: str, body: RotateSecret, *, idempotency_key: str | None = None) -> WebhookSecret:
        """A new secret, shown this once. For a while requests are signed with both, so that a receiver can change over without a
        gap.
        """
        request = Request("POST", f"/v1/tenants/{part(tenant)}/webhooks/{part(webhook)}/rotate", body=body, once=True, key=idempotency_key)
        return self._sender.value(request, WebhookSecret)

    def test(self, tenant: str, webhook: str, *, idempotency_key: str | None = None) -> DeliveryView:
        """Send an event of type ``test`` there. How it went stands in its delivery."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/webhooks/{part(webhook)}/test", once=True, key=idempotency_key)
        return self._sender.value(request, DeliveryView)


class Operations:
    """All operations, by what they are about."""

    def __init__(self, sender: Sender) -> None:
        self.agents = AgentsGroup(sender)
        self.appointments = AppointmentsGroup(sender)
        self.audit = AuditGroup(sender)
        self.calls = CallsGroup(sender)
        self.connections = ConnectionsGroup(sender)
        self.contacts = ContactsGroup(sender)
        self.health = HealthGroup(sender)
        self.keys = KeysGroup(sender)
        self.leads = LeadsGroup(sender)
        self.live_calls = LiveCallsGroup(sender)
        self.me = MeGroup(sender)
        self.members = MembersGroup(sender)
        self.numbers = NumbersGroup(sender)
        self.outgoing_calls = OutgoingCallsGroup(sender)
        self.recordings = RecordingsGroup(sender)
        self.resellers = ResellersGroup(sender)
        self.sign_in = SignInGroup(sender)
        self.sign_in_providers = SignInProvidersGroup(sender)
        self.tenants = TenantsGroup(sender)
        self.vault = VaultGroup(sender)
        self.vendors = VendorsGroup(sender)
        self.visitors = VisitorsGroup(sender)
        self.webhooks = WebhooksGroup(sender)


class AsyncAgentsGroup:
    """Operations on agents."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def list_templates(self) -> builtins.list[TemplateView]:
        """Examples to begin an agent with."""
        request = Request("GET", "/v1/agent-templates")
        return await self._sender.value(request, builtins.list[TemplateView])

    async def show_template(self, template: str) -> TemplateDetail:
        """An example with its configuration, and its script as text."""
        request = Request("GET", f"/v1/agent-templates/{part(template)}")
        return await self._sender.value(request, TemplateDetail)

    def list(
        self, tenant: str, *, archived: bool | None = None, limit: int | None = None, cursor: str | None = None
    ) -> AsyncPages[AgentView]:
        """The tenant's agents, newest first."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/agents", query={"archived": archived, "limit": limit, "cursor": cursor})
        return self._sender.pages(request, AgentView)

    async def create(self, tenant: str, body: NewAgent, *, idempotency_key: str | None = None) -> AgentView:
        """Make an agent, with a draft that is still to be published."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/agents", body=body, once=True, key=idempotency_key)
        return await self._sender.value(request, AgentView)

    async def check(self, tenant: str, body: CheckBody) -> CheckView:
        """Say what is wrong with a document, of which nothing is stored."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/agents/check", body=body)
        return await self._sender.value(request, CheckView)

    async def show(self, tenant: str, agent: str) -> AgentView:
        """An agent; its ETag is needed to change it, its draft included."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/agents/{part(agent)}")
        return await self._sender.value(request, AgentView)

    async def archive(self, tenant: str, agent: str, *, if_match: str) -> Tagged[AgentView]:
        """Take an agent out of use; refused while a number rings it. Its versions and calls stay."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/agents/{part(agent)}/archive", headers={"If-Match": if_match})
        return await self._sender.tagged(request, AgentView)

    async def diff_versions(self, tenant: str, agent: str, *, before: str | None = None, after: str | None = None) -> DiffView:
        """What differs between two versions, or a version and the draft."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/agents/{part(agent)}/diff", query={"before": before, "after": after})
        return await self._sender.value(request, DiffView)

    async def show_draft(self, tenant: str, agent: str) -> Tagged[DraftView]:
        """What is being worked on, and what is wrong with it."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/agents/{part(agent)}/draft")
        return await self._sender.tagged(request, DraftView)

    async def replace_draft(
        self, tenant: str, agent: str, body: AgentConfig, *, if_match: str, unfinished: bool | None = None
    ) -> Tagged[DraftView]:
        """Put a document in the draft's place. One that could not be published is refused with all its faults, unless
        ``unfinished``.
        """
        request = Request(
            "PUT",
            f"/v1/tenants/{part(tenant)}/agents/{part(agent)}/draft",
            query={"unfinished": unfinished},
            headers={"If-Match": if_match},
            body=body,
        )
        return await self._sender.tagged(request, DraftView)

    async def change_draft(
        self, tenant: str, agent: str, body: builtins.dict[str, Any], *, if_match: str, unfinished: bool | None = None
    ) -> Tagged[DraftView]:
        """Change parts of the draft, as a JSON Merge Patch (RFC 7396) does."""
        request = Request(
            "PATCH",
            f"/v1/tenants/{part(tenant)}/agents/{part(agent)}/draft",
            query={"unfinished": unfinished},
            headers={"If-Match": if_match},
            body=body,
        )
        return await self._sender.tagged(request, DraftView)

    async def show_draft_script(self, tenant: str, agent: str) -> Tagged[ScriptView]:
        """The draft's script, as text and as a document."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/agents/{part(agent)}/draft/script")
        return await self._sender.tagged(request, ScriptView)

    async def replace_draft_script(
        self, tenant: str, agent: str, body: ScriptBody, *, if_match: str, unfinished: bool | None = None
    ) -> Tagged[ScriptView]:
        """Put a script in the place of the draft's. Faults have the path of the field and, in a text, its line."""
        request = Request(
            "PUT",
            f"/v1/tenants/{part(tenant)}/agents/{part(agent)}/draft/script",
            query={"unfinished": unfinished},
            headers={"If-Match": if_match},
            body=body,
        )
        return await self._sender.tagged(request, ScriptView)

    async def duplicate(self, tenant: str, agent: str, body: Duplicate, *, idempotency_key: str | None = None) -> AgentView:
        """Make a new agent with the draft of this one."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/agents/{part(agent)}/duplicate", body=body, once=True, key=idempotency_key)
        return await self._sender.value(request, AgentView)

    async def publish(
        self, tenant: str, agent: str, body: Publish, *, if_match: str, idempotency_key: str | None = None
    ) -> Tagged[VersionDetail]:
        """Make a version of the draft, which takes calls from now on. Calls that are under way go on with theirs."""
        request = Request(
            "POST",
            f"/v1/tenants/{part(tenant)}/agents/{part(agent)}/publish",
            headers={"If-Match": if_match},
            body=body,
            once=True,
            key=idempotency_key,
        )
        return await self._sender.tagged(request, VersionDetail)

    async def run_text_test(self, tenant: str, agent: str, body: TextTest) -> TextTestResult:
        """Talk to an agent by text: its draft, a version, or a document. The whole conversation is played each time, nothing is
        stored.
        """
        request = Request("POST", f"/v1/tenants/{part(tenant)}/agents/{part(agent)}/text-tests", body=body)
        return await self._sender.value(request, TextTestResult)

    async def unarchive(self, tenant: str, agent: str, *, if_match: str) -> Tagged[AgentView]:
        """Bring an agent back into use, as it was."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/agents/{part(agent)}/unarchive", headers={"If-Match": if_match})
        return await self._sender.tagged(request, AgentView)

    def list_versions(self, tenant: str, agent: str, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[VersionView]:
        """An agent's versions, newest first."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/agents/{part(agent)}/versions", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, VersionView)

    async def show_version(self, tenant: str, agent: str, number: int) -> VersionDetail:
        """A version with its configuration."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/agents/{part(agent)}/versions/{part(number)}")
        return await self._sender.value(request, VersionDetail)

    async def restore_version(
        self, tenant: str, agent: str, number: int, body: Publish, *, if_match: str, idempotency_key: str | None = None
    ) -> Tagged[VersionDetail]:
        """Publish an old version's configuration once more, as a new version. The draft follows unless it holds changes of its
        own.
        """
        request = Request(
            "POST",
            f"/v1/tenants/{part(tenant)}/agents/{part(agent)}/versions/{part(number)}/restore",
            headers={"If-Match": if_match},
            body=body,
            once=True,
            key=idempotency_key,
        )
        return await self._sender.tagged(request, VersionDetail)

    async def start_voice_test(self, tenant: str, agent: str, body: NewVoiceTest) -> VoiceTestStart:
        """A one-time token for a call by voice with the draft, a version or a document, as it is now. It is shown this once."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/agents/{part(agent)}/voice-tests", body=body)
        return await self._sender.value(request, VoiceTestStart)

    async def show_voice_test(self, tenant: str, agent: str, test: str) -> VoiceTestView:
        """A voice test: whether its call was begun, and which one it is. Forgotten a day after its token has expired."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/agents/{part(agent)}/voice-tests/{part(test)}")
        return await self._sender.value(request, VoiceTestView)

    async def list_turn_presets(self) -> TurnPresets:
        """Turn-taking by use case, and what each number does: what raising and lowering it costs."""
        request = Request("GET", "/v1/turn-presets")
        return await self._sender.value(request, TurnPresets)


class AsyncAppointmentsGroup:
    """Operations on appointments."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def list_slots(
        self, tenant: str, agent: str, *, from_: dt.datetime, to: dt.datetime, staff: str | None = None, limit: int | None = None
    ) -> builtins.list[BookingsSlotView]:
        """Visits that an agent could offer to a caller now: in its opening hours, at the tenant's notice, with somebody free."""
        request = Request(
            "GET", f"/v1/tenants/{part(tenant)}/agents/{part(agent)}/slots", query={"from": from_, "to": to, "staff": staff, "limit": limit}
        )
        return await self._sender.value(request, builtins.list[BookingsSlotView])

    def list(
        self,
        tenant: str,
        *,
        from_: dt.datetime | None = None,
        to: dt.datetime | None = None,
        staff: str | None = None,
        status: Literal["booked", "cancelled"] | None = None,
        order: Literal["latest", "soonest"] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPages[Appointment]:
        """The tenant's diary: all of it, or what begins in a window of time."""
        request = Request(
            "GET",
            f"/v1/tenants/{part(tenant)}/appointments",
            query={"from": from_, "to": to, "staff": staff, "status": status, "order": order, "limit": limit, "cursor": cursor},
        )
        return self._sender.pages(request, Appointment)

    async def create(self, tenant: str, body: NewAppointment, *, idempotency_key: str | None = None) -> Appointment:
        """Book a visit for a contact. A time that is taken, here or in another calendar of the tenant's, is refused, whoever
        else is just booking it.
        """
        request = Request("POST", f"/v1/tenants/{part(tenant)}/appointments", body=body, once=True, key=idempotency_key)
        return await self._sender.value(request, Appointment)

    async def show(self, tenant: str, appointment: str) -> Tagged[AppointmentDetail]:
        """An appointment and all that was done to it; its ETag is needed to change it."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/appointments/{part(appointment)}")
        return await self._sender.tagged(request, AppointmentDetail)

    async def change(self, tenant: str, appointment: str, body: AppointmentChange, *, if_match: str) -> Tagged[Appointment]:
        """Move an appointment, or change what is noted of it. It is moved in the tenant's other calendars too."""
        request = Request(
            "PATCH", f"/v1/tenants/{part(tenant)}/appointments/{part(appointment)}", headers={"If-Match": if_match}, body=body
        )
        return await self._sender.tagged(request, Appointment)

    async def cancel(self, tenant: str, appointment: str, *, if_match: str, idempotency_key: str | None = None) -> Tagged[Appointment]:
        """Cancel an appointment: its time is free again, and it stays in the diary as cancelled. Harmless when it is cancelled
        already.
        """
        request = Request(
            "POST",
            f"/v1/tenants/{part(tenant)}/appointments/{part(appointment)}/cancel",
            headers={"If-Match": if_match},
            once=True,
            key=idempotency_key,
        )
        return await self._sender.tagged(request, Appointment)

    async def list_copies(self, tenant: str, appointment: str) -> builtins.list[Copy]:
        """An appointment in other systems: whether it is written there, and what stands in the way."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/appointments/{part(appointment)}/copies")
        return await self._sender.value(request, builtins.list[Copy])

    async def write_again(self, tenant: str, appointment: str, connection: str, *, idempotency_key: str | None = None) -> Copy:
        """Have an appointment written to a system that did not take it, now."""
        request = Request(
            "POST",
            f"/v1/tenants/{part(tenant)}/appointments/{part(appointment)}/copies/{part(connection)}/again",
            once=True,
            key=idempotency_key,
        )
        return await self._sender.value(request, Copy)


class AsyncAuditGroup:
    """Operations on audit."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    def list_platform(
        self,
        *,
        actor: str | None = None,
        action: str | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPages[AuditView]:
        """Who did what on the platform, newest first; resellers and tenants have logs of their own."""
        request = Request(
            "GET", "/v1/audit", query={"actor": actor, "action": action, "since": since, "until": until, "limit": limit, "cursor": cursor}
        )
        return self._sender.pages(request, AuditView)

    async def check_platform(self) -> Checked:
        """Whether every row of the log is as it was written, and none is missing."""
        request = Request("GET", "/v1/audit/check")
        return await self._sender.value(request, Checked)

    def list_reseller(
        self,
        reseller: str,
        *,
        actor: str | None = None,
        action: str | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPages[AuditView]:
        """Who did what with the reseller itself, newest first; its tenants have logs of their own."""
        request = Request(
            "GET",
            f"/v1/resellers/{part(reseller)}/audit",
            query={"actor": actor, "action": action, "since": since, "until": until, "limit": limit, "cursor": cursor},
        )
        return self._sender.pages(request, AuditView)

    async def check_reseller(self, reseller: str) -> Checked:
        """Whether every row of the log is as it was written, and none is missing."""
        request = Request("GET", f"/v1/resellers/{part(reseller)}/audit/check")
        return await self._sender.value(request, Checked)

    def list_tenant(
        self,
        tenant: str,
        *,
        actor: str | None = None,
        action: str | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPages[AuditView]:
        """Who did what in the tenant, newest first."""
        request = Request(
            "GET",
            f"/v1/tenants/{part(tenant)}/audit",
            query={"actor": actor, "action": action, "since": since, "until": until, "limit": limit, "cursor": cursor},
        )
        return self._sender.pages(request, AuditView)

    async def check_tenant(self, tenant: str) -> Checked:
        """Whether every row of the log is as it was written, and none is missing."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/audit/check")
        return await self._sender.value(request, Checked)


class AsyncCallsGroup:
    """Operations on calls."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    def list(
        self,
        tenant: str,
        *,
        state: Literal["planned", "live", "ended"] | None = None,
        outcome: str | None = None,
        agent: str | None = None,
        number: str | None = None,
        caller: str | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        test: bool | None = None,
        slow: bool | None = None,
        longer: int | None = None,
        shorter: int | None = None,
        q: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPages[Call]:
        """A tenant's calls, the latest first."""
        request = Request(
            "GET",
            f"/v1/tenants/{part(tenant)}/calls",
            query={
                "state": state,
                "outcome": outcome,
                "agent": agent,
                "number": number,
                "caller": caller,
                "since": since,
                "until": until,
                "test": test,
                "slow": slow,
                "longer": longer,
                "shorter": shorter,
                "q": q,
                "limit": limit,
                "cursor": cursor,
            },
        )
        return self._sender.pages(request, Call)

    async def show(self, tenant: str, call: str) -> CallDetail:
        """A call with its turns, tools, result and what was booked."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/calls/{part(call)}")
        return await self._sender.value(request, CallDetail)

    async def delete(self, tenant: str, call: str) -> None:
        """Delete a call for ever, with its recording, its trace and all that was said in it. What it booked stays."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}/calls/{part(call)}")
        await self._sender.nothing(request)

    async def flag(self, tenant: str, call: str, body: FlagIn) -> None:
        """Mark a call for the team, with why."""
        request = Request("PUT", f"/v1/tenants/{part(tenant)}/calls/{part(call)}/flag", body=body)
        await self._sender.nothing(request)

    async def unflag(self, tenant: str, call: str) -> None:
        """Take the mark away."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}/calls/{part(call)}/flag")
        await self._sender.nothing(request)

    async def show_paperwork(self, tenant: str, call: str) -> Paperwork:
        """What the call became in each connected system, with links to it there."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/calls/{part(call)}/paperwork")
        return await self._sender.value(request, Paperwork)

    async def send_paperwork_again(self, tenant: str, call: str, body: Again) -> Paperwork:
        """Write what was given up, and at once what waits. Nothing is written twice."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/calls/{part(call)}/paperwork/again", body=body)
        return await self._sender.value(request, Paperwork)

    async def correct_result(self, tenant: str, call: str, body: Corrections) -> CallResult:
        """Put right what was heard wrong. What other systems were told already stays as it is there. 409 before there is a
        result.
        """
        request = Request("PATCH", f"/v1/tenants/{part(tenant)}/calls/{part(call)}/result", body=body)
        return await self._sender.value(request, CallResult)

    async def share(self, tenant: str, call: str) -> Share:
        """A link to a page with the call's words and result, for whoever has it: good for seven days."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/calls/{part(call)}/shares")
        return await self._sender.value(request, Share)

    async def revoke_shares(self, tenant: str, call: str) -> None:
        """End all links to this call."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}/calls/{part(call)}/shares")
        await self._sender.nothing(request)

    async def show_transcript(self, tenant: str, call: str, *, format: Literal["json", "vtt", "text"] | None = None) -> Transcript:
        """What was said in a call, and what the agent was cut off from saying: as JSON, as WebVTT, or as plain text."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/calls/{part(call)}/transcript", query={"format": format})
        return await self._sender.value(request, Transcript)


class AsyncConnectionsGroup:
    """Operations on connections."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def list_oauth_clients(self, reseller: str) -> OwnClients:
        """The reseller's own clients with systems, without their secrets, and the address to give the systems."""
        request = Request("GET", f"/v1/resellers/{part(reseller)}/oauth-clients")
        return await self._sender.value(request, OwnClients)

    async def put_oauth_client(
        self, reseller: str, kind: str, name: str, body: OwnClient, *, if_match: str, idempotency_key: str | None = None
    ) -> Tagged[OwnClientView]:
        """Keep the reseller's client with a system: its tenants then sign in there by it."""
        request = Request(
            "PUT",
            f"/v1/resellers/{part(reseller)}/oauth-clients/{part(kind)}/{part(name)}",
            headers={"If-Match": if_match},
            body=body,
            once=True,
            key=idempotency_key,
        )
        return await self._sender.tagged(request, OwnClientView)

    async def delete_oauth_client(self, reseller: str, kind: str, name: str, *, if_match: str) -> None:
        """Drop a client with its secret. Connections that were made by it end when their tokens do."""
        request = Request(
            "DELETE", f"/v1/resellers/{part(reseller)}/oauth-clients/{part(kind)}/{part(name)}", headers={"If-Match": if_match}
        )
        await self._sender.nothing(request)

    def list(self, tenant: str, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[Connection]:
        """The tenant's connections, the newest first, and how they do."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/connections", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, Connection)

    async def create(self, tenant: str, body: NewConnection, *, idempotency_key: str | None = None) -> Connection:
        """Connect a system by its key. It is asked whose account it is before anything is kept."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/connections", body=body, once=True, key=idempotency_key)
        return await self._sender.value(request, Connection)

    async def authorize(self, tenant: str, body: Authorize) -> Leaving:
        """Begin to connect a system by signing in there: for a person, who finishes it in the same browser."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/connections/authorize", body=body)
        return await self._sender.value(request, Leaving)

    async def show(self, tenant: str, connection: str) -> Connection:
        """A connection without its secrets; its ETag is needed to change it."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/connections/{part(connection)}")
        return await self._sender.value(request, Connection)

    async def list_choices(self, tenant: str, connection: str) -> Offered:
        """What the system has to choose from: its staff, calendars, pipelines."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/connections/{part(connection)}/choices")
        return await self._sender.value(request, Offered)

    async def choose_for(self, tenant: str, connection: str, body: Choosing, *, if_match: str) -> Tagged[Connection]:
        """Say what is used of the system, all of it: by chooser, or by ``staff/<name>`` for one of the diary's staff."""
        request = Request(
            "PUT", f"/v1/tenants/{part(tenant)}/connections/{part(connection)}/chosen", headers={"If-Match": if_match}, body=body
        )
        return await self._sender.tagged(request, Connection)

    async def disconnect(self, tenant: str, connection: str, *, if_match: str) -> Tagged[Disconnected]:
        """Switch a connection off: its key or tokens are deleted here, and revoked at the system where that can be done."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/connections/{part(connection)}/disconnect", headers={"If-Match": if_match})
        return await self._sender.tagged(request, Disconnected)

    def list_exchanges(
        self, tenant: str, connection: str, *, limit: int | None = None, cursor: str | None = None
    ) -> AsyncPages[ExchangeView]:
        """What was said to the system and what came back, the newest first: hashes of the bodies, for support."""
        request = Request(
            "GET", f"/v1/tenants/{part(tenant)}/connections/{part(connection)}/exchanges", query={"limit": limit, "cursor": cursor}
        )
        return self._sender.pages(request, ExchangeView)

    async def map_fields(self, tenant: str, connection: str, body: FieldMapping, *, if_match: str) -> Tagged[Connection]:
        """Say which of the system's fields are filled from where in a call's result, all of them."""
        request = Request(
            "PUT", f"/v1/tenants/{part(tenant)}/connections/{part(connection)}/mapping", headers={"If-Match": if_match}, body=body
        )
        return await self._sender.tagged(request, Connection)

    async def preview_mapping(self, tenant: str, connection: str, body: Preview) -> Previewed:
        """What the system's fields would get of a past call. Nothing is written."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/connections/{part(connection)}/mapping/preview", body=body)
        return await self._sender.value(request, Previewed)

    async def reconnect(self, tenant: str, connection: str, body: Reconnect, *, idempotency_key: str | None = None) -> Connection:
        """Connect the same account again by its key: what was chosen stays, and what has waited is written."""
        request = Request(
            "POST", f"/v1/tenants/{part(tenant)}/connections/{part(connection)}/reconnect", body=body, once=True, key=idempotency_key
        )
        return await self._sender.value(request, Connection)

    async def test(self, tenant: str, connection: str) -> Tested:
        """Ask the system, now, whose account it is."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/connections/{part(connection)}/test")
        return await self._sender.value(request, Tested)

    async def list_systems(self, tenant: str) -> Systems:
        """The systems that can be connected, with the forms that connect them."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/systems")
        return await self._sender.value(request, Systems)


class AsyncContactsGroup:
    """Operations on contacts."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    def list(self, tenant: str, *, q: str | None = None, limit: int | None = None, cursor: str | None = None) -> AsyncPages[CrmContact]:
        """The tenant's contacts, newest first; all, or those that fit a search."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/contacts", query={"q": q, "limit": limit, "cursor": cursor})
        return self._sender.pages(request, CrmContact)

    async def create(self, tenant: str, body: NewContact, *, idempotency_key: str | None = None) -> CrmContact:
        """Make a contact. A phone number is one contact's only."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/contacts", body=body, once=True, key=idempotency_key)
        return await self._sender.value(request, CrmContact)

    async def show(self, tenant: str, contact: str) -> Tagged[ContactDetail]:
        """A contact with the newest of its calls, visits, leads and messages; its ETag is needed to change it."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/contacts/{part(contact)}")
        return await self._sender.tagged(request, ContactDetail)

    async def change(self, tenant: str, contact: str, body: ContactChange, *, if_match: str) -> Tagged[CrmContact]:
        """Change what is given of a contact."""
        request = Request("PATCH", f"/v1/tenants/{part(tenant)}/contacts/{part(contact)}", headers={"If-Match": if_match}, body=body)
        return await self._sender.tagged(request, CrmContact)

    async def delete(self, tenant: str, contact: str, *, if_match: str) -> None:
        """Forget a contact with numbers, leads and messages; past visits stay in the diary without anything personal."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}/contacts/{part(contact)}", headers={"If-Match": if_match})
        await self._sender.nothing(request)

    async def merge(self, tenant: str, contact: str, body: Merge, *, idempotency_key: str | None = None) -> CrmContact:
        """Make one contact of two who are the same person. Calls, visits, leads, messages and numbers of the other come to this
        one.
        """
        request = Request("POST", f"/v1/tenants/{part(tenant)}/contacts/{part(contact)}/merge", body=body, once=True, key=idempotency_key)
        return await self._sender.value(request, CrmContact)


class AsyncHealthGroup:
    """Operations on health."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def healthz(self) -> builtins.dict[str, str]:
        """Whether the app and its database work."""
        request = Request("GET", "/healthz")
        return await self._sender.value(request, builtins.dict[str, str])


class AsyncKeysGroup:
    """Operations on keys."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    def list_reseller(self, reseller: str, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[Key]:
        """The reseller's own keys, the newest first."""
        request = Request("GET", f"/v1/resellers/{part(reseller)}/keys", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, Key)

    async def create_reseller(self, reseller: str, body: NewResellerKey) -> MintedKey:
        """Make a key for the reseller and all its tenants. Its secret is shown this once."""
        request = Request("POST", f"/v1/resellers/{part(reseller)}/keys", body=body)
        return await self._sender.value(request, MintedKey)

    async def show_reseller(self, reseller: str, key: str) -> Key:
        """A key."""
        request = Request("GET", f"/v1/resellers/{part(reseller)}/keys/{part(key)}")
        return await self._sender.value(request, Key)

    async def revoke_reseller(self, reseller: str, key: str) -> None:
        """Revoke a key, at once and for good."""
        request = Request("DELETE", f"/v1/resellers/{part(reseller)}/keys/{part(key)}")
        await self._sender.nothing(request)

    def list_tenant(self, tenant: str, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[Key]:
        """The tenant's keys, the newest first."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/keys", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, Key)

    async def create_tenant(self, tenant: str, body: NewTenantKey) -> MintedKey:
        """Make a key. Its secret is shown this once; it may do no more than you may."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/keys", body=body)
        return await self._sender.value(request, MintedKey)

    async def show_tenant(self, tenant: str, key: str) -> Key:
        """A key."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/keys/{part(key)}")
        return await self._sender.value(request, Key)

    async def revoke_tenant(self, tenant: str, key: str) -> None:
        """Revoke a key, at once and for good."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}/keys/{part(key)}")
        await self._sender.nothing(request)


class AsyncLeadsGroup:
    """Operations on leads."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    def list(
        self,
        tenant: str,
        *,
        status: Literal["new", "callback", "booked", "contacted", "won", "lost"] | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPages[Lead]:
        """The tenant's leads, newest first."""
        request = Request(
            "GET",
            f"/v1/tenants/{part(tenant)}/leads",
            query={"status": status, "since": since, "until": until, "limit": limit, "cursor": cursor},
        )
        return self._sender.pages(request, Lead)

    async def show(self, tenant: str, lead: str) -> Tagged[Lead]:
        """A lead; its ETag is needed to change it."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/leads/{part(lead)}")
        return await self._sender.tagged(request, Lead)

    async def change(self, tenant: str, lead: str, body: LeadChange, *, if_match: str) -> Tagged[Lead]:
        """Say how far a lead has come, who looks after it, and what there is to note."""
        request = Request("PATCH", f"/v1/tenants/{part(tenant)}/leads/{part(lead)}", headers={"If-Match": if_match}, body=body)
        return await self._sender.tagged(request, Lead)


class AsyncLiveCallsGroup:
    """Operations on live calls."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    def list(self, tenant: str, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[LiveCallView]:
        """The tenant's calls that are under way, the latest first, with what was said last."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/live-calls", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, LiveCallView)

    def watch(self, tenant: str) -> AsyncFile:
        """News of the tenant's live calls, as they happen: a stream of server-sent events for EventSource."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/live-calls/events")
        return self._sender.file(request)

    async def end(self, tenant: str, call: str, body: EndLiveCall, *, idempotency_key: str | None = None) -> Commanded:
        """End the call: after a last line, or at once. A caller who speaks up during that line has the conversation back."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/live-calls/{part(call)}/end", body=body, once=True, key=idempotency_key)
        return await self._sender.value(request, Commanded)

    async def say(self, tenant: str, call: str, body: SayLine, *, idempotency_key: str | None = None) -> Commanded:
        """Have the agent say something, word for word, at the next moment at which nobody is speaking."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/live-calls/{part(call)}/say", body=body, once=True, key=idempotency_key)
        return await self._sender.value(request, Commanded)

    async def transfer(self, tenant: str, call: str, body: TransferCall, *, idempotency_key: str | None = None) -> Commanded:
        """Put the caller through to one of the agent's transfer targets, once the agent has said what it is saying."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/live-calls/{part(call)}/transfer", body=body, once=True, key=idempotency_key)
        return await self._sender.value(request, Commanded)


class AsyncMeGroup:
    """Operations on me."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def show(self) -> Me:
        """Who asks, and what they may do where."""
        request = Request("GET", "/v1/me")
        return await self._sender.value(request, Me)

    async def change(self, body: PersonChange) -> Me:
        """Change one's name."""
        request = Request("PATCH", "/v1/me", body=body)
        return await self._sender.value(request, Me)

    async def change_password(self, body: PasswordChange) -> None:
        """Change one's password; ends all other sessions."""
        request = Request("POST", "/v1/me/password", body=body)
        await self._sender.nothing(request)

    async def list_sessions(self) -> builtins.list[SessionView]:
        """Where one is signed in; the last used first."""
        request = Request("GET", "/v1/me/sessions")
        return await self._sender.value(request, builtins.list[SessionView])

    async def end_session(self, session: str) -> None:
        """Sign out there."""
        request = Request("DELETE", f"/v1/me/sessions/{part(session)}")
        await self._sender.nothing(request)

    async def enrol_totp(self, body: PasswordIn) -> TotpEnrolment:
        """Begin with one-time codes: a secret for an app. In force once confirmed."""
        request = Request("POST", "/v1/me/totp", body=body)
        return await self._sender.value(request, TotpEnrolment)

    async def confirm_totp(self, body: TotpCode) -> RecoveryCodes:
        """Put one-time codes in force by a first code; the recovery codes are shown this once. Ends all other sessions."""
        request = Request("POST", "/v1/me/totp/confirm", body=body)
        return await self._sender.value(request, RecoveryCodes)

    async def disable_totp(self, body: TotpDisable) -> None:
        """No one-time codes any more."""
        request = Request("POST", "/v1/me/totp/disable", body=body)
        await self._sender.nothing(request)


class AsyncMembersGroup:
    """Operations on members."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    def list_platform_invitations(self, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[Invitation]:
        """Invitations to run the platform that nobody has taken yet; the newest first."""
        request = Request("GET", "/v1/invitations", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, Invitation)

    async def revoke_platform_invitation(self, invitation: str) -> None:
        """Take an invitation back."""
        request = Request("DELETE", f"/v1/invitations/{part(invitation)}")
        await self._sender.nothing(request)

    def list_platform(self, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[Member]:
        """Who runs the platform; the newest first."""
        request = Request("GET", "/v1/members", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, Member)

    async def invite_platform(self, body: NewPlatformMember, *, idempotency_key: str | None = None) -> Invitation:
        """Invite somebody by mail to run the platform."""
        request = Request("POST", "/v1/members", body=body, once=True, key=idempotency_key)
        return await self._sender.value(request, Invitation)

    async def show_platform(self, member: str) -> Member:
        """A member."""
        request = Request("GET", f"/v1/members/{part(member)}")
        return await self._sender.value(request, Member)

    async def remove_platform(self, member: str) -> None:
        """Remove a member. The last one stays."""
        request = Request("DELETE", f"/v1/members/{part(member)}")
        await self._sender.nothing(request)

    def list_reseller_invitations(self, reseller: str, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[Invitation]:
        """Invitations that nobody has taken yet; the newest first."""
        request = Request("GET", f"/v1/resellers/{part(reseller)}/invitations", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, Invitation)

    async def revoke_reseller_invitation(self, reseller: str, invitation: str) -> None:
        """Take an invitation back."""
        request = Request("DELETE", f"/v1/resellers/{part(reseller)}/invitations/{part(invitation)}")
        await self._sender.nothing(request)

    def list_reseller(self, reseller: str, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[Member]:
        """Who may do what in this reseller and all its tenants; the newest first."""
        request = Request("GET", f"/v1/resellers/{part(reseller)}/members", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, Member)

    async def invite_reseller(self, reseller: str, body: NewResellerMember, *, idempotency_key: str | None = None) -> Invitation:
        """Invite somebody by mail."""
        request = Request("POST", f"/v1/resellers/{part(reseller)}/members", body=body, once=True, key=idempotency_key)
        return await self._sender.value(request, Invitation)

    async def show_reseller(self, reseller: str, member: str) -> Member:
        """A member."""
        request = Request("GET", f"/v1/resellers/{part(reseller)}/members/{part(member)}")
        return await self._sender.value(request, Member)

    async def change_reseller(self, reseller: str, member: str, body: ResellerRoleChange) -> Member:
        """Give a member another role."""
        request = Request("PATCH", f"/v1/resellers/{part(reseller)}/members/{part(member)}", body=body)
        return await self._sender.value(request, Member)

    async def remove_reseller(self, reseller: str, member: str) -> None:
        """Remove a member."""
        request = Request("DELETE", f"/v1/resellers/{part(reseller)}/members/{part(member)}")
        await self._sender.nothing(request)

    def list_tenant_invitations(self, tenant: str, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[Invitation]:
        """Invitations that nobody has taken yet; the newest first."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/invitations", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, Invitation)

    async def revoke_tenant_invitation(self, tenant: str, invitation: str) -> None:
        """Take an invitation back."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}/invitations/{part(invitation)}")
        await self._sender.nothing(request)

    def list_tenant(self, tenant: str, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[Member]:
        """Who may do what in this tenant; the newest first. Its reseller's people are not among them."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/members", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, Member)

    async def invite_tenant(self, tenant: str, body: NewTenantMember, *, idempotency_key: str | None = None) -> Invitation:
        """Invite somebody by mail; they are a member once they accept. Nobody gives a role above their own."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/members", body=body, once=True, key=idempotency_key)
        return await self._sender.value(request, Invitation)

    async def show_tenant(self, tenant: str, member: str) -> Member:
        """A member."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/members/{part(member)}")
        return await self._sender.value(request, Member)

    async def change_tenant(self, tenant: str, member: str, body: TenantRoleChange) -> Member:
        """Give a member another role. The last owner stays one."""
        request = Request("PATCH", f"/v1/tenants/{part(tenant)}/members/{part(member)}", body=body)
        return await self._sender.value(request, Member)

    async def remove_tenant(self, tenant: str, member: str) -> None:
        """Remove a member; at once, wherever they are signed in. The last owner stays."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}/members/{part(member)}")
        await self._sender.nothing(request)


class AsyncNumbersGroup:
    """Operations on numbers."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    def list_call_buttons(self, tenant: str, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[WidgetView]:
        """The tenant's call buttons, newest first."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/call-buttons", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, WidgetView)

    async def create_call_button(self, tenant: str, body: NewWidget, *, idempotency_key: str | None = None) -> WidgetView:
        """Make a call button for the pages of some origins."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/call-buttons", body=body, once=True, key=idempotency_key)
        return await self._sender.value(request, WidgetView)

    async def show_call_button(self, tenant: str, button: str) -> Tagged[WidgetView]:
        """A call button, with what goes into the page; its ETag is needed to change it."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/call-buttons/{part(button)}")
        return await self._sender.tagged(request, WidgetView)

    async def change_call_button(self, tenant: str, button: str, body: WidgetChange, *, if_match: str) -> Tagged[WidgetView]:
        """Change what is given of a call button. Calls that were begun with it go on."""
        request = Request("PATCH", f"/v1/tenants/{part(tenant)}/call-buttons/{part(button)}", headers={"If-Match": if_match}, body=body)
        return await self._sender.tagged(request, WidgetView)

    async def delete_call_button(self, tenant: str, button: str, *, if_match: str) -> None:
        """Drop a call button: pages that still have it call nobody."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}/call-buttons/{part(button)}", headers={"If-Match": if_match})
        await self._sender.nothing(request)

    def list_carrier_accounts(self, tenant: str, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[AccountView]:
        """The tenant's accounts with carriers, newest first, without their secrets."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/carrier-accounts", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, AccountView)

    async def create_carrier_account(self, tenant: str, body: NewAccount, *, idempotency_key: str | None = None) -> AccountView:
        """Keep an account with a carrier. Its secrets are sealed and do not come out again."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/carrier-accounts", body=body, once=True, key=idempotency_key)
        return await self._sender.value(request, AccountView)

    async def show_carrier_account(self, tenant: str, account: str) -> Tagged[AccountView]:
        """An account without its secrets; its ETag is needed to change it."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/carrier-accounts/{part(account)}")
        return await self._sender.tagged(request, AccountView)

    async def change_carrier_account(self, tenant: str, account: str, body: AccountChange, *, if_match: str) -> Tagged[AccountView]:
        """Change what is given of an account."""
        request = Request(
            "PATCH", f"/v1/tenants/{part(tenant)}/carrier-accounts/{part(account)}", headers={"If-Match": if_match}, body=body
        )
        return await self._sender.tagged(request, AccountView)

    async def delete_carrier_account(self, tenant: str, account: str, *, if_match: str) -> None:
        """Drop an account with its secrets, once no number belongs to it."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}/carrier-accounts/{part(account)}", headers={"If-Match": if_match})
        await self._sender.nothing(request)

    async def list_at_carrier(self, tenant: str, account: str) -> NumbersAtCarrier:
        """The numbers that the account has at its carrier, now, and whether they ring here."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/carrier-accounts/{part(account)}/numbers")
        return await self._sender.value(request, NumbersAtCarrier)

    async def attach_at_carrier(self, tenant: str, account: str, number: str, body: Attach) -> NumberAtCarrier:
        """Let a number of the account (by the carrier's id) ring here: its address is set at the carrier, and a self-test call
        placed.
        """
        request = Request("POST", f"/v1/tenants/{part(tenant)}/carrier-accounts/{part(account)}/numbers/{part(number)}/attach", body=body)
        return await self._sender.value(request, NumberAtCarrier)

    async def self_test_at_carrier(self, tenant: str, account: str, number: str) -> NumberAtCarrier:
        """Read the number back from the carrier, and let the carrier ring it: the result is there a few seconds later."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/carrier-accounts/{part(account)}/numbers/{part(number)}/self-test")
        return await self._sender.value(request, NumberAtCarrier)

    async def test_carrier_account(self, tenant: str, account: str) -> AccountTest:
        """Whether the account can be used: its carrier is asked, if nothing here is in the way."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/carrier-accounts/{part(account)}/test")
        return await self._sender.value(request, AccountTest)

    async def show_lines(self, tenant: str) -> LinesView:
        """How many calls the tenant has at once and may have, and calls that were not taken today (UTC)."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/lines")
        return await self._sender.value(request, LinesView)

    def list(self, tenant: str, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[NumberView]:
        """The tenant's numbers, newest first."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/numbers", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, NumberView)

    async def create(self, tenant: str, body: NewNumber, *, idempotency_key: str | None = None) -> NumberView:
        """Give a DID to an agent. A number that is somebody else's is refused in the same words as one that cannot be used."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/numbers", body=body, once=True, key=idempotency_key)
        return await self._sender.value(request, NumberView)

    async def show(self, tenant: str, number: str) -> Tagged[NumberView]:
        """A number; its ETag is needed to change it."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/numbers/{part(number)}")
        return await self._sender.tagged(request, NumberView)

    async def change(self, tenant: str, number: str, body: NumberChange, *, if_match: str) -> Tagged[NumberView]:
        """Change what is given of a number."""
        request = Request("PATCH", f"/v1/tenants/{part(tenant)}/numbers/{part(number)}", headers={"If-Match": if_match}, body=body)
        return await self._sender.tagged(request, NumberView)

    async def delete(self, tenant: str, number: str, *, if_match: str) -> None:
        """Let a number go: calls to it are no longer taken. Calls that it has go on."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}/numbers/{part(number)}", headers={"If-Match": if_match})
        await self._sender.nothing(request)

    async def create_media_token(self, tenant: str, number: str, body: NewMedia) -> MediaToken:
        """Let in the media of a call to this number, from a telephone system of yours: Asterisk, jambonz, Exotel. Once, and
        soon.
        """
        request = Request("POST", f"/v1/tenants/{part(tenant)}/numbers/{part(number)}/media-tokens", body=body)
        return await self._sender.value(request, MediaToken)

    def list_trunks(self, tenant: str, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[TrunkView]:
        """The tenant's trunks, newest first, without their passwords, and how they fare at each engine."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/trunks", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, TrunkView)

    async def create_trunk(self, tenant: str, body: NewTrunk, *, idempotency_key: str | None = None) -> TrunkView:
        """Keep a SIP link to a carrier or exchange. Its password is sealed and does not come out again."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/trunks", body=body, once=True, key=idempotency_key)
        return await self._sender.value(request, TrunkView)

    async def show_trunk(self, tenant: str, trunk: str) -> Tagged[TrunkView]:
        """A trunk without its password; its ETag is needed to change it."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/trunks/{part(trunk)}")
        return await self._sender.tagged(request, TrunkView)

    async def change_trunk(self, tenant: str, trunk: str, body: TrunkChange, *, if_match: str) -> Tagged[TrunkView]:
        """Change what is given of a trunk. Calls that it has go on."""
        request = Request("PATCH", f"/v1/tenants/{part(tenant)}/trunks/{part(trunk)}", headers={"If-Match": if_match}, body=body)
        return await self._sender.tagged(request, TrunkView)

    async def delete_trunk(self, tenant: str, trunk: str, *, if_match: str) -> None:
        """Drop a trunk with its password, once no number belongs to it."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}/trunks/{part(trunk)}", headers={"If-Match": if_match})
        await self._sender.nothing(request)


class AsyncOutgoingCallsGroup:
    """Operations on outgoing calls."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def add_consent(self, tenant: str, body: NewConsent, *, idempotency_key: str | None = None) -> ConsentView:
        """Keep that somebody agreed to be rung by an automated assistant."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/call-consents", body=body, once=True, key=idempotency_key)
        return await self._sender.value(request, ConsentView)

    async def show_consent(self, tenant: str, phone: str) -> ConsentView:
        """Who agreed, when and how."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/call-consents/{part(phone)}")
        return await self._sender.value(request, ConsentView)

    async def withdraw_consent(self, tenant: str, phone: str) -> None:
        """Somebody agrees no more."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}/call-consents/{part(phone)}")
        await self._sender.nothing(request)

    async def show_limits(self, tenant: str) -> Tagged[TollView]:
        """Where calls out may go, how many of them, and how much of that is used."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/call-limits")
        return await self._sender.tagged(request, TollView)

    async def put_limits(self, tenant: str, body: TollLimits, *, if_match: str) -> Tagged[TollView]:
        """Other limits, from the next call on."""
        request = Request("PUT", f"/v1/tenants/{part(tenant)}/call-limits", headers={"If-Match": if_match}, body=body)
        return await self._sender.tagged(request, TollView)

    async def resume(self, tenant: str) -> TollView:
        """Place calls again and put callers through."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/call-limits/resume")
        return await self._sender.value(request, TollView)

    async def suspend(self, tenant: str) -> TollView:
        """Place no calls and put nobody through until somebody resumes."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/call-limits/suspend")
        return await self._sender.value(request, TollView)

    def list_do_not(self, tenant: str, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[DoNotCallView]:
        """Numbers that are never rung."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/do-not-call", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, DoNotCallView)

    async def add_do_not(self, tenant: str, body: NewDoNotCall, *, idempotency_key: str | None = None) -> DoNotCallView:
        """Never ring this number again. Calls that wait for it are refused, and consent to it is withdrawn."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/do-not-call", body=body, once=True, key=idempotency_key)
        return await self._sender.value(request, DoNotCallView)

    async def remove_do_not(self, tenant: str, phone: str) -> None:
        """The number may be rung again, with a new consent."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}/do-not-call/{part(phone)}")
        await self._sender.nothing(request)

    def list(
        self,
        tenant: str,
        *,
        state: Literal["waiting", "dialling", "ringing", "answered", "done", "failed", "refused", "cancelled"] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> AsyncPages[OutgoingView]:
        """Calls that were placed or are to be, newest first."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/outgoing-calls", query={"state": state, "limit": limit, "cursor": cursor})
        return self._sender.pages(request, OutgoingView)

    async def create(self, tenant: str, body: NewOutgoing, *, idempotency_key: str | None = None) -> OutgoingView:
        """Place a call as soon as it may be. One that may not be placed is ``refused`` and says why."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/outgoing-calls", body=body, once=True, key=idempotency_key)
        return await self._sender.value(request, OutgoingView)

    async def show(self, tenant: str, outgoing: str) -> OutgoingView:
        """A call and how it stands."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/outgoing-calls/{part(outgoing)}")
        return await self._sender.value(request, OutgoingView)

    async def cancel(self, tenant: str, outgoing: str) -> OutgoingView:
        """Do not place a call that waits."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/outgoing-calls/{part(outgoing)}/cancel")
        return await self._sender.value(request, OutgoingView)

    async def show_settings(self, tenant: str) -> Tagged[SettingView]:
        """When people are rung, for what they must have agreed, and what happens if nobody answers."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/outgoing-settings")
        return await self._sender.tagged(request, SettingView)

    async def put_settings(self, tenant: str, body: Setting, *, if_match: str) -> Tagged[SettingView]:
        """Place calls so from the next attempt on."""
        request = Request("PUT", f"/v1/tenants/{part(tenant)}/outgoing-settings", headers={"If-Match": if_match}, body=body)
        return await self._sender.tagged(request, SettingView)


class AsyncRecordingsGroup:
    """Operations on recordings."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def show_peaks(self, tenant: str, call: str, *, resolution: int | None = None) -> Waveform:
        """The waveform of a call's recording, by side. 409 for the moment until it is ready."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/calls/{part(call)}/peaks", query={"resolution": resolution})
        return await self._sender.value(request, Waveform)

    def fetch(
        self, tenant: str, call: str, *, download: bool | None = None, range: str | None = None, if_range: str | None = None
    ) -> AsyncFile:
        """A call's recording as FLAC, left the caller and right the agent; whole or in part. Who listens is written down."""
        request = Request(
            "GET",
            f"/v1/tenants/{part(tenant)}/calls/{part(call)}/recording",
            query={"download": download},
            headers={"Range": range, "if-range": if_range},
        )
        return self._sender.file(request)

    def fetch_trace(self, tenant: str, call: str) -> AsyncFile:
        """Every event of the call's turns and when it came, as JSON lines: `offhook replay` runs them again. Who reads it is
        written down.
        """
        request = Request("GET", f"/v1/tenants/{part(tenant)}/calls/{part(call)}/trace")
        return self._sender.file(request)

    def fetch_voice_message(
        self, tenant: str, call: str, *, download: bool | None = None, range: str | None = None, if_range: str | None = None
    ) -> AsyncFile:
        """The message that the caller left where the call could not go on, as FLAC; whole or in part. Who listens is written
        down.
        """
        request = Request(
            "GET",
            f"/v1/tenants/{part(tenant)}/calls/{part(call)}/voice-message",
            query={"download": download},
            headers={"Range": range, "if-range": if_range},
        )
        return self._sender.file(request)


class AsyncResellersGroup:
    """Operations on resellers."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[ResellerView]:
        """All resellers, newest first."""
        request = Request("GET", "/v1/resellers", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, ResellerView)

    async def create(self, body: NewReseller, *, idempotency_key: str | None = None) -> ResellerView:
        """Make a reseller: it sells to tenants under its own name."""
        request = Request("POST", "/v1/resellers", body=body, once=True, key=idempotency_key)
        return await self._sender.value(request, ResellerView)

    async def show(self, reseller: str) -> Tagged[ResellerView]:
        """A reseller; its ETag is needed to change it."""
        request = Request("GET", f"/v1/resellers/{part(reseller)}")
        return await self._sender.tagged(request, ResellerView)

    async def change(self, reseller: str, body: ResellerChange, *, if_match: str) -> Tagged[ResellerView]:
        """Change what is given of a reseller: its name and how it presents itself."""
        request = Request("PATCH", f"/v1/resellers/{part(reseller)}", headers={"If-Match": if_match}, body=body)
        return await self._sender.tagged(request, ResellerView)

    async def delete(self, reseller: str, *, if_match: str) -> None:
        """Delete a reseller that nothing belongs to any more."""
        request = Request("DELETE", f"/v1/resellers/{part(reseller)}", headers={"If-Match": if_match})
        await self._sender.nothing(request)

    async def resume(self, reseller: str) -> ResellerView:
        """Take the calls of its tenants again."""
        request = Request("POST", f"/v1/resellers/{part(reseller)}/resume")
        return await self._sender.value(request, ResellerView)

    async def suspend(self, reseller: str) -> ResellerView:
        """Refuse the calls of all its tenants."""
        request = Request("POST", f"/v1/resellers/{part(reseller)}/suspend")
        return await self._sender.value(request, ResellerView)


class AsyncSignInGroup:
    """Operations on sign in."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def show_invitation(self, token: str) -> OpenInvitation:
        """An invitation, for who was sent it."""
        request = Request("GET", f"/v1/invitations/{part(token)}")
        return await self._sender.value(request, OpenInvitation)

    async def accept_invitation(self, token: str, body: Acceptance) -> SignedIn:
        """Accept an invitation and be signed in."""
        request = Request("POST", f"/v1/invitations/{part(token)}/accept", body=body)
        return await self._sender.value(request, SignedIn)

    async def forgot_password(self, body: Forgot) -> SignedIn:
        """Ask for a mail with a link to choose a new password. The answer is the same for every address."""
        request = Request("POST", "/v1/password/forgot", body=body)
        return await self._sender.value(request, SignedIn)

    async def reset_password(self, body: Reset) -> None:
        """Choose a new password by the link of a mail; ends all sessions."""
        request = Request("POST", "/v1/password/reset", body=body)
        await self._sender.nothing(request)

    async def create_session(self, body: SignIn) -> SignedIn:
        """Sign in: sets the session's cookie, or asks for a one-time code."""
        request = Request("POST", "/v1/session", body=body)
        return await self._sender.value(request, SignedIn)

    async def delete_session(self) -> None:
        """Sign out."""
        request = Request("DELETE", "/v1/session")
        await self._sender.nothing(request)

    async def confirm_session(self, body: CodeIn) -> SignedIn:
        """The second step of signing in."""
        request = Request("POST", "/v1/session/totp", body=body)
        return await self._sender.value(request, SignedIn)

    async def set_up(self, body: NewSetup) -> SignedIn:
        """Make the first administrator of the platform, by the link that the first start prints, and sign them in."""
        request = Request("POST", "/v1/setup", body=body)
        return await self._sender.value(request, SignedIn)


class AsyncSignInProvidersGroup:
    """Operations on sign in providers."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    def list_reseller(self, reseller: str, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[Provider]:
        """Where the reseller's people, and those of its tenants, sign in by OpenID Connect; the newest first."""
        request = Request("GET", f"/v1/resellers/{part(reseller)}/oidc-providers", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, Provider)

    async def create_reseller(self, reseller: str, body: NewProvider, *, idempotency_key: str | None = None) -> Provider:
        """Let people sign in by a provider."""
        request = Request("POST", f"/v1/resellers/{part(reseller)}/oidc-providers", body=body, once=True, key=idempotency_key)
        return await self._sender.value(request, Provider)

    async def show_reseller(self, reseller: str, provider: str) -> Tagged[Provider]:
        """A provider; its ETag is needed to change it."""
        request = Request("GET", f"/v1/resellers/{part(reseller)}/oidc-providers/{part(provider)}")
        return await self._sender.tagged(request, Provider)

    async def change_reseller(self, reseller: str, provider: str, body: ProviderChange, *, if_match: str) -> Tagged[Provider]:
        """Change what is given of a provider."""
        request = Request(
            "PATCH", f"/v1/resellers/{part(reseller)}/oidc-providers/{part(provider)}", headers={"If-Match": if_match}, body=body
        )
        return await self._sender.tagged(request, Provider)

    async def remove_reseller(self, reseller: str, provider: str, *, if_match: str) -> None:
        """Remove a provider, the accounts that are only its own, and all sessions made by it."""
        request = Request("DELETE", f"/v1/resellers/{part(reseller)}/oidc-providers/{part(provider)}", headers={"If-Match": if_match})
        await self._sender.nothing(request)

    def list_tenant(self, tenant: str, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[Provider]:
        """Where the tenant's people sign in by OpenID Connect; the newest first."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/oidc-providers", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, Provider)

    async def create_tenant(self, tenant: str, body: NewProvider, *, idempotency_key: str | None = None) -> Provider:
        """Let people sign in by a provider. Only who may do all that an owner may: a provider vouches for owners too."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/oidc-providers", body=body, once=True, key=idempotency_key)
        return await self._sender.value(request, Provider)

    async def show_tenant(self, tenant: str, provider: str) -> Tagged[Provider]:
        """A provider; its ETag is needed to change it."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/oidc-providers/{part(provider)}")
        return await self._sender.tagged(request, Provider)

    async def change_tenant(self, tenant: str, provider: str, body: ProviderChange, *, if_match: str) -> Tagged[Provider]:
        """Change what is given of a provider. Disabled, nobody signs in by it, and sessions made by it rest."""
        request = Request("PATCH", f"/v1/tenants/{part(tenant)}/oidc-providers/{part(provider)}", headers={"If-Match": if_match}, body=body)
        return await self._sender.tagged(request, Provider)

    async def remove_tenant(self, tenant: str, provider: str, *, if_match: str) -> None:
        """Remove a provider, the accounts that are only its own, and all sessions made by it."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}/oidc-providers/{part(provider)}", headers={"If-Match": if_match})
        await self._sender.nothing(request)


class AsyncTenantsGroup:
    """Operations on tenants."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    def list_erasures(self, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[ErasureView]:
        """Certificates of tenants that were erased, newest first."""
        request = Request("GET", "/v1/erasures", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, ErasureView)

    async def show_erasure(self, erasure: str) -> ErasureView:
        """The certificate of an erasure; it is there once the work has begun."""
        request = Request("GET", f"/v1/erasures/{part(erasure)}")
        return await self._sender.value(request, ErasureView)

    def list_reseller_erasures(self, reseller: str, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[ErasureView]:
        """Certificates of the reseller's tenants that were erased, newest first."""
        request = Request("GET", f"/v1/resellers/{part(reseller)}/erasures", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, ErasureView)

    def list_reseller(self, reseller: str, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[TenantView]:
        """The reseller's tenants, newest first."""
        request = Request("GET", f"/v1/resellers/{part(reseller)}/tenants", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, TenantView)

    async def create(self, reseller: str, body: NewTenant, *, idempotency_key: str | None = None) -> TenantView:
        """Make a tenant of this reseller."""
        request = Request("POST", f"/v1/resellers/{part(reseller)}/tenants", body=body, once=True, key=idempotency_key)
        return await self._sender.value(request, TenantView)

    async def limit(self, reseller: str, tenant: str, body: TenantLimits) -> TenantView:
        """Set what the tenant may have at once."""
        request = Request("PUT", f"/v1/resellers/{part(reseller)}/tenants/{part(tenant)}/limits", body=body)
        return await self._sender.value(request, TenantView)

    async def resume(self, reseller: str, tenant: str) -> TenantView:
        """Take the tenant's calls again."""
        request = Request("POST", f"/v1/resellers/{part(reseller)}/tenants/{part(tenant)}/resume")
        return await self._sender.value(request, TenantView)

    async def suspend(self, reseller: str, tenant: str) -> TenantView:
        """Refuse the tenant's calls; all else stays as it is."""
        request = Request("POST", f"/v1/resellers/{part(reseller)}/tenants/{part(tenant)}/suspend")
        return await self._sender.value(request, TenantView)

    def list(self, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[TenantView]:
        """The tenants that you may read, newest first."""
        request = Request("GET", "/v1/tenants", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, TenantView)

    async def show(self, tenant: str) -> Tagged[TenantView]:
        """A tenant; its ETag is needed to change it."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}")
        return await self._sender.tagged(request, TenantView)

    async def change(self, tenant: str, body: TenantChange, *, if_match: str) -> Tagged[TenantView]:
        """Change what is given of a tenant."""
        request = Request("PATCH", f"/v1/tenants/{part(tenant)}", headers={"If-Match": if_match}, body=body)
        return await self._sender.tagged(request, TenantView)

    async def erase(self, tenant: str, body: Confirmation, *, if_match: str) -> Erasing:
        """Erase the tenant and everything of it, for ever. From now on nobody finds it and its calls are refused; a job does the
        work.
        """
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}", headers={"If-Match": if_match}, body=body)
        return await self._sender.value(request, Erasing)

    def list_exports(self, tenant: str, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[ExportView]:
        """The tenant's exports, newest first."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/exports", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, ExportView)

    async def create_export(self, tenant: str, *, idempotency_key: str | None = None) -> ExportView:
        """Have a job put all data of the tenant into one zip file. Whoever asks must be able to read all of it anyway."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/exports", once=True, key=idempotency_key)
        return await self._sender.value(request, ExportView)

    async def show_export(self, tenant: str, export: str) -> ExportView:
        """How far an export is."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/exports/{part(export)}")
        return await self._sender.value(request, ExportView)

    def fetch_export(self, tenant: str, export: str) -> AsyncFile:
        """The zip file of an export that is ready."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/exports/{part(export)}/file")
        return self._sender.file(request)

    async def move(self, tenant: str, body: Move) -> TenantView:
        """Give the tenant, with all that is its own, to another reseller."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/move", body=body)
        return await self._sender.value(request, TenantView)


class AsyncVaultGroup:
    """Operations on vault."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def create_data_key(self, tenant: str, *, idempotency_key: str | None = None) -> DataKeyView:
        """Make a new data key of the tenant, which seals from now on. What is sealed already stays as it is, and opens."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/vault/keys", once=True, key=idempotency_key)
        return await self._sender.value(request, DataKeyView)

    async def show(self) -> VaultView:
        """Which master keys there are, and how many data keys each of them wraps."""
        request = Request("GET", "/v1/vault")
        return await self._sender.value(request, VaultView)

    async def rewrap(self, *, idempotency_key: str | None = None) -> VaultView:
        """Have a job wrap all data keys with the current master key. It also runs by itself every hour."""
        request = Request("POST", "/v1/vault/rewrap", once=True, key=idempotency_key)
        return await self._sender.value(request, VaultView)


class AsyncVendorsGroup:
    """Operations on vendors."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    def list_reseller_accounts(
        self, reseller: str, *, limit: int | None = None, cursor: str | None = None
    ) -> AsyncPages[VendorAccountView]:
        """Accounts that the reseller lends to its tenants, by vendor, without their keys."""
        request = Request("GET", f"/v1/resellers/{part(reseller)}/vendor-accounts", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, VendorAccountView)

    async def show_reseller_account(self, reseller: str, vendor: str) -> Tagged[VendorAccountView]:
        """An account without its key; its ETag is needed to change it."""
        request = Request("GET", f"/v1/resellers/{part(reseller)}/vendor-accounts/{part(vendor)}")
        return await self._sender.tagged(request, VendorAccountView)

    async def put_reseller_account(
        self, reseller: str, vendor: str, body: VendorAccount, *, if_match: str, idempotency_key: str | None = None
    ) -> Tagged[VendorAccountView]:
        """Keep an account that all tenants of the reseller use who have none of their own with this vendor."""
        request = Request(
            "PUT",
            f"/v1/resellers/{part(reseller)}/vendor-accounts/{part(vendor)}",
            headers={"If-Match": if_match},
            body=body,
            once=True,
            key=idempotency_key,
        )
        return await self._sender.tagged(request, VendorAccountView)

    async def delete_reseller_account(self, reseller: str, vendor: str, *, if_match: str) -> None:
        """Drop an account with its key. Tenants without one of their own then use the engine's."""
        request = Request("DELETE", f"/v1/resellers/{part(reseller)}/vendor-accounts/{part(vendor)}", headers={"If-Match": if_match})
        await self._sender.nothing(request)

    async def rotate_reseller_key(
        self, reseller: str, vendor: str, body: RotateVendorKey, *, idempotency_key: str | None = None
    ) -> VendorAccountView:
        """Another key for the same account. Calls that are under way keep the one that they began with."""
        request = Request(
            "POST", f"/v1/resellers/{part(reseller)}/vendor-accounts/{part(vendor)}/rotate", body=body, once=True, key=idempotency_key
        )
        return await self._sender.value(request, VendorAccountView)

    def list_tenant_accounts(self, tenant: str, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[VendorAccountView]:
        """The tenant's own accounts with vendors of speech and language models, by vendor, without their keys."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/vendor-accounts", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, VendorAccountView)

    async def show_tenant_account(self, tenant: str, vendor: str) -> Tagged[VendorAccountView]:
        """An account without its key; its ETag is needed to change it."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/vendor-accounts/{part(vendor)}")
        return await self._sender.tagged(request, VendorAccountView)

    async def put_tenant_account(
        self, tenant: str, vendor: str, body: VendorAccount, *, if_match: str, idempotency_key: str | None = None
    ) -> Tagged[VendorAccountView]:
        """Keep the tenant's account with a vendor, in the place of the one before: the tenant's calls use it from the next one
        on.
        """
        request = Request(
            "PUT",
            f"/v1/tenants/{part(tenant)}/vendor-accounts/{part(vendor)}",
            headers={"If-Match": if_match},
            body=body,
            once=True,
            key=idempotency_key,
        )
        return await self._sender.tagged(request, VendorAccountView)

    async def delete_tenant_account(self, tenant: str, vendor: str, *, if_match: str) -> None:
        """Drop an account with its key. Calls then use the reseller's, if there is one, else the engine's own."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}/vendor-accounts/{part(vendor)}", headers={"If-Match": if_match})
        await self._sender.nothing(request)

    async def rotate_tenant_key(
        self, tenant: str, vendor: str, body: RotateVendorKey, *, idempotency_key: str | None = None
    ) -> VendorAccountView:
        """Another key for the same account. Calls that are under way keep the one that they began with."""
        request = Request(
            "POST", f"/v1/tenants/{part(tenant)}/vendor-accounts/{part(vendor)}/rotate", body=body, once=True, key=idempotency_key
        )
        return await self._sender.value(request, VendorAccountView)


class AsyncVisitorsGroup:
    """Operations on visitors."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def begin_visit(self, key: str, *, origin: str | None = None) -> Visit:
        """Begin a call from a page: for browsers, which say what page asks. The address is limited, and so is the button."""
        request = Request("POST", f"/widget/{part(key)}/calls", headers={"origin": origin})
        return await self._sender.value(request, Visit)


class AsyncWebhooksGroup:
    """Operations on webhooks."""

    def __init__(self, sender: AsyncSender) -> None:
        self._sender = sender

    async def list_event_types(self) -> EventTypeList:
        """The types of events, each with the JSON schema of its ``data`` and an example."""
        request = Request("GET", "/v1/event-types")
        return await self._sender.value(request, EventTypeList)

    def list_events(
        self,
        tenant: str,
        *,
        limit: int | None = None,
        cursor: str | None = None,
        type: Literal[
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
        | None = None,
        subject: str | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
    ) -> AsyncPages[EventView]:
        """What happened, newest first, whether it was sent to anybody or not."""
        request = Request(
            "GET",
            f"/v1/tenants/{part(tenant)}/events",
            query={"limit": limit, "cursor": cursor, "type": type, "subject": subject, "since": since, "until": until},
        )
        return self._sender.pages(request, EventView)

    async def show_event(self, tenant: str, event: str) -> EventView:
        """An event as it is sent."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/events/{part(event)}")
        return await self._sender.value(request, EventView)

    def list(self, tenant: str, *, limit: int | None = None, cursor: str | None = None) -> AsyncPages[WebhookView]:
        """The tenant's endpoints for its events, newest first, without their secrets."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/webhooks", query={"limit": limit, "cursor": cursor})
        return self._sender.pages(request, WebhookView)

    async def create(self, tenant: str, body: NewWebhook, *, idempotency_key: str | None = None) -> WebhookSecret:
        """Have events sent to a URL. The answer has the secret that signs them; it is not shown again."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/webhooks", body=body, once=True, key=idempotency_key)
        return await self._sender.value(request, WebhookSecret)

    async def show(self, tenant: str, webhook: str) -> Tagged[WebhookView]:
        """An endpoint without its secret; its ETag is needed to change it."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/webhooks/{part(webhook)}")
        return await self._sender.tagged(request, WebhookView)

    async def change(self, tenant: str, webhook: str, body: WebhookChange, *, if_match: str) -> Tagged[WebhookView]:
        """Change what is given. One that is enabled again is sent what has waited for it, in order."""
        request = Request("PATCH", f"/v1/tenants/{part(tenant)}/webhooks/{part(webhook)}", headers={"If-Match": if_match}, body=body)
        return await self._sender.tagged(request, WebhookView)

    async def delete(self, tenant: str, webhook: str, *, if_match: str) -> None:
        """Drop an endpoint with the log of what was sent there. Nothing more is sent."""
        request = Request("DELETE", f"/v1/tenants/{part(tenant)}/webhooks/{part(webhook)}", headers={"If-Match": if_match})
        await self._sender.nothing(request)

    def list_deliveries(
        self,
        tenant: str,
        webhook: str,
        *,
        state: Literal["waiting", "succeeded", "failed"] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        type: Literal[
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
        | None = None,
        subject: str | None = None,
        since: dt.datetime | None = None,
        until: dt.datetime | None = None,
    ) -> AsyncPages[DeliveryView]:
        """What was or is to be sent to an endpoint, the newest event first."""
        request = Request(
            "GET",
            f"/v1/tenants/{part(tenant)}/webhooks/{part(webhook)}/deliveries",
            query={"state": state, "limit": limit, "cursor": cursor, "type": type, "subject": subject, "since": since, "until": until},
        )
        return self._sender.pages(request, DeliveryView)

    async def show_delivery(self, tenant: str, webhook: str, delivery: str) -> DeliveryDetail:
        """A delivery with its event and what was tried."""
        request = Request("GET", f"/v1/tenants/{part(tenant)}/webhooks/{part(webhook)}/deliveries/{part(delivery)}")
        return await self._sender.value(request, DeliveryDetail)

    async def replay_delivery(self, tenant: str, webhook: str, delivery: str, *, idempotency_key: str | None = None) -> DeliveryView:
        """Send an event again, or now if it waits; what waits of the same subject before it goes first."""
        request = Request(
            "POST",
            f"/v1/tenants/{part(tenant)}/webhooks/{part(webhook)}/deliveries/{part(delivery)}/replay",
            once=True,
            key=idempotency_key,
        )
        return await self._sender.value(request, DeliveryView)

    async def replay(self, tenant: str, webhook: str, body: ReplayRange, *, idempotency_key: str | None = None) -> Replayed:
        """Send the events of a time again, of each subject in order: those given up, or all that the endpoint's types cover."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/webhooks/{part(webhook)}/replay", body=body, once=True, key=idempotency_key)
        return await self._sender.value(request, Replayed)

    async def rotate_secret(self, tenant: str, webhook: str, body: RotateSecret, *, idempotency_key: str | None = None) -> WebhookSecret:
        """A new secret, shown this once. For a while requests are signed with both, so that a receiver can change over without a
        gap.
        """
        request = Request("POST", f"/v1/tenants/{part(tenant)}/webhooks/{part(webhook)}/rotate", body=body, once=True, key=idempotency_key)
        return await self._sender.value(request, WebhookSecret)

    async def test(self, tenant: str, webhook: str, *, idempotency_key: str | None = None) -> DeliveryView:
        """Send an event of type ``test`` there. How it went stands in its delivery."""
        request = Request("POST", f"/v1/tenants/{part(tenant)}/webhooks/{part(webhook)}/test", once=True, key=idempotency_key)
        return await self._sender.value(request, DeliveryView)


class AsyncOperations:
    """All operations, by what they are about."""

    def __init__(self, sender: AsyncSender) -> None:
        self.agents = AsyncAgentsGroup(sender)
        self.appointments = AsyncAppointmentsGroup(sender)
        self.audit = AsyncAuditGroup(sender)
        self.calls = AsyncCallsGroup(sender)
        self.connections = AsyncConnectionsGroup(sender)
        self.contacts = AsyncContactsGroup(sender)
        self.health = AsyncHealthGroup(sender)
        self.keys = AsyncKeysGroup(sender)
        self.leads = AsyncLeadsGroup(sender)
        self.live_calls = AsyncLiveCallsGroup(sender)
        self.me = AsyncMeGroup(sender)
        self.members = AsyncMembersGroup(sender)
        self.numbers = AsyncNumbersGroup(sender)
        self.outgoing_calls = AsyncOutgoingCallsGroup(sender)
        self.recordings = AsyncRecordingsGroup(sender)
        self.resellers = AsyncResellersGroup(sender)
        self.sign_in = AsyncSignInGroup(sender)
        self.sign_in_providers = AsyncSignInProvidersGroup(sender)
        self.tenants = AsyncTenantsGroup(sender)
        self.vault = AsyncVaultGroup(sender)
        self.vendors = AsyncVendorsGroup(sender)
        self.visitors = AsyncVisitorsGroup(sender)
        self.webhooks = AsyncWebhooksGroup(sender)
