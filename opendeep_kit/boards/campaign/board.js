// The board of campaigns: the list, and the chosen one with its progress, pace, breaker, rules and buttons.

const STATE_TONE = { running: "good", paused: "soft", ready: "agent", draft: "faint", met: "good", exhausted: "faint", stopped: "faint", archived: "faint" };
const OUTCOME_TONE = { completed: "odb-fill-good", failed: "odb-fill-bad", do_not_call: "odb-fill-bad" };
const MOVE_WORDS = { start: "Start", pause: "Pause", resume: "Resume", stop: "Stop" };
const MOVE_TONE = { start: "odb-button-good", resume: "odb-button-good", stop: "odb-button-bad" };
const NEAR = 0.6; // of the breaker's limit: from here on it is painted as a warning

class CampaignView {
  constructor(model, el) {
    this.model = model;
    this.root = make("div", "odb odc", { parent: el });
    this.desk = new Desk(model, this.root);
    this.stops = [troubleLine(model, this.root)];
    const head = make("div", "odb-head", { parent: this.root });
    this.list = make("div", "odc-list", { parent: head });
    this.list.setAttribute("aria-label", "Campaigns");
    this.desk.nameField(head);
    this.nothing = make("div", "odb-nothing odb-nothing-large", { parent: this.root });
    make("b", "", { parent: this.nothing, text: "There is no campaign yet." });
    make("span", "", { parent: this.nothing, text: "Make one in a notebook, or with: opendeep campaign create" });
    this.body = make("div", "odc-body", { parent: this.root });
    this.buildTop(make("section", "odb-panel odc-top", { parent: this.body }));
    this.buildPanels(make("div", "odc-grid", { parent: this.body }));
    this.stops.push(follow(model, ["campaigns"], () => this.drawList()));
    this.stops.push(follow(model, ["chosen"], () => this.draw()));
    const wanted = remembered("campaign");
    if (wanted) this.desk.look("choose", wanted);
  }

  buildTop(top) {
    const title = make("div", "odc-title", { parent: top });
    this.name = make("b", "odc-name", { parent: title });
    this.state = make("span", "odb-chip", { parent: title });
    this.script = make("span", "odb-faint", { parent: title });
    const moves = make("div", "odc-moves", { parent: top });
    this.reason = make("input", "odb-input", { parent: moves, placeholder: "why (goes into its history)", maxLength: 200 });
    this.reason.setAttribute("aria-label", "Reason");
    this.buttons = {};
    for (const [what, text] of Object.entries(MOVE_WORDS)) {
      const button = make("button", `odb-button ${MOVE_TONE[what] ?? ""}`, { parent: moves, type: "button", text });
      button.addEventListener("click", () => (what === "stop" ? this.ask() : this.move(what, button)));
      this.buttons[what] = button;
    }
    this.buildSure(moves);
    this.why = make("div", "odc-why", { parent: top });
    this.progress = make("div", "odc-progress", { parent: top });
    this.pieces = ["final", "claimed", "waiting"].map((name) => make("span", `odc-part odc-${name}`, { parent: this.progress }));
    this.legend = make("div", "odc-legend", { parent: top });
  }

  /** The question before the one move that cannot be taken back; it stands where the buttons were. */
  buildSure(moves) {
    this.asking = ""; // which campaign it is about
    this.sure = make("div", "odc-sure", { parent: moves, hidden: true });
    this.sure.setAttribute("role", "group");
    const words = "Stop for good? Nobody is called any more, and it cannot be started again.";
    this.sure.setAttribute("aria-label", words);
    make("b", "", { parent: this.sure, text: words, id: "odc-sure-words" });
    const stop = make("button", "odb-button odb-button-bad", { parent: this.sure, type: "button", text: "Stop for good" });
    stop.addEventListener("click", () => this.move("stop", stop));
    const keep = make("button", "odb-button", { parent: this.sure, type: "button", text: "Keep it" });
    keep.addEventListener("click", () => this.keep());
    moves.addEventListener("keydown", (event) => event.key === "Escape" && this.asking && this.keep());
  }

  ask() {
    this.asking = this.model.get("chosen").campaign_id;
    this.drawButtons();
    this.reason.setAttribute("aria-describedby", "odc-sure-words");
    this.reason.focus();
  }

  keep() {
    this.asking = "";
    this.drawButtons();
    this.buttons.stop.focus();
  }

  buildPanels(grid) {
    this.funnel = panel(grid, "Funnel of attempts");
    this.outcomes = panel(grid, "Outcomes");
    this.pace = panel(grid, "Calls placed per minute");
    this.minutes = make("div", "odc-minutes", { parent: this.pace.body });
    this.axis = make("div", "odc-axis odb-faint", { parent: this.pace.body });
    for (const text of ["30 min ago", "now"]) make("span", "", { parent: this.axis, text });
    this.due = make("div", "odc-due", { parent: this.pace.body });
    this.held = make("div", "odc-held", { parent: this.pace.body, hidden: true });
    this.breaker = panel(grid, "Circuit breaker");
    this.refusals = panel(grid, "Not permitted, by rule");
    this.history = panel(grid, "History");
  }

  async move(what, button) {
    const campaignId = this.model.get("chosen").campaign_id ?? "";
    const isDone = await this.desk.act(what, campaignId, this.reason.value.trim(), button);
    if (isDone) this.reason.value = this.asking = "";
    this.drawButtons();
  }

  drawList() {
    const campaigns = this.model.get("campaigns");
    const chosen = this.model.get("chosen").campaign_id;
    this.nothing.hidden = campaigns.length > 0;
    keyed(
      this.list,
      campaigns,
      (one) => one.campaign_id,
      (one) => this.tab(one),
      (tab, one) => {
        dress(tab, `odc-tab ${one.campaign_id === chosen ? "odc-tab-chosen" : ""}`);
        dress(tab.odDot, `odb-dot odb-dot-${STATE_TONE[one.state] ?? "faint"}`);
        put(tab.odName, one.name);
        put(tab.odNote, `${one.state} · ${percent(one.done_share)}`);
        tab.odFill.style.width = part(one.done_share);
      },
    );
  }

  tab(one) {
    const tab = make("button", "", { type: "button" });
    const line = make("span", "odc-tab-line", { parent: tab });
    tab.odDot = make("i", "", { parent: line });
    tab.odName = make("b", "", { parent: line });
    tab.odNote = make("span", "odb-faint", { parent: line });
    tab.odFill = make("span", "odc-tab-fill", { parent: make("span", "odc-tab-rail", { parent: tab }) });
    tab.addEventListener("click", () => {
      remember("campaign", one.campaign_id);
      this.desk.look("choose", one.campaign_id);
    });
    return tab;
  }

  drawButtons() {
    const chosen = this.model.get("chosen");
    const may = new Set(chosen.moves ?? []);
    if (this.asking !== chosen.campaign_id || !may.has("stop")) this.asking = ""; // it is answered, or about another one
    this.sure.hidden = !this.asking;
    if (!this.asking) this.reason.removeAttribute("aria-describedby");
    for (const [what, button] of Object.entries(this.buttons)) {
      button.odMay = may.has(what);
      button.disabled = !button.odMay;
      button.hidden = Boolean(this.asking) || (!button.odMay && (what === "start" || what === "resume"));
    }
  }

  draw() {
    const seen = this.model.get("chosen");
    this.body.hidden = !seen.campaign_id;
    if (!seen.campaign_id) return;
    put(this.name, seen.name);
    put(this.state, seen.is_tripped ? "paused by the breaker" : seen.state);
    dress(this.state, `odb-chip odb-chip-${seen.is_tripped ? "bad" : (STATE_TONE[seen.state] ?? "faint")}`);
    put(this.script, seen.script);
    put(this.why, seen.why);
    dress(this.why, `odc-why ${seen.is_tripped ? "odc-why-bad" : ""}`);
    this.drawButtons();
    this.drawProgress(seen);
    const empty = "No attempt has ended yet.";
    bars(this.funnel.body, seen.funnel, { empty });
    bars(this.outcomes.body, seen.outcomes, { tone: (one) => OUTCOME_TONE[one.name] ?? "", empty });
    this.drawPace(seen);
    this.drawFuses(seen.fuses);
    put(this.refusals.note, seen.rulings ? `of the last ${seen.rulings.toLocaleString()} asked` : "");
    bars(this.refusals.body, seen.refusals, {
      most: seen.rulings,
      tone: () => "odb-fill-soft",
      empty: seen.rulings ? "Every call asked for was permitted." : "No call has been asked for yet.",
    });
    this.drawHistory(seen.history);
    this.drawList();
  }

  drawProgress(seen) {
    const counts = { final: seen.final, claimed: seen.claimed, waiting: seen.waiting };
    const all = seen.final + seen.claimed + seen.waiting;
    Object.values(counts).forEach((count, n) => (this.pieces[n].style.width = part(all ? count / all : 0)));
    const words = { final: "done", claimed: "in a call", waiting: "waiting" };
    const items = Object.entries(counts).map(([key, count]) => ({ key, dot: true, text: `${count.toLocaleString()} ${words[key]}` }));
    items.push({ key: "all", text: `of ${all.toLocaleString()} contacts` });
    if (seen.money) items.push({ key: "money", text: seen.money });
    keyed(
      this.legend,
      items,
      (one) => one.key,
      (one) => {
        const item = make("span", "odc-legend-item");
        if (one.dot) make("i", `odb-dot odc-${one.key}`, { parent: item });
        item.odText = make("span", "", { parent: item });
        return item;
      },
      (item, one) => put(item.odText, one.text),
    );
  }

  drawPace(seen) {
    const most = Math.max(...seen.per_minute, 1);
    put(this.pace.note, seen.pace);
    keyed(
      this.minutes,
      seen.per_minute.map((count, place) => ({ count, place })),
      (one) => one.place,
      () => {
        const column = make("span", "odc-minute");
        column.odFill = make("i", "", { parent: column });
        return column;
      },
      (column, one) => {
        const ago = seen.per_minute.length - 1 - one.place;
        column.odFill.style.height = part(one.count / most);
        column.title = `${one.count} ${ago ? `${ago} min ago` : "in this minute"}`;
        dress(column, `odc-minute ${ago ? "" : "odc-minute-now"}`);
      },
    );
    put(this.axis.lastChild, `now, ${seen.per_minute.at(-1) ?? 0} in this minute`);
    put(this.due, seen.due);
    put(this.held, seen.held ? `Held: ${seen.held}` : "");
    this.held.hidden = !seen.held;
  }

  drawFuses(fuses) {
    keyed(
      this.breaker.body,
      fuses,
      (one) => one.name,
      (one) => {
        const row = make("div", "odc-fuse");
        const line = make("div", "odc-fuse-line", { parent: row });
        make("span", "", { parent: line, text: one.name });
        row.odWords = make("span", "odb-faint", { parent: line });
        const rail = make("div", "odb-rail odc-fuse-rail", { parent: row });
        row.odFill = make("span", "", { parent: rail });
        row.odLimit = make("i", "odc-fuse-limit", { parent: rail });
        return row;
      },
      (row, one) => {
        const isQuiet = one.calls < one.min_calls;
        const judged = `${percent(one.share)} of ${one.calls} recent calls, trips above ${percent(one.limit)}`;
        put(row.odWords, isQuiet ? `${one.calls} recent calls, judged from ${one.min_calls} on` : judged);
        const tone = isQuiet || one.share <= one.limit * NEAR ? "good" : one.share > one.limit ? "bad" : "soft";
        row.odFill.style.width = part(one.share);
        dress(row.odFill, `odb-fill odb-fill-${tone}`);
        row.odLimit.style.left = part(one.limit);
      },
    );
  }

  drawHistory(history) {
    keyed(
      this.history.body,
      history.map((one) => ({ ...one, key: `${one.at_ms} ${one.after}` })),
      (one) => one.key,
      (one) => {
        const row = make("div", "odc-step");
        make("span", "odb-faint odb-number", { parent: row, text: dayAndTime(one.at_ms) });
        make("b", "", { parent: row, text: one.after });
        make("span", "", { parent: row, text: `${one.reason}, by ${one.by}` });
        return row;
      },
      () => {},
    );
  }

  close() {
    this.stops.forEach((stop) => stop());
    this.desk.close();
  }
}

export default {
  render({ model, el }) {
    const view = new CampaignView(model, el);
    return () => view.close();
  },
};
