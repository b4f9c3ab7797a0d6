/** The frame around the views: the signed-in person, and the view for each address. */

import { call } from "./api.js";
import { deleteWaitingNow, finishDeletions, forgetNames } from "./deletions.js";
import { attempt, button, element, emptyState, fill, icon, setTitle } from "./elements.js";
import { notify } from "./notices.js";
import { email, finishSignIn, isSignedIn, signIn, signOut } from "./session.js";

// Each view is loaded when it is first opened, so that no view delays another.
const VIEWS = {
  photos: { text: "Photos", load: () => import("./gallery.js") },
  albums: { text: "Albums", load: () => import("./album_grid.js") },
  statistics: { text: "Statistics", load: () => import("./statistics.js") },
  inspections: { text: "Inspections", load: () => import("./inspections.js"), isForOperators: true },
  "bulk-runs": { text: "Bulk runs", load: () => import("./bulk_runs.js"), isForOperators: true },
  sessions: { text: "Model sessions", load: () => import("./sessions.js"), isForOperators: true },
  "second-factor": { text: "Second factor", load: () => import("./second_factor.js"), isOfAccount: true },
};

// Why a member of the group operators has no operator access.
const WITHHELD = {
  "no-second-factor": "You are in the group operators, but have no second factor. Set one up to get operator access.",
  "not-checked": "Your second factor could not be checked, so you do not have operator access now. Sign out, and sign in again in a minute.",
};

// Waits between the attempts of a request that the page cannot work without.
const WAITS_MS = [1000, 2000, 4000];

const main = document.getElementById("main");
const navigation = document.getElementById("navigation");
const account = document.getElementById("account");

/** What is open. A photo covers its gallery, which stays hidden and comes back as it was. */
let page = null;
let photo = null;
let turns = 0;

/**
 * Find the view of an address.
 *
 * `#/photos`, `#/photos/{id}`, `#/albums`, `#/albums/{id}`, `#/albums/{id}/photos/{id}`, or the name of another view;
 * the filters follow a `?`.
 */
function resolve(hash) {
  const [path, search] = hash.replace(/^#?\/?/, "").split("?");
  const [name, first, second, third] = (path || "photos").split("/");
  const route = { name, query: new URLSearchParams(search), base: `#/${name}`, view: VIEWS[name] };
  if (name === "photos") return { ...route, photoId: first };
  const isAlbum = name === "albums" && first && (!second || (second === "photos" && third));
  if (isAlbum) return { ...route, base: `#/albums/${first}`, view: VIEWS.photos, albumId: first, photoId: third };
  return route.view && !first ? route : null;
}

function navigate() {
  const mine = (turns += 1);
  const route = resolve(location.hash);
  markNavigation(route?.name);
  if (!route) return showNowhere();
  return attempt(main, () => show(route, () => mine !== turns));
}

/** `isLate` says whether the address has changed since: the view that is being loaded is then discarded. */
async function show(route, isLate) {
  const isNew = page?.base !== route.base;
  if (isNew) {
    const { open } = await loaded(route.view.load(), closePage);
    if (isLate()) return;
    closePage();
    page = { base: route.base, scroll: 0, view: open({ ...route, choosePhotos, signOut: leaveForGood }) };
    main.replaceChildren(page.view.root);
  } else if (!route.photoId) page.view.update?.(route.query);
  if (route.photoId) {
    const { open } = await loaded(import("./photo.js"), closePage);
    if (!isLate()) openPhoto(open, route);
  } else if (photo) returnToGallery();
  else if (isNew) arriveAt(page.view);
}

/** A module of the page. Loading it fails without a connection, or when a new version was deployed meanwhile. */
const loaded = (part, otherwise) =>
  part.catch(() => {
    otherwise?.();
    throw new Error("This part of the page did not load. Check your connection and load the page again.");
  });

function center(target) {
  const { left, width } = target.getBoundingClientRect();
  return left + width / 2;
}

function markNavigation(name) {
  for (const link of navigation.querySelectorAll("a")) {
    const isHere = link.hash === `#/${name}`;
    link.ariaCurrent = isHere ? "page" : null;
    // On a phone the navigation is wider than the screen. After scrollIntoView, the first Tab would go on from the link.
    if (isHere) navigation.scrollLeft += center(link) - center(navigation);
  }
}

function openPhoto(open, { photoId, base, query }) {
  const { view } = page;
  if (!photo) page.scroll = scrollY;
  photo?.view.close();
  const back = base + (query.size > 0 ? `?${query}` : "");
  const opened = open({ photoId, back, neighbours: () => view.neighbours(photoId) });
  photo = { id: photoId, view: opened };
  view.root.hidden = true;
  main.replaceChildren(view.root, opened.root);
  view.loaded.then(opened.showNeighbours);
  view.goBeyond(photoId).then(opened.showNeighbours);
  arriveAt(opened);
}

function returnToGallery() {
  const { id } = photo;
  photo.view.close();
  photo.view.root.remove();
  photo = null;
  page.view.root.hidden = false;
  scrollTo(0, page.scroll);
  page.view.focus(id);
  setTitle(page.view.title);
}

function closePage() {
  photo?.view.close();
  page?.view.close?.();
  photo = page = null;
}

let isFirstView = true;

/** Focus the heading, so that a screen reader reads the new view; on page load the browser reads the page itself. */
function arriveAt({ root, title }) {
  setTitle(title);
  scrollTo(0, 0);
  if (!isFirstView) root.querySelector("h1").focus();
  isFirstView = false;
}

function showNowhere() {
  closePage();
  const link = element("a.button.primary", { href: "#/photos" }, "Go to your photos");
  const text = "The address is incomplete, or belongs to another version of this page.";
  const root = element("section", element("h1.visually-hidden", { tabindex: -1 }, "Not found"), emptyState("Nothing is here", text, link));
  main.replaceChildren(root);
  arriveAt({ root, title: "Not found" });
}

function showNavigation() {
  const entries = Object.entries(VIEWS)
    .filter(([, view]) => !view.isOfAccount)
    .map(([name, { text, isForOperators }]) => element("li", { hidden: isForOperators }, element("a", { href: `#/${name}` }, text)));
  fill(navigation, element("ul", entries));
  navigation.hidden = false;
}

// The person

function showWelcome(problem) {
  const leave = (options) => signIn(options).catch(showWelcome);
  setTitle("Sign in");
  fill(
    main,
    element(
      "section.welcome",
      problem && element("p.callout.bad", { role: "alert" }, problem.message),
      element("h1", "Find your photos by what is in them"),
      element("p", "Upload photos, watch them being recognised, and search for “Dog” or “Beach” instead of scrolling. Only you see your photos."),
      element(
        "div.actions",
        button("Sign in", () => leave(), { class: "primary" }),
        button("Create account", () => leave({ create: true })),
      ),
    ),
  );
}

async function leaveForGood() {
  try {
    const { countUnfinished, cancelAll } = await loaded(adding());
    if (countUnfinished() > 0) {
      const { ask } = await loaded(import("./dialogs.js"));
      const content = [element("p", "Some uploads are not finished. Signing out cancels them.")];
      if (!(await ask({ title: "Sign out?", content, confirm: "Sign out", run: cancelAll }))) return;
    }
    await deleteWaitingNow();
    forgetNames();
    await signOut();
  } catch (problem) {
    notify(problem.message, { tone: "bad" });
  }
}

/** The upload code is loaded after the first view, which does not wait for it. */
const adding = () => import("./add_photos.js");

async function choosePhotos() {
  try {
    (await loaded(adding())).choosePhotos();
  } catch (problem) {
    notify(problem.message, { tone: "bad" });
  }
}

/** Ask the API who is signed in: this decides which views are shown, and who owns added files. */
async function getToKnow() {
  try {
    const { owner, is_operator: isOperator, operators_withheld: withheld } = await askPatiently(() => call("GET", "me"));
    for (const entry of navigation.querySelectorAll("li[hidden]")) entry.hidden = !isOperator;
    if (withheld && resolve(location.hash)?.name !== "second-factor") sayWhyNoOperator(withheld);
    await page?.view.loaded; // What the person sees comes first.
    await (await loaded(adding())).letFilesIn(owner, () => page?.view.albumId || null);
  } catch (problem) {
    const { keepFilesOut, askToWait } = await adding().catch(() => ({}));
    keepFilesOut?.(problem);
    const again = () => (askToWait?.(), getToKnow());
    notify(`Photos cannot be added now. ${problem.message}`, { tone: "bad", isLasting: true, action: "Try again", run: again });
  }
}

function sayWhyNoOperator(withheld) {
  const way = withheld === "no-second-factor" && { action: "Set up", run: () => (location.hash = "#/second-factor") };
  notify(WITHHELD[withheld], { tone: "bad", isLasting: true, ...way });
}

async function askPatiently(ask) {
  for (const wait of WAITS_MS) {
    try {
      return await ask();
    } catch (problem) {
      if (!problem.isTransient) throw problem;
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
  return ask();
}

async function start() {
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault(); // The hash of the address names the view.
    main.focus();
  });
  try {
    await finishSignIn();
  } catch (problem) {
    return showWelcome(problem);
  }
  // A link to a photo leads straight to the sign-in page, which returns at once if the person has a session there.
  if (!isSignedIn()) return location.hash.length > 2 ? signIn({ isUnasked: true }).catch(showWelcome) : showWelcome();
  history.scrollRestoration = "manual";
  addEventListener("hashchange", navigate);
  showNavigation();
  const { text } = VIEWS["second-factor"];
  const factor = element("a.button.icon-only.quiet", { href: "#/second-factor", "aria-label": text, title: text }, icon("lock"));
  fill(account, element("span.hint", email() || ""), factor, button("Sign out", leaveForGood, { class: "quiet" }));
  await finishDeletions();
  navigate();
  await getToKnow();
}

start();
