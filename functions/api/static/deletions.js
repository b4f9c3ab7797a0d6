/** Deleting photos with a way back: the request is sent only after the time for "Undo" is over. */

import { call, deleteOnTheWayOut } from "./api.js";
import { notify } from "./notices.js";

/** Tells the views: `hide` and `restore`, with the photo in `detail`. */
export const deletions = new EventTarget();

// Photos that a list must not show: those that wait for their end, and those that are gone but may be in an answer
// that was under way.
const hidden = new Set();
const waiting = new Map();

/** @param {string} photoId */
export const isDeleted = (photoId) => hidden.has(photoId);

/**
 * Take a photo away, and delete it for good some seconds later unless that is undone.
 *
 * @param {{photo_id: string, name: string}} photo
 */
export function deletePhoto(photo) {
  if (hidden.has(photo.photo_id)) return;
  hidden.add(photo.photo_id);
  tell("hide", photo);
  const notice = notify(`Deleted ${photo.name}.`, {
    action: { label: "Undo", run: () => restore(photo) },
    whenGone: () => deleteForGood(photo),
  });
  waiting.set(photo.photo_id, { photo, notice });
}

/** Undo the latest deletion that can be undone. */
export function undoLatest() {
  const latest = [...waiting.values()].pop();
  if (!latest) return;
  latest.notice.dismiss();
  restore(latest.photo);
}

function restore(photo) {
  waiting.delete(photo.photo_id);
  hidden.delete(photo.photo_id);
  tell("restore", photo);
}

async function deleteForGood(photo) {
  waiting.delete(photo.photo_id);
  try {
    await call("DELETE", `photos/${photo.photo_id}`);
    tell("gone", photo);
  } catch (problem) {
    if (problem.status === 404) return;
    restore(photo);
    notify(`${photo.name} was not deleted. ${problem.message}`, {
      tone: "bad",
      action: { label: "Delete again", run: () => deletePhoto(photo) },
    });
  }
}

function tell(type, detail) {
  deletions.dispatchEvent(new CustomEvent(type, { detail }));
}

/** Send what waits at once, for someone who leaves the page. */
export function deleteWaitingNow() {
  for (const [photoId, { notice }] of waiting) {
    notice.dismiss();
    deleteOnTheWayOut(photoId);
  }
  waiting.clear();
}

addEventListener("pagehide", deleteWaitingNow);
addEventListener("keydown", (event) => {
  const isUndo = event.key === "z" && (event.ctrlKey || event.metaKey) && !event.shiftKey;
  if (!isUndo || waiting.size === 0 || event.target.matches("input, textarea, select")) return;
  event.preventDefault();
  undoLatest();
});
