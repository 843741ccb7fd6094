"""Where a request on somebody else's behalf must not go: the corpus of forms that lead inside, each by a rule that a test names."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.addresses import BadUrl, Rules, public, take_apart

RULES = Rules(ports=frozenset())
CORPUS = {
    # loopback and unspecified, in every way of writing them
    "https://127.0.0.1/": "public internet",
    "https://127.1.2.3/": "public internet",
    "https://127.1/": "four decimal",
    "https://127.0.1/": "four decimal",
    "https://2130706433/": "four decimal",
    "https://0x7f000001/": "four decimal",
    "https://0x7f.0.0.1/": "four decimal",
    "https://0x7f.1/": "four decimal",
    "https://0X7F.0x0.0x0.0x1/": "four decimal",
    "https://017700000001/": "four decimal",
    "https://0177.0.0.1/": "four decimal",
    "https://0127.0.0.1/": "four decimal",
    "https://127.0.0.01/": "four decimal",
    "https://127.0.0.0x1/": "four decimal",
    "https://127.0.0.1./": "four decimal",
    "https://127.0.0.1.:443/": "four decimal",
    "https://127。0。0。1/": "four decimal",
    "https://１２７.0.0.1/": "four decimal",
    "https://①②⑦.⓪.⓪.①/": "four decimal",
    "https://%31%32%37.0.0.1/": "host name",
    "https://0/": "four decimal",
    "https://0.0.0.0/": "public internet",
    "https://0.0.0.1/": "public internet",
    "https://0x0/": "four decimal",
    "https://0x/": "four decimal",
    "https://foo.0x/": "four decimal",
    "https://[::1]/": "public internet",
    "https://[::]/": "public internet",
    "https://[0:0:0:0:0:0:0:1]/": "public internet",
    "https://localhost/": "public internet",
    "https://LOCALHOST./": "public internet",
    "https://a.localhost/": "public internet",
    "https://localhost.localdomain/": "public internet",
    "https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/": "public internet",
    # IPv4 inside IPv6
    "https://[::ffff:127.0.0.1]/": "public internet",
    "https://[::ffff:7f00:1]/": "public internet",
    "https://[::ffff:8.8.8.8]/": "public internet",
    "https://[::127.0.0.1]/": "public internet",
    "https://[64:ff9b::7f00:1]/": "public internet",
    "https://[64:ff9b::10.0.0.1]/": "public internet",
    "https://[64:ff9b:1::a00:1]/": "public internet",
    "https://[2002:7f00:1::]/": "public internet",
    "https://[2002:a9fe:a9fe::1]/": "public internet",
    "https://[2001:0:53aa:64c:0:fbff:8000:1]/": "public internet",
    "https://[::ffff:0:127.0.0.1]/": "public internet",
    # private, shared, link-local, metadata, multicast, reserved
    "https://10.0.0.1/": "public internet",
    "https://10.255.255.255/": "public internet",
    "https://172.16.0.1/": "public internet",
    "https://172.31.255.254/": "public internet",
    "https://192.168.1.1/": "public internet",
    "https://100.64.0.1/": "public internet",
    "https://100.100.100.200/latest/meta-data/": "public internet",
    "https://169.254.169.254/latest/meta-data/": "public internet",
    "https://169.254.170.2/v2/credentials": "public internet",
    "https://2852039166/": "four decimal",
    "https://0xa9fea9fe/": "four decimal",
    "https://0251.0376.0251.0376/": "four decimal",
    "https://425.510.425.510/": "four decimal",
    "https://168.63.129.16/": "public internet",
    "https://192.0.0.192/": "public internet",
    "https://192.0.2.1/": "public internet",
    "https://198.18.0.1/": "public internet",
    "https://198.51.100.1/": "public internet",
    "https://203.0.113.1/": "public internet",
    "https://224.0.0.1/": "public internet",
    "https://239.255.255.255/": "public internet",
    "https://240.0.0.1/": "public internet",
    "https://255.255.255.255/": "public internet",
    "https://256.256.256.256/": "four decimal",
    "https://[fe80::1]/": "public internet",
    "https://[fe80::1%25eth0]/": "no interface",
    "https://[fe80::1%eth0]/": "no interface",
    "https://[fec0::1]/": "public internet",
    "https://[fc00::1]/": "public internet",
    "https://[fd00:ec2::254]/": "public internet",
    "https://[ff02::1]/": "public internet",
    "https://[2001:db8::1]/": "public internet",
    "https://[3fff::1]/": "public internet",
    "https://[100::1]/": "public internet",
    "https://metadata/": "public internet",
    "https://metadata.google.internal/computeMetadata/v1/": "public internet",
    "https://kubernetes.default.svc/": "public internet",
    "https://printer.local/": "public internet",
    "https://router.home.arpa/": "public internet",
    "https://intranet/": "public internet",
    "https://abcdefgh.onion/": "public internet",
    # forms that two readers understand differently
    "https://example.com@127.0.0.1/": "user name",
    "https://127.0.0.1@example.com/": "user name",
    "https://user:secret@example.com/": "user name",
    "https://example.com:443@127.0.0.1/": "user name",
    "https://example.com\\@127.0.0.1/": "backslashes",
    "https:\\\\127.0.0.1/": "backslashes",
    "https://127.0.0.1\\.example.com/": "backslashes",
    "https://example.com#@127.0.0.1/": "fragment",
    "https://example.com/#x": "fragment",
    "https://example.com /": "spaces",
    "https://example.com\t/": "spaces",
    "https://example.com/\r\nHost: inside\r\n": "spaces",
    "https://example.com/%0d%0a\nX: y": "spaces",
    "https://exa\u200bmple.com/\u2028": "spaces",
    "https://example.com\x00.evil/": "spaces",
    "https:///path": "host name",
    "https://": "host name",
    "https://.example.com/": "host name",
    "https://example..com/": "host name",
    "https://-example.com/": "host name",
    "https://example,com/": "host name",
    "https://" + "a" * 64 + ".com/": "host name",
    "https://[::1/": "not a URL",
    "https://[::1]x/": "not a URL",
    "https://[not]/": "brackets",
    "https://[127.0.0.1]/": "brackets",
    "https:/example.com/": "not a URL",
    "//example.com/": "not a URL",
    "example.com": "not a URL",
    "": "not a URL",
    "https://example.com:0/": "port",
    "https://example.com:65536/": "port",
    "https://example.com:-1/": "port",
    "https://example.com:/": "port",
    "https://example.com:４４３/": "port",
    "https://example.com:443:80/": "port",
    "https://example.com/é": "percent-encoded",
    "https://example.com/" + "a" * 2_000: "longer",
    # other protocols
    "http://example.com/": "https://",
    "HTTP://example.com/": "https://",
    "gopher://127.0.0.1:6379/_FLUSHALL": "https://",
    "file:///etc/passwd": "https://",
    "ftp://example.com/": "https://",
    "dict://example.com:11211/": "https://",
    "ldap://example.com/": "https://",
    "jar:https://example.com!/": "not a URL",
    "data:text/plain,x": "not a URL",
    "javascript:alert(1)": "not a URL",
}


@pytest.mark.parametrize("url", CORPUS, ids=ascii)
def test_refused(url: str) -> None:
    with pytest.raises(BadUrl, match=CORPUS[url]):
        take_apart(url, RULES)


def test_the_corpus_is_whole() -> None:
    assert len(CORPUS) >= 60


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://example.com", "https://example.com/"),
        ("HTTPS://Example.COM:443/Hook?a=1&b=%20", "https://example.com/Hook?a=1&b=%20"),
        ("https://example.com./x", "https://example.com/x"),
        ("https://bücher.example.com/", "https://xn--bcher-kva.example.com/"),
        ("https://faß.de/", "https://xn--fa-hia.de/"),
        ("https://a_b.example.com:8443?x", "https://a_b.example.com:8443/?x"),
        ("https://1.1.1.1/", "https://1.1.1.1/"),
        ("https://[2606:4700:4700:0::1111]:444/", "https://[2606:4700:4700::1111]:444/"),
        ("https://0xabc.example.com/", "https://0xabc.example.com/"),
        ("https://123.com/", "https://123.com/"),
    ],
)
def test_taken_in_one_form(url: str, normal: str) -> None:
    target = take_apart(url, RULES)
    assert target.url == normal
    assert take_apart(target.url, RULES) == target


def test_ports_are_those_of_the_rules() -> None:
    rules = Rules(ports=frozenset({443, 8443}))
    assert take_apart("https://example.com:8443/", rules).port == 8443
    with pytest.raises(BadUrl, match="only 443, 8443"):
        take_apart("https://example.com:22/", rules)
    with pytest.raises(BadUrl, match="port 22 is not allowed: only 443"):
        take_apart("https://example.com:22/", Rules())


def test_an_operators_own_network_is_open_and_no_other() -> None:
    rules = Rules(http=True, ports=frozenset(), networks=(ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd00:1::/64")))
    assert take_apart("http://10.1.2.3:8000/hook", rules).authority == "10.1.2.3:8000"
    assert take_apart("https://[fd00:1::5]/", rules).url == "https://[fd00:1::5]/"
    assert take_apart("http://crm.internal/", rules).private
    assert take_apart("http://crm/", rules).private
    assert not take_apart("http://crm.example.com/", rules).private
    for url in ("http://10.2.0.1/", "https://127.0.0.1/", "https://[fd00:2::5]/", "https://169.254.169.254/"):
        with pytest.raises(BadUrl, match="public internet"):
            take_apart(url, rules)


@given(st.ip_addresses(v=4))
def test_every_public_ipv4_address_is_pythons_too(address: ipaddress.IPv4Address) -> None:
    """Ours is the stricter list: nothing that Python holds for private is public here."""
    assert not public(address) or address.is_global


@given(st.ip_addresses(v=6))
def test_every_public_ipv6_address_is_pythons_too(address: ipaddress.IPv6Address) -> None:
    assert not public(address) or (
        address.is_global and address.ipv4_mapped is None and address.sixtofour is None and address.teredo is None
    )


@given(st.text(max_size=60), st.sampled_from(["", "https://", "https://example.com/", "https://[", "https://1."]))
def test_anything_is_taken_or_refused_in_words(text: str, before: str) -> None:
    try:
        target = take_apart(before + text, RULES)
    except BadUrl:
        return
    assert take_apart(target.url, RULES) == target
    assert target.url.isascii()
