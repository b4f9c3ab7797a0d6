// node check.cjs FOLDER: what AWS's own check, a package in FOLDER/node_modules, finds in the state machine that comes in.
const fs = require("node:fs");
const path = require("node:path");

const packages = path.resolve(process.argv[2], "node_modules");
const { getLanguageService, TextDocument } = require(path.join(packages, "amazon-states-language-service"));

async function main() {
  const service = getLanguageService({});
  const document = TextDocument.create("file:///definition.asl.json", "json", 1, fs.readFileSync(0, "utf8"));
  const findings = await service.doValidation(document, service.parseJSONDocument(document));
  process.stdout.write(JSON.stringify(findings.map(({ message }) => message)));
}

main();
