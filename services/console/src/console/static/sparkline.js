// A small line of the last minutes. Gaps stay gaps.

import { setAttribute, svg } from "./dom.js";

const WIDTH = 160;
const HEIGHT = 36;

export function makeSparkline() {
  const area = svg("path", { class: "spark-area" });
  const line = svg("path", { class: "spark-line" });
  return svg("svg", { class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" }, area, line);
}

const LEAST_SHARE = 0.2;

/** The newest point is at the right edge. The width shows as far back as there are points, at least a fifth of `capacity`. */
export function drawSparkline(drawing, points, capacity) {
  const [area, line] = drawing.children;
  const top = Math.max(1e-9, ...points.filter((point) => point !== null));
  const step = WIDTH / Math.max(1, points.length - 1, Math.round(capacity * LEAST_SHARE));
  const x = (index) => (WIDTH - (points.length - 1 - index) * step).toFixed(1);
  const y = (value) => (HEIGHT - 2 - (value / top) * (HEIGHT - 6)).toFixed(1);
  let lines = "";
  let areas = "";
  for (const [first, last] of runs(points)) {
    const path = points.slice(first, last + 1).map((value, place) => `${x(first + place)} ${y(value)}`);
    lines += `M${path.join("L")}`;
    areas += `M${x(first)} ${HEIGHT}L${path.join("L")}L${x(last)} ${HEIGHT}Z`;
  }
  setAttribute(line, "d", lines);
  setAttribute(area, "d", areas);
}

function* runs(points) {
  let first = -1;
  for (let index = 0; index <= points.length; index += 1) {
    const present = index < points.length && points[index] !== null;
    if (present && first < 0) first = index;
    if (!present && first >= 0) {
      yield [first, index - 1];
      first = -1;
    }
  }
}
