// The board of quality: figures, outcomes, where a reply's time goes, script versions, and the calls to hear.

const PERIODS = { day: "24 hours", week: "7 days", month: "30 days", all: "All" };
const OUTCOME_TONE = { completed: "odb-fill-good", failed: "odb-fill-bad", do_not_call: "odb-fill-bad" };

class QualityView {
  constructor(model, el) {
    this.model = model;
    this.root = make("div", "odb odq", { parent: el });
    this.desk = new Desk(model, this.root);
    this.stops = [troubleLine(model, this.root)];
    this.buildHead(make("div", "odb-head", { parent: this.root }));
    this.figures = make("div", "odq-figures", { parent: this.root });
    const grid = make("div", "odq-grid", { parent: this.root });
    this.outcomes = panel(grid, "What calls achieve");
    this.stages = panel(grid, "Where a reply’s time goes");
    this.stages.note.textContent = "mean of each stage";
    this.stack = make("div", "odq-stack", { parent: this.stages.body });
    this.stageRows = make("div", "", { parent: this.stages.body });
    this.versions = panel(grid, "Script versions", "odq-wide");
    this.versions.note.textContent = "completed of answered, all time, with its 95 % interval";
    this.versionTable = this.table(this.versions.body, ["Script", "Calls", "Completed", "", "Typical reply", "Barge-ins a call"]);
    this.worst = panel(grid, "Calls to hear first", "odq-wide");
    this.worst.note.textContent = "a click opens the call in the player below";
    this.worstTable = this.table(this.worst.body, ["When", "Outcome", "Why", "Campaign", "Length"]);
    this.stops.push(follow(model, ["view"], () => this.draw()));
  }

  buildHead(head) {
    this.periods = make("div", "odb-group", { parent: head });
    for (const [key, text] of Object.entries(PERIODS)) {
      const button = make("button", "odb-button", { parent: this.periods, type: "button", text });
      button.dataset.key = key;
      button.addEventListener("click", () => this.desk.look("period", key));
    }
    this.campaign = make("select", "odb-input odq-campaign", { parent: head });
    this.campaign.setAttribute("aria-label", "Campaign");
    this.campaign.addEventListener("change", () => this.desk.look("campaign", this.campaign.value));
    this.reading = make("span", "odb-faint", { parent: head, text: "Reading the history …" });
  }

  draw() {
    const seen = this.model.get("view");
    this.reading.hidden = Boolean(seen.period);
    if (!seen.period) return;
    for (const button of this.periods.children) button.setAttribute("aria-pressed", String(button.dataset.key === seen.period));
    this.drawCampaigns(seen);
    this.drawFigures(seen.figures);
    bars(this.outcomes.body, seen.dispositions, {
      tone: (one) => OUTCOME_TONE[one.name] ?? "",
      empty: "No call has ended in this time.",
    });
    this.drawStages(seen.stages);
    this.drawVersions(seen.versions);
    this.drawWorst(seen);
  }

  drawCampaigns(seen) {
    const option = (name) => make("option", "", { value: name, text: name || "All campaigns" });
    keyed(this.campaign, ["", ...seen.campaigns], (name) => name, option, () => {});
    if (this.campaign.value !== seen.campaign) this.campaign.value = seen.campaign;
  }

  drawFigures(figures) {
    keyed(
      this.figures,
      figures,
      (one) => one.name,
      (one) => {
        const box = make("div", "odb-figure");
        box.odValue = make("b", "", { parent: box });
        make("span", "", { parent: box, text: one.name });
        box.odNote = make("small", "odb-faint", { parent: box });
        return box;
      },
      (box, one) => {
        put(box.odValue, one.value);
        dress(box.odValue, one.is_bad ? "odb-bad" : "");
        put(box.odNote, one.note);
      },
    );
  }

  drawStages(stages) {
    const all = stages.reduce((sum, one) => sum + one.mean_ms, 0);
    this.stack.hidden = !all;
    keyed(
      this.stack,
      all ? stages : [],
      (one) => one.name,
      (one) => make("span", `odq-stage odq-stage-${one.name}`),
      (piece, one) => {
        piece.style.width = part(one.mean_ms / all);
        piece.title = `${plainWords(one.name)}: ${Math.round(one.mean_ms)} ms`;
      },
    );
    keyed(
      this.stageRows,
      all ? stages : [{ name: "-", nothing: true }],
      (one) => one.name,
      (one) => (one.nothing ? make("div", "odb-nothing", { text: "No reply was measured in this time." }) : this.stageRow(one)),
      (row, one) => row.odMs && put(row.odMs, `${Math.round(one.mean_ms)} ms`),
    );
  }

  stageRow(one) {
    const row = make("div", "odq-stage-row");
    make("i", `odb-dot odq-stage-${one.name}`, { parent: row });
    make("b", "", { parent: row, text: plainWords(one.name) });
    make("span", "odb-faint", { parent: row, text: one.meaning });
    row.odMs = make("span", "odb-number", { parent: row });
    return row;
  }

  drawVersions(versions) {
    this.fill(this.versionTable, versions, (one) => one.script, "No script has been used yet.", (cells, one) => {
      put(cells[0], one.script);
      put(cells[1], one.calls.toLocaleString());
      put(cells[2], one.completed);
      const rail = cells[3].firstChild ?? make("span", "odq-interval", { parent: cells[3] });
      rail.odBand ??= make("i", "odq-band", { parent: rail });
      rail.odPoint ??= make("i", "odq-point", { parent: rail });
      rail.odBand.style.left = part(one.low);
      rail.odBand.style.width = part(one.high - one.low);
      rail.odPoint.style.left = part(one.share);
      put(cells[4], one.reply);
      put(cells[5], one.barge_ins);
    });
  }

  drawWorst(seen) {
    const empty = "Nothing went wrong in this time, as far as rules can tell.";
    this.fill(this.worstTable, seen.worst, (one) => one.call_id, empty, (cells, one, row) => {
      dress(row, `odq-call ${one.call_id === seen.chosen ? "odq-call-chosen" : ""}`);
      put(cells[0], dayAndTime(one.at_ms));
      put(cells[1], plainWords(one.disposition));
      put(cells[2], one.reasons);
      put(cells[3], one.campaign);
      put(cells[4], `${clock(one.seconds * 1000)}${one.has_recording ? "" : " (no sound)"}`);
      row.onclick = () => this.desk.look("choose", one.call_id);
      row.onkeydown = (event) => event.key === "Enter" && row.onclick();
      row.tabIndex = 0;
    });
  }

  table(parent, names) {
    const table = make("table", "odb-table", { parent });
    const head = make("tr", "", { parent: make("thead", "", { parent: table }) });
    for (const text of names) make("th", "", { parent: head, text });
    const body = make("tbody", "", { parent: table });
    const nothing = make("div", "odb-nothing", { parent });
    return { table, body, nothing, columns: names.length };
  }

  fill({ table, body, nothing, columns }, items, key, empty, update) {
    table.hidden = !items.length;
    nothing.hidden = items.length > 0;
    put(nothing, empty);
    const build = () => {
      const row = make("tr", "");
      row.odCells = Array.from({ length: columns }, () => make("td", "", { parent: row }));
      return row;
    };
    keyed(body, items, key, build, (row, one) => update(row.odCells, one, row));
  }

  close() {
    this.stops.forEach((stop) => stop());
    this.desk.close();
  }
}

export default {
  render({ model, el }) {
    const view = new QualityView(model, el);
    return () => view.close();
  },
};
