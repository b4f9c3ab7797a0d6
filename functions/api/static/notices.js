/** Short messages: shown in a corner, and read to those who do not see them. */

import { button, element } from "./elements.js";

const SHOWN_MS = 6000;

/**
 * Say something through the live region alone.
 *
 * @param {string} text
 */
export function announce(text) {
  const region = document.getElementById("announcements");
  // A paragraph of its own is read even when the same text was just there.
  region.replaceChildren(element("p", {}, text));
}

/**
 * Show a message for a while.
 *
 * The time stands still while the pointer or the focus is on it: nobody has to race for its button.
 *
 * @param {string} text
 * @param {{tone?: "bad", action?: {label: string, run: () => void}, whenGone?: () => void}} [options]
 *   `whenGone` is called when it goes without its action having been taken.
 * @returns {{dismiss: () => void}} Takes it away without `whenGone`.
 */
export function notify(text, { tone, action, whenGone } = {}) {
  const list = document.getElementById("notices");
  let left = SHOWN_MS;
  let since;
  let timer;

  const notice = element(
    "div",
    { class: `notice ${tone || ""}` },
    element("p", {}, text),
    action && button(action.label, { class: "quiet", onclick: () => (remove(), action.run()) }),
    button("Dismiss", { icon: "close", iconOnly: true, class: "quiet", onclick: expire }),
  );

  function run() {
    if (timer || notice.matches(":hover, :focus-within")) return;
    since = Date.now();
    timer = setTimeout(expire, left);
  }
  function pause() {
    if (timer) left -= Date.now() - since;
    clearTimeout(timer);
    timer = undefined;
  }
  function remove() {
    clearTimeout(timer);
    notice.remove();
  }
  function expire() {
    remove();
    whenGone?.();
  }

  for (const event of ["pointerenter", "focusin"]) notice.addEventListener(event, pause);
  for (const event of ["pointerleave", "focusout"]) notice.addEventListener(event, () => setTimeout(run));
  list.append(notice);
  announce(action ? `${text} ${action.label} is possible for a few seconds.` : text);
  run();
  return { dismiss: remove };
}
