"""Changes of visits in systems that list them by day and say neither what changed nor what was deleted: two lists are compared."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime

from offhook.adapters.model import Appointment, Change


def compared(known: Mapping[str, str], found: Iterable[Appointment], since: datetime) -> tuple[tuple[Change, ...], dict[str, str]]:
    """What is new or different in ``found``, and gone since ``known``; and what is to be known next time.

    Visits that began before ``since`` have left the list by themselves: they are not gone.
    """
    changes: list[Change] = []
    now: dict[str, str] = {}
    for visit in found:
        now[visit.id] = f"{int(visit.start.timestamp())}:{_print(visit)}"
        if known.get(visit.id) != now[visit.id]:
            changes.append(Change("appointment", visit.id, visit, gone=visit.cancelled))
    edge = since.timestamp()
    changes += [
        Change("appointment", one, gone=True) for one, text in known.items() if one not in now and int(text.partition(":")[0]) >= edge
    ]
    return tuple(changes), now


def _print(visit: Appointment) -> str:
    text = "\n".join(
        (visit.resource, visit.end.isoformat(), visit.title, visit.description, visit.job, visit.customer, str(visit.cancelled))
    )
    return hashlib.sha256(text.encode()).hexdigest()[:10]
