// The pictures of a table: of the rows that its filter shows, in their colors.

// Places, by rising cost, of the points that none beats: cheaper and as good, or better and as cheap.
function undominated(points, higher) {
  const sign = higher === false ? -1 : 1;
  const kept = [];
  for (const point of [...points].sort((a, b) => a.x - b.x || sign * (b.y - a.y)))
    if (!kept.length || sign * point.y > sign * kept[kept.length - 1].y) kept.push(point);
  return kept;
}

// Names beside the points that no other beats, each where it meets no other name, point, spread or line; else none.
function placeNames(best, points, x, y, frame) {
  const taken = points.map((p) => ({ left: x(p.x) - 6, right: x(p.x) + 6, top: y(p.y + (p.sd || 0)) - 6, bottom: y(p.y - (p.sd || 0)) + 6 }));
  for (const [k, next] of best.slice(1).entries())
    for (let step = 0; step <= 24; step++) {
      const [px, py] = [x(best[k].x) + ((x(next.x) - x(best[k].x)) * step) / 24, y(best[k].y) + ((y(next.y) - y(best[k].y)) * step) / 24];
      taken.push({ left: px - 1, right: px + 1, top: py - 1, bottom: py + 1 });
    }
  const meets = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  return best.flatMap((point) => {
    const text = point.name.length > 34 ? `${point.name.slice(0, 33)}…` : point.name;
    const [wide, high, px, py] = [text.length * 6.4 + 4, 14, x(point.x), y(point.y)];
    const spots = [[9, 16], [-wide - 9, -6], [9, -6], [-wide - 9, 16], [-wide / 2, -12], [-wide / 2, 22], [9, 30], [-wide - 9, -20]];
    for (const [dx, dy] of spots) {
      const box = { left: px + dx, right: px + dx + wide, top: py + dy - 11, bottom: py + dy - 11 + high };
      const inside = box.left > frame.left && box.right < frame.width - frame.right && box.top > 2 && box.bottom < frame.height - frame.bottom;
      if (inside && !taken.some((other) => meets(box, other))) {
        taken.push(box);
        return [svg("text", { class: "point-name", x: box.left, y: py + dy }, text)];
      }
    }
    return [];
  });
}

function frontier(table, metric, cost, visible, hooks) {
  const [m, c] = [metric, cost].map((name) => table.columns.findIndex((column) => column.name === name));
  const points = visible.flatMap((place) => {
    const { cells, name } = table.rows[place];
    const [y, sd, x] = [cells[m][1], cells[m][2], cells[c][1]];
    return y === null || x === null ? [] : [{ x, y, sd, row: place, name }];
  });
  const best = undominated(points, table.columns[m].higher);
  const extra = (x, y, frame) => [
    svg("polyline", { class: "frontier", points: best.map((p) => `${x(p.x)},${y(p.y)}`).join(" ") }),
    ...placeNames(best, points, x, y, frame),
  ];
  return chart({ series: points.map((p) => ({ row: p.row, name: p.name, points: [p] })), xLabel: cost, yLabel: metric, hooks, extra });
}

const BARS = 24; // of one group; more cannot be told apart

function bestOf(table, metric, rows) {
  const k = table.columns.findIndex((column) => column.name === metric);
  const places = order(rows.map((_, n) => n), (n) => table.rows[rows[n].row].cells[k][1], table.columns[k].higher !== false);
  return places.slice(0, BARS).sort((a, b) => a - b).map((n) => rows[n]);
}

function card(title, note, controls, frame) {
  return el("figure", {}, el("figcaption", {}, el("h3", {}, title), note ? el("p", {}, note) : null, el("div", { class: "controls" }, controls)), frame);
}

// A card with a frame that is drawn again when the rows that are shown change.
function redrawn(cards, title, note, controls, draw) {
  const frame = el("div", { class: "frame" });
  cards.push({ element: card(title, note, controls, frame), redraw: (visible) => frame.replaceChildren(draw(visible)) });
}

function pictures(table, hooks) {
  const found = table.pictures;
  const cards = [];
  if (!found.metric) return cards;
  let visible = [];
  const again = () => cards.forEach((one) => one.redraw(visible));
  const metrics = table.columns.filter((column) => column.higher !== null && !column.cost).map((column) => column.name);
  const costs = table.columns.filter((column) => column.cost).map((column) => column.name);
  if (costs.length) {
    const chosen = { metric: found.metric, cost: found.cost ?? costs[0] };
    const set = (key) => (value) => { chosen[key] = value; again(); };
    redrawn(cards, "Accuracy against cost", "The dashed line joins the rows that no other beats in both.",
      [select("metric", metrics, chosen.metric, set("metric")), select("cost", costs, chosen.cost, set("cost"))],
      (rows) => frontier(table, chosen.metric, chosen.cost, rows, hooks));
  }
  const curves = [...new Set(table.rows.flatMap((row) => Object.keys(row.curves)))];
  if (curves.length) {
    const chosen = { curve: curves[0] };
    redrawn(cards, "Learning curves", "Mean over seeds; the band is one standard deviation on either side.",
      [select("show", curves, chosen.curve, (value) => { chosen.curve = value; again(); })],
      (rows) => chart({
        series: rows.filter((place) => table.rows[place].curves[chosen.curve]).map((place) => curveSeries(table.rows[place], place, chosen.curve)),
        xLabel: "epoch", yLabel: chosen.curve, logX: false, hooks,
      }));
  }
  for (const buckets of found.buckets)
    redrawn(cards, `${found.metric} by ${buckets.title}`, buckets.rows.length > BARS ? `The ${BARS} best of the rows that are shown.` : null, [], (rows) => {
      const known = buckets.rows.filter((one) => rows.includes(one.row)).map((one) => ({ ...one, name: table.rows[one.row].name }));
      return uprightBars({ groups: buckets.names, xLabel: buckets.title, yLabel: found.metric, hooks, rows: bestOf(table, found.metric, known) });
    });
  if (found.gaps.length) {
    const legend = Object.entries(ROLES).map(([role, color]) =>
      el("span", { class: "role" }, svg("svg", { width: 10, height: 10, "aria-hidden": "true" }, svg("rect", { width: 10, height: 10, fill: color })), ` ${role}`));
    redrawn(cards, "Students and their teachers", "The control is the same model, trained in the same way without a teacher.", legend, (rows) => {
      const groups = found.gaps.filter((gap) => rows.includes(gap.row)).map((gap) => ({ ...gap, name: table.rows[gap.row].name }));
      return groups.length ? lyingBars({ groups, xLabel: found.metric, hooks }) : el("p", { class: "empty" }, "No student is shown.");
    });
  }
  if (found.reliability.rows.length) reliabilityCard(cards, table, found.reliability, hooks, again);
  if (found.retrieval.sweeps.length) retrievalCard(cards, table, found.retrieval, hooks, again);
  return cards.map((one) => ({ ...one, redraw: (rows) => { visible = rows; one.redraw(rows); } }));
}

function retrievalCard(cards, table, retrieval, hooks, again) {
  const chosen = { column: retrieval.columns[0] };
  const legend = retrieval.sweeps.map((sweep) => el("span", { class: "role" }, swatch(sweep.rows[0]), ` ${sweep.name}`));
  const choice = select("show", retrieval.columns, chosen.column, (value) => { chosen.column = value; again(); });
  redrawn(cards, "By the number of candidates", null, [choice, ...legend], (rows) => {
    const k = table.columns.findIndex((column) => column.name === chosen.column);
    const series = retrieval.sweeps.map((sweep) => ({
      row: sweep.rows[0], name: sweep.name, line: true,
      points: sweep.rows.flatMap((place, n) => {
        const [, y, sd] = table.rows[place].cells[k];
        return rows.includes(place) && y !== null ? [{ x: sweep.candidates[n], y, sd }] : [];
      }),
    }));
    return chart({ series: series.filter((one) => one.points.length), xLabel: "candidates", yLabel: chosen.column, hooks });
  });
}

function reliabilityCard(cards, table, reliability, hooks, again) {
  const chosen = { kind: reliability.kinds[reliability.kinds.length - 1] };
  const choice = select("show", reliability.kinds, chosen.kind, (value) => { chosen.kind = value; again(); });
  const note = "On the dashed line as many rows are positive as was predicted. Of several seeds, the first.";
  redrawn(cards, "Reliability", note, [choice], (rows) => {
    const series = reliability.rows.filter((one) => rows.includes(one.row) && one.bins[chosen.kind]).map((one) => ({
      row: one.row, name: table.rows[one.row].name, line: true,
      points: one.bins[chosen.kind].map(([, x, y]) => ({ x, y, sd: null })),
    }));
    const ends = series.flatMap((one) => one.points.flatMap((p) => [p.x, p.y]));
    const [low, high] = [Math.min(...ends), Math.max(...ends)];
    const diagonal = (x, y) => [svg("polyline", { class: "frontier", points: `${x(low)},${y(low)} ${x(high)},${y(high)}` })];
    return chart({ series, xLabel: "probability", yLabel: "share of positives", logX: false, hooks, extra: diagonal });
  });
}
