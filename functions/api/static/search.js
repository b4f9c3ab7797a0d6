/** The search form above a gallery: a label as one types, a range of days, a least confidence. */

import { call } from "./api.js";
import { button, element, field, fill } from "./elements.js";
import { announce } from "./notices.js";
import { plural } from "./format.js";

/** The filters of `GET /api/photos` that may stand in a gallery's address. */
export const FILTERS = ["label", "class", "verdict", "from", "to", "min_confidence"];

const TYPING_PAUSE_MS = 150;

/**
 * @param {(changes: Object<string, string>) => void} onchange Called with the filters that are to be different; an
 *   empty text takes a filter away.
 * @returns {{root: HTMLElement, show: (query: URLSearchParams) => void}}
 */
export function searchForm(onchange) {
  const label = labelBox((name) => onchange({ label: name }));
  const from = element("input", { type: "date", onchange: () => onchange({ from: from.value }) });
  const to = element("input", { type: "date", onchange: () => onchange({ to: to.value }) });
  const shown = element("output", { class: "hint" });
  const least = element("input", {
    type: "range",
    min: 0,
    max: 100,
    step: 5,
    oninput: () => (shown.textContent = sentence(least.value)),
    onchange: () => onchange({ min_confidence: least.value === "0" ? "" : least.value }),
  });
  const confidence = field("Minimum confidence", least);
  confidence.append(shown);
  const more = element(
    "details",
    { class: "filters" },
    element("summary", {}, "Dates and confidence"),
    element("div", { class: "fields" }, field("Uploaded from", from), field("Uploaded to", to), confidence),
  );
  const root = element("div", { class: "search", role: "search", "aria-label": "Photos" }, label.root, more);

  function show(query) {
    label.show(query.get("label") || "");
    from.value = query.get("from") || "";
    to.value = query.get("to") || "";
    least.value = query.get("min_confidence") || "0";
    shown.textContent = sentence(least.value);
    if (from.value || to.value || least.value !== "0") more.open = true;
  }
  return { root, show };
}

const sentence = (value) => (value === "0" ? "Any" : `${value}% or more`);

/** A text box with suggestions: the combobox pattern of the WAI-ARIA Authoring Practices, with list autocomplete. */
function labelBox(onchoose) {
  const list = element("ul", { class: "suggestions", role: "listbox", id: "label-suggestions", "aria-label": "Labels", hidden: true });
  const input = element("input", {
    type: "search",
    class: "search-box",
    role: "combobox",
    "aria-label": "Search labels",
    "aria-autocomplete": "list",
    "aria-expanded": "false",
    "aria-controls": list.id,
    autocomplete: "off",
    spellcheck: "false",
    placeholder: "Search labels, such as Dog",
    maxlength: 100,
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
      // An answer that comes after the person went on is of no use.
      if (signal.aborted || document.activeElement !== input) return;
      offer(labels);
    } catch {
      close(); // Suggestions help; the box works without them.
    }
  }

  function offer(labels) {
    options = labels.map((name, index) =>
      element(
        "li",
        {
          role: "option",
          id: `label-suggestion-${index}`,
          "aria-selected": "false",
          // Before the box loses the focus and closes the list.
          onpointerdown: (event) => event.preventDefault(),
          onclick: () => choose(name),
        },
        name,
      ),
    );
    fill(list, options);
    setOpen(options.length > 0);
    mark(-1);
    announce(options.length > 0 ? `${plural(options.length, "suggestion")}.` : "No label begins like this.");
  }

  function setOpen(isOpen) {
    list.hidden = !isOpen;
    input.setAttribute("aria-expanded", String(isOpen));
  }

  function close() {
    clearTimeout(timer);
    request?.abort();
    setOpen(false);
    mark(-1);
  }

  function mark(index) {
    options[active]?.setAttribute("aria-selected", "false");
    active = index;
    const option = options[active];
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) input.setAttribute("aria-activedescendant", option.id);
    else input.removeAttribute("aria-activedescendant");
  }

  function choose(name) {
    input.value = name;
    close();
    if (name === chosen) return;
    chosen = name;
    onchoose(name);
  }

  function onKey(event) {
    const isOpen = !list.hidden;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!isOpen) return suggest();
      const step = event.key === "ArrowDown" ? 1 : -1;
      // One place before the first stands for the text that was typed.
      mark(((active + 1 + step + options.length + 1) % (options.length + 1)) - 1);
    } else if (event.key === "Enter") {
      event.preventDefault();
      choose(isOpen && active >= 0 ? options[active].textContent : input.value.trim());
    } else if (event.key === "Escape") {
      event.preventDefault();
      if (isOpen) close();
      else choose("");
    }
  }

  input.addEventListener("keydown", onKey);
  input.addEventListener("blur", close);
  input.addEventListener("focus", () => input.select());
  input.addEventListener("input", () => {
    clearTimeout(timer);
    if (input.value === "") return choose(""); // Also the cross that browsers put into a search box.
    timer = setTimeout(suggest, TYPING_PAUSE_MS);
  });
  const root = element("div", { class: "combobox" }, input, list);
  return {
    root,
    show(name) {
      chosen = name;
      if (document.activeElement !== input || name) input.value = name;
    },
  };
}

/**
 * What the gallery is narrowed to, each with a button that takes it away.
 *
 * @param {URLSearchParams} query
 * @param {(changes: Object<string, string>) => void} onchange
 */
export function activeFilters(query, onchange) {
  const words = { label: "Label", class: "Class", verdict: "Verdict", from: "From", to: "To", min_confidence: "At least" };
  const given = FILTERS.filter((name) => query.get(name));
  if (given.length === 0) return null;
  return element(
    "ul",
    { class: "chips", "aria-label": "Filters" },
    given.map((name) => {
      const text = `${words[name]} ${query.get(name)}${name === "min_confidence" ? "%" : ""}`;
      return element(
        "li",
        {},
        element("span", { class: "chip" }, text, button(`Remove filter ${text}`, {
          icon: "close",
          iconOnly: true,
          class: "quiet",
          onclick: () => onchange({ [name]: "" }),
        })),
      );
    }),
  );
}
