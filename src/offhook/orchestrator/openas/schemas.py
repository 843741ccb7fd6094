"""What it takes to open a client's portal."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

from offhook.errors import NotPermitted


class NewOpening(BaseModel):
    """Why somebody wants to look, and whether they want to change something."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=300, pattern=r"^[^\x00-\x1f\x7f]*$")]
    writes: bool = False


@dataclass(frozen=True, slots=True)
class Opening:
    """A look that is going on."""

    tenant: str
    reason: str
    writes: bool
    ends_at: datetime


class OpenFirst(NotPermitted):
    """They may look after this tenant, and have to say why before they see its pages."""

    code = "open_as_needed"

    def __init__(self, reseller: str, tenant: str) -> None:
        super().__init__("say why before you open this client's portal")
        self.reseller, self.tenant = reseller, tenant
