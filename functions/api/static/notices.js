/** Short messages: shown in a corner, and read by screen readers. */

import { button, element, iconButton } from "./elements.js";

const SHOWN_MS = 6000;

/** Announce a text in the live region only. */
export function announce(text) {
  // A new paragraph is read even when its text is the same as before.
  document.getElementById("announcements").replaceChildren(element("p", text));
}

/**
 * Show a message for six seconds, or until it is dismissed.
 *
 * The time stops while the pointer or the focus is on it, so that there is no hurry to reach its button.
 *
 * @param {string|(string|Node)[]} text
 * @param {{tone?: "bad", action?: string, run?: () => void, whenGone?: () => void, isLasting?: boolean}} [options]
 *   `action` is the text of a button that calls `run`; `whenGone` is called when the message ends without it.
 * @returns {() => void} Removes the message, without calling `whenGone`.
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
    // After the event, when the new focus is known.
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
