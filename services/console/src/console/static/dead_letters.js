// Dead letters: cause first, the original on demand.

import { byId, emptyNote, html, keyed, setText } from "./dom.js";
import { ago, count, moment } from "./format.js";
import { get } from "./search.js";

export function showCodes(codes) {
  const sorted = Object.entries(codes).filter(([, number]) => number > 0).sort((one, other) => other[1] - one[1]).slice(0, 8);
  keyed(byId("dead-codes"), sorted, ([code]) => code,
    ([code]) => html("li", {}, html("span", { class: "chip-name" }, code), " ", html("b", {})),
    (item, [, number]) => setText(item.querySelector("b"), count(number)));
}

export function showDeadLetters({ known, views }) {
  const list = byId("dead");
  const kept = views.dead_letter_count;
  setText(byId("dead-note"), kept ? `${count(kept)} kept${views.late_count ? ` · ${count(views.late_count)} late events` : ""}` : "");
  if (!views.dead_letters.length) {
    list.replaceChildren(emptyNote(views.error ? `OpenSearch: unreachable, retrying — ${views.error}` : known ? "None. Every record could be used." : "Asking OpenSearch…"));
    return;
  }
  keyed(list, views.dead_letters, (letter) => letter.id, make, (item, letter) => setText(item.querySelector(".when"), ago(letter.last_seen || letter.first_seen)));
}

function make(letter) {
  const body = html("div", { class: "dead-body" });
  const details = html("details", {},
    html("summary", {},
      html("span", { class: "dead-head" }, html("span", { class: "pill" }, letter.code), html("span", { class: "stage" }, letter.stage), html("span", { class: "when" })),
      html("span", { class: "message" }, letter.message || "no message")),
    body);
  details.addEventListener("toggle", () => details.open && fill(body, letter));
  return html("li", { class: "dead-letter" }, details);
}

async function fill(body, letter) {
  if (body.dataset.state === "shown" || body.dataset.state === "asking") return;
  body.dataset.state = "asking";
  body.replaceChildren(facts(letter), html("p", { class: "empty" }, "Fetching the original…"));
  const { answer, error } = await get(`/api/dead-letters?${new URLSearchParams({ id: letter.id })}`);
  body.dataset.state = error ? "failed" : "shown";
  body.replaceChildren(facts(letter), ...(error ? [html("p", { class: "empty" }, error)] : original(answer.original)));
}

function original({ text, encoding, size, truncated }) {
  if (encoding === "elsewhere" || encoding === "none") return [html("p", { class: "original-head" }, text)];
  const how = encoding === "hex" ? "not UTF-8, shown as hex" : encoding;
  return [html("p", { class: "original-head" }, `Original, ${count(size)} bytes, ${how}${truncated ? ", cut" : ""}`), html("pre", { tabindex: "0", class: "original" }, text || "(empty)")];
}

function facts(letter) {
  const rows = [["field", letter.field], ["event", letter.event], ["stream", letter.stream], ["shard", letter.shard], ["sequence number", letter.sequence_number],
    ["first seen", moment(letter.first_seen)], ["last seen", moment(letter.last_seen)]];
  return html("dl", { class: "dead-facts" }, ...rows.filter(([, value]) => value).map(([name, value]) => html("div", {}, html("dt", {}, name), html("dd", {}, value))));
}
