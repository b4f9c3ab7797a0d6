/** Deleting photos with a way back: the request is sent only when the time for "Undo" is over. */

import { call, deleteOnTheWayOut } from "./api.js";
import { tell } from "./changes.js";
import { notify } from "./notices.js";
import { accessToken, owner } from "./session.js";

// What was announced and is not answered yet, by photo id: it survives the page, as unfinished uploads do.
const KEPT = "deletions";
const lockOf = (photoId) => `deletion ${photoId}`;

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
  // At the end there may be no time to renew the token. What fails here fails again then, and is told then.
  accessToken().catch(() => {});
  hidden.add(photoId);
  keep(photo);
  tell("leave", photo);
  const undo = () => bringBack(photo);
  const dismiss = notify(`Deleted ${name}.`, { action: "Undo", run: undo, whenGone: () => deleteForGood(photo) });
  waiting.set(photoId, { photo, dismiss, undo: () => (dismiss(), undo()) });
}

function bringBack(photo) {
  waiting.delete(photo.photo_id);
  hidden.delete(photo.photo_id);
  forget(photo);
  tell("return", photo);
}

async function deleteForGood(photo) {
  waiting.delete(photo.photo_id);
  try {
    await call("DELETE", `photos/${photo.photo_id}`);
    forget(photo);
  } catch (problem) {
    if (problem.status === 404) return forget(photo);
    bringBack(photo);
    complain(photo, problem);
  }
}

/** The page may be out of sight when this comes. */
const complain = ({ name }, { message }) => notify(`${name} is not deleted. ${message}`, { tone: "bad", isLasting: true });

/**
 * Send what waits at once: the person leaves the page, or looks at another and may not come back.
 *
 * @param {{stays?: boolean}} [options] Where the page stays, what fails is tried and told here; otherwise it is kept for
 *   the next visit.
 */
export function deleteWaitingNow({ stays = false } = {}) {
  const sent = [...waiting.values()].map(({ photo, dismiss }) => {
    dismiss();
    return deleteOnTheWayOut(photo.photo_id).then((isGone) => {
      if (isGone) return forget(photo);
      if (stays) return deleteForGood(photo);
    });
  });
  waiting.clear();
  return Promise.all(sent);
}

// What outlives the page

const kept = () => JSON.parse(localStorage.getItem(KEPT) || "{}");

/** While the page is there it holds a lock, which tells other tabs that the deletion may still be undone. */
function keep(photo) {
  store({ ...kept(), [photo.photo_id]: { owner: owner(), name: photo.name } });
  navigator.locks.request(lockOf(photo.photo_id), () => new Promise((release) => locks.set(photo.photo_id, release)));
}

const locks = new Map();

function forget({ photo_id: photoId }) {
  const { [photoId]: answered, ...others } = kept();
  store(others);
  locks.get(photoId)?.();
  locks.delete(photoId);
}

function store(deletions) {
  try {
    localStorage.setItem(KEPT, JSON.stringify(deletions));
  } catch {
    // Where the browser gives no room, only leaving at the wrong moment would end a deletion.
  }
}

/** Hide what an earlier visit deleted and had no answer for, and delete it now. */
export async function finishDeletions() {
  const mine = Object.entries(kept()).filter(([, deletion]) => deletion.owner === owner());
  if (mine.length === 0) return;
  const { held } = await navigator.locks.query();
  const inOtherTabs = new Set(held.map(({ name }) => name));
  for (const [photoId, { name }] of mine) {
    if (inOtherTabs.has(lockOf(photoId))) continue;
    hidden.add(photoId);
    finish({ photo_id: photoId, name });
  }
}

async function finish(photo) {
  try {
    await call("DELETE", `photos/${photo.photo_id}`);
    forget(photo);
  } catch (problem) {
    if (problem.isTransient) return; // The next start tries again.
    forget(photo);
    hidden.delete(photo.photo_id);
    if (problem.status !== 404) complain(photo, problem);
  }
}

addEventListener("pagehide", () => deleteWaitingNow());
document.addEventListener("visibilitychange", () => document.hidden && deleteWaitingNow({ stays: true }));
addEventListener("keydown", (event) => {
  const latest = [...waiting.values()].pop();
  const isUndo = event.key === "z" && (event.ctrlKey || event.metaKey) && !event.target.matches("input");
  if (!isUndo || !latest) return;
  event.preventDefault();
  latest.undo();
});
