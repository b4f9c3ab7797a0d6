/**
 * The queue of uploads.
 *
 * An upload is two steps: `POST /api/photos` makes the photo's record and says where to send the file; then the file
 * goes to the bucket. Both can be repeated with the same idempotency key, so a lost connection, an expired form and a
 * reload all have the same cure: begin again.
 */

import { call, Problem } from "./api.js";
import { size } from "./format.js";
import { settings } from "./session.js";
import { forget, keep, unfinished } from "./upload_store.js";

const AT_ONCE = 4;
const ATTEMPTS = 5;

/**
 * Tells the views. `change` has the upload in `detail`; `photo` has the photo whose record is new or whose file has
 * arrived; `cancelled` has the photo that will not come.
 */
export const uploads = new EventTarget();

/**
 * @typedef {object} Upload
 * @property {string} key Idempotency key.
 * @property {File} file
 * @property {string|null} albumId
 * @property {"waiting"|"sending"|"pausing"|"done"|"failed"|"cancelled"} state
 * @property {number} sentBytes
 * @property {object|null} photo The photo's record, once it is made.
 * @property {string} problem What went wrong, for the person.
 */

/** @type {Map<string, Upload>} In the order in which they were added. */
const queue = new Map();
let sending = 0;
// Files can be dropped before the API has said who this is; they are kept for that person as soon as it has.
let tellOwner;
const ownerKnown = new Promise((resolve) => (tellOwner = resolve));

export const all = () => [...queue.values()];

/** @param {Upload} upload */
export const isUnfinished = (upload) => upload.state !== "done" && upload.state !== "cancelled";

/** The unfinished upload of a photo from this tab, if there is one. */
export const uploadOf = (photoId) =>
  all().find((upload) => upload.photo?.photo_id === photoId && isUnfinished(upload));

/**
 * Go on with what an earlier visit left unfinished.
 *
 * @param {string} ownerId Whose uploads these are.
 * @returns {Promise<number>} How many are taken up.
 */
export async function resume(ownerId) {
  tellOwner(ownerId);
  const records = await unfinished(ownerId).catch(() => []);
  let taken = 0;
  for (const { key, file, album_id } of records) {
    const upload = { ...fresh(file, album_id), key };
    if (!(await claim(upload))) continue;
    queue.set(key, upload);
    changed(upload);
    taken += 1;
  }
  fillSlots();
  return taken;
}

/**
 * Add files; those that the service would refuse anyway are named at once, before a byte is sent.
 *
 * @param {Iterable<File>} files
 * @param {string|null} albumId
 * @returns {Promise<{added: Upload[], refused: string[]}>} `refused` has a sentence for each file that was not taken.
 */
export async function add(files, albumId) {
  const limits = await settings();
  const added = [];
  const refused = [];
  for (const file of files) {
    const objection = objectionTo(file, limits);
    if (objection) {
      refused.push(objection);
      continue;
    }
    const upload = fresh(file, albumId);
    await claim(upload);
    queue.set(upload.key, upload);
    added.push(upload);
    changed(upload);
    fillSlots();
    const record = { key: upload.key, file, album_id: albumId, added_at: Date.now() };
    // Without room in the database the upload still works; only a reload would end it.
    ownerKnown.then((owner) => isUnfinished(upload) && keep({ ...record, owner })).catch(() => {});
  }
  return { added, refused };
}

/** Stop an upload and take its photo's record away again. */
export async function cancel(upload) {
  if (!isUnfinished(upload)) return;
  setState(upload, "cancelled");
  upload.stop?.();
  finish(upload);
  queue.delete(upload.key);
  if (upload.photo) takeBack(upload);
}

/** Begin a failed upload again. */
export function retry(upload) {
  if (upload.state !== "failed") return;
  upload.attempts = 0;
  upload.problem = "";
  setState(upload, "waiting");
  fillSlots();
}

/** Take what is done off the list. */
export function clearDone() {
  for (const upload of all()) if (upload.state === "done") queue.delete(upload.key);
  changed(null);
}

/** Stop everything and keep nothing of it, for someone who signs out. */
export async function discardAll() {
  await Promise.all(all().map(cancel));
}

const fresh = (file, albumId) => ({
  key: crypto.randomUUID(),
  file,
  albumId,
  state: "waiting",
  sentBytes: 0,
  photo: null,
  problem: "",
  attempts: 0,
});

function objectionTo(file, { upload_types: types, upload_limit_bytes: limit }) {
  if (!types.includes(file.type)) {
    return `${file.name} is not a JPEG or PNG. Export it as one of those and add it again.`;
  }
  if (file.size === 0) return `${file.name} is empty. Take another copy of it.`;
  if (file.size > limit) {
    return `${file.name} has ${size(file.size)}; ${size(limit)} is the limit. Export it smaller and add it again.`;
  }
  return null;
}

/**
 * Hold the lock of this upload as long as it is on this tab's list: another tab that resumes must not send it too.
 *
 * @returns {Promise<boolean>} False when another tab holds it.
 */
function claim(upload) {
  if (!navigator.locks) return Promise.resolve(true);
  return new Promise((resolve) => {
    navigator.locks.request(`upload ${upload.key}`, { ifAvailable: true }, (lock) => {
      resolve(lock !== null);
      return lock && new Promise((release) => (upload.release = release));
    });
  });
}

function fillSlots() {
  for (const upload of all()) {
    if (sending >= AT_ONCE) return;
    if (upload.state === "waiting") run(upload);
  }
}

async function run(upload) {
  sending += 1;
  setState(upload, "sending");
  try {
    await begin(upload);
    if (upload.state === "cancelled") return;
    // After a reload in the wrong moment the file may have arrived without this page having heard of it.
    if (!upload.photo.is_uploaded) await sendFile(upload);
    if (upload.state === "cancelled") return;
    upload.photo = { ...upload.photo, is_uploaded: true };
    finish(upload);
    setState(upload, "done");
    tell("photo", upload.photo);
  } catch (error) {
    if (upload.state !== "cancelled") pauseOrFail(upload, error);
  } finally {
    sending -= 1;
    fillSlots();
  }
}

async function begin(upload) {
  const { file, albumId, key } = upload;
  const body = { name: file.name.slice(-255), content_type: file.type, size_bytes: file.size, album_id: albumId };
  const { photo, upload: form } = await call("POST", "photos", { body, key });
  const isNew = upload.photo === null;
  upload.photo = photo;
  upload.form = form;
  if (upload.state === "cancelled") takeBack(upload);
  else if (isNew) tell("photo", photo);
}

/** XMLHttpRequest, because fetch does not tell how much of a body has left. */
function sendFile(upload) {
  return new Promise((resolve, reject) => {
    const form = new FormData();
    for (const [name, value] of Object.entries(upload.form.fields)) form.append(name, value);
    form.append("file", upload.file);
    const request = new XMLHttpRequest();
    upload.stop = () => request.abort();
    request.upload.addEventListener("progress", (event) => {
      upload.sentBytes = event.lengthComputable ? (event.loaded / event.total) * upload.file.size : event.loaded;
      changed(upload);
    });
    request.addEventListener("load", () => {
      if (request.status >= 200 && request.status < 300) return resolve();
      // 403 is a form that expired while it waited, and 5xx a busy bucket: both are cured by beginning again.
      const isTransient = request.status === 403 || request.status >= 500;
      reject(new Problem({ status: isTransient ? 503 : request.status, detail: refusalOf(request) }));
    });
    request.addEventListener("error", () =>
      reject(new Problem({ status: 0, detail: "The connection broke. Try again when you are online." })),
    );
    request.addEventListener("abort", () => reject(new Problem({ status: 0, detail: "Cancelled." })));
    request.open("POST", upload.form.url);
    request.send(form);
  });
}

function refusalOf(request) {
  const code = request.responseXML?.querySelector("Code")?.textContent;
  if (code === "EntityTooLarge") return "The file is larger than the limit. Export it smaller and add it again.";
  return `The storage did not take the file (${code || request.status}). Try again; if it stays so, add the file anew.`;
}

function pauseOrFail(upload, error) {
  upload.sentBytes = 0;
  upload.attempts += 1;
  upload.problem = error.message;
  const isWorthAnotherTry = error.isTransient && upload.attempts < ATTEMPTS;
  if (!isWorthAnotherTry) return setState(upload, "failed");
  setState(upload, "pausing");
  const goOn = () => {
    clearTimeout(timer);
    removeEventListener("online", goOn);
    if (upload.state !== "pausing") return;
    setState(upload, "waiting");
    fillSlots();
  };
  // Doubling waits, spread a little: many files that failed together should not come back together.
  const seconds = Math.max(error.waitSeconds, 2 ** (upload.attempts - 1) * (0.75 + Math.random() / 2));
  const timer = navigator.onLine ? setTimeout(goOn, seconds * 1000) : undefined;
  addEventListener("online", goOn);
}

function finish(upload) {
  forget(upload.key).catch(() => {});
  upload.release?.();
}

function takeBack(upload) {
  tell("cancelled", upload.photo);
  call("DELETE", `photos/${upload.photo.photo_id}`).catch(() => {});
}

function setState(upload, state) {
  upload.state = state;
  changed(upload);
}

const changed = (upload) => tell("change", upload);

function tell(type, detail) {
  uploads.dispatchEvent(new CustomEvent(type, { detail }));
}
