/** Deleting photos with a way back: the request is sent only when the time for "Undo" is over. */

import { call, deleteOnTheWayOut } from "./api.js";
import { tell } from "./changes.js";
import { notify } from "./notices.js";

// Besides those that wait for their end, the photos that are gone: an answer that was under way may still list them.
const hidden = new Set();
const waiting = new Map();

/** Whether a list must leave this photo out. */
export const isDeleted = (photoId) => hidden.has(photoId);

/**
 * Take a photo away, and delete it for good six seconds later unless that is undone.
 *
 * @param {{photo_id: string, name: string}} photo
 */
export function deletePhoto(photo) {
  const { photo_id: photoId, name } = photo;
  if (isDeleted(photoId) || !tell("deleting", photo)) return;
  hidden.add(photoId);
  tell("leave", photo);
  const undo = () => bringBack(photo);
  const dismiss = notify(`Deleted ${name}.`, { action: "Undo", run: undo, whenGone: () => deleteForGood(photo) });
  waiting.set(photoId, () => (dismiss(), undo()));
}

function bringBack(photo) {
  waiting.delete(photo.photo_id);
  hidden.delete(photo.photo_id);
  tell("return", photo);
}

async function deleteForGood(photo) {
  waiting.delete(photo.photo_id);
  try {
    await call("DELETE", `photos/${photo.photo_id}`);
  } catch (problem) {
    if (problem.status === 404) return;
    bringBack(photo);
    notify(`${photo.name} is not deleted. ${problem.message}`, { tone: "bad" });
  }
}

/** Send what waits at once: the person leaves the page. */
export function deleteWaitingNow() {
  for (const photoId of waiting.keys()) deleteOnTheWayOut(photoId);
  waiting.clear();
}

addEventListener("pagehide", deleteWaitingNow);
addEventListener("keydown", (event) => {
  const undoLatest = [...waiting.values()].pop();
  const isUndo = event.key === "z" && (event.ctrlKey || event.metaKey) && !event.target.matches("input");
  if (!isUndo || !undoLatest) return;
  event.preventDefault();
  undoLatest();
});
