/** View: how many photos a day, and of what. */

import { call } from "./api.js";
import { element, emptyState, failureState, field, fill } from "./elements.js";
import { day, number } from "./format.js";

const DAYS = 30;

/** @returns {{root: HTMLElement, title: string}} */
export function open() {
  const today = new Date();
  const from = dateInput(new Date(today - (DAYS - 1) * 86_400_000));
  const to = dateInput(today);
  const content = element("div", {});
  const root = element(
    "section",
    {},
    element("div", { class: "heading" }, element("h1", { tabindex: -1 }, "Statistics")),
    element("div", { class: "fields" }, field("From", from), field("To", to)),
    content,
  );

  function dateInput(date) {
    return element("input", { type: "date", value: date.toISOString().slice(0, 10), onchange: load });
  }

  async function load() {
    try {
      const { counts } = await call("GET", "counts", { query: { from: from.value, to: to.value } });
      show(counts);
    } catch (problem) {
      fill(content, failureState(problem, load));
    }
  }

  function show(counts) {
    if (counts.length === 0) {
      const link = element("a", { class: "button primary", href: "#/photos" }, "Go to your photos");
      return fill(content, emptyState("Nothing to count", "No photo was recognised in these days. Widen the dates, or add photos.", link));
    }
    const days = sums(counts, "day").sort(([a], [b]) => b.localeCompare(a));
    const classes = sums(counts, "class").sort(([, a], [, b]) => b - a);
    const within = { from: from.value, to: to.value };
    fill(
      content,
      element(
        "div",
        { class: "columns even" },
        bars("Photos by day", "Day", days, day, (value) => ({ from: value, to: value })),
        bars("Photos by class", "Class", classes, (value) => value, (value) => ({ class: value, ...within })),
      ),
    );
  }

  load();
  return { root, title: "Statistics" };
}

function sums(counts, by) {
  const sum = new Map();
  for (const entry of counts) sum.set(entry[by], (sum.get(entry[by]) || 0) + entry.count);
  return [...sum];
}

/** A table whose rows carry a bar: the figures are there for everyone, the bars for those who see them. */
function bars(caption, head, entries, text, filters) {
  const most = Math.max(...entries.map(([, count]) => count));
  const row = ([value, count]) => {
    const bar = element("span", { class: "bar" });
    bar.style.setProperty("--share", `${(count / most) * 100}%`);
    return element(
      "tr",
      {},
      element("th", { scope: "row" }, element("a", { href: `#/photos?${new URLSearchParams(filters(value))}` }, text(value))),
      element("td", { class: "wide", "aria-hidden": "true" }, bar),
      element("td", { class: "figure" }, number(count)),
    );
  };
  return element(
    "table",
    { class: "bars" },
    element("caption", {}, caption),
    element(
      "thead",
      { class: "visually-hidden" },
      element("tr", {}, element("th", { scope: "col" }, head), element("td", { "aria-hidden": "true" }), element("th", { scope: "col" }, "Photos")),
    ),
    element("tbody", {}, entries.map(row)),
  );
}
