/** View for operators: the verdicts of inspected images. */

import { call } from "./api.js";
import { button, element, emptyState, field, headingRow, icon, list } from "./elements.js";
import { dateTime, plural } from "./format.js";
import { announce } from "./notices.js";
import { pages } from "./pages.js";
import { poll, SLOWLY } from "./poll.js";
import { badge, chips } from "./tiles.js";

// How many pages of new inspections one poll reads; when there are more, the list is loaded again.
const PAGES_OF_NEW = 4;

const VERDICTS = { SUCCESS: { text: "Passed", tone: "good" }, FAILURE: { text: "Failed", tone: "bad" } };

/** @param {{query: URLSearchParams}} route The filters, as they stand in the address. */
export function open({ query }) {
  let filters = query;
  const known = new Set();
  const verdicts = Object.entries(VERDICTS).map(([value, { text }]) => element("option", { value }, text));
  const controls = {
    Verdict: element("select", { name: "verdict" }, element("option", { value: "" }, "All"), verdicts),
    Rule: element("input", { name: "rule", maxlength: 256, autocomplete: "off" }),
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
  const cards = element("ul.cards", { "aria-label": "Inspections" });
  const below = element("div.more");
  const root = element("section", headingRow("Inspections", button("Refresh", load, { icon: "retry" })), form, cards, below);

  function apply(event) {
    event.preventDefault();
    const given = [...new FormData(form)].filter(([, value]) => value);
    if (form.reportValidity()) location.hash = `#/inspections?${new URLSearchParams(given)}`;
  }

  function update(next) {
    filters = next;
    load();
  }

  function load() {
    for (const control of Object.values(controls)) control.value = filters.get(control.name) || "";
    clear();
    board.load();
  }

  const ask = (place, signal) => call("GET", "inspections", { query: { ...Object.fromEntries(filters), ...place }, signal });

  function clear() {
    cards.replaceChildren();
    known.clear();
  }

  function show({ inspections }) {
    cards.append(...inspections.filter(isNew).map(card));
    announce(board.found("inspection"));
    others.wake();
  }

  function nothing() {
    const text = "Images under the inspected prefixes appear here with their verdicts. Upload one, or widen the filters.";
    return emptyState("No inspection fits", text);
  }

  const board = pages({ below, ask, clear, show, count: () => cards.children.length, nothing });

  const idOf = ({ bucket, key, inspected_at: at }) => JSON.stringify([bucket, key, at]);

  /** @returns {boolean} Whether it was not shown before; from now on it counts as shown. */
  function isNew(inspection) {
    const id = idOf(inspection);
    return !known.has(id) && known.add(id) && true;
  }

  /** @returns {Promise<object[]|null>} The inspections since the last poll; `null` when there are too many to read. */
  async function newest(signal) {
    const found = [];
    let cursor = null;
    for (let page = 0; page < PAGES_OF_NEW; page += 1) {
      const answer = await ask({ cursor }, signal);
      const fresh = answer.inspections.filter((inspection) => !known.has(idOf(inspection)));
      found.push(...fresh);
      // After a page of only new inspections there may be more of them.
      if (!answer.cursor || fresh.length === 0 || fresh.length < answer.inspections.length) return found;
      cursor = answer.cursor;
    }
    return null;
  }

  const others = poll(async () => {
    const { signal } = board;
    // A list that failed to load shows its error and "Try again": newer inspections alone would look complete.
    if (!board.isLoaded) return "settled";
    const came = await newest(signal);
    if (signal.aborted) return "same"; // The filters have changed.
    if (!came) {
      load();
      return "changed";
    }
    const found = came.filter(isNew);
    if (found.length === 0) return "same";
    const wasEmpty = cards.children.length === 0;
    cards.prepend(...found.map(card));
    if (wasEmpty) board.showEnd();
    announce(`${plural(found.length, "new inspection")}.`);
    return "changed";
  }, SLOWLY);

  load();
  return { root, title: "Inspections", update, close: () => (others.stop(), board.stop()) };
}

/** S3 refuses an archived image, and an expired URL; the page cannot tell which of the two it is. */
function giveUp({ target: image }) {
  image.closest("li").lastChild.append(element("p.hint", "S3 does not return the image: it may be archived. Refresh to try again."));
  image.replaceWith(icon("image"));
}

function card({ key, bucket, verdict, rule, reasons, labels, inspected_at: at, image_url: src }) {
  const name = key.split("/").pop();
  return element(
    "li.card.with-picture",
    element("span.frame", src ? element("img", { src, alt: name, loading: "lazy", decoding: "async", onerror: giveUp }) : icon("image")),
    element(
      "div",
      element("div.heading", element("h2", name), badge(VERDICTS[verdict])),
      reasons.length > 0 && list("ul.reasons", "Reasons", reasons),
      chips(labels, false),
      element("p.hint", `Rule ${rule} · ${dateTime(at)}`),
      element("p.hint", `${bucket}/${key}`),
    ),
  );
}
