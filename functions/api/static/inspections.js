/** View for operators: what inspection found, image by image. */

import { call } from "./api.js";
import { button, element, emptyState, failureState, field, fill, icon } from "./elements.js";
import { dateTime, percent, plural } from "./format.js";
import { announce } from "./notices.js";
import { badge } from "./tiles.js";

const VERDICTS = { SUCCESS: { text: "Passed", tone: "good" }, FAILURE: { text: "Failed", tone: "bad" } };

/** @returns {{root: HTMLElement, title: string, update: (query: URLSearchParams) => void}} */
export function open({ query }) {
  let filters = query;
  let request;
  const verdict = element(
    "select",
    { name: "verdict" },
    element("option", { value: "" }, "All"),
    Object.entries(VERDICTS).map(([value, { text }]) => element("option", { value }, text)),
  );
  const label = element("input", { name: "label", maxlength: 100, autocomplete: "off" });
  const least = element("input", { name: "min_confidence", type: "number", min: 0, max: 100, inputmode: "numeric" });
  const from = element("input", { name: "from", type: "date" });
  const to = element("input", { name: "to", type: "date" });
  const controls = [verdict, label, least, from, to];
  const list = element("ul", { class: "cards", "aria-label": "Inspections" });
  const below = element("div", { class: "more" });
  const root = element(
    "section",
    {},
    element(
      "div",
      { class: "heading" },
      element("h1", { tabindex: -1 }, "Inspections"),
      element("div", { class: "actions" }, button("Refresh", { icon: "retry", onclick: () => load() })),
    ),
    element(
      "form",
      { class: "fields", onchange: apply, onsubmit: (event) => (event.preventDefault(), apply()), role: "search", "aria-label": "Inspections" },
      field("Verdict", verdict),
      field("Label", label),
      field("Minimum confidence", least),
      field("From", from),
      field("To", to),
    ),
    list,
    below,
  );

  function apply() {
    const given = controls.filter((control) => control.value).map((control) => [control.name, control.value]);
    const search = new URLSearchParams(given).toString();
    location.hash = search ? `#/inspections?${search}` : "#/inspections";
  }

  function update(next) {
    if (next.toString() === filters.toString()) return;
    filters = next;
    load();
  }

  async function load(cursor) {
    request?.abort();
    request = new AbortController();
    const { signal } = request;
    for (const control of controls) control.value = filters.get(control.name) || "";
    try {
      const answer = await call("GET", "inspections", { query: { ...Object.fromEntries(filters), cursor }, signal });
      if (signal.aborted) return;
      if (!cursor) {
        list.replaceChildren();
        announce(`${plural(answer.inspections.length, "inspection")}${answer.cursor ? " and more" : ""}.`);
      }
      list.append(...answer.inspections.map(card));
      showBelow(answer.cursor);
    } catch (problem) {
      if (!signal.aborted) fill(below, failureState(problem, () => load(cursor)));
    }
  }

  function showBelow(cursor) {
    if (cursor) fill(below, button("Show more", { onclick: () => load(cursor) }));
    else if (list.children.length > 0) fill(below);
    else {
      const text = "Images under the inspected prefix appear here with their verdict. Upload one, or widen the filters.";
      fill(below, emptyState("No inspection fits", text));
    }
  }

  load();
  return { root, title: "Inspections", update };
}

function card({ key, bucket, verdict, rule, reasons, labels, inspected_at: at, image_url: src }) {
  const name = key.split("/").pop();
  return element(
    "li",
    { class: "card with-picture" },
    element("span", { class: "frame" }, src ? element("img", { src, alt: name, loading: "lazy", decoding: "async" }) : icon("image")),
    element(
      "div",
      {},
      element("div", { class: "heading" }, element("h2", {}, name), badge(VERDICTS[verdict])),
      reasons.length > 0 && element("ul", { class: "reasons", "aria-label": "Reasons" }, reasons.map((reason) => element("li", {}, reason))),
      element(
        "ul",
        { class: "chips", "aria-label": "Labels" },
        labels.map(({ name: text, confidence }) => element("li", {}, element("span", { class: "chip" }, text, element("span", {}, percent(confidence))))),
      ),
      element("p", { class: "hint" }, `Rule ${rule} · ${dateTime(at)}`),
      element("p", { class: "hint path" }, `${bucket}/${key}`),
    ),
  );
}
