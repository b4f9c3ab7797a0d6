/**
 * The queue of uploads.
 *
 * An upload has two steps: `POST /api/photos` makes the photo's record and returns where to send the file; then the
 * file goes to the bucket. Both can be repeated under the same idempotency key. The remedy for a lost connection, an expired
 * form and a reload is therefore the same: start again.
 */

import { call, Problem } from "./api.js";
import { changes, tell } from "./changes.js";
import { size, withoutControls } from "./format.js";
import { settings } from "./session.js";
import { forget, keep, unfinished } from "./upload_store.js";

const AT_ONCE = 4;
const ATTEMPTS = 5;
// After a longer `Retry-After`, as that of the daily allowance, the person retries.
const LONGEST_PAUSE_SECONDS = 300;
// https://www.w3.org/TR/png-3/#5PNG-file-signature; a JPEG begins with its SOI marker and the first byte of another.
const SIGNATURES = [
  ["image/jpeg", [0xff, 0xd8, 0xff]],
  ["image/png", [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
];
const LONGEST_SIGNATURE = 8;

/**
 * @typedef {object} Upload
 * @property {string} key Idempotency key.
 * @property {File} file
 * @property {string} type The media type, by the first bytes.
 * @property {string|null} albumId
 * @property {"waiting"|"sending"|"pausing"|"done"|"failed"|"cancelled"} state
 * @property {number} sentBytes
 * @property {object|null} photo The photo's record, once it is made.
 * @property {boolean} isAlbumGone Whether its album is deleted.
 * @property {string} problem What went wrong, for the person.
 */

/** @type {Map<string, Upload>} In the order in which they were added. */
const queue = new Map();
let owner;
let sending = 0;
let onchange;

/** Every upload of the list. @returns {Upload[]} */
export const uploads = () => [...queue.values()];

export const isUnfinished = ({ state }) => state !== "done" && state !== "cancelled";

/**
 * Resume the unfinished uploads of an earlier visit.
 *
 * @param {string} ownerId Whose uploads these are: a browser may be shared.
 * @param {(upload?: Upload) => void} listener Called when an upload, or without one the list, has changed.
 * @returns {Promise<number>} How many are resumed.
 */
export async function resume(ownerId, listener) {
  owner = ownerId;
  onchange = listener;
  for (const { key, file, album_id: albumId } of await unfinished(owner).catch(() => [])) {
    await enqueue(key, file, await typeOf(file), albumId);
  }
  return queue.size;
}

/**
 * Add files. Those that the service would refuse are refused here, before a byte is sent.
 *
 * @param {Iterable<File>} files
 * @param {string|null} albumId
 * @returns {Promise<{added: number, refused: string[]}>} `refused` has a sentence for each file that was not added.
 */
export async function add(files, albumId) {
  const limits = await settings();
  const refused = [];
  for (const file of files) {
    const type = await typeOf(file);
    const objection = objectionTo(file, type, limits);
    if (objection) refused.push(objection);
    else await begin(file, type, albumId);
  }
  return { added: [...files].length - refused.length, refused };
}

async function begin(file, type, albumId) {
  const key = crypto.randomUUID();
  // Without space in the browser's database, the upload works too; only a reload would end it.
  await keep({ key, owner, file, album_id: albumId, added_at: Date.now() }).catch(() => {});
  await enqueue(key, file, type, albumId);
}

/** The media type by the first bytes; a file's name is no evidence. @returns {Promise<string>} "" when unknown. */
async function typeOf(file) {
  const start = new Uint8Array(await file.slice(0, LONGEST_SIGNATURE).arrayBuffer().catch(() => []));
  const fits = ([, signature]) => signature.every((byte, index) => start[index] === byte);
  return SIGNATURES.find(fits)?.[0] || "";
}

function objectionTo(file, type, { upload_types: types, upload_limit_bytes: limit }) {
  const [name, bytes] = [withoutControls(file.name), file.size];
  if (bytes === 0) return `${name} is empty. Take another copy of it.`;
  if (!types.includes(type)) return `${name} is not a JPEG or PNG. Export it as one of these and add it again.`;
  if (bytes > limit) return `${name} has ${size(bytes)}, the limit is ${size(limit)}. Export it smaller and add it again.`;
  return null;
}

async function enqueue(key, file, type, albumId) {
  const progress = { state: "waiting", sentBytes: 0, photo: null, isAlbumGone: false, problem: "", attempts: 0 };
  const upload = { key, file, type, albumId, ...progress };
  if (!(await claim(upload))) return;
  queue.set(key, upload);
  onchange(upload);
  fillSlots();
}

/** Hold the upload's lock while it is on this list, so that another tab that resumes does not send it too. */
function claim(upload) {
  return new Promise((resolve) => {
    navigator.locks.request(`upload ${upload.key}`, { ifAvailable: true }, (lock) => {
      resolve(lock !== null);
      return lock && new Promise((release) => (upload.release = release));
    });
  });
}

/** Cancel an upload and delete its photo's record. */
export async function cancel(upload) {
  if (!isUnfinished(upload)) return;
  upload.state = "cancelled";
  upload.request?.abort();
  finish(upload);
  queue.delete(upload.key);
  onchange(upload);
  if (upload.photo) await takeBack(upload.photo);
}

/** Upload a file whose album is deleted; under a new key, because it is a different request. */
export async function uploadWithoutAlbum(upload) {
  const { file, type } = upload;
  await cancel(upload);
  await begin(file, type, null);
}

/** Restart a failed upload. */
export function retry(upload) {
  upload.attempts = 0;
  setState(upload, "waiting");
  fillSlots();
}

/** Remove finished uploads from the list. */
export function clearDone() {
  for (const upload of uploads()) if (upload.state === "done") queue.delete(upload.key);
  onchange();
}

// Deleting a photo whose file is still being sent cancels its upload; there is nothing to undo.
changes.addEventListener("deleting", (event) => {
  const upload = uploads().find(({ photo }) => photo?.photo_id === event.detail.photo_id);
  if (!upload || !isUnfinished(upload)) return;
  event.preventDefault();
  cancel(upload);
});

function fillSlots() {
  const waiting = uploads().filter(({ state }) => state === "waiting");
  for (const upload of waiting.slice(0, AT_ONCE - sending)) run(upload);
}

async function run(upload) {
  sending += 1;
  setState(upload, "sending");
  try {
    const form = await announce(upload);
    // After a reload at the wrong moment the file may already be uploaded.
    if (upload.state === "sending" && !upload.photo.is_uploaded) await sendFile(upload, form);
    if (upload.state === "sending") succeed(upload);
  } catch (error) {
    // Conflict: the photo was deleted elsewhere meanwhile, so cancel its upload.
    if (error.status === 409) cancel(upload);
    else if (error.status === 404 && upload.albumId) failForWantOfAlbum(upload);
    else if (upload.state === "sending") pauseOrFail(upload, error);
  }
  sending -= 1;
  fillSlots();
}

async function announce(upload) {
  const { file, type, albumId, key } = upload;
  // The API's limit for a name; file systems allow longer ones.
  const name = [...withoutControls(file.name)].slice(-255).join("");
  const body = { name, content_type: type, size_bytes: file.size, album_id: albumId };
  const { photo, upload: form } = await call("POST", "photos", { body, key });
  if (upload.state === "cancelled") takeBack(photo);
  else if (!upload.photo) tell("arrive", photo);
  upload.photo = photo;
  return form;
}

/** Send the file with XMLHttpRequest, because fetch does not report the progress of an upload. */
function sendFile(upload, { url, fields }) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", upload.file);
  const request = new XMLHttpRequest();
  upload.request = request;
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    upload.sentBytes = (loaded / total) * upload.file.size;
    onchange(upload);
  });
  return new Promise((resolve, reject) => {
    request.addEventListener("load", () => (request.status < 300 ? resolve() : reject(refusal(request))));
    request.addEventListener("abort", reject);
    request.addEventListener("error", () => reject(new Problem({ status: 0, detail: "The connection broke. Try again when it is back." })));
    request.open("POST", url);
    request.send(form);
  });
}

function refusal({ status, responseXML }) {
  const code = responseXML?.querySelector("Code")?.textContent || status;
  // A form that expired while it waited (403) needs a new start, as a busy bucket does.
  const isTransient = status === 403 || status >= 500;
  const detail = `The storage did not take the file (${code}). Try again; if that does not help, add the file again.`;
  return new Problem({ status: isTransient ? 503 : status, detail });
}

function succeed(upload) {
  finish(upload);
  setState(upload, "done");
  tell("arrive", { ...upload.photo, is_uploaded: true });
}

function failForWantOfAlbum(upload) {
  upload.isAlbumGone = true;
  upload.problem = "The album is deleted; add the photo to another.";
  setState(upload, "failed");
}

function pauseOrFail(upload, error) {
  upload.sentBytes = 0;
  upload.attempts += 1;
  upload.problem = error.message;
  const isOver = !error.isTransient || error.waitSeconds > LONGEST_PAUSE_SECONDS || upload.attempts === ATTEMPTS;
  if (isOver) return setState(upload, "failed");
  setState(upload, "pausing");
  // Exponential backoff with jitter: files that failed together should not retry together.
  const seconds = Math.max(error.waitSeconds, 2 ** upload.attempts * (0.5 + Math.random() / 2));
  const timer = setTimeout(goOn, navigator.onLine ? seconds * 1000 : 60_000);
  addEventListener("online", goOn);

  function goOn() {
    clearTimeout(timer);
    removeEventListener("online", goOn);
    if (upload.state === "pausing") setState(upload, "waiting");
    fillSlots();
  }
}

function finish(upload) {
  forget(upload.key).catch(() => {});
  upload.release?.();
}

async function takeBack(photo) {
  tell("leave", photo);
  await call("DELETE", `photos/${photo.photo_id}`).catch(() => {});
}

function setState(upload, state) {
  upload.state = state;
  onchange(upload);
}
