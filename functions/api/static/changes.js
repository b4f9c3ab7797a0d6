/** What happens to photos, told to whoever shows them, so that no view has to know who caused it. */

/**
 * Events, each with the photo in `detail`: `arrive` when its record is new or its file has come, `leave` when it is
 * not to be shown any more, `return` when that is undone, and `deleting`, which can be prevented, before it is deleted.
 */
export const changes = new EventTarget();

/** @returns {boolean} False when a listener prevented it. */
export const tell = (type, photo) => changes.dispatchEvent(new CustomEvent(type, { detail: photo, cancelable: true }));
