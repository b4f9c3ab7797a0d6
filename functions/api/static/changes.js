/** Events of photos, for the views that show them: no view has to know what caused a change. */

/**
 * Events, each with the photo in `detail`: `arrive` when its record is new or its file is uploaded, `leave` when it
 * must be hidden, `return` when that is undone, and `deleting`, which a listener can prevent, before it is deleted.
 */
export const changes = new EventTarget();

/** @returns {boolean} False when a listener prevented it. */
export const tell = (type, photo) => changes.dispatchEvent(new CustomEvent(type, { detail: photo, cancelable: true }));
