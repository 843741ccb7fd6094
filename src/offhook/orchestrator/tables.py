"""All tables, for migrations. Nobody else imports another domain's tables."""

from offhook.orchestrator.agents import tables as _agents
from offhook.orchestrator.agents.trials import tables as _trials
from offhook.orchestrator.audit import tables as _audit
from offhook.orchestrator.bookings import tables as _bookings
from offhook.orchestrator.bookings.outside import tables as _outside
from offhook.orchestrator.calls import tables as _calls
from offhook.orchestrator.carriers import tables as _carriers
from offhook.orchestrator.connections import tables as _connections
from offhook.orchestrator.crm import tables as _crm
from offhook.orchestrator.db import Base
from offhook.orchestrator.hooks import tables as _hooks
from offhook.orchestrator.keys import tables as _keys
from offhook.orchestrator.kit import once as _once
from offhook.orchestrator.live import tables as _live
from offhook.orchestrator.numbers import tables as _numbers
from offhook.orchestrator.openas import tables as _openas
from offhook.orchestrator.outgoing import tables as _outgoing
from offhook.orchestrator.overview import tables as _overview
from offhook.orchestrator.paperwork import tables as _paperwork
from offhook.orchestrator.people import tables as _people
from offhook.orchestrator.recordings import tables as _recordings
from offhook.orchestrator.resellers import tables as _resellers
from offhook.orchestrator.sync import tables as _sync
from offhook.orchestrator.tenants import tables as _tenants
from offhook.orchestrator.today import tables as _today
from offhook.orchestrator.tolls import tables as _tolls
from offhook.orchestrator.tools import tables as _tools
from offhook.orchestrator.transfers import tables as _transfers
from offhook.orchestrator.trunks import tables as _trunks
from offhook.orchestrator.vault import tables as _vault
from offhook.orchestrator.vendors import tables as _vendors
from offhook.orchestrator.widgets import tables as _widgets

modules = (
    _agents, _audit, _bookings, _calls, _carriers, _connections, _crm, _hooks, _keys, _live, _numbers, _once, _openas, _outgoing,
    _outside, _overview, _paperwork, _people, _recordings, _resellers, _sync, _tenants, _today, _tolls, _tools, _transfers, _trials,
    _trunks, _vault, _vendors, _widgets,
)  # fmt: skip
metadata = Base.metadata
