"""Whose a SIP request is: trunks by the address it came from, numbers by what it says, and how many a source may send. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from offhook.contracts.trunks import Trunk
from offhook.core.wire.sip import Message, Uri, uri

INVITES_PER_S: Final = 10.0
"""New calls that one source may begin a second, by itself; so many more at once as ``BURST`` says."""
BURST: Final = 20.0
_SOURCES_KEPT: Final = 10_000
_LEAST_DIGITS: Final = 6
_PREFIXES: Final = ("00", "011")
_SCANNERS: Final = (
    "friendly-scanner",
    "sipvicious",
    "sip-scan",
    "sipcli",
    "sipsak",
    "pplsip",
    "vaxsipuseragent",
    "sundayddr",
    "iwar",
    "smap",
)

Network = IPv4Network | IPv6Network


@lru_cache(maxsize=4_096)
def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(host)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found


def networks(sources: tuple[str, ...]) -> tuple[Network, ...]:
    """A trunk's addresses and networks; what is none is left out."""
    found: list[Network] = []
    for source in sources:
        try:
            found.append(ip_network(source, strict=False))
        except ValueError:
            continue
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Known:
    """A trunk with its addresses as such."""

    trunk: Trunk
    networks: tuple[Network, ...]

    def has(self, host: str) -> bool:
        """Whether an address is the trunk's."""
        found = _address(host)
        return found is not None and any(found.version == network.version and found in network for network in self.networks)


class Directory:
    """All trunks of an engine. ``hosts``: addresses by name of those that are given by name."""

    def __init__(self, trunks: tuple[Trunk, ...] = (), hosts: Mapping[str, tuple[str, ...]] | None = None) -> None:
        hosts = hosts or {}
        self.known = tuple(Known(trunk, networks((*trunk.sources, *hosts.get(split_host(trunk.host)[0], ())))) for trunk in trunks)
        self.by_id = {one.trunk.id: one for one in self.known}

    def of(self, host: str) -> tuple[Known, ...]:
        """The trunks that an address belongs to: several where a carrier serves several tenants."""
        return tuple(one for one in self.known if one.has(host))


def split_host(text: str) -> tuple[str, int]:
    """Host and port of ``host``, ``host:port`` or ``[v6]:port``; port 0 where none is said."""
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host, int(rest[1:] or 0) if rest[:1] == ":" and rest[1:].isdigit() else 0
    host, _, port = text.partition(":")
    return host, int(port) if port.isdigit() else 0


def rung(message: Message, trunk: Trunk) -> tuple[str, ...]:
    """What an INVITE says was rung, best first. Behind a registration the request names our contact, so the To is asked too."""
    values = {
        "request": (message.uri, *([message.get("to")] if trunk.auth == "register" else [])),
        "to": (message.get("to"),),
        "p-called-party-id": (message.get("p-called-party-id"),),
        "diversion": (message.get("diversion"),),
    }[trunk.did_from]
    found = (uri(value) for value in values if value)
    return tuple(one.user for one in found if one is not None and one.user)


def caller(message: Message) -> str:
    """Who rings, as the trunk says: what it asserts (RFC 3325) comes before what the caller wrote. Empty where they are withheld."""
    withheld = {"anonymous", "unknown", "restricted", "private", "unavailable"}
    for name in ("p-asserted-identity", "remote-party-id", "from"):
        found: Uri | None = uri(message.get(name)) if message.get(name) else None
        if found is not None and found.user and found.user.lower() not in withheld:
            digits = "".join(sign for sign in found.user if sign.isdigit())
            if len(digits) >= _LEAST_DIGITS and not set(found.user) - set("+0123456789().- "):
                return f"+{digits}" if found.user.startswith("+") else digits
            return found.user[:60]
    return ""


def did(wanted: str, dids: tuple[str, ...]) -> str:
    """The trunk's number that was rung, however it was written; empty where it is none of its."""
    digits = "".join(sign for sign in wanted if sign.isdigit())
    if len(digits) < _LEAST_DIGITS or set(wanted) - set("+0123456789().- "):
        return wanted if wanted in dids else ""
    forms = [digits, *(digits.removeprefix(prefix) for prefix in _PREFIXES if digits.startswith(prefix))]
    for one in dids:
        if one.removeprefix("+") in forms:
            return one
    if wanted.startswith("+"):
        return ""
    national = digits.removeprefix("0")
    found = [one for one in dids if len(national) >= _LEAST_DIGITS and one.endswith(national)]
    return found[0] if len(found) == 1 else ""


def scanner(message: Message) -> bool:
    """Whether a tool that looks for open lines says that it is one."""
    name = (message.get("user-agent") or message.get("server")).lower()
    return any(word in name for word in _SCANNERS)


class Rates:
    """A bucket of tokens by source; the longest silent are forgotten first."""

    def __init__(self, now: Callable[[], float], per_s: float = INVITES_PER_S, burst: float = BURST) -> None:
        self._now = now
        self._per_s = per_s
        self._burst = burst
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def allows(self, source: str) -> bool:
        """Take a token, if there is one."""
        now = self._now()
        left, at = self._buckets.pop(source, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._per_s)
        allowed = left >= 1
        self._buckets[source] = (left - 1 if allowed else left, now)
        if len(self._buckets) > _SOURCES_KEPT:
            self._buckets.popitem(last=False)
        return allowed
