/** View for operators: what inspection said, image by image. */

import { call } from "./api.js";
import { button, element, emptyState, failureState, field, fill, headingRow, icon } from "./elements.js";
import { dateTime, plural } from "./format.js";
import { announce } from "./notices.js";
import { badge, chips } from "./tiles.js";

const VERDICTS = { SUCCESS: { text: "Passed", tone: "good" }, FAILURE: { text: "Failed", tone: "bad" } };

/** @param {{query: URLSearchParams}} route The filters, as they stand in the address. */
export function open({ query }) {
  let filters = query;
  let request;
  const verdicts = Object.entries(VERDICTS).map(([value, { text }]) => element("option", { value }, text));
  const controls = {
    Verdict: element("select", { name: "verdict" }, element("option", { value: "" }, "All"), verdicts),
    Label: element("input", { name: "label", maxlength: 100, autocomplete: "off" }),
    "Minimum confidence": element("input", { name: "min_confidence", type: "number", min: 0, max: 100 }),
    From: element("input", { name: "from", type: "date" }),
    To: element("input", { name: "to", type: "date" }),
  };
  const form = element(
    "form.fields",
    { role: "search", "aria-label": "Inspections", onchange: apply, onsubmit: apply },
    Object.entries(controls).map(([text, control]) => field(text, control)),
  );
  const list = element("ul.cards", { "aria-label": "Inspections" });
  const below = element("div.more");
  const refresh = button("Refresh", () => load(), { icon: "retry" });
  const root = element("section", headingRow("Inspections", refresh), form, list, below);

  function apply(event) {
    event.preventDefault();
    if (!form.reportValidity()) return;
    const given = [...new FormData(form)].filter(([, value]) => value);
    location.hash = `#/inspections?${new URLSearchParams(given)}`;
  }

  function update(next) {
    filters = next;
    load();
  }

  async function load(cursor) {
    request?.abort();
    request = new AbortController();
    const { signal } = request;
    for (const control of Object.values(controls)) control.value = filters.get(control.name) || "";
    try {
      const answer = await call("GET", "inspections", { query: { ...Object.fromEntries(filters), cursor }, signal });
      if (signal.aborted) return;
      if (!cursor) list.replaceChildren();
      list.append(...answer.inspections.map(card));
      announce(`${plural(list.children.length, "inspection")}${answer.cursor ? " and more" : ""}.`);
      const text = "Images under the inspected prefixes appear here with their verdict. Upload one, or widen the filters.";
      const none = list.children.length === 0 && emptyState("No inspection fits", text);
      fill(below, answer.cursor ? button("Show more", () => load(answer.cursor)) : none);
    } catch (problem) {
      if (!signal.aborted) fill(below, failureState(problem, () => load(cursor)));
    }
  }

  load();
  return { root, title: "Inspections", update };
}

function card({ key, bucket, verdict, rule, reasons, labels, inspected_at: at, image_url: src }) {
  const name = key.split("/").pop();
  const picture = src ? element("img", { src, alt: name, loading: "lazy", decoding: "async" }) : icon("image");
  return element(
    "li.card.with-picture",
    element("span.frame", picture),
    element(
      "div",
      element("div.heading", element("h2", name), badge(VERDICTS[verdict])),
      reasons.length > 0 && element("ul.reasons", { "aria-label": "Reasons" }, reasons.map((reason) => element("li", reason))),
      chips(labels, false),
      element("p.hint", `Rule ${rule} · ${dateTime(at)}`),
      element("p.hint", `${bucket}/${key}`),
    ),
  );
}
