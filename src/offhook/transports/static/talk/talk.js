// What the page at /talk shows of a call. Words shown to people are in index.html, not here; the call itself is line.js.
import { Line, Strip } from "./line.js";

const SLOW_MS = 800;
const PARTS = ["endpoint", "understand", "first_clause", "tts", "playout"];

const $ = (id) => document.getElementById(id);
const words = Object.fromEntries([...$("words").content.querySelectorAll("[data-word]")].map((p) => [p.dataset.word, p.textContent]));
const SVG = "http://www.w3.org/2000/svg";

function make(tag, name = "", text = "") {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.textContent = text;
  return element;
}

// -- what the page shows ------------------------------------------------------------------------------------------------

function show(state, word = state) {
  document.body.dataset.state = state;
  $("said").textContent = words[word] ?? words[state];
  $("remedy").textContent = words[`${word}-remedy`] ?? "";
  $("remedy").hidden = !$("remedy").textContent;
  $("clock").hidden = state !== "live";
}

class Conversation {
  constructor() {
    this.rows = new Map();
    this.ladders = [];
    $("log").replaceChildren();
    $("ladders").replaceChildren();
    $("no-replies").hidden = false;
    this.partial("");
  }

  row(side, turn) {
    const key = `${side} ${turn}`;
    let row = this.rows.get(key);
    if (!row) {
      const item = make("li", `turn ${side}`);
      const text = make("span", "words");
      const mark = make("span", `who ${side}`);
      mark.setAttribute("aria-hidden", "true");
      const body = make("span");
      body.append(make("span", "hidden", `${words[side === "caller" ? "you" : "agent"]}: `), text);
      item.append(mark, body);
      row = { item, text };
      this.rows.set(key, row);
      this.put(item);
    }
    return row;
  }

  put(item) {
    const log = $("log");
    const following = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
    log.append(item);
    if (following) log.scrollTop = log.scrollHeight;
  }

  partial(text) {
    $("partial").hidden = !text;
    $("partial").querySelector(".words").textContent = text;
  }

  caller(turn, text) {
    this.partial("");
    if (text) this.row("caller", turn).text.textContent = text;
  }

  agent(turn, text, heard = text, interrupted = false) {
    if (!text && !heard) return;
    const { text: place } = this.row("agent", turn);
    if (!interrupted) {
      if (place.textContent !== text) place.textContent = text;
    } else {
      const said = text.startsWith(heard) ? heard : "";
      const unheard = text.slice(said.length).trim();
      place.replaceChildren(said ? `${said.trimEnd()} ` : "");
      if (unheard) place.append(make("span", "hidden", `${words["not-heard"]} `), make("del", "", unheard));
    }
    $("log").scrollTop = $("log").scrollHeight;
  }

  ladder(message) {
    if (typeof message.total !== "number") return;
    const row = this.rows.get(`agent ${message.turn}`);
    const total = Math.round(message.total);
    if (row && !row.item.querySelector(".ms")) row.item.append(make("span", `ms${total > SLOW_MS ? " slow" : ""}`, `${total} ms`));
    const parts = PARTS.map((name) => [name, Math.max(0, message[name] ?? 0)]);
    const rest = message.total - parts.reduce((sum, [, value]) => sum + value, 0);
    if (rest > 5) parts.push(["rest", rest]);
    this.ladders.unshift({ turn: message.turn, total: message.total, parts });
    this.ladders.length = Math.min(this.ladders.length, 8);
    $("no-replies").hidden = true;
    // One axis for all, so that lengths can be compared.
    const longest = Math.max(...this.ladders.map((each) => each.total), 1);
    $("ladders").replaceChildren(...this.ladders.map((each) => ladderItem(each, longest)));
  }
}

function ladderItem({ turn, total, parts }, longest) {
  const item = make("li");
  const head = make("p", "ladder-head");
  head.append(make("span", "", `${words.turn} ${turn}`), make("b", "", `${Math.round(total)} ms`));
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", "0 0 1000 10");
  drawing.setAttribute("preserveAspectRatio", "none");
  drawing.setAttribute("aria-hidden", "true");
  let x = 0;
  for (const [name, value] of parts) {
    const width = (value / longest) * 1000;
    if (width <= 0) continue;
    const bar = document.createElementNS(SVG, "rect");
    bar.setAttribute("class", `s-${name}`);
    bar.setAttribute("x", x.toFixed(1));
    bar.setAttribute("width", Math.max(1, width - 3).toFixed(1));
    bar.setAttribute("height", "10");
    bar.setAttribute("rx", "3");
    drawing.append(bar);
    x += width;
  }
  const told = parts.map(([name, value]) => `${words[name]} ${Math.round(value)}`).join(", ");
  item.append(head, drawing, make("p", "parts", told));
  return item;
}

// -- a call -------------------------------------------------------------------------------------------------------------

const strip = new Strip($("strip"));
let call = null;

class Call extends Line {
  constructor() {
    super({
      asking: () => show("asking"),
      connecting: () => show("connecting"),
      started: () => this.began(),
      message: (message) => this.shown(message),
      level: (side, peak) => strip.level(side, peak),
      stopped: (state, word) => this.down(state, word),
      silent: () => strip.end(),
    });
    this.talk = new Conversation();
  }

  dial() {
    const address = new URL("../media/browser", location.href.replace(/[^/]*([?#].*)?$/, ""));
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const offer = new URL("../webrtc/offer", location.href.replace(/[^/]*([?#].*)?$/, ""));
    const { token = "", visit = "", ...parameters } = Object.fromEntries(new URLSearchParams(location.search));
    if (visit) offer.search = new URLSearchParams({ visit });
    return this.begin({ address, offers: [offer.href], token, parameters });
  }

  shown(message) {
    switch (message.type) {
      case "partial": return this.talk.partial(message.text);
      case "caller": return this.talk.caller(message.turn, message.text);
      case "speaking": return this.talk.agent(message.turn, message.text);
      case "agent": return this.talk.agent(message.turn, message.text, message.heard, message.interrupted);
      case "ladder": return this.talk.ladder(message);
    }
  }

  began() {
    this.clock = setInterval(() => this.tick(), 250);
    strip.begin();
    show("live");
    this.tick();
    $("end").focus();
  }

  tick() {
    $("clock").textContent = `${Math.floor(this.seconds / 60)}:${String(this.seconds % 60).padStart(2, "0")}`;
  }

  mute() {
    if (!this.live) return;
    super.mute();
    $("mute").setAttribute("aria-pressed", String(this.muted));
    $("mute").querySelector("use").setAttribute("href", this.muted ? "#i-mute" : "#i-mic");
    show("live", this.muted ? "muted" : "live");
  }

  press(digit) {
    super.press(digit);
    $("pressed").textContent = ($("pressed").textContent + digit).slice(-20);
  }

  down(state, word) {
    this.talk.partial("");
    clearInterval(this.clock);
    pad(false);
    $("mute").setAttribute("aria-pressed", "false");
    $("mute").querySelector("use").setAttribute("href", "#i-mic");
    $("start-label").textContent = words.again;
    show(state, words[word] ? word : state);
    $("start").focus();
  }
}

// -- controls -----------------------------------------------------------------------------------------------------------

function pad(open) {
  $("pad").hidden = !open;
  $("keys").setAttribute("aria-expanded", String(open));
  if (open) $("pad").querySelector("button").focus();
}

const live = () => document.body.dataset.state === "live";

$("start").addEventListener("click", () => {
  $("pressed").textContent = "";
  call = new Call();
  call.dial().catch(() => call.stop("lost"));
});
$("end").addEventListener("click", () => call?.hangUp());
$("mute").addEventListener("click", () => call?.mute());
$("keys").addEventListener("click", () => pad($("pad").hidden));
$("pad").addEventListener("click", ({ target }) => target.dataset.key && call?.press(target.dataset.key));
document.addEventListener("keydown", (event) => {
  if (!live() || event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  if (/^[0-9*#]$/.test(event.key)) call.press(event.key);
  else if (event.key === "m") call.mute();
  else if (event.key === "Escape" && !$("pad").hidden) {
    pad(false);
    $("keys").focus();
  }
});
addEventListener("pagehide", () => call?.over === false && call.send({ type: "hangup" }));

show("idle");
strip.draw();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", strip.draw);
