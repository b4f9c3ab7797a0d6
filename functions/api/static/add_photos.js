/** How files come in: chosen in the browser's dialog, or dropped anywhere on the page. */

import { element } from "./elements.js";
import { plural } from "./format.js";
import { announce, notify } from "./notices.js";
import { settings } from "./session.js";
import { showUploads } from "./upload_panel.js";
import { add, cancel, isUnfinished, resume, uploads } from "./uploads.js";

const REFUSALS_SHOWN = 3;

const input = element("input", { type: "file", multiple: true, hidden: true, "aria-label": "Photos to add", onchange: takeChosen });
const curtain = element("div.drop", { hidden: true, "aria-hidden": "true" }, element("p", "Drop the photos to add them"));
let target;
// Files may come before it is known whose they are, and then wait for it.
let gate = newGate();

document.body.append(input, curtain);
// Also over the page: the pointer may have entered before this listened.
for (const name of ["dragenter", "dragover"]) addEventListener(name, welcome);
addEventListener("dragleave", (event) => event.relatedTarget === null && (curtain.hidden = true));
addEventListener("drop", (event) => {
  curtain.hidden = true;
  if (!hasFiles(event)) return;
  event.preventDefault();
  filesIn(event.dataTransfer).then(take);
});

function newGate() {
  const made = {};
  made.isOpen = new Promise((open, refuse) => Object.assign(made, { open, refuse }));
  made.isOpen.catch(() => {}); // Nobody may be waiting.
  return made;
}

/**
 * Let files in, and go on with the uploads of an earlier visit.
 *
 * @param {string} owner
 * @param {() => string|null} albumNow The album that files join which come in now.
 */
export async function letFilesIn(owner, albumNow) {
  input.accept = (await settings()).upload_types.join();
  target = albumNow;
  const resumed = await resume(owner, showUploads);
  gate.open();
  if (resumed > 0) announce(`Going on with ${plural(resumed, "upload")} of before.`);
}

/** Nothing can be taken for now: tell so to whoever waits, or comes until the next attempt. */
export const keepFilesOut = (reason) => gate.refuse(reason);

/** Another attempt at letting them in has begun. */
export function askToWait() {
  gate = newGate();
}

function welcome(event) {
  if (!hasFiles(event)) return;
  event.preventDefault();
  curtain.hidden = false;
}

/** Open the browser's dialog. */
export const choosePhotos = () => input.click();

/** How many uploads would be lost if nothing of them stayed here. */
export const countUnfinished = () => uploads().filter(isUnfinished).length;

/** Stop all uploads and keep nothing of them, for someone who signs out. */
export const cancelAll = () => Promise.all(uploads().map(cancel));

/** The files that were dropped, and those in folders that were: at once, because what lies in a drop is gone after it. */
async function filesIn({ items }) {
  const files = [...items].filter(({ kind }) => kind === "file");
  const found = files.map((item) => {
    const entry = item.webkitGetAsEntry?.();
    return entry?.isDirectory ? filesBelow(entry) : [item.getAsFile()];
  });
  return (await Promise.all(found)).flat();
}

/** What a folder holds, by name; what is hidden there, as a file manager's notes are, nobody meant to add. */
async function filesBelow(entry) {
  if (entry.isFile) return new Promise((resolve) => entry.file((file) => resolve([file]), () => resolve([])));
  const reader = entry.createReader();
  const entries = [];
  // It gives a hundred at a time, and none at the end.
  const next = () => new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
  for (let some = await next(); some.length > 0; some = await next()) entries.push(...some);
  const wanted = entries.filter(({ name }) => !name.startsWith(".")).sort((a, b) => a.name.localeCompare(b.name));
  return (await Promise.all(wanted.map(filesBelow))).flat();
}

const hasFiles = (event) => event.dataTransfer.types.includes("Files") && !document.querySelector("dialog");

function takeChosen() {
  take([...input.files]);
  input.value = ""; // So that the same file can be chosen again.
}

async function take(files) {
  try {
    await gate.isOpen;
    tell(await add(files, target()));
  } catch (reason) {
    notify(`${plural(files.length, "file")} not added. ${reason.message}`, { tone: "bad", isLasting: true });
  }
}

function tell({ added, refused }) {
  if (added > 0) announce(`${plural(added, "upload")} started.`);
  const rest = refused.splice(REFUSALS_SHOWN).length;
  for (const sentence of refused) notify(sentence, { tone: "bad" });
  if (rest > 0) notify(`${plural(rest, "more file")} could not be taken for such reasons.`, { tone: "bad" });
}
