// The windows panel: a tab for each query, a choice of value and grouping, a chart with its legend and table.

import { byId, html, setText } from "./dom.js";
import { chartTable, colour, drawChart } from "./chart.js";
import { ago, clock, quantity } from "./format.js";

let charts = [];
let chosen = null;
let drawnFrom = "";
let error = "";
let tableOpen = false;
const choices = new Map();

export function startWindows() {
  byId("windows-tabs").addEventListener("keydown", moveTab);
  let width = 0;
  new ResizeObserver(([entry]) => {
    if (Math.round(entry.contentRect.width) === width) return;
    width = Math.round(entry.contentRect.width);
    drawnFrom = "";
    if (charts.length) draw();
  }).observe(byId("windows-body"));
}

export function showWindows({ known, views }) {
  charts = views.charts;
  error = views.error;
  if (!charts.length) {
    const text = error ? `OpenSearch: unreachable, retrying — ${error}` : known ? "No window has closed yet." : "Asking OpenSearch…";
    byId("windows-tabs").replaceChildren();
    byId("windows-body").replaceChildren(html("p", { class: "empty" }, text));
    setText(byId("windows-note"), "");
    drawnFrom = "";
    return;
  }
  if (!charts.some((chart) => chart.query === chosen)) chosen = charts[0].query;
  draw();
}

function draw() {
  const chart = charts.find((one) => one.query === chosen);
  setText(byId("windows-note"), error ? `OpenSearch: unreachable, retrying — ${error}` : `last window closed ${ago(chart.windows.at(-1)[1])}`);
  const now = JSON.stringify([charts.map((one) => one.query), chart, choices.get(chosen)]);
  if (now === drawnFrom) return;
  drawnFrom = now;
  drawTabs();
  drawBody(chart);
}

function drawTabs() {
  const list = byId("windows-tabs");
  const focused = list.contains(document.activeElement);
  list.replaceChildren(...charts.map((chart) => {
    const selected = chart.query === chosen;
    const tab = html("button", { type: "button", role: "tab", class: "tab", "aria-selected": String(selected), "aria-controls": "windows-body", tabindex: selected ? "0" : "-1" }, chart.query.replaceAll("_", " "));
    tab.addEventListener("click", () => choose(chart.query));
    return tab;
  }));
  if (focused) list.querySelector("[aria-selected=true]").focus();
}

function choose(query) {
  chosen = query;
  draw();
}

function moveTab(event) {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const place = charts.findIndex((chart) => chart.query === chosen);
  choose(charts[(place + step + charts.length) % charts.length].query);
}

function choiceFor(chart) {
  const kept = choices.get(chart.query) ?? {};
  const value = chart.values.includes(kept.value) ? kept.value : chart.values[0];
  const dimension = chart.dimensions.includes(kept.dimension) ? kept.dimension : chart.dimensions[0];
  const additive = chart.additive[chart.values.indexOf(value)];
  return { value, dimension, additive, shape: kept.shape ?? (additive ? "bars" : "lines") };
}

function drawBody(chart) {
  const body = byId("windows-body");
  const active = document.activeElement?.dataset?.control;
  const choice = choiceFor(chart);
  const lines = chart.lines[choice.dimension][choice.value];
  const name = `${choice.value} by ${choice.dimension}`;
  const legend = html("ul", { class: "legend" });
  const when = html("p", { class: "chart-when", "aria-live": "polite" });
  const point = (index) => fillLegend(legend, when, chart, lines, index);
  const drawing = drawChart({ windows: chart.windows, lines, stacked: choice.shape === "bars" && choice.additive, width: Math.max(280, body.clientWidth), name }, point);
  drawing.dataset.control = "chart";
  point(null);
  const table = html("details", { class: "chart-table", open: tableOpen }, html("summary", {}, "Numbers as a table"), html("div", { class: "table-scroll", tabindex: "0", role: "region", "aria-label": name }, chartTable({ windows: chart.windows, lines, name })));
  table.addEventListener("toggle", () => { tableOpen = table.open; });
  body.replaceChildren(controls(chart, choice), drawing, when, legend, table);
  if (active) body.querySelector(`[data-control="${active}"]`)?.focus({ preventScroll: true });
}

function controls(chart, choice) {
  const set = (change) => {
    choices.set(chart.query, { ...choices.get(chart.query), ...change });
    draw();
  };
  const shape = choice.additive ? picker("Draw", "shape", ["bars", "lines"], choice.shape, set) : null;
  return html("div", { class: "controls" },
    picker("Value", "value", chart.values, choice.value, set),
    chart.dimensions.length > 1 ? picker("By", "dimension", chart.dimensions, choice.dimension, set) : null, shape);
}

function picker(label, name, options, selected, set) {
  const select = html("select", { "data-control": name }, ...options.map((option) => html("option", { value: option, selected: option === selected }, option.replaceAll("_", " "))));
  select.addEventListener("change", () => set({ [name]: select.value }));
  return html("label", { class: "picker" }, html("span", {}, label), select);
}

function fillLegend(legend, when, chart, lines, index) {
  const place = index ?? chart.windows.length - 1;
  const [start, end] = chart.windows[place];
  setText(when, `${index === null ? "Latest window" : "Window"} ${clock(start)} – ${clock(end)}`);
  legend.replaceChildren(...lines.map((line, order) => html("li", {},
    html("span", { class: `swatch back-${colour(line, order)}`, "aria-hidden": "true" }),
    html("span", { class: "legend-name" }, line.label), html("span", { class: "legend-value" }, quantity(line.points[place])))));
}
