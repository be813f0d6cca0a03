// The daemon that a program for Node starts for itself ends with it, however that ends.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { emstored, environment, packageFolder, temporaryFolder } from "./support.mjs";

const adapter = pathToFileURL(join(packageFolder, "dist", "adapter", "node.js"));
const programOf = (folder, more) => `
  import { serve } from ${JSON.stringify(String(adapter))};
  import { createConnection } from "node:net";
  const served = await serve({ connection: { url: ${JSON.stringify(folder)} } });
  ${more}
  console.log(JSON.stringify({ isOurs: served.isOurs }));
  setInterval(() => undefined, 1000);
`;

/** A program that serves from that folder, and is ready. */
async function program(folder, more = "") {
  const flags = ["--input-type=module", "--eval", programOf(folder, more)];
  const child = spawn(process.execPath, flags, {
    env: environment({ EMSTORED: emstored }),
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve(signal ?? code)));
  const line = await new Promise((resolve) => createInterface({ input: child.stdout }).once("line", resolve));
  return { child, ended, ...JSON.parse(line) };
}

/** Whether the daemon of that folder, which takes its socket away in the end, ends soon. */
async function hasEnded(folder) {
  for (let tries = 0; tries < 100 && existsSync(join(folder, "sock")); tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return !existsSync(join(folder, "sock"));
}

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) {
  test(`a private daemon ends with its process by ${signal}, which still ends that`, async () => {
    const folder = temporaryFolder();
    const { child, ended, isOurs } = await program(folder);
    assert.ok(isOurs && existsSync(join(folder, "sock")));
    child.kill(signal);
    assert.equal(await ended, signal);
    assert.ok(await hasEnded(folder));
  });
}

test("several private daemons end with their process", async () => {
  const folders = [temporaryFolder(), temporaryFolder()];
  const more = `await serve({ connection: { url: ${JSON.stringify(folders[1])} } });`;
  const { child, ended } = await program(folders[0], more);
  child.kill("SIGTERM");
  assert.equal(await ended, "SIGTERM");
  for (const folder of folders) assert.ok(await hasEnded(folder));
});

test("a program that listens to a signal has its daemon until it ends itself", async () => {
  const folder = temporaryFolder();
  const { child, ended } = await program(
    folder,
    `process.on("SIGTERM", async () => {
      await new Promise((resolve) => setTimeout(resolve, 200));
      const probe = createConnection(served.socket);
      probe.on("connect", () => process.exit(7)).on("error", () => process.exit(1));
    });`,
  );
  child.kill("SIGTERM");
  assert.equal(await ended, 7);
  assert.ok(await hasEnded(folder));
});

test("after a SIGKILL the daemon goes on, and is found", async () => {
  const folder = temporaryFolder();
  const killed = await program(folder);
  killed.child.kill("SIGKILL");
  assert.equal(await killed.ended, "SIGKILL");
  const next = await program(folder, `process.kill((await served.em.request("status")).pid);`);
  next.child.kill("SIGKILL");
  assert.equal(next.isOurs, false);
});
