/** The frame around the views: who is signed in, which view an address means, files that are dropped. */

import { call } from "./api.js";
import { deleteWaitingNow } from "./deletions.js";
import { ask, button, element, emptyState, failureState, fill, setTitle } from "./elements.js";
import { plural } from "./format.js";
import { announce } from "./notices.js";
import { finishSignIn, isSignedIn, settings, signIn, signOut } from "./session.js";
import { mountUploadPanel, takeFiles } from "./upload_panel.js";
import { all, discardAll, isUnfinished, resume } from "./uploads.js";

const main = document.getElementById("main");
const navigation = document.getElementById("navigation");

// A view's module is loaded when it is opened first: nobody waits for a board that he does not look at.
const VIEWS = {
  photos: { text: "Photos", load: () => import("./gallery.js") },
  albums: { text: "Albums", load: () => import("./album_grid.js") },
  statistics: { text: "Statistics", load: () => import("./statistics.js") },
  inspections: { text: "Inspections", load: () => import("./inspections.js"), isForOperators: true },
  "bulk-runs": { text: "Bulk runs", load: () => import("./bulk_runs.js"), isForOperators: true },
  sessions: { text: "Model sessions", load: () => import("./sessions.js"), isForOperators: true },
};

/** The view that is open; a photo lies over its gallery, which waits unseen and comes back as it was. */
let page = null;
let photo = null;
let turn = 0;

/**
 * What an address means.
 *
 * `#/photos`, `#/photos/{id}`, `#/albums`, `#/albums/{id}`, `#/albums/{id}/photos/{id}`, and one word for each other view.
 */
function resolve(hash) {
  const [path, search = ""] = hash.replace(/^#\/?/, "").split("?");
  const [name = "", first, second, third] = (path || "photos").split("/");
  const query = new URLSearchParams(search);
  if (name === "photos") return { name, base: "#/photos", view: "photos", query, albumId: null, photoId: first };
  if (name === "albums" && first && (!second || (second === "photos" && third))) {
    return { name, base: `#/albums/${first}`, view: "photos", query, albumId: first, photoId: third };
  }
  if (VIEWS[name] && !first) return { name, base: `#/${name}`, view: name, query };
  return null;
}

async function navigate() {
  const mine = (turn += 1);
  const route = resolve(location.hash);
  if (!route) return showNowhere();
  const isNewPage = page?.base !== route.base;
  markNavigation(route.name);
  try {
    if (isNewPage) {
      const { open } = await VIEWS[route.view].load();
      if (mine !== turn) return;
      closePhoto();
      page?.view.close?.();
      page = { base: route.base, query: route.query, scroll: 0, view: open(route) };
      page.view.choose = chooseFiles;
      main.replaceChildren(page.view.root);
    } else {
      page.view.update?.(route.query);
      page.query = route.query;
    }
    if (route.photoId) await openPhoto(route, mine);
    else if (photo) leavePhoto();
    else if (isNewPage) arrive(page.view.root);
  } catch (cause) {
    // Mostly an import that failed: the connection, or a newer version of the page.
    console.error(cause);
    const error = { title: "The page did not load", message: "Check your connection and load the page again." };
    fill(main, failureState(error, () => location.reload()));
  }
  if (mine === turn && page) setTitle((photo || page).view.title);
}

async function openPhoto(route, mine) {
  const { open } = await import("./photo.js");
  if (mine !== turn) return;
  if (!photo) page.scroll = scrollY;
  closePhoto();
  const back = route.query.size > 0 ? `${route.base}?${route.query}` : route.base;
  const leave = () => {
    // Going back in history keeps it short; somebody who came by a link has nothing to go back to.
    if (photo?.isFromGallery) history.back();
    else location.replace(back);
  };
  const { view } = page;
  const isFromGallery = cameFromGallery;
  photo = { id: route.photoId, isFromGallery };
  photo.view = open({ photoId: route.photoId, back, leave, neighbours: () => view.neighbours(route.photoId) });
  view.root.hidden = true;
  main.append(photo.view.root);
  scrollTo(0, 0);
  arrive(photo.view.root);
  const opened = photo;
  view.loaded.then(() => photo === opened && opened.view.showNavigation());
}

// Whether the gallery is the entry of the history before the photo's.
let cameFromGallery = false;

function closePhoto() {
  photo?.view.close();
  photo?.view.root.remove();
  photo = null;
}

function leavePhoto() {
  const { id } = photo;
  closePhoto();
  page.view.root.hidden = false;
  scrollTo(0, page.scroll);
  page.view.focus(id);
}

/** Tell everyone where they are now: the focus goes to the view's heading, which a screen reader reads. */
function arrive(root) {
  if (isFirstView) isFirstView = false;
  else root.querySelector("h1")?.focus();
}

let isFirstView = true;

function showNowhere() {
  closePhoto();
  page?.view.close?.();
  page = null;
  markNavigation("");
  const link = element("a", { class: "button primary", href: "#/photos" }, "Go to your photos");
  fill(main, element("h1", { class: "visually-hidden", tabindex: -1 }, "Not found"), emptyState("Nothing is here", "The address is incomplete or from another version of this page.", link));
  setTitle("Not found");
  arrive(main);
}

function showNavigation() {
  const entries = Object.entries(VIEWS).map(([name, { text, isForOperators }]) =>
    element("li", { hidden: isForOperators }, element("a", { href: `#/${name}` }, text)),
  );
  navigation.hidden = false;
  fill(navigation, element("ul", {}, entries));
}

function showOperatorNavigation() {
  for (const entry of navigation.querySelectorAll("li[hidden]")) entry.hidden = false;
}

function markNavigation(name) {
  for (const link of navigation.querySelectorAll("a")) {
    if (link.hash === `#/${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

// --- files -------------------------------------------------------------------------------------------------------

const input = element("input", { type: "file", multiple: true, hidden: true, "aria-label": "Photos to add" });
input.addEventListener("change", () => {
  accept([...input.files]);
  input.value = ""; // The same file can be chosen again.
});

function chooseFiles() {
  input.click();
}

/** Files go into the album that is open; from any other view they join the photos without an album. */
function accept(files) {
  if (page?.view.accept) page.view.accept(files);
  else takeFiles(files, null).then(() => (location.hash = "#/photos"));
}

function watchDrops() {
  const hint = element("div", { class: "drop", hidden: true }, element("p", {}, "Drop the photos to add them"));
  document.body.append(input, hint);
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files") && !document.querySelector("dialog[open]");
  addEventListener("dragenter", (event) => hasFiles(event) && (hint.hidden = false));
  addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  addEventListener("dragleave", (event) => event.relatedTarget === null && (hint.hidden = true));
  addEventListener("drop", async (event) => {
    hint.hidden = true;
    if (!hasFiles(event)) return;
    event.preventDefault();
    accept(await filesOf(event.dataTransfer));
  });
}

/** The files of a drop, and those in dropped folders; the entries must be taken before the event is over. */
async function filesOf(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (entries.every((entry) => entry.isFile)) return [...transfer.files];
  return (await Promise.all(entries.map(filesIn))).flat();
}

async function filesIn(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const found = [];
  // A reader gives a folder in portions, and an empty one at the end.
  for (;;) {
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (entries.length === 0) return found;
    found.push(...(await Promise.all(entries.map(filesIn))).flat());
  }
}

// --- the person --------------------------------------------------------------------------------------------------

function showWelcome(problem) {
  setTitle("Sign in");
  fill(
    main,
    element(
      "section",
      { class: "welcome" },
      problem && element("p", { class: "callout bad", role: "alert" }, problem.message),
      element("h1", {}, "Find your photos by what is in them"),
      element("p", {}, "Upload photos, watch them being recognised, and search for “Dog” or “Beach” instead of scrolling. Only you see your photos."),
      element(
        "div",
        { class: "actions" },
        button("Sign in", { class: "primary", onclick: () => leaveFor({}) }),
        button("Create account", { onclick: () => leaveFor({ create: true }) }),
      ),
    ),
  );
}

const leaveFor = (options) => signIn(options).catch(showWelcome);

function showAccount({ email }) {
  fill(
    document.getElementById("account"),
    email && element("span", { class: "hint" }, email),
    button("Sign out", { class: "quiet", onclick: leaveForGood }),
  );
}

async function leaveForGood() {
  const unfinished = all().filter(isUnfinished).length;
  const isAgreed =
    unfinished === 0 ||
    (await ask({
      title: "Sign out?",
      content: [element("p", {}, `${plural(unfinished, "upload")} not finished. Signing out cancels what is left.`)],
      confirm: "Sign out",
      run: discardAll,
    }));
  if (!isAgreed) return;
  deleteWaitingNow();
  await signOut();
}

async function start() {
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault(); // The address belongs to the views.
    main.focus();
  });
  try {
    await finishSignIn();
  } catch (problem) {
    return showWelcome(problem);
  }
  if (!isSignedIn()) return showWelcome();
  history.scrollRestoration = "manual";
  mountUploadPanel();
  watchDrops();
  showNavigation();
  addEventListener("hashchange", (event) => {
    const before = resolve(new URL(event.oldURL).hash);
    const now = resolve(location.hash);
    // From photo to photo the entry is replaced, so what lies before it stays what it was.
    if (!before?.photoId) cameFromGallery = Boolean(now?.photoId && before?.base === now.base);
    navigate();
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-replace]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    location.replace(link.href);
  });
  navigate();
  settings().then(({ upload_types: types }) => (input.accept = types.join(",")));
  try {
    const me = await call("GET", "me");
    showAccount(me);
    if (me.is_operator) showOperatorNavigation();
    const taken = await resume(me.owner);
    if (taken > 0) announce(`Going on with ${plural(taken, "upload")} from before.`);
  } catch (problem) {
    announce(problem.message);
    showAccount({});
  }
}

start();
