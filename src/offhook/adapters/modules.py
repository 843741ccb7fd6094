"""Adapters by name: ``crm/servicem8`` is ``offhook.adapters.crm.servicem8``. No list is edited to add one.

Outsiders register an entry point in the group ``offhook.adapters`` named ``<kind>.<name>`` whose value is their module. A module has
``MANIFEST`` and ``ADAPTER``.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from types import MappingProxyType

from offhook.adapters.port import Adapter, Manifest
from offhook.errors import ConfigError

GROUP = "offhook.adapters"
KINDS = ("crm", "calendar")


@dataclass(frozen=True, slots=True)
class Module:
    """An adapter that can be connected."""

    manifest: Manifest
    adapter: type[Adapter]


@functools.cache
def found() -> Mapping[str, Module]:
    """All adapters by id (``crm/servicem8``), ours and outsiders'; ConfigError for one that is not what it says. Imports: use a thread."""
    names: dict[str, str] = {}
    for kind in KINDS:
        package = importlib.import_module(f"offhook.adapters.{kind}")
        for one in pkgutil.iter_modules(package.__path__):
            if not one.name.startswith("_"):
                names[f"{kind}/{one.name}"] = f"offhook.adapters.{kind}.{one.name}"
    for point in entry_points(group=GROUP):
        names.setdefault(point.name.replace(".", "/", 1), point.module)
    return MappingProxyType({name: _module(name, module) for name, module in sorted(names.items())})


def _module(id: str, name: str) -> Module:
    module = importlib.import_module(name)
    manifest, adapter = getattr(module, "MANIFEST", None), getattr(module, "ADAPTER", None)
    if not isinstance(manifest, Manifest) or not isinstance(adapter, type):
        raise ConfigError(f"the adapter {id} ({name}) has no MANIFEST or no ADAPTER")
    if manifest.id != id:
        raise ConfigError(f"the adapter {id} ({name}) calls itself {manifest.id}")
    return Module(manifest, adapter)
