"""Every error that offhook raises on purpose, by whose fault it is and whether to try again.

::

    OffhookError
      ConfigError               a setting or document is wrong, found at start or load
      FormatError               two ends of a media link share no format, or media is not what it claims
      WireError
        LocalWireError          we broke the protocol
        RemoteWireError         the peer broke the protocol
      ProviderError             a speech or language provider failed
        Unavailable Timeout Rejected Unauthorized OverQuota BadOutput
          Untrusted           an Unavailable whose certificate is not believed
      CallError
        Refused NoPlan TransferFailed MediaLost NotReached
      AdapterError              a business system (CRM, calendar) failed
        AdapterUnavailable AdapterRejected AdapterUnauthorized AdapterNotFound AdapterConflict AdapterRateLimited
      DomainError               a request to the orchestrator cannot be served; carries an HTTP status
        NotSignedIn NotFound Conflict NotPermitted NotDialled PaymentRequired Invalid
        PreconditionRequired PreconditionFailed TooManyRequests Unreachable

``public`` is a fixed sentence that may be shown to anybody. ``detail`` may hold text of a peer or a
caller: it is for logs under a ``pii.`` key and never leaves the process otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Retry:
    """Whether the same request may be sent again: ``after`` is seconds, None means never."""

    after: float | None

    def __bool__(self) -> bool:
        return self.after is not None


NEVER = Retry(None)
NOW = Retry(0.0)


class OffhookError(Exception):
    """Base of all errors raised on purpose.

    ``public`` says what was wrong, where, and what to do, without anybody's data.
    """

    default_retry: ClassVar[Retry] = NEVER

    def __init__(self, public: str, *, detail: str = "", retry: Retry | None = None) -> None:
        super().__init__(public)
        self.public = public
        self.detail = detail
        self.retry = self.default_retry if retry is None else retry


class ConfigError(OffhookError):
    """A setting, plan or document is wrong; names the setting."""


class FormatError(OffhookError):
    """Two ends of a media link share no format, or media is not what its format says."""


class WireError(OffhookError):
    """A wire protocol was broken."""


class LocalWireError(WireError):
    """We tried to send what the protocol does not allow."""


class RemoteWireError(WireError):
    """The peer sent what the protocol does not allow."""


class ProviderError(OffhookError):
    """A speech or language provider failed; ``provider`` is its id, such as ``stt/local``."""

    def __init__(self, provider: str, public: str, *, detail: str = "", retry: Retry | None = None) -> None:
        super().__init__(public, detail=detail, retry=retry)
        self.provider = provider


class Unavailable(ProviderError):
    """Not reachable, or the connection broke."""

    default_retry = NOW


class Untrusted(Unavailable):
    """Its certificate has expired, or is another's. Others serve meanwhile; told apart, since waiting mends it only if somebody is told."""


class Timeout(ProviderError):
    """No answer within the deadline."""

    default_retry = NOW


class Rejected(ProviderError):
    """The request itself was refused; the same request will be refused again."""


class Unauthorized(ProviderError):
    """The key is missing, wrong or revoked."""


class OverQuota(ProviderError):
    """Too many requests, or the account's quota is used up."""

    default_retry = Retry(1.0)


class BadOutput(ProviderError):
    """The provider answered with something that is not what it promised. ``mismatch``: with audio in another format."""

    default_retry = NOW

    def __init__(self, provider: str, public: str, *, detail: str = "", retry: Retry | None = None, mismatch: bool = False) -> None:
        super().__init__(provider, public, detail=detail, retry=retry)
        self.mismatch = mismatch


class CallError(OffhookError):
    """A call cannot begin or go on."""


class Refused(CallError):
    """The call was refused before answer: capacity, drain, limits; ``why`` is the orchestrator's word for it, where it has refused."""

    def __init__(self, public: str, *, detail: str = "", retry: Retry | None = None, why: str = "") -> None:
        super().__init__(public, detail=detail, retry=retry)
        self.why = why


class NoPlan(CallError):
    """Nobody could say how to answer this number."""


class TransferFailed(CallError):
    """The other party could not be reached."""


class MediaLost(CallError):
    """The media connection broke without a goodbye."""


class NotReached(CallError):
    """A call that we placed was not answered. ``why``: ``busy``, ``no_answer``, ``refused``, ``failed``, ``unasked``
    (nobody was rung); ``status``: SIP's, 0 for none.
    """

    def __init__(self, why: str, status: int, public: str, *, detail: str = "") -> None:
        super().__init__(public, detail=detail)
        self.why = why
        self.status = status


class AdapterError(OffhookError):
    """A business system failed; ``adapter`` is its id, such as ``crm/hubspot``."""

    def __init__(self, adapter: str, public: str, *, detail: str = "", retry: Retry | None = None) -> None:
        super().__init__(public, detail=detail, retry=retry)
        self.adapter = adapter


class AdapterUnavailable(AdapterError):
    """The system cannot be reached or answered with a server error."""

    default_retry = Retry(1.0)


class AdapterRejected(AdapterError):
    """The system found the data invalid."""


class AdapterUnauthorized(AdapterError):
    """The connection's authorisation is missing or has ended; ``partly``: it is good, and does not reach this."""

    def __init__(self, adapter: str, public: str, *, detail: str = "", retry: Retry | None = None, partly: bool = False) -> None:
        super().__init__(adapter, public, detail=detail, retry=retry)
        self.partly = partly


class AdapterNotFound(AdapterError):
    """The record does not exist there."""


class AdapterConflict(AdapterError):
    """Somebody else has taken or changed it."""


class AdapterRateLimited(AdapterError):
    """Too many requests to that system."""

    default_retry = Retry(1.0)


class DomainError(OffhookError):
    """A request to the orchestrator cannot be served; ``status`` is the HTTP status, ``code`` a stable word."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad_request"


class NotFound(DomainError):
    """No such thing, or not yours to see."""

    status = 404
    code = "not_found"


class Conflict(DomainError):
    """The state of things does not allow it."""

    status = 409
    code = "conflict"


class NotPermitted(DomainError):
    """You may see it but not do this."""

    status = 403
    code = "not_permitted"


class NotDialled(DomainError):
    """A call may not be placed there, or not now; ``why`` is a stable word (orchestrator.tolls.rules)."""

    status = 403
    code = "not_dialled"

    def __init__(self, public: str, *, why: str, detail: str = "", retry: Retry | None = None) -> None:
        super().__init__(public, detail=detail, retry=retry)
        self.why = why


class PaymentRequired(DomainError):
    """The account's limits are reached."""

    status = 402
    code = "payment_required"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in a document: where (``script.states.greet.say``, ``hours.2.closes``), what, in which line of its text."""

    path: str
    message: str
    line: int | None = None


class Invalid(DomainError):
    """The request's content is wrong; ``faults`` name the places."""

    status = 422
    code = "invalid"

    def __init__(self, public: str, *, faults: tuple[Fault, ...] = (), detail: str = "", retry: Retry | None = None) -> None:
        super().__init__(public, detail=detail, retry=retry)
        self.faults = faults


class NotSignedIn(DomainError):
    """Nobody known asks."""

    status = 401
    code = "not_signed_in"


class PreconditionRequired(DomainError):
    """A change of configuration must say which revision it changes (RFC 6585 section 3)."""

    status = 428
    code = "precondition_required"


class PreconditionFailed(DomainError):
    """Somebody else has changed it in between (RFC 9110 section 15.5.13)."""

    status = 412
    code = "precondition_failed"


class TooManyRequests(DomainError):
    """A limit on requests is reached; ``retry.after`` seconds from now there is room again."""

    status = 429
    code = "too_many_requests"


class Unreachable(DomainError):
    """What the request needs, such as the engine of a call, does not answer."""

    status = 503
    code = "unavailable"
