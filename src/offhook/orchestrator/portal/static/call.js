// The call's page: the turn that is heard is marked, a ladder opens in place, keys. No text is here; it stands in the page.
const lines = [...document.querySelectorAll(".lines li")].map((one) => ({ one, from: Number(one.dataset.from), to: Number(one.dataset.to) }));
let now = document.querySelector(".lines li.now");

// Of turns that run at the same time, the one that began last.
function running(seconds) {
  let found = null;
  for (const line of lines) {
    if (line.from > seconds + 0.005) break;
    if (seconds <= line.to + 0.005) found = line.one;
  }
  return found;
}

document.addEventListener("offhook:at", (event) => {
  const next = running(event.detail.seconds);
  if (next === now || next === null) return;
  now?.classList.remove("now");
  now?.removeAttribute("aria-current");
  now = next;
  now.classList.add("now");
  now.setAttribute("aria-current", "true");
});

// A turn's parts come when it is opened; without an answer, the page with it open.
async function fill(link, box) {
  if (box.firstElementChild) return true;
  const answer = await fetch(`${new URL(link.href).pathname}/_turn/${box.id.slice(4)}`).catch(() => null);
  if (!answer?.ok) return false;
  box.innerHTML = await answer.text();
  return true;
}

async function show(link, open) {
  const box = document.getElementById(link.dataset.opens);
  if (open && !(await fill(link, box))) { location.assign(link.href); return; }
  box.hidden = !open;
  link.setAttribute("aria-expanded", String(open));
}

document.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  const link = event.target.closest("[data-opens]");
  if (link && document.body.classList.contains("shell")) {
    event.preventDefault();
    const open = link.getAttribute("aria-expanded") !== "true";
    show(link, open);
    const at = new URL(link.href);
    history.replaceState(history.state, "", open ? at.pathname + at.search + at.hash : at.pathname);
  }
  const all = event.target.closest("[data-ladders]");
  if (all) {
    const on = all.closest(".talk").classList.toggle("ladders");
    all.setAttribute("aria-pressed", String(on));
  }
});

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, textarea, select, [contenteditable]") || localStorage.getItem("offhook-keys") === "off") return;
  if (document.querySelector("dialog:modal")) return;
  const pressed = document.querySelector(`[data-press="${CSS.escape(event.key)}"]`);
  if (pressed) {
    event.preventDefault();
    pressed.click();
    pressed.closest("details")?.querySelector("input:not([type=hidden])")?.focus();
  } else if (event.key === ".") {
    const ids = document.getElementById("ids");
    if (!ids) return;
    event.preventDefault();
    ids.open = !ids.open;
    if (ids.open) ids.scrollIntoView({ block: "nearest" });
  }
});
