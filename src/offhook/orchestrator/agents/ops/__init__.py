"""What other domains ask of agents. What changes them is in ``editing`` and ``publishing``."""

from __future__ import annotations

from offhook.orchestrator.agents.ops.reading import draft as draft
from offhook.orchestrator.agents.ops.reading import live as live
from offhook.orchestrator.agents.ops.reading import need_in_use as need_in_use
from offhook.orchestrator.agents.ops.reading import split_ref as split_ref
from offhook.orchestrator.agents.ops.reading import version as version
from offhook.orchestrator.agents.ops.seeding import seed as seed
