"""Who is looking at a tenant as one of its agency."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


class OpenAsRow(Base):
    """A look at a tenant, of one browser: one at a time. It ends with the session, whose row may go without it.

    ``person_name`` is kept because the end is written down by a job, when the person may be gone.
    """

    __tablename__ = "open_as"

    session_id: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[str]
    person_name: Mapped[str]
    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.id"), index=True)
    reason: Mapped[str]
    writes: Mapped[bool]
    began_at: Mapped[datetime]
    ends_at: Mapped[datetime] = mapped_column(index=True)
