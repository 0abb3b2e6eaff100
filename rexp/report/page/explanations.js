// What a run recommends to a few users, and why: a bar for each reason, to the left where it speaks against the item.

function reasonBar(value, most) {
  const width = most && (60 * Math.abs(value)) / most;
  return svg("svg", { class: "reason", viewBox: "0 0 122 10", "aria-hidden": "true" },
    svg("rect", { x: value < 0 ? 61 - width : 61, y: 1, width, height: 8, class: value < 0 ? "against" : "for" }),
    svg("line", { class: "rule", x1: 61, x2: 61, y1: 0, y2: 10 }));
}

const signed = (value) => `${value < 0 ? "−" : "+"}${shortNumber(Math.abs(value))}`;

function reasonLine(label, value, bar) {
  return el("tr", {}, el("td", {}, label), el("td", {}, bar), el("td", { class: "number" }, signed(value)));
}

function recommendation(item, place, most) {
  const [count, sum] = item.rest;
  const lines = item.reasons.map(([label, value]) => reasonLine(label, value, reasonBar(value, most)));
  if (count) lines.push(reasonLine(`${count} more`, sum, null));
  return el("tr", {},
    el("td", { class: "number" }, String(place + 1)), el("td", { class: "name" }, item.name),
    el("td", { class: "number" }, shortNumber(item.score)), el("td", {}, el("table", { class: "reasons" }, el("tbody", {}, lines))));
}

function explained(run, number) {
  const id = `why-${number}`;
  const body = el("tbody");
  const draw = (user) => {
    const { items } = run.lists.find((list) => list.user === user);
    const most = Math.max(...items.flatMap((item) => item.reasons.map(([, value]) => Math.abs(value))));
    body.replaceChildren(...items.map((item, place) => recommendation(item, place, most)));
  };
  const head = el("tr", {}, ["", "item", "score", "what each reason adds"].map((name) => el("th", { scope: "col" }, name)));
  draw(run.lists[0].user);
  return el("section", { class: "table why", id, "aria-labeledby": `${id}-title` },
    el("h2", { id: `${id}-title` }, `Why run ${run.run} recommends`),
    el("p", { class: "rules" }, `${run.name} · ${run.method}`),
    el("div", { class: "toolbar" }, select("User", run.lists.map((list) => list.user), run.lists[0].user, draw)),
    el("div", { class: "scroll" }, el("table", { class: "lists" }, el("thead", {}, head), body)));
}
