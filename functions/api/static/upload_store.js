/**
 * Files whose upload is not finished, in the browser's database: they survive a reload, a crash and a lost battery.
 *
 * A record is `{key, owner, file, album_id, added_at}`; `key` is the idempotency key with which the upload is begun
 * again, so that going on makes no second photo.
 */

const STORE = "uploads";

let database;

function open() {
  database ||= new Promise((resolve, reject) => {
    const request = indexedDB.open("image-recognition", 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "key" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return database;
}

async function run(mode, action) {
  const transaction = (await open()).transaction(STORE, mode);
  const request = action(transaction.objectStore(STORE));
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = transaction.onerror = () => reject(transaction.error);
  });
}

/** Keep a file until `forget`. Rejects when the browser gives no room; the upload works without, until a reload. */
export const keep = (record) => run("readwrite", (store) => store.put(record));

/** @param {string} key */
export const forget = (key) => run("readwrite", (store) => store.delete(key));

/** The unfinished uploads of one person, oldest first: a browser may be shared. */
export async function unfinished(owner) {
  const records = await run("readonly", (store) => store.getAll());
  return records.filter((record) => record.owner === owner).sort((a, b) => a.added_at - b.added_at);
}
