"""Where a trunk's calls come from and go to: addresses, networks and hosts that a tenant may name. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from offhook.addresses import BadUrl, Network, Rules, public_network, take_apart

WIDEST_4 = 16
WIDEST_6 = 32
"""Bits of prefix that a network has at least: a carrier's networks are no wider."""


def networks(given: Iterable[str]) -> tuple[Network, ...]:
    """The operator's own networks, from settings that were checked."""
    return tuple(ipaddress.ip_network(one) for one in given)


def source(text: str, own: tuple[Network, ...]) -> str:
    """An address or network in its one form; ValueError says why it may not be one. ``own`` are private networks that are allowed."""
    try:
        network = ipaddress.ip_network(text.strip())
    except ValueError as error:
        raise ValueError("not an address or network such as 198.51.100.7 or 198.51.100.0/24") from error
    if not (public_network(network) or any(network.version == one.version and network.subnet_of(one) for one in own)):  # type: ignore[arg-type]
        raise ValueError("not an address on the public internet, nor in a network that the operator allows")
    if network.prefixlen < (WIDEST_4 if network.version == 4 else WIDEST_6):
        raise ValueError("the network is too wide")
    return network.network_address.compressed if network.num_addresses == 1 else network.compressed


def host(text: str, own: tuple[Network, ...]) -> str:
    """A host, with its port where one is given; ValueError says why it may not be one."""
    try:
        target = take_apart(f"https://{text.strip()}", Rules(ports=frozenset(), networks=own))
    except BadUrl as error:
        said = str(error).removeprefix("a URL: ")
        raise ValueError("not a host such as sip.carrier.example:5060" if "URL" in said else said) from error
    if target.path != "/" or text.rstrip().endswith("/"):
        raise ValueError("not a host such as sip.carrier.example:5060")
    name = f"[{target.host}]" if ":" in target.host else target.host
    _, _, port = text.rpartition("]")[2].partition(":")
    return f"{name}:{target.port}" if port else name
