"""What a webhook says and what a carrier is told to do, in nobody's dialect. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

from offhook.orchestrator.carriers.schemas import Credentials

MAX_URL: Final = 2_000
"""Characters of an address that a carrier names."""


@dataclass(frozen=True, slots=True)
class Raw:
    """A request as it came; ``fields`` of a form, ``object`` of JSON."""

    url: str
    """Under our public address: what the carrier believes that it asked."""
    headers: Mapping[str, str]
    body: bytes
    fields: Mapping[str, Sequence[str]]
    object: Mapping[str, Any]
    source: str = ""
    """The peer's address."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a webhook says. ``account`` is whose it says it is; nothing of it is true before its signature is."""

    carrier_call: str
    to: str
    caller: str
    account: str
    over: bool = False
    """It only tells that the call has ended: there is nothing to answer."""
    dialled: str = ""
    """How it went with somebody who was dialled."""
    recording: str = ""
    """The carrier's name of a message that was recorded, which is so many seconds long."""
    seconds: int = 0
    audio: str = ""
    """Where the carrier keeps it."""
    status: str = ""
    """How the call stands; of those that are over ``completed``, ``busy``, ``no-answer``, ``failed``, ``canceled``."""
    by: str = ""
    """Who has answered a call that we placed, where the carrier has listened: ``human``, ``fax``, or what begins with ``machine``."""
    request: str = ""
    """What the carrier called a call that we placed before it had an id."""
    digits: str = ""
    speech: str = ""
    """What was keyed, or said, where we asked."""

    @property
    def machine(self) -> bool:
        """Whether no person has answered."""
        return self.by.startswith("machine") or self.by == "fax"


@dataclass(frozen=True, slots=True)
class Connect:
    """Bring the media to the engine, and ask ``after`` when it has ended."""

    stream: str
    after: str
    token: str
    did: str
    caller: str
    carrier_call: str


@dataclass(frozen=True, slots=True)
class Dial:
    """Send the caller to a phone number or SIP address. ``action`` is asked what follows, when that has ended or nobody has answered."""

    target: str
    action: str = ""
    ring_s: int | None = None


@dataclass(frozen=True, slots=True)
class Say:
    """Words in the carrier's own voice."""

    text: str
    language: str


@dataclass(frozen=True, slots=True)
class Record:
    """Record a message after a tone, and ask ``action`` what follows; without a word the next step does."""

    action: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Say these lines and ask ``action`` with a key or a word of the answer; also where there is none."""

    lines: tuple[str, ...]
    language: str
    action: str
    hints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Meet:
    """Into a room. Whoever leaves it ends it for all: no leg outlives the others. ``action`` is asked what follows."""

    room: str
    action: str = ""


@dataclass(frozen=True, slots=True)
class Reject:
    """Refuse the call before it is answered, so that nobody pays for it."""

    busy: bool = False


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the call."""


Step: TypeAlias = Connect | Dial | Say | Record | Ask | Meet | Reject | HangUp


class Talk(Protocol):
    """A carrier's way to talk. One file's worth for each would be more lines than words."""

    kind: str
    media: str
    """Content type of the document."""
    form: bool
    """Whether webhooks are forms, or JSON."""
    asks: bool
    """Whether it can be told to ask what follows a Dial or a Record."""
    moves: bool
    """Whether calls are put through and placed there, by our documents and its REST API."""

    def heard(self, raw: Raw) -> Heard:
        """What a webhook says."""
        ...

    def signed(self, raw: Raw, opened: Credentials, heard: Heard, now: float) -> bool:
        """Whether this account's carrier has signed it."""
        ...

    def document(self, steps: Sequence[Step]) -> bytes:
        """What the carrier is to do, one after the other."""
        ...


def first(raw: Raw, name: str) -> str:
    """The first value of a form's field."""
    values = raw.fields.get(name)
    return values[0] if values else ""


def count(text: str) -> int:
    """Seconds as a carrier writes them; 0 for anything else."""
    whole = text.partition(".")[0]
    return int(whole) if whole.isascii() and whole.isdigit() and len(whole) <= 6 else 0


def plus(number: str) -> str:
    """E.164 without its plus sign, as some carriers write it, with it."""
    return f"+{number}" if number.isascii() and number.isdigit() and len(number) >= 8 else number
