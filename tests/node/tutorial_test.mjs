// docs/tutorial.md: its blocks make up two programs, examples/tutorial.ts and examples/tutorial.cpp, and
// both print what the page says they print.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { built } from "./page_runner.mjs";
import { Daemon, environment, root, shop } from "./support.mjs";

const page = readFileSync(join(root, "docs", "tutorial.md"), "utf8");
const blocks = (language) =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map(([, text]) => text);

/** Without what a program's nesting puts before its lines. */
const unindented = (text) =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean)
    .join("\n");
const example = (name) => readFileSync(join(root, "examples", name), "utf8");
const printed = () => blocks("text").join("");

let daemon;
before(async () => {
  daemon = await Daemon.start();
});
after(async () => assert.equal(await daemon.end(), 0));

const run = (program, words, socket) =>
  execFileSync(program, words, { cwd: shop, env: environment({ EMSTORE_SOCKET: socket }), encoding: "utf8" });

test("the blocks are the programs, line by line", () => {
  assert.equal(unindented(blocks("typescript").join("")), unindented(example("tutorial.ts")));
  assert.equal(unindented(blocks("cpp").join("")), unindented(example("tutorial.cpp")));
  assert.ok(printed().length > 100);
});

test("in TypeScript it prints what the page says", async () => {
  const program = built("tutorial", "tutorial", example("tutorial.ts"));
  assert.equal(run(process.execPath, [program], daemon.socket), printed());
});

test("in C++ it prints the same", async () => {
  const own = await Daemon.start();
  assert.equal(run(process.env.EMSTORE_TUTORIAL_PROGRAM, [], own.socket), printed());
  assert.equal(await own.end(), 0);
});
