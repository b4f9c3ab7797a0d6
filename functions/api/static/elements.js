/** The elements that every view is built with. */

/**
 * Create an element: `element("p.hint", { id: "limit" }, "At most ", 15, " MB")`.
 *
 * Objects are attributes, where `on…` is a listener; the rest are children. Text becomes text nodes, so no input of a
 * person or a file is ever parsed as HTML. `null`, `undefined` and `false` are left out, so that a part can depend on a
 * condition.
 *
 * @param {string} name Tag and classes, as in CSS.
 */
export function element(name, ...parts) {
  const [tag, ...classes] = name.split(".");
  const made = document.createElement(tag);
  if (classes.length) made.className = classes.join(" ");
  for (const part of present(parts)) {
    if (typeof part !== "object" || part instanceof Node) made.append(part);
    else setAttributes(made, part);
  }
  return made;
}

function setAttributes(target, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (isAbsent(value)) continue;
    if (name.startsWith("on")) target.addEventListener(name.slice(2), value);
    else target.setAttribute(name, value === true ? "" : value);
  }
}

/** A name within a sentence: the words around it keep their order, whatever its script and direction. */
export const isolated = (name) => element("bdi", name);

const isAbsent = (value) => value === null || value === undefined || value === false;

const present = (parts) => parts.flat(Infinity).filter((part) => !isAbsent(part));

/** Replace the children of an element. */
export const fill = (parent, ...children) => parent.replaceChildren(...present(children));

const ICONS = {
  add: "M12 5v14M5 12h14",
  alert: "M12 8v5M12 17v0M10.3 4 2.6 17.5a2 2 0 0 0 1.7 3h15.4a2 2 0 0 0 1.7-3L13.7 4a2 2 0 0 0-3.4 0Z",
  back: "M15 5l-7 7 7 7",
  box: "M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4",
  check: "M5 12l5 5 9-10",
  close: "M6 6l12 12M18 6L6 18",
  down: "M6 9l6 6 6-6",
  edit: "M4 20h4L19 9a2 2 0 0 0-4-4L4 16v4ZM13 7l4 4",
  external: "M14 4h6v6M20 4l-9 9M18 14v6H4V6h6",
  image: "M4 4h16v16H4ZM4 17l5-5 4 4 3-3 4 4M15 9v0",
  lock: "M6 11h12v9H6ZM9 11V8a3 3 0 0 1 6 0v3",
  next: "M9 5l7 7-7 7",
  retry: "M4 12a8 8 0 1 0 3-6M4 4v5h5",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10 11v5M14 11v5",
};

/** A decorative line drawing; its meaning is always given in text too. */
export function icon(name) {
  const [svg, path] = ["svg", "path"].map((tag) => document.createElementNS("http://www.w3.org/2000/svg", tag));
  setAttributes(svg, { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" });
  setAttributes(path, { d: ICONS[name] });
  svg.append(path);
  return svg;
}

/** A button; `drawing` is an icon before its text. */
export const button = (text, onclick, { icon: drawing, class: looks = "", ...attributes } = {}) =>
  element("button", { type: "button", class: `button ${looks}`, onclick, ...attributes }, drawing && icon(drawing), text);

/** A button that shows only an icon; its text is its accessible name and its tooltip. */
export const iconButton = (drawing, text, onclick, { class: looks = "", ...attributes } = {}) =>
  button("", onclick, { icon: drawing, class: `icon-only ${looks}`, "aria-label": text, title: text, ...attributes });

let fields = 0;

/** A control with a label above and a hint below. */
export function field(label, control, hint) {
  control.id = `field-${(fields += 1)}`;
  const below = hint && element("p.hint", { id: `${control.id}-hint` }, hint);
  if (below) control.setAttribute("aria-describedby", below.id);
  return element("div.field", element("label", { for: control.id }, label), control, below);
}

/** A list; `label` is its name for screen readers. */
export const list = (looks, label, items) => element(looks, { "aria-label": label }, items.map((item) => element("li", item)));

/** The top of a view: its heading, which takes the focus when the view opens, and its actions. */
export const headingRow = (title, ...actions) =>
  element("div.heading", element("h1", { tabindex: -1 }, title), element("div.actions", actions));

/** The text in place of an empty list: that it is empty, and what to do next. */
export const emptyState = (title, text, ...actions) =>
  element("div.empty", icon("image"), element("h2", title), element("p", text), element("div.actions", actions));

/** Run a function that fills a place; when it fails, show the error there with a button to try again. */
export async function attempt(place, run) {
  try {
    await run();
  } catch (error) {
    const again = button("Try again", () => attempt(place, run), { icon: "retry" });
    // The title of an HTTP status does not help a person; "No connection" does.
    const title = element("h2", (!error.status && error.title) || "That did not work");
    fill(place, element("div.empty", { role: "alert" }, icon("alert"), title, element("p", error.message), again));
  }
}

/** A description list of `[term, value]`; terms without a value are left out. */
export function definitions(looks, rows) {
  const known = rows.filter(([, value]) => !isAbsent(value) && value !== "");
  return element(looks, known.map(([term, value]) => element("div", element("dt", term), element("dd", value))));
}

/** A link to another site, which gets no access to this page. */
export const externalLink = (url, text) =>
  element("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, text, " ", icon("external"));

/** Name the view in the window's title, for the history and screen readers. */
export function setTitle(text) {
  document.title = `${text} · Image recognition`;
}
