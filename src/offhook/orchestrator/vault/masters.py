"""Master keys: they wrap data keys, come from the settings, and never touch the database."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from pydantic import SecretStr

from offhook.errors import ConfigError
from offhook.orchestrator.vault.seal import KEY_BYTES

SETTING: Final = "OFFHOOK_ORCHESTRATOR_MASTER_KEYS"
_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")


@dataclass(frozen=True, slots=True)
class Masters:
    """The installation's master keys by id; ``current`` wraps, all of them unwrap. No key at all is allowed until one is needed."""

    current: str | None
    _keys: Mapping[str, bytes] = field(repr=False)

    @classmethod
    def parse(cls, settings: Iterable[SecretStr]) -> Masters:
        """From ``id:base64 of 32 bytes``, the current one first; ConfigError names the faulty one without its key."""
        keys: dict[str, bytes] = {}
        for place, setting in enumerate(settings, 1):
            name, _, text = setting.get_secret_value().partition(":")
            try:
                key = base64.b64decode(text, validate=True)
            except (binascii.Error, ValueError):
                key = b""
            if not _ID.fullmatch(name) or len(key) != KEY_BYTES:
                raise ConfigError(f"{SETTING}: master key {place} is not 'id:' and the base64 of {KEY_BYTES} bytes")
            if name in keys:
                raise ConfigError(f"{SETTING}: two master keys have the id {name}")
            keys[name] = key
        return cls(next(iter(keys), None), keys)

    @property
    def ids(self) -> list[str]:
        """Their ids, the current one first."""
        return list(self._keys)

    def first(self) -> tuple[str, bytes]:
        """Id and key of the current one; ConfigError without any."""
        if self.current is None:
            raise ConfigError(f"no master key: set {SETTING} to a list with 'id:' and the base64 of {KEY_BYTES} random bytes")
        return self.current, self._keys[self.current]

    def get(self, id: str) -> bytes:
        """A key by id; ConfigError says which one is missing."""
        if id not in self._keys:
            raise ConfigError(f"the master key {id} is missing: put it back into {SETTING} until all data keys have been wrapped anew")
        return self._keys[id]
