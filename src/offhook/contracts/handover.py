"""What an engine hands over once a call has ended: its recording and its trace, each in one signed request.

``POST /v1/recordings`` has the file as its body and a ``Handover`` in the header ``Offhook-Handover``, as JSON in base64. The Standard
Webhooks signature is over that JSON, which binds the body by its size and digest: so neither side needs the whole of it in memory. The
engine keeps a file until the answer (``HandedOver``) says that it may go; to send it again is harmless.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from offhook.contracts.ids import CallId, Ref
from offhook.contracts.plan import Contract

HEADER: Final = "offhook-handover"
LARGEST: Final = 1_073_741_824
"""Bytes of the largest file: some ten hours of a call."""

Kind = Literal["recording", "trace"]
"""``recording``: FLAC, channel 0 the caller, channel 1 the agent. ``trace``: JSON lines, as ``offhook replay`` reads them."""


class Handover(Contract):
    """One file of one call."""

    call: CallId
    ref: Ref = ""
    kind: Kind
    size: Annotated[int, Field(ge=0, le=LARGEST)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    recovered: bool = False
    """The engine was killed in the call: what it had written until then."""


class HandedOver(Contract):
    """The file may be deleted: it is ``kept`` here, or nobody's, because its call or its owner was deleted."""

    kept: bool
