// What the tests of the Node client share: a daemon of the test's own, and the command line, which is
// the C++ client's and sees from outside what happened.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath, pathToFileURL } from "node:url";

export const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
export const packageFolder = join(root, "client-lib", "node");
export const shop = join(root, "examples", "shop");

const packages = createRequire(join(packageFolder, "package.json"));
/** A module of the package: `dist/codec.js`. */
export const ours = (path) => import(pathToFileURL(join(packageFolder, "dist", path)));
export const typescript = packages("typescript");
export const msgpack = packages("@msgpack/msgpack");

/** The error that a request is refused with. */
export async function refusal(promise) {
  const { EmstoreError } = await ours("errors.js");
  const error = await promise.then(
    () => assert.fail("was not refused"),
    (cause) => cause,
  );
  assert.ok(error instanceof EmstoreError, error);
  return error;
}

const cli = process.env.EMSTORE_CLI;
export const emstored = process.env.EMSTORED;

/** This environment without what would change the programs under test. */
export function environment(variables = {}) {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith("EMSTORE_"));
  return { ...Object.fromEntries(kept), EMSTORE_STORE_ALLOW_MEMORY: "true", ...variables };
}

const leftovers = []; // What is done at the end, the last first: one listener, as Node warns of more than ten.
process.once("exit", () => {
  while (leftovers.length > 0) leftovers.pop()();
});

export function temporaryFolder() {
  const folder = mkdtempSync(join(tmpdir(), "emstore-node-"));
  leftovers.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export class Daemon {
  static async start(folder = temporaryFolder()) {
    const daemon = new Daemon(folder);
    await daemon.start();
    return daemon;
  }

  constructor(folder) {
    this.folder = folder;
    this.data = join(folder, "data");
    this.socket = join(folder, "sock");
  }

  async start() {
    const flags = ["--data", this.data, "--socket", this.socket];
    this.process = spawn(emstored, flags, { env: environment(), stdio: ["ignore", "pipe", "inherit"] });
    this.ended = new Promise((resolve) => this.process.once("exit", (code) => resolve(code)));
    const lines = createInterface({ input: this.process.stdout });
    const ready = await Promise.race([
      new Promise((resolve) => lines.once("line", resolve)),
      this.ended.then((code) => `ended with ${code}`),
    ]);
    for (const part of [this.process, this.process.stdout]) part.unref(); // A test that fails ends.
    const { process } = this;
    leftovers.push(() => process.kill("SIGKILL"));
    if (!ready.includes(" ready in ")) throw new Error(`emstored: ${ready}`);
  }

  /** Its exit code. */
  async end(signal = "SIGTERM") {
    this.process.ref();
    this.process.kill(signal);
    return this.ended;
  }

  cli(...words) {
    return commandLine(this.socket, ...words);
  }
}

/** What `emstore … --json` prints: one value a line. */
export function commandLine(socket, ...words) {
  const settings = { env: environment({ EMSTORE_SOCKET: socket }), encoding: "utf8" };
  const printed = execFileSync(cli, [...words.map(String), "--json"], settings);
  return printed
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}
