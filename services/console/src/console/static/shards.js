// A table for each stream: its shards, who reads them, how far.

import { byId, html, setText } from "./dom.js";
import { lagGrade, seconds } from "./format.js";

let drawnFrom = "";

export function showShards({ known, streams }) {
  const now = JSON.stringify(streams);
  if (now === drawnFrom) return;
  drawnFrom = now;
  const listed = streams.filter((stream) => stream.shards.length || stream.problems.length);
  const open = streams.flatMap((stream) => stream.shards).filter((shard) => shard.state === "open").length;
  setText(byId("shards-note"), open ? `${open} open` : "");
  const place = byId("shards");
  if (!listed.length) place.replaceChildren(html("p", { class: "empty" }, known ? "No shard is known." : "Asking Kinesis and DynamoDB…"));
  else place.replaceChildren(...groupProblems(listed), ...listed.filter((stream) => stream.shards.length).map(table));
}

/** The same problem on every stream is said once. */
function groupProblems(streams) {
  const lines = new Set(streams.flatMap((stream) => stream.problems));
  return lines.size ? [html("ul", { class: "shard-problems" }, ...Array.from(lines, (line) => html("li", {}, line)))] : [];
}

function table(stream) {
  const head = ["Shard", "State", "Share of keys", "Reader", "Owner", "Lag", "Checkpoint"];
  return html("div", { class: "table-scroll", tabindex: "0", role: "region", "aria-label": `Shards of ${stream.stream}` },
    html("table", { class: "shard-table" }, html("caption", {}, stream.stream),
      html("thead", {}, html("tr", {}, ...head.map((title) => html("th", { scope: "col" }, title)))),
      html("tbody", {}, ...stream.shards.flatMap(rows))));
}

function rows(shard) {
  const readers = shard.readers.length ? shard.readers : [null];
  return readers.map((reader, index) => html("tr", { "data-state": shard.state }, ...(index ? [] : shardCells(shard, readers.length)), ...readerCells(reader)));
}

function shardCells(shard, span) {
  const name = html("th", { scope: "row", rowspan: span, class: "mono", title: shard.parents.length ? `continues ${shard.parents.join(" and ")}` : null }, shortShard(shard.id));
  const share = shard.share === null ? "–" : `${(shard.share * 100).toFixed(shard.share < 0.0995 ? 1 : 0)} %`;
  return [name, html("td", { rowspan: span }, html("span", { class: "shard-state" }, shard.state)),
    html("td", { rowspan: span, class: "number" }, shard.share === null ? "" : html("meter", { min: 0, max: 1, value: shard.share, "aria-hidden": "true" }), share)];
}

function readerCells(reader) {
  if (!reader) return [html("td", { colspan: 4, class: "muted" }, "nobody reads it")];
  const owner = reader.owner || "nobody";
  return [html("td", {}, reader.group),
    html("td", { class: reader.owner ? "mono" : "muted" }, reader.handing_to ? `${owner} → ${reader.handing_to}` : owner),
    html("td", { class: "number" }, html("span", { class: "lag", "data-grade": reader.ended ? "none" : lagGrade(reader.lag) }, reader.ended ? "read to its end" : seconds(reader.lag))),
    html("td", { class: "mono", title: reader.checkpoint }, shortNumber(reader.checkpoint, reader.sub_sequence_number))];
}

/** shardId-000000000007 as Kinesis numbers it. */
function shortShard(id) {
  const match = /^shardId-0*(\d+)$/.exec(id);
  return match ? `shard ${match[1]}` : id;
}

function shortNumber(checkpoint, sub) {
  const number = /^\d{20,}$/.test(checkpoint) ? `…${checkpoint.slice(-12)}` : checkpoint;
  return sub ? `${number} · ${sub}` : number;
}
