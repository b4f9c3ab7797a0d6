/** Add files: chosen in the browser's dialog, or dropped anywhere on the page. */

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
// Files that are added before the owner is known wait here.
let gate = newGate();

document.body.append(input, curtain);
// "dragover" too: the pointer may have entered the page before this listener was added.
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
  made.isOpen.catch(() => {}); // Without a file that waits, the rejection would be unhandled.
  return made;
}

/**
 * Accept files, and resume the uploads of an earlier visit.
 *
 * @param {string} owner
 * @param {() => string|null} albumNow The album that new files join.
 */
export async function letFilesIn(owner, albumNow) {
  input.accept = (await settings()).upload_types.join();
  target = albumNow;
  const resumed = await resume(owner, showUploads);
  gate.open();
  if (resumed > 0) announce(`Resuming ${plural(resumed, "upload")}.`);
}

/** Refuse the files that wait, and those that are added before the next attempt. */
export const keepFilesOut = (reason) => gate.refuse(reason);

/** Let files wait again: another attempt has begun. */
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

/** How many uploads are lost when the person signs out. */
export const countUnfinished = () => uploads().filter(isUnfinished).length;

/** Cancel all uploads and delete what the browser stores of them, for a person who signs out. */
export const cancelAll = () => Promise.all(uploads().map(cancel));

/** The dropped files, and those in dropped folders. Read at once: the browser clears the items after the event. */
async function filesIn({ items }) {
  const files = [...items].filter(({ kind }) => kind === "file");
  const found = files.map((item) => {
    const entry = item.webkitGetAsEntry?.();
    return entry?.isDirectory ? filesBelow(entry) : [item.getAsFile()];
  });
  return (await Promise.all(found)).flat();
}

/** The files of a folder, by name. Hidden ones, such as a file manager's notes, are left out. */
async function filesBelow(entry) {
  if (entry.isFile) return new Promise((resolve) => entry.file((file) => resolve([file]), () => resolve([])));
  const reader = entry.createReader();
  const entries = [];
  // readEntries returns at most 100 entries at a time, and none at the end.
  const next = () => new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
  for (let some = await next(); some.length > 0; some = await next()) entries.push(...some);
  const wanted = entries.filter(({ name }) => !name.startsWith(".")).sort((a, b) => a.name.localeCompare(b.name));
  return (await Promise.all(wanted.map(filesBelow))).flat();
}

const hasFiles = (event) => event.dataTransfer.types.includes("Files") && !document.querySelector("dialog");

function takeChosen() {
  take([...input.files]);
  input.value = ""; // The same file can then be chosen again.
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
  if (rest > 0) notify(`${plural(rest, "more file")} could not be added for similar reasons.`, { tone: "bad" });
}
