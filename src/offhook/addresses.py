"""Which URLs and addresses a request on somebody else's behalf may go to (server-side request forgery). Pure.

The networks are those of IANA's special-purpose registries (iana-ipv4-special-registry, iana-ipv6-special-registry): what is not plainly
the public internet is refused, and so is every form that carries an IPv4 address inside an IPv6 one.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final, TypeAlias
from urllib.parse import urlsplit

import idna

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

LONGEST: Final = 2_000
"""Characters of a URL."""
_URL: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<place>[^/?#]*)(?P<path>/[^?#]*)?(?P<query>\?[^#]*)?(?P<fragment>#.*)?")
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_ENDS_IN_NUMBER: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)")
"""What the WHATWG's URL standard, and with it C libraries, would read as an IPv4 address: 2130706433, 0x7f.1, 0177.0.0.1."""
_PRIVATE_NAMES: Final = (
    "localhost", "localdomain", "local", "internal", "intranet", "private", "corp", "home", "lan", "arpa", "onion", "svc", "invalid",
)  # fmt: skip
"""Last labels that the public DNS does not have: cloud metadata (metadata.google.internal), clusters, home and company networks."""
_REFUSED_4: Final = tuple(
    ipaddress.IPv4Network(one)
    for one in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
        "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24",
        "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "168.63.129.16/32",  # a cloud's host agent on a public address
    )
)  # fmt: skip
_PUBLIC_6: Final = ipaddress.IPv6Network("2000::/3")
"""The only part of IPv6 that is given out; loopback, mapped, compatible, NAT64, unique local, link local and multicast are outside."""
_REFUSED_6: Final = tuple(
    ipaddress.IPv6Network(one) for one in ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3ffe::/16", "3fff::/20")
)


class BadUrl(ValueError):
    """A URL that no request goes to; the text says why and may be shown to whoever gave it."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What an operator allows. ``networks`` are the operator's own, which may be reached although they are private."""

    http: bool = False
    ports: frozenset[int] = frozenset({443})
    """Empty for any."""
    networks: tuple[Network, ...] = ()
    names: frozenset[str] = frozenset()
    """Hosts of the operator's own by name: whatever they answer may be reached."""

    def reachable(self, address: Address) -> bool:
        """Whether a request may go to this address."""
        return self.own(address) or public(address)

    def own(self, address: Address) -> bool:
        """Whether the address belongs to the operator's own networks."""
        return any(address.version == network.version and address in network for network in self.networks)


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart, once. ``host`` is ASCII, without brackets and last dot; ``path`` begins with a slash and has the query."""

    scheme: str
    host: str
    port: int
    path: str
    literal: Address | None
    """The address, where the host is one."""
    private: bool
    """Whether the name is none of the public DNS: only the operator's own networks may answer to it."""

    @property
    def authority(self) -> str:
        """As the Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.scheme == "https" else 80) else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL in its one form."""
        return f"{self.scheme}://{self.authority}{self.path}"


def public(address: Address) -> bool:
    """Whether an address is on the public internet, in its plain form."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _REFUSED_4)
    return address.scope_id is None and address in _PUBLIC_6 and not any(address in network for network in _REFUSED_6)


def public_network(network: Network) -> bool:
    """Whether all of a network is on the public internet."""
    if isinstance(network, ipaddress.IPv4Network):
        return not any(network.overlaps(one) for one in _REFUSED_4)
    return network.subnet_of(_PUBLIC_6) and not any(network.overlaps(one) for one in _REFUSED_6)


def take_apart(url: str, rules: Rules) -> Target:
    """A URL's parts, once it keeps to the rules; BadUrl. Names are not looked up here: what they answer is checked at the request."""
    if len(url) > LONGEST:
        raise BadUrl(f"longer than {LONGEST} characters")
    if not url.isprintable() or any(letter.isspace() for letter in url) or "\\" in url:
        raise BadUrl("spaces, control characters and backslashes are not allowed")
    found = _URL.fullmatch(url)
    if found is None:
        raise BadUrl("not a URL such as https://example.com/hook")
    scheme = found["scheme"].lower()
    if scheme != "https" and not (scheme == "http" and rules.http):
        raise BadUrl("must begin with https://")
    if found["fragment"] is not None:
        raise BadUrl("must have no #fragment")
    if "@" in found["place"]:
        raise BadUrl("must have no user name or password")
    path = (found["path"] or "/") + (found["query"] or "")
    if not path.isascii():
        raise BadUrl("letters outside ASCII must be percent-encoded in the path")
    host, port = _split(found["place"], scheme)
    if rules.ports and port not in rules.ports:
        raise BadUrl(f"port {port} is not allowed: only {', '.join(str(one) for one in sorted(rules.ports))}")
    literal = _literal(host)
    if literal is not None:
        if not rules.reachable(literal):
            raise BadUrl("the address is not on the public internet")
        return Target(scheme, literal.compressed, port, path, literal, private=False)
    name = _name(host)
    literal = _literal(name)  # digits of other scripts have become ours by now
    if literal is not None or _ENDS_IN_NUMBER.fullmatch(name):
        raise BadUrl("the address is not written as four decimal numbers")
    private = name not in rules.names and ("." not in name or name.rpartition(".")[2] in _PRIVATE_NAMES)
    if private and not rules.networks:
        raise BadUrl("the name is not one of the public internet")
    return Target(scheme, name, port, path, None, private)


def in_the_clear(url: str) -> bool:
    """Whether others can read what is sent there: no TLS, and not to this machine. ValueError for what is no URL."""
    parts = urlsplit(url)
    return parts.scheme.lower() in {"http", "ws"} and parts.hostname not in {"127.0.0.1", "::1", "localhost"}


def _split(place: str, scheme: str) -> tuple[str, int]:
    """Host and port; an IPv6 address keeps its brackets."""
    if place.startswith("["):
        host, bracket, rest = place.partition("]")
        host += bracket
        if not bracket or (rest and not rest.startswith(":")):
            raise BadUrl("not a URL such as https://example.com/hook")
        port = rest[1:]
        has_port = bool(rest)
    else:
        host, colon, port = place.partition(":")
        has_port = bool(colon)
    if not has_port:
        return host, 443 if scheme == "https" else 80
    if not (port.isascii() and port.isdigit() and len(port) <= 5 and 0 < int(port) < 65_536):
        raise BadUrl("the port is not a number from 1 to 65535")
    return host, int(port)


def _literal(host: str) -> Address | None:
    """The address that a host is, in one of the two forms that mean the same everywhere; BadUrl for a bracket without one."""
    try:
        if host.startswith("["):
            if "%" in host:
                raise BadUrl("an address must name no interface")
            return ipaddress.IPv6Address(host[1:-1])
        return ipaddress.IPv4Address(host)
    except ipaddress.AddressValueError as error:
        if host.startswith("["):
            raise BadUrl("not an IPv6 address between the brackets") from error
        return None


def _name(host: str) -> str:
    """A host name in ASCII (UTS 46), without the root's dot."""
    try:
        name = idna.encode(host, uts46=True, transitional=False).decode().lower() if not host.isascii() else host.lower()
    except idna.IDNAError as error:
        raise BadUrl("the host name is not one") from error
    name = name.removesuffix(".")
    if not name or len(name) > 253 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise BadUrl("the host name is not one")
    return name
