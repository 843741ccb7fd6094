// Keeps what is typed in the editor, a while after the last key, and opens another part in its place. One request at a time: each names the
// revision that the one before made.
import { again } from "./yaml.js";

const WAIT = 1200;
const editor = document.getElementById("editor");
let timer = 0;
let busy = false;
let typed = null;
let wanted = null;

function on() {
  clearTimeout(timer);
  if (busy) return;
  if (typed) { const form = document.getElementById(typed); typed = null; if (form) { form.requestSubmit(); return; } }
  if (wanted) { const href = wanted; wanted = null; htmx.ajax("GET", href, { target: "#editor", swap: "innerMorph", push: "true" }); }
}

function later(wait) {
  clearTimeout(timer);
  timer = setTimeout(on, wait);
}

document.addEventListener("input", (event) => {
  const form = event.target.form;
  if (!form?.matches("[data-autosave]")) return;
  typed = form.id;
  later(event.target.matches("select, [type=checkbox]") ? 0 : WAIT);
});

// Every link to another part of this page; what was typed is kept first.
document.addEventListener("click", (event) => {
  const href = event.target.closest("#editor a")?.getAttribute("href");
  if (!href || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const to = new URL(href, location.href);
  if (to.pathname !== location.pathname || to.hash) return;
  event.preventDefault();
  wanted = to.pathname + to.search;
  on();
});

editor.addEventListener("submit", (event) => { if (event.target.id === typed) typed = null; });
editor.addEventListener("htmx:before:request", () => { busy = true; });

// What was typed while a request was under way must not be put back to what was sent: only the revision is taken from its answer.
editor.addEventListener("htmx:before:swap", (event) => {
  const ctx = event.detail.ctx;
  const made = /name="revision" value="(\d+)"/.exec(ctx?.text ?? "");
  if (!typed || !made || ctx.target?.id !== "editor" || ctx.response?.status >= 400) return;
  event.preventDefault();
  document.querySelectorAll("#editor [name=revision]").forEach((one) => { one.value = made[1]; });
});

editor.addEventListener("htmx:finally:request", () => {
  busy = false;
  again();
  if (typed || wanted) later(typed && !wanted ? WAIT / 4 : 0);
});
window.addEventListener("beforeunload", (event) => { if (typed) event.preventDefault(); });

// The step that is open, in the middle of its graph.
function seek() {
  const room = document.querySelector(".drawn");
  const open = room?.querySelector(".node[aria-current]");
  if (!open) return;
  const [box, around] = [open.getBoundingClientRect(), room.getBoundingClientRect()];
  if (box.left < around.left || box.right > around.right) room.scrollLeft += box.left - around.left - (around.width - box.width) / 2;
}
seek();

let since = performance.now();
editor.addEventListener("htmx:after:swap", () => { since = performance.now(); seek(); });
setInterval(() => {
  const one = document.getElementById("saved");
  if (!one) return;
  const seconds = Number(one.dataset.seconds) + Math.floor((performance.now() - since) / 1000);
  const [size, words] = seconds < 60 ? [1, one.dataset.s] : seconds < 3600 ? [60, one.dataset.min] : [3600, one.dataset.h];
  if (seconds < 86400) one.textContent = words.replace("{n}", Math.floor(seconds / size));
}, 1000);
