"""What is taken for a mail address."""

from __future__ import annotations

import pytest

from offhook.orchestrator.people.addresses import canonical, canonical_domain, domain_of


def test_one_mailbox_is_one_account() -> None:
    assert canonical(" Jo.Bloggs+x@Example.COM ") == "jo.bloggs+x@example.com"
    assert domain_of("jo@sub.example.com") == "sub.example.com"
    assert canonical_domain("Example.COM") == "example.com"


@pytest.mark.parametrize(
    "text",
    [
        "", "a", "@b.c", "a@", "a@@b.c", "a@b@c.d", "a b@c.d", "a@b..c", ".a@b.c", "a.@b.c", "a@-b.c", "a@b-.c", "a@b.c\nBcc: x@y.z",
        "a@b.c\r", "a@b.c, x@y.z", "<a@b.c>", '"a b"@c.d', "a@[127.0.0.1]", "jürgen@b.c", "a@bü.c", "a\0@b.c", f"{'a' * 65}@b.c",
        f"a@{'b' * 64}.c", f"a@{'b.' * 130}c",
    ],
)  # fmt: skip
def test_refused(text: str) -> None:
    if text == "a@b.c\r":
        assert canonical(text) == "a@b.c"
        return
    with pytest.raises(ValueError, match="is not a mail address"):
        canonical(text)


@pytest.mark.parametrize("text", ["", "com", "a b.c", "a@b.c", "*.example.com", "example.com/x"])
def test_refused_domains(text: str) -> None:
    with pytest.raises(ValueError, match="is not a domain"):
        canonical_domain(text)
