"""What somebody has seen to, of all that needed somebody."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from offhook.orchestrator.db import Base


class SeenToRow(Base):
    """A thing of a kind (``schemas.Kind``) needs nobody any more for what it was up to ``at``; who said so."""

    __tablename__ = "seen_to"

    tenant_id: Mapped[str] = mapped_column(ForeignKey("tenant.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    thing: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    by_kind: Mapped[str]
    by_id: Mapped[str]
