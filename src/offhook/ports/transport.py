"""What carries a call's media: frames in, frames out, clear, marks.

``send``, ``clear`` and ``mark`` are synchronous and never wait: the media wheel calls them. A transport queues to its
socket and ends itself (Closed with ``lost``) when the peer does not drain.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeAlias, runtime_checkable

from offhook.core.audio.format import AudioFormat


@dataclass(frozen=True, slots=True)
class CallStart:
    """What the transport knows of the call when its media is up."""

    transport: str
    """Name of the transport and dialect, such as ``twilio`` or ``browser``."""
    carrier_call: str = ""
    did: str = ""
    caller: str = ""
    token: str = ""
    parameters: dict[str, str] = field(default_factory=dict)


class MediaIn(NamedTuple):
    """Caller audio in ``format_in``; ``start`` in samples from the beginning of the call's media (gaps are visible as jumps)."""

    data: bytes
    start: int


@dataclass(frozen=True, slots=True)
class KeyIn:
    """A telephone key."""

    digit: str


@dataclass(frozen=True, slots=True)
class MarkIn:
    """Everything sent before this mark has been played or cleared."""

    name: str


@dataclass(frozen=True, slots=True)
class HoldIn:
    """The other side neither hears nor says anything from now on (it is on hold, or its media broke and may come back), or does again.

    The call's time stands still meanwhile. The transport keeps what it has not sent, and goes on with it afterwards; positions of
    ``MediaIn`` go on as if nothing had been between.
    """

    on: bool


@dataclass(frozen=True, slots=True)
class ClientIn:
    """Anything else that a browser may say: a JSON object."""

    message: dict[str, object]


@dataclass(frozen=True, slots=True)
class Closed:
    """The media is gone. ``lost`` when it broke without a goodbye."""

    lost: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class LegStats:
    """How a leg's media fared, for transports that can tell. Packets are RTP's; times are milliseconds."""

    received: int = 0
    lost: int = 0
    late: int = 0
    """Came after their place had been filled."""
    concealed_ms: int = 0
    """Caller audio that was made up for what was lost."""
    jitter_ms: float = 0.0
    rtt_ms: float | None = None
    mos: float | None = None
    """Estimated mean opinion score, 1 to 4.5 (ITU-T G.107, narrowband)."""
    codec: str = ""


TransportEvent: TypeAlias = MediaIn | KeyIn | MarkIn | HoldIn | ClientIn | Closed


@runtime_checkable
class Ringing(Protocol):
    """A transport whose line is still ringing when its call is prepared: nothing is heard on either side before it is answered."""

    async def answer(self) -> None:
        """Take it off the hook. Raises CallError when the caller has gone."""
        ...


class CallTransport(Protocol):
    """One leg's media."""

    @property
    def start(self) -> CallStart:
        """Known before the first event."""
        ...

    @property
    def format_in(self) -> AudioFormat:
        """Of what the caller sends."""
        ...

    @property
    def format_out(self) -> AudioFormat:
        """Of what the caller is sent."""
        ...

    @property
    def can_clear(self) -> bool:
        """Whether ``clear`` reaches what the other side has already; else that is played to its end."""
        ...

    @property
    def message_ms(self) -> int:
        """How much audio one message should hold where there is no hurry: 20, or 40 where the other side takes any length."""
        ...

    def send(self, data: bytes) -> None:
        """Queue audio in ``format_out``; never waits; ignored after the end."""

    def clear(self) -> None:
        """Drop what has not been played, here and at the carrier."""

    def mark(self, name: str) -> None:
        """Ask to be told when all that was sent so far has been played."""

    def send_keys(self, digits: str) -> bool:
        """Send telephone keys (0-9 * # A-D, ``w`` waits half a second); False where the transport cannot."""
        ...

    def stats(self) -> LegStats | None:
        """How the media has fared so far; None where the transport does not know."""
        ...

    def show(self, message: dict[str, object]) -> None:
        """Tell a browser something (transcript, ladder); a carrier ignores it."""

    async def read(self, take: Callable[[TransportEvent], None]) -> None:
        """Give every event to ``take`` as it comes, until Closed, the last one. One reader only."""

    async def run(self) -> None:
        """Carry what is queued to the peer until the leg is closed; runs beside ``read``."""

    async def transfer(self, target: str) -> None:
        """Hand the caller over; raises TransferFailed where the transport cannot."""

    async def end(self) -> None:
        """Close the leg; idempotent."""
