// The header: the pipeline's state and totals, and what is wrong.

import { byId, html, keyed, setAttribute, setText } from "./dom.js";
import { NOTHING, count, lagGrade, rate, seconds } from "./format.js";

const STATES = {
  flowing: "Flowing", idle: "Idle: no events are arriving", lagging: "Lagging",
  degraded: "Degraded", starting: "Starting", lost: "Connection lost",
};
const SPOKEN_EVERY_MS = 20000;

let lastSpoken = 0;
let lastState = "";
let connectionLost = false;
let problems = [];

function showState(state) {
  setAttribute(byId("state"), "data-state", state);
  setText(byId("state-text"), STATES[state] ?? state);
}

function showProblems() {
  const lines = connectionLost ? ["Console: connection lost, retrying; the numbers below are old", ...problems] : problems;
  keyed(byId("problems"), lines, (line) => line, (line) => html("li", {}, line));
}

/** Every twenty seconds, and whenever the state changes: a screen reader must not be talked to every two. */
function speak(totals) {
  const now = Date.now();
  if (totals.state === lastState && now - lastSpoken < SPOKEN_EVERY_MS) return;
  lastSpoken = now;
  lastState = totals.state;
  setText(byId("summary"), `${STATES[totals.state]}. ${rate(totals.accepted_rate)} events a second accepted, lag ${seconds(totals.lag)}.`);
}

export function showTotals(totals) {
  showState(totals.state);
  setText(byId("total-accepted"), rate(totals.accepted_rate));
  setText(byId("total-indexed"), rate(totals.indexed_rate));
  setText(byId("total-p50"), seconds(totals.indexed.p50));
  setText(byId("total-p99"), seconds(totals.indexed.p99));
  setText(byId("total-lag"), seconds(totals.lag));
  setAttribute(byId("total-lag"), "data-grade", lagGrade(totals.lag));
  setText(byId("total-dead"), count(totals.dead_letters));
  setText(byId("total-late"), totals.late ? `${count(totals.late)} late` : "since start");
  document.title = totals.accepted_rate === null ? "Streaming ETL" : `${rate(totals.accepted_rate)}/s · Streaming ETL`;
  problems = totals.problems;
  speak(totals);
  showProblems();
}

export function showConnection(connected, at) {
  connectionLost = !connected;
  if (connectionLost) {
    showState("lost");
    document.title = "Streaming ETL";
  }
  showProblems();
  setText(byId("connection"), connected ? `Live · ${at ?? NOTHING}` : "Connection lost, retrying…");
}
