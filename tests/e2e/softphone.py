"""A caller in front of the page of a test call: hears what the agent has said, speaks into the browser's microphone, presses keys."""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from playwright.sync_api import Page
from tests.e2e.browser import spoken

AGAIN = "Sorry, could you say that again?"
PATIENCE_S = 12.0
"""After so long without a question that is known, the caller asks for it again: what was said may go on, as after "I am booking that"."""
MICROPHONE = """
window.seen = [];
const Socket = WebSocket;
window.WebSocket = class extends Socket {
  constructor(...given) {
    super(...given);
    if (String(given[0]).includes('/media/')) window.ways.push('websocket');
    this.addEventListener('message', ({ data }) => typeof data === 'string' && window.seen.push(JSON.parse(data)));
  }
};
window.ways = [];
const makeChannel = RTCPeerConnection.prototype.createDataChannel;
RTCPeerConnection.prototype.createDataChannel = function (...given) {
  const channel = makeChannel.apply(this, given);
  channel.addEventListener('open', () => window.ways.push('webrtc'));
  channel.addEventListener('message', ({ data }) => window.seen.push(JSON.parse(data)));
  return channel;
};
let room, mouth;
navigator.mediaDevices.getUserMedia = async () => {
  room = new AudioContext();
  mouth = room.createMediaStreamDestination();
  return mouth.stream;
};
window.utter = (packed) => new Promise((done) => {
  const bytes = Uint8Array.from(atob(packed), (one) => one.charCodeAt(0));
  const values = Float32Array.from(new Int16Array(bytes.buffer), (one) => one / 32768);
  const buffer = room.createBuffer(1, values.length, 16000);
  buffer.copyToChannel(values, 0);
  const source = new AudioBufferSourceNode(room, { buffer });
  source.connect(mouth);
  source.onended = done;
  source.start();
});
window.speaking = () => window.seen.filter((one) => ['speaking', 'agent'].includes(one.type)).at(-1)?.type === 'speaking';
window.turns = () => window.seen.filter((one) => one.type === 'agent' && !one.interrupted).length;
window.agent = () => window.seen.filter((one) => one.type === 'agent').map((one) => one.heard || one.text);
"""
"""A microphone into which a test speaks when it is asked something, as a person does, and which sends nothing while it is silent; what the
engine tells the page; and the ways by which it came."""


@dataclass(slots=True)
class Caller:
    """Answers with the first of ``answers`` whose pattern the agent's last words have. One of digits and ``#`` is pressed, not said."""

    page: Page
    answers: Sequence[tuple[str, str]]
    voices: dict[str, str]
    heard: int = 0
    """How many of the agent's turns have been answered."""
    said: list[str] = field(default_factory=list)

    def talk(self, most: int = 24, between: Callable[[int], None] | None = None) -> None:
        """Answer until the call is over. ``between`` is called before each answer with its number."""
        for at in range(most):
            answer = self._asked()
            if answer is None:
                return
            if between is not None:
                between(at)
            self._answer(answer)
        raise AssertionError(f"the call did not come to an end in {most} turns: {self._words()}")

    def over(self) -> bool:
        """Whether nobody is on the line any more, for whatever reason."""
        return self.page.locator("#phone").get_attribute("data-state") not in {"connecting", "live"}

    def _words(self) -> list[str]:
        found: list[str] = self.page.evaluate("agent()")
        return found

    def _asked(self) -> str | None:
        """Wait for a question that there is an answer to; None where the call is over."""
        begin = time.monotonic()
        while not self.over():
            words = self._words()
            if len(words) > self.heard:
                said = " ".join(words[self.heard :]).lower()
                if "goodbye" in said:
                    begin = time.monotonic()
                    self.heard = len(words)
                elif answer := next((text for pattern, text in self.answers if re.search(pattern, said)), None):
                    self.page.wait_for_timeout(500)  # nobody answers in the very moment
                    self.heard = len(self._words())
                    return answer
            if self.page.evaluate("speaking()"):
                begin = time.monotonic()
            if time.monotonic() - begin > PATIENCE_S:
                self.heard = len(words)
                return AGAIN
            self.page.wait_for_timeout(100)
        return None

    def _answer(self, text: str) -> None:
        self.said.append(text)
        if re.fullmatch(r"[0-9#*]+", text):
            for key in text:
                self.page.keyboard.press(key)
        else:
            self.page.evaluate("packed => utter(packed)", self.voices[text])


def voices(answers: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The answers in the embedded voice, as the page takes them. Before a browser is there: its driver has the thread's event loop."""
    texts = {AGAIN, *(text for _, text in answers if not re.fullmatch(r"[0-9#*]+", text))}
    return {text: base64.b64encode(spoken(text)).decode() for text in sorted(texts)}
