"""Whether a browser's request comes from a page of ours.

A cookie is sent with every request to its host, whoever made the browser send it. Browsers say where a request comes from, and no page
can change what they say: by Sec-Fetch-Site (W3C Fetch Metadata; sent to https and to loopback), else by Origin (RFC 6454 section 7).
"""

from __future__ import annotations

from collections.abc import Mapping


def same_origin(headers: Mapping[str, str], host: str) -> bool:
    """Whether the request says that it comes from a page of ``host`` (the Host header); False where it says nothing.

    The names of ``headers`` are in lower case, or the mapping does not mind.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    return _is_of(headers.get("origin", ""), host)


def foreign(headers: Mapping[str, str], host: str) -> bool:
    """Whether the request says that it comes from elsewhere: for requests that need no cookie, such as signing in.

    A program that is no browser says nothing and is let in: no page can have made it do so.
    """
    return ("sec-fetch-site" in headers or "origin" in headers) and not same_origin(headers, host)


def _is_of(origin: str, host: str) -> bool:
    # Behind a proxy the scheme that the browser used is not known here; an attacker on the plain http of our own host reads no cookie.
    scheme, separator, authority = origin.partition("://")
    return bool(host and separator) and scheme in {"https", "http"} and authority.lower() == host.lower()
