/** One photo in the gallery. */

import { deletePhoto } from "./deletions.js";
import { button, element, fill, icon } from "./elements.js";
import { percent, photoStatus } from "./format.js";
import { cancel, uploadOf } from "./uploads.js";

const CHIPS = 3;

/**
 * Whether a photo's state is still about to change.
 *
 * A photo whose file never came is open for an hour only: its upload was given up, here or elsewhere.
 */
export function isOpen(photo) {
  if (photo.status === "RUNNING") return true;
  if (photo.status !== "PENDING") return false;
  return photo.is_uploaded || Date.now() - Date.parse(photo.created_at) < 3_600_000;
}

/** A presigned address changes with every answer; the thumbnail is the same as long as its path is. */
const pathOf = (url) => url.split("?")[0];

/**
 * Label chips with their confidence; each leads to the photos that show the same.
 *
 * @param {{name: string, confidence: number}[]} labels
 * @param {number} [limit]
 */
export function chips(labels, limit = labels.length) {
  return element(
    "ul",
    { class: "chips", "aria-label": "Labels" },
    labels.slice(0, limit).map(({ name, confidence }) =>
      element(
        "li",
        {},
        element(
          "a",
          { class: "chip", href: `#/photos?${new URLSearchParams({ label: name })}` },
          name,
          element("span", {}, percent(confidence)),
        ),
      ),
    ),
  );
}

/** A status in words and colour. */
export const badge = ({ text, tone }) =>
  element("span", { class: `badge ${tone}` }, icon({ good: "check", busy: "retry" }[tone] || "alert"), text);

/**
 * Make a tile.
 *
 * @param {object} photo
 * @param {(photoId: string) => string} addressOf The address of the photo's own view.
 * @returns {{root: HTMLElement, link: HTMLElement, photo: object, update: (photo: object) => boolean}}
 *   `update` changes only what is different, so that nothing flickers, and returns whether anything was.
 */
export function makeTile(photo, addressOf) {
  const frame = element("span", { class: "frame" });
  const status = element("span", { class: "state" });
  const name = element("span", { class: "name" }, photo.name);
  const below = element("div", { class: "below" });
  const link = element("a", { class: "picture", href: addressOf(photo.photo_id) }, frame, status, name);
  const remove = button(`Delete ${photo.name}`, {
    icon: "trash",
    iconOnly: true,
    class: "quiet remove",
    onclick: () => {
      const upload = uploadOf(tile.photo.photo_id);
      if (upload) cancel(upload);
      else deletePhoto(tile.photo);
    },
  });
  const root = element("li", { class: "tile" }, link, remove, below);
  const tile = { root, link, photo: null, update };

  function update(next) {
    const before = tile.photo;
    tile.photo = next;
    const shown = ({ status, is_uploaded, labels, error, thumbnail }) =>
      JSON.stringify([status, is_uploaded, labels, error, thumbnail && pathOf(thumbnail.url)]);
    if (before && shown(before) === shown(next)) return false;
    showPicture(before, next);
    fill(status, next.status !== "SUCCEEDED" && badge(photoStatus(next)));
    fill(
      below,
      next.labels.length > 0 && chips(next.labels, CHIPS),
      next.error && element("p", { class: "hint" }, next.error.cause),
    );
    return true;
  }

  function showPicture(before, next) {
    const image = frame.querySelector("img");
    const alt = next.labels.slice(0, CHIPS).map((label) => label.name).join(", ");
    if (image && before.thumbnail && next.thumbnail && pathOf(before.thumbnail.url) === pathOf(next.thumbnail.url)) {
      image.alt = alt;
    } else if (next.thumbnail) {
      const { url: src, width, height } = next.thumbnail;
      fill(frame, element("img", { src, width, height, alt, loading: "lazy", decoding: "async" }));
    } else {
      fill(frame, icon(next.error ? "alert" : "image"));
    }
    frame.classList.toggle("busy", isOpen(next) && !next.thumbnail);
  }

  update(photo);
  return tile;
}
