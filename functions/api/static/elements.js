/** The few things that every view builds with. */

/**
 * Make an element.
 *
 * Text becomes text nodes, so nothing that a person or a file said is ever read as HTML.
 *
 * @param {string} tag
 * @param {Object<string, any>} [attributes] `on…` is a listener; `false`, `null` and `undefined` leave the attribute out.
 * @param {...(Node|string|number|false|null|undefined|Array)} children
 * @returns {HTMLElement}
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...present(children));
  return made;
}

/** Put other children into an element; what is `null` or `false` is left out. */
export function fill(parent, ...children) {
  parent.replaceChildren(...present(children));
}

const present = (children) =>
  children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);

const ICONS = {
  add: "M12 5v14M5 12h14",
  alert: "M12 8v5M12 16.5v.01M10.3 4.2 2.6 17.5A2 2 0 0 0 4.3 20.5h15.4a2 2 0 0 0 1.7-3L13.7 4.2a2 2 0 0 0-3.4 0Z",
  back: "M15 5l-7 7 7 7",
  box: "M4 8V5a1 1 0 0 1 1-1h3M16 4h3a1 1 0 0 1 1 1v3M20 16v3a1 1 0 0 1-1 1h-3M8 20H5a1 1 0 0 1-1-1v-3",
  check: "M5 12.5l4.5 4.5L19 7.5",
  close: "M6 6l12 12M18 6L6 18",
  down: "M6 9l6 6 6-6",
  edit: "M4 20h4L19 9a2 2 0 0 0-4-4L4 16v4ZM13.5 6.5l4 4",
  external: "M14 4h6v6M20 4l-9 9M18 14v5a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V7a1 1 0 0 1 1-1h5",
  image: "M5 4h14a1 1 0 0 1 1 1v14a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1ZM4 17l5-5 4 4 3-3 4 4M15.5 9v.01",
  next: "M9 5l7 7-7 7",
  retry: "M4 12a8 8 0 1 0 2.5-5.8M4 4v4.5h4.5",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM20 20l-4-4",
  trash: "M5 7h14M10 7V4.5h4V7M7 7l.8 12.5h8.4L17 7M10 11v5M14 11v5",
};

/** A line drawing that decorates; what it means is said in text beside it. */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "icon");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/**
 * A button with a text, an icon before it, or an icon alone whose text only assistive technology reads.
 *
 * @param {string} text
 * @param {{icon?: string, iconOnly?: boolean, class?: string, [attribute: string]: any}} [options]
 */
export function button(text, { icon: drawing, iconOnly = false, class: looks = "", ...attributes } = {}) {
  return element(
    "button",
    {
      type: "button",
      class: `button ${iconOnly ? "icon-only " : ""}${looks}`,
      "aria-label": iconOnly && text,
      title: iconOnly && text,
      ...attributes,
    },
    drawing && icon(drawing),
    !iconOnly && text,
  );
}

let lastId = 0;

/**
 * A label above its control, a hint and a place for what is wrong with it.
 *
 * @returns {HTMLElement & {complain: (message: string) => void}}
 */
export function field(label, control, hint) {
  control.id ||= `field-${(lastId += 1)}`;
  const complaint = element("p", { class: "complaint", id: `${control.id}-complaint`, hidden: true });
  const described = [hint && `${control.id}-hint`, complaint.id].filter(Boolean).join(" ");
  control.setAttribute("aria-describedby", described);
  const root = element(
    "div",
    { class: "field" },
    element("label", { for: control.id }, label),
    control,
    hint && element("p", { class: "hint", id: `${control.id}-hint` }, hint),
    complaint,
  );
  root.complain = (message) => {
    complaint.textContent = message;
    complaint.hidden = !message;
    control.setAttribute("aria-invalid", String(Boolean(message)));
  };
  return root;
}

/**
 * Ask in a modal dialog; the browser's own dialog keeps the focus inside, closes on Escape and gives the focus back.
 *
 * @param {{title: string, content: (Node|string)[], confirm: string, danger?: boolean,
 *   run: (form: HTMLFormElement) => Promise<void>}} options `run` is called on confirmation; the dialog stays open
 *   while it works and when it throws, and shows the reason.
 * @returns {Promise<boolean>} Whether `run` went through.
 */
export function ask({ title, content, confirm, danger = false, run }) {
  return new Promise((resolve) => {
    const failure = element("p", { class: "complaint", role: "alert", hidden: true });
    const go = button(confirm, { type: "submit", class: danger ? "danger" : "primary" });
    const id = `dialog-${(lastId += 1)}`;
    let working = false;
    let done = false;
    const form = element(
      "form",
      {
        onsubmit: async (event) => {
          event.preventDefault();
          if (working) return;
          working = true;
          go.setAttribute("aria-disabled", "true");
          failure.hidden = true;
          try {
            await run(form);
            done = true;
            dialog.close();
          } catch (error) {
            failure.textContent = error.message;
            failure.hidden = false;
          } finally {
            working = false;
            go.removeAttribute("aria-disabled");
          }
        },
      },
      element("h2", { id }, title),
      ...content,
      failure,
      element("div", { class: "actions end" }, button("Cancel", { onclick: () => dialog.close() }), go),
    );
    const dialog = element("dialog", { "aria-labelledby": id }, form);
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(done);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/**
 * What stands where there is nothing: it says so and what to do next.
 *
 * @param {string} title
 * @param {string} text
 * @param {...Node} actions
 */
export function emptyState(title, text, ...actions) {
  return element(
    "div",
    { class: "empty" },
    icon("image"),
    element("h2", {}, title),
    element("p", {}, text),
    actions.length > 0 && element("div", { class: "actions" }, ...actions),
  );
}

/** What went wrong while a view loaded, with a way to try again. */
export function failureState(error, retry) {
  return element(
    "div",
    { class: "empty", role: "alert" },
    icon("alert"),
    element("h2", {}, error.title || "That did not work"),
    element("p", {}, error.message),
    element("div", { class: "actions" }, button("Try again", { icon: "retry", onclick: retry })),
  );
}

/** A link to another site: it gets no handle on this page. */
export function externalLink(url, text) {
  return element("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, text, " ", icon("external"));
}

/** Name the view in the window's title, where a screen reader and the history find it. */
export function setTitle(text) {
  document.title = `${text} · Image recognition`;
}
