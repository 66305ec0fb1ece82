// The board of a tenant: limits, money, the do-not-call list, schedules and runs.

const RUN_TONE = { done: "good", running: "agent", failed: "bad", killed: "bad" };

class TenantView {
  constructor(model, el) {
    this.model = model;
    this.root = make("div", "odb odt", { parent: el });
    this.desk = new Desk(model, this.root);
    this.stops = [troubleLine(model, this.root)];
    const head = make("div", "odb-head", { parent: this.root });
    this.name = make("b", "odt-name", { parent: head });
    this.desk.nameField(head);
    const grid = make("div", "odt-grid", { parent: this.root });
    const left = make("div", "odt-column", { parent: grid });
    this.limits = panel(left, "Limits over all campaigns");
    this.money = panel(left, "Money");
    this.schedules = panel(left, "Schedules");
    this.runs = panel(left, "Runs of notebooks");
    this.buildDnc(panel(make("div", "odt-column", { parent: grid }), "Do not call"));
    this.stops.push(follow(model, ["view"], () => this.draw()));
  }

  buildDnc({ note, body }) {
    note.textContent = "once an entry is here, no call to it is permitted";
    const search = make("form", "odt-form", { parent: body });
    this.sought = make("input", "odb-input", { parent: search, placeholder: "Look up a number", maxLength: 20, inputMode: "tel" });
    this.sought.setAttribute("aria-label", "Look up a number");
    make("button", "odb-button", { parent: search, type: "submit", text: "Look up" });
    search.addEventListener("submit", (event) => {
      event.preventDefault();
      this.desk.look("search", this.sought.value.trim());
    });
    this.answer = make("div", "odt-answer", { parent: body });
    const add = make("form", "odt-form", { parent: body });
    this.entry = make("input", "odb-input", { parent: add, placeholder: "+12125550100 or +1900*", maxLength: 20 });
    this.entry.setAttribute("aria-label", "Number or prefix");
    this.reason = make("input", "odb-input odt-reason", { parent: add, placeholder: "Why", maxLength: 200 });
    this.reason.setAttribute("aria-label", "Why");
    this.add = make("button", "odb-button odb-button-good", { parent: add, type: "submit", text: "Add" });
    add.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (await this.desk.act("add", this.entry.value.trim(), this.reason.value.trim(), this.add)) this.entry.value = this.reason.value = "";
    });
    this.entries = make("div", "odt-entries", { parent: body });
    this.more = make("div", "odb-faint", { parent: body, text: "The list goes on: look a number up." });
  }

  draw() {
    const seen = this.model.get("view");
    if (!seen.tenant_id) return;
    put(this.name, seen.name);
    this.drawLimits(seen.limits);
    this.drawMoney(seen.budgets);
    this.drawDnc(seen);
    this.drawSchedules(seen.schedules);
    this.drawRuns(seen.runs);
  }

  drawLimits(limits) {
    keyed(
      this.limits.body,
      limits,
      (one) => one.name,
      (one) => {
        const row = make("div", "odt-limit");
        make("span", "odb-faint", { parent: row, text: one.name });
        row.odValue = make("b", "", { parent: row });
        row.odNote = make("span", "odb-faint", { parent: row });
        return row;
      },
      (row, one) => (put(row.odValue, one.value), put(row.odNote, one.note)),
    );
  }

  drawMoney(budgets) {
    this.money.box.hidden = !budgets.length;
    keyed(
      this.money.body,
      budgets,
      (one) => one.currency,
      () => {
        const row = make("div", "odt-money");
        row.odWords = make("b", "", { parent: row });
        row.odFill = make("span", "", { parent: make("div", "odb-rail", { parent: row }) });
        return row;
      },
      (row, one) => {
        put(row.odWords, one.budget ? `${one.used} of ${one.budget}` : `${one.used} (no budget is set)`);
        row.odFill.parentNode.hidden = !one.budget;
        row.odFill.style.width = part(one.share);
        dress(row.odFill, `odb-fill ${one.share > 0.95 ? "odb-fill-bad" : one.share > 0.8 ? "odb-fill-soft" : "odb-fill-good"}`);
      },
    );
  }

  drawDnc(seen) {
    put(this.answer, seen.answer);
    dress(this.answer, `odt-answer ${seen.is_listed ? "odt-listed" : ""}`);
    this.answer.hidden = !seen.answer;
    this.more.hidden = !seen.has_more;
    const rows = seen.entries.length ? seen.entries : [{ entry: "", nothing: seen.sought ? "No entry of your list fits." : "Your list is empty." }];
    keyed(
      this.entries,
      rows,
      (one) => one.entry,
      (one) => (one.nothing ? make("div", "odb-nothing") : this.entryRow(one)),
      (row, one) => {
        if (one.nothing) return put(row, one.nothing);
        put(row.odWhy, `${one.reason}${one.said ? `: “${one.said}”` : ""}`);
        put(row.odBy, `${one.by}, ${one.source}, ${dayAndTime(one.at_ms)}`);
      },
    );
  }

  entryRow(one) {
    const row = make("div", "odt-entry");
    make("b", "odb-number", { parent: row, text: one.entry });
    const words = make("span", "odt-words", { parent: row });
    row.odWhy = make("span", "", { parent: words });
    row.odBy = make("span", "odb-faint", { parent: words });
    const form = make("form", "odt-removal", { parent: row });
    const why = make("input", "odb-input", { parent: form, placeholder: "why remove", maxLength: 200 });
    why.setAttribute("aria-label", `Why remove ${one.entry}`);
    const button = make("button", "odb-button", { parent: form, type: "submit", text: "Remove" });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.desk.act("remove", one.entry, why.value.trim(), button);
    });
    return row;
  }

  drawSchedules(schedules) {
    const rows = schedules.length ? schedules : [{ name: "", nothing: "Nothing runs by itself." }];
    keyed(
      this.schedules.body,
      rows,
      (one) => one.name,
      (one) => {
        if (one.nothing) return make("div", "odb-nothing", { text: one.nothing });
        const row = make("div", "odt-run");
        row.odState = make("span", "", { parent: row });
        make("b", "", { parent: row, text: one.name });
        row.odWhen = make("span", "odb-faint", { parent: row });
        return row;
      },
      (row, one) => {
        if (one.nothing) return;
        put(row.odState, one.is_paused ? "paused" : one.next_ms === null ? "never" : `next ${dayAndTime(one.next_ms)}`);
        dress(row.odState, `odb-chip odb-chip-${one.is_paused || one.next_ms === null ? "faint" : "good"}`);
        put(row.odWhen, `${one.when} · ${one.notebook}`);
      },
    );
  }

  drawRuns(runs) {
    const rows = runs.length ? runs.map((one) => ({ ...one, key: `${one.started_ms} ${one.notebook}` })) : [{ key: "", nothing: "No notebook has run yet." }];
    keyed(
      this.runs.body,
      rows,
      (one) => one.key,
      (one) => {
        if (one.nothing) return make("div", "odb-nothing", { text: one.nothing });
        const row = make("div", "odt-run");
        row.odState = make("span", "", { parent: row });
        make("b", "", { parent: row, text: one.notebook });
        row.odWhen = make("span", "odb-faint", { parent: row });
        row.odPage = make("span", "odb-faint", { parent: row });
        return row;
      },
      (row, one) => {
        if (one.nothing) return;
        put(row.odPage, one.page ? `report: ${one.page}` : "");
        put(row.odState, one.state);
        dress(row.odState, `odb-chip odb-chip-${RUN_TONE[one.state] ?? "faint"}`);
        const length = one.seconds === null ? "" : ` · ${clock(one.seconds * 1000)}`;
        put(row.odWhen, `${dayAndTime(one.started_ms)}${length}${one.note ? ` · ${one.note}` : ""}`);
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
    const view = new TenantView(model, el);
    return () => view.close();
  },
};
