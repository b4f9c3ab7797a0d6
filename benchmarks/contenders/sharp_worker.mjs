// sharp, with the protocol of contenders/worker.py. The argument is the folder whose node_modules has it.

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const sharp = createRequire(`${process.argv[2]}/`)("sharp");
sharp.cache(false); // a cache of operations would answer the second repetition
sharp.concurrency(1);

const thumbnail = (photo, box) =>
  sharp(photo)
    .autoOrient()
    .resize(box, box, { fit: "inside", withoutEnlargement: true })
    .jpeg({ quality: 80 })
    .toBuffer();

const residentBytes = (field) =>
  Number(readFileSync("/proc/self/status", "ascii").split(`${field}:`)[1].trim().split(/\s+/)[0]) * 1024;

async function answer({ job, path, box = 250, repeat = 1, output, fresh_peak: freshPeak }) {
  if (job === "version") return { version: `sharp ${sharp.versions.sharp} (libvips ${sharp.versions.vips})` };
  if (job !== "thumbnail") throw new Error(`sharp has no job ${job}`);
  const photo = readFileSync(path);
  const before = residentBytes("VmRSS");
  if (freshPeak) writeFileSync("/proc/self/clear_refs", "5");
  const cpuSeconds = [];
  let made;
  for (let i = 0; i < repeat; i++) {
    const started = process.cpuUsage();
    made = await thumbnail(photo, box);
    const { user, system } = process.cpuUsage(started);
    cpuSeconds.push((user + system) / 1e6);
  }
  const figures = { cpu_seconds: cpuSeconds, output_bytes: made.length };
  if (freshPeak) Object.assign(figures, { resident_bytes: before, peak_bytes: residentBytes("VmHWM") });
  if (output) writeFileSync(output, made);
  return figures;
}

for await (const line of createInterface({ input: process.stdin })) {
  const reply = await answer(JSON.parse(line)).catch((error) => ({ error: `${error.name}: ${error.message}` }));
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
