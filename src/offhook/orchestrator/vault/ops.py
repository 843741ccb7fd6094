"""Sealing secrets: each owner's with a key of its own, that key with the installation's master key.

No key is kept between uses: to unwrap one costs microseconds, and what is not kept can be given to nobody else nor outlive a shredding.
"""

from __future__ import annotations

import os
from typing import Final

from offhook.errors import ConfigError
from offhook.orchestrator.db import Database
from offhook.orchestrator.scope import PlatformScope, TenantScope
from offhook.orchestrator.services import Clock, Services
from offhook.orchestrator.settings import OrchestratorSettings
from offhook.orchestrator.vault import seal as sealing
from offhook.orchestrator.vault.files import FileKey
from offhook.orchestrator.vault.masters import Masters
from offhook.orchestrator.vault.repo import KeyDirectory, KeyRepo, Wrapped
from offhook.orchestrator.vault.schemas import VaultView
from offhook.orchestrator.vault.seal import KEY_BYTES, DataKey, Unsealable

Scope = TenantScope | PlatformScope
REWRAP: Final = "vault_rewrap"
"""Name of the job that wraps all data keys with the current master key."""


class Vault:
    """See ``services.Vault``. A ``place`` says where a secret is kept, such as ``number/num_1/auth_token``; it opens nowhere else."""

    def __init__(self, settings: OrchestratorSettings, clock: Clock) -> None:
        self._masters = Masters.parse(settings.master_keys)
        self._clock = clock

    async def seal(self, scope: Scope, place: str, secret: bytes) -> bytes:
        """The secret, sealed with the owner's newest key, which is made if there is none; ConfigError without a master key."""
        return sealing.seal(await self._newest(scope), place, secret)

    async def open(self, scope: Scope, place: str, sealed: bytes) -> bytes:
        """The secret again; Unsealable if it is another owner's, of another place, changed, or shredded."""
        return sealing.unseal(await self._get(scope, sealing.version_of(sealed)), place, sealed)

    async def reseal(self, scope: Scope, place: str, sealed: bytes) -> bytes | None:
        """The same secret under the newest key; None if that is how it is sealed."""
        newest = await self._newest(scope)
        if sealing.version_of(sealed) == newest.version:
            return None
        return sealing.seal(newest, place, await self.open(scope, place, sealed))

    async def file_key(self, scope: Scope, place: str, head: bytes | None = None) -> FileKey:
        """A key for one file: a new one, or with a file's ``head`` (its first ``files.HEAD`` bytes) the one that opens it."""
        if head is None:
            return FileKey.new(await self._newest(scope), place)
        return FileKey.of(await self._get(scope, FileKey.version_of(head)), place, head)

    async def new_key(self, scope: Scope) -> int:
        """Make a new key that seals from now on, and say its version. The older ones stay to open what they have sealed."""
        repo = KeyRepo(scope)
        newest = await repo.newest()
        version = newest.version + 1 if newest else 1
        await self._make(scope, version)
        return version

    async def rewrap(self, scope: Scope) -> int:
        """Wrap the owner's keys with the current master key; how many were not."""
        current, master = self._masters.first()
        repo, owner = KeyRepo(scope), _owner(scope)
        keys = await repo.wrapped_otherwise(current)
        for key in keys:
            opened = self._unwrap(owner, key)
            await repo.rewrap(Wrapped(key.version, current, sealing.wrap(master, current, opened)))
        return len(keys)

    async def shred(self, scope: Scope) -> int:
        """Delete the owner's keys, and with them for ever everything that they have sealed; how many there were."""
        return await KeyRepo(scope).shred()

    async def rewrap_all(self, database: Database) -> int:
        """``rewrap`` for everybody, each in a transaction of its own; may be killed and run again. Then old master keys may go.

        ConfigError or Unsealable, once all others are done, for the first owner whose keys cannot be opened.
        """
        if self._masters.current is None:
            return 0
        async with database.platform() as platform:
            owners = await KeyDirectory(platform).owners(self._masters.current)
        done, failed = 0, None
        for owner in ("", *owners):
            try:
                async with database.tenant(owner) if owner else database.platform() as scope:
                    done += await self.rewrap(scope)
            except (ConfigError, Unsealable) as error:
                failed = failed or error
        if failed is not None:
            raise failed
        return done

    async def wrapped_by(self, scope: PlatformScope) -> dict[str, int]:
        """How many keys each master key wraps: one that wraps none may be removed."""
        return await KeyDirectory(scope).counts()

    async def show(self, scope: PlatformScope) -> VaultView:
        """Which master keys there are, and what they wrap."""
        wrapped, known = await self.wrapped_by(scope), self._masters.ids
        missing = sorted(wrapped.keys() - set(known))
        return VaultView(current=self._masters.current, known=known, wrapped=dict(sorted(wrapped.items())), missing=missing)

    async def _newest(self, scope: Scope) -> DataKey:
        repo = KeyRepo(scope)
        found = await repo.newest()
        if found is None:
            await self._make(scope, 1)
            found = await repo.newest()
            if found is None:
                raise Unsealable("the owner's key was deleted as it was made")
        return self._unwrap(_owner(scope), found)

    async def _make(self, scope: Scope, version: int) -> None:
        current, master = self._masters.first()
        key = DataKey(_owner(scope), version, os.urandom(KEY_BYTES))
        await KeyRepo(scope).add(Wrapped(version, current, sealing.wrap(master, current, key)), self._clock())

    async def _get(self, scope: Scope, version: int) -> DataKey:
        found = await KeyRepo(scope).get(version)
        if found is None:
            raise Unsealable("the secret's key is gone: it was shredded, or belongs to another owner")
        return self._unwrap(_owner(scope), found)

    def _unwrap(self, owner: str, key: Wrapped) -> DataKey:
        return sealing.unwrap(self._masters.get(key.kek_id), key.kek_id, owner, key.version, key.wrapped)


def vault_of(given: Services) -> Vault:
    """The services' vault with all that it can do."""
    if not isinstance(given.vault, Vault):
        raise TypeError("the services' vault was made by somebody else")
    return given.vault


def _owner(scope: Scope) -> str:
    return scope.tenant if isinstance(scope, TenantScope) else ""
