/** View: the number of recognised photos, by day and by class. */

import { call } from "./api.js";
import { attempt, element, emptyState, field, fill, headingRow } from "./elements.js";
import { day, number } from "./format.js";
import { searchAddress } from "./tiles.js";

const DAYS = 30;

export function open() {
  const dateInput = (daysAgo) => {
    const value = new Date(Date.now() - daysAgo * 86_400_000).toISOString().slice(0, 10);
    return element("input", { type: "date", value, onchange: load });
  };
  const [from, to] = [dateInput(DAYS - 1), dateInput(0)];
  const content = element("div");
  const root = element("section", headingRow("Statistics"), element("div.fields", field("From", from), field("To", to)), content);

  let request = null;

  function load() {
    request?.abort();
    request = new AbortController();
    const { signal } = request;
    const within = { from: from.value, to: to.value };
    attempt(content, async () => {
      const answer = await call("GET", "counts", { query: within, signal }).catch((error) => {
        if (signal.aborted) return null; // Other days have been requested since.
        throw error;
      });
      if (answer && !signal.aborted) show(answer.counts, within);
    });
  }

  function show(counts, within) {
    const text = "No photo was recognised on these days. Widen the dates, or add photos.";
    if (counts.length === 0) return fill(content, emptyState("Nothing to count", text));
    const days = sums(counts, "day").sort(([a], [b]) => (a < b ? 1 : -1));
    const classes = sums(counts, "class").sort(([, a], [, b]) => b - a);
    const byDay = bars("Photos recognised, by day; deleted ones included", "Day", days, day, (value) => ({ from: value, to: value }));
    const byClass = bars("Photos recognised, by class; deleted ones included", "Class", classes, String, (value) => ({ class: value, ...within }));
    fill(content, element("div.columns.even", byDay, byClass));
  }

  load();
  return { root, title: "Statistics", close: () => request.abort() };
}

function sums(counts, by) {
  const sum = new Map();
  for (const entry of counts) sum.set(entry[by], (sum.get(entry[by]) || 0) + entry.count);
  return [...sum];
}

/** A table whose rows have a bar; screen readers read the figures only. */
function bars(caption, head, entries, textOf, filtersOf) {
  const most = Math.max(...entries.map(([, count]) => count));
  const row = ([value, count]) => {
    const bar = element("span.bar");
    bar.style.setProperty("--share", `${(count / most) * 100}%`);
    return element(
      "tr",
      element("th", { scope: "row" }, element("a", { href: searchAddress(filtersOf(value)) }, textOf(value))),
      element("td.wide", { "aria-hidden": "true" }, bar),
      element("td.figure", number(count)),
    );
  };
  const title = (text) => element("th", { scope: "col" }, text);
  const heads = element("tr", title(head), element("td", { "aria-hidden": "true" }), title("Photos"));
  return element("table", element("caption", caption), element("thead.visually-hidden", heads), element("tbody", entries.map(row)));
}
