/** The list of uploads in the corner: progress, cancel, retry. */

import { button, element, fill } from "./elements.js";
import { plural, size } from "./format.js";
import { announce, notify } from "./notices.js";
import { add, all, cancel, clearDone, isUnfinished, retry, uploads } from "./uploads.js";

const rows = new Map();
let panel;
let list;
let heading;
let total;
let fold;
let wasBusy = false;

/** Build the panel; it shows itself as soon as there is something to tell. */
export function mountUploadPanel() {
  heading = element("h2", { id: "uploads-heading" });
  total = element("progress", { max: 1, value: 0, "aria-label": "All uploads" });
  list = element("ul", { class: "upload-list", id: "upload-list" });
  fold = button("Show or hide the list of uploads", {
    icon: "down",
    iconOnly: true,
    class: "quiet",
    "aria-expanded": "true",
    "aria-controls": "upload-list",
    onclick: () => {
      list.hidden = !list.hidden;
      fold.setAttribute("aria-expanded", String(!list.hidden));
    },
  });
  panel = element(
    "section",
    { class: "upload-panel", "aria-labelledby": "uploads-heading", hidden: true },
    element("div", { class: "upload-head" }, heading, fold, closeButton()),
    total,
    list,
  );
  document.getElementById("uploads").replaceWith(panel);
  uploads.addEventListener("change", ({ detail }) => show(detail));
}

/**
 * Take files from a person: start what can be uploaded, and say what cannot and why.
 *
 * @param {Iterable<File>} files
 * @param {string|null} albumId
 */
export async function takeFiles(files, albumId) {
  const { added, refused } = await add(files, albumId);
  if (added.length > 0) announce(`${plural(added.length, "upload")} started.`);
  for (const sentence of refused.slice(0, 3)) notify(sentence, { tone: "bad" });
  if (refused.length > 3) notify(`${refused.length - 3} more files were not taken for reasons like these.`, { tone: "bad" });
}

function closeButton() {
  return button("Close the list of uploads", {
    icon: "close",
    iconOnly: true,
    class: "quiet close",
    onclick: () => {
      clearDone();
      if (all().length === 0) document.getElementById("main").focus();
    },
  });
}

function show(upload) {
  const current = all();
  const keys = new Set(current.map(({ key }) => key));
  for (const [key, row] of rows) {
    if (keys.has(key)) continue;
    row.root.remove();
    rows.delete(key);
  }
  if (upload && keys.has(upload.key)) {
    let row = rows.get(upload.key);
    if (!row) {
      row = makeRow(upload);
      rows.set(upload.key, row);
      list.append(row.root);
    }
    row.update();
  }
  summarize(current);
}

function summarize(current) {
  const failed = current.filter(({ state }) => state === "failed").length;
  const busy = current.filter((upload) => isUnfinished(upload) && upload.state !== "failed").length;
  const done = current.length - busy - failed;
  const bytes = current.reduce((sum, { file }) => sum + file.size, 0);
  const sent = current.reduce((sum, upload) => sum + (upload.state === "done" ? upload.file.size : upload.sentBytes), 0);
  panel.hidden = current.length === 0;
  total.value = bytes ? sent / bytes : 0;
  total.hidden = busy === 0;
  panel.querySelector(".close").hidden = busy > 0 || failed > 0;
  const parts = [busy && `${plural(busy, "upload")} to go`, failed && `${failed} failed`, !busy && done && `${done} uploaded`];
  heading.textContent = parts.filter(Boolean).join(", ");
  if (wasBusy && !busy) announce(failed ? `${plural(failed, "upload")} failed.` : current.length > 0 && "All uploads are done.");
  wasBusy = busy > 0;
}

function makeRow(upload) {
  const { file } = upload;
  const progress = element("progress", { max: 1, value: 0, "aria-label": `Upload of ${file.name}` });
  const state = element("p", { class: "hint" });
  const actions = element("div", { class: "actions" });
  const root = element(
    "li",
    {},
    element("div", { class: "upload-text" }, element("p", { class: "name" }, file.name), state, progress),
    actions,
  );
  let shownState;

  function update() {
    progress.value = upload.state === "done" ? 1 : upload.sentBytes / file.size;
    progress.hidden = upload.state !== "sending";
    state.textContent = sentence(upload);
    if (shownState === upload.state) return;
    shownState = upload.state;
    root.className = upload.state;
    fill(
      actions,
      upload.state === "failed" &&
        button(`Retry ${file.name}`, { icon: "retry", iconOnly: true, class: "quiet", onclick: () => retry(upload) }),
      isUnfinished(upload) &&
        button(`Cancel ${file.name}`, { icon: "close", iconOnly: true, class: "quiet", onclick: () => stop(upload, root) }),
    );
  }
  return { root, update };
}

function stop(upload, row) {
  // The row goes, and the focus with it: hand it to the next one.
  const next = row.nextElementSibling || row.previousElementSibling;
  cancel(upload);
  (next?.querySelector("button") || fold).focus();
  if (panel.hidden) document.getElementById("main").focus();
  announce(`Cancelled ${upload.file.name}.`);
}

function sentence(upload) {
  switch (upload.state) {
    case "sending":
      return `${size(upload.sentBytes)} of ${size(upload.file.size)}`;
    case "done":
      return "Uploaded";
    case "failed":
      return upload.problem;
    case "pausing":
      return navigator.onLine ? "Trying again in a moment" : "Waiting for a connection";
    default:
      return "Waiting for its turn";
  }
}
