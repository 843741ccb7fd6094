"""All tables, for migrations. Nobody else imports another domain's tables."""

from offhook.orchestrator.bookings import tables as _bookings
from offhook.orchestrator.calls import tables as _calls
from offhook.orchestrator.carriers import tables as _carriers
from offhook.orchestrator.crm import tables as _crm
from offhook.orchestrator.db import Base
from offhook.orchestrator.tenants import tables as _tenants
from offhook.orchestrator.tools import tables as _tools

modules = (_tenants, _calls, _crm, _bookings, _tools, _carriers)
metadata = Base.metadata
