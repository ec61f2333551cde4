// A card for each hop: rate now and over the last minutes, lag, latencies.

import { byId, html, keyed, setAttribute, setText } from "./dom.js";
import { lagGrade, rate, seconds } from "./format.js";
import { drawSparkline, makeSparkline } from "./sparkline.js";

const history = new Map();
let capacity = 150;

export function takeHistory(given, points) {
  capacity = points;
  history.clear();
  for (const [hop, figures] of Object.entries(given)) history.set(hop, figures.rate.slice(-capacity));
}

export function takePoint(hops) {
  for (const hop of hops) {
    const points = history.get(hop.id) ?? [];
    points.push(hop.rate);
    if (points.length > capacity) points.shift();
    history.set(hop.id, points);
  }
}

export function showHops(hops, titles) {
  keyed(byId("hops"), hops, (hop) => hop.id, (hop) => makeCard(hop, titles), updateCard);
}

function makeCard(hop, titles) {
  return html("li", { class: "hop" },
    html("p", { class: "hop-name", title: `${hop.source} → ${hop.target}` }, titles.get(hop.source) ?? hop.source, html("span", { class: "arrow", "aria-label": " to " }, " → "), titles.get(hop.target) ?? hop.target),
    html("p", { class: "hop-rate" }, html("span", { class: "hop-number" }), html("small", {}, " /s")),
    makeSparkline(),
    html("p", { class: "hop-facts" }, html("span", { class: "hop-lag" }), html("span", { class: "hop-latency" }), html("span", { class: "hop-retries" })),
  );
}

function updateCard(card, hop) {
  setText(card.querySelector(".hop-number"), rate(hop.rate));
  const lag = card.querySelector(".hop-lag");
  setText(lag, hop.lag === null ? "" : `lag ${seconds(hop.lag)}`);
  setAttribute(lag, "data-grade", lagGrade(hop.lag));
  const measured = hop.latency.p50 !== null;
  setText(card.querySelector(".hop-latency"), measured ? `p50 ${seconds(hop.latency.p50)} · p99 ${seconds(hop.latency.p99)}` : hop.note ? "in batches" : "");
  setText(card.querySelector(".hop-retries"), hop.retries ? `${rate(hop.retries)} retries/s` : "");
  if (hop.note) setAttribute(card, "title", hop.note);
  setAttribute(card, "data-idle", !hop.rate);
  drawSparkline(card.querySelector(".spark"), history.get(hop.id) ?? [], capacity);
}
