// Numbers, durations and times as people read them on a wall.

const WHOLE = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const SHORT = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 });
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const MINUTE = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });

export const NOTHING = "–";

/** Events a second. */
export function rate(value) {
  if (value === null || value === undefined) return NOTHING;
  if (value === 0) return "0";
  if (value < 10) return value.toFixed(1);
  return value < 10000 ? WHOLE.format(value) : SHORT.format(value);
}

export function count(value) {
  if (value === null || value === undefined) return NOTHING;
  return value < 100000 ? WHOLE.format(value) : SHORT.format(value);
}

/** A value of a window: whole numbers whole, small ones with what matters. */
export function quantity(value) {
  if (value === null || value === undefined) return NOTHING;
  if (Number.isInteger(value) && Math.abs(value) < 100000) return WHOLE.format(value);
  return SHORT.format(value);
}

/** Seconds, from microseconds to hours. */
export function seconds(value) {
  if (value === null || value === undefined) return NOTHING;
  if (value === 0) return "0 s";
  if (value < 0.001) return "<1 ms";
  if (value < 0.9995) return `${Math.round(value * 1000)} ms`;
  if (value < 10) return `${value.toFixed(1)} s`;
  if (value < 120) return `${Math.round(value)} s`;
  if (value < 7200) return `${Math.round(value / 60)} min`;
  return `${(value / 3600).toFixed(1)} h`;
}

/** good, fair or poor; none where lag is not known. */
export function lagGrade(value) {
  if (value === null || value === undefined) return "none";
  if (value < 2) return "good";
  return value < 10 ? "fair" : "poor";
}

export function clock(ms) {
  return ms ? CLOCK.format(ms) : NOTHING;
}

export function minute(ms) {
  return MINUTE.format(ms);
}

/** The time of day, with the day where it was not today. */
export function moment(ms, now = Date.now()) {
  if (!ms) return NOTHING;
  return Math.abs(now - ms) < 20 * 3600 * 1000 ? CLOCK.format(ms) : DAY.format(ms);
}

export function ago(ms, now = Date.now()) {
  if (!ms) return NOTHING;
  const passed = Math.max(0, (now - ms) / 1000);
  if (passed < 5) return "now";
  if (passed < 60) return `${Math.round(passed)} s ago`;
  if (passed < 3600) return `${Math.round(passed / 60)} min ago`;
  return passed < 86400 ? `${Math.round(passed / 3600)} h ago` : `${Math.round(passed / 86400)} d ago`;
}
