// Tables and pictures out of the page's data.

function section(table, number) {
  const id = `table-${number}`;
  const element = el("section", { class: "table", id, "aria-labeledby": `${id}-title` });
  // A row, its points and its bars light up together.
  const light = (row) => {
    element.classList.toggle("lit", row !== null);
    for (const node of element.querySelectorAll("[data-row]")) node.classList.toggle("on", node.dataset.row === String(row));
  };
  let shown;
  const open = (row) => {
    if (!shown.open.has(row)) shown.toggle(row);
    shown.lines[row].button.scrollIntoView({ block: "center" });
  };
  const cards = pictures(table, { over: light, out: () => light(null), click: open });
  shown = new ReportTable(table, (visible) => { light(null); for (const one of cards) one.redraw(visible); });
  shown.lines.forEach(({ element: line }, place) => {
    line.addEventListener("mouseenter", () => light(place));
    line.addEventListener("mouseleave", () => light(null));
  });
  element.append(
    el("h2", { id: `${id}-title` }, table.title),
    el("p", { class: "rules" }, table.rules),
    shown.element,
    el("p", { class: "notes" }, table.notes.join("; ")),
    el("div", { class: "cards" }, cards.map((one) => one.element)),
  );
  return element;
}

const data = JSON.parse(document.getElementById("data").textContent);
document.getElementById("tables").replaceChildren(...data.tables.map(section), ...data.explained.map(explained));
const links = [
  ...data.tables.map((table, number) => el("a", { href: `#table-${number}` }, table.title)),
  ...data.explained.map((run, number) => el("a", { href: `#why-${number}` }, `Why: ${run.run}`)),
];
if (links.length > 1) document.getElementById("contents").append(...links);
document.addEventListener("keydown", (event) => { if (event.key === "Escape") hideTip(); });
