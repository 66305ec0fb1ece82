// The player's furniture: elements, icons, the transcript of what was heard and what was only meant.
// Given plain data, sets everything that was said as text, never as markup. Knows nothing of sound.

const ICONS = {
  play: "M4 2.5v11l9-5.5z",
  pause: "M4 2.5h3v11H4zM9 2.5h3v11H9z",
  previous: "M3 3h2v10H3zM13 3v10L6 8z",
  next: "M11 3h2v10h-2zM3 3v10l7-5z",
};
const LEGEND = [
  ["callee", "callee"],
  ["agent", "agent"],
  ["gap", "reply gap"],
  ["slow", "over 1.2 s"],
  ["cut", "barge-in"],
  ["good", "disclosure, answer"],
  ["tool", "tool"],
];
const KEYS = [
  ["Space", "play"],
  ["← →", "5 s, with Shift 1 s"],
  ["J K", "next, previous turn"],
  ["G", "slowest reply"],
  ["+ − 0", "zoom"],
];

/** An element with its class, text and children. */
function make(tag, name, { text, parent, ...properties } = {}) {
  const element = Object.assign(document.createElement(tag), { className: name }, properties);
  if (text !== undefined) element.textContent = text;
  parent?.append(element);
  return element;
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  for (const [key, value] of Object.entries({ viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": true }))
    svg.setAttribute(key, value);
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

function fillLegend(parent) {
  for (const [colour, words] of LEGEND) {
    const item = make("span", "", { parent });
    make("i", `odp-dot odp-bg-${colour}`, { parent: item });
    item.append(words);
  }
}

function fillKeys(parent) {
  for (const [key, words] of KEYS) {
    const item = make("span", "", { parent });
    make("kbd", "", { parent: item, text: key });
    item.append(` ${words}`);
  }
}

/** Tells where on a canvas the pointer is pressed and drawn, as a share of its width. */
function onDrag(canvas, act) {
  const move = (event) => {
    const box = canvas.getBoundingClientRect();
    act(Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)));
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    move(event);
  });
  canvas.addEventListener("pointermove", (event) => canvas.hasPointerCapture(event.pointerId) && move(event));
}

/** The lines of the talk with the happenings between them; a click on a line tells when it begins. */
class Transcript {
  constructor(parent, onLine) {
    this.onLine = onLine;
    this.box = make("div", "odp-lines", { parent });
    this.box.setAttribute("aria-label", "Transcript");
  }

  fill(call) {
    this.box.replaceChildren();
    this.box.scrollTop = 0;
    this.rows = [];
    this.lit = null;
    const slow = new Set(call.gaps.filter((gap) => gap.is_slow).map((gap) => gap.end_ms));
    const rows = [
      ...call.marks.map((mark) => ({ at: mark.at_ms, show: () => this.note(mark) })),
      ...call.lines.map((line) => ({ at: line.begin_ms, show: () => this.line(line, slow.has(line.begin_ms)) })),
    ].sort((a, b) => a.at - b.at);
    for (const row of rows) row.show();
    if (!rows.length) make("div", "odp-nothing", { parent: this.box, text: "Nothing is known of this call yet." });
  }

  line(line, isSlow) {
    const row = make("button", `odp-line odp-line-${line.speaker}`, { parent: this.box, type: "button" });
    make("span", "odp-at", { parent: row, text: clock(line.begin_ms) });
    make("span", `odp-who odp-${line.speaker}`, { parent: row, text: line.speaker });
    const words = make("span", "odp-words", { parent: row, text: line.heard });
    if (line.unheard) {
      if (line.heard) words.append(" ");
      make("s", "odp-unheard", { parent: words, text: line.unheard, title: "Meant, but not heard" });
    }
    if (line.wait_ms !== null) {
      const colour = isSlow ? "odp-slow" : "odp-quick";
      make("span", `odp-wait ${colour}`, { parent: row, text: `${line.wait_ms} ms`, title: "The callee waited so long" });
    }
    row.addEventListener("click", (event) => this.onLine(line.begin_ms, event.detail > 0));
    this.rows.push({ at: line.begin_ms, row });
  }

  note(mark) {
    const row = make("div", "odp-note", { parent: this.box });
    make("span", "odp-at", { parent: row, text: clock(mark.at_ms) });
    make("i", `odp-dot odp-bg-${MARK_COLOUR[mark.kind] ?? "tool"}`, { parent: row });
    const words = make("span", "odp-words", { parent: row, title: mark.detail });
    make("b", "", { parent: words, text: mark.label });
    words.append(` ${mark.detail}`);
  }

  /** Light the line that is being spoken, or was spoken last. */
  light(now) {
    const row = this.rows.findLast((one) => one.at <= now + 1)?.row ?? null;
    if (row === this.lit) return;
    this.lit?.removeAttribute("aria-current");
    row?.setAttribute("aria-current", "true");
    this.lit = row;
    if (!row) return;
    const top = row.offsetTop - this.box.offsetTop; // scrolled by hand: scrollIntoView would move the notebook
    const isHidden = top < this.box.scrollTop || top + row.offsetHeight > this.box.scrollTop + this.box.clientHeight;
    if (isHidden) this.box.scrollTop = top - this.box.clientHeight / 3;
  }
}
