// The page, taken apart: its blocks, made into modules that can be checked and run. A block is not
// changed but for the name of the package it imports; what it takes for granted is imported before it,
// and what it declares is exported behind it, so that a test can look.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { packageFolder, typescript as ts } from "./support.mjs";

const fence = /^```typescript\n([\s\S]*?)^```$/gm;

/** The ```typescript blocks of a page, in order, with the line each begins at. */
export function blocksOf(path) {
  const page = readFileSync(path, "utf8");
  return [...page.matchAll(fence)].map((found, i) => ({
    number: i + 1,
    line: page.slice(0, found.index).split("\n").length + 1,
    text: found[1],
  }));
}

/** The block as a user of emstore writes it. */
export const renamed = (text) => text.replace(/(from|module) "bknd/g, '$1 "emstore');

function parsed(text) {
  return ts.createSourceFile("block.ts", text, ts.ScriptTarget.ES2022, true);
}

/** The names that the statements of a text declare as constants. */
export function declared(text) {
  return parsed(text)
    .statements.filter(ts.isVariableStatement)
    .flatMap((statement) => statement.declarationList.declarations.map(({ name }) => name.getText()));
}

/** A block that declares a name twice, in parts that do not. */
export function halves(text) {
  const source = parsed(text);
  const seen = new Set();
  for (const statement of source.statements) {
    const names = declared(statement.getText());
    if (names.some((name) => seen.has(name))) {
      const cut = statement.getFullStart();
      return [text.slice(0, cut), ...halves(text.slice(cut))];
    }
    names.forEach((name) => seen.add(name));
  }
  return [text];
}

/** The names that a text uses and nobody declares, as the compiler tells. */
export function freeNames(text) {
  const cannotFind = new Set([2304, 2552, 2580, 2582, 2583, 2584, 18004]);
  const options = {
    target: ts.ScriptTarget.ES2022,
    lib: ["lib.es2022.d.ts"],
    types: [],
    noResolve: true,
    skipLibCheck: true,
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile } = host;
  host.getSourceFile = (name, ...rest) =>
    name === "block.ts" ? parsed(`${text}\nexport {};`) : library(name, () => getSourceFile(name, ...rest));
  const program = ts.createProgram(["block.ts"], options, host);
  const names = program
    .getSemanticDiagnostics(program.getSourceFile("block.ts"))
    .filter((diagnostic) => cannotFind.has(diagnostic.code))
    .map(({ file, start, length }) => file.text.slice(start, start + length));
  return [...new Set(names)];
}

const libraries = new Map(); // The same for every program, and slow to read.

function library(name, read) {
  if (!libraries.has(name)) libraries.set(name, read());
  return libraries.get(name);
}

/** Compiles modules together, strictly. What is wrong with them, as the compiler prints it. */
export function compile(files, outDir) {
  const options = {
    target: ts.ScriptTarget.ES2022,
    lib: ["lib.es2022.d.ts"],
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    strict: true,
    skipLibCheck: true, // Our declarations are what the compiler wrote.
    types: ["node"],
    typeRoots: [join(packageFolder, "node_modules", "@types")],
    outDir,
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile } = host;
  host.getSourceFile = (name, ...rest) =>
    name.includes("/node_modules/typescript/") || name.includes("/@types/") || name.includes("/dist/")
      ? library(name, () => getSourceFile(name, ...rest))
      : getSourceFile(name, ...rest);
  const program = ts.createProgram(files, options, host);
  const found = [...ts.getPreEmitDiagnostics(program), ...program.emit().diagnostics];
  return ts.formatDiagnostics(found, {
    getCanonicalFileName: (name) => name,
    getCurrentDirectory: () => outDir,
    getNewLine: () => "\n",
  });
}
