/** View for operators: runs over everything under a prefix of a bucket, from the start form to the failures. */

import { call } from "./api.js";
import { button, element, emptyState, externalLink, failureState, field, fill } from "./elements.js";
import { dateTime, dollars, duration, executionStatus, number } from "./format.js";
import { announce } from "./notices.js";
import { poll } from "./poll.js";
import { badge } from "./tiles.js";

const COUNTS = [
  ["labelled", "Labelled", "good"],
  ["partial", "Partly labelled", "warn"],
  ["skipped", "Skipped", "muted"],
  ["failed", "Failed", "bad"],
];

/** @returns {{root: HTMLElement, title: string, close: () => void}} */
export function open() {
  const runs = new Map();
  const cards = new Map();
  const list = element("ul", { class: "cards", "aria-label": "Bulk runs" });
  const below = element("div", { class: "more" }, element("p", { class: "hint" }, "Loading runs …"));
  const root = element(
    "section",
    {},
    element("div", { class: "heading" }, element("h1", { tabindex: -1 }, "Bulk runs")),
    startForm(show),
    list,
    below,
  );

  async function load() {
    try {
      const answer = await call("GET", "bulk-runs");
      answer.runs.sort((a, b) => a.started_at.localeCompare(b.started_at)).forEach(show);
      if (runs.size === 0) fill(below, emptyState("No run yet", "Start one above: every image under the prefix is labelled and recorded."));
      else fill(below);
    } catch (problem) {
      fill(below, failureState(problem, load));
    }
  }

  function show(run) {
    const before = runs.get(run.run_id);
    if (before && JSON.stringify(before) === JSON.stringify(run)) return false;
    runs.set(run.run_id, run);
    if (!before) {
      cards.set(run.run_id, element("li", { class: "card" }));
      list.prepend(cards.get(run.run_id));
      fill(below);
    }
    fill(cards.get(run.run_id), contentOf(run));
    if (before && before.status !== run.status) announce(`The run of ${run.prefix}: ${executionStatus(run.status).text}.`);
    if (run.status === "RUNNING") live.wake();
    return true;
  }

  const live = poll(async () => {
    const running = [...runs.values()].filter((run) => run.status === "RUNNING");
    if (running.length === 0) return "settled";
    const changed = await Promise.all(running.map(async ({ run_id }) => show(await call("GET", `bulk-runs/${run_id}`))));
    return changed.includes(true) ? "changed" : "same";
  });

  load();
  return { root, title: "Bulk runs", close: live.stop };
}

function startForm(started) {
  const prefix = element("input", { name: "prefix", maxlength: 1024, autocomplete: "off", placeholder: "archive/2024/" });
  const bucket = element("input", { name: "bucket", maxlength: 63, autocomplete: "off" });
  const force = element("input", { name: "force", type: "checkbox", id: "force" });
  const fields = { prefix: field("Prefix", prefix, "Empty means the whole bucket"), bucket: field("Bucket", bucket, "Empty means the bucket of this stack") };
  const failure = element("p", { class: "complaint", role: "alert", hidden: true });
  const start = button("Start run", { type: "submit", class: "primary" });
  // The same wish keeps its key until it is fulfilled: a second press after a lost answer starts no second run.
  let wish = {};

  async function submit(event) {
    event.preventDefault();
    if (start.getAttribute("aria-disabled")) return;
    const body = { prefix: prefix.value.trim(), force: force.checked, ...(bucket.value.trim() && { bucket: bucket.value.trim() }) };
    const text = JSON.stringify(body);
    if (wish.text !== text) wish = { text, key: crypto.randomUUID() };
    start.setAttribute("aria-disabled", "true");
    failure.hidden = true;
    for (const each of Object.values(fields)) each.complain("");
    try {
      started(await call("POST", "bulk-runs", { body, key: wish.key }));
      wish = {};
      announce("The run has started.");
    } catch (problem) {
      for (const { field: name, message } of problem.errors || []) fields[name]?.complain(message);
      failure.textContent = problem.message;
      failure.hidden = false;
    }
    start.removeAttribute("aria-disabled");
  }

  return element(
    "form",
    { class: "card start", onsubmit: submit, "aria-label": "Start a bulk run" },
    element("div", { class: "fields" }, fields.prefix, fields.bucket),
    element("div", { class: "check" }, force, element("label", { for: "force" }, "Label again what is already labelled")),
    failure,
    element("div", { class: "actions" }, start),
  );
}

function contentOf(run) {
  const { counts } = run;
  const done = COUNTS.reduce((sum, [name]) => sum + counts[name], 0);
  const shares = COUNTS.map(([name, , tone]) => {
    const part = element("span", { class: tone });
    part.style.flexGrow = String(counts[name]);
    return part;
  });
  const seconds = ((run.ended_at ? Date.parse(run.ended_at) : Date.now()) - Date.parse(run.started_at)) / 1000;
  const facts = [dateTime(run.started_at), duration(seconds), run.estimated_cost_dollars !== null && `about ${dollars(run.estimated_cost_dollars)}`];
  return [
    element("div", { class: "heading" }, element("h2", { class: "path" }, `${run.bucket}/${run.prefix}`), badge(executionStatus(run.status))),
    done > 0 && element("div", { class: "shares", "aria-hidden": "true" }, shares),
    element(
      "dl",
      { class: "counts" },
      [["seen", "Seen"], ...COUNTS].map(([name, text]) => element("div", {}, element("dt", {}, text), element("dd", {}, number(counts[name])))),
    ),
    run.error && element("div", { class: "callout bad" }, element("p", {}, `${run.error.name}: ${run.error.cause}`)),
    run.failures.length > 0 &&
      element(
        "table",
        {},
        element("caption", {}, "Failures"),
        element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Reason"), element("th", { scope: "col", class: "figure" }, "Images"))),
        element("tbody", {}, run.failures.map(({ name, images }) => element("tr", {}, element("td", {}, name), element("td", { class: "figure" }, number(images))))),
      ),
    element("p", { class: "hint" }, facts.filter(Boolean).join(" · ")),
    run.execution_url && externalLink(run.execution_url, "Open the execution"),
  ];
}
