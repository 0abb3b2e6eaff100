// Bars: upright in a few groups, or lying with a long name for each group.

function bracket(x1, y1, x2, y2) {
  return svg("line", { class: "spread", x1, y1, x2, y2 });
}

// groups: names; rows: [{row, name, cells: [[mean, sd], ...]}], one cell a group.
function uprightBars({ groups, rows, xLabel, yLabel, hooks }) {
  const frame = { ...FRAME, bottom: 62 };
  const known = rows.flatMap((one) => one.cells).filter(([mean]) => mean !== null);
  if (!known.length) return el("p", { class: "empty" }, "No row that is shown has these numbers.");
  const y = makeScale([0, ...known.map(([mean, sd]) => mean + (sd || 0))], frame.height - frame.bottom, frame.top, { log: false, zero: true });
  const across = (frame.width - frame.left - frame.right) / groups.length;
  const width = (0.84 * across) / rows.length;
  const x = Object.assign(() => 0, { ticks: [] });
  const names = groups.flatMap((group, place) => {
    const middle = frame.left + across * (place + 0.5);
    return group.split(": ").map((line, k) =>
      svg("text", { class: k ? "axes" : "title", x: middle, y: frame.height - frame.bottom + 16 + 14 * k, "text-anchor": "middle" }, line));
  });
  const series = rows.map((one, place) => {
    const bars = one.cells.flatMap(([mean, sd], group) => {
      if (mean === null) return [];
      const left = frame.left + across * (group + 0.08) + width * place;
      const lines = [one.name, `${groups[group]}`, `${yLabel}: ${withSpread(mean, sd)}`];
      const bar = svg("rect", {
        class: "mark", x: left, y: y(mean), width: Math.max(1, width - (width > 4 ? 1 : 0)), height: y(0) - y(mean), fill: looks(one.row).color,
        onmousemove: (event) => { showTip(event, lines); hooks.over(one.row); },
        onmouseout: () => { hideTip(); hooks.out(); },
        onclick: () => hooks.click(one.row),
      });
      return sd ? [bar, bracket(left + width / 2, y(mean - sd), left + width / 2, y(mean + sd))] : [bar];
    });
    return svg("g", { class: "series", "data-row": one.row }, bars);
  });
  return canvas(frame, `${yLabel} by ${xLabel}`, axes(x, y, xLabel, yLabel, frame), ...names, ...series);
}

const ROLES = { control: "#9aa3ad", student: "#1f77b4", teacher: "#2b2f36" };

// groups: [{row, name, bars: {control: [mean, sd], ...}}]
function lyingBars({ groups, xLabel, hooks }) {
  const [thick, gap, left] = [8, 22, 16];
  const each = 3 * thick + gap; // a name stands above its bars
  const frame = { ...FRAME, left, top: 8, height: groups.length * each + 8 + 46 };
  const bottom = frame.height - frame.bottom;
  const values = groups.flatMap((group) => Object.values(group.bars)).filter(([mean]) => mean !== null);
  const x = makeScale([0, ...values.map(([mean, sd]) => mean + (sd || 0))], left, frame.width - frame.right, { log: false, zero: true, count: 5 });
  const y = Object.assign(() => 0, { ticks: [] });
  const drawn = groups.map((group, place) => {
    const top = frame.top + place * each + gap - 5;
    const bars = Object.entries(group.bars).flatMap(([role, [mean, sd]], k) => {
      if (mean === null) return [];
      const level = top + k * thick;
      const bar = svg("rect", {
        class: "mark", x: left, y: level, width: x(mean) - left, height: thick - 1, fill: ROLES[role],
        onmousemove: (event) => { showTip(event, [group.name, `${role}: ${withSpread(mean, sd)}`]); hooks.over(group.row); },
        onmouseout: () => { hideTip(); hooks.out(); },
        onclick: () => hooks.click(group.row),
      });
      return sd ? [bar, bracket(x(mean - sd), level + thick / 2 - 0.5, x(mean + sd), level + thick / 2 - 0.5)] : [bar];
    });
    const name = group.name.length > 80 ? `${group.name.slice(0, 79)}…` : group.name;
    const text = svg("text", { class: "title", x: left + 2, y: top - 5 }, name, svg("title", {}, group.name));
    return svg("g", { class: "series", "data-row": group.row }, text, bars);
  });
  return canvas(frame, `${xLabel} of students, teachers and controls`, axes(x, y, xLabel, "", frame), ...drawn);
}
