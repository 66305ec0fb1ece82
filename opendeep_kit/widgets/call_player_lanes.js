// The player's pictures: the lanes with turns, gaps, barge-ins and marks, and the strip of the whole call.
// Given plain data and a window of time, draws. Knows nothing of sound or of the kernel.

const RULER = 18;
const LANE = 64;
const CALLEE_TOP = 20;
const BAND_TOP = CALLEE_TOP + LANE; // the reply gaps' milliseconds stand between the lanes
const AGENT_TOP = BAND_TOP + 22;
const MARKS_TOP = AGENT_TOP + LANE + 4;
const STAGE_HEIGHT = MARKS_TOP + 22;
const STRIP_HEIGHT = 30;
const FINE_VIEW_MS = 600000; // up to here a finer picture is worth asking for
const STEPS_S = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
const LANE_TOP = { callee: CALLEE_TOP, agent: AGENT_TOP };
const MARK_COLOUR = {
  line: "faint",
  tool: "tool",
  failed_tool: "cut",
  disclosure: "good",
  answer: "good",
  wish: "slow",
  trouble: "cut",
};

const clock = (ms, isFine = false) => {
  const seconds = Math.max(0, ms) / 1000;
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60];
  const tenths = isFine ? `.${Math.floor((seconds * 10) % 10)}` : "";
  const two = (n) => String(n).padStart(2, "0");
  return (h ? `${h}:${two(m)}` : `${m}`) + `:${two(s)}${tenths}`;
};

/** The colours of the theme around us, as the style sheet names them. */
function colours(root) {
  const style = getComputedStyle(root);
  const names = ["callee", "agent", "gap", "slow", "cut", "good", "tool", "text", "faint", "rule", "back"];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--odp-${name}`).trim()]));
}

/** Bars of the level: lowest and highest of both lanes, `first` bar's begin and one bar's length known. */
class Bars {
  constructor(bytes, { from_ms = 0, bar_ms }) {
    this.data = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    Object.assign(this, { from_ms, bar_ms, count: bytes.byteLength / 4 });
  }

  get to_ms() {
    return this.from_ms + this.count * this.bar_ms;
  }

  /** Lowest and highest between two times, or null where there is nothing. */
  between(lane, from_ms, to_ms) {
    const first = Math.max(0, Math.floor((from_ms - this.from_ms) / this.bar_ms));
    const last = Math.min(this.count - 1, Math.max(first, Math.ceil((to_ms - this.from_ms) / this.bar_ms) - 1));
    if (last < first || first >= this.count) return null;
    let [low, high] = [127, -128];
    for (let bar = first; bar <= last; bar++) {
      const at = (lane * this.count + bar) * 2;
      low = Math.min(low, this.data[at]);
      high = Math.max(high, this.data[at + 1]);
    }
    return [low, high];
  }
}

/** A canvas as sharp as the screen; gives its drawing context in CSS pixels. */
/** A finer picture of the window in view, asked for when the one at hand has too few bars for the screen. */
class FineBars {
  constructor(asker, sound, onArrival) {
    Object.assign(this, { asker, onArrival, bars: null });
    this.total = Math.ceil((sound.frames / sound.rate_hz) * 100);
  }

  of({ from, to }, { whole, perPixel }) {
    const isInside = this.bars && this.bars.from_ms <= from && this.bars.to_ms >= to - 1;
    if (isInside) return this.bars.bar_ms < whole.bar_ms ? this.bars : whole;
    if (whole.bar_ms > perPixel && to - from <= FINE_VIEW_MS) {
      clearTimeout(this.waiting);
      this.waiting = setTimeout(() => this.fetch(from, to), 150);
    }
    return whole;
  }

  async fetch(from, to) {
    const margin = (to - from) / 2;
    const first = Math.max(0, Math.floor((from - margin) / 10));
    const count = Math.min(this.total, Math.ceil((to + margin) / 10)) - first;
    if (count < 1) return;
    const factor = Math.max(1, Math.ceil(count / 4096));
    try {
      const [bytes] = await this.asker.ask({ kind: "levels", first, count, factor });
      this.bars = new Bars(bytes, { from_ms: first * 10, bar_ms: factor * 10 });
    } catch {
      return; // the coarser picture stays
    }
    this.onArrival();
  }

  close() {
    clearTimeout(this.waiting);
    this.onArrival = () => {};
  }
}

function sharp(canvas, height) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) [canvas.width, canvas.height] = [w, h];
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  return { pen, width };
}

/** Draws one window of the call. */
class Stage {
  constructor(canvas, { call, bars, view, paint, font }) {
    const { pen, width } = sharp(canvas, STAGE_HEIGHT);
    Object.assign(this, { pen, width, call, bars, view, paint, font });
    this.scale = width / (view.to - view.from);
    pen.font = `11px ${font}`;
    pen.textBaseline = "middle";
  }

  x(ms) {
    return (ms - this.view.from) * this.scale;
  }

  sees(thing) {
    return (thing.end_ms ?? thing.at_ms) >= this.view.from && (thing.begin_ms ?? thing.at_ms) <= this.view.to;
  }

  draw() {
    this.ruler();
    for (const line of this.call.lines) if (line.heard && this.sees(line)) this.shade(line, 0.16);
    for (const sound of this.call.sounds) if (this.sees(sound)) this.shade(sound, 0.06);
    const gaps = this.call.gaps.filter((one) => this.sees(one));
    for (const gap of gaps) this.gap(gap);
    for (const lane of [0, 1]) this.wave(lane);
    for (const cut of this.call.cuts.filter((one) => this.sees(one))) this.cut(cut);
    this.waits(gaps);
    this.marks(this.call.marks.filter((one) => this.sees(one)));
  }

  box(x, y, width, height, colour, opacity = 1) {
    this.pen.globalAlpha = opacity;
    this.pen.fillStyle = this.paint[colour];
    this.pen.fillRect(x, y, width, height);
    this.pen.globalAlpha = 1;
  }

  chip(x, y, width, height, colour, opacity = 1) {
    this.pen.globalAlpha = opacity;
    this.pen.fillStyle = this.paint[colour];
    this.pen.beginPath();
    this.pen.roundRect(x, y, width, height, 4);
    this.pen.fill();
    this.pen.globalAlpha = 1;
  }

  text(words, x, y, colour) {
    this.pen.fillStyle = this.paint[colour] ?? colour;
    this.pen.fillText(words, x, y);
  }

  ruler() {
    const length_s = (this.view.to - this.view.from) / 1000;
    const step = STEPS_S.find((one) => (one / length_s) * this.width >= 64) ?? 7200;
    for (let n = Math.ceil(this.view.from / 1000 / step); n * step * 1000 <= this.view.to; n++) {
      const x = this.x(n * step * 1000);
      this.box(Math.round(x), RULER - 4, 1, STAGE_HEIGHT, "rule", 0.55);
      const label = clock(n * step * 1000, step < 1);
      if (x + this.pen.measureText(label).width + 4 < this.width) this.text(label, x + 3, RULER / 2, "faint");
    }
  }

  shade({ begin_ms, end_ms, speaker }, opacity) {
    const [x, end] = [this.x(begin_ms), this.x(end_ms)];
    this.chip(x, LANE_TOP[speaker], Math.max(2, end - x), LANE, speaker, opacity);
  }

  gap(gap) {
    const [x, end] = [this.x(gap.begin_ms), this.x(gap.end_ms)];
    const height = AGENT_TOP + LANE - CALLEE_TOP;
    this.box(x, CALLEE_TOP, Math.max(1.5, end - x), height, gap.is_slow ? "slow" : "gap", 0.24);
  }

  wave(lane) {
    const speaker = lane ? "agent" : "callee";
    const middle = LANE_TOP[speaker] + LANE / 2;
    const end = Math.min(this.width, this.x(this.call.duration_ms));
    this.box(0, middle, Math.max(0, end), 1, speaker, 0.45);
    if (!this.bars.count) return;
    this.pen.fillStyle = this.paint[speaker];
    const step = 1 / (window.devicePixelRatio || 1);
    for (let x = 0; x < end; x += step) {
      const from = this.view.from + x / this.scale;
      const found = this.bars.between(lane, from, from + step / this.scale);
      if (!found) continue;
      const [low, high] = found;
      const top = middle - (high / 127) * (LANE / 2 - 1);
      this.pen.fillRect(x, top, step, Math.max(1, ((high - low) / 127) * (LANE / 2 - 1)));
    }
  }

  cut(cut) {
    const [x, end] = [this.x(cut.begin_ms), this.x(cut.end_ms)];
    const height = AGENT_TOP + LANE - CALLEE_TOP;
    this.box(x, CALLEE_TOP, Math.max(0, end - x), height, "cut", 0.3);
    const wide = this.scale > 0.004 ? 3 : 1; // a bar is a moment: where a pixel is many seconds it stays thin
    this.box(x - (wide - 1) / 2, CALLEE_TOP - 2, wide, height + 2, "cut");
  }

  /** The waits in milliseconds, the longest first: where there is no room the shorter ones go without. */
  waits(gaps) {
    const taken = [];
    const length = (gap) => gap.end_ms - gap.begin_ms;
    for (const gap of [...gaps].sort((a, b) => length(b) - length(a))) {
      const words = `${Math.round(length(gap))} ms`;
      const width = this.pen.measureText(words).width + 10;
      const middle = (this.x(gap.begin_ms) + this.x(gap.end_ms)) / 2;
      const left = Math.min(Math.max(0, middle - width / 2), this.width - width);
      if (taken.some(([from, to]) => left < to + 3 && left + width + 3 > from)) continue;
      taken.push([left, left + width]);
      this.chip(left, BAND_TOP + 3, width, 16, gap.is_slow ? "slow" : "gap");
      this.text(words, left + 5, BAND_TOP + 11.5, "#1b1b1b");
    }
  }

  marks(marks) {
    const middle = MARKS_TOP + 11;
    let free = 0;
    let before = -Infinity;
    marks.forEach((mark, n) => {
      const x = Math.min(Math.max(5, this.x(mark.at_ms)), this.width - 5);
      const colour = MARK_COLOUR[mark.kind] ?? "tool";
      if (mark.kind === "disclosure") this.box(x - 0.5, AGENT_TOP, 1.5, MARKS_TOP - AGENT_TOP + 6, "good");
      this.pen.fillStyle = this.paint[colour];
      this.pen.beginPath();
      this.pen.arc(x, middle, 4.5, 0, 2 * Math.PI);
      this.pen.fill();
      const width = this.pen.measureText(mark.label).width;
      const until = n + 1 < marks.length ? this.x(marks[n + 1].at_ms) - 8 : this.width;
      if (x + 8 >= free && x + 8 + width < Math.max(until, 0)) {
        this.text(mark.label, x + 8, middle + 0.5, "text");
        free = x + 8 + width + 8;
      } else if (x - 8 - width > Math.max(free, before + 8) && n + 1 === marks.length) {
        this.text(mark.label, x - 8 - width, middle + 0.5, "text");
      }
      before = x;
    });
  }

  /** What is at this place: lines of words for a person. */
  tell(x, y) {
    const ms = this.view.from + x / this.scale;
    const mark = this.call.marks.findLast((one) => Math.abs(this.x(one.at_ms) - x) < 7);
    if (y >= MARKS_TOP && mark) return [`${clock(mark.at_ms, true)}  ${mark.label}`, mark.detail];
    const cut = this.call.cuts.find((one) => x > this.x(one.begin_ms) - 4 && x < this.x(one.end_ms) + 4);
    if (cut) return ["Barge-in", `the agent stopped after ${Math.round(Math.max(0, cut.end_ms - cut.begin_ms))} ms`];
    const gap = this.call.gaps.find((one) => ms >= one.begin_ms && ms <= one.end_ms);
    if (gap) return tellGap(gap);
    return [clock(ms, true)];
  }
}

function tellGap(gap) {
  const stages = Object.entries(gap.stages).filter(([, ms]) => ms >= 1);
  const told = stages.map(([name, ms]) => `${name} ${Math.round(ms)}`).join(" + ");
  return [`Reply after ${Math.round(gap.end_ms - gap.begin_ms)} ms${gap.has_tool ? ", a tool ran" : ""}`, told];
}

/** The whole call on one strip, with the window that the stage shows. */
function drawStrip(canvas, { call, bars, view, paint }) {
  const { pen, width } = sharp(canvas, STRIP_HEIGHT);
  const scale = width / call.duration_ms;
  const fill = (x, y, w, h, colour, opacity) => {
    pen.globalAlpha = opacity;
    pen.fillStyle = paint[colour];
    pen.fillRect(x, y, w, h);
    pen.globalAlpha = 1;
  };
  for (const gap of call.gaps) if (gap.is_slow) fill(gap.begin_ms * scale, 0, 1.5, STRIP_HEIGHT, "slow", 0.6);
  for (let x = 0; x < width; x += 1) {
    for (const lane of [0, 1]) {
      const found = bars.between(lane, x / scale, (x + 1) / scale);
      if (!found) continue;
      const height = Math.max(0.5, ((found[1] - found[0]) / 254) * (STRIP_HEIGHT / 2 - 2));
      fill(x, lane ? STRIP_HEIGHT / 2 : STRIP_HEIGHT / 2 - height, 1, height, lane ? "agent" : "callee", 0.85);
    }
  }
  for (const cut of call.cuts) fill(cut.begin_ms * scale, 0, 2, STRIP_HEIGHT, "cut", 1);
  const [from, to] = [view.from * scale, Math.max(view.to * scale, view.from * scale + 3)];
  fill(0, 0, from, STRIP_HEIGHT, "back", 0.6);
  fill(to, 0, width - to, STRIP_HEIGHT, "back", 0.6);
  pen.strokeStyle = paint.text;
  pen.strokeRect(from + 0.5, 0.5, Math.max(2, to - from - 1), STRIP_HEIGHT - 1);
}
