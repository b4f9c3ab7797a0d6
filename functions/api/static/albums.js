/** The albums of the person: the list, and the dialogs that change it. */

import { call } from "./api.js";
import { ask } from "./dialogs.js";
import { element, field, isolated } from "./elements.js";
import { plural, withoutControls } from "./format.js";
import { announce } from "./notices.js";

const NAME_LIMIT = 100;

/** @returns {Promise<{album_id: string, name: string, created_at: string}[]>} */
export const loadAlbums = async () => (await call("GET", "albums")).albums;

/** The album of this id, if there is one. */
export const findAlbum = async (albumId) => (await loadAlbums()).find((album) => album.album_id === albumId);

/** Ask for a name, make the album and go there. */
export async function createAlbum() {
  let made;
  // The same name keeps its key: pressing the button again after a lost response makes no second album.
  const keys = new Map();
  const isDone = await askName("New album", "Create album", "", async (name) => {
    if (!keys.has(name)) keys.set(name, crypto.randomUUID());
    made = await call("POST", "albums", { body: { name }, key: keys.get(name) });
  });
  if (isDone) location.hash = `#/albums/${made.album_id}`;
}

/** Ask for a new name. @returns {Promise<boolean>} Whether the album was renamed. */
export const renameAlbum = ({ album_id: id, name: before }) =>
  askName(["Rename ", isolated(before)], "Rename album", before, async (name) => {
    await call("PATCH", `albums/${id}`, { body: { name } });
    announce(`The album is called ${name}.`);
  });

/** Ask, then delete the album with its photos. @returns {Promise<boolean>} Whether it was deleted. */
export function deleteAlbum({ album_id: id, name }) {
  const progress = element("p.hint", { role: "status" });
  return ask({
    title: ["Delete ", isolated(name), "?"],
    content: [element("p", "The album and all photos in it are deleted. This cannot be undone."), progress],
    confirm: "Delete album",
    danger: true,
    async run() {
      // A large album is deleted in portions: a response with a body means that photos are left.
      let deleted = 0;
      let answer;
      while ((answer = await call("DELETE", `albums/${id}`))) {
        deleted += answer.deleted;
        progress.textContent = `${plural(deleted, "photo")} deleted, more to go …`;
      }
      announce(`${name} is deleted.`);
    },
  });
}

function askName(title, confirm, value, run) {
  const input = element("input", { value, maxlength: NAME_LIMIT, required: true, pattern: ".*\\S.*", autocomplete: "off" });
  input.title = "A name that is not only spaces";
  return ask({ title, content: [field("Name", input, `1 to ${NAME_LIMIT} characters`)], confirm, run: () => run(withoutControls(input.value).trim()) });
}
