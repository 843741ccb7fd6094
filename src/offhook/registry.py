"""Providers by name: ``deepgram:nova-3`` is ``offhook.providers.<kind>.deepgram`` with the option ``nova-3``.

No list is edited to add one: a module is found by its name. Outsiders register an entry point in the group
``offhook.providers`` named ``<kind>.<name>`` whose value is their module. A module has ``SPEC`` and
``create(context, option)``. Transports (``offhook.transports.<name>``) and carrier dialects (``offhook.core.wire.<name>``)
are found the same way.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import entry_points
from types import ModuleType

from offhook.errors import ConfigError
from offhook.inference import InferencePool
from offhook.ports.spec import Kind, ProviderSpec
from offhook.reach import Reach
from offhook.weights import ModelStore

GROUP = "offhook.providers"


@dataclass(frozen=True, slots=True)
class ProviderContext:
    """What a provider may use: threads for models, weights, and settings by name (keys among them)."""

    pool: InferencePool
    weights: ModelStore
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    theirs: frozenset[str] = frozenset()
    """Settings that are a tenant's own and not of whoever runs the process: connections to an address among them are made by ``reach``."""
    reach: Reach = field(default_factory=Reach, repr=False)


def load(kind: Kind, name: str, context: ProviderContext) -> object:
    """The provider that a plan or setting names, made new. Raises ConfigError. Reads weights: call it in a thread."""
    head, _, option = name.partition(":")
    provider: object = _provider_module(kind, head).create(context, option)
    return provider


def spec(kind: Kind, name: str) -> ProviderSpec:
    """What a provider says of itself, without making it."""
    found: ProviderSpec = _provider_module(kind, name.partition(":")[0]).SPEC
    return found


def names(kind: Kind) -> tuple[str, ...]:
    """Names of all providers of a kind, ours and outsiders', installed extras or not."""
    return tuple(sorted({*_modules(f"offhook.providers.{kind}"), *_outsiders(kind)}))


def specs(kind: Kind) -> dict[str, ProviderSpec]:
    """All providers of a kind that can be imported here, by name."""
    found: dict[str, ProviderSpec] = {}
    for name in names(kind):
        try:
            found[name] = spec(kind, name)
        except ConfigError:
            continue  # its extra is not installed: it is not on offer
    return found


def preload() -> None:
    """Import all clients that can be imported here, and read which certificates they believe: a first call would wait 0.1 s for it, and
    others while a connection reads those in the loop. Call it in a thread.
    """
    for kind in ("stt", "tts", "llm"):
        package = f"offhook.providers.{kind}"
        for name in _modules(package):
            with suppress(ConfigError):  # its extra is not installed
                _import(f"{kind} provider", name, f"{package}.{name}")
    with suppress(ConfigError):  # there are none: whoever needs them says so
        importlib.import_module("offhook.providers._vendor").trust()


def transport(name: str) -> ModuleType:
    """The module of a transport."""
    return _find("transport", "offhook.transports", name)


def dialect(name: str) -> ModuleType:
    """The module of a carrier's dialect."""
    return _find("dialect", "offhook.core.wire", name)


def _provider_module(kind: Kind, name: str) -> ModuleType:
    return _find(f"{kind} provider", f"offhook.providers.{kind}", name, partial(_outsiders, kind))


def _find(what: str, package: str, name: str, others: Callable[[], Mapping[str, str]] = dict) -> ModuleType:
    stem = name.replace("-", "_")
    inside = _modules(package)
    if stem in inside:
        return _import(what, name, f"{package}.{stem}")
    outsiders = others()  # looked for in every package that is installed, which takes 5 ms
    if name in outsiders:
        return _import(what, name, outsiders[name])
    there = sorted({*inside, *outsiders})
    near = difflib.get_close_matches(name, there, n=1)
    guess = f"; did you mean {near[0]!r}?" if near else ""
    raise ConfigError(f"no {what} is called {name!r}{guess} There are: {', '.join(there) or 'none'}")


def _modules(package: str) -> frozenset[str]:
    """Modules in one of our packages; those that begin with an underscore are their own business."""
    try:
        path = importlib.import_module(package).__path__
    except ModuleNotFoundError:
        return frozenset()
    return frozenset(module.name for module in pkgutil.iter_modules(path) if not module.name.startswith("_"))


def _outsiders(kind: Kind) -> dict[str, str]:
    prefix = f"{kind}."
    return {point.name.removeprefix(prefix): point.module for point in entry_points(group=GROUP) if point.name.startswith(prefix)}


def _import(what: str, name: str, module: str) -> ModuleType:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing == "offhook":
            raise
        raise ConfigError(f"{what} {name!r} needs the package {missing!r}; install it with: pip install 'offhook[{name}]'") from error
