// The player of a call: draws who spoke when, and plays it. No text is here; it stands in the page (parts/wave.html).
//
// Others on the page learn where it is by "offhook:at" on document ({detail: {seconds}}), and move it by an element with data-seek.
const BAR = 2.8;                 // pixels from one bar to the next
const LANES = 132;               // pixels of the caller's and the agent's lane together
const LOST = [144, 18];          // top and height of the lane of what nobody heard
const AXIS = 190;                // where the times stand
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800];
const SAID = 80;                 // milliseconds between two words to the page about where it plays

// The first on the page is the call's: keys, links to a moment and the address are its. Others are sounds of their own.
function start(root, main) {
  const find = (what) => root.querySelector(what);
  const audio = find("audio"), slider = find(".draw"), canvas = find(".draw canvas"), whole = find("[data-whole]");
  const pins = [...root.querySelectorAll(".pins li")].map((one) => ({ one, at: Number(one.dataset.at), weight: Number(one.dataset.weight) }));
  const length = Number(root.dataset.seconds);
  const words = root.dataset;
  const state = { at: 0, from: 0, span: length, skip: false, data: null, said: -Infinity, moving: 0, due: 0 };
  let colours = {}, hatch = null, address = 0, gains = null, context = null;

  // -- drawing ------------------------------------------------------------------------------------------------------------------

  function readColours() {
    const style = getComputedStyle(root);
    for (const name of ["caller", "agent", "bad", "ink", "ink3", "line2", "btext", "paper"]) colours[name] = style.getPropertyValue(`--${name}`).trim();
    colours.font = `11px ${style.fontFamily}`;
    const tile = document.createElement("canvas");
    tile.width = tile.height = 6;
    const pen = tile.getContext("2d");
    pen.strokeStyle = colours.bad;
    pen.lineWidth = 1;
    for (const x of [-6, 0, 6]) { pen.moveTo(x, 6); pen.lineTo(x + 6, 0); }
    pen.stroke();
    hatch = tile;
  }

  function fit(one, height) {
    const ratio = window.devicePixelRatio || 1, width = one.parentElement.clientWidth;
    if (one.width !== Math.round(width * ratio) || one.height !== Math.round(height * ratio)) {
      one.width = Math.round(width * ratio);
      one.height = Math.round(height * ratio);
    }
    const pen = one.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    return [pen, width];
  }

  // How loud a side is, 0 to 1, from one moment to another. Without a waveform: whether it has the floor.
  function loudest(side, begin, end) {
    const { data } = state;
    if (!data.loud) return data.turns.some(([from, to, who]) => who === side && from < end && to > begin) ? 0.6 : 0;
    const values = data.loud[side], last = Math.max(Math.floor(begin * data.loud.rate) + 1, Math.ceil(end * data.loud.rate));
    let most = 0;
    for (let at = Math.floor(begin * data.loud.rate); at < last && at < values.length; at += 1) if (values[at] > most) most = values[at];
    return (most / data.loud.most) ** 0.8;
  }

  // Both sides' bars: what was played in full, what lies ahead at 45 %.
  function bars(pen, width, from, span, middle, height, step) {
    const played = (state.at - from) / span * width;
    for (const side of ["caller", "agent"]) {
      const paths = [new Path2D(), new Path2D()];
      for (let x = 0; x < width; x += step) {
        const begin = from + x / width * span, tall = loudest(side, begin, begin + step / width * span) * height;
        if (tall >= 0.5) paths[x < played ? 0 : 1].rect(x, side === "caller" ? middle - 1 - tall : middle + 1, step - 0.8, tall);
      }
      pen.fillStyle = colours[side];
      pen.globalAlpha = 1;
      pen.fill(paths[0]);
      pen.globalAlpha = 0.45;
      pen.fill(paths[1]);
      pen.globalAlpha = 1;
    }
  }

  // Once a frame, however often somebody asks for it.
  function paint() {
    state.due ||= requestAnimationFrame(draw);
  }

  function draw() {
    state.due = 0;
    const [pen, width] = fit(canvas, slider.clientHeight);
    const scale = width / state.span, middle = LANES / 2, x = (seconds) => (seconds - state.from) * scale;
    const seen = (begin, end) => end >= state.from && begin <= state.from + state.span;
    pen.font = colours.font;
    pen.fillStyle = colours.line2;
    pen.fillRect(0, middle - 0.5, width, 1);
    if (state.data) {
      for (const [begin, end, over] of state.data.gaps) {
        if (!seen(begin, end)) continue;
        pen.globalAlpha = over ? 0.22 : 0.5;
        pen.fillStyle = over ? colours.bad : colours.line2;
        pen.fillRect(x(begin), 0, Math.max(2, (end - begin) * scale), LANES);
      }
      pen.globalAlpha = 1;
      bars(pen, width, state.from, state.span, middle, middle - 2, BAR);
      lost(pen, width, x, scale, middle);
    }
    axis(pen, width, x, scale);
    pen.fillStyle = colours.ink;
    pen.fillRect(x(state.at) - 1, 0, 2, LOST[0] + LOST[1] + 14);
    pen.beginPath();
    pen.arc(Math.min(width - 4, Math.max(4, x(state.at))), 4, 4, 0, 2 * Math.PI);
    pen.fill();
    if (!whole.hidden) overview();
  }

  // What was made and never heard: hatched from the cut on, with its length where there is room.
  function lost(pen, width, x, scale, middle) {
    const shown = state.data.unheard.filter(([begin, seconds]) => begin + (seconds ?? 0) >= state.from && begin <= state.from + state.span);
    shown.forEach(([begin, seconds, label], at) => {
      const left = x(begin), wide = Math.max(16, (seconds ?? 0) * scale), [top, tall] = LOST;
      pen.fillStyle = colours.bad;
      pen.fillRect(left - 0.75, middle, 1.5, top + tall - middle);
      const pattern = pen.createPattern(hatch, "repeat");
      pen.fillStyle = pattern;
      pen.fillRect(left, top, wide, tall);
      pen.strokeStyle = colours.bad;
      pen.lineWidth = 1;
      pen.strokeRect(left + 0.5, top + 0.5, wide - 1, tall - 1);
      const end = left + wide + 8 + pen.measureText(label).width, next = shown[at + 1];
      if (width >= 600 && end < width && (!next || end + 8 < x(next[0]))) {
        pen.fillStyle = colours.bad;
        pen.fillText(label, left + wide + 8, top + 13);
      }
    });
  }

  function axis(pen, width, x, scale) {
    const step = STEPS.find((one) => one * scale >= 70) ?? 3600;
    for (let at = Math.ceil(state.from / step) * step; at <= state.from + state.span; at += step) {
      pen.fillStyle = colours.line2;
      pen.fillRect(x(at), AXIS - 18, 1, 5);
      pen.fillStyle = colours.ink3;
      const text = clock(at), wide = pen.measureText(text).width;
      if (x(at) + wide <= width) pen.fillText(text, x(at) === 0 ? 0 : Math.max(0, x(at) - wide / 2), AXIS);
    }
  }

  // The whole of a long call, with the window that is shown below.
  function overview() {
    const [pen, width] = fit(whole, 32);
    if (state.data) bars(pen, width, 0, length, 16, 15, 2);
    const left = state.from / length * width, wide = state.span / length * width;
    pen.fillStyle = colours.paper;
    pen.globalAlpha = 0.6;
    pen.fillRect(0, 0, left, 32);
    pen.fillRect(left + wide, 0, width - left - wide, 32);
    pen.globalAlpha = 1;
    pen.strokeStyle = colours.btext;
    pen.lineWidth = 1.5;
    pen.strokeRect(left + 0.75, 0.75, Math.max(4, wide - 1.5), 30.5);
    pen.fillStyle = colours.ink;
    pen.fillRect(state.at / length * width - 0.5, 0, 1, 32);
  }

  // Pins stand where things happened. A label goes before two overlap; an icon only where it would cover one that weighs more.
  function placePins() {
    const width = slider.clientWidth, narrow = width < 600;
    const shown = pins.filter(({ one, at }) => {
      const inside = at >= state.from && at <= state.from + state.span;
      one.hidden = !inside;
      return inside;
    });
    const taken = [];
    for (const pin of [...shown].sort((a, b) => b.weight - a.weight || a.at - b.at)) {
      const x = Math.min(width - 13, Math.max(13, (pin.at - state.from) / state.span * width));
      pin.one.hidden = taken.some((other) => Math.abs(other - x) < 26);
      if (!pin.one.hidden) { taken.push(x); pin.x = x; }
    }
    const left = shown.filter(({ one }) => !one.hidden);
    left.forEach((pin, at) => {
      pin.one.style.left = `${pin.x - 12}px`;
      pin.one.classList.remove("bare");
      const end = pin.x + pin.one.offsetWidth - 12, next = left[at + 1];
      pin.one.classList.toggle("bare", narrow || end > width || (next !== undefined && end + 4 > next.x - 12));
    });
  }

  // -- where it is ----------------------------------------------------------------------------------------------------------------

  function clock(seconds, tenths = false) {
    const whole = tenths ? Math.floor(seconds * 10) / 10 : Math.round(seconds);
    const hours = Math.floor(whole / 3600), minutes = Math.floor(whole / 60) % 60, rest = whole % 60;
    const tail = `${rest < 10 ? "0" : ""}${tenths ? rest.toFixed(1) : rest}`;
    return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${tail}` : `${minutes}:${tail}`;
  }

  function speaking(at) {
    const sides = new Set((state.data?.turns ?? []).filter(([begin, end]) => begin <= at && at < end).map(([, , side]) => side));
    return sides.size > 1 ? words.both : words[[...sides][0] ?? "none"];
  }

  function tell(force) {
    find("[data-now]").textContent = clock(state.at, true);
    const second = String(Math.floor(state.at));
    if (force || slider.getAttribute("aria-valuenow") !== second) {
      slider.setAttribute("aria-valuenow", second);
      const said = words.clock.replace("{m}", Math.floor(state.at / 60)).replace("{s}", Math.floor(state.at % 60));
      slider.setAttribute("aria-valuetext", `${said}, ${speaking(state.at)}`);
    }
    const now = performance.now();
    if (main && (force || now - state.said > SAID)) {
      state.said = now;
      document.dispatchEvent(new CustomEvent("offhook:at", { detail: { seconds: state.at } }));
    }
  }

  // The window goes along with what is heard.
  function follow() {
    if (state.at >= state.from && state.at <= state.from + state.span * 0.96) return;
    look(state.at - state.span * 0.08);
  }

  function look(from) {
    const before = state.from;
    state.from = Math.max(0, Math.min(length - state.span, from));
    if (before !== state.from) placePins();
  }

  function seek(seconds, { keep = true } = {}) {
    state.at = Math.max(0, Math.min(length, seconds));
    if (audio) audio.currentTime = state.at;
    follow();
    tell(true);
    paint();
    if (!keep || !main) return;
    clearTimeout(address);
    address = setTimeout(() => {
      const url = new URL(location.href);
      url.searchParams.set("at", state.at.toFixed(2));
      history.replaceState(history.state, "", url);
    }, 300);
  }

  function neighbour(step) {
    const begins = (state.data?.turns ?? []).map(([begin]) => begin);
    const found = step > 0 ? begins.find((one) => one > state.at + 0.05) : begins.findLast((one) => one < state.at - 0.5);
    return found ?? (step > 0 ? length : 0);
  }

  // -- sound ----------------------------------------------------------------------------------------------------------------------

  // One stereo sound; its sides are gains, so that they cannot drift apart. Both are heard in both ears.
  function mix() {
    if (gains) return;
    context = new AudioContext();
    const split = context.createChannelSplitter(2);
    context.createMediaElementSource(audio).connect(split);
    gains = ["caller", "agent"].map((side, channel) => {
      const gain = context.createGain();
      split.connect(gain, channel);
      gain.connect(context.destination);
      return { side, gain };
    });
  }

  async function play() {
    mix();
    await context.resume();
    if (state.at >= length - 0.05) seek(0);
    await audio.play();
  }

  function tick() {
    if (audio.paused) return;
    state.at = Math.min(length, audio.currentTime);
    if (state.skip) {
      const silent = state.data?.silences.find(([begin, end]) => begin <= state.at && state.at < end - 0.1);
      if (silent) { audio.currentTime = silent[1]; state.at = silent[1]; }
    }
    follow();
    tell(false);
    paint();
    state.moving = requestAnimationFrame(tick);
  }

  function toggle() {
    if (!audio) return;
    if (audio.paused) play().catch(failed); else audio.pause();
  }

  function failed(error) {
    if (error?.name === "AbortError") return; // paused before it began
    find("[data-failed]").hidden = false;
  }

  function pressed(all, chosen) {
    for (const one of all) one.setAttribute("aria-pressed", String(one === chosen));
  }

  if (audio) {
    const button = find("[data-play]"), labels = [button.getAttribute("aria-label"), button.dataset.stop];
    button.addEventListener("click", toggle);
    audio.addEventListener("play", () => { root.classList.add("playing"); button.setAttribute("aria-label", labels[1]); tick(); });
    audio.addEventListener("pause", () => {
      root.classList.remove("playing");
      button.setAttribute("aria-label", labels[0]);
      cancelAnimationFrame(state.moving);
      tell(true);
    });
    audio.addEventListener("error", failed);
    const sides = [...root.querySelectorAll("[data-side]")], speeds = [...root.querySelectorAll("[data-speed]")];
    for (const one of sides) one.addEventListener("click", () => {
      mix();
      for (const { side, gain } of gains) gain.gain.setTargetAtTime(one.dataset.side === "both" || one.dataset.side === side ? 1 : 0, context.currentTime, 0.01);
      pressed(sides, one);
    });
    for (const one of speeds) one.addEventListener("click", () => { audio.playbackRate = Number(one.dataset.speed); pressed(speeds, one); });
    find("[data-skip]").addEventListener("click", (event) => {
      state.skip = !state.skip;
      event.currentTarget.setAttribute("aria-pressed", String(state.skip));
    });
  }

  // -- hands ----------------------------------------------------------------------------------------------------------------------

  function drag(area, move, done) {
    area.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      area.setPointerCapture(event.pointerId);
      move(event.clientX - area.getBoundingClientRect().left, area.clientWidth);
    });
    area.addEventListener("pointermove", (event) => {
      if (area.hasPointerCapture(event.pointerId)) move(event.clientX - area.getBoundingClientRect().left, area.clientWidth);
    });
    area.addEventListener("pointerup", done);
  }

  drag(slider, (x, width) => seek(state.from + x / width * state.span, { keep: false }), () => seek(state.at));
  drag(whole, (x, width) => { look(x / width * length - state.span / 2); paint(); }, () => {});

  function key(event, own) {
    const shift = event.shiftKey;
    switch (event.key) {
      case " ": if (!audio) return; toggle(); break;
      case "ArrowRight": seek(shift ? neighbour(1) : state.at + 2); break;
      case "ArrowLeft": seek(shift ? neighbour(-1) : state.at - 2); break;
      case "ArrowUp": if (!own) return; seek(state.at + 2); break;
      case "ArrowDown": if (!own) return; seek(state.at - 2); break;
      case "PageUp": if (!own) return; seek(state.at + 10); break;
      case "PageDown": if (!own) return; seek(state.at - 10); break;
      case "Home": if (!own) return; seek(0); break;
      case "End": if (!own) return; seek(length); break;
      default: return;
    }
    event.preventDefault();
  }

  slider.addEventListener("keydown", (event) => { if (!event.ctrlKey && !event.metaKey && !event.altKey) key(event, true); });
  if (main) document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.target === slider) return;
    if (event.target.closest("a, button, input, textarea, select, summary, dialog, [contenteditable], .scroll")) return;
    if (localStorage.getItem("offhook-keys") === "off" || document.querySelector("dialog:modal")) return;
    key(event, false);
  });
  if (main) document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-seek]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    seek(Number(link.dataset.seek));
  });

  // -- begin ----------------------------------------------------------------------------------------------------------------------

  function measure() {
    state.span = "long" in words ? Math.min(length, slider.clientWidth < 600 ? 60 : 120) : length;
    look(state.from);
    follow();
    placePins();
    paint();
  }

  function themed() { readColours(); paint(); }

  readColours();
  new ResizeObserver(measure).observe(slider);
  new MutationObserver(themed).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) matchMedia(query).addEventListener("change", themed);
  document.fonts.ready.then(() => { placePins(); paint(); });

  const asked = new URLSearchParams(main ? location.search : "");
  const row = asked.has("turn") ? document.getElementById(`turn-${asked.get("turn")}`) : null;
  const first = Number(asked.get("at") ?? row?.dataset.from ?? 0);
  measure();
  if (Number.isFinite(first) && first > 0) seek(first, { keep: false });

  const bytes = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  fetch(words.wave, { headers: { accept: "application/json" } })
    .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(String(answer.status)))))
    .then((data) => {
      if (data.loud) {
        const sides = { caller: bytes(data.loud.caller), agent: bytes(data.loud.agent) };
        const most = Math.max(16, ...[sides.caller, sides.agent].map((side) => side.reduce((a, b) => Math.max(a, b), 0)));
        data.loud = { ...sides, rate: data.loud.a_second, most };
      }
      state.data = data;
      root.classList.add("drawn");
      tell(true);
      paint();
    })
    .catch(() => { const line = find("[data-failed]"); if (line) line.hidden = false; });
}

document.querySelectorAll("[data-player]").forEach((root, at) => start(root, at === 0));
