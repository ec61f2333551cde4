// Joins the live stream to the panels.

import { showAlerts } from "./alerts.js";
import { showCodes, showDeadLetters } from "./dead_letters.js";
import { clock } from "./format.js";
import { showConnection, showTotals } from "./header.js";
import { showHops, takeHistory, takePoint } from "./hops.js";
import { showPipeline, startPipeline } from "./pipeline.js";
import { firstSearch, startSearch } from "./search.js";
import { showShards } from "./shards.js";
import { showWindows, startWindows } from "./windows.js";

let shardCounts = new Map();
let retry = null;
let source = null;

function takePulse(pulse) {
  const titles = new Map(pulse.graph.nodes.map((node) => [node.id, node.id === "windows" ? "windows" : node.title]));
  showConnection(true, clock(pulse.at));
  showTotals(pulse.graph.totals);
  showPipeline(pulse.graph, shardCounts);
  showHops(pulse.graph.hops, titles);
  showCodes(pulse.dead_letter_codes);
}

function takeShards(shards) {
  shardCounts = new Map(Object.entries(shards.open_by_node));
  showShards(shards);
}

function takeViews(views) {
  showWindows(views);
  showAlerts(views);
  showDeadLetters(views);
  firstSearch(views);
}

function listen(event, take) {
  source.addEventListener(event, (message) => take(JSON.parse(message.data)));
}

/** The browser reconnects by itself unless the answer was an error; then we do. */
function connect() {
  source = new EventSource("/api/stream");
  source.addEventListener("error", () => {
    showConnection(false);
    if (source.readyState !== EventSource.CLOSED) return;
    clearTimeout(retry);
    retry = setTimeout(connect, 3000);
  });
  listen("snapshot", (all) => {
    takeHistory(all.history, Math.round(all.history_seconds / all.poll_seconds));
    takeShards(all.shards);
    takePulse(all.pulse);
    takeViews(all.views);
  });
  listen("pulse", (pulse) => {
    takePoint(pulse.graph.hops);
    takePulse(pulse);
  });
  listen("shards", takeShards);
  listen("views", takeViews);
}

startPipeline();
startWindows();
startSearch();
connect();
window.addEventListener("pagehide", () => source.close());
window.addEventListener("pageshow", (event) => event.persisted && connect());
