/** View: one photo, large, with its labels and metadata. */

import { call } from "./api.js";
import { deletePhoto } from "./deletions.js";
import { attempt, button, definitions, element, emptyState, externalLink, fill, headingRow, icon, iconButton, setTitle } from "./elements.js";
import { captureTime, dateTime, number, percent, photoStatus, plural, size } from "./format.js";
import { announce } from "./notices.js";
import { poll } from "./poll.js";
import { badge, isOpen, searchAddress } from "./tiles.js";

/**
 * @param {{photoId: string, back: string, neighbours: () => string[]}} options `back` is the address of the gallery,
 *   `neighbours` returns those of the newer and the older photo, if they are known.
 * @returns {{root: HTMLElement, title: string, showNeighbours: () => void, close: () => void}}
 */
export function open({ photoId, back, neighbours }) {
  let photo = null;
  let isAddressRenewed = false;
  let areBoxesShown = false;

  const steps = [["back", "Newer photo"], ["next", "Older photo"]].map(([drawing, text]) =>
    element("a.button.icon-only", { "aria-label": text, title: text, hidden: true }, icon(drawing)),
  );
  const boxes = button("Boxes", toggleBoxes, { icon: "box", "aria-pressed": "false", hidden: true });
  const remove = iconButton("trash", "Delete photo", deleteThis, { hidden: true });
  const status = element("span");
  const leaving = element("a.button", { href: back }, icon("back"), "Back");
  const tools = element("div.tools", leaving, element("div.actions", steps, boxes, remove));
  const top = headingRow("Photo", status);
  const heading = top.firstChild;
  const overlay = element("div.boxes", { hidden: true, "aria-hidden": "true" });
  const frame = element("div.photo");
  const details = element("div.details", element("p.hint", "Loading the photo …"));
  const root = element("section", tools, top, element("div.columns", frame, details));
  const view = { root, title: "Photo", showNeighbours, close };

  const load = () =>
    attempt(details, async () => {
      const found = await call("GET", `photos/${photoId}`).catch((problem) => {
        // 422: the address was cut off, so the id is not valid.
        if (![404, 422].includes(problem.status)) throw problem;
      });
      if (!found) return showGone();
      show(found);
      live.wake();
    });

  function showGone() {
    const all = element("a.button", { href: "#/photos" }, "Go to your photos");
    const text = "It was deleted, or it belongs to someone else.";
    const gone = element("div", { role: "alert" }, emptyState("This photo is not here", text, all));
    fill(root, tools, element("h1.visually-hidden", { tabindex: -1 }, "Photo"), gone);
  }

  function show(next) {
    const isSamePicture = photo && photo.width === next.width && !photo.image_url === !next.image_url;
    photo = next;
    heading.textContent = view.title = photo.name;
    if (root.isConnected) setTitle(photo.name);
    fill(status, badge(photoStatus(photo)));
    remove.hidden = false;
    boxes.hidden = !photo.labels.some((label) => label.instances.length > 0);
    if (!isSamePicture) showPicture();
    showBoxes();
    fill(details, explanation(), labelSection(), metadata());
  }

  /** Called again by the gallery, which may know the neighbours only after the photo is shown. */
  function showNeighbours() {
    neighbours().forEach((address, index) => {
      steps[index].hidden = !address;
      if (address) steps[index].href = address;
    });
  }

  function missing() {
    if (isOpen(photo)) return "The file is not uploaded yet.";
    if (photo.is_uploaded) return "The file was refused, and deleted a day later. Delete this photo too.";
    return "The file never arrived. Delete this photo and add it again.";
  }

  function showPicture() {
    const { width, height, image_url: src, name } = photo;
    if (!src) return fill(frame, element("p.hint", missing()));
    frame.classList.toggle("sized", Boolean(width));
    if (width) {
      // Reserve the space before the first byte, so that nothing shifts; and do not enlarge a small photo.
      frame.style.setProperty("--ratio", width / height);
      frame.style.maxWidth = `${width}px`;
    }
    const alt = [name, ...photo.labels.slice(0, 5).map((label) => label.name)].join(", ");
    fill(frame, element("img", { src, width, height, alt, onerror: renewAddress }), overlay);
  }

  /** The URL of the picture expires soon; request a new one, once. */
  async function renewAddress() {
    if (isAddressRenewed || !photo.width) return fill(frame, element("p.hint", "This file cannot be shown as a picture."));
    isAddressRenewed = true;
    await load();
    showPicture();
  }

  // Boxes

  function toggleBoxes() {
    areBoxesShown = overlay.hidden;
    overlay.hidden = !areBoxesShown;
    boxes.ariaPressed = String(areBoxesShown);
  }

  function showBoxes() {
    const drawn = photo.labels.flatMap(({ name, instances }) =>
      instances.map(({ box, confidence }) => {
        const made = element("div.box", { "data-label": name }, element("span", `${name} ${percent(confidence)}`));
        for (const side of ["left", "top", "width", "height"]) made.style[side] = `${box[side] * 100}%`;
        return made;
      }),
    );
    fill(overlay, drawn);
  }

  /** Show only the boxes of the label that has the pointer or the focus. */
  function pointOut(name) {
    overlay.hidden = !areBoxesShown && !name;
    for (const box of overlay.children) box.hidden = Boolean(name) && box.dataset.label !== name;
  }

  // Details

  function explanation() {
    const { error, status: state } = photo;
    if (!error) return null;
    return element(
      `div.callout.${photoStatus(photo).tone}`,
      element("h2", state === "PARTIAL" ? "Not everything worked" : "This photo could not be recognised"),
      element("p.cause", error.cause),
      error.remedy && element("p", element("strong", "What to do: "), error.remedy),
    );
  }

  function labelSection() {
    const none = isOpen(photo) ? "The labels appear here as soon as they are known." : "No label was found.";
    const rows = photo.labels.map(labelRow);
    return element("div", element("h2", "Labels"), rows.length > 0 ? element("ul.label-list", rows) : element("p.hint", none));
  }

  function labelRow({ name, confidence, parents, instances }) {
    const bar = element("span.bar", { "aria-hidden": "true" });
    bar.style.setProperty("--share", `${confidence}%`);
    const more = [...parents, instances.length > 0 && plural(instances.length, "box", "boxes")].filter(Boolean);
    const [onto, off] = [() => instances.length > 0 && pointOut(name), () => pointOut(null)];
    return element(
      "li",
      { onpointerenter: onto, onpointerleave: off, onfocusin: onto, onfocusout: off },
      element("a", { href: searchAddress({ label: name }) }, name),
      element("span.figure", percent(confidence)),
      bar,
      more.length > 0 && element("span.hint", more.join(", ")),
    );
  }

  function metadata() {
    const { location: place, detector } = photo;
    const rows = [
      ["Taken", photo.capture_time && captureTime(photo.capture_time)],
      ["Camera", [photo.camera_make, photo.camera_model].filter(Boolean).join(" ")],
      ["Place", place && mapLink(place)],
      ["Pixels", photo.width && `${number(photo.width)} × ${number(photo.height)}`],
      ["File", [photo.format, photo.size_bytes && size(photo.size_bytes)].filter(Boolean).join(", ")],
      ["Uploaded", dateTime(photo.created_at)],
      ["Recognised by", detector && `${detector.name} ${detector.version}`],
      ["Execution", photo.execution_url && externalLink(photo.execution_url, "Open the execution")],
    ];
    return element("div", element("h2", "About this photo"), definitions("dl.facts", rows));
  }

  // Live updates, and leaving

  const live = poll(async () => {
    if (!photo || !isOpen(photo)) return "settled";
    const next = await call("GET", `photos/${photoId}`);
    if (next.status === photo.status && next.is_uploaded === photo.is_uploaded) return "same";
    show(next);
    announce(`${next.name}: ${photoStatus(next).text}.`);
    return "changed";
  });

  const leave = () => (location.hash = back);

  function deleteThis() {
    leave();
    deletePhoto(photo);
  }

  function onKey({ key, altKey, ctrlKey, metaKey }) {
    if (altKey || ctrlKey || metaKey || document.querySelector("dialog")) return;
    const [newer, older] = neighbours();
    const to = { Escape: back, ArrowLeft: newer, ArrowRight: older }[key];
    if (to) location.hash = to;
  }

  function close() {
    live.stop();
    removeEventListener("keydown", onKey);
  }

  addEventListener("keydown", onKey);
  showNeighbours();
  load();
  return view;
}

function mapLink({ latitude, longitude }) {
  const mark = new URLSearchParams({ mlat: latitude, mlon: longitude });
  const url = `https://www.openstreetmap.org/?${mark}#map=15/${latitude}/${longitude}`;
  return externalLink(url, `${latitude.toFixed(4)}, ${longitude.toFixed(4)} on the map`);
}
