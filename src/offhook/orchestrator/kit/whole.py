"""All of a step or nothing of it, where the request goes on after it was refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from offhook.orchestrator.scope import PlatformScope, ResellerScope, TenantScope


@asynccontextmanager
async def whole(scope: TenantScope | ResellerScope | PlatformScope) -> AsyncIterator[None]:
    """What is done in it is undone if it raises, and the scope's transaction is good for more.

    A route lets an error end its transaction. A page that shows the error to who made it has to read on, and then commits.
    """
    async with scope.session.begin_nested():
        yield
