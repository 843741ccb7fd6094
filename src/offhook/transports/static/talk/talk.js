// The page's side of the protocol in transports/browser_ws.py. Words shown to people are in index.html, not here.

const RATE_IN = 16000;
const RATE_OUT = 24000;
const BAR_MS = 60;
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

/** The last half minute of both sides: the caller above the line, the agent below. */
class Strip {
  constructor(canvas) {
    this.canvas = canvas;
    this.bars = [];
    this.now = { caller: 0, agent: 0 };
    this.draw = this.draw.bind(this);
  }

  begin() {
    this.bars = [];
    this.timer = setInterval(() => {
      this.bars.push(this.now);
      this.now = { caller: 0, agent: 0 };
      if (this.bars.length > 600) this.bars.shift();
      requestAnimationFrame(this.draw);
    }, BAR_MS);
  }

  end() {
    clearInterval(this.timer);
  }

  level(side, peak) {
    this.now[side] = Math.max(this.now[side], peak);
  }

  draw() {
    const { canvas } = this;
    const scale = devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (canvas.width !== Math.round(width * scale)) [canvas.width, canvas.height] = [width * scale, height * scale].map(Math.round);
    const context = canvas.getContext("2d");
    const style = getComputedStyle(document.documentElement);
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    const middle = height / 2;
    context.fillStyle = style.getPropertyValue("--line2");
    context.fillRect(16, middle - 0.5, width - 32, 1);
    const shown = this.bars.slice(-Math.floor((width - 32) / 3));
    const sides = [["caller", -1], ["agent", 1]];
    for (const [side, direction] of sides) {
      context.fillStyle = style.getPropertyValue(`--${side}`);
      shown.forEach((bar, index) => {
        const tall = Math.sqrt(bar[side]) * (middle - 10);
        if (tall > 2) context.fillRect(16 + index * 3, direction < 0 ? middle - tall : middle, 2, tall);
      });
    }
  }
}

// -- a call -------------------------------------------------------------------------------------------------------------

const strip = new Strip($("strip"));
let call = null;

class Call {
  constructor() {
    this.talk = new Conversation();
    this.reason = "";
    this.muted = false;
    this.sounding = []; // marks whose audio has left the player and not yet the loudspeaker
    this.over = false;
  }

  async begin() {
    if (!navigator.mediaDevices?.getUserMedia || !globalThis.AudioWorkletNode) return this.stop("denied", "insecure");
    show("asking");
    // Made inside the click: later, browsers would keep it silent.
    this.context = new AudioContext({ latencyHint: "interactive" });
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({
        audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 },
      });
    } catch (error) {
      return this.stop("denied", error.name === "NotFoundError" || error.name === "NotReadableError" ? "nodevice" : "denied");
    }
    if (this.over) return this.release();
    await this.context.audioWorklet.addModule(new URL("worklet.js", import.meta.url));
    await this.context.resume();
    show("connecting");
    this.connect();
  }

  connect() {
    const address = new URL("../media/browser", location.href.replace(/[^/]*([?#].*)?$/, ""));
    address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
    const { token = "", ...parameters } = Object.fromEntries(new URLSearchParams(location.search));
    this.socket = new WebSocket(address);
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => this.send({ type: "start", version: 1, token, rate: RATE_IN, rate_out: RATE_OUT, parameters });
    this.socket.onmessage = ({ data }) => this.take(data);
    this.socket.onclose = ({ code }) => this.closed(code);
  }

  send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  take(data) {
    if (data instanceof ArrayBuffer) {
      this.player?.port.postMessage({ audio: data }, [data]);
      return;
    }
    const message = JSON.parse(data);
    switch (message.type) {
      case "started": return this.started(message);
      case "clear": return this.player?.port.postMessage({ clear: true });
      case "mark": return this.player?.port.postMessage({ mark: message.name });
      case "partial": return this.talk.partial(message.text);
      case "caller": return this.talk.caller(message.turn, message.text);
      case "speaking": return this.talk.agent(message.turn, message.text);
      case "agent": return this.talk.agent(message.turn, message.text, message.heard, message.interrupted);
      case "ladder": return this.talk.ladder(message);
      case "ended":
        this.reason = message.reason;
    }
  }

  started({ rate, rate_out }) {
    this.player = new AudioWorkletNode(this.context, "player", { numberOfInputs: 0, outputChannelCount: [1], processorOptions: { rate: rate_out } });
    this.player.port.onmessage = ({ data }) => this.played(data);
    this.player.connect(this.context.destination);
    this.capture = new AudioWorkletNode(this.context, "capture", { numberOfOutputs: 0, processorOptions: { rate } });
    this.capture.port.onmessage = ({ data }) => {
      if (this.socket.readyState === WebSocket.OPEN) this.socket.send(data.data);
      strip.level("caller", data.peak);
    };
    this.context.createMediaStreamSource(this.stream).connect(this.capture);
    // Some systems take the sound away (a telephone call, headphones pulled out); take it back when they let us.
    this.context.onstatechange = () => this.context.state === "interrupted" && this.context.resume();
    this.since = performance.now();
    this.clock = setInterval(() => this.tick(), 250);
    strip.begin();
    show("live");
    this.tick();
    $("end").focus();
  }

  tick() {
    const seconds = Math.floor((performance.now() - this.since) / 1000);
    $("clock").textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }

  /** A mark is answered when its audio has been heard, so the loudspeaker's delay is added; dropped marks at once, in order. */
  played(message) {
    if (message.mark !== undefined) {
      const delay = 1000 * (this.context.outputLatency || this.context.baseLatency || 0);
      const entry = { name: message.mark };
      entry.timer = setTimeout(() => {
        this.sounding.splice(this.sounding.indexOf(entry), 1);
        this.send({ type: "mark", name: entry.name });
      }, delay);
      this.sounding.push(entry);
    } else if (message.cleared) {
      for (const entry of this.sounding.splice(0)) {
        clearTimeout(entry.timer);
        this.send({ type: "mark", name: entry.name });
      }
      for (const name of message.cleared) this.send({ type: "mark", name });
    } else if (message.finished) {
      this.release();
    } else {
      strip.level("agent", message.peak);
    }
  }

  mute() {
    if (!this.capture) return;
    this.muted = !this.muted;
    this.capture.port.postMessage({ muted: this.muted });
    $("mute").setAttribute("aria-pressed", String(this.muted));
    $("mute").querySelector("use").setAttribute("href", this.muted ? "#i-mute" : "#i-mic");
    show("live", this.muted ? "muted" : "live");
  }

  press(digit) {
    this.send({ type: "dtmf", digit });
    $("pressed").textContent = ($("pressed").textContent + digit).slice(-20);
  }

  hangUp() {
    this.reason ||= "hangup";
    this.player?.port.postMessage({ clear: true });
    this.send({ type: "hangup" });
    // The engine closes; should it not, the call is over all the same.
    setTimeout(() => this.over || this.closed(1000), 1500);
    if (!this.player) this.stop("ended", "ended-hangup");
  }

  closed(code) {
    if (this.over) return;
    if (code === 1013) return this.stop("refused", "ended-busy");
    // A call that was taken ends with a reason; one that was not is only closed.
    if (code === 1008 || (code === 1000 && !this.reason)) return this.stop("refused", "ended-refused");
    if (code !== 1000 && !this.reason) return this.stop("lost");
    const word = `ended-${this.reason}`;
    this.stop("ended", words[word] ? word : "ended");
  }

  stop(state, word = state) {
    if (this.over) return;
    this.over = true;
    this.talk.partial("");
    if (this.socket) this.socket.onclose = null;
    this.socket?.close(1000);
    clearInterval(this.clock);
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.capture?.port.postMessage({ over: true });
    // What has arrived is still played, but not for ever.
    this.player?.port.postMessage({ finish: true });
    setTimeout(() => this.release(), this.player ? 1000 : 0);
    pad(false);
    $("mute").setAttribute("aria-pressed", "false");
    $("mute").querySelector("use").setAttribute("href", "#i-mic");
    $("start-label").textContent = words.again;
    show(state, word);
    $("start").focus();
  }

  release() {
    strip.end();
    this.player?.port.postMessage({ over: true });
    if (this.context && this.context.state !== "closed") this.context.close();
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
  call.begin().catch(() => call.stop("lost"));
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
