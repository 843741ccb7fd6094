"""Preconditions on configuration: a change names the revision that it was made from, so that nobody overwrites what they have not seen."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, Request

from offhook.errors import PreconditionFailed, PreconditionRequired

IfMatch = Annotated[str | None, Header(alias="If-Match", description="The ETag of the revision that this changes.", max_length=1_000)]
"""For a route's signature, so that the header stands in the API's description."""


def etag(revision: int) -> str:
    """A strong ETag (RFC 9110 section 8.8.3)."""
    return f'"r{revision}"'


def match(request: Request, revision: int) -> None:
    """PreconditionRequired without If-Match, PreconditionFailed where it names another revision; ``*`` is any."""
    given = request.headers.get("if-match")
    if given is None:
        raise PreconditionRequired("send If-Match with the ETag of the revision that you are changing")
    tags = {one.strip() for one in given.split(",")}
    if "*" not in tags and etag(revision) not in tags:
        raise PreconditionFailed(f"somebody has changed this in between: it is now at {etag(revision)}")
