/** View for operators: start bulk runs over a prefix of a bucket, and follow their progress and failures. */

import { call } from "./api.js";
import { attempt, button, definitions, element, emptyState, externalLink, field, fill, headingRow } from "./elements.js";
import { dateTime, dollars, duration, failure, number, runStatus } from "./format.js";
import { announce } from "./notices.js";
import { poll, SLOWLY } from "./poll.js";
import { badge } from "./tiles.js";

// The outcomes of an image, in words, each with the tone of its part of the bar.
const FATES = [
  ["labelled", "Labelled", "good"],
  ["partial", "Partly labelled", "warn"],
  ["skipped", "Skipped", "skipped"],
  ["failed", "Failed", "bad"],
];

export function open() {
  const cards = new Map();
  const list = element("ul.cards", { "aria-label": "Bulk runs" });
  const below = element("div.more", element("p.hint", "Loading runs …"));
  const root = element("section", headingRow("Bulk runs"), startForm(start), list, below);
  let isLoaded = false;

  /** @returns {Promise<boolean>} Whether anything changed. */
  async function load() {
    const { runs } = await call("GET", "bulk-runs");
    const isDifferent = runs.map(show).includes(true);
    isLoaded = true;
    showBelow();
    return isDifferent;
  }

  function start(run) {
    show(run);
    showBelow();
  }

  function showBelow() {
    // Until the list is loaded, this place says that it is loading, or why it failed.
    if (!isLoaded) return;
    const text = "Start one above: every image under the prefix is labelled and recorded.";
    fill(below, cards.size === 0 && emptyState("No run yet", text));
  }

  /** @returns {boolean} Whether anything changed. */
  function show(run) {
    const { run: before, root = element("li.card") } = cards.get(run.run_id) || {};
    if (JSON.stringify(before) === JSON.stringify(run)) return false;
    cards.set(run.run_id, { run, root });
    fill(root, contentOf(run));
    if (!before) {
      // A run that was started here may be shown before older runs are loaded.
      const isOlder = (card) => card.run.started_at < run.started_at;
      const older = new Set([...cards.values()].filter(isOlder).map((card) => card.root));
      list.insertBefore(root, [...list.children].find((child) => older.has(child)) || null);
      live.wake();
    } else if (before.status !== run.status) announce(`${run.prefix}: ${runStatus(run).text}.`);
    return true;
  }

  const live = poll(async () => {
    const running = [...cards.values()].filter(({ run }) => run.status === "RUNNING");
    if (running.length === 0) return "settled";
    const different = await Promise.all(running.map(async ({ run }) => show(await call("GET", `bulk-runs/${run.run_id}`))));
    return different.includes(true) ? "changed" : "same";
  });

  // Runs also start on a schedule, from a script, and in another browser.
  const others = poll(async () => ((await load()) ? "changed" : "same"), SLOWLY);

  attempt(below, async () => {
    await load();
    others.wake();
  });
  return { root, title: "Bulk runs", close: () => (live.stop(), others.stop()) };
}

function startForm(started) {
  const prefix = element("input", { maxlength: 1024, autocomplete: "off", placeholder: "archive/2024/" });
  const bucket = element("input", { maxlength: 63, autocomplete: "off" });
  const force = element("input", { type: "checkbox" });
  const failure = element("p.complaint", { role: "alert" });
  const start = button("Start run", null, { type: "submit", class: "primary" });
  // The same request keeps its key: a second press after a lost response starts no second run.
  const keys = new Map();

  async function submit(event) {
    event.preventDefault();
    if (start.ariaDisabled) return;
    const body = { prefix: prefix.value.trim(), bucket: bucket.value.trim() || undefined, force: force.checked };
    const wish = JSON.stringify(body);
    if (!keys.has(wish)) keys.set(wish, crypto.randomUUID());
    start.ariaDisabled = "true";
    failure.textContent = "";
    try {
      started(await call("POST", "bulk-runs", { body, key: keys.get(wish) }));
      keys.clear();
      announce("The run has started.");
    } catch (problem) {
      failure.textContent = problem.message;
    }
    start.ariaDisabled = null;
  }

  return element(
    "form.card",
    { onsubmit: submit, "aria-label": "Start a bulk run" },
    element(
      "div.fields",
      field("Prefix", prefix, "Empty means the whole bucket"),
      field("Bucket", bucket, "Empty means the bucket of this stack"),
    ),
    element("label.check", force, "Label images again that already have labels"),
    failure,
    element("div.actions", start),
  );
}

function contentOf(run) {
  const { counts, failures, error, started_at: from, ended_at: to, estimated_cost_dollars: cost } = run;
  const parts = FATES.map(([name, , tone]) => {
    const part = element(`span.${tone}`);
    part.style.flexGrow = counts[name];
    return part;
  });
  const seconds = ((to ? Date.parse(to) : Date.now()) - Date.parse(from)) / 1000;
  const facts = [dateTime(from), duration(seconds), cost !== null && `about ${dollars(cost)}`];
  return [
    element("div.heading", element("h2", `${run.bucket}/${run.prefix}`), badge(runStatus(run))),
    element("div.shares", { "aria-hidden": "true" }, parts),
    definitions("dl.counts", [["seen", "Seen"], ...FATES].map(([name, text]) => [text, number(counts[name])])),
    error && element("p.callout.bad", failure(error)),
    failures.length > 0 && failureTable(failures),
    element("p.hint", facts.filter(Boolean).join(" · ")),
    run.execution_url && externalLink(run.execution_url, "Open the execution"),
  ];
}

function failureTable(failures) {
  const row = (cell, reason, images) => element("tr", element(cell, reason), element(`${cell}.figure`, images));
  const rows = failures.map(({ name, images }) => row("td", name, number(images)));
  return element("table", element("caption", "Failures"), element("thead", row("th", "Reason", "Images")), element("tbody", rows));
}
