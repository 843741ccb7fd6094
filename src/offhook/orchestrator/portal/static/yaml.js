// Colours and line numbers under a textarea. The server reads the text and says what is wrong with it; this is for looks only.
const PIECES = /(?<note>(?:^|(?<=\s))#.*)|(?<text>"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')|(?<key>[A-Za-z_][\w.-]*(?=:(?:\s|$)))|(?<sign>[[\]{},]|^\s*-\s|:(?=\s|$))/g;
const LONGEST = 2000;

function shown(line) {
  const row = document.createElement("span");
  row.className = "l";
  let at = 0;
  for (const found of line.slice(0, LONGEST).matchAll(PIECES)) {
    if (found.index > at) row.append(line.slice(at, found.index));
    const piece = document.createElement("i");
    piece.className = Object.keys(found.groups).find((name) => found.groups[name] !== undefined);
    piece.textContent = found[0];
    row.append(piece);
    at = found.index + found[0].length;
  }
  row.append(`${line.slice(at)}\n`);
  return row;
}

// Only the lines between the first and the last that differ: what the server marked elsewhere stays marked.
function follow(area, under) {
  const lines = area.value.split("\n");
  const rows = [...under.children];
  const same = (row, line) => row.textContent === `${line}\n`;
  let head = 0;
  while (head < rows.length && head < lines.length && same(rows[head], lines[head])) head += 1;
  let tail = 0;
  while (tail < rows.length - head && tail < lines.length - head && same(rows[rows.length - 1 - tail], lines[lines.length - 1 - tail])) tail += 1;
  const after = rows[rows.length - tail] ?? null;
  rows.slice(head, rows.length - tail).forEach((row) => row.remove());
  lines.slice(head, lines.length - tail).forEach((line) => under.insertBefore(shown(line), after));
  area.rows = lines.length;
  area.cols = Math.max(...lines.map((line) => line.length)) + 4;
}

function both() {
  return [document.getElementById("f-text"), document.getElementById("code-shown")];
}

function here() {
  const code = document.getElementById("code");
  const line = code?.querySelector(".bad") ?? code?.querySelector(".here");
  if (line) code.scrollTop += line.getBoundingClientRect().top - code.getBoundingClientRect().top - 80;
}

document.addEventListener("input", (event) => {
  const [area, under] = both();
  if (event.target === area) follow(area, under);
});

export function again() {
  const [area, under] = both();
  if (area) follow(area, under);
}

document.documentElement.classList.add("lit");
again();
here();
