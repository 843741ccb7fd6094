"""Sign-in by OpenID Connect."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(prefix="/v1", tags=["sign-in by provider"])
entrance = APIRouter(prefix="/v1/oidc", tags=["sign-in"])
