// The sliders of turn-taking: each moves its number and its drawing. Without this the numbers alone are the form. No text is here.
const MOST = 1000;

function worded(value, unit) {
  const shown = unit === "s" ? value * 1000 : value;
  if (unit !== "s" && unit !== "ms") return String(value);
  if (shown < 1000) return `${Math.round(shown)} ms`;
  return shown < 100000 ? `${Number((shown / 1000).toPrecision(3))} s` : `${Math.round(shown / 1000)} s`;
}

function rounded(value, step) {
  return Number((Math.round(value / step) * step).toFixed(3));
}

function redraw(drawing, milliseconds) {
  const at = Number(drawing.dataset.at), half = Number(drawing.dataset.half), width = drawing.viewBox.baseVal.width;
  const gap = Number(drawing.dataset.widest) * milliseconds / (milliseconds + half);
  drawing.querySelector(".moved")?.setAttribute("transform", `translate(${at + gap})`);
  drawing.querySelector(".gap").setAttribute("d", `M${at} 58v5h${gap.toFixed(1)}v-5`);
  const said = drawing.querySelector(".said");
  said.textContent = drawing.dataset.says.replace("{value}", worded(milliseconds, "ms"));
  if (drawing.querySelector(".still")) return;
  const side = said.getComputedTextLength() / 2;
  said.setAttribute("x", Math.min(Math.max(at + gap / 2, side), width - side));
}

document.querySelectorAll("[data-knob]").forEach((knob) => {
  const slide = knob.querySelector(".slide"), number = knob.querySelector("input[type=number]");
  if (!slide) return;
  const range = slide.querySelector("input"), drawing = knob.querySelector("svg.turn-drawing");
  const low = Number(number.min), high = Number(number.max), unit = number.dataset.unit, step = Number(number.dataset.step);
  const shown = () => {
    const value = Number(number.value);
    if (number.value === "" || !Number.isFinite(value)) return;
    range.setAttribute("aria-valuetext", worded(value, unit));
    const within = Math.min(Math.max(value, low), high);
    if (drawing) redraw(drawing, unit === "s" ? within * 1000 : within);
  };
  range.addEventListener("input", () => {
    number.value = Math.min(Math.max(rounded(low + (range.value / MOST) ** 2 * (high - low), step), low), high);
    shown();
  });
  number.addEventListener("input", () => {
    range.value = Math.round(Math.sqrt(Math.min(Math.max((Number(number.value) - low) / (high - low), 0), 1)) * MOST);
    shown();
  });
  range.disabled = number.matches(":disabled");
  slide.hidden = false;
});
