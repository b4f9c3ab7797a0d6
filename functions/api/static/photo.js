/** View: one photo, large, with what was found in it. */

import { call } from "./api.js";
import { deletePhoto } from "./deletions.js";
import { button, element, externalLink, failureState, fill, icon, setTitle } from "./elements.js";
import { dateTime, number, percent, photoStatus, plural, size } from "./format.js";
import { announce } from "./notices.js";
import { poll } from "./poll.js";
import { badge, isOpen } from "./tiles.js";

/**
 * @param {{photoId: string, back: string, neighbours: () => {previous: string|null, next: string|null},
 *   leave: () => void}} options `back` is the address of the gallery, `leave` goes there.
 * @returns {{root: HTMLElement, title: string, close: () => void, showNavigation: () => void}} `showNavigation` is called
 *   when the neighbours are known.
 */
export function open({ photoId, back, neighbours, leave }) {
  let photo = null;
  let boxesShown = false;
  let reloadsOfImage = 0;

  const heading = element("h1", { tabindex: -1 }, "Photo");
  const status = element("span", { class: "state" });
  const stage = element("div", { class: "stage" });
  const frame = element("div", { class: "photo" });
  const overlay = element("div", { class: "boxes", hidden: true, "aria-hidden": "true" });
  const details = element("div", { class: "details" }, element("p", { class: "hint" }, "Loading the photo …"));
  const actions = element("div", { class: "actions" });
  const boxes = button("Show boxes", { icon: "box", "aria-pressed": "false", hidden: true, onclick: toggleBoxes });
  const remove = button("Delete photo", { icon: "trash", hidden: true, onclick: removePhoto });
  stage.append(frame);
  const root = element(
    "section",
    { class: "photo-view" },
    element("div", { class: "heading" }, element("a", { class: "button", href: back }, icon("back"), "Back"), heading, status, actions),
    element("div", { class: "columns" }, stage, details),
  );
  const view = { root, title: "Photo", close, showNavigation };

  async function load() {
    try {
      show(await call("GET", `photos/${photoId}`));
    } catch (problem) {
      fill(details, failureState(problem, load));
    }
    live.wake();
  }

  function show(next) {
    const before = photo;
    photo = next;
    heading.textContent = view.title = photo.name;
    if (root.isConnected) setTitle(view.title);
    fill(status, badge(photoStatus(photo)));
    showNavigation();
    remove.hidden = false;
    boxes.hidden = !photo.labels.some((label) => label.instances.length > 0);
    if (!before || before.width !== photo.width || Boolean(before.image_url) !== Boolean(photo.image_url)) showImage();
    showBoxes();
    fill(details, explanation(), labels(), metadata());
  }

  /** The neighbours can come later than the photo: the gallery below may still be loading. */
  function showNavigation() {
    const { previous, next } = neighbours();
    const step = (href, text, drawing) =>
      href && element("a", { class: "button icon-only", href, "aria-label": text, title: text, "data-replace": true }, icon(drawing));
    const focused = actions.contains(document.activeElement) && document.activeElement;
    const [left, right] = [step(previous, "Newer photo", "back"), step(next, "Older photo", "next")];
    if (focused && focused !== boxes && focused !== remove) return;
    fill(actions, left, right, boxes, remove);
    if (focused) focused.focus();
  }

  function showImage() {
    const { width, height, image_url: src, name } = photo;
    if (!src) return fill(frame, element("p", { class: "hint" }, "The file is not uploaded yet."));
    if (width && height) {
      // The room is known before the first byte comes, so nothing jumps; a small photo is not blown up.
      frame.style.setProperty("--ratio", String(width / height));
      frame.style.maxWidth = `${Math.max(width, 320)}px`;
    }
    frame.classList.toggle("sized", Boolean(width && height));
    const image = element("img", { src, width, height, alt: describe(name), decoding: "async" });
    image.addEventListener("error", () => {
      // The address lives for a short time only; one that ended is asked for again.
      if (reloadsOfImage++ < 2 && photo.width) load().then(showImage);
      else fill(frame, icon("alert"), element("p", { class: "hint" }, "This file cannot be shown as a picture."));
    });
    fill(frame, image, overlay);
  }

  function describe(name) {
    const names = photo.labels.slice(0, 5).map((label) => label.name);
    return names.length ? `${name}, showing ${names.join(", ")}` : name;
  }

  // --- boxes ---------------------------------------------------------------------------------------------------

  function toggleBoxes() {
    boxesShown = !boxesShown;
    boxes.setAttribute("aria-pressed", String(boxesShown));
    overlay.hidden = !boxesShown;
  }

  function showBoxes() {
    const found = photo.labels.flatMap(({ name, instances }) => instances.map((instance) => ({ name, ...instance })));
    fill(
      overlay,
      found.map(({ name, box, confidence }) => {
        const made = element("div", { class: "box", "data-label": name }, element("span", {}, `${name} ${percent(confidence)}`));
        made.style.left = `${box.left * 100}%`;
        made.style.top = `${box.top * 100}%`;
        made.style.width = `${box.width * 100}%`;
        made.style.height = `${box.height * 100}%`;
        return made;
      }),
    );
  }

  /** While the pointer or the focus is on a label, its boxes show, whether or not the others do. */
  function point(name) {
    overlay.hidden = !boxesShown && !name;
    overlay.classList.toggle("pointing", Boolean(name));
    for (const box of overlay.children) box.classList.toggle("pointed", box.dataset.label === name);
  }

  // --- what is said about it -----------------------------------------------------------------------------------

  function explanation() {
    const { error } = photo;
    if (!error) return null;
    return element(
      "div",
      { class: `callout ${photoStatus(photo).tone}` },
      element("h2", {}, photo.status === "PARTIAL" ? "Not everything worked" : "This photo could not be recognised"),
      element("p", {}, error.cause),
      error.remedy && element("p", {}, element("strong", {}, "What to do: "), error.remedy),
    );
  }

  function labels() {
    if (photo.labels.length === 0) {
      const text = isOpen(photo) ? "The labels appear here as soon as they are there." : "No label was found.";
      return element("div", {}, element("h2", {}, "Labels"), element("p", { class: "hint" }, text));
    }
    return element("div", {}, element("h2", {}, "Labels"), element("ul", { class: "label-list" }, photo.labels.map(labelRow)));
  }

  function labelRow({ name, confidence, parents, instances }) {
    const bar = element("span", { class: "bar", "aria-hidden": "true" });
    bar.style.setProperty("--share", `${confidence}%`);
    const more = [parents.length && parents.join(", "), instances.length && plural(instances.length, "box", "boxes")];
    return element(
      "li",
      {
        onpointerenter: () => instances.length && point(name),
        onpointerleave: () => point(null),
        onfocusin: () => instances.length && point(name),
        onfocusout: () => point(null),
      },
      element("a", { href: `#/photos?${new URLSearchParams({ label: name })}` }, name),
      element("span", { class: "figure" }, percent(confidence)),
      bar,
      element("span", { class: "hint" }, more.filter(Boolean).join(" · ")),
    );
  }

  function metadata() {
    const { location: place, detector } = photo;
    const camera = [photo.camera_make, photo.camera_model].filter(Boolean).join(" ");
    const rows = [
      ["Taken", photo.capture_time && dateTime(photo.capture_time)],
      ["Camera", camera],
      ["Place", place && mapLink(place)],
      ["Pixels", photo.width && `${number(photo.width)} × ${number(photo.height)}`],
      ["File", [photo.format, photo.size_bytes && size(photo.size_bytes)].filter(Boolean).join(", ")],
      ["Uploaded", dateTime(photo.created_at)],
      ["Recognised by", detector && `${detector.name} ${detector.version}`],
      ["Execution", photo.execution_url && externalLink(photo.execution_url, "Open the execution")],
    ].filter(([, value]) => value);
    return element(
      "div",
      {},
      element("h2", {}, "About this photo"),
      element("dl", {}, rows.map(([term, value]) => element("div", {}, element("dt", {}, term), element("dd", {}, value)))),
    );
  }

  function removePhoto() {
    leave();
    deletePhoto(photo);
  }

  // --- live state ----------------------------------------------------------------------------------------------

  const live = poll(async () => {
    if (!photo || !isOpen(photo)) return "settled";
    const next = await call("GET", `photos/${photoId}`);
    const isChanged = next.status !== photo.status || next.is_uploaded !== photo.is_uploaded;
    if (isChanged) show(next);
    if (isChanged && !isOpen(next)) announce(`${next.name}: ${photoStatus(next).text}, ${plural(next.labels.length, "label")}.`);
    return isChanged ? "changed" : "same";
  });

  function onKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || document.querySelector("dialog[open]")) return;
    if (event.target.matches("input, textarea, select")) return;
    const { previous, next } = neighbours();
    const to = { ArrowLeft: previous, ArrowRight: next }[event.key];
    if (event.key === "Escape") leave();
    else if (to) location.replace(to);
  }

  function close() {
    live.stop();
    removeEventListener("keydown", onKey);
  }

  addEventListener("keydown", onKey);
  load();
  return view;
}

function mapLink({ latitude, longitude }) {
  const mark = new URLSearchParams({ mlat: latitude, mlon: longitude });
  const url = `https://www.openstreetmap.org/?${mark}#map=15/${latitude}/${longitude}`;
  return externalLink(url, `${latitude.toFixed(4)}, ${longitude.toFixed(4)} on the map`);
}
