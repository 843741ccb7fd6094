// What every page does beyond links and forms: keys, toasts, menus that close. No text is here; it stands in the page.
const KEYS = "offhook-keys";

function typing(target) {
  return target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]") !== null;
}

function keysOn() {
  return localStorage.getItem(KEYS) !== "off";
}

function toast(one) {
  let timer;
  const begin = () => { timer = setTimeout(() => one.remove(), 6000); };
  one.addEventListener("pointerenter", () => clearTimeout(timer));
  one.addEventListener("pointerleave", begin);
  begin();
}

let went = -Infinity;
document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (event.key === "Escape") {
    document.querySelectorAll("details.pick[open], details.me[open]").forEach((one) => {
      one.open = false;
      if (one.contains(document.activeElement)) one.querySelector("summary").focus();
    });
    return;
  }
  if (!keysOn() || document.querySelector("dialog:modal")) return;
  if (event.timeStamp - went < 1500) {
    went = -Infinity;
    const link = document.querySelector(`[data-go="${CSS.escape(event.key)}"]`);
    if (link) { event.preventDefault(); link.click(); }
  } else if (event.key === "g") {
    went = event.timeStamp;
  } else if (event.key === "?") {
    document.getElementById("keys")?.showModal();
  } else if (event.key === "j" || event.key === "k") {
    const rows = [...document.querySelectorAll("table a.all")];
    const at = rows.indexOf(document.activeElement);
    const to = at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + (event.key === "j" ? 1 : -1)));
    if (rows.length) { event.preventDefault(); rows[to].focus(); }
  } else {
    const field = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
    if (field) { event.preventDefault(); field.focus(); field.select?.(); }
  }
});

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-open]");
  if (opener) document.getElementById(opener.dataset.open)?.showModal();
  document.querySelectorAll("details.pick[open], details.me[open]").forEach((one) => { if (!one.contains(event.target)) one.open = false; });
});

// Signed out meanwhile (401), or as somebody else (403, a form of another session): what is here stays, and says so.
document.addEventListener("htmx:before:response", (event) => {
  const band = document.getElementById("signed-out");
  if (!band || ![401, 403].includes(event.detail.ctx.response.status)) return;
  event.preventDefault();
  band.hidden = false;
});

document.querySelectorAll("[data-open]").forEach((one) => { one.hidden = false; });
document.querySelectorAll("#toasts .toast").forEach(toast);
const box = document.getElementById("keys-on");
if (box) {
  box.checked = keysOn();
  box.addEventListener("change", () => localStorage.setItem(KEYS, box.checked ? "on" : "off"));
}
