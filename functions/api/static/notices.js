/** Short messages: shown in a corner, and read to those who do not see them. */

import { button, element, iconButton } from "./elements.js";

const SHOWN_MS = 6000;

/** Say something through the live region alone. */
export function announce(text) {
  // A new paragraph is read even when it says what the last one said.
  document.getElementById("announcements").replaceChildren(element("p", text));
}

/**
 * Show a message for six seconds, or until it is dismissed.
 *
 * The time stands still while the pointer or the focus is on it: nobody has to race for its button.
 *
 * @param {string|(string|Node)[]} text
 * @param {{tone?: "bad", action?: string, run?: () => void, whenGone?: () => void, isLasting?: boolean}} [options]
 *   `action` is the button that does `run`; `whenGone` is called when the message goes without it.
 * @returns {() => void} Takes the message away, without `whenGone`.
 */
export function notify(text, { tone, action, run, whenGone, isLasting } = {}) {
  let left = SHOWN_MS;
  let since;
  let timer = null;
  const said = element("p", text);
  const notice = element(
    "div",
    { class: `notice ${tone || ""}`, onpointerenter: pause, onfocusin: pause, onpointerleave: goOn, onfocusout: goOn },
    said,
    action && button(action, () => (remove(), run()), { class: "quiet" }),
    iconButton("close", "Dismiss", expire, { class: "quiet" }),
  );

  function pause() {
    if (timer) left -= Date.now() - since;
    clearTimeout(timer);
    timer = null;
  }
  function goOn() {
    // After the event, when it is clear what has the focus now.
    setTimeout(() => {
      if (isLasting || timer || !notice.isConnected || notice.matches(":hover, :focus-within")) return;
      since = Date.now();
      timer = setTimeout(expire, left);
    });
  }
  function remove() {
    if (notice.contains(document.activeElement)) document.getElementById("main").focus();
    clearTimeout(timer);
    notice.remove();
  }
  function expire() {
    remove();
    whenGone?.();
  }

  document.getElementById("notices").append(notice);
  announce(said.textContent + (action && !isLasting ? ` ${action}: for six seconds.` : ""));
  goOn();
  return remove;
}
