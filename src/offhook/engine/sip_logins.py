"""Where an engine is registered: with the trunks that it was told to register with, each until it is told otherwise."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

import anyio
from anyio.abc import TaskGroup

from offhook.errors import NotReached

log = logging.getLogger("offhook.sip")
AGAIN_S: Final = (2.0, 5.0, 15.0, 60.0)
"""Seconds between attempts to register."""


class Logins:
    """By the trunk's id. Another engine may register with a trunk that this one has let go."""

    def __init__(self, stack: Any, group: TaskGroup) -> None:  # noqa: ANN401 - a transport of the registry
        self.registered: dict[str, bool] = {}
        self.errors: dict[str, str] = {}
        """Why a trunk is not registered."""
        self._stack = stack
        self._group = group
        self._kept: dict[str, tuple[Any, anyio.CancelScope]] = {}

    async def want(self, wanted: Mapping[str, Any]) -> None:
        """Be registered with these and no other from now on."""
        for name in [name for name, (login, _) in self._kept.items() if wanted.get(name) != login]:
            login, scope = self._kept.pop(name)
            scope.cancel()
            self.registered.pop(name, None)
            self.errors.pop(name, None)
            await self._stack.unregister(login)
        for name, login in wanted.items():
            if name not in self._kept:
                scope = anyio.CancelScope()
                self._kept[name] = (login, scope)
                self._group.start_soon(self._register, name, login, scope)

    async def _register(self, name: str, login: Any, scope: anyio.CancelScope) -> None:  # noqa: ANN401 - the stack's
        """Until it has succeeded; the stack renews it from then on."""
        with scope:
            pauses = iter(AGAIN_S)
            pause = next(pauses)
            while True:
                try:
                    await self._stack.register(login)
                except NotReached as error:
                    self.registered[name] = False
                    self.errors[name] = f"status {error.status}" if error.status else "no answer"
                    log.warning("trunk %s is not registered: status %s", name, error.status or "none")
                    await anyio.sleep(pause)
                    pause = next(pauses, pause)
                    continue
                self.registered[name] = True
                self.errors.pop(name, None)
                return
