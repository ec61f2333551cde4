// A chart of one query's windows: stacked bars for what adds up, lines for the rest.

import { html, svg } from "./dom.js";
import { clock, minute, quantity } from "./format.js";

const HEIGHT = 250;
const LEFT = 52;
const RIGHT = 12;
const TOP = 12;
const BOTTOM = 26;

/** The drawing of `lines` over `windows`; `pick(index)` is called with the window that is pointed at, or null. */
export function drawChart({ windows, lines, stacked, width, name }, pick) {
  const inner = { width: width - LEFT - RIGHT, height: HEIGHT - TOP - BOTTOM };
  const { low, high, ticks } = scale(lines, windows.length, stacked);
  const y = (value) => TOP + inner.height * (1 - (value - low) / (high - low));
  const band = inner.width / windows.length;
  const x = (index) => LEFT + band * (index + 0.5);
  const chart = svg("svg", { class: "chart", viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, tabindex: "0", role: "img", "aria-label": `${name}: use the arrow keys to read single windows` });
  for (const tick of ticks) {
    chart.append(svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(tick), y2: y(tick) }),
      svg("text", { class: "axis", x: LEFT - 8, y: y(tick) + 4, "text-anchor": "end" }, quantity(tick)));
  }
  chart.append(...timeLabels(windows, x, width));
  const cursor = svg("rect", { class: "cursor", y: TOP, width: band, height: inner.height, visibility: "hidden" });
  chart.append(cursor, ...(stacked ? bars(lines, windows.length, x, y, band) : curves(lines, x, y)));
  listen(chart, cursor, windows.length, width, band, pick);
  return chart;
}

function scale(lines, columns, stacked) {
  const values = stacked
    ? Array.from({ length: columns }, (_, index) => lines.reduce((sum, line) => sum + Math.max(0, line.points[index] ?? 0), 0))
    : lines.flatMap((line) => line.points.filter((point) => point !== null));
  const top = Math.max(0, ...values);
  let bottom = Math.min(...values, top);
  if (stacked || bottom > 0 && bottom < top * 0.6) bottom = 0;
  return nice(bottom === top ? Math.min(0, bottom) : bottom, top || 1);
}

/** About four round numbers that enclose both ends. */
function nice(bottom, top) {
  const rough = (top - bottom) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough);
  const low = Math.floor(bottom / step) * step;
  const ticks = [];
  for (let index = 0; index < 9 && (index === 0 || low + (index - 1) * step < top); index += 1) ticks.push(Number((low + index * step).toPrecision(12)));
  return { low, high: ticks[ticks.length - 1], ticks };
}

function timeLabels(windows, x, width) {
  const most = Math.max(2, Math.floor(width / 90));
  const every = Math.ceil(windows.length / most);
  const short = windows.length > 1 && windows[1][1] - windows[0][1] >= 60000;
  return windows.map(([, end], index) => (windows.length - 1 - index) % every ? "" : svg("text", { class: "axis", x: Math.min(x(index), width - 27), y: HEIGHT - 8, "text-anchor": "middle" }, short ? minute(end) : clock(end)))
    .filter(Boolean);
}

function bars(lines, columns, x, y, band) {
  const width = Math.max(2, Math.min(46, band * 0.72));
  const heights = new Array(columns).fill(0);
  return lines.flatMap((line, place) => line.points.map((point, index) => {
    if (!point || point < 0) return "";
    const from = heights[index];
    heights[index] += point;
    const top = y(heights[index]);
    return svg("rect", { class: `fill fill-${colour(line, place)}`, x: x(index) - width / 2, y: top, width, height: Math.max(0.5, y(from) - top - 1), rx: 1.5 });
  }).filter(Boolean));
}

function curves(lines, x, y) {
  return lines.flatMap((line, place) => {
    let path = "";
    let pen = "M";
    const dots = [];
    line.points.forEach((point, index) => {
      if (point === null) {
        pen = "M";
        return;
      }
      path += `${pen}${x(index).toFixed(1)} ${y(point).toFixed(1)}`;
      pen = "L";
      if (index === line.points.length - 1 || line.points[index + 1] === null) dots.push(svg("circle", { class: `fill fill-${colour(line, place)}`, cx: x(index), cy: y(point), r: 3.2 }));
    });
    return [svg("path", { class: `stroke stroke-${colour(line, place)}`, d: path }), ...dots];
  });
}

export function colour(line, place) {
  return line.label === "others" ? "rest" : place % 8;
}

function listen(chart, cursor, columns, width, band, pick) {
  let current = null;
  const show = (index) => {
    current = index;
    cursor.setAttribute("visibility", index === null ? "hidden" : "visible");
    if (index !== null) cursor.setAttribute("x", LEFT + band * index);
    pick(index);
  };
  chart.addEventListener("pointermove", (event) => {
    const place = chart.getBoundingClientRect();
    const index = Math.floor((((event.clientX - place.left) / place.width) * width - LEFT) / band);
    show(index >= 0 && index < columns ? index : null);
  });
  chart.addEventListener("pointerleave", () => show(null));
  chart.addEventListener("blur", () => show(null));
  chart.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    show(Math.min(columns - 1, Math.max(0, (current ?? columns - (step > 0 ? 1 : 0)) + step)));
  });
}

/** Lines, windows and numbers as a table, for those who do not see the drawing. */
export function chartTable({ windows, lines, name }) {
  return html("table", {}, html("caption", { class: "visually-hidden" }, name),
    html("thead", {}, html("tr", {}, html("th", { scope: "col" }, "Window ends"), ...lines.map((line) => html("th", { scope: "col" }, line.label)))),
    html("tbody", {}, ...windows.map(([, end], index) => html("tr", {}, html("th", { scope: "row" }, clock(end)), ...lines.map((line) => html("td", {}, quantity(line.points[index])))))));
}
