/** Deleting photos with a way back: the request is sent only when the time for "Undo" is over. */

import { call, deleteOnTheWayOut } from "./api.js";
import { tell } from "./changes.js";
import { isolated } from "./elements.js";
import { plural } from "./format.js";
import { notify } from "./notices.js";
import { accessToken, owner } from "./session.js";

// What was announced and is not answered yet, by photo id: it survives the page, as unfinished uploads do.
const KEPT = "deletions";
const lockOf = (photoId) => `deletion ${photoId}`;
// Who comes back later than this may think otherwise by now: the photo is kept.
const FINISHED_WITHIN_MS = 86_400_000;

// Besides those that wait for their end, the photos that are gone: an answer that was under way may still list them.
const hidden = new Set();
const waiting = new Map();

// From here on a request may end with the page, which says nothing about what the service did.
let isLeaving = false;

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
  const dismiss = notify(["Deleted ", isolated(name), "."], { action: "Undo", run: undo, whenGone: () => deleteForGood(photo) });
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
    await send(photo);
  } catch (problem) {
    const announced = unanswered.get(photo.photo_id);
    if (isLeaving || !announced) return; // The next visit finishes it, or another request has done it.
    announced.dismiss?.();
    if (isUnsettled(problem)) {
      announced.dismiss = tellNotYet([photo], problem, () => deleteForGood(photo));
      return;
    }
    bringBack(photo);
    complain(photo, problem);
  }
}

/**
 * Whether nobody knows what became of it: the service hides a photo before it erases it, so what failed there may be done
 * in part. Only another refusal says that the photo is as it was.
 */
const isUnsettled = ({ status, isTransient }) => !status || isTransient;

/** @returns {Promise<boolean>} False when the photo was gone before. What is not sure is thrown, and stays kept. */
async function send(photo) {
  const isDone = await call("DELETE", `photos/${photo.photo_id}`, { keepalive: true }).then(
    () => true,
    (problem) => {
      if (problem.status !== 404) throw problem;
      return false;
    },
  );
  forget(photo);
  return isDone;
}

// The page may be out of sight when these come.
const complain = (photo, { message }) =>
  notify([named([photo]), ` is not deleted. ${message}`], { tone: "bad", isLasting: true });

/**
 * The service may have done it, so the photos do not come back. The next visit does what is not tried again here.
 *
 * @returns {() => void} Takes the message away.
 */
function tellNotYet(photos, { message }, run) {
  const rest = ` ${photos.length === 1 ? "is" : "are"} not deleted yet. ${message}`;
  return notify([named(photos), rest], { tone: "bad", isLasting: true, action: "Try again", run });
}

/** Many photos are one message, which nobody has to dismiss many times; the name of one may be forgotten. */
const named = ([first, ...others]) =>
  others.length === 0 && first.name ? isolated(first.name) : plural(others.length + 1, "photo");

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
      if (stays && !isLeaving) return deleteForGood(photo);
    });
  });
  waiting.clear();
  return Promise.all(sent);
}

// What outlives the page

const kept = () => JSON.parse(localStorage.getItem(KEPT) || "{}");

/** While the page is there it holds a lock, which tells other tabs that the deletion may still be undone. */
function keep(photo) {
  const { photo_id: photoId, name } = photo;
  store({ ...kept(), [photoId]: { owner: owner(), name, deletedAt: Date.now() } });
  const isAnswered = new Promise((release) => unanswered.set(photoId, { photo, release }));
  navigator.locks.request(lockOf(photoId), () => isAnswered);
}

/** What this page has announced and had no answer for, with what releases its lock and takes its message away. */
const unanswered = new Map();

function forget({ photo_id: photoId }) {
  const { [photoId]: answered, ...others } = kept();
  store(others);
  const { release, dismiss } = unanswered.get(photoId) || {};
  release?.();
  dismiss?.();
  unanswered.delete(photoId);
}

/** Keep ids and times alone, for someone who signs out: whoever uses the browser next can read what is kept. */
export function forgetNames() {
  const nameless = Object.entries(kept()).map(([photoId, { name, ...others }]) => [photoId, others]);
  store(Object.fromEntries(nameless));
}

function store(deletions) {
  try {
    localStorage.setItem(KEPT, JSON.stringify(deletions));
  } catch {
    // Where the browser gives no room, only leaving at the wrong moment would end a deletion.
  }
}

/**
 * Hide what an earlier visit deleted and had no answer for, and delete it now; what is older than a day is kept instead.
 *
 * The person is told of both, whenever it is known.
 */
export async function finishDeletions() {
  const mine = Object.entries(kept()).filter(([, deletion]) => deletion.owner === owner());
  if (mine.length === 0) return;
  const { held } = await navigator.locks.query();
  const inOtherTabs = new Set(held.map(({ name }) => name));
  const [recent, old] = [[], []];
  for (const [photoId, { name, deletedAt }] of mine) {
    if (inOtherTabs.has(lockOf(photoId))) continue;
    // Without a time it is from an earlier version of this page, and nobody knows how old it is.
    const isRecent = Date.now() - deletedAt < FINISHED_WITHIN_MS;
    (isRecent ? recent : old).push({ photo_id: photoId, name });
    if (isRecent) hidden.add(photoId);
  }
  finish(recent);
  giveUp(old);
}

async function finish(photos) {
  const [done, unsettled] = [[], []];
  let reason;
  const attempts = photos.map(async (photo) => {
    try {
      if (await send(photo)) done.push(photo);
    } catch (problem) {
      if (isLeaving) return; // The next start tries again.
      if (isUnsettled(problem)) {
        unsettled.push(photo);
        reason = problem;
        return;
      }
      forget(photo);
      hidden.delete(photo.photo_id);
      complain(photo, problem);
    }
  });
  await Promise.all(attempts);
  if (done.length > 0) notify(["Deleted ", named(done), ", as you asked before you left."]);
  if (unsettled.length > 0) tellNotYet(unsettled, reason, () => finish(unsettled));
}

async function giveUp(photos) {
  const stillThere = (await Promise.all(photos.map(ifStillThere))).filter(Boolean);
  const reason = "the deletion was more than a day old and had not been carried out. Delete again what is to go.";
  if (stillThere.length > 0) notify(["Kept ", named(stillThere), `: ${reason}`], { isLasting: true });
}

/** @returns {Promise<object|null>} The photo, if it is there: only the answer to its deletion may have been lost. */
async function ifStillThere(photo) {
  const problem = await call("GET", `photos/${photo.photo_id}`).then(() => null, (reason) => reason);
  if (problem && isUnsettled(problem)) return null; // The next start asks again.
  // What is erased in part is not found either; the rest of it goes now, or after the next start.
  if (problem?.status === 404) return send(photo).then(() => null, () => null);
  forget(photo);
  return problem ? null : photo;
}

addEventListener("pagehide", () => {
  isLeaving = true;
  deleteWaitingNow();
});
addEventListener("pageshow", ({ persisted }) => {
  isLeaving = false;
  // The browser had only put the page away: what was sent on the way out may have had no answer.
  if (persisted) for (const { photo } of unanswered.values()) deleteForGood(photo);
});
document.addEventListener("visibilitychange", () => document.hidden && deleteWaitingNow({ stays: true }));
addEventListener("keydown", (event) => {
  const latest = [...waiting.values()].pop();
  const isUndo = event.key === "z" && (event.ctrlKey || event.metaKey) && !event.target.matches("input");
  if (!isUndo || !latest) return;
  event.preventDefault();
  latest.undo();
});
