// The page of a call from the browser: microphone check, one button, the words, what would be written. Words for people stand in the
// page; the call itself is line.js, which the engine's own page at /talk has too.
import { Line, Strip, microphone } from "./talk/line.js";

const SLOW_CHECK_MS = 4000;
const HEARD = 0.05; // of full scale: who speaks is louder, a quiet room is not
const SVG = "http://www.w3.org/2000/svg";
const STAGES = [
  ["wait", ["endpoint"]],
  ["transcript", ["stt_final"]],
  ["model", ["to_llm", "first_token", "first_clause"]],
  ["voice", ["tts_first_byte"]],
  ["line", ["playout"]],
];

const $ = (id) => document.getElementById(id);
const root = $("phone");
const words = Object.fromEntries([...$("words").content.querySelectorAll("[data-word]")].map((p) => [p.dataset.word, p.textContent]));
const strip = new Strip($("strip"));
let line = null;
let checked = null; // the microphone after its check
let test = "";

function show(state, word = state) {
  root.dataset.state = state;
  $("said").textContent = words[word] ?? words[state];
  const remedy = words[`${word}-remedy`] ?? "";
  $("remedy").hidden = !remedy;
  $("remedy").querySelector("span").textContent = remedy;
  $("clock").hidden = state !== "live";
  $("hands").hidden = $("hint").hidden = state !== "live";
  $("go").hidden = ["asking", "connecting", "live"].includes(state);
}

function icon(place, name) {
  place.querySelector("use").setAttribute("href", `${root.dataset.icons}#${name}`);
}

// -- the microphone -------------------------------------------------------------------------------------------------------------

async function check() {
  show("asking");
  let stream;
  try {
    stream = await microphone($("device").value);
  } catch (error) {
    return show("denied", error.why);
  }
  const context = new AudioContext();
  const source = context.createMediaStreamSource(stream);
  const meter = new AnalyserNode(context, { fftSize: 1024 });
  source.connect(meter);
  const values = new Float32Array(meter.fftSize);
  const since = performance.now();
  const mine = { stream, context };
  checked = mine;
  show("idle", "checking");
  $("go").textContent = words.call;
  $("go").focus();
  await devices(stream);
  if (checked !== mine) return; // the call was begun meanwhile
  let loud = false;
  mine.timer = setInterval(() => {
    meter.getFloatTimeDomainData(values);
    const peak = Math.max(...values.map(Math.abs));
    $("level").className = `at-${Math.min(10, Math.round(Math.sqrt(peak) * 10))}`;
    if (peak > HEARD && !loud) {
      loud = true;
      told("loud", "circle-check");
    } else if (!loud && performance.now() - since > SLOW_CHECK_MS) {
      told("soft", "mic");
    }
  }, 60);
}

function told(word, name) {
  const place = $("loud");
  if (place.querySelector("span").textContent === words[word]) return;
  place.querySelector("span").textContent = words[word];
  icon(place, name);
  place.classList.toggle("good", word === "loud");
}

async function devices(stream) {
  const found = (await navigator.mediaDevices.enumerateDevices()).filter((one) => one.kind === "audioinput");
  const current = stream.getAudioTracks()[0]?.getSettings().deviceId;
  $("device").replaceChildren(...found.map((one) => new Option(one.label || one.deviceId, one.deviceId, false, one.deviceId === current)));
  $("device").disabled = found.length < 2;
}

function unchecked(keep) {
  if (!checked) return null;
  clearInterval(checked.timer);
  checked.context.close();
  const { stream } = checked;
  checked = null;
  $("level").className = "";
  if (!keep) for (const track of stream.getTracks()) track.stop();
  return stream;
}

// -- the call ---------------------------------------------------------------------------------------------------------------------

class Conversation {
  constructor() {
    this.rows = new Map();
    $("log").replaceChildren();
    $("no-reply").hidden = false;
    $("reply").hidden = true;
    this.partial("");
  }

  row(side, turn) {
    const key = `${side} ${turn}`;
    if (!this.rows.has(key)) {
      const item = document.createElement("p");
      item.className = `turn ${side}`;
      const who = Object.assign(document.createElement("i"), { className: "who" });
      who.setAttribute("aria-hidden", "true");
      const label = Object.assign(document.createElement("span"), { className: "sr", textContent: words[side === "caller" ? "you" : "agent"] });
      const text = Object.assign(document.createElement("span"), { className: "words" });
      item.append(who, label, text);
      // What the caller said is known a moment after the agent has begun to answer it: it still stands before the answer.
      item.dataset.order = 2 * turn + (side === "caller" ? 0 : 1);
      $("log").insertBefore(item, [...$("log").children].find((one) => Number(one.dataset.order) > Number(item.dataset.order)) ?? null);
      this.rows.set(key, text);
    }
    $("log").scrollTop = $("log").scrollHeight;
    return this.rows.get(key);
  }

  partial(text) {
    $("partial").hidden = !text;
    $("partial").querySelector(".words").textContent = text;
  }

  caller(turn, text) {
    this.partial("");
    if (text) this.row("caller", turn).textContent = text;
  }

  agent(turn, text, heard = text, interrupted = false) {
    if (!text && !heard) return;
    const place = this.row("agent", turn);
    if (!interrupted) {
      if (place.textContent !== text) place.textContent = text;
      return;
    }
    const said = text.startsWith(heard) ? heard : "";
    const unheard = text.slice(said.length).trim();
    place.textContent = said ? `${said.trimEnd()} ` : "";
    if (unheard) {
      place.append(
        Object.assign(document.createElement("span"), { className: "sr", textContent: `${words["not-heard"]} ` }),
        Object.assign(document.createElement("del"), { textContent: unheard }),
      );
    }
  }

  ladder(message) {
    if (typeof message.total !== "number") return;
    const total = Math.round(message.total);
    const over = message.total > Number(root.dataset.budget);
    const row = this.rows.get(`agent ${message.turn}`)?.parentElement;
    if (row && !row.querySelector(".ms")) {
      row.append(Object.assign(document.createElement("span"), { className: `ms num${over ? " over" : ""}`, textContent: `${total} ms` }));
    }
    const parts = STAGES.map(([name, of]) => [name, of.reduce((sum, one) => sum + (message[one] ?? 0), 0)]).filter(([, ms]) => ms >= 0.5);
    const rest = message.total - parts.reduce((sum, [, ms]) => sum + ms, 0);
    if (rest > 5) parts.push(["unexplained", rest]);
    const longest = Math.max(message.total, 1.2 * Number(root.dataset.budget));
    let x = 0;
    const bars = parts.map(([name, ms]) => {
      const bar = document.createElementNS(SVG, "rect");
      const width = (ms / longest) * 300;
      bar.setAttribute("class", `stage ${name}`);
      bar.setAttribute("x", x.toFixed(2));
      bar.setAttribute("width", Math.max(0.5, width - 1).toFixed(2));
      bar.setAttribute("height", "8");
      x += width;
      return bar;
    });
    $("reply").querySelector("svg").replaceChildren(...bars);
    $("reply").querySelector(".num").textContent = `${total} ms`;
    $("reply").querySelector(".num").classList.toggle("over", over);
    $("reply").querySelector(".help").textContent = parts.map(([name, ms]) => `${words[name]} ${Math.round(ms)}`).join(", ");
    $("no-reply").hidden = true;
    $("reply").hidden = false;
  }
}

let later = null;
/** What was written, as the server knows it: what an engine has done is there a moment after it has said so. */
function written() {
  clearTimeout(later);
  later = setTimeout(async () => {
    if (!test) return;
    const answer = await fetch(`${root.dataset.written}/${test}/_written?real=${root.dataset.real}`).catch(() => null);
    if (answer?.ok) $("written").innerHTML = await answer.text(); // our own page's part, escaped by the server
  }, 400);
}

class Call extends Line {
  constructor() {
    super({
      connecting: () => show("connecting"),
      started: () => this.began(),
      message: (message) => this.shown(message),
      level: (side, peak) => strip.level(side, peak),
      stopped: (state, word) => this.down(state, word),
      silent: () => strip.end(),
    });
    this.talk = new Conversation();
  }

  async dial(stream) {
    show("connecting");
    const answer = await fetch(root.dataset.start, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": crypto.randomUUID?.() ?? String(Math.random()) },
      body: root.dataset.asked,
    });
    const made = await answer.json();
    if (!answer.ok) {
      for (const track of stream?.getTracks() ?? []) track.stop();
      this.over = true;
      show("refused");
      $("remedy").querySelector("span").textContent = made.title ?? words["refused-remedy"];
      return;
    }
    test = made.id;
    await this.begin({ address: made.socket, offers: made.offers, token: made.token, stream });
  }

  shown(message) {
    switch (message.type) {
      case "partial": return this.talk.partial(message.text);
      case "caller":
        written();
        return this.talk.caller(message.turn, message.text);
      case "speaking": return this.talk.agent(message.turn, message.text);
      case "agent":
        written();
        return this.talk.agent(message.turn, message.text, message.heard, message.interrupted);
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
    super.mute();
    $("mute").setAttribute("aria-pressed", String(this.muted));
    icon($("mute"), this.muted ? "mic-off" : "mic");
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
    icon($("mute"), "mic");
    $("go").textContent = words.again;
    show(state, words[word] ? word : state);
    $("go").focus();
    written();
  }
}

// -- controls ---------------------------------------------------------------------------------------------------------------------

const live = () => root.dataset.state === "live";

function pad(open) {
  $("pad").hidden = !open;
  $("keys").setAttribute("aria-expanded", String(open));
  if (open) $("pad").querySelector("button").focus();
}

$("go").hidden = false;
$("go").addEventListener("click", () => {
  if (!checked && (!line || line.over) && !test) return check();
  $("pressed").textContent = "";
  line = new Call();
  return line.dial(unchecked(true)).catch(() => line.stop("lost"));
});
$("device").addEventListener("change", () => {
  unchecked(false);
  check();
});
$("end").addEventListener("click", () => line?.hangUp());
$("mute").addEventListener("click", () => line?.mute());
$("keys").addEventListener("click", () => pad($("pad").hidden));
$("pad").addEventListener("click", ({ target }) => target.dataset.digit && line?.press(target.dataset.digit));
document.addEventListener("keydown", (event) => {
  if (!live() || event.ctrlKey || event.altKey || event.metaKey || event.repeat || event.target.closest("input, select, textarea")) return;
  if (event.key === " ") {
    // Wherever the focus stands: a space that hung up, because End was focused, would be a trap.
    event.preventDefault();
    line.mute();
  } else if (/^[0-9*#]$/.test(event.key)) line.press(event.key);
  else if (event.key === "Escape" && !$("pad").hidden) {
    pad(false);
    $("keys").focus();
  }
}, true);
document.addEventListener("keyup", (event) => { if (live() && event.key === " ") event.preventDefault(); }, true);
addEventListener("offline", () => line && !line.over && !line.rtc && line.stop("lost")); // WebRTC comes back by itself
addEventListener("beforeunload", (event) => { if (line && !line.over && live()) event.preventDefault(); });
addEventListener("pagehide", () => line?.over === false && line.send({ type: "hangup" }));
strip.draw();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", strip.draw);
