// The search box. What is found is hostile text until shown as text.

import { byId, emptyNote, html, setText } from "./dom.js";
import { count, moment } from "./format.js";

let latest = 0;
let askedOnce = false;

export function startSearch() {
  byId("search").addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
}

/** Shows the newest events as soon as OpenSearch answers for the first time. */
export function firstSearch({ known, views }) {
  if (askedOnce || !known) return;
  if (views.error) {
    byId("results").replaceChildren(emptyNote(`OpenSearch: unreachable, retrying — ${views.error}`));
    return;
  }
  ask();
}

async function ask() {
  askedOnce = true;
  latest += 1;
  const turn = latest;
  const words = byId("search-text").value.trim();
  const parameters = new URLSearchParams({ q: words, minutes: byId("search-minutes").value });
  setText(byId("search-note"), "searching…");
  const { answer, error } = await get(`/api/search?${parameters}`);
  if (turn !== latest) return;
  if (error) {
    setText(byId("search-note"), "");
    byId("results").replaceChildren(emptyNote(error));
    return;
  }
  show(answer, words);
}

/** JSON from the console; never throws. */
export async function get(address) {
  try {
    const response = await fetch(address, { headers: { Accept: "application/json" } });
    const answer = await response.json();
    return response.ok ? { answer } : { error: answer.error ?? `The console answered ${response.status}.` };
  } catch {
    return { error: "Console: unreachable. Try again." };
  }
}

function show(results, words) {
  const total = `${results.at_least ? "more than " : ""}${count(results.total)} ${results.total === 1 ? "event" : "events"}`;
  const note = words ? `${total} in ${results.took_ms} ms` : `newest of ${total}`;
  setText(byId("search-note"), results.partial ? `${note}, stopped at the time limit` : note);
  const list = byId("results");
  list.scrollTop = 0;
  if (!results.found.length) list.replaceChildren(emptyNote(words ? "Nothing matches in this time." : "No event in this time."));
  else list.replaceChildren(...results.found.map(result));
}

function result(found) {
  return html("li", { class: "result" }, html("details", {},
    html("summary", {},
      html("span", { class: "result-head" },
        html("span", { class: "type" }, found.type || "event"),
        html("time", { class: "when", datetime: found.time ? new Date(found.time).toISOString() : null }, moment(found.time)),
        html("span", { class: "from" }, found.source),
        found.place ? html("span", { class: "place" }, found.place) : null),
      ...(found.snippets.length ? found.snippets.map(snippet) : [html("span", { class: "snippet plain" }, found.preview || found.key)])),
    html("pre", { tabindex: "0" }, found.document)));
}

function snippet(piece) {
  return html("span", { class: "snippet" }, html("span", { class: "snippet-field" }, piece.field), " ",
    ...piece.parts.map((part, index) => (index % 2 ? html("mark", {}, part) : part)));
}
