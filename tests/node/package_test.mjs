// What is published, and the programs of its README.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { built } from "./page_runner.mjs";
import { packageFolder } from "./support.mjs";

const described = JSON.parse(readFileSync(join(packageFolder, "package.json"), "utf8"));

function packed() {
  const settings = { cwd: packageFolder, encoding: "utf8" };
  const [pack] = JSON.parse(execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], settings));
  return pack.files.map(({ path }) => path);
}

test("the package holds what is compiled, its types and its README, and nothing else", () => {
  const sources = readdirSync(join(packageFolder, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(join(packageFolder, "src").length + 1));
  const compiled = sources.flatMap((name) => [".js", ".d.ts"].map((end) => `dist/${name.replace(/\.ts$/, end)}`));
  assert.ok(compiled.includes("dist/adapter/node.js"));
  assert.deepEqual(packed().sort(), [...compiled, "README.md", "package.json"].sort());
});

test("one library is needed at run time", () => {
  assert.deepEqual(Object.keys(described.dependencies), ["@msgpack/msgpack"]);
  assert.equal(described.engines.node, ">=18");
});

test("the lock file names no host", () => {
  assert.doesNotMatch(readFileSync(join(packageFolder, "package-lock.json"), "utf8"), /https?:|"resolved"/);
});

test("the programs of the README compile", () => {
  const readme = readFileSync(join(packageFolder, "README.md"), "utf8");
  const blocks = [...readme.matchAll(/^```typescript\n([\s\S]*?)^```$/gm)].map(([, text]) => text);
  assert.equal(blocks.length, 4);
  blocks.forEach((text, i) => built(`readme-${i}`, "program", text));
});
