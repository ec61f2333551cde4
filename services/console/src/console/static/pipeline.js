// The pipeline as a drawing: boxes, arrows with rate and lag, and dots that run as events do.

import { byId, setAttribute, setText, svg } from "./dom.js";
import { lagGrade, rate, seconds } from "./format.js";
import { layoutFor, route } from "./layout.js";

const BOX_HEIGHT = 50;
const FRAME_MS = 1000 / 30;
const MOST_DOTS = 14;
const still = window.matchMedia("(prefers-reduced-motion: reduce)");

let drawing = null;
let layout = null;
let boxes = new Map();
let arrows = new Map();
let latest = null;
let lastFrame = 0;

export function startPipeline() {
  const frame = byId("pipeline-drawing");
  new ResizeObserver(() => {
    const fitting = layoutFor(frame.clientWidth);
    if (fitting !== layout && latest) redraw();
  }).observe(frame);
  still.addEventListener("change", () => latest && redraw());
  requestAnimationFrame(animate);
}

export function showPipeline(graph, shardCounts) {
  latest = { graph, shardCounts };
  const known = graph.hops.every((hop) => arrows.has(hop.id));
  if (!drawing || !known) redraw();
  else update();
}

function redraw() {
  const frame = byId("pipeline-drawing");
  layout = layoutFor(frame.clientWidth);
  boxes = new Map();
  arrows = new Map();
  const lines = svg("g");
  const dots = svg("g", { class: "dots" });
  const nodes = svg("g");
  const labels = svg("g");
  drawing = svg("svg", { viewBox: `0 0 ${layout.width} ${layout.height}`, role: "img", "aria-labelledby": "drawing-title drawing-text" },
    svg("title", { id: "drawing-title" }, "The pipeline"), svg("desc", { id: "drawing-text" }), marker(), lines, dots, nodes, labels);
  frame.replaceChildren(drawing);
  for (const hop of latest.graph.hops) {
    if (layout.boxes[hop.source] && layout.boxes[hop.target]) arrows.set(hop.id, makeArrow(hop, lines, labels, dots));
  }
  const drawn = new Set(latest.graph.hops.flatMap((hop) => [hop.source, hop.target]));
  for (const node of latest.graph.nodes) {
    if (layout.boxes[node.id] && drawn.has(node.id)) boxes.set(node.id, makeBox(node, nodes));
  }
  update();
}

function marker() {
  return svg("defs", {}, svg("marker", { id: "tip", viewBox: "0 0 8 8", refX: 5, refY: 4, markerWidth: 8, markerHeight: 8, markerUnits: "userSpaceOnUse", orient: "auto" },
    svg("path", { d: "M0 0L8 4L0 8Z", class: "tip" })));
}

function makeBox(node, group) {
  const [x, y, width] = layout.boxes[node.id];
  const round = { service: 10, source: 10, stream: BOX_HEIGHT / 2, delivery: BOX_HEIGHT / 2, store: 6 }[node.kind];
  const detail = svg("text", { x, y: y + 16, class: "box-detail" });
  const tip = svg("title");
  const box = svg("g", { class: `box box-${node.kind}` }, tip,
    svg("rect", { x: x - width / 2, y: y - BOX_HEIGHT / 2, width, height: BOX_HEIGHT, rx: round }),
    node.kind === "store" ? svg("path", { class: "box-rim", d: `M${x - width / 2} ${y - BOX_HEIGHT / 2 + 7}h${width}` }) : null,
    svg("text", { x, y: y - 1, class: "box-title" }, node.title), detail,
    svg("circle", { cx: x + width / 2 - 3, cy: y - BOX_HEIGHT / 2 + 3, r: 5, class: "box-light" }));
  group.append(box);
  return { box, detail, tip };
}

function makeArrow(hop, lines, labels, dots) {
  const { path, level, fixed } = route(layout, hop, BOX_HEIGHT);
  const line = svg("path", { d: path, class: "arrow-line", "marker-end": "url(#tip)" });
  lines.append(line);
  const length = line.getTotalLength();
  const at = line.getPointAtLength(length * (fixed ? (level ? 0.5 : 0.22) : 0.5));
  const anchor = level ? "middle" : "start";
  const x = level ? at.x : at.x + 9;
  const rateLabel = svg("text", { x, y: level ? at.y - 10 : at.y - 1, class: "arrow-rate", "text-anchor": anchor });
  const lagLabel = svg("text", { x, y: level ? at.y + 20 : at.y + 14, class: "arrow-lag", "text-anchor": anchor });
  labels.append(rateLabel, lagLabel);
  return { line, length, rateLabel, lagLabel, dots: svgDots(dots), path, places: [], speed: 0 };
}

function svgDots(group) {
  const own = svg("g");
  group.append(own);
  return own;
}

function update() {
  const { graph, shardCounts } = latest;
  for (const node of graph.nodes) updateBox(boxes.get(node.id), node, shardCounts.get(node.id));
  for (const hop of graph.hops) updateArrow(arrows.get(hop.id), hop);
  setText(drawing.querySelector("#drawing-text"), graph.hops
    .filter((hop) => hop.rate !== null)
    .map((hop) => `${hop.source} to ${hop.target}: ${rate(hop.rate)} events a second${hop.lag === null ? "" : `, lag ${seconds(hop.lag)}`}`)
    .join("; "));
}

function updateBox(parts, node, shards) {
  if (!parts) return;
  setAttribute(parts.box, "data-state", node.state);
  setText(parts.tip, node.detail ? `${node.title}: ${node.detail}` : node.title);
  setText(parts.detail, boxDetail(node, shards));
}

function boxDetail(node, shards) {
  if (node.state === "down") return "unreachable";
  if (node.kind === "service" && node.processes) return node.processes === 1 ? "1 task" : `${node.reachable} of ${node.processes} tasks`;
  if (node.kind === "stream" && shards) return shards === 1 ? "1 shard" : `${shards} shards`;
  if (node.id === "sources") return "HTTP";
  if (node.id === "opensearch") return node.state === "up" ? "search" : "not asked yet";
  if (node.id === "s3") return "archive";
  return node.kind === "delivery" ? "batches" : node.kind;
}

function updateArrow(parts, hop) {
  if (!parts) return;
  const flowing = Boolean(hop.rate);
  const grade = lagGrade(hop.lag);
  setAttribute(parts.line, "data-flowing", flowing);
  setAttribute(parts.line, "data-grade", grade);
  setAttribute(parts.dots, "data-grade", grade);
  setText(parts.rateLabel, hop.rate === null ? "" : `${rate(hop.rate)}/s`);
  setText(parts.lagLabel, hop.lag === null ? "" : `lag ${seconds(hop.lag)}`);
  setAttribute(parts.lagLabel, "data-grade", grade);
  const strength = flowing ? Math.log10(1 + hop.rate) : 0;
  setAttribute(parts.line, "stroke-width", (1.5 + Math.min(4, strength) * 0.7).toFixed(1));
  parts.speed = flowing ? 28 + strength * 26 : 0;
  fit(parts, flowing && !still.matches ? Math.min(MOST_DOTS, Math.ceil(strength * 1.6 * Math.max(1, parts.length / 140))) : 0);
}

/** As many dots as the rate asks for, spread evenly where there were none. */
function fit(parts, wanted) {
  const former = parts.places.length;
  if (former === wanted) return;
  while (parts.places.length > wanted) {
    parts.places.pop();
    parts.dots.lastElementChild.remove();
  }
  while (parts.places.length < wanted) {
    parts.places.push(0);
    parts.dots.append(svg("circle", { r: 3 }));
  }
  const first = parts.places[0] ?? 0;
  parts.places = parts.places.map((_, index) => (first + (index * parts.length) / wanted) % parts.length);
}

function animate(now) {
  requestAnimationFrame(animate);
  const passed = now - lastFrame;
  if (passed < FRAME_MS) return;
  lastFrame = now;
  for (const parts of arrows.values()) {
    const step = (Math.min(passed, 200) / 1000) * parts.speed;
    parts.places.forEach((place, index) => {
      const next = (place + step) % parts.length;
      parts.places[index] = next;
      const point = parts.line.getPointAtLength(next);
      const dot = parts.dots.children[index];
      dot.setAttribute("cx", point.x.toFixed(1));
      dot.setAttribute("cy", point.y.toFixed(1));
    });
  }
}
