// The daemon that a program for Node starts for itself ends with it, however that ends.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
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
  const life = setInterval(() => undefined, 1000);
  const { pid } = await served.em.request("status");
  ${more}
  console.log(JSON.stringify({ isOurs: served.isOurs, pid }));
`;

/** A program that serves from that folder, and is ready. */
async function program(folder, more = "") {
  const flags = ["--input-type=module", "--eval", programOf(folder, more)];
  const child = spawn(process.execPath, flags, {
    env: environment({ EMSTORED: emstored }),
    detached: true, // In a process group of its own, which gets what a terminal's Ctrl-C sends.
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

/** The shells that watch over the daemon of that process id. */
function watchersOf(pid) {
  const commands = readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name)).map((name) => {
    try {
      return readFileSync(join("/proc", name, "cmdline"), "utf8").split("\0");
    } catch {
      return []; // It has ended.
    }
  });
  return commands.filter(([shell, , , watched]) => shell === "/bin/sh" && watched === String(pid));
}

async function hasNoWatcher(pid) {
  for (let tries = 0; tries < 100 && watchersOf(pid).length > 0; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return watchersOf(pid).length === 0;
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

test("more private daemons than Node likes listeners end with their process, without a warning", async () => {
  const folders = Array.from({ length: 12 }, temporaryFolder);
  const more = `
    process.on("warning", ({ message }) => { throw new Error(message); });
    for (const url of ${JSON.stringify(folders.slice(1))}) await serve({ connection: { url } });
    await new Promise(setImmediate);
    life.unref();`;
  const { ended } = await program(folders[0], more);
  assert.equal(await ended, 0);
  for (const folder of folders) assert.ok(await hasEnded(folder));
});

test("a program that listens to a signal has its daemon until it ends itself", async () => {
  const folder = temporaryFolder();
  const { child, ended } = await program(
    folder,
    `process.on("SIGINT", async () => {
      await new Promise((resolve) => setTimeout(resolve, 500));
      const probe = createConnection(served.socket);
      probe.on("connect", () => process.exit(7)).on("error", () => process.exit(1));
    });`,
  );
  process.kill(-child.pid, "SIGINT");
  assert.equal(await ended, 7);
  assert.ok(await hasEnded(folder));
});

// As signal-exit is, which npm and many others bring along: it leaves the signal to whoever else listens.
const politeListeners = `
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) {
    const listener = () => {
      if (process.listenerCount(signal) > 1) return;
      process.off(signal, listener);
      process.kill(process.pid, signal);
    };
    process.on(signal, listener);
  }`;

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGKILL"]) {
  test(`${signal} ends a program with a polite listener, and its daemon`, { timeout: 60_000 }, async (t) => {
    const folder = temporaryFolder();
    const write = `await served.em.request("schema.apply", { entities: { notes: { fields: {} } } }, {});`;
    const { child, ended, pid } = await program(folder, politeListeners + write);
    t.after(() => child.kill("SIGKILL"));
    assert.equal(watchersOf(pid).length, 1); // The control of what is looked for below.
    child.kill(signal);
    assert.equal(await ended, signal);
    assert.ok(await hasEnded(folder));
    assert.ok(await hasNoWatcher(pid));
    const next = await program(folder, `
      const { schema } = await served.em.request("schema.get");
      if (!served.isOurs || !schema.entities.notes) throw new Error("its folder is not as before");
      await served.close();
      life.unref();`);
    assert.equal(await next.ended, 0);
  });
}

test("nobody watches over a daemon that was closed or ended by itself", async () => {
  for (const end of ["await served.close();", "process.kill(pid);"]) {
    const folder = temporaryFolder();
    const { child, ended, pid } = await program(folder, end);
    assert.ok(await hasEnded(folder));
    assert.ok(await hasNoWatcher(pid), end);
    child.kill("SIGKILL");
    await ended;
  }
});

test("a daemon that does not start says why, and what to do", async () => {
  const folder = temporaryFolder();
  const refusing = join(folder, "emstored");
  const said = "echo 'emstored: error: it will not [locked]' >&2; echo '  next: wait for it' >&2";
  writeFileSync(refusing, `#!/bin/sh\n${said}\nexit 6\n`, { mode: 0o755 });
  const client = pathToFileURL(join(packageFolder, "dist", "daemon.js"));
  const { findOrStart } = await import(String(client));
  const options = { program: refusing, data: join(folder, "data"), socket: join(folder, "sock") };
  await assert.rejects(findOrStart(options), {
    code: "unreachable",
    message: `cannot start ${refusing}: emstored: error: it will not [locked]`,
    hint: "wait for it",
  });
});

test("programs that start together share one daemon", async () => {
  const folder = temporaryFolder();
  const programs = await Promise.all([1, 2, 3, 4].map(() => program(folder)));
  assert.equal(new Set(programs.map(({ pid }) => pid)).size, 1);
  assert.equal(programs.filter(({ isOurs }) => isOurs).length, 1);
  for (const { child, ended } of programs) {
    child.kill("SIGKILL");
    await ended;
  }
  assert.ok(await hasEnded(folder));
});

test("a daemon and its watcher do not keep a program running", async () => {
  const folder = temporaryFolder();
  const { ended, pid } = await program(folder, "life.unref();");
  assert.equal(await ended, 0);
  assert.ok(await hasEnded(folder));
  assert.ok(await hasNoWatcher(pid));
});
