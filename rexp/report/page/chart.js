// A chart of points and lines over two axes, as inline SVG.

const COLOURS = ["#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf"];
// Of a circle's size, around 0: circle, square, diamond, triangles, plus, star ...; one for every ten rows.
const SHAPES = [
  "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0Z",
  "M-3.6,-3.6H3.6V3.6H-3.6Z",
  "M0,-5.2L5.2,0L0,5.2L-5.2,0Z",
  "M0,-5L4.8,3.6H-4.8Z",
  "M0,5L4.8,-3.6H-4.8Z",
  "M-1.6,-5H1.6V-1.6H5V1.6H1.6V5H-1.6V1.6H-5V-1.6H-1.6Z",
];

function looks(row) {
  return { color: COLOURS[row % 10], shape: SHAPES[Math.floor(row / 10) % SHAPES.length] };
}

function swatch(row) {
  const { color, shape } = looks(row);
  return svg("svg", { class: "swatch", viewBox: "-7 -7 14 14", width: 14, height: 14, "aria-hidden": "true" }, svg("path", { d: shape, fill: color }));
}

const FRAME = { width: 560, height: 340, left: 76, right: 18, top: 14, bottom: 46 };

function axes(x, y, xLabel, yLabel, frame) {
  const [bottom, right] = [frame.height - frame.bottom, frame.width - frame.right];
  const across = x.ticks.map((tick) => [
    svg("line", { class: "grid", x1: x(tick), x2: x(tick), y1: frame.top, y2: bottom }),
    svg("text", { x: x(tick), y: bottom + 16, "text-anchor": "middle" }, shortNumber(tick)),
  ]);
  const up = y.ticks.map((tick) => [
    svg("line", { class: "grid", x1: frame.left, x2: right, y1: y(tick), y2: y(tick) }),
    svg("text", { x: frame.left - 8, y: y(tick) + 4, "text-anchor": "end" }, shortNumber(tick)),
  ]);
  return svg(
    "g",
    { class: "axes" },
    across.flat(),
    up.flat(),
    svg("path", { class: "rule", d: `M${frame.left},${frame.top}V${bottom}H${right}` }),
    svg("text", { class: "title", x: (frame.left + right) / 2, y: frame.height - 8, "text-anchor": "middle" }, xLabel),
    svg("text", { class: "title", transform: `translate(14,${(frame.top + bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, yLabel),
  );
}

function canvas(frame, label, ...children) {
  return svg("svg", { class: "chart", viewBox: `0 0 ${frame.width} ${frame.height}`, role: "img", "aria-label": label }, children);
}

// series: [{row, name, line, points: [{x, y, sd}]}], where `row` gives the looks; hooks: {over(row), out(), click(row)}.
function chart({ series, xLabel, yLabel, logX, ticksX, hooks = {}, extra = () => [] }) {
  const frame = FRAME;
  const points = series.flatMap((one) => one.points);
  if (!points.length) return el("p", { class: "empty" }, "No row that is shown has these numbers.");
  const x = makeScale(points.map((p) => p.x), frame.left, frame.width - frame.right, { log: logX, margin: 0.05 });
  if (ticksX) x.ticks = ticksX;
  const heights = points.flatMap((p) => [p.y - (p.sd || 0), p.y + (p.sd || 0)]);
  const y = makeScale(heights, frame.height - frame.bottom, frame.top, { log: false });
  const groups = series.map((one) => drawSeries(one, x, y, xLabel, yLabel, hooks));
  const image = canvas(frame, `${yLabel} against ${xLabel}`, axes(x, y, xLabel, yLabel, frame), ...extra(x, y, frame), ...groups);
  return image;
}

function drawSeries(one, x, y, xLabel, yLabel, hooks) {
  const { color, shape } = looks(one.row);
  const parts = [];
  if (one.line && one.points.some((p) => p.sd)) {
    const upper = one.points.map((p) => `${x(p.x)},${y(p.y + (p.sd || 0))}`);
    const lower = one.points.map((p) => `${x(p.x)},${y(p.y - (p.sd || 0))}`).reverse();
    parts.push(svg("polygon", { points: [...upper, ...lower].join(" "), fill: color, opacity: 0.14 }));
  }
  if (one.line) {
    const path = one.points.map((p) => `${x(p.x)},${y(p.y)}`).join(" ");
    parts.push(svg("polyline", { points: path, fill: "none", stroke: color, "stroke-width": 1.6 }));
  }
  for (const p of one.points) {
    const place = `translate(${x(p.x)},${y(p.y)})${one.line ? " scale(0.6)" : ""}`;
    const lines = [one.name, `${yLabel}: ${withSpread(p.y, p.sd)}`, `${xLabel}: ${shortNumber(p.x)}`];
    if (!one.line && p.sd) parts.push(svg("line", { stroke: color, x1: x(p.x), x2: x(p.x), y1: y(p.y - p.sd), y2: y(p.y + p.sd) }));
    parts.push(
      svg("path", {
        class: "mark", d: shape, fill: color, transform: place,
        onmousemove: (event) => { showTip(event, lines); hooks.over?.(one.row); },
        onmouseout: () => { hideTip(); hooks.out?.(); },
        onclick: () => hooks.click?.(one.row),
      }),
    );
  }
  return svg("g", { class: "series", "data-row": one.row }, parts);
}
