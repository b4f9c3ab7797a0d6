/** The search above a gallery: a label with suggestions, a range of days, a minimum confidence. */

import { call } from "./api.js";
import { element, field, fill, iconButton, list } from "./elements.js";
import { plural } from "./format.js";
import { announce } from "./notices.js";

/** The filters of `GET /api/photos` that a gallery's address can have, with their names on the page. */
export const FILTERS = { label: "Label", class: "Class", from: "From", to: "To", min_confidence: "At least" };

const TYPING_PAUSE_MS = 150;

/**
 * @param {(changes: Object<string, string>) => void} change Called with the filters to change; an empty text removes
 *   a filter.
 * @returns {{root: HTMLElement, show: (filters: URLSearchParams) => void}}
 */
export function searchForm(change) {
  const label = labelBox((name) => change({ label: name }));
  const from = element("input", { type: "date", onchange: () => change({ from: from.value }) });
  const to = element("input", { type: "date", onchange: () => change({ to: to.value }) });
  const said = element("output.hint");
  const least = element("input", { type: "range", min: 0, max: 100, step: 5 });
  least.addEventListener("input", sayLeast);
  least.addEventListener("change", () => change({ min_confidence: least.value === "0" ? "" : least.value }));
  const confidence = field("Minimum confidence", least);
  confidence.append(said);
  const fields = element("div.fields", field("Uploaded from", from), field("Uploaded to", to), confidence);
  const more = element("details", element("summary", "Dates and confidence"), fields);

  function sayLeast() {
    said.textContent = least.value === "0" ? "Any" : `${least.value}% or more`;
  }

  function show(filters) {
    label.show(filters.get("label") || "");
    from.value = filters.get("from") || "";
    to.value = filters.get("to") || "";
    least.value = filters.get("min_confidence") || "0";
    sayLeast();
    more.open ||= Boolean(from.value || to.value || least.value !== "0");
  }

  return { root: element("div.search", { role: "search", "aria-label": "Photos" }, label.root, more), show };
}

/** A text box with suggestions: the combobox of the WAI-ARIA Authoring Practices, with a list that completes. */
function labelBox(choose) {
  const box = element("ul.suggestions", { role: "listbox", id: "suggestions", "aria-label": "Labels", hidden: true });
  const input = element("input", {
    type: "search",
    role: "combobox",
    "aria-label": "Search labels",
    "aria-autocomplete": "list",
    "aria-expanded": "false",
    "aria-controls": box.id,
    autocomplete: "off",
    spellcheck: "false",
    maxlength: 100,
    placeholder: "Search labels, such as Dog",
    onkeydown: onKey,
    oninput: onInput,
    onblur: close,
  });
  let options = [];
  let active = -1;
  let timer;
  let request;
  let chosen = "";

  async function suggest() {
    request?.abort();
    request = new AbortController();
    const { signal } = request;
    try {
      const { labels } = await call("GET", "labels", { query: { prefix: input.value.trim() }, signal });
      if (!signal.aborted) offer(labels);
    } catch {
      // Suggestions are optional; the box works without them.
    }
  }

  function offer(labels) {
    options = labels.map((name, index) =>
      element("li", { role: "option", id: `suggestion-${index}`, onclick: () => take(name) }, name),
    );
    // Keep the focus in the box: losing it would close the list before the click.
    for (const option of options) option.addEventListener("pointerdown", (event) => event.preventDefault());
    fill(box, options);
    mark(-1);
    setOpen(options.length > 0);
    announce(options.length > 0 ? `${plural(options.length, "suggestion")}.` : "No label starts with this.");
  }

  function setOpen(isOpen) {
    box.hidden = !isOpen;
    input.ariaExpanded = String(isOpen);
  }

  function mark(index) {
    active = index;
    for (const [at, option] of options.entries()) option.ariaSelected = String(at === index);
    options[index]?.scrollIntoView({ block: "nearest" });
    if (index < 0) input.removeAttribute("aria-activedescendant");
    else input.setAttribute("aria-activedescendant", options[index].id);
  }

  function close() {
    clearTimeout(timer);
    request?.abort();
    mark(-1);
    setOpen(false);
  }

  function take(name) {
    input.value = name;
    close();
    if (name === chosen) return;
    chosen = name;
    choose(name);
  }

  function onInput() {
    clearTimeout(timer);
    if (input.value) timer = setTimeout(suggest, TYPING_PAUSE_MS);
    else take(""); // Also for the clear button that browsers put into a search box.
  }

  function onKey(event) {
    const { key } = event;
    if (!["ArrowDown", "ArrowUp", "Enter", "Escape"].includes(key)) return;
    event.preventDefault();
    if (key === "Enter") take(options[active]?.textContent || input.value.trim());
    else if (key === "Escape") box.hidden ? take("") : close();
    else if (box.hidden) suggest();
    else {
      // One place more than there are options: the last one is the typed text itself.
      const places = options.length + 1;
      mark(((active + 1 + (key === "ArrowDown" ? 1 : places - 1)) % places) - 1);
    }
  }

  function show(name) {
    chosen = name;
    // Not while the person types: the result of the last choice must not overwrite the next one.
    if (name || document.activeElement !== input) input.value = name;
  }

  return { root: element("div.combobox", input, box), show };
}

/** The active filters of a gallery, each with a button that removes it. */
export function activeFilters(filters, change) {
  const given = Object.entries(FILTERS).filter(([name]) => filters.get(name));
  return list("ul.chips", "Filters", given.map(([name, word]) => {
    const text = `${word} ${filters.get(name)}${name === "min_confidence" ? "%" : ""}`;
    const remove = iconButton("close", `Remove filter ${text}`, () => change({ [name]: "" }), { class: "quiet" });
    return element("span.chip", text, remove);
  }));
}
