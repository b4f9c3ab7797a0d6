/** View: all albums, each with its newest photo on the cover. */

import { albums, createAlbum, deleteAlbum, renameAlbum } from "./albums.js";
import { call } from "./api.js";
import { button, element, emptyState, failureState, fill, icon } from "./elements.js";

/** @returns {{root: HTMLElement, title: string, close: () => void}} */
export function open() {
  const content = element("div", { "aria-busy": "true" }, element("p", { class: "hint" }, "Loading albums …"));
  const root = element(
    "section",
    {},
    element(
      "div",
      { class: "heading" },
      element("h1", { tabindex: -1 }, "Albums"),
      element("div", { class: "actions" }, button("New album", { icon: "add", class: "primary", onclick: create })),
    ),
    content,
  );

  // A cover costs a request, so it is asked for only when its album comes into sight.
  const covers = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      covers.unobserve(target);
      showCover(target);
    }
  });

  async function load() {
    try {
      show(await albums({ again: true }));
    } catch (problem) {
      fill(content, failureState(problem, load));
    }
    content.removeAttribute("aria-busy");
  }

  function show(all) {
    covers.disconnect();
    if (all.length === 0) {
      const action = button("New album", { icon: "add", class: "primary", onclick: create });
      const text = "An album keeps photos together: a journey, a project, a place. Make one, then drop photos into it.";
      return fill(content, emptyState("No albums yet", text, action));
    }
    fill(content, element("ul", { class: "grid albums" }, all.map(tile)));
    for (const cover of content.querySelectorAll(".frame")) covers.observe(cover);
  }

  function tile(album) {
    const change = (action) => async () => {
      if (!(await action(album))) return;
      show(await albums());
      root.querySelector("h1").focus();
    };
    return element(
      "li",
      { class: "tile" },
      element(
        "a",
        { class: "picture", href: `#/albums/${album.album_id}` },
        element("span", { class: "frame", "data-album": album.album_id }, icon("image")),
        element("span", { class: "name" }, album.name),
      ),
      element(
        "div",
        { class: "actions" },
        button(`Rename ${album.name}`, { icon: "edit", iconOnly: true, class: "quiet", onclick: change(renameAlbum) }),
        button(`Delete ${album.name}`, { icon: "trash", iconOnly: true, class: "quiet", onclick: change(deleteAlbum) }),
      ),
    );
  }

  async function create() {
    const made = await createAlbum();
    if (made) location.hash = `#/albums/${made.album_id}`;
  }

  load();
  return { root, title: "Albums", close: () => covers.disconnect() };
}

async function showCover(frame) {
  const query = { album_id: frame.dataset.album, limit: 1 };
  // A cover decorates: without it the album can be used all the same.
  const { photos } = await call("GET", "photos", { query }).catch(() => ({ photos: [] }));
  const thumbnail = photos[0]?.thumbnail;
  if (!thumbnail) return;
  const { url: src, width, height } = thumbnail;
  frame.replaceChildren(element("img", { src, width, height, alt: "", decoding: "async" }));
}
