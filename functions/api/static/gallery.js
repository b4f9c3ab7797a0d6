/** View: the photos of an album, or all photos; with search, live updates and upload. */

import { call } from "./api.js";
import { changes } from "./changes.js";
import { isDeleted } from "./deletions.js";
import { button, element, emptyState, fill, headingRow, iconButton, setTitle } from "./elements.js";
import { photoStatus } from "./format.js";
import { announce } from "./notices.js";
import { pages } from "./pages.js";
import { poll } from "./poll.js";
import { activeFilters, FILTERS, searchForm } from "./search.js";
import { isOpen, makeTile } from "./tiles.js";

// Small, because on a slow line the long URLs of the thumbnails take most of the time.
const PAGE = 24;
// Up to this many photos are polled one by one; for more, one request polls the newest page of the list.
const ONE_BY_ONE = 3;

/**
 * @param {{albumId?: string, query: URLSearchParams, choosePhotos: () => void}} route
 * @returns {object} Besides `root`, `title`, `update` and `close` of every view: `albumId`, `loaded` (a promise),
 *   `neighbours(photoId)` with the addresses of the newer and the older photo, `goBeyond(photoId)`, which loads more
 *   pages until the older one is known, and `focus(photoId)`.
 */
export function open({ albumId, query, choosePhotos }) {
  const tiles = new Map();
  const tileOf = new WeakMap();
  let filters = query;

  const addButton = () => button("Add photos", choosePhotos, { icon: "add", class: "primary" });
  const top = headingRow(albumId ? "Album" : "Photos", addButton());
  const [heading, actions] = top.children;
  const search = searchForm(change);
  const narrowed = element("div.narrowed");
  const grid = element("ul.grid", { "aria-label": "Photos" });
  const below = element("div.more");
  const root = element("section", top, search.root, narrowed, grid, below);
  const view = { root, title: heading.textContent, albumId, update, close, neighbours, goBeyond, focus };

  // Which photos

  const given = () => Object.fromEntries(Object.keys(FILTERS).map((name) => [name, filters.get(name)]));
  const isNarrowed = () => Object.values(given()).some(Boolean);
  const ask = (options, signal) =>
    call("GET", "photos", { query: { album_id: albumId, ...given(), limit: PAGE, ...options }, signal });

  /** The address of the gallery, or of a photo in it, with these filters. */
  function address(photoId, search = filters) {
    const path = [albumId ? `#/albums/${albumId}` : "#/photos", albumId && photoId && "photos", photoId];
    return path.filter(Boolean).join("/") + (search.toString() && `?${search}`);
  }

  function change(different) {
    const next = new URLSearchParams(filters);
    for (const [name, value] of Object.entries(different)) value ? next.set(name, value) : next.delete(name);
    location.hash = address("", next);
  }

  function update(next) {
    if (next.toString() === filters.toString()) return;
    filters = next;
    load();
  }

  // Loading

  function load() {
    search.show(filters);
    fill(narrowed, isNarrowed() && activeFilters(filters, change));
    if (tiles.size === 0) showOutlines();
    return list.load();
  }

  function show({ photos }) {
    const wasEmpty = tiles.size === 0;
    put(photos);
    if (wasEmpty && isNarrowed()) announce(list.found("photo"));
    live.wake();
  }

  function clear() {
    tiles.clear();
    grid.replaceChildren();
    grid.ariaBusy = null;
  }

  /** Placeholders for the photos, so that the layout does not shift when they load. */
  function showOutlines() {
    grid.ariaBusy = "true";
    fill(grid, Array.from({ length: PAGE }, () => element("li.tile", { "aria-hidden": "true" }, element("span.frame.busy"))));
  }

  const nothing = () => (isNarrowed() ? nothingFound() : nothingYet());
  const list = pages({ below, ask, clear, show, count: () => tiles.size, nothing, isEndless: true });

  function nothingFound() {
    const all = () => (location.hash = address("", ""));
    const text = "No photo here matches. Try another label, or widen the dates.";
    return emptyState("Nothing found", text, button("Clear the search", all));
  }

  function nothingYet() {
    const text = "Drop photos anywhere on this page, or choose them. Seconds later they can be found by what is in them.";
    const newAlbum = async () => (await import("./albums.js")).createAlbum();
    const title = albumId ? "This album is empty" : "No photos yet";
    return emptyState(title, text, addButton(), !albumId && button("New album", newAlbum));
  }

  // Tiles

  /** Insert or update photos, newest first. @returns {object[]} Those that are new or look different now. */
  function put(photos) {
    return photos.filter((photo) => {
      if (isDeleted(photo.photo_id)) return false;
      const known = tiles.get(photo.photo_id);
      if (known) return known.update(photo);
      const tile = makeTile(photo, address);
      const older = [...grid.children].find((child) => tileOf.get(child)?.photo.created_at < photo.created_at);
      tiles.set(photo.photo_id, tile);
      tileOf.set(tile.root, tile);
      grid.insertBefore(tile.root, older || null);
      return true;
    });
  }

  function remove({ photo_id: photoId }) {
    const tile = tiles.get(photoId);
    if (!tile) return;
    const hadFocus = tile.root.contains(document.activeElement);
    const neighbour = tile.root.nextElementSibling || tile.root.previousElementSibling;
    tiles.delete(photoId);
    tile.root.remove();
    list.showEnd();
    if (hadFocus) (tileOf.get(neighbour)?.link || heading).focus();
  }

  function focus(photoId) {
    (tiles.get(photoId)?.link || heading).focus({ preventScroll: true });
  }

  function neighbours(photoId) {
    const { previousElementSibling: newer, nextElementSibling: older } = tiles.get(photoId)?.root || {};
    return [newer, older].map((tile) => tile && address(tileOf.get(tile).photo.photo_id));
  }

  /** Load pages until the older neighbour is known: an empty page need not be the last. */
  async function goBeyond(photoId) {
    await view.loaded;
    const isLast = () => tiles.has(photoId) && !tiles.get(photoId).root.nextElementSibling;
    for (let before = null; isLast() && list.cursor && list.cursor !== before; ) {
      before = list.cursor;
      await list.loadMore();
    }
  }

  // Live updates

  const live = poll(async () => {
    const open = [...tiles.values()].map((tile) => tile.photo).filter(isOpen);
    if (open.length === 0) return "settled";
    const listed = open.length > ONE_BY_ONE ? (await ask({ limit: 100 }, listening.signal)).photos : [];
    const ids = new Set(listed.map((photo) => photo.photo_id));
    // In random order, so that photos that never finish do not keep the others from being polled.
    const others = open.filter((photo) => !ids.has(photo.photo_id)).sort(() => Math.random() - 0.5);
    const asked = await Promise.all(others.slice(0, ONE_BY_ONE).map(again));
    const changed = put([...listed, ...asked].filter((photo) => tiles.has(photo.photo_id)));
    const ready = changed.filter((photo) => !isOpen(photo));
    if (ready.length > 0) announce(ready.length > 2 ? `${ready.length} photos are ready.` : ready.map(sentence).join(" "));
    return changed.length > 0 ? "changed" : "same";
  });

  async function again(photo) {
    try {
      const detail = await call("GET", `photos/${photo.photo_id}`);
      // In the form of the list: a tile must not take additional detail for a change.
      return { ...detail, labels: detail.labels.slice(0, 10).map(({ name, confidence }) => ({ name, confidence })) };
    } catch (problem) {
      if (problem.status !== 404) throw problem;
      remove(photo); // Deleted elsewhere.
      return photo;
    }
  }

  function sentence(photo) {
    const labels = photo.labels.slice(0, 3).map(({ name }) => name);
    return `${photo.name}: ${[photoStatus(photo).text, ...labels].join(", ")}.`;
  }

  function arrive({ detail: photo }) {
    if (isNarrowed() || (albumId && photo.album_id !== albumId)) return;
    const known = tiles.get(photo.photo_id)?.photo;
    // The tile may show a later state from the API than the upload knows.
    if (!known || known.status === "PENDING") put([photo]);
    list.showEnd();
    live.wake();
  }

  const listening = new AbortController();
  const { signal } = listening;
  changes.addEventListener("arrive", arrive, { signal });
  changes.addEventListener("leave", ({ detail: photo }) => remove(photo), { signal });
  changes.addEventListener("return", (event) => (isNarrowed() ? load() : arrive(event)), { signal });

  function close() {
    live.stop();
    list.stop();
    listening.abort();
  }

  async function showAlbum() {
    const { findAlbum, renameAlbum, deleteAlbum } = await import("./albums.js");
    const album = await findAlbum(albumId).catch(() => null);
    if (album === undefined) return showGone();
    if (!album) return;
    heading.textContent = view.title = album.name;
    if (root.isConnected && !root.hidden) setTitle(album.name);
    const rename = async () => (await renameAlbum(album)) && showAlbum();
    const remove = async () => (await deleteAlbum(album)) && (location.hash = "#/albums");
    fill(actions, iconButton("edit", "Rename album", rename), iconButton("trash", "Delete album", remove), addButton());
  }

  function showGone() {
    close();
    const all = element("a.button", { href: "#/albums" }, "Go to your albums");
    fill(root, top, emptyState("This album is not here", "It was deleted, or it belongs to someone else.", all));
    fill(actions);
  }

  if (albumId) showAlbum();
  view.loaded = load();
  return view;
}
