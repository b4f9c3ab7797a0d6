// node reference.cjs FOLDER: evaluate JSONata with the package in FOLDER/node_modules, line by line. A line of input is
// {expression, bindings}; its answer is {value}, {} when there is none, or {error}.
const path = require("node:path");
const readline = require("node:readline");

const jsonata = require(path.resolve(process.argv[2], "node_modules", "jsonata"));

async function answer({ expression, bindings }) {
  try {
    const compiled = jsonata(expression);
    // Step Functions' own; its others are not used here.
    compiled.registerFunction("parse", JSON.parse, "<s:j>");
    return { value: await compiled.evaluate(undefined, bindings) };
  } catch (error) {
    return { error: `${error.code}: ${error.message}` };
  }
}

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line)))}\n`);
  }
}

main();
