// What a page of live calls does beside its stream: clocks run, a lost stream is said, a command shows what came of it.
// The stream itself is hx-sse: it swaps what the server has rendered and comes back by Last-Event-ID. No text is here.

const $ = (id) => document.getElementById(id);
const stream = $("stream");
const LATE_MS = 1500;

// -- clocks -----------------------------------------------------------------------------------------------------------------

const begun = new WeakMap();

function written(seconds) {
  const two = (n) => String(n).padStart(2, "0");
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

let stopped = false;
function tick() {
  if (stopped) return;
  for (const one of document.querySelectorAll("[data-seconds]")) {
    if (!begun.has(one)) begun.set(one, performance.now() - 1000 * Number(one.dataset.seconds));
    const text = written(Math.floor((performance.now() - begun.get(one)) / 1000));
    if (one.textContent !== text) one.textContent = text;
  }
}
tick();
setInterval(tick, 500);

// -- the stream is lost, and comes back -----------------------------------------------------------------------------------------

const stale = $("stale");
let heard = performance.now();
let lost = null;

function show() {
  stale.hidden = false;
  stale.querySelector("span").textContent = stale.dataset.text.replace("{n}", String(Math.round((performance.now() - heard) / 1000)));
}

function back() {
  heard = performance.now();
  clearInterval(lost);
  lost = null;
  stale.hidden = true;
}

function away() {
  if (lost !== null || stopped) return;
  const since = performance.now();
  lost = setInterval(() => { if (performance.now() - since >= LATE_MS && !document.hidden) show(); }, 250);
}

stream?.addEventListener("htmx:sse:after:connection", back);
stream?.addEventListener("htmx:sse:after:message", () => { heard = performance.now(); });
stream?.addEventListener("htmx:sse:before:connection", (event) => { if (event.detail.connection.attempt > 0) away(); });
stream?.addEventListener("htmx:sse:error", (event) => {
  away();
  // Signed out, or no longer allowed: the page itself says which.
  if ([401, 403, 404].includes(event.detail.status)) location.reload();
});

// -- the words ------------------------------------------------------------------------------------------------------------------

let following = true;
addEventListener("scroll", () => {
  following = document.documentElement.scrollHeight - scrollY - innerHeight < 80;
}, { passive: true });

function follow() {
  if (following && $("turns") && innerWidth > 900) scrollTo(0, document.documentElement.scrollHeight);
}
follow();

const squeeze = (text) => text.replace(/\s+/g, " ").trim();

/** What the engine did with the command that was sent last. */
function cameOf() {
  const told = $("told")?.querySelector(".told:not(.bad)");
  if (!told) return;
  const { said, through, goodbye } = $("told").dataset;
  const phase = document.querySelector("[data-phase]")?.dataset.phase;
  const state = told.querySelector(".state");
  if (told.dataset.action === "say") {
    const words = squeeze(told.querySelector("q")?.textContent ?? "");
    const rows = [...$("turns").querySelectorAll(".turn.agent .words")].slice(Number(told.dataset.from ?? 0));
    if (rows.some((one) => squeeze(one.textContent).includes(words))) state.textContent = said;
  } else if (told.dataset.action === "transfer" && phase === "transferring") {
    state.textContent = through;
  } else if (told.dataset.action === "end" && phase === "closing") {
    state.textContent = goodbye;
  }
}

stream?.addEventListener("htmx:sse:after:message", () => { tick(); follow(); cameOf(); });
stream?.addEventListener("over", () => {
  stopped = true;
  back();
  $("ended").hidden = false;
  $("steer")?.remove();
  $("ask-end")?.close();
  document.querySelector(".up.big")?.classList.add("over-now");
});

// -- commands ---------------------------------------------------------------------------------------------------------------------

document.addEventListener("htmx:after:request", (event) => {
  const form = event.target.closest?.("#steer form, #ask-end form");
  if (!form) return;
  $("ask-end")?.close();
  form.closest("details")?.removeAttribute("open");
  if (event.detail.ctx.response?.status >= 400) return;
  form.querySelector("[name=text]")?.form.reset();
  // The next command is another one.
  const key = form.querySelector("[name=key]");
  if (key) key.value = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
});
document.addEventListener("htmx:after:swap", () => {
  const told = $("told")?.querySelector(".told");
  if (told && !told.dataset.from) told.dataset.from = String($("turns").querySelectorAll(".turn.agent").length);
});
