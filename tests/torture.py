# ruff: noqa: E501 - a message is a line here
"""Messages in the manner of RFC 4475, written after its descriptions: valid ones that few parsers take, and ones that are none.

``torture(number, source)`` gives (name, datagram) for each; all claim to come from a trunk of ours.
"""

from __future__ import annotations

from collections.abc import Iterator

_SDP = "v=0\r\no=mhandley 29739 7272939 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio 49217 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\n"


def message(
    first: str, *headers: str, body: str = "", call: str = "t", drop: tuple[str, ...] = (), length: str = "", host: str = "127.0.0.1"
) -> bytes:
    """A request with the usual headers, less those that are dropped, and with those that are given in their place."""
    method = first.split(" ")[0]
    usual = {
        "Via": f"SIP/2.0/UDP {host}:9;branch=z9hG4bK{call}",
        "From": f"<sip:+61400000001@{host}>;tag=f{call}",
        "To": f"<sip:+61731234567@{host}>",
        "Call-ID": f"{call}@torture",
        "CSeq": f"1 {method}",
        "Contact": f"<sip:caller@{host}:9>",
        "Max-Forwards": "70",
    }
    given = {one.partition(":")[0].strip().lower() for one in headers}
    lines = [first, *(f"{name}: {value}" for name, value in usual.items() if name.lower() not in given and name not in drop), *headers]
    if body:
        lines.append("Content-Type: application/sdp")
    lines.append(f"Content-Length: {length or len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode("latin-1")


def torture(host: str = "127.0.0.1", port: int = 5060, peer: str = "127.0.0.1") -> Iterator[tuple[str, bytes]]:
    """Name and datagram of each."""
    to = f"sip:+61731234567@{host}:{port}"
    invite, options = f"INVITE {to} SIP/2.0", f"OPTIONS {to} SIP/2.0"
    sdp = _SDP.format(host=peer)

    def one(name: str, first: str, *headers: str, **more: str) -> tuple[str, bytes]:
        drop = tuple(more.pop("drop", "").split())
        return name, message(first, *headers, call=name.replace(" ", "-"), host=peer, drop=drop, **more)

    # 3.1.1: valid, and hard to read
    yield one(
        "compact and folded",
        invite,
        f"t: sip:+61731234567@{host};\r\n tag=1",
        "i: compact@torture",
        "m:\r\n <sip:c@x:9>",
        drop="To Call-ID Contact",
        body=sdp,
    )
    yield one("wide range of characters", f"!interesting-Method0123456789_*+`.%indeed'~ {to} SIP/2.0")
    yield one("escaped uri", f"INVITE sip:sips%3Auser%40example.com@{host}:{port} SIP/2.0", body=sdp)
    yield one("escaped nulls", f"REGISTER sip:{host} SIP/2.0", f"From: sip:null-%00-null@{host};tag=1", f"To: sip:null-%00-null@{host}")
    yield one("percent is no escape", f"RE%47IST%45R sip:{host} SIP/2.0")
    yield one("no space before the bracket", options, f"From: caller<sip:caller@{peer}>;tag=2")
    yield (
        one("extra after the message", options)[0],
        one("extra after the message", options)[1] + b"INVITE of something else SIP/2.0\r\n\r\n",
    )
    yield one("long values", invite, "X-Long: " + "x" * 8_000, f'To: "{"I have a long name " * 50}" <sip:+61731234567@{host}>', body=sdp)
    yield one("semicolons in the user", f"OPTIONS sip:user;par=u%40example.net@{host} SIP/2.0")
    yield one(
        "many transports in Via",
        options,
        f"Via: SIP/2.0/UDP {peer}:9;branch=z9hG4bKa, SIP/2.0/SCTP h1;branch=z9hG4bKb , SIP / 2.0 / NEW h2",
    )
    yield one(
        "multipart body",
        invite,
        "Content-Type: multipart/mixed;boundary=7a9cbec02ceef655",
        body="--7a9cbec02ceef655\r\nhello\r\n--7a9cbec02ceef655--\r\n",
    )
    yield one("unusual reason", "SIP/2.0 200 = 2**3 * 5**2 \xd0\xbd\xd0\xbe", "CSeq: 1 INVITE")
    yield one("empty reason", "SIP/2.0 100 ", "CSeq: 1 INVITE")
    # 3.1.2: invalid
    yield one("extraneous separators", invite, f"Via: SIP/2.0/UDP {peer}:9;branch=z9hG4bKx;;,;,,", 'Contact: "" <> ;,,', body=sdp)
    yield one("length beyond the message", invite, body=sdp, length="9999")
    yield one("negative length", invite, body=sdp, length="-999")
    yield one(
        "overlarge numbers",
        f"REGISTER sip:{host} SIP/2.0",
        "CSeq: 36893488147419103232 REGISTER",
        "Max-Forwards: 300",
        "Expires: 1000000000000",
    )
    yield one(
        "overlarge response",
        "SIP/2.0 503 Service Unavailable",
        "CSeq: 9292394834772304023312 OPTIONS",
        "Retry-After: 949302838503028349304023988",
    )
    yield one("unterminated quote", invite, f'To: "Mr. J. User <sip:+61731234567@{host}>', body=sdp)
    yield one("uri in brackets", f"INVITE <{to}> SIP/2.0", body=sdp)
    yield one("spaces in the uri", f"INVITE {to}; lr SIP/2.0", body=sdp)
    yield one("many spaces in the first line", f"INVITE  {to}  SIP/2.0", body=sdp)
    yield one("space after the first line", f"OPTIONS {to} SIP/2.0  ")
    yield one("escaped headers in the uri", f"INVITE sip:user@{host}?Route=%3Csip:evil.example%3E SIP/2.0", body=sdp)
    yield one("date in another zone", invite, "Date: Fri, 01 Jan 2010 16:00:00 EST", body=sdp)
    yield one("name-addr without brackets", f"REGISTER sip:{host} SIP/2.0", f"To: sip:user@{host}?Route=%3Csip:x%3E")
    yield one("spaces in the address", options, f'To: "Watson, Thomas" < sip:t.watson@{host} >')
    yield one("quoted name without quotes", options, f"From: Bell, Alexander <sip:a.g.bell@{peer}>;tag=43")
    yield one("unknown protocol version", f"OPTIONS {to} SIP/7.0")
    yield one("method and CSeq differ", options, "CSeq: 8 INVITE")
    yield one("unknown method and CSeq differ", f"NEWMETHOD {to} SIP/2.0", "CSeq: 8 INVITE")
    yield one("status out of range", "SIP/2.0 4294967301 better not break the receiver", "CSeq: 1 INVITE")
    # 3.2, 3.3
    yield one("no branch", options, f"Via: SIP/2.0/UDP {peer}:9;branch=z9hG4bK")
    yield one("nothing but a method", invite, drop="From To Call-ID CSeq")
    yield one("unknown scheme", "OPTIONS nobodyKnowsThisScheme:totallyopaquecontent SIP/2.0")
    yield one("unknown scheme in To", options, "To: isbn:2983792873")
    yield one("proxy-require", options, "Require: nothingSupportsThis, nothingSupportsThisEither")
    yield one("unknown content", invite, "Content-Type: application/unknownformat", body="<audio><pcmu/></audio>")
    yield one("unacceptable accept", options, "Accept: text/nobodyKnowsThis")
    yield one(
        "many of what is once", options, "CSeq: 1 OPTIONS", "CSeq: 2 OPTIONS", "Call-ID: a", "Call-ID: b", "To: <sip:x@y>", "To: <sip:z@y>"
    )
    yield one("two lengths", options, "Content-Length: 11")
    yield one("broadcast Via", "SIP/2.0 200 OK", "Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1", "CSeq: 1 INVITE")
    yield one("no hops left", options, "Max-Forwards: 0")
    yield one("nul in a header", options, "X-Nul: a\x00b")
    yield "no headers at all", b"INVITE\r\n\r\n"
    yield "only line ends", b"\r\n\r\n\r\n\r\n"
    yield "binary", bytes(range(256)) * 8
    yield "half a message", one("half", invite, body=sdp)[1][:-100]
