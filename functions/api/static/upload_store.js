/**
 * Unfinished uploads in the browser's database: they survive a reload, a crash and an empty battery.
 *
 * A record is `{key, owner, file, album_id, added_at}`; `key` is the idempotency key under which the upload restarts,
 * so that resuming makes no second photo.
 */

let database;

const open = () =>
  (database ||= new Promise((resolve, reject) => {
    const request = indexedDB.open("image-recognition", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("uploads", { keyPath: "key" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  }));

async function run(mode, action) {
  const transaction = (await open()).transaction("uploads", mode);
  const request = action(transaction.objectStore("uploads"));
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = () => reject(transaction.error);
  });
}

/** Store a file until `forget`. Rejects when the browser has no space for it. */
export const keep = (record) => run("readwrite", (store) => store.put(record));

export const forget = (key) => run("readwrite", (store) => store.delete(key));

/** The unfinished uploads of one person, oldest first. */
export async function unfinished(owner) {
  const records = await run("readonly", (store) => store.getAll());
  return records.filter((record) => record.owner === owner).sort((a, b) => a.added_at - b.added_at);
}
