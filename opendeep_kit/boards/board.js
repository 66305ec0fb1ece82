// What all boards share: elements, rows kept by key, durations, and actions with the name of whoever acts.
// Everything that was said or named, by whomever, is set as text, never as markup.

const NAME_KEY = "opendeep-name";
const TOLD_MS = 6000;
const ANSWERED_WITHIN_MS = 8000;
let asks = 0;

/** An element with its class, text, parent and properties. */
function make(tag, name, { text, parent, ...properties } = {}) {
  const element = Object.assign(document.createElement(tag), { className: name }, properties);
  if (text !== undefined) element.textContent = text;
  parent?.append(element);
  return element;
}

/** Set a text or a class only where it differs: what did not change is not laid out again. */
function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
function dress(element, name) {
  if (element.className !== name) element.className = name;
}

/** Children by key, in order: those that stay keep their place, focus and scroll. */
function keyed(parent, items, key, build, update) {
  const kept = (parent.odKept ??= new Map());
  const wanted = new Set(items.map(key));
  for (const [name, one] of kept)
    if (!wanted.has(name)) {
      one.remove();
      kept.delete(name);
    }
  items.forEach((item, place) => {
    const name = key(item);
    let one = kept.get(name);
    if (!one) kept.set(name, (one = build(item)));
    if (parent.children[place] !== one) parent.insertBefore(one, parent.children[place] ?? null);
    update(one, item);
  });
}

/** 0:07, 12:05, 1:02:09. */
function clock(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (n) => String(n).padStart(2, "0");
  const minutes = Math.floor(s / 60);
  return minutes < 60 ? `${minutes}:${two(s % 60)}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(s % 60)}`;
}
function timeOfDay(ms) {
  return new Date(ms).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}
function dayAndTime(ms) {
  const at = new Date(ms);
  const day = at.toDateString() === new Date().toDateString() ? "" : at.toLocaleDateString([], { day: "numeric", month: "short" });
  return `${day} ${timeOfDay(ms)}`.trim();
}
const percent = (share, digits = 0) => `${(share * 100).toFixed(digits)}%`;
const part = (share) => `${Math.min(100, Math.max(0, share * 100))}%`; // for a style sheet
const plainWords = (name) => name.replaceAll("_", " ");

/** A panel with its heading. */
function panel(parent, title, name = "") {
  const box = make("section", `odb-panel ${name}`, { parent });
  const head = make("div", "odb-panel-head", { parent: box });
  make("h2", "odb-h", { parent: head, text: title });
  const note = make("span", "odb-note", { parent: head });
  return { box, head, note, body: make("div", "odb-body", { parent: box }) };
}

/** Bars labelled directly: name, amount, note. */
function bars(parent, items, { most, tone = () => "", empty }) {
  const top = Math.max(most ?? 0, ...items.map((one) => one.amount), 1);
  const rows = items.length ? items : [{ name: "", amount: 0, nothing: empty }];
  keyed(
    parent,
    rows,
    (one) => (one.nothing ? "-" : one.name),
    (one) => {
      if (one.nothing) return make("div", "odb-nothing");
      const row = make("div", "odb-bar");
      row.odName = make("span", "odb-bar-name", { parent: row });
      const rail = make("span", "odb-rail", { parent: row });
      row.odFill = make("span", "", { parent: rail });
      row.odAmount = make("span", "odb-bar-amount", { parent: row });
      return row;
    },
    (row, one) => {
      if (one.nothing) return put(row, one.nothing);
      put(row.odName, plainWords(one.name));
      row.odFill.style.width = part(one.amount / top);
      dress(row.odFill, `odb-fill ${tone(one)}`);
      put(row.odAmount, `${one.amount.toLocaleString()}${one.note ? `  ${one.note}` : ""}`);
    },
  );
}

/** Sends what a person does, with their name, and shows what came of it. */
class Desk {
  constructor(model, root) {
    this.model = model;
    this.root = root;
    this.waiting = new Map();
    this.toast = make("div", "odb-toast", { parent: root, hidden: true });
    this.toast.setAttribute("role", "status");
    this.onMessage = (message) => this.hear(message);
    model.on("msg:custom", this.onMessage);
  }

  /** The field in which a supervisor says who they are; it is asked once and kept in this browser. */
  nameField(parent) {
    const label = make("label", "odb-you", { parent, text: "You are " });
    this.name = make("input", "odb-input", { parent: label, placeholder: "your name", maxLength: 80 });
    this.name.setAttribute("aria-label", "Your name");
    this.name.value = localStorage.getItem(NAME_KEY) ?? "";
    this.name.addEventListener("input", () => {
      localStorage.setItem(NAME_KEY, this.name.value.trim());
      this.name.classList.remove("odb-missing");
    });
  }

  /** Do something that changes the world: it carries a name. Resolves to whether it was done. */
  async act(what, on, text = "", button = null) {
    const by = this.name?.value.trim() ?? "";
    if (!by) {
      this.name?.classList.add("odb-missing");
      this.name?.focus();
      this.tell("Say who you are first: it is written down with what you do.", false);
      return false;
    }
    if (button) button.disabled = true;
    const told = await this.ask({ what, on, text, by });
    if (button) button.disabled = button.odMay === false;
    return told.is_good;
  }

  /** Look at something else: nobody's name is needed. */
  look(what, on, text = "") {
    return this.ask({ what, on, text, by: "" });
  }

  ask(content) {
    const ask = `${Date.now().toString(36)}-${(asks += 1)}`;
    const answer = new Promise((resolve) => {
      const late = setTimeout(() => {
        this.waiting.delete(ask);
        const words = "No answer: look whether it was done before you try again.";
        if (content.by) this.tell(words, false);
        resolve({ is_good: false, words });
      }, ANSWERED_WITHIN_MS);
      this.waiting.set(ask, (told) => (clearTimeout(late), resolve(told)));
    });
    this.model.send({ kind: "act", ask, ...content });
    return answer;
  }

  hear(message) {
    if (message.kind !== "told") return;
    if (message.words) this.tell(message.words, message.is_good);
    this.waiting.get(message.ask)?.(message);
    this.waiting.delete(message.ask);
  }

  tell(words, isGood) {
    put(this.toast, words);
    dress(this.toast, `odb-toast ${isGood ? "" : "odb-toast-bad"}`);
    this.toast.hidden = false;
    clearTimeout(this.fading);
    this.fading = setTimeout(() => (this.toast.hidden = true), isGood ? TOLD_MS : 2 * TOLD_MS);
  }

  close() {
    clearTimeout(this.fading);
    this.model.off("msg:custom", this.onMessage);
  }
}

/** What is chosen stands in the page's address: it survives a reload, and can be sent to a colleague. */
function remembered(name) {
  return new URLSearchParams(location.hash.slice(1)).get(name) ?? "";
}
function remember(name, value) {
  const all = new URLSearchParams(location.hash.slice(1));
  if ((all.get(name) ?? "") === value) return;
  if (value) all.set(name, value);
  else all.delete(name);
  history.replaceState(null, "", `#${all}`);
}

/** Runs `draw` at once and whenever one of the traits changes; returns how to stop. */
function follow(model, traits, draw) {
  const names = traits.map((name) => `change:${name}`);
  for (const name of names) model.on(name, draw);
  draw();
  return () => names.forEach((name) => model.off(name, draw));
}

/** The line that says why the data are not fresh. */
function troubleLine(model, parent) {
  const line = make("div", "odb-trouble", { parent, hidden: true });
  line.setAttribute("role", "alert");
  return follow(model, ["trouble"], () => {
    put(line, model.get("trouble"));
    line.hidden = !model.get("trouble");
  });
}
