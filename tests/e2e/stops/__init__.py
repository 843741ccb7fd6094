"""Where the portal's checks stop: every page in every state. A module here adds its own; nothing else has to know of it.

A module has ``STOPS`` (name of the picture to stop) and may have ``furnish(house)``, which gives Harbour what its pages show, and may put
the ids that it got into ``STOPS``.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass
from types import ModuleType

from tests.e2e.people import OWNER


@dataclass(frozen=True, slots=True)
class Stop:
    """A page. ``show`` is JavaScript that opens something on it; ``who`` is signed in (None: nobody); ``wait`` is a selector of what
    shows when the page is all there; ``streams``: its network is never idle."""

    path: str
    show: str = ""
    who: str | None = OWNER
    wait: str = ""
    streams: bool = False


def modules() -> list[ModuleType]:
    """Each of them, by name."""
    return [importlib.import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]


def areas(only: Sequence[str] = ()) -> dict[str, dict[str, Stop]]:
    """The stops of each module, those of nobody first and then by who is signed in; only of these names, where there are some."""
    found: dict[str, dict[str, Stop]] = {}
    seen: set[str] = set()
    for module in modules():
        assert not (same := seen & module.STOPS.keys()), f"{module.__name__}: {same}"
        seen |= module.STOPS.keys()
        some = {name: stop for name, stop in module.STOPS.items() if not only or name in only}
        if some:
            found[module.__name__.rpartition(".")[2]] = dict(sorted(some.items(), key=lambda item: item[1].who or ""))
    return found


def stops() -> dict[str, Stop]:
    """All, by name."""
    return {name: stop for some in areas().values() for name, stop in some.items()}
