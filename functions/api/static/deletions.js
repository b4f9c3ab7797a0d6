/** Delete photos, with an undo: the request is sent only when the time for "Undo" is over. */

import { call, deleteOnTheWayOut } from "./api.js";
import { tell } from "./changes.js";
import { isolated } from "./elements.js";
import { plural } from "./format.js";
import { notify } from "./notices.js";
import { accessToken, owner } from "./session.js";

// Deletions without a response yet, by photo id. They survive the page, as unfinished uploads do.
const KEPT = "deletions";
const lockOf = (photoId) => `deletion ${photoId}`;
// A person who comes back later than this may have changed their mind: the photo is kept.
const FINISHED_WITHIN_MS = 86_400_000;

// Photos whose deletion waits, and deleted ones: a response that was under way may still list them.
const hidden = new Set();
const waiting = new Map();

// True while the page closes: a request that fails then says nothing about what the service did.
let isLeaving = false;

/** Whether a list must leave this photo out. */
export const isDeleted = (photoId) => hidden.has(photoId);

/**
 * Hide a photo, and delete it six seconds later unless the person undoes that.
 *
 * @param {{photo_id: string, name: string}} photo
 */
export function deletePhoto(photo) {
  const { photo_id: photoId, name } = photo;
  if (isDeleted(photoId) || !tell("deleting", photo)) return;
  // Refresh the token now: when the page closes there may be no time for it. A failure here is reported later.
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
    if (isLeaving || !announced) return; // The next visit deletes it, or another request has done so.
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
 * Whether the outcome is unknown: the service hides a photo before it purges it, so a failed deletion may be done in
 * part. Only another refusal means that the photo is unchanged.
 */
const isUnsettled = ({ status, isTransient }) => !status || isTransient;

/** @returns {Promise<boolean>} False when the photo was deleted before. After an error the deletion stays stored. */
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

// These messages last, because the page may be in the background when they appear.
const complain = (photo, { message }) =>
  notify([named([photo]), ` is not deleted. ${message}`], { tone: "bad", isLasting: true });

/**
 * The service may have deleted the photos, so they stay hidden. What is not retried here is retried on the next visit.
 *
 * @returns {() => void} Removes the message.
 */
function tellNotYet(photos, { message }, run) {
  const rest = ` ${photos.length === 1 ? "is" : "are"} not deleted yet. ${message}`;
  return notify([named(photos), rest], { tone: "bad", isLasting: true, action: "Try again", run });
}

/** Several photos share one message, to be dismissed once. The name of a single photo may have been forgotten. */
const named = ([first, ...others]) =>
  others.length === 0 && first.name ? isolated(first.name) : plural(others.length + 1, "photo");

/**
 * Send the waiting deletions now: the person closes the page, or switches to another and may not come back.
 *
 * @param {{stays?: boolean}} [options] When the page stays open, a failed deletion is retried and reported here;
 *   otherwise it is stored for the next visit.
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

/** While the page is open it holds a lock, which shows other tabs that the deletion may still be undone. */
function keep(photo) {
  const { photo_id: photoId, name } = photo;
  store({ ...kept(), [photoId]: { owner: owner(), name, deletedAt: Date.now() } });
  const isAnswered = new Promise((release) => unanswered.set(photoId, { photo, release }));
  navigator.locks.request(lockOf(photoId), () => isAnswered);
}

/** Deletions of this page without a response, each with the functions that release its lock and remove its message. */
const unanswered = new Map();

function forget({ photo_id: photoId }) {
  const { [photoId]: answered, ...others } = kept();
  store(others);
  const { release, dismiss } = unanswered.get(photoId) || {};
  release?.();
  dismiss?.();
  unanswered.delete(photoId);
}

/** Keep only ids and times when a person signs out: the next user of the browser can read what is stored. */
export function forgetNames() {
  const nameless = Object.entries(kept()).map(([photoId, { name, ...others }]) => [photoId, others]);
  store(Object.fromEntries(nameless));
}

function store(deletions) {
  try {
    localStorage.setItem(KEPT, JSON.stringify(deletions));
  } catch {
    // Without storage, a deletion is lost only when the page closes at the wrong moment.
  }
}

/**
 * Hide the photos whose deletion an earlier visit did not finish, and delete them now; after more than a day, keep them
 * instead.
 *
 * A message reports both outcomes as soon as they are known.
 */
export async function finishDeletions() {
  const mine = Object.entries(kept()).filter(([, deletion]) => deletion.owner === owner());
  if (mine.length === 0) return;
  const { held } = await navigator.locks.query();
  const inOtherTabs = new Set(held.map(({ name }) => name));
  const [recent, old] = [[], []];
  for (const [photoId, { name, deletedAt }] of mine) {
    if (inOtherTabs.has(lockOf(photoId))) continue;
    // A deletion without a time is from an earlier version of this page; its age is unknown.
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
  const reason = "the deletion was more than a day old and had not been carried out. Delete again what you do not want to keep.";
  if (stillThere.length > 0) notify(["Kept ", named(stillThere), `: ${reason}`], { isLasting: true });
}

/** @returns {Promise<object|null>} The photo, if it exists: its deletion may be done, and only the response lost. */
async function ifStillThere(photo) {
  const problem = await call("GET", `photos/${photo.photo_id}`).then(() => null, (reason) => reason);
  if (problem && isUnsettled(problem)) return null; // The next start asks again.
  // A photo that is deleted in part is not found either: delete the rest now, or after the next start.
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
  // The page comes from the back/forward cache: requests that were sent when it closed may have had no response.
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
