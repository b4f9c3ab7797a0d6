/** The albums of the person: the list, and the dialogs that change it. */

import { call } from "./api.js";
import { ask, element, field } from "./elements.js";
import { announce } from "./notices.js";

const NAME_LIMIT = 100;

let list = null;

/**
 * All albums, from memory when they were loaded before.
 *
 * @param {{again?: boolean}} [options] `again` asks the API anew.
 * @returns {Promise<{album_id: string, name: string, created_at: string}[]>}
 */
export async function albums({ again = false } = {}) {
  if (!list || again) list = (await call("GET", "albums")).albums;
  return list;
}

/** @returns {Promise<object|null>} The album, or `null` when there is none of this id. */
export async function album(albumId) {
  const find = (all) => all.find((each) => each.album_id === albumId);
  return find(await albums()) || find(await albums({ again: true })) || null;
}

/** Ask for a name and make an album. @returns {Promise<object|null>} The album, or `null` when it was called off. */
export async function createAlbum() {
  let made = null;
  // One key for one name: pressing the button again after a lost answer makes no second album.
  const keys = new Map();
  await askName("New album", "Create album", "", async (name) => {
    if (!keys.has(name)) keys.set(name, crypto.randomUUID());
    made = await call("POST", "albums", { body: { name }, key: keys.get(name) });
    await albums({ again: true });
    announce(`Album ${made.name} created.`);
  });
  return made;
}

/** Ask for another name. @returns {Promise<boolean>} Whether the album has one. */
export function renameAlbum({ album_id, name: before }) {
  return askName(`Rename ${before}`, "Rename album", before, async (name) => {
    await call("PATCH", `albums/${album_id}`, { body: { name } });
    await albums({ again: true });
    announce(`Album renamed to ${name}.`);
  });
}

/** Ask, then delete the album with its photos. @returns {Promise<boolean>} Whether it is gone. */
export function deleteAlbum({ album_id, name }) {
  const progress = element("p", { class: "hint", role: "status" });
  return ask({
    title: `Delete ${name}?`,
    content: [element("p", {}, "The album and all photos in it are deleted. This cannot be undone."), progress],
    confirm: "Delete album",
    danger: true,
    async run() {
      let deleted = 0;
      // A large album goes in portions: 202 says that some photos are left.
      for (;;) {
        const answer = await call("DELETE", `albums/${album_id}`);
        if (!answer) break;
        deleted += answer.deleted;
        progress.textContent = `${deleted} photos deleted so far …`;
      }
      await albums({ again: true });
      announce(`Album ${name} deleted.`);
    },
  });
}

function askName(title, confirm, value, run) {
  const input = element("input", { value, name: "name", maxlength: NAME_LIMIT, required: true, autocomplete: "off" });
  const asked = field("Name", input, `1 to ${NAME_LIMIT} characters`);
  return ask({
    title,
    content: [asked],
    confirm,
    async run() {
      const name = input.value.trim();
      asked.complain(name ? "" : "Type a name for the album.");
      if (!name) throw new Error("The album needs a name.");
      await run(name);
    },
  });
}
