// What a row opens to: its configuration, its runs and its learning curves.

// {"a": {"b": 1}} to {"a.b": "1"}
function flatten(node, prefix = "") {
  return Object.entries(node).flatMap(([key, member]) => {
    const inner = member !== null && typeof member === "object" && !Array.isArray(member) && Object.keys(member).length;
    return inner ? flatten(member, `${prefix}${key}.`) : [[prefix + key, typeof member === "string" ? member : JSON.stringify(member)]];
  });
}

// Keys in which the configurations of a table's rows differ.
function differingKeys(rows) {
  const values = new Map();
  for (const flat of rows.map((row) => new Map(flatten(row.config))))
    for (const [key, value] of flat) (values.get(key) || values.set(key, []).get(key)).push(value);
  return new Set([...values].filter(([, own]) => own.length < rows.length || new Set(own).size > 1).map(([key]) => key));
}

function configuration(row, differing) {
  const body = el("tbody");
  const draw = (all) => {
    const pairs = flatten(row.config).filter(([key]) => all || differing.has(key));
    body.replaceChildren(
      ...pairs.map(([key, value]) => el("tr", { class: differing.has(key) ? "differs" : "" }, el("th", { scope: "row" }, key), el("td", {}, value))),
    );
  };
  const box = el("input", { type: "checkbox", onchange: () => draw(!box.checked) });
  box.checked = differing.size > 0;
  draw(!box.checked);
  return el(
    "section",
    { class: "configuration" },
    el("h4", {}, "Configuration"),
    el("label", { class: "choice" }, box, ` only the ${differing.size} keys in which rows differ`),
    el("div", { class: "scroll" }, el("table", {}, body)),
  );
}

function curvesOf(table, row, place) {
  const names = Object.keys(row.curves);
  const section = el("section", { class: "curves" }, el("h4", {}, "Learning curves"));
  if (!names.length) {
    section.append(el("p", { class: "empty" }, "This model was not trained in epochs."));
    return section;
  }
  const frame = el("div");
  const draw = (name) => frame.replaceChildren(chart({ series: [curveSeries(row, place, name)], xLabel: "epoch", yLabel: name, logX: false }));
  section.append(select("Show", names, names[0], draw), frame);
  draw(names[0]);
  return section;
}

function curveSeries(row, place, name) {
  const [epochs, means, sds] = row.curves[name];
  return { row: place, name: row.name, line: true, points: epochs.map((x, k) => ({ x, y: means[k], sd: sds[k] })) };
}

function runsOf(table, row) {
  const shown = table.columns.map((column, k) => [column, k]).filter(([column]) => column.shown && !column.cost).slice(0, 4);
  const folded = row.runs.some((run) => run.fold !== null);
  const head = el("tr", {}, ["seed", ...(folded ? ["fold"] : []), "run", ...shown.map(([column]) => column.name)].map((name) => el("th", { scope: "col" }, name)));
  const lines = row.runs.map((run) =>
    el("tr", {}, el("td", {}, String(run.seed)), ...(folded ? [el("td", {}, String(run.fold))] : []), el("td", {}, el("code", {}, run.id)),
      shown.map(([, k]) => el("td", {}, run.values[k] === null ? "-" : shortNumber(run.values[k])))));
  return el("section", { class: "runs" }, el("h4", {}, "Runs"), el("div", { class: "scroll" }, el("table", {}, el("thead", {}, head), el("tbody", {}, lines))));
}

function details(table, row, place, differing) {
  const right = el("div", {}, curvesOf(table, row, place), runsOf(table, row));
  return el("div", { class: "details" }, configuration(row, differing), right);
}
