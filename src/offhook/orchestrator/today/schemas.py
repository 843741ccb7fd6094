"""What needs somebody."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal, get_args

from pydantic import BaseModel, ConfigDict

from offhook.orchestrator.agents.schemas import AgentView
from offhook.orchestrator.bookings.schemas import Appointment
from offhook.orchestrator.calls.schemas import Call
from offhook.orchestrator.crm.schemas import Contact
from offhook.orchestrator.numbers.schemas import NumberView

Kind = Literal["number", "broken", "clash", "expired", "unwritten", "refused", "promise", "urgent"]
"""A number that nobody answers, a call that broke off on our side, a visit that clashes with something in another calendar, a business
system that does not let us in any more, one that has not got what calls left, an endpoint that takes no events, somebody who was promised
a call, somebody whose matter is urgent. In this order, the worst first."""
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


class Need(BaseModel):
    """Something that a person has to do. ``thing`` is the id of what it is about."""

    model_config = ConfigDict(frozen=True)

    kind: Kind
    thing: str
    at: datetime
    """Since when."""
    call: Call | None = None
    contact: Contact | None = None
    about: str = ""
    """What it was about, in the caller's own words, or what is wrong, in a sentence."""
    due: datetime | None = None
    """When they were promised a call."""
    number: NumberView | None = None
    endpoint: str = ""
    """What an endpoint, or a business system, is called."""
    adapter: str = ""
    waiting: int = 0
    """Events that it has not taken and that are tried again."""
    given_up: int = 0
    """Events, or calls, that it has not taken and that are not."""
    enabled: bool = True
    visit: Appointment | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Which one it is."""
        return self.kind, self.thing


class Setup(BaseModel):
    """How far a new business has come: an agent that answers, a number, a test call, and calls. None, or False, where it has not."""

    model_config = ConfigDict(frozen=True)

    agent: AgentView | None
    """One that has been published, else the newest draft."""
    live: bool
    number: NumberView | None
    tested: bool
    called: bool
