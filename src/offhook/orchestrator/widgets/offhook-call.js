// <offhook-call key="..."> on a business's own page: one button, one call. Everything shown is in its shadow; words may be replaced by
// attributes named after them (call="Rufen Sie uns an"), the colour by colour="#0a5".

const WORDS = {
  call: "Talk to us", asking: "Please allow the microphone.", connecting: "Connecting", live: "On the line", waiting: "The connection is weak. One moment.",
  mute: "Mute", end: "Hang up", over: "The call is over.", busy: "All our lines are busy. Please try again in a little while.",
  denied: "There is no microphone. Allow it in your browser, then try again.", lost: "The connection was lost.",
  unavailable: "Calls cannot be taken here just now.", conversation: "Conversation", you: "You", agent: "Agent",
};
const STYLE = `
:host { display: inline-block; font: inherit; --colour: #14532d; --ink: #fff; }
:host([hidden]) { display: none; }
* { box-sizing: border-box; }
button { font: inherit; padding: .6em 1.1em; border: 2px solid transparent; border-radius: .5em; cursor: pointer; }
button:focus-visible { outline: 3px solid currentColor; outline-offset: 2px; }
#call { background: var(--colour); color: var(--ink); font-weight: 600; }
#mute, #end { background: transparent; color: inherit; border-color: currentColor; }
#mute[aria-pressed="true"] { background: currentColor; }
#mute[aria-pressed="true"] span { filter: invert(1); }
[hidden] { display: none !important; }
p { margin: .4em 0; }
ol { list-style: none; margin: .4em 0; padding: 0; max-height: 14em; max-width: 28em; overflow-y: auto; }
li { margin: .3em 0; }
li b { font-weight: 600; }
@media (forced-colors: active) { button { border-color: ButtonText; } }
`;
const PARTS = `
<button id="call" type="button" part="call"></button>
<p id="said" role="status"></p>
<p id="hands" hidden><button id="mute" type="button" part="mute" aria-pressed="false"><span></span></button>
<button id="end" type="button" part="end"></button></p>
<ol id="log" role="log" aria-live="polite" tabindex="0" hidden></ol>
`;

/** Black or white, whichever is read better on a colour. */
function ink(colour) {
  const full = colour.length === 4 ? colour.replace(/[0-9a-f]/gi, "$&$&") : colour;
  const [red, green, blue] = [1, 3, 5].map((at) => (parseInt(full.slice(at, at + 2), 16) / 255) ** 2.2);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.18 ? "#000" : "#fff";
}

class OffhookCall extends HTMLElement {
  static observedAttributes = ["colour", ...Object.keys(WORDS)];

  constructor() {
    super();
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    this.sheet = sheet;
    this.root = this.attachShadow({ mode: "open", delegatesFocus: true });
    this.root.adoptedStyleSheets = [sheet];
    this.root.innerHTML = PARTS;
    this.rows = new Map();
    this.$("call").addEventListener("click", () => this.dial());
    this.$("end").addEventListener("click", () => this.line?.hangUp());
    this.$("mute").addEventListener("click", () => this.$("mute").setAttribute("aria-pressed", String(this.line?.mute() ?? false)));
    addEventListener("pagehide", () => this.line?.over === false && this.line.send({ type: "hangup" }));
  }

  connectedCallback() {
    this.attributeChangedCallback();
  }

  disconnectedCallback() {
    if (this.line && !this.line.over) this.line.hangUp();
  }

  attributeChangedCallback() {
    const colour = this.getAttribute("colour") ?? "";
    if (/^#([0-9a-f]{3}|[0-9a-f]{6})$/i.test(colour)) {
      const [host] = this.sheet.cssRules;
      host.style.setProperty("--colour", colour);
      host.style.setProperty("--ink", ink(colour));
    }
    this.$("call").textContent = this.word("call");
    this.$("end").textContent = this.word("end");
    this.$("mute").firstChild.textContent = this.word("mute");
    this.$("log").setAttribute("aria-label", this.word("conversation"));
  }

  $(id) {
    return this.root.getElementById(id);
  }

  word(name) {
    return this.getAttribute(name) ?? WORDS[name];
  }

  show(state, word = state) {
    this.setAttribute("state", state);
    const live = ["asking", "connecting", "live"].includes(state);
    this.$("said").textContent = this.word(word) ?? "";
    this.$("call").hidden = live;
    this.$("hands").hidden = !live;
    this.$("mute").hidden = state !== "live";
    if (state === "live") this.$("end").focus();
    this.dispatchEvent(new CustomEvent("offhook-call", { detail: { state }, bubbles: true, composed: true }));
  }

  async dial() {
    if (this.line && !this.line.over) return;
    this.rows.clear();
    this.$("log").replaceChildren();
    this.$("log").hidden = true;
    this.$("mute").setAttribute("aria-pressed", "false");
    const line = new Line({
      started: () => this.show("live"),
      waiting: (on) => this.show("live", on ? "waiting" : "live"),
      message: (message) => this.message(message),
      level: () => {},
      stopped: (state, word) => this.stopped(state, word),
    });
    this.line = line;
    this.show("asking");
    let stream;
    try {
      stream = await microphone();
    } catch {
      return line.stop("denied");
    }
    if (line.over) return stream.getTracks().forEach((track) => track.stop());
    this.show("connecting");
    try {
      // Without a body: browsers ask nothing before it.
      const answer = await fetch(new URL(`/widget/${this.getAttribute("key")}/calls`, import.meta.url), { method: "POST", credentials: "omit" });
      if (!answer.ok) throw new Error(answer.status === 429 ? "busy" : "unavailable");
      const { token, offers, socket } = await answer.json();
      await line.begin({ address: socket, offers, token, stream });
    } catch (error) {
      for (const track of stream.getTracks()) track.stop();
      line.stop("refused", error.message === "busy" ? "busy" : "unavailable");
    }
  }

  stopped(state, word) {
    const said = { denied: "denied", lost: "lost", refused: word === "busy" || word === "ended-busy" ? "busy" : "unavailable" };
    this.show(state, said[state] ?? "over");
    this.$("call").focus();
  }

  message(message) {
    if (message.type === "caller") this.row("you", message.turn, message.text);
    if (message.type === "speaking" || message.type === "agent") this.row("agent", message.turn, message.text);
  }

  row(side, turn, text) {
    if (!text) return;
    const key = `${side} ${turn}`;
    if (!this.rows.has(key)) {
      const item = document.createElement("li");
      const words = document.createElement("span");
      item.append(Object.assign(document.createElement("b"), { textContent: `${this.word(side)}: ` }), words);
      this.$("log").append(item);
      this.rows.set(key, words);
    }
    const words = this.rows.get(key);
    if (words.textContent !== text) words.textContent = text;
    this.$("log").hidden = false;
    this.$("log").scrollTop = this.$("log").scrollHeight;
  }
}

if (!customElements.get("offhook-call")) customElements.define("offhook-call", OffhookCall);
