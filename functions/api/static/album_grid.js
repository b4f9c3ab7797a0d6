/** View: all albums, each with its newest photo on the cover. */

import { createAlbum, deleteAlbum, loadAlbums, renameAlbum } from "./albums.js";
import { call } from "./api.js";
import { attempt, button, element, emptyState, fill, headingRow, icon, iconButton, list } from "./elements.js";

export function open() {
  const newAlbum = () => button("New album", createAlbum, { icon: "add", class: "primary" });
  const content = element("div", element("p.hint", "Loading albums …"));
  const root = element("section", headingRow("Albums", newAlbum()), content);
  const load = () => attempt(content, async () => show(await loadAlbums()));

  // A cover costs a request: load it only when its album scrolls into view.
  const covers = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      covers.unobserve(target);
      showCover(target);
    }
  });

  function show(albums) {
    covers.disconnect();
    const text = "An album keeps photos together: a journey, a project, a place. Make one, then drop photos into it.";
    if (albums.length === 0) return fill(content, emptyState("No albums yet", text, newAlbum()));
    fill(content, list("ul.grid.albums", "Albums", albums.map(tile)));
    for (const cover of content.querySelectorAll(".frame")) covers.observe(cover);
  }

  function tile(album) {
    const after = (action) => async () => {
      if (!(await action(album))) return;
      await load();
      root.querySelector("h1").focus(); // The button that had the focus was removed.
    };
    const frame = element("span.frame", { "data-album": album.album_id }, icon("image"));
    return element(
      "div.tile",
      element("a.picture", { href: `#/albums/${album.album_id}` }, frame, element("span.name", album.name)),
      element(
        "div.actions",
        iconButton("edit", `Rename ${album.name}`, after(renameAlbum), { class: "quiet" }),
        iconButton("trash", `Delete ${album.name}`, after(deleteAlbum), { class: "quiet" }),
      ),
    );
  }

  load();
  return { root, title: "Albums", close: () => covers.disconnect() };
}

async function showCover(frame) {
  const query = { album_id: frame.dataset.album, limit: 5 };
  // A cover only decorates: the album works without it.
  const { photos } = await call("GET", "photos", { query }).catch(() => ({ photos: [] }));
  const thumbnail = photos.find((photo) => photo.thumbnail)?.thumbnail;
  if (thumbnail) fill(frame, element("img", { src: thumbnail.url, width: thumbnail.width, height: thumbnail.height, alt: "" }));
}
