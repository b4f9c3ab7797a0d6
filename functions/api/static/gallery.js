/** View: the photos of an album, or all photos; searched, watched and added to. */

import { album as findAlbum, createAlbum, deleteAlbum, renameAlbum } from "./albums.js";
import { call } from "./api.js";
import { deletions, isDeleted } from "./deletions.js";
import { button, element, emptyState, failureState, fill, setTitle } from "./elements.js";
import { photoStatus, plural } from "./format.js";
import { announce } from "./notices.js";
import { poll } from "./poll.js";
import { activeFilters, FILTERS, searchForm } from "./search.js";
import { isOpen, makeTile } from "./tiles.js";
import { takeFiles } from "./upload_panel.js";
import { uploads } from "./uploads.js";

const PAGE = 50;
// So few are asked for one by one; more of them with a page of the list, which costs one request.
const ONE_BY_ONE = 3;

/**
 * @param {{albumId: string|null, query: URLSearchParams}} options
 * @returns {{root: HTMLElement, title: string, update: (query: URLSearchParams) => void, close: () => void,
 *   accept: (files: Iterable<File>) => void, neighbours: (photoId: string) => object, focus: (photoId: string) => void,
 *   loaded: Promise<void>}}
 */
export function open({ albumId, query }) {
  /** @type {Map<string, ReturnType<typeof makeTile>>} */
  const tiles = new Map();
  const byRoot = new WeakMap();
  let filters = query;
  let cursor = null;
  let loading = null;
  let album = null;

  const heading = element("h1", { tabindex: -1 }, albumId ? "Album" : "Photos");
  const actions = element("div", { class: "actions" });
  const search = searchForm(change);
  const narrowed = element("div", { class: "narrowed" });
  const grid = element("ul", { class: "grid photos", "aria-label": "Photos" });
  const below = element("div", { class: "more" });
  const root = element("section", {}, element("div", { class: "heading" }, heading, actions), search.root, narrowed, grid, below);
  const view = { root, title: heading.textContent, update, close, accept, neighbours, focus };

  // --- what is asked for ---------------------------------------------------------------------------------------

  const isNarrowed = () => FILTERS.some((name) => filters.get(name));

  function ask(options) {
    const given = Object.fromEntries(FILTERS.map((name) => [name, filters.get(name)]));
    return { query: { album_id: albumId, ...given, limit: PAGE, ...options } };
  }

  function change(changes) {
    const next = new URLSearchParams(filters);
    for (const [name, value] of Object.entries(changes)) {
      if (value) next.set(name, value);
      else next.delete(name);
    }
    location.hash = address("", next);
  }

  function address(photoId, query = filters) {
    const path = [albumId ? `#/albums/${albumId}/photos` : "#/photos", photoId].filter(Boolean).join("/");
    const base = photoId || !albumId ? path : `#/albums/${albumId}`;
    return query.size > 0 ? `${base}?${query}` : base;
  }

  function update(next) {
    if (next.toString() === filters.toString()) return;
    filters = next;
    load();
  }

  // --- loading -------------------------------------------------------------------------------------------------

  async function load() {
    const signal = begin();
    grid.setAttribute("aria-busy", "true");
    search.show(filters);
    fill(narrowed, activeFilters(filters, change));
    if (tiles.size === 0) fill(below, element("p", { class: "hint" }, "Loading photos …"));
    try {
      const answer = await call("GET", "photos", { ...ask(), signal });
      if (signal.aborted) return;
      tiles.clear();
      grid.replaceChildren();
      put(answer.photos);
      cursor = answer.cursor;
      if (isNarrowed()) announce(`${plural(tiles.size, "photo")}${cursor ? " and more" : ""} found.`);
      showBelow();
    } catch (problem) {
      if (signal.aborted) return;
      tiles.clear();
      grid.replaceChildren();
      fill(below, failureState(problem, load));
    }
    grid.removeAttribute("aria-busy");
    live.wake();
  }

  async function loadMore() {
    const signal = begin();
    fill(below, element("p", { class: "hint" }, "Loading more photos …"));
    try {
      const answer = await call("GET", "photos", { ...ask({ cursor }), signal });
      if (signal.aborted) return;
      cursor = answer.cursor;
      put(answer.photos);
      showBelow();
    } catch (problem) {
      if (!signal.aborted) fill(below, failureState(problem, loadMore));
    }
  }

  function begin() {
    loading?.abort();
    loading = new AbortController();
    return loading.signal;
  }

  function showBelow() {
    end.disconnect();
    if (cursor) {
      const more = button("Show more", { onclick: loadMore });
      fill(below, more);
      end.observe(more);
    } else if (tiles.size > 0) fill(below);
    else if (isNarrowed()) {
      const clear = button("Clear the search", { onclick: () => change(Object.fromEntries(FILTERS.map((name) => [name, ""]))) });
      fill(below, emptyState("Nothing found", "No photo here fits. Try another label, or widen the dates.", clear));
    } else {
      const text = "Drop photos anywhere on this page, or choose them. Each is looked at in a few seconds, and can then be found by what is in it.";
      fill(
        below,
        emptyState(albumId ? "This album is empty" : "No photos yet", text, addButton(), !albumId && button("New album", { onclick: makeAlbum })),
      );
    }
  }

  // The end of the list comes into sight: load on, so that nobody has to press "Show more" while scrolling.
  const end = new IntersectionObserver(([entry]) => entry.isIntersecting && loadMore(), { rootMargin: "400px" });

  // --- tiles ---------------------------------------------------------------------------------------------------

  /** Show photos at their place, newest first; returns those whose tile is new or different. */
  function put(photos) {
    return photos.filter((photo) => {
      if (isDeleted(photo.photo_id)) return false;
      const tile = tiles.get(photo.photo_id);
      if (tile) return tile.update(photo);
      const made = makeTile(photo, address);
      tiles.set(photo.photo_id, made);
      const next = [...grid.children].find((child) => byRoot.get(child).photo.created_at < photo.created_at);
      byRoot.set(made.root, made);
      grid.insertBefore(made.root, next || null);
      return true;
    });
  }

  function take(photoId) {
    const tile = tiles.get(photoId);
    if (!tile) return;
    const hadFocus = tile.root.contains(document.activeElement);
    const neighbour = tile.root.nextElementSibling || tile.root.previousElementSibling;
    tiles.delete(photoId);
    tile.root.remove();
    if (tiles.size === 0) showBelow();
    if (hadFocus) (byRoot.get(neighbour)?.link || heading).focus();
  }

  const belongsHere = (photo) => !isNarrowed() && (!albumId || photo.album_id === albumId);

  function focus(photoId) {
    (tiles.get(photoId)?.link || heading).focus({ preventScroll: true });
  }

  function neighbours(photoId) {
    const tile = tiles.get(photoId);
    const at = (root) => (root ? address(byRoot.get(root).photo.photo_id) : null);
    return { previous: at(tile?.root.previousElementSibling), next: at(tile?.root.nextElementSibling) };
  }

  // --- live state ----------------------------------------------------------------------------------------------

  const live = poll(async () => {
    const open = [...tiles.values()].map((tile) => tile.photo).filter(isOpen);
    if (open.length === 0) return "settled";
    const states = new Map(open.map((photo) => [photo.photo_id, photo.status]));
    const changed = put(await (open.length > ONE_BY_ONE ? newest() : Promise.all(open.map(again))));
    tell(changed.filter((photo) => states.get(photo.photo_id) !== photo.status && !isOpen(photo)));
    return changed.length > 0 ? "changed" : "same";
  });

  async function newest() {
    return (await call("GET", "photos", ask({ limit: 100 }))).photos.filter((photo) => tiles.has(photo.photo_id));
  }

  async function again(photo) {
    try {
      const detail = await call("GET", `photos/${photo.photo_id}`);
      return { ...detail, labels: detail.labels.map(({ name, confidence }) => ({ name, confidence })).slice(0, 10) };
    } catch (problem) {
      if (problem.status !== 404) throw problem;
      take(photo.photo_id); // Deleted elsewhere.
      return photo;
    }
  }

  function tell(settled) {
    if (settled.length === 0) return;
    const one = (photo) => {
      const labels = photo.labels.slice(0, 3).map(({ name }) => name);
      return `${photo.name}: ${photoStatus(photo).text}${labels.length ? `, ${labels.join(", ")}` : ""}.`;
    };
    announce(settled.length <= 2 ? settled.map(one).join(" ") : `${settled.length} photos are ready.`);
  }

  const listeners = new AbortController();
  const listen = (target, type, listener) => target.addEventListener(type, ({ detail }) => listener(detail), listeners);
  listen(uploads, "photo", (photo) => {
    if (!belongsHere(photo)) return;
    // The list may have seen it further on than the upload knows.
    const known = tiles.get(photo.photo_id)?.photo;
    put([known && known.status !== "PENDING" ? known : photo]);
    showBelow();
    live.wake();
  });
  listen(uploads, "cancelled", (photo) => take(photo.photo_id));
  listen(deletions, "hide", (photo) => take(photo.photo_id));
  listen(deletions, "restore", (photo) => {
    if (albumId && photo.album_id !== albumId) return;
    put([photo]);
    showBelow();
    live.wake();
    announce(`${photo.name} is back.`);
  });

  // --- actions -------------------------------------------------------------------------------------------------

  function accept(files) {
    takeFiles(files, albumId);
  }

  const addButton = () => button("Add photos", { icon: "add", class: "primary", onclick: () => view.choose() });

  async function makeAlbum() {
    const made = await createAlbum();
    if (made) location.hash = `#/albums/${made.album_id}`;
  }

  function showActions() {
    const rename = async () => {
      if (await renameAlbum(album)) await showAlbum();
      heading.focus();
    };
    const remove = async () => {
      if (await deleteAlbum(album)) location.hash = "#/albums";
    };
    fill(
      actions,
      album && button("Rename album", { icon: "edit", iconOnly: true, onclick: rename }),
      album && button("Delete album", { icon: "trash", iconOnly: true, onclick: remove }),
      addButton(),
    );
  }

  async function showAlbum() {
    album = await findAlbum(albumId).catch(() => null);
    heading.textContent = album ? album.name : "Album";
    view.title = heading.textContent;
    if (root.isConnected && !root.hidden) setTitle(view.title);
    showActions();
  }

  function close() {
    live.stop();
    loading?.abort();
    listeners.abort();
    end.disconnect();
  }

  showActions();
  if (albumId) showAlbum();
  view.loaded = load();
  return view;
}
