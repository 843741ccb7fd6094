"""What we ask of a carrier beside its media: one protocol, a file for each carrier.

All raise AdapterErrors: AdapterUnauthorized (the account's keys are not taken), AdapterNotFound (the call or number is not there any
more), AdapterRejected (the carrier will not do this), AdapterRateLimited, AdapterUnavailable (nobody knows whether it was done, unless
the method says so). What only repeats itself is sent again by the client underneath.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal, Protocol, TypeAlias

MachineDetection: TypeAlias = Literal["off", "detect", "message_end"]
"""Whether the carrier says who has answered: not at all; as soon as it knows; after a machine's greeting, when a message can be left."""
KEYS: Final = frozenset("0123456789*#ABCDwW")
"""Keys of a telephone; ``w`` is half a second of silence, ``W`` a whole one."""
RING_S: Final = 30


@dataclass(frozen=True, slots=True)
class NewLeg:
    """A call to be placed. ``answer_url`` is asked for the document once somebody answers, ``status_url`` told of the end.

    ``key`` names the attempt for good: the same key never rings twice. Both URLs must be of this installation's public address.
    """

    to: str
    caller_id: str
    answer_url: str
    status_url: str
    key: str
    machine_detection: MachineDetection = "off"
    heard_url: str = ""
    """Told who has answered once the carrier knows, while the call goes on at once; without it the call waits until the carrier knows."""
    timeout_s: int = RING_S
    progress: bool = False
    """Whether ``status_url`` is told of ringing and answering too."""


@dataclass(frozen=True, slots=True)
class CarrierNumber:
    """A number of the account as the carrier has it. ``voice_url`` is empty where something else answers it: ``used_by`` says what."""

    id: str
    did: str
    label: str
    voice_url: str
    fallback_url: str = ""
    """Whom the carrier asks if we do not answer; empty: the call just ends then."""
    used_by: str = ""


@dataclass(frozen=True, slots=True)
class PlacedCall:
    """A call that the carrier has, as it lists it."""

    id: str
    to: str
    caller_id: str
    status: str
    made_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """What the carrier says of the account: whether it works, and why not."""

    ok: bool
    note: str = ""
    places_calls: bool = field(default=True)
    """Whether it may place calls, as far as the carrier says."""


class CarrierRest(Protocol):
    """A carrier account that can be asked. ``call`` is the carrier's id of a call."""

    @property
    def kind(self) -> str:
        """``twilio``, ``telnyx``, ..."""
        ...

    async def hang_up(self, call: str) -> None:
        """End a call, also one that still rings. One that is gone has been hung up."""
        ...

    async def redirect(self, call: str, url: str) -> None:
        """A live call asks ``url`` for its next document, now; AdapterNotFound for one that is gone."""
        ...

    async def send_keys(self, call: str, digits: str, then: str = "") -> None:
        """Press keys on a live call; AdapterNotFound for one that is gone.

        A carrier that can press keys only by another document (Twilio) leaves the one that runs, and its media with it, and goes on with
        ``then``; without ``then`` it raises AdapterRejected and presses nothing.
        """
        ...

    async def place(self, leg: NewLeg) -> str:
        """Place a call, once for each key; the carrier's id of it.

        AdapterUnavailable: it may have been placed. The same key asks again later, and finds the call or places it.
        """
        ...

    async def find(self, leg: NewLeg, since: datetime) -> Sequence[PlacedCall]:
        """Calls between the same two numbers that were placed at this time or later, the oldest first."""
        ...

    async def numbers(self) -> list[CarrierNumber]:
        """All numbers of the account that can take calls."""
        ...

    async def number(self, id: str) -> CarrierNumber:
        """One number, read back; AdapterNotFound."""
        ...

    async def attach(self, number_id: str, voice_url: str) -> CarrierNumber:
        """Let a number ask ``voice_url`` what to do with its calls; as it stands then. Its fallback stays as it is."""
        ...

    async def standing(self) -> Standing:
        """One cheap request: whether the account works. AdapterUnauthorized where the keys are not taken."""
        ...
