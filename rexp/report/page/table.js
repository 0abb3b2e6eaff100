// The table: sorted by a click on a header, filtered by words and bounds, its columns hidden and shown, its rows opened.

const BOUND = /^(.+?)(<=|>=|<|>|=)(-?[\d.]+(?:e-?\d+)?)$/;
const HOLDS = { "<": (a, b) => a < b, ">": (a, b) => a > b, "<=": (a, b) => a <= b, ">=": (a, b) => a >= b, "=": (a, b) => a === b };

// Whether a row has every word, and keeps every bound such as ndcg@10>=0.06.
function matches(table, row, text) {
  const name = [row.name, ...row.labels, ...row.runs.map((run) => run.id)].join(" ").toLowerCase();
  return text.toLowerCase().split(/\s+/).filter(Boolean).every((word) => {
    const bound = BOUND.exec(word);
    const column = bound ? table.columns.findIndex((one) => one.name.toLowerCase() === bound[1]) : -1;
    if (column < 0) return name.includes(word);
    const mean = row.cells[column][1];
    return mean !== null && HOLDS[bound[2]](mean, Number(bound[3]));
  });
}

// What a column sorts by: names as text, others as numbers; what is not known comes last in both directions.
function order(rows, read, downwards) {
  const known = rows.filter((place) => read(place) !== null);
  const compare = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true }));
  known.sort((a, b) => (downwards ? -1 : 1) * compare(read(a), read(b)) || a - b);
  return [...known, ...rows.filter((place) => read(place) === null)];
}

class ReportTable {
  constructor(table, onchange) {
    this.table = table;
    this.onchange = onchange;
    this.text = "";
    this.sorted = null; // {column, downwards}
    this.open = new Map(); // place of a row: its details
    this.differing = differingKeys(table.rows);
    this.differs = table.rows.some((row) => row.difference.length);
    this.head = el("tr");
    this.body = el("tbody");
    this.count = el("span", { class: "count", "aria-live": "polite" });
    this.lines = table.rows.map((row, place) => this.line(row, place));
    this.scroller = el("div", { class: "scroll wide", tabindex: 0, role: "region", "aria-label": "Table" },
      el("table", { class: "report" }, el("thead", {}, this.head), this.body));
    this.element = el("div", {}, this.toolbar(), this.scroller);
    this.drawHead();
    this.draw();
  }

  columns() {
    const { table } = this;
    const keys = table.keys.map((name, k) => ({ name, class: "name", first: "up", read: (place) => table.rows[place].labels[k] ?? null }));
    const seeds = { name: "seeds", class: "number", first: "down", read: (place) => new Set(table.rows[place].runs.map((run) => run.seed)).size };
    const folds = { name: "folds", class: "number", first: "down", read: (place) => new Set(table.rows[place].runs.map((run) => run.fold)).size };
    const folded = table.rows.some((row) => row.runs.some((run) => run.fold !== null));
    const difference = { name: "differs in", class: "name", first: "up", read: (place) => table.rows[place].difference.join(" ") || null };
    const numbers = table.columns.map((column, k) => ({
      name: column.name, class: "number", first: column.higher === false ? "up" : "down", hidden: !column.shown, read: (place) => table.rows[place].cells[k][1],
    }));
    return [...keys, ...(this.differs ? [difference] : []), seeds, ...(folded ? [folds] : []), ...numbers];
  }

  drawHead() {
    this.head.replaceChildren(
      ...this.columns().filter((column) => !column.hidden).map((column) => {
        const mine = this.sorted?.name === column.name;
        const state = mine ? (this.sorted.downwards ? "descending" : "ascending") : "none";
        const arrow = mine ? (this.sorted.downwards ? "▼" : "▲") : "";
        return el("th", { scope: "col", class: column.class, "aria-sort": state },
          el("button", { type: "button", onclick: () => this.sort(column) }, column.name, el("span", { class: "arrow", "aria-hidden": "true" }, arrow)));
      }),
    );
  }

  // First the better end of a column on top, then the other, then the order of the store.
  sort(column) {
    const first = column.first === "down";
    if (this.sorted?.name !== column.name) this.sorted = { name: column.name, downwards: first };
    else this.sorted = this.sorted.downwards === first ? { name: column.name, downwards: !first } : null;
    const place = [...this.head.children].indexOf(document.activeElement?.closest("th"));
    this.drawHead();
    this.head.children[place]?.querySelector("button").focus();
    this.draw();
  }

  line(row, place) {
    const button = el("button", { type: "button", class: "opener", "aria-expanded": "false", onclick: () => this.toggle(place) },
      el("span", { class: "caret", "aria-hidden": "true" }, "▸"), swatch(place), row.labels[0] ?? row.name);
    const cells = [
      el("td", { class: "name" }, button),
      ...row.labels.slice(1).map((label) => el("td", { class: "name" }, label)),
      ...(this.differs ? [el("td", { class: "name difference" }, row.difference.map((pair) => el("span", { class: "pair" }, pair)))] : []),
      el("td", { class: "number" }, String(row.runs.length)),
    ];
    const numbers = row.cells.map(([text, , , best]) => {
      const [mean, spread] = text.split(" ± ");
      return el("td", { class: best ? "number best" : "number" }, mean, spread ? el("span", { class: "sd" }, ` ± ${spread}`) : null);
    });
    const element = el("tr", { "data-row": place }, cells, numbers);
    return { element, button, numbers };
  }

  toggle(place) {
    const { button, element } = this.lines[place];
    if (this.open.delete(place)) button.setAttribute("aria-expanded", "false");
    else {
      const inside = el("td", { colspan: 1000 }, details(this.table, this.table.rows[place], place, this.differing));
      this.open.set(place, el("tr", { class: "opened" }, inside));
      button.setAttribute("aria-expanded", "true");
    }
    element.classList.toggle("is-open", this.open.has(place));
    this.scroller.classList.toggle("has-open", this.open.size > 0);
    this.draw();
    button.focus();
  }

  visible() {
    return this.table.rows.map((_, place) => place).filter((place) => matches(this.table, this.table.rows[place], this.text));
  }

  draw() {
    const visible = this.visible();
    const column = this.sorted && this.columns().find((one) => one.name === this.sorted.name);
    const ordered = column ? order(visible, column.read, this.sorted.downwards) : visible;
    this.body.replaceChildren(...ordered.flatMap((place) => [this.lines[place].element, this.open.get(place)]).filter(Boolean));
    for (const { numbers } of this.lines) numbers.forEach((cell, k) => { cell.hidden = !this.table.columns[k].shown; });
    this.count.textContent = visible.length === this.table.rows.length ? `${visible.length} rows` : `${visible.length} of ${this.table.rows.length} rows`;
    this.onchange(visible);
  }

  toolbar() {
    const filter = el("input", {
      type: "search", placeholder: `filter: words, or ${this.table.columns[0]?.name ?? "column"}>0.1`, "aria-label": "Filter rows", spellcheck: "false",
      oninput: () => { this.text = filter.value; this.draw(); },
    });
    return el("div", { class: "toolbar" }, filter, this.menu(), this.count);
  }

  menu() {
    const group = (title, cost) => {
      const boxes = this.table.columns.filter((column) => column.cost === cost).map((column) => {
        const box = el("input", { type: "checkbox", onchange: () => { column.shown = box.checked; this.drawHead(); this.draw(); } });
        box.checked = column.shown;
        return el("label", {}, box, ` ${column.name}`);
      });
      return boxes.length ? el("fieldset", {}, el("legend", {}, title), boxes) : null;
    };
    const menu = el("details", { class: "menu" }, el("summary", {}, "Columns"), el("div", {}, group("Metrics", false), group("Costs", true)));
    menu.addEventListener("keydown", (event) => { if (event.key === "Escape") { menu.open = false; menu.firstChild.focus(); } });
    document.addEventListener("click", (event) => { if (!menu.contains(event.target)) menu.open = false; });
    return menu;
  }
}
