/** Modal dialogs. */

import { button, element } from "./elements.js";

/**
 * Ask in a modal dialog. The browser's own keeps the focus inside, closes on Escape and restores the focus.
 *
 * @param {{title: string|(string|Node)[], content: Node[], confirm: string, danger?: boolean, run: () => Promise<void>}} options
 *   `run` is called on confirmation. The dialog stays open while it runs; when it throws, the dialog shows the message.
 * @returns {Promise<boolean>} Whether `run` succeeded.
 */
export async function ask({ title, content, confirm, danger = false, run }) {
  // A second press, before the dialog of the first was open, opens no other.
  if (document.querySelector("dialog")) return false;
  const failure = element("p.complaint", { role: "alert" });
  const go = button(confirm, null, { type: "submit", class: danger ? "danger" : "primary" });
  const form = element(
    "form",
    { onsubmit: submit },
    element("h2", { id: "question" }, title),
    content,
    failure,
    element("div.actions.end", button("Cancel", () => dialog.close()), go),
  );
  const dialog = element("dialog", { "aria-labelledby": "question" }, form);
  let isDone = false;

  async function submit(event) {
    event.preventDefault();
    if (go.ariaDisabled) return;
    go.ariaDisabled = "true";
    failure.textContent = "";
    try {
      await run();
      isDone = true;
      dialog.close();
    } catch (error) {
      failure.textContent = error.message;
    }
    go.ariaDisabled = null;
  }

  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(isDone);
    });
  });
}
