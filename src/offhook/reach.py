"""Names that somebody else gave, looked up once and checked: the connection is made to one of the addresses that were checked, and there is
no second look-up that could answer otherwise (DNS rebinding).
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeAlias

import anyio
from anyio import to_thread

from offhook.addresses import Address, BadUrl, Network, Rules, Target, take_apart
from offhook.errors import ConfigError

Resolver: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""Addresses of a name, as text; OSError."""
LOOKUPS: Final = 32
"""Names that are looked up at once: one that nobody answers for holds a thread for a while."""


_ANY_PORT: Final = Rules(http=True, ports=frozenset())


class NoAddress(OSError):
    """There is no address to connect to: the name is unknown (``dns``), or answers one that is not allowed (``address``)."""

    def __init__(self, trouble: Literal["dns", "address"], sentence: str) -> None:
        super().__init__(sentence)
        self.trouble: Literal["dns", "address"] = trouble
        self.sentence = sentence
        """May be shown to whoever gave the URL."""


class Lookup:
    """Looks names up by the system's resolver, in threads of its own number."""

    def __init__(self, at_once: int = LOOKUPS) -> None:
        self._limiter = anyio.CapacityLimiter(at_once)

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """All addresses of a name."""

        def look() -> list[str]:
            return [str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]

        return await to_thread.run_sync(look, limiter=self._limiter, abandon_on_cancel=True)


async def addresses(target: Target, rules: Rules, resolve: Resolver, within: float) -> list[Address]:
    """Where a request to this target may connect; NoAddress if any address that its name answers is not allowed. Seconds."""
    if target.literal is not None:
        return [target.literal]
    try:
        with anyio.fail_after(within):
            found = [_plain(one) for one in dict.fromkeys(await resolve(target.host, target.port))]
    except TimeoutError as error:
        raise NoAddress("dns", "the name was not answered for in time") from error
    except (OSError, UnicodeError) as error:
        raise NoAddress("dns", "the name has no address") from error
    if not found:
        raise NoAddress("dns", "the name has no address")
    if target.host not in rules.names:
        allowed = rules.own if target.private else rules.reachable
        if not all(address is not None and allowed(address) for address in found):
            raise NoAddress("address", "the name answers an address that is not on the public internet")
    return [address for address in found if address is not None]


def _plain(text: str) -> Address | None:
    """An address as a resolver writes it; None for what is none."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Reach:
    """Where the address of a tenant's account with a vendor may lead: by TLS to the public internet, and to the operator's own hosts."""

    rules: Rules = _ANY_PORT
    resolve: Resolver = field(default_factory=Lookup)

    @classmethod
    def of(cls, hosts: Iterable[str]) -> Reach:
        """``hosts``: the operator's own, as names (``vllm.lan``), addresses or networks (``10.1.0.0/16``). ConfigError."""
        names: set[str] = set()
        networks: list[Network] = []
        for host in hosts:
            try:
                networks.append(ipaddress.ip_network(host))
                continue
            except ValueError:
                pass
            try:
                name = take_apart(f"https://{host}", Rules(names=frozenset({host.lower()}))).host
            except BadUrl as error:
                raise ConfigError(f"{host!r} is no host such as vllm.lan, 10.1.2.3 or 10.1.0.0/16") from error
            names.add(name)
        return cls(replace(_ANY_PORT, networks=tuple(networks), names=frozenset(names)))

    def check(self, url: str) -> Target:
        """The parts of an ``http``, ``https``, ``ws`` or ``wss`` URL; BadUrl says why no connection is made there."""
        scheme, colon, rest = url.partition(":")
        http = {"ws": "http", "wss": "https"}.get(scheme.lower(), scheme)
        target = take_apart(f"{http}{colon}{rest}", self.rules)
        # A private name may be answered for by own networks only: see ``addresses``.
        own = target.private or target.host in self.rules.names or (target.literal is not None and self.rules.own(target.literal))
        if target.scheme == "http" and not own:
            raise BadUrl("must begin with https:// or wss://")
        return target

    async def addresses(self, target: Target, within: float) -> list[Address]:
        """Where to connect; NoAddress."""
        return await addresses(target, self.rules, self.resolve, within)
