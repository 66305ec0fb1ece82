// The board of calls now: figures, the list, and the chosen call with its running transcript and what can be done.

const STAGE_TONE = { talking: "good", ringing: "soft", dialling: "soft", transferring: "agent", ending: "faint", lost: "bad", ended: "faint" };
const ORDER_WORDS = { hang_up: "Hang up", say: "Say", coach: "Coach", take_over: "Take over", transfer: "Transfer" };

class LiveView {
  constructor(model, el) {
    this.model = model;
    this.root = make("div", "odb odl", { parent: el });
    this.desk = new Desk(model, this.root);
    this.stops = [troubleLine(model, this.root)];
    this.buildHead(make("div", "odb-head", { parent: this.root }));
    const main = make("div", "odl-main", { parent: this.root });
    this.buildCalls(main);
    this.buildTalk(main);
    this.stops.push(follow(model, ["calls", "as_of"], () => this.drawCalls()));
    this.stops.push(follow(model, ["loops"], () => this.drawLoops()));
    this.stops.push(follow(model, ["talk", "as_of", "speeds"], () => this.drawTalk()));
    const wanted = remembered("call");
    if (wanted) this.desk.look("choose", wanted);
  }

  buildHead(head) {
    this.figures = Object.fromEntries(
      [
        ["live", "live calls"],
        ["talking", "talking"],
        ["ringing", "ringing"],
      ].map(([key, words]) => {
        const box = make("div", "odb-figure", { parent: head });
        const value = make("b", "", { parent: box, text: "0" });
        make("span", "", { parent: box, text: words });
        return [key, value];
      }),
    );
    this.loops = make("div", "odl-loops", { parent: head });
    this.loops.setAttribute("aria-label", "Media workers");
    this.desk.nameField(head);
  }

  buildCalls(main) {
    const { box, body } = panel(main, "Calls now", "odl-calls");
    const table = make("table", "odb-table", { parent: body });
    const head = make("tr", "", { parent: make("thead", "", { parent: table }) });
    for (const words of ["Callee", "Campaign", "State", "Time"]) make("th", "", { parent: head, text: words });
    this.rows = make("tbody", "", { parent: table });
    this.nobody = make("div", "odb-nothing odl-nobody", { parent: box });
    make("b", "", { parent: this.nobody, text: "Nobody is being called." });
    make("span", "", { parent: this.nobody, text: "Calls appear here the moment they are dialled." });
  }

  buildTalk(main) {
    const { box, body } = panel(main, "Chosen call", "odl-talk");
    this.talkBox = box;
    this.title = make("div", "odl-title", { parent: body });
    this.who = make("b", "odl-who", { parent: this.title });
    this.state = make("span", "odb-chip", { parent: this.title });
    this.lasts = make("span", "odl-lasts", { parent: this.title });
    this.about = make("div", "odl-about", { parent: body });
    this.gaps = make("div", "odl-gaps", { parent: body });
    this.lines = make("div", "odl-lines", { parent: body });
    this.lines.setAttribute("aria-label", "Running transcript");
    this.lines.setAttribute("aria-live", "off");
    this.buildActions(make("div", "odl-actions", { parent: body }));
    this.orders = make("div", "odl-orders", { parent: body });
    this.nothing = make("div", "odb-nothing", { parent: box, text: "Choose a call to follow its talk and to step in." });
    this.parts = body;
  }

  buildActions(bar) {
    const words = make("div", "odl-do", { parent: bar });
    this.words = make("input", "odb-input odl-words", { parent: words, placeholder: "What to say, or what to tell the agent", maxLength: 2000 });
    this.words.setAttribute("aria-label", "Words");
    const button = (parent, what, title, name = "") => {
      const one = make("button", `odb-button ${name}`, { parent, type: "button", text: ORDER_WORDS[what], title });
      one.addEventListener("click", () => this.command(what, one));
      return one;
    };
    this.buttons = [
      button(words, "say", "The agent says these words to the callee"),
      button(words, "coach", "The agent is told these words; the callee is not"),
    ];
    const place = make("div", "odl-do", { parent: bar });
    this.number = make("input", "odb-input odl-number", { parent: place, placeholder: "A person’s number", maxLength: 20, inputMode: "tel" });
    this.number.setAttribute("aria-label", "Number of a person");
    this.buttons.push(
      button(place, "transfer", "The callee is handed to the person at this number"),
      button(place, "take_over", "The agent falls silent; you lead by Say, or the person at this number does"),
      button(place, "hang_up", "The call ends now", "odb-button-bad odl-hang-up"),
    );
  }

  async command(what, button) {
    const field = { say: this.words, coach: this.words, transfer: this.number, take_over: this.number }[what];
    const text = field?.value.trim() ?? "";
    if (field && !text && what !== "take_over") {
      field.classList.add("odb-missing");
      field.addEventListener("input", () => field.classList.remove("odb-missing"), { once: true });
      return field.focus();
    }
    const isDone = await this.desk.act(what, this.model.get("talk").call?.call_id ?? "", text, button);
    if (isDone && field) field.value = "";
    if (isDone && field) field.focus();
  }

  drawCalls() {
    const calls = this.model.get("calls");
    const now = this.model.get("as_of");
    const count = (...stages) => String(calls.filter((one) => stages.includes(one.stage)).length);
    put(this.figures.live, String(calls.length));
    put(this.figures.talking, count("talking", "transferring"));
    put(this.figures.ringing, count("ringing", "dialling"));
    this.nobody.hidden = calls.length > 0;
    const chosen = this.model.get("talk").call?.call_id;
    keyed(
      this.rows,
      calls,
      (one) => one.call_id,
      (one) => this.callRow(one),
      (row, one) => {
        dress(row, `odl-row ${one.call_id === chosen ? "odl-chosen" : ""} ${one.stage === "lost" ? "odl-lost" : ""}`);
        put(row.odWho, one.who || one.number);
        put(row.odNumber, one.who ? one.number : "");
        put(row.odCampaign, one.campaign);
        put(row.odStage, one.stage);
        dress(row.odStage, `odb-chip odb-chip-${STAGE_TONE[one.stage] ?? "faint"}`);
        put(row.odTime, clock(now - one.since_ms));
      },
    );
  }

  callRow(one) {
    const row = make("tr", "", { tabIndex: 0 });
    const who = make("td", "odl-callee", { parent: row });
    row.odWho = make("b", "", { parent: who });
    row.odNumber = make("span", "odb-faint", { parent: who });
    row.odCampaign = make("td", "odl-campaign", { parent: row });
    row.odStage = make("span", "", { parent: make("td", "", { parent: row }) });
    row.odTime = make("td", "odb-number", { parent: row });
    const choose = () => (remember("call", one.call_id), this.desk.look("choose", one.call_id));
    row.addEventListener("click", choose);
    row.addEventListener("keydown", (event) => event.key === "Enter" && choose());
    return row;
  }

  drawLoops() {
    const loops = this.model.get("loops");
    const shown = loops.length ? loops : [{ name: "", note: "no media worker runs: start opendeep up", is_bad: true, none: true }];
    keyed(
      this.loops,
      shown,
      (one) => one.name,
      () => {
        const chip = make("div", "");
        chip.odName = make("b", "", { parent: chip });
        chip.odNote = make("span", "", { parent: chip });
        return chip;
      },
      (chip, one) => {
        dress(chip, `odl-loop ${one.is_bad ? "odl-loop-bad" : ""}`);
        put(chip.odName, one.none ? one.note : one.name);
        put(chip.odNote, one.none ? "" : `${one.note} · lag ${Math.round(one.lag_ms)} ms · gaps ${percent(one.gap_share, 1)}`);
        chip.title = one.none ? "Start them with: opendeep up" : "How late its loop was in the last second, and the share of sound it skipped";
      },
    );
  }

  drawTalk() {
    const talk = this.model.get("talk");
    const isShown = Boolean(talk.call);
    this.parts.hidden = !isShown;
    this.nothing.hidden = isShown;
    if (!isShown) return;
    const { call } = talk;
    if (this.shown !== call.call_id) {
      this.shown = call.call_id;
      this.lines.odKept?.clear();
      this.lines.replaceChildren();
    }
    const isOver = ["ended", "ending", "lost"].includes(call.stage);
    put(this.who, call.who ? `${call.who} ${call.number}` : call.number);
    put(this.state, talk.outcome || call.stage);
    dress(this.state, `odb-chip odb-chip-${STAGE_TONE[call.stage] ?? "faint"}`);
    put(this.lasts, call.stage === "ended" ? "" : clock(this.model.get("as_of") - call.since_ms));
    put(this.about, [call.campaign, talk.script].filter(Boolean).join(" · "));
    this.drawGaps(talk);
    this.drawLines(talk, isOver);
    for (const button of this.buttons) button.disabled = (button.odMay = !isOver) === false;
    this.drawOrders(talk.orders);
  }

  drawGaps(talk) {
    const [slow, painful] = this.model.get("speeds");
    const tone = (ms) => (ms === null ? "" : ms >= painful ? "odl-painful" : ms >= slow ? "odl-slow" : "odl-quick");
    const last = talk.lines.findLast((line) => line.gap_ms !== null)?.gap_ms ?? null;
    const figures = [
      ["last reply gap", last],
      ["half below", talk.gap_p50_ms],
      ["longest", talk.gap_worst_ms],
    ].map(([name, ms]) => ({ name, words: ms === null ? "–" : `${Math.round(ms)} ms`, tone: tone(ms) }));
    figures.push({ name: "barge-ins", words: String(talk.barge_ins), tone: "" });
    keyed(
      this.gaps,
      figures,
      (one) => one.name,
      (one) => {
        const box = make("span", "odl-gap");
        make("span", "odb-faint", { parent: box, text: `${one.name} ` });
        box.odValue = make("b", "", { parent: box });
        return box;
      },
      (box, one) => (put(box.odValue, one.words), dress(box.odValue, one.tone)),
    );
  }

  drawLines(talk, isOver) {
    const box = this.lines;
    const isAtEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 30;
    const lines = talk.lines.map((line, place) => ({ ...line, key: `${place}` }));
    if (talk.speaking && !isOver) lines.push({ key: "now", speaker: talk.speaking, text: "…", at_ms: null, unheard: "", gap_ms: null });
    if (!lines.length) lines.push({ key: "none", speaker: "note", text: isOver ? "Nothing was said." : "Nothing has been said yet.", at_ms: null, unheard: "", gap_ms: null });
    keyed(
      box,
      lines,
      (line) => line.key,
      () => {
        const row = make("div", "");
        row.odAt = make("span", "odb-faint odb-number", { parent: row });
        row.odWho = make("span", "", { parent: row });
        const words = make("span", "odl-said", { parent: row });
        row.odText = make("span", "", { parent: words });
        row.odUnheard = make("s", "odb-faint", { parent: words });
        row.odGap = make("span", "odl-wait", { parent: row });
        return row;
      },
      (row, line) => {
        dress(row, `odl-line odl-line-${line.speaker}`);
        put(row.odAt, line.at_ms === null ? "" : clock(line.at_ms));
        put(row.odWho, line.speaker === "note" ? "" : line.speaker);
        dress(row.odWho, `odl-speaker odl-${line.speaker}`);
        put(row.odText, line.text);
        put(row.odUnheard, line.unheard ? ` ${line.unheard}` : "");
        put(row.odGap, line.gap_ms === null ? "" : `${Math.round(line.gap_ms)} ms`);
        const [slow, painful] = this.model.get("speeds");
        const tone = line.gap_ms >= painful ? "odl-painful" : line.gap_ms >= slow ? "odl-slow" : "odl-quick";
        dress(row.odGap, line.gap_ms === null ? "odl-wait" : `odl-wait ${tone}`);
      },
    );
    if (isAtEnd) box.scrollTop = box.scrollHeight;
  }

  drawOrders(orders) {
    keyed(
      this.orders,
      orders.map((one, place) => ({ ...one, key: String(place) })).reverse(),
      (one) => one.key,
      () => {
        const row = make("div", "");
        row.odState = make("span", "", { parent: row });
        row.odWhat = make("span", "odl-ordered", { parent: row });
        return row;
      },
      (row, one) => {
        dress(row, "odl-order");
        const tone = { waiting: "soft", taken: "soft", done: "good", failed: "bad" }[one.state] ?? "faint";
        dress(row.odState, `odb-chip odb-chip-${tone}`);
        put(row.odState, one.state === "failed" ? one.words : one.state);
        put(row.odWhat, `${ORDER_WORDS[one.what] ?? one.what}${one.text ? ` “${one.text}”` : ""}, by ${one.by}`);
      },
    );
  }

  close() {
    this.stops.forEach((stop) => stop());
    this.desk.close();
  }
}

export default {
  render({ model, el }) {
    const view = new LiveView(model, el);
    return () => view.close();
  },
};
