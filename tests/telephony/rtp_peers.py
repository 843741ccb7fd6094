"""Callers' RTP, in a process of its own: ``python rtp_peers.py N SECONDS`` prints N ports, talks and listens there, prints what it heard.

Each peer sends G.711 mu-law from the first packet that it gets: silence; once the agent has spoken and is quiet, 1.2 s of tone; silence.
"""

from __future__ import annotations

import audioop
import json
import math
import selectors
import socket
import struct
import sys
import time
from dataclasses import dataclass, field

FRAME = 160
SPEAKS = 60
"""Frames of tone."""
QUIET = 25
"""Frames without sound after which the agent has finished."""
_WAVE = [int(9_000 * math.sin(2 * math.pi * 400 * n / 8_000)) for n in range(20 * FRAME)]
TONE = [audioop.lin2ulaw(struct.pack(f"<{FRAME}h", *_WAVE[n * FRAME : (n + 1) * FRAME]), 2) for n in range(20)]
SILENCE = b"\xff" * FRAME


@dataclass
class Peer:
    line: socket.socket
    to: tuple[str, int] | None = None
    received: int = 0
    sent: int = 0
    lost: int = 0
    first: float = 0.0
    last: float = 0.0
    longest: float = 0.0
    highest: int | None = None
    loud: int = 0
    quiet: int = 0
    spoken: int = 0
    heard_before: int = 0
    heard_after: int = 0
    due: float = 0.0
    keys: list[int] = field(default_factory=list)

    def take(self, now: float) -> None:
        while True:
            try:
                data, source = self.line.recvfrom(2_048)
            except BlockingIOError:
                return
            if len(data) < 12 or data[0] >> 6 != 2:
                continue
            kind, sequence = data[1] & 0x7F, int.from_bytes(data[2:4], "big")
            if self.to is None:
                self.to, self.first, self.due = source, now, now
            self.longest = max(self.longest, now - self.last) if self.last else 0.0
            self.last = now
            self.received += 1
            if self.highest is not None:
                step = (sequence - self.highest) & 0xFFFF
                self.lost += step - 1 if 0 < step < 1_000 else 0
                if step >= 32_768:
                    continue
            self.highest = sequence
            if kind == 101:
                self.keys.append(data[12])
                continue
            if kind != 0:
                continue
            if audioop.max(audioop.ulaw2lin(data[12:], 2), 2) > 1_024:
                self.quiet = 0
                if self.spoken >= SPEAKS:
                    self.heard_after += 1
                else:
                    self.heard_before += 1
            else:
                self.quiet += 1

    def talk(self, now: float) -> None:
        if self.to is None or now < self.due:
            return
        self.due += 0.02
        speaks = self.spoken < SPEAKS and (self.spoken > 0 or (self.heard_before > 0 and self.quiet >= QUIET))
        data = TONE[self.spoken % len(TONE)] if speaks else SILENCE
        self.spoken += speaks
        head = struct.pack("!BBHII", 0x80, 0, self.sent & 0xFFFF, (self.sent * FRAME) & 0xFFFFFFFF, 0x1234)
        self.sent += 1
        try:
            self.line.sendto(head + data, self.to)
        except OSError:
            self.to = None


def main(count: int, seconds: float) -> None:
    peers = []
    chosen = selectors.DefaultSelector()
    for _ in range(count):
        line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        line.bind(("127.0.0.1", 0))
        line.setblocking(False)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        peer = Peer(line)
        peers.append(peer)
        chosen.register(line, selectors.EVENT_READ, peer)
    sys.stdout.write(json.dumps([peer.line.getsockname()[1] for peer in peers]) + "\n")
    sys.stdout.flush()
    end = time.monotonic() + seconds
    chosen.register(sys.stdin, selectors.EVENT_READ, None)
    while (now := time.monotonic()) < end:
        for key, _ in chosen.select(0.005):
            if key.data is None:
                end = 0
            else:
                key.data.take(time.monotonic())
        for peer in peers:
            peer.talk(now)
    names = ("received", "sent", "lost", "heard_before", "heard_after", "keys", "longest")
    told = [{**{name: getattr(peer, name) for name in names}, "seconds": peer.last - peer.first} for peer in peers]
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
