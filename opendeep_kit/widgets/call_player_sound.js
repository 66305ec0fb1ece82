// The player's sound: asks for the pieces that are about to be heard and schedules them on the audio clock.
// Given a model to talk to, positions are samples of the recording. Knows nothing of canvases or buttons.

const PIECE_S = 2; // one request
const AHEAD_S = 2.5; // scheduled ahead: a hidden tab's timers run once a second
const FETCH_S = 8; // asked for ahead
const KEPT_PIECES = 45;
const BLOCK_S = 0.25;
const FADE_S = 0.008; // against clicks where sound is cut
const PATIENCE_MS = 20000;

// ITU-T G.711 µ-law, as `opendeep_kit.audio.g711` writes it.
const MULAW = Float32Array.from({ length: 256 }, (_, byte) => {
  const code = ~byte & 255;
  const magnitude = ((((code & 15) << 3) + 132) << ((code >> 4) & 7)) - 132;
  return (code & 128 ? -magnitude : magnitude) / 32768;
});

/** Questions to the kernel, each with its own name: other views of the same call hear the answers too. */
class Asker {
  constructor(model) {
    this.model = model;
    this.waiting = new Map();
    this.prefix = Math.random().toString(36).slice(2, 10);
    this.count = 0;
    this.hear = (message, buffers) => this.settle(message, buffers);
    model.on("msg:custom", this.hear);
  }

  ask(content) {
    const ask = `${this.prefix}-${this.count++}`;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.fail(ask, "no-answer"), PATIENCE_MS);
      this.waiting.set(ask, { resolve, reject, timer });
      try {
        this.model.send({ ...content, ask });
      } catch {
        this.fail(ask, "no-answer");
      }
    });
  }

  settle(message, buffers) {
    const waiting = this.waiting.get(message?.ask);
    if (!waiting) return;
    clearTimeout(waiting.timer);
    this.waiting.delete(message.ask);
    if (message.kind === "answer") waiting.resolve(buffers ?? []);
    else waiting.reject(new Error(String(message.why)));
  }

  fail(ask, why) {
    const waiting = this.waiting.get(ask);
    if (!waiting) return;
    clearTimeout(waiting.timer);
    this.waiting.delete(ask);
    const text = "The notebook's kernel does not answer: run the player's cell again to listen.";
    waiting.reject(new Error(why === "no-answer" ? text : why));
  }

  forget() {
    for (const waiting of this.waiting.values()) clearTimeout(waiting.timer);
    this.waiting.clear();
  }

  close() {
    this.forget();
    this.model.off("msg:custom", this.hear);
  }
}

const bytesOf = (view) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);

/** The recording, piece by piece, as it was asked for. */
class Pieces {
  constructor(asker, { rate_hz, frames }, onTrouble) {
    Object.assign(this, { asker, frames, onTrouble });
    this.length = rate_hz * PIECE_S;
    this.kept = new Map();
    this.pending = new Set();
  }

  /** Both lanes from `first` on, silence outside the call; null while a part has not come. */
  read(first, count) {
    const lanes = [new Float32Array(count), new Float32Array(count)];
    const from = Math.max(first, 0);
    const to = Math.min(first + count, this.frames);
    for (let at = from; at < to; ) {
      const index = Math.floor(at / this.length);
      const piece = this.kept.get(index);
      if (!piece) return null;
      const start = at - index * this.length;
      const taken = Math.min(to - at, piece[0].length - start);
      lanes.forEach((lane, n) => lane.set(piece[n].subarray(start, start + taken), at - first));
      at += taken;
    }
    return lanes;
  }

  fetch(first, count) {
    const last = Math.min(first + count, this.frames) - 1;
    for (let index = Math.max(0, Math.floor(first / this.length)); index * this.length <= last; index++) {
      if (!this.kept.has(index) && !this.pending.has(index)) this.ask(index);
    }
  }

  async ask(index) {
    this.pending.add(index);
    const first = index * this.length;
    const count = Math.min(this.length, this.frames - first);
    try {
      const buffers = await this.asker.ask({ kind: "sound", first, count });
      this.kept.set(index, buffers.map((lane) => Float32Array.from(bytesOf(lane), (byte) => MULAW[byte])));
      if (this.kept.size > KEPT_PIECES) this.kept.delete(this.kept.keys().next().value);
    } catch (error) {
      this.onTrouble(error.message);
    } finally {
      this.pending.delete(index);
    }
  }
}

/**
 * Speech faster or slower at its own pitch (WSOLA): each hop is faded into the place near its target that
 * continues the last hop best. `lanes` begin at sample `offset`; both lanes move together.
 */
function stretch(lanes, { offset, from, speed, hops, hop, search, previous }) {
  const out = lanes.map(() => new Float32Array(hops * hop));
  for (let n = 0; n < hops; n++) {
    const target = Math.round(from + n * hop * speed);
    const going = previous === null ? target : previous + hop;
    const best = previous === null ? target : likest(lanes, going - offset, target - offset, hop, search) + offset;
    for (let i = 0; i < hop; i++) {
      const fade = 0.5 - 0.5 * Math.cos((Math.PI * (i + 0.5)) / hop);
      lanes.forEach((lane, k) => {
        out[k][n * hop + i] = lane[going - offset + i] * (1 - fade) + lane[best - offset + i] * fade;
      });
    }
    previous = best;
  }
  return { lanes: out, previous };
}

/** The place within `search` of `target` that is most like what stands at `going`. */
function likest([left, right], going, target, hop, search) {
  let best = target;
  let least = Infinity;
  for (let step = 0; step <= search; step += 2) {
    for (const place of [target + step, target - step]) {
      let distance = 0;
      for (let i = 0; i < hop && distance < least; i += 3) {
        const difference = left[going + i] + right[going + i] - left[place + i] - right[place + i];
        distance += difference * difference;
      }
      if (distance < least) [least, best] = [distance, place];
    }
  }
  return best;
}

/** Plays the recording from anywhere, at any of the speeds, each lane with its own loudness. */
class Speaker {
  constructor(asker, sound, onTrouble) {
    this.rate = sound.rate_hz;
    this.frames = sound.frames;
    this.pieces = new Pieces(asker, sound, (why) => {
      this.pause();
      onTrouble(why);
    });
    this.speed = 1;
    this.loudness = [1, 1];
    this.isPlaying = false;
    this.at = 0; // where to go on from when paused
    this.scheduled = [];
  }

  get position() {
    if (!this.isPlaying || !this.scheduled.length) return this.at;
    const now = this.context.currentTime * this.rate;
    const block = this.scheduled.find((one) => now < one.to) ?? this.scheduled.at(-1);
    const share = Math.min(1, Math.max(0, (now - block.from) / (block.to - block.from)));
    return block.first + share * (block.last - block.first);
  }

  get isWaiting() {
    const end = this.scheduled.at(-1)?.to ?? 0;
    return this.isPlaying && this.next < this.frames && end < this.context.currentTime * this.rate;
  }

  play() {
    if (this.isPlaying) return;
    this.open();
    this.context.resume();
    if (this.at >= this.frames) this.at = 0;
    this.isPlaying = true;
    this.start();
    this.timer = setInterval(() => this.schedule(), 100);
  }

  pause() {
    if (!this.isPlaying) return;
    this.at = Math.round(this.position);
    this.isPlaying = false;
    clearInterval(this.timer);
    this.stop();
  }

  seek(frame) {
    const goal = Math.round(Math.min(Math.max(frame, 0), this.frames));
    if (this.isPlaying) this.stop();
    this.at = goal;
    if (this.isPlaying) this.start();
    else this.pieces.fetch(goal, this.rate * PIECE_S);
  }

  setSpeed(speed) {
    const here = this.position;
    this.speed = speed;
    if (this.isPlaying) this.seek(here);
  }

  setLoudness(loudness) {
    this.loudness = loudness;
    this.laneGains?.forEach((gain, n) => gain.gain.setTargetAtTime(loudness[n], this.context.currentTime, FADE_S));
  }

  close() {
    this.pause();
    this.context?.close();
    this.context = null;
  }

  open() {
    if (this.context) return;
    // At the recording's own rate the blocks join sample by sample, and nothing is resampled on the way.
    this.context = new AudioContext({ sampleRate: this.rate });
    this.splitter = new ChannelSplitterNode(this.context, { numberOfOutputs: 2 });
    this.laneGains = this.loudness.map((gain, n) => {
      const node = new GainNode(this.context, { gain });
      const pan = new StereoPannerNode(this.context, { pan: n ? 0.35 : -0.35 });
      this.splitter.connect(node, n);
      node.connect(pan).connect(this.context.destination);
      return node;
    });
  }

  start() {
    const now = this.context.currentTime;
    this.run = new GainNode(this.context, { gain: 0 });
    this.run.connect(this.splitter);
    this.run.gain.setValueAtTime(0, now);
    this.run.gain.linearRampToValueAtTime(1, now + FADE_S);
    this.next = this.at; // the first sample that is not scheduled
    this.due = 0; // when it is to sound, in samples of the audio clock
    this.previous = null;
    this.schedule();
  }

  stop() {
    const now = this.context.currentTime;
    this.run.gain.setTargetAtTime(0, now, FADE_S / 3);
    for (const block of this.scheduled) block.node.stop(now + FADE_S * 2);
    this.scheduled = [];
  }

  schedule() {
    const now = this.context.currentTime * this.rate;
    this.pieces.fetch(this.next, this.rate * FETCH_S * this.speed);
    while (this.next < this.frames && this.due < now + AHEAD_S * this.rate) {
      const block = this.render();
      if (!block) break;
      if (this.due < now) this.due = Math.ceil(now + 0.03 * this.rate);
      this.place(block);
    }
    while (this.scheduled.length > 1 && this.scheduled[0].to < now) this.scheduled.shift();
    const end = this.scheduled.at(-1)?.to ?? Infinity;
    if (this.next >= this.frames && now >= end) this.finish();
  }

  finish() {
    this.pause();
    this.at = this.frames;
  }

  place({ lanes, taken }) {
    const length = lanes[0].length;
    const buffer = this.context.createBuffer(2, length, this.rate);
    lanes.forEach((lane, n) => buffer.copyToChannel(lane, n));
    const node = new AudioBufferSourceNode(this.context, { buffer });
    node.connect(this.run);
    node.start(this.due / this.rate);
    const [from, to, first, last] = [this.due, this.due + length, this.next, this.next + taken];
    this.scheduled.push({ node, from, to, first, last });
    [this.due, this.next] = [to, last];
  }

  /** The next block, or null while its sound has not come. */
  render() {
    if (this.speed === 1) {
      const count = Math.min(Math.round(BLOCK_S * this.rate), this.frames - this.next);
      const lanes = this.pieces.read(this.next, count);
      return lanes && { lanes, taken: count };
    }
    const [hop, search] = [Math.round(0.015 * this.rate), Math.round(0.008 * this.rate)];
    const hops = Math.round(BLOCK_S / 0.015);
    const from = this.next;
    const offset = Math.floor(from - 2 * hop - search - 2);
    const count = Math.ceil(hops * hop * this.speed) + 5 * hop + 2 * search + 4;
    const lanes = this.pieces.read(offset, count);
    if (!lanes) return null;
    const made = stretch(lanes, { offset, from, speed: this.speed, hops, hop, search, previous: this.previous });
    this.previous = made.previous;
    return { lanes: made.lanes, taken: Math.min(hops * hop * this.speed, this.frames - from) };
  }
}

/** The recording's file as it is, part by part; null when it was given up. */
async function download(asker, { file_bytes }, { part = 1 << 20, onProgress, isWanted }) {
  const parts = [];
  for (let first = 0; first < file_bytes; first += part) {
    if (!isWanted()) return null;
    const [bytes] = await asker.ask({ kind: "file", first, count: Math.min(part, file_bytes - first) });
    parts.push(bytesOf(bytes));
    onProgress(Math.min(1, (first + part) / file_bytes));
  }
  return new Blob(parts, { type: "audio/wav" });
}
