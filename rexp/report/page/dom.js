"use strict";
// Elements are made from names, attributes and text alone: no text is ever read as markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

function el(name, attributes, ...children) {
  return fill(document.createElement(name), attributes, children);
}

function svg(name, attributes, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

const tip = document.getElementById("tip");

// A box beside the pointer with one line of text for each of `lines`, the first in bold.
function showTip(event, lines) {
  tip.replaceChildren(...lines.map((line) => el("div", {}, line)));
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  const left = Math.min(event.clientX + 14, document.documentElement.clientWidth - box.width - 8);
  const below = event.clientY + 14 + box.height < window.innerHeight;
  tip.style.left = `${Math.max(4, left)}px`;
  tip.style.top = `${below ? event.clientY + 14 : event.clientY - box.height - 10}px`;
}

function hideTip() {
  tip.hidden = true;
}

function select(label, choices, chosen, onchange) {
  const options = choices.map((choice) => el("option", { value: choice, selected: choice === chosen }, choice));
  return el("label", { class: "choice" }, `${label} `, el("select", { onchange: (e) => onchange(e.target.value) }, options));
}
