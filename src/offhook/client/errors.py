"""What the client raises: one class for each thing that a caller does something different about.

::

    ApiError(OffhookError)      the orchestrator refused: ``status``, ``code``, ``faults``
      NotSignedIn 401  NotPermitted 403  NotFound 404  Conflict 409
      PreconditionFailed 412    somebody else changed it meanwhile: read it again
      Invalid 422               ``faults`` say which fields
      PreconditionRequired 428  a change of configuration that does not say of what
      RateLimited 429           ``retry_after`` seconds
      ServerFault 5xx           Unavailable 503 is one of them
    Unreachable(OffhookError)   no answer came
    Unexpected(OffhookError)    an answer that this client does not understand
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, ClassVar

from offhook.errors import NEVER, OffhookError, Retry

_PREFIX = "urn:offhook:problem:"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one field of a request: ``path`` such as ``script.nodes.greet.say``, ``line`` in a document's text."""

    path: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        where = self.path if self.line is None else f"{self.path} (line {self.line})"
        return f"{where}: {self.message}" if where else self.message


class Unreachable(OffhookError):
    """No answer came: nobody listens, the connection broke, or it took too long. The request may have been carried out."""

    default_retry = Retry(0.0)


class Unexpected(OffhookError):
    """An answer that is not what the interface's description says: another version, or something else that listens there."""


class ApiError(OffhookError):
    """The orchestrator refused. ``public`` is its own sentence; ``code`` is stable, such as ``not_found``."""

    fixed: ClassVar[int] = 0

    def __init__(
        self, status: int, code: str, public: str, *, faults: tuple[Fault, ...] = (), retry_after: float | None = None, detail: str = ""
    ) -> None:
        super().__init__(public, detail=detail, retry=NEVER if retry_after is None else Retry(retry_after))
        self.status = status
        self.code = code
        self.faults = faults
        self.retry_after = retry_after

    def __str__(self) -> str:
        return "; ".join([self.public, *map(str, self.faults)])


class NotSignedIn(ApiError):
    """The token is missing, wrong or revoked."""

    fixed = 401


class NotPermitted(ApiError):
    """You may see it but not do this."""

    fixed = 403


class NotFound(ApiError):
    """No such thing, or not yours to see."""

    fixed = 404


class Conflict(ApiError):
    """The state of things does not allow it."""

    fixed = 409


class PreconditionFailed(ApiError):
    """It was changed since its ETag was read."""

    fixed = 412


class Invalid(ApiError):
    """The request's content is wrong; ``faults`` say where."""

    fixed = 422


class PreconditionRequired(ApiError):
    """A change of configuration needs the ETag of what is changed."""

    fixed = 428


class RateLimited(ApiError):
    """Too many requests; ``retry_after`` says in how many seconds."""

    fixed = 429


class ServerFault(ApiError):
    """The orchestrator failed."""


class Unavailable(ServerFault):
    """The orchestrator cannot serve at the moment."""

    fixed = 503


_KINDS: dict[int, type[ApiError]] = {
    kind.fixed: kind
    for kind in (
        NotSignedIn,
        NotPermitted,
        NotFound,
        Conflict,
        PreconditionFailed,
        Invalid,
        PreconditionRequired,
        RateLimited,
        Unavailable,
    )
}


def refusal(status: int, body: bytes, retry_after: str = "") -> ApiError:
    """The error that an answer stands for. A body that is no problem document is kept as ``detail`` only."""
    kind = _KINDS.get(status, ServerFault if status >= 500 else ApiError)
    seconds = float(retry_after) if retry_after.isdecimal() else None
    try:
        found: Any = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("title"), str):
        text = body[:500].decode("utf-8", "replace")
        return kind(status, "unknown", f"the answer was {status} without a reason", retry_after=seconds, detail=text)
    code = str(found.get("type", "")).removeprefix(_PREFIX)
    return kind(status, code, found["title"], faults=_faults(found.get("errors")), retry_after=seconds)


def _faults(found: object) -> tuple[Fault, ...]:
    if not isinstance(found, list):
        return ()
    faults = []
    for one in found:
        if isinstance(one, dict):
            line = one.get("line")
            faults.append(Fault(str(one.get("path", "")), str(one.get("message", "")), line if isinstance(line, int) else None))
    return tuple(faults)
