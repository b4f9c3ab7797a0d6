/** The tile of a photo in a gallery, and the parts of it that other views use. */

import { call } from "./api.js";
import { deletePhoto } from "./deletions.js";
import { element, fill, icon, iconButton, list } from "./elements.js";
import { percent, photoStatus } from "./format.js";

const CHIPS = 3;

/** Whether a photo's state can still change; the API sets a final one when the file never arrives. */
export const isOpen = ({ status }) => status === "RUNNING" || status === "PENDING";

/** The address of a gallery with these filters. */
export const searchAddress = (filters) => `#/photos?${new URLSearchParams(filters)}`;

/** Labels with their confidence; with `isLinked`, each links to the photos with that label. */
export const chips = (labels, isLinked = true) =>
  list("ul.chips", "Labels", labels.map(({ name, confidence }) => {
    const said = [name, element("span", percent(confidence))];
    return isLinked ? element("a.chip", { href: searchAddress({ label: name }) }, said) : element("span.chip", said);
  }));

/** A state as a text, an icon and a colour. */
export const badge = ({ text, tone }) =>
  element(`span.badge.${tone}`, icon({ good: "check", busy: "retry" }[tone] || "alert"), text);

// A presigned URL is different in every response; the picture is the same as long as the path is.
const pathOf = (thumbnail) => thumbnail?.url.split("?")[0];

/**
 * @param {object} photo
 * @param {(photoId: string) => string} addressOf The address of the photo's own view.
 * @returns {{root: HTMLElement, link: HTMLElement, photo: object, update: (photo: object) => boolean}} `update` touches
 *   only what is different, so that nothing flickers, and returns whether anything was.
 */
export function makeTile(photo, addressOf) {
  const frame = element("span.frame");
  const status = element("span.state");
  const below = element("div.below");
  const link = element("a.picture", { href: addressOf(photo.photo_id) }, element("span.cover", frame, status), element("span.name", photo.name));
  const remove = iconButton("trash", `Delete ${photo.name}`, () => deletePhoto(tile.photo), { class: "quiet remove" });
  const tile = { root: element("li.tile", link, remove, below), link, photo: null, update };

  function update(next) {
    const before = tile.photo;
    tile.photo = next;
    if (before && shownOf(before) === shownOf(next)) return false;
    const labels = next.labels.slice(0, CHIPS);
    showPicture(next.thumbnail, pathOf(before?.thumbnail) === pathOf(next.thumbnail), labels);
    frame.classList.toggle("busy", isOpen(next) && !next.thumbnail);
    fill(status, next.status !== "SUCCEEDED" && badge(photoStatus(next)));
    fill(below, labels.length > 0 && chips(labels), next.error && element("p.hint.cause", next.error.cause));
    return true;
  }

  function showPicture(thumbnail, isSame, labels) {
    const alt = labels.map((label) => label.name).join(", ");
    if (!thumbnail) fill(frame, icon(tile.photo.error ? "alert" : "image"));
    else if (isSame) frame.firstChild.alt = alt;
    else {
      const { url: src, width, height } = thumbnail;
      fill(frame, element("img", { src, width, height, alt, loading: "lazy", decoding: "async", onerror: renew }));
    }
  }

  /** The URL may have expired while the page was open; request a new one, once. */
  async function renew({ target: image }) {
    image.removeEventListener("error", renew);
    const giveUp = () => fill(frame, icon("image"));
    image.addEventListener("error", giveUp);
    // For a deleted photo there is none: its view explains that.
    const { thumbnail } = await call("GET", `photos/${tile.photo.photo_id}`).catch(() => ({}));
    if (thumbnail) image.src = thumbnail.url;
    else giveUp();
  }

  update(photo);
  return tile;
}

const shownOf = ({ status, is_uploaded: isUploaded, labels, error, thumbnail }) =>
  JSON.stringify([status, isUploaded, labels, error, pathOf(thumbnail)]);
