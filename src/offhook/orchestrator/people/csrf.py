"""Whether a browser's request comes from a page of ours."""

from __future__ import annotations

from collections.abc import Mapping


def same_origin(headers: Mapping[str, str], host: str) -> bool:
    """By Sec-Fetch-Site, else by Origin; without either, no."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return headers.get("origin", "").partition("://")[2] == host != ""
