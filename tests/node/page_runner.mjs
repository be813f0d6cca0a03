// Makes modules of the page's blocks, type-checks them strictly, and runs each in a process of its own.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { blocksOf, compile, declared, freeNames, renamed } from "./page.mjs";
import { emstored, environment, packageFolder, root, shop, temporaryFolder } from "./support.mjs";

export const blocks = blocksOf(join(root, "tests", "seed", "entity-media-relationships.md"));
export const prelude = readFileSync(join(root, "tests", "node", "prelude.ts"), "utf8");
const preludeNames = [...prelude.matchAll(/^export const (\w+)/gm)].map(([, name]) => name);
const packageNames = "em app entity text number medium media systemEntity".split(" ");

export const work = temporaryFolder();
mkdirSync(join(work, "node_modules"));
symlinkSync(packageFolder, join(work, "node_modules", "emstore"));
symlinkSync(join(packageFolder, "node_modules", "@types"), join(work, "node_modules", "@types"));
writeFileSync(join(work, "package.json"), '{ "type": "module" }');

/** The block whose schema a section has; that of `both` is written below. */
const schemaOf = { cover: 2, images: 4, shared: 6, shop: 13 };

// "Relation Operations" changes a cover and images of one post.
const schemaOfBoth = `import { em, entity, text, medium, media, systemEntity } from "emstore";
export const schema = em({
  posts: entity("posts", { title: text().required(), cover: medium(), images: media() }),
  media: systemEntity("media", {}),
}, ({ relation }, { posts, media }) => {
  relation(posts).polyToOne(media, { mappedBy: "cover" });
  relation(posts).polyToMany(media, { mappedBy: "images" });
});
`;

/** The block as a module: what it takes for granted before it, what it declares exported behind it. */
function moduleOf(text) {
  const free = freeNames(text);
  const imports = [
    [packageNames, "emstore"],
    [preludeNames, "./prelude.js"],
  ].map(([names, from]) => [free.filter((name) => names.includes(name)), from]);
  const before = imports
    .filter(([names]) => names.length > 0)
    .map(([names, from]) => `import { ${names.join(", ")} } from "${from}";\n`);
  return `${before.join("")}${renamed(text)}export { ${declared(text).join(", ")} };\n`;
}

/** Tells the types of a section its schema; the page does so itself once. */
const typesOf = (module) => `import type { schema } from "./${module}.js";
type Database = (typeof schema)["DB"];
declare module "emstore" {
  interface DB extends Database {}
}
`;

function filesOf(section) {
  if (section === "both") return { "given.ts": schemaOfBoth, "types.ts": typesOf("given") };
  const number = schemaOf[section];
  if (number === undefined) return {};
  const { text } = blocks[number - 1];
  const module = `block-${number}`;
  const types = text.includes("declare module") ? {} : { "types.ts": typesOf(module) };
  return { [`${module}.ts`]: moduleOf(text), ...types };
}

/** Type-checks and compiles a text within its section; where the module lies. */
export function built(section, name, text) {
  const source = join(work, "src", section);
  const out = join(work, "out", section);
  mkdirSync(source, { recursive: true });
  const files = { "prelude.ts": prelude, ...filesOf(section), [`${name}.ts`]: moduleOf(text) };
  for (const [file, content] of Object.entries(files)) writeFileSync(join(source, file), content);
  const complaints = compile(
    Object.keys(files).map((file) => join(source, file)),
    out,
  );
  assert.ok(complaints === "", `the types of ${name}:\n${complaints}`);
  return join(out, `${name}.js`);
}

const toRun = `
const [path] = process.argv.slice(1);
const block = await import(path);
const { em } = await import(process.env.EMSTORE_PACKAGE);
if (block.schema) await em.ping(); // Before the first request a schema is applied.
console.log(JSON.stringify(block));
`;

const toServe = `
const [path] = process.argv.slice(1);
const block = await import(path);
const { serve } = await import(process.env.EMSTORE_PACKAGE);
const served = await (block.default.then ? block.default : serve(block.default));
console.log(JSON.stringify({ socket: served.socket, isOurs: served.isOurs }));
process.stdin.on("end", () => served.close()).resume();
`;

const packagePath = join(packageFolder, "dist", "index.js");
const evaluating = (script, module) => ["--no-warnings", "--input-type=module", "--eval", script, module];

/** Runs a module against a daemon; what it exports. */
export function run(module, socket) {
  const settings = {
    cwd: work,
    env: environment({ EMSTORE_SOCKET: socket, EMSTORE_PACKAGE: packagePath, SHOP: shop }),
    encoding: "utf8",
  };
  return JSON.parse(execFileSync(process.execPath, evaluating(toRun, module), settings));
}

/** Runs a module that serves, in that folder, for as long as `use` looks at it. */
export async function served(module, folder, use) {
  mkdirSync(folder, { recursive: true });
  const child = spawn(process.execPath, evaluating(toServe, module), {
    cwd: folder,
    env: environment({ EMSTORED: emstored, EMSTORE_PACKAGE: packagePath }),
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const line = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", resolve);
    ended.then((code) => reject(new Error(`what serves ended with ${code}`)));
  });
  const result = await use(JSON.parse(line));
  child.stdin.end();
  assert.equal(await ended, 0);
  return result;
}
