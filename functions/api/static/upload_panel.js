/** The list of uploads in the corner: the progress of each, with cancel and retry. */

import { button, element, fill, iconButton } from "./elements.js";
import { plural, size, withoutControls } from "./format.js";
import { announce } from "./notices.js";
import { cancel, clearDone, isUnfinished, retry, uploads, uploadWithoutAlbum } from "./uploads.js";

const rows = new Map();
const heading = element("h2", { id: "uploads-heading" });
const total = element("progress", { "aria-label": "All uploads" });
const list = element("ul", { id: "upload-list" });
const fold = iconButton("down", "List of uploads", toggle, { class: "quiet", "aria-expanded": "true", "aria-controls": list.id });
const close = iconButton("close", "Close the list of uploads", clearDone, { class: "quiet" });
const panel = element(
  "section.uploads",
  { "aria-labelledby": heading.id, hidden: true },
  element("div.upload-head", heading, fold, close),
  total,
  list,
);
let wasBusy = false;

const DONE_SHOWN_MS = 6000;

document.getElementById("notices").before(panel);

function toggle() {
  list.hidden = !list.hidden;
  fold.ariaExpanded = String(!list.hidden);
}

/**
 * Update the panel, which is visible as long as the list has uploads.
 *
 * @param {import("./uploads.js").Upload} [changed] The upload that changed; without it, the list changed.
 */
export function showUploads(changed) {
  const current = uploads();
  const kept = new Set(current);
  const hadFocus = panel.contains(document.activeElement);
  for (const [upload, row] of rows) {
    if (kept.has(upload)) continue;
    row.root.remove();
    rows.delete(upload);
  }
  if (kept.has(changed)) {
    if (!rows.has(changed)) rows.set(changed, makeRow(changed));
    rows.get(changed).update();
  }
  summarize(current);
  // The button that had the focus may have been removed with its row.
  if (hadFocus && !panel.contains(document.activeElement)) (panel.hidden ? document.getElementById("main") : fold).focus();
}

function summarize(current) {
  const failed = current.filter(({ state }) => state === "failed").length;
  const busy = current.filter(isUnfinished).length - failed;
  const bytes = (part) => current.reduce((sum, upload) => sum + part(upload), 0);
  total.value = bytes(sentBytes) / (bytes(({ file }) => file.size) || 1);
  total.hidden = busy === 0;
  close.hidden = busy + failed > 0;
  panel.hidden = current.length === 0;
  const news = [busy && `${plural(busy, "upload")} to go`, failed && `${busy ? failed : plural(failed, "upload")} failed`].filter(Boolean).join(", ");
  heading.textContent = news || `${plural(current.length, "upload")} done`;
  if (wasBusy && busy === 0 && !panel.hidden) announce(failed ? `${plural(failed, "upload")} failed.` : "All uploads are done.");
  if (wasBusy && busy + failed === 0) setTimeout(leave, DONE_SHOWN_MS);
  wasBusy = busy > 0;
}

/** Hide the panel when all uploads are done, unless the pointer or the focus is on it. */
function leave() {
  if (uploads().every(({ state }) => state === "done") && !panel.matches(":hover, :focus-within")) clearDone();
}

const sentBytes = ({ state, file, sentBytes: sent }) => (state === "done" ? file.size : sent);

function makeRow(upload) {
  const { size: bytes } = upload.file;
  const name = withoutControls(upload.file.name);
  const progress = element("progress", { "aria-label": `Upload of ${name}` });
  const words = element("p.hint");
  const actions = element("div.actions");
  const root = element("li", element("div", element("p.name", name), words, progress), actions);
  const redo = iconButton("retry", `Retry ${name}`, () => retry(upload), { class: "quiet" });
  const free = button("Upload without an album", () => uploadWithoutAlbum(upload), { class: "quiet" });
  const stop = iconButton("close", `Cancel ${name}`, () => cancel(upload), { class: "quiet" });

  function update() {
    progress.value = sentBytes(upload) / bytes;
    progress.hidden = upload.state !== "sending";
    words.textContent = sentence(upload);
    if (root.className === upload.state) return;
    root.className = upload.state;
    const remedy = upload.isAlbumGone ? free : redo;
    fill(actions, upload.state === "failed" && remedy, isUnfinished(upload) && stop);
  }

  list.append(root);
  return { root, update };
}

function sentence({ state, sentBytes: sent, file, problem }) {
  if (state === "sending") return `${size(sent)} of ${size(file.size)}`;
  if (state === "pausing") return navigator.onLine ? "Trying again in a moment" : "Waiting for a connection";
  return { waiting: "Waiting for its turn", done: "Uploaded", failed: problem }[state];
}
