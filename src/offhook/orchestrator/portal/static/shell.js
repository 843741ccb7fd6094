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

document.querySelectorAll("[data-open]").forEach((one) => { one.hidden = false; });
document.querySelectorAll("#toasts .toast").forEach(toast);
const box = document.getElementById("keys-on");
if (box) {
  box.checked = keysOn();
  box.addEventListener("change", () => localStorage.setItem(KEYS, box.checked ? "on" : "off"));
}
