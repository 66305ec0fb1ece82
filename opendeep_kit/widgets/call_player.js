// The call player: builds the page's part, and joins sound, pictures, transcript and keyboard.
// Everything that was said, by whomever, is set as text, never as markup.

const STEP_MS = 5000;
const SMALL_STEP_MS = 1000;
const WHOLE_CALL_MS = 120000; // a longer call opens with its first minute
const FIRST_VIEW_MS = 60000;
const SHORTEST_VIEW_MS = 2000;
const LEAD_IN_MS = 1500; // heard before a slow reply
const SPEEDS = [0.75, 1, 1.25, 1.5, 1.75, 2];

class CallView {
  constructor(model, el) {
    this.model = model;
    this.asker = new Asker(model);
    this.build(el);
    this.listen();
    this.load();
  }

  // ---- the page -------------------------------------------------------------------------------------

  build(el) {
    const root = (this.root = make("div", "odp", { parent: el, tabIndex: 0 }));
    root.setAttribute("role", "group");
    root.dataset.lmSuppressShortcuts = "true"; // JupyterLab would move cells on J and K
    const head = make("div", "odp-head", { parent: root });
    this.title = make("span", "odp-title", { parent: head });
    this.facts = make("span", "odp-facts", { parent: head });
    const controls = make("div", "odp-controls", { parent: root });
    this.buildControls(controls);
    this.buildStage(make("div", "odp-stage", { parent: root }));
    const legend = make("div", "odp-legend", { parent: root });
    fillLegend(legend);
    this.transcript = new Transcript(root, (ms, isMouse) => {
      this.seek(ms);
      this.play();
      if (isMouse) root.focus({ preventScroll: true });
    });
    const keys = make("div", "odp-keys", { parent: root });
    fillKeys(keys);
    this.timed = [controls, this.stageBox, legend, keys];
  }

  button(parent, label, act, { shape, text, name = "" } = {}) {
    const button = make("button", `odp-button ${name}`, { parent, type: "button", title: label });
    button.setAttribute("aria-label", label);
    button.append(shape ? icon(shape) : (text ?? label));
    button.addEventListener("click", (event) => {
      act();
      if (event.detail) this.root.focus({ preventScroll: true }); // a mouse click leaves the keyboard to the player
    });
    return button;
  }

  buildControls(bar) {
    const sound = make("span", "odp-group", { parent: bar });
    this.playButton = this.button(sound, "Play", () => this.toggle(), { shape: "play", name: "odp-play" });
    this.button(sound, "Previous turn", () => this.turn(-1), { shape: "previous" });
    this.button(sound, "Next turn", () => this.turn(1), { shape: "next" });
    this.time = make("span", "odp-time", { parent: bar });
    this.speed = make("select", "odp-speed", { parent: bar, title: "Speed" });
    this.speed.setAttribute("aria-label", "Speed");
    for (const speed of SPEEDS) make("option", "", { parent: this.speed, value: speed, text: `${speed}×` });
    this.slowest = this.button(bar, "Jump to the slowest reply", () => this.goSlowest(), { text: "", name: "odp-slowest" });
    const zoom = make("span", "odp-group", { parent: bar });
    this.button(zoom, "Zoom out", () => this.zoom(2), { text: "−" });
    this.button(zoom, "Zoom in", () => this.zoom(0.5), { text: "+" });
    this.button(zoom, "Whole call", () => this.zoom(Infinity));
    this.saveButton = this.button(bar, "Download", () => this.save());
    this.status = make("span", "odp-status", { parent: bar });
    this.status.setAttribute("role", "status");
  }

  buildStage(stage) {
    this.stageBox = stage;
    const gutter = make("div", "odp-gutter", { parent: stage });
    this.lanes = ["callee", "agent"].map((who) => {
      const lane = make("div", `odp-lane odp-lane-${who}`, { parent: gutter });
      make("span", `odp-who odp-${who}`, { parent: lane, text: who });
      const state = { isMuted: false, isSolo: false };
      const group = make("span", "odp-group", { parent: lane });
      const flip = (key) => () => {
        state[key] = !state[key];
        this.mix();
      };
      state.mute = this.button(group, `Mute the ${who}`, flip("isMuted"), { text: "Mute" });
      state.solo = this.button(group, `Hear only the ${who}`, flip("isSolo"), { text: "Solo" });
      return state;
    });
    const pictures = make("div", "odp-pictures", { parent: stage });
    this.canvas = make("canvas", "odp-canvas", { parent: pictures });
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", "Callee above, agent below");
    this.canvas.style.height = `${STAGE_HEIGHT}px`;
    this.head = make("div", "odp-playhead", { parent: pictures });
    this.head.style.height = `${STAGE_HEIGHT}px`;
    this.tip = make("div", "odp-tip", { parent: pictures, hidden: true });
    this.strip = make("canvas", "odp-strip", { parent: pictures });
    this.strip.style.height = `${STRIP_HEIGHT}px`;
  }

  // ---- the call -------------------------------------------------------------------------------------

  load() {
    this.speaker?.close();
    this.asker.forget();
    this.call = this.model.get("picture");
    const sound = this.model.get("sound");
    this.hasSound = Boolean(sound.frames);
    this.speaker = this.hasSound ? new Speaker(this.asker, sound, (why) => this.tellStatus(why)) : null;
    this.silentAt = 0; // the playhead where there is nothing to hear
    this.whole = new Bars(this.model.get("levels"), { bar_ms: this.model.get("level_ms") });
    this.fine?.close();
    this.fine = this.hasSound ? new FineBars(this.asker, sound, () => this.draw()) : null;
    this.saving = null;
    const length = this.call.duration_ms;
    this.view = { from: 0, to: Math.max(length > WHOLE_CALL_MS ? FIRST_VIEW_MS : length, 1) };
    this.title.textContent = this.model.get("title");
    this.root.setAttribute("aria-label", `Call player: ${this.model.get("title")}`);
    this.fillFacts();
    this.transcript.fill(this.call);
    const waits = this.call.gaps.map((gap) => gap.end_ms - gap.begin_ms);
    this.slowest.hidden = !waits.length;
    this.slowest.textContent = `Slowest ${Math.max(0, ...waits)} ms`;
    for (const control of this.root.querySelectorAll(".odp-play, .odp-speed, .odp-lane .odp-button"))
      control.disabled = !this.hasSound;
    this.saveButton.hidden = !this.hasSound;
    this.saveButton.textContent = "Download";
    this.speed.value = "1";
    for (const lane of this.lanes) lane.isMuted = lane.isSolo = false;
    this.mix();
    this.tellStatus(this.model.get("note"));
    for (const part of this.timed) part.hidden = length <= 0; // a call of which nothing is known
    this.draw();
    this.show();
  }

  fillFacts() {
    this.facts.replaceChildren();
    for (const fact of this.call.facts) {
      const item = make("span", "odp-fact", { parent: this.facts, text: `${fact.name} ` });
      make("b", fact.is_bad ? "odp-bad" : "", { parent: item, text: fact.value });
    }
  }

  tellStatus(words) {
    this.status.textContent = words;
  }

  // ---- time -----------------------------------------------------------------------------------------

  get now() {
    return this.speaker ? (this.speaker.position / this.speaker.rate) * 1000 : this.silentAt;
  }

  seek(ms) {
    const goal = Math.min(Math.max(ms, 0), this.call.duration_ms);
    if (this.speaker) this.speaker.seek((goal / 1000) * this.speaker.rate);
    else this.silentAt = goal;
    this.follow(goal);
    this.show();
  }

  toggle() {
    if (this.speaker?.isPlaying) this.speaker.pause();
    else this.play();
    this.show();
  }

  play() {
    if (!this.speaker) return;
    window.dispatchEvent(new CustomEvent("opendeep-player-plays", { detail: this }));
    this.tellStatus("");
    this.speaker.play();
    this.show();
    cancelAnimationFrame(this.frame);
    const step = () => {
      this.follow(this.now);
      this.show();
      if (this.speaker?.isPlaying) this.frame = requestAnimationFrame(step);
    };
    this.frame = requestAnimationFrame(step);
  }

  /** The next or previous utterance; just after a begin, "previous" is the one before. */
  turn(direction) {
    const begins = this.call.lines.map((line) => line.begin_ms);
    const now = this.now;
    const goal = direction > 0 ? begins.find((at) => at > now + 1) : begins.findLast((at) => at < now - 700);
    if (goal !== undefined) this.seek(goal);
    else if (direction < 0) this.seek(0);
  }

  goSlowest() {
    const length = (gap) => gap.end_ms - gap.begin_ms;
    const [worst] = [...this.call.gaps].sort((a, b) => length(b) - length(a));
    if (worst) this.seek(worst.begin_ms - LEAD_IN_MS);
  }

  mix() {
    const isAnySolo = this.lanes.some((lane) => lane.isSolo);
    for (const lane of this.lanes) {
      lane.mute.setAttribute("aria-pressed", lane.isMuted);
      lane.solo.setAttribute("aria-pressed", lane.isSolo);
    }
    this.speaker?.setLoudness(this.lanes.map((lane) => (lane.isMuted || (isAnySolo && !lane.isSolo) ? 0 : 1)));
  }

  async save() {
    if (this.saving) return void (this.saving = null); // a second click gives it up
    const mine = (this.saving = {});
    const sound = this.model.get("sound");
    const say = (words) => (this.saveButton.textContent = words);
    const onProgress = (share) => say(`Stop (${Math.round(share * 100)} %)`);
    try {
      const blob = await download(this.asker, sound, { onProgress, isWanted: () => this.saving === mine });
      if (!blob) return say("Download");
      const link = make("a", "", { href: URL.createObjectURL(blob), download: sound.file_name });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    } catch (error) {
      this.tellStatus(error.message);
    }
    if (this.saving === mine) this.saving = null;
    say("Download");
  }

  // ---- what is seen ---------------------------------------------------------------------------------

  setView(from, length) {
    const whole = Math.max(this.call.duration_ms, 1);
    const wanted = Math.min(Math.max(length, SHORTEST_VIEW_MS), whole);
    const start = Math.min(Math.max(0, from), whole - wanted);
    this.view = { from: start, to: start + wanted };
    this.draw();
    this.show();
  }

  zoom(factor, around = this.now) {
    const length = this.view.to - this.view.from;
    const isSeen = around >= this.view.from && around <= this.view.to;
    const share = isSeen ? (around - this.view.from) / length : 0.5;
    const wanted = Math.max(SHORTEST_VIEW_MS, Math.min(length * factor, this.call.duration_ms));
    this.setView((isSeen ? around : (this.view.from + this.view.to) / 2) - share * wanted, wanted);
  }

  /** Turn the page when the playhead leaves the window. */
  follow(ms) {
    const length = this.view.to - this.view.from;
    if (ms < this.view.from || ms > this.view.to) this.setView(ms - length * 0.1, length);
  }

  draw() {
    if (this.stageBox.hidden || !this.canvas.clientWidth) return;
    const paint = colours(this.root);
    const font = getComputedStyle(this.root).fontFamily;
    const perPixel = (this.view.to - this.view.from) / this.canvas.clientWidth;
    const bars = this.fine?.of(this.view, { whole: this.whole, perPixel }) ?? this.whole;
    this.stage = new Stage(this.canvas, { call: this.call, bars, view: this.view, paint, font });
    this.stage.draw();
    const isPart = this.view.to - this.view.from < this.call.duration_ms - 1;
    this.strip.hidden = !isPart;
    if (isPart) drawStrip(this.strip, { call: this.call, bars: this.whole, view: this.view, paint });
  }

  /** Playhead, clock, button and lit line, as of now. */
  show() {
    const now = this.now;
    const isPlaying = Boolean(this.speaker?.isPlaying);
    this.time.textContent = `${clock(now, true)} / ${clock(this.call.duration_ms)}`;
    const x = ((now - this.view.from) / (this.view.to - this.view.from)) * this.canvas.clientWidth;
    this.head.style.transform = `translateX(${Math.round(x)}px)`;
    this.head.hidden = now < this.view.from || now > this.view.to;
    if (this.wasPlaying !== isPlaying) {
      this.wasPlaying = isPlaying;
      this.playButton.replaceChildren(icon(isPlaying ? "pause" : "play"));
      this.playButton.title = isPlaying ? "Pause" : "Play";
      this.playButton.setAttribute("aria-label", this.playButton.title);
    }
    this.root.classList.toggle("odp-waiting", Boolean(this.speaker?.isWaiting));
    this.transcript.light(now);
  }

  // ---- hands ----------------------------------------------------------------------------------------

  listen() {
    this.speed.addEventListener("change", () => {
      this.speaker?.setSpeed(Number(this.speed.value));
      this.root.focus({ preventScroll: true });
    });
    this.root.addEventListener("keydown", (event) => this.key(event));
    onDrag(this.canvas, (share) => this.seek(this.view.from + share * (this.view.to - this.view.from)));
    onDrag(this.strip, (share) => {
      const length = this.view.to - this.view.from;
      this.setView(share * this.call.duration_ms - length / 2, length);
    });
    this.stageBox.addEventListener("pointerdown", () => this.root.focus({ preventScroll: true }));
    this.canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.canvas.addEventListener("pointermove", (event) => this.hover(event));
    this.canvas.addEventListener("pointerleave", () => (this.tip.hidden = true));
    this.onOther = (event) => event.detail !== this && this.speaker?.isPlaying && this.toggle();
    window.addEventListener("opendeep-player-plays", this.onOther);
    this.onChange = () => this.load();
    this.model.on("change:picture", this.onChange);
    this.sizes = new ResizeObserver(() => (this.draw(), this.show()));
    this.sizes.observe(this.stageBox);
    this.themes = new MutationObserver(() => this.draw());
    const attributeFilter = ["data-jp-theme-light", "data-jp-theme-name", "class"];
    this.themes.observe(document.body, { attributes: true, attributeFilter });
    this.darkness = window.matchMedia("(prefers-color-scheme: dark)");
    this.onTheme = () => this.draw();
    this.darkness.addEventListener("change", this.onTheme);
  }

  wheel(event) {
    const isZoom = event.ctrlKey || event.metaKey;
    if (!isZoom && !event.shiftKey) return; // the page's own
    event.preventDefault();
    const turned = event.deltaY || event.deltaX;
    const length = this.view.to - this.view.from;
    const share = event.offsetX / this.canvas.clientWidth;
    if (isZoom) this.zoom(turned > 0 ? 1.25 : 0.8, this.view.from + share * length);
    else this.setView(this.view.from + Math.sign(turned) * length * 0.15, length);
  }

  hover(event) {
    if (!this.stage) return;
    const told = this.stage.tell(event.offsetX, event.offsetY).filter(Boolean);
    this.tip.replaceChildren(...told.map((words) => make("div", "", { text: words })));
    this.tip.hidden = false;
    const room = this.canvas.clientWidth - this.tip.offsetWidth;
    this.tip.style.left = `${Math.max(0, Math.min(event.offsetX + 12, room))}px`;
    this.tip.style.top = `${event.offsetY < 110 ? event.offsetY + 16 : event.offsetY - this.tip.offsetHeight - 8}px`;
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "SELECT") return;
    if (event.key === " " && event.target.tagName === "BUTTON") return;
    const step = event.shiftKey ? SMALL_STEP_MS : STEP_MS;
    const act = {
      " ": () => this.toggle(),
      ArrowLeft: () => this.seek(this.now - step),
      ArrowRight: () => this.seek(this.now + step),
      Home: () => this.seek(0),
      End: () => this.seek(this.call.duration_ms),
      j: () => this.turn(1),
      k: () => this.turn(-1),
      g: () => this.goSlowest(),
      "+": () => this.zoom(0.5),
      "=": () => this.zoom(0.5),
      "-": () => this.zoom(2),
      0: () => this.zoom(Infinity),
    }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  close() {
    this.model.off("change:picture", this.onChange);
    window.removeEventListener("opendeep-player-plays", this.onOther);
    this.darkness.removeEventListener("change", this.onTheme);
    this.sizes.disconnect();
    this.themes.disconnect();
    cancelAnimationFrame(this.frame);
    this.fine?.close();
    this.speaker?.close();
    this.asker.close();
    this.saving = null;
  }
}

export default {
  render({ model, el }) {
    const view = new CallView(model, el);
    return () => view.close();
  },
};
