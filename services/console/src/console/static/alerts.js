// The newest alerts.

import { byId, emptyNote, html, keyed, setText } from "./dom.js";
import { ago } from "./format.js";

const GRADES = { critical: "poor", high: "poor", error: "poor", warning: "fair", medium: "fair", low: "info", info: "info" };

export function showAlerts({ known, views }) {
  const list = byId("alerts");
  setText(byId("alerts-note"), views.alerts.length ? `newest ${views.alerts.length}` : "");
  if (!views.alerts.length) {
    list.replaceChildren(emptyNote(views.error ? `OpenSearch: unreachable, retrying — ${views.error}` : known ? "No rule has raised an alert." : "Asking OpenSearch…"));
    return;
  }
  keyed(list, views.alerts, (alert) => `${alert.id} ${alert.status}`, make, (item, alert) => setText(item.querySelector(".when"), ago(alert.time)));
}

function make(alert) {
  return html("li", { class: "alert", "data-grade": alert.status === "resolved" ? "info" : GRADES[alert.severity] ?? "info" },
    html("p", { class: "alert-head" }, html("span", { class: "pill" }, alert.severity), html("strong", {}, alert.rule.replaceAll("_", " ")), ...(alert.status ? [html("span", { class: "fact-name" }, alert.status)] : []), html("span", { class: "when" })),
    html("p", { class: "facts" }, ...alert.facts.map(([name, value]) => html("span", { class: "fact" }, html("span", { class: "fact-name" }, name), " ", value))));
}
