// Calls of the client for Node that are taken back by an AbortSignal, wherever they wait, and what they leave.
import assert from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import { getEventListeners } from "node:events";
import { closeSync, constants, openSync, readdirSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { fakeDaemon, greeting, helloOf } from "./fake_daemon.mjs";
import { Daemon, environment, ours, packageFolder, refusal, temporaryFolder } from "./support.mjs";

const { Client, entity, media, systemEntity, text } = await ours("index.js");
const { buildSchema } = await ours("schema.js");

const schema = buildSchema(
  { notes: entity("notes", { signal: text(), files: media() }), media: systemEntity("media", {}) },
  ({ relation }, { notes, media }) => relation(notes).polyToMany(media, { mappedBy: "files" }),
);

let daemon, client;
before(async () => {
  daemon = await Daemon.start();
  client = new Client({ socket: daemon.socket, schema });
});
after(async () => {
  client.close();
  assert.equal(await daemon.end(), 0);
});

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function clientOf(t, socket, options = {}) {
  const made = new Client({ socket, retryFor: 400, requestKeys: false, ...options });
  t.after(() => made.close());
  return made;
}

/** Resolves when it is so. */
async function until(isSo) {
  while (!isSo()) await pause(5);
}

/** Takes back what `ask` waits for, once it waits; the error. */
async function takenBack(ask, waits) {
  const controller = new AbortController();
  const asked = refusal(ask(controller.signal));
  await until(waits);
  controller.abort(new Error("enough"));
  const error = await asked;
  const { cause } = error.code === "outcome_unknown" ? error.cause : error;
  assert.equal(cause.message, "enough");
  return error;
}

/** Every call that takes a signal, of a client. */
const calls = {
  ping: (c, signal) => c.ping({ signal }),
  findId: (c, signal) => c.repository("notes").findId(1, { signal }),
  findOne: (c, signal) => c.repository("notes").findOne({ signal }),
  "findOne, as bknd": (c, signal) => c.repository("notes").findOne({ id: 1 }, { signal }),
  findMany: (c, signal) => c.repository("notes").findMany({ signal }),
  each: (c, signal) => c.repository("notes").each({ signal }).next(),
  count: (c, signal) => c.repository("notes").count({ signal }),
  exists: (c, signal) => c.repository("notes").exists({ where: { id: 1 }, signal }),
  explain: (c, signal) => c.repository("notes").explain({ signal }),
  log: (c, signal) => c.log({ from: 1, signal }).next(),
  show: (c, signal) => c.show(1, { signal }),
  diff: (c, signal) => c.diff(1, 2, { signal }).next(),
  schemaInForce: (c, signal) => c.schemaInForce({ signal }),
  have: (c, signal) => c.have([], { signal }),
  "media.read": (c, signal) => c.media.read("xxh3-128:00", { signal }),
  "media.read by id": (c, signal) => c.media.read(1, { signal }),
  "media.save": (c, signal) => c.media.save("xxh3-128:00", join(temporaryFolder(), "x"), { signal }),
  audit: (c, signal) => c.audit({ signal }),
  verify: (c, signal) => c.verify({ signal }),
  "gc that only looks": (c, signal) => c.gc({ dry_run: true, signal }),
  subscribe: (c, signal) => c.subscribe("notes", { signal }).notices().next(),
  "media.upload": (c, signal) => c.media.upload(Buffer.alloc(100_000), {}, { signal }),
};
const changes = {
  insertOne: (c, signal) => c.mutator("notes").insertOne({}, { signal }),
  insertMany: (c, signal) => c.mutator("notes").insertMany([{}], { signal }),
  updateOne: (c, signal) => c.mutator("notes").updateOne(1, {}, { signal }),
  updateWhere: (c, signal) => c.mutator("notes").updateWhere({}, { id: 1 }, { signal }),
  deleteOne: (c, signal) => c.mutator("notes").deleteOne(1, { signal }),
  deleteWhere: (c, signal) => c.mutator("notes").deleteWhere({ id: 1 }, { signal }),
  transaction: (c, signal) => c.transaction((tx) => tx.insertOne("notes", {}), { signal }),
  undo: (c, signal) => c.undo(1, { signal }),
  "small upload": (c, signal) => c.media.upload(Buffer.from("x"), {}, { signal }),
  applySchema: (c, signal) => c.applySchema({}, { signal }),
  rebuild: (c, signal) => c.rebuild({ signal }),
  gc: (c, signal) => c.gc({ signal }),
  scrub: (c, signal) => c.scrub({ signal }),
};

test("whatever waits for an answer ends at once, and its connection goes on", { timeout: 60_000 }, async (t) => {
  for (const [what, ask] of Object.entries({ ...calls, ...changes })) {
    const late = [];
    let isForBytes = false; // Which have a connection of their own.
    const fake = await greeting(({ method, reply }) => {
      if (method === "ping" && late.length > 0) return reply(null, { sequence: 7 });
      isForBytes ||= ["blob.begin", "blob.read"].includes(method);
      late.push(() => reply(null, { sequence: 1, data: [], commits: [], job: "1", from: 1 }));
    });
    const asker = clientOf(t, fake.socket);
    const { code } = await takenBack((signal) => ask(asker, signal), () => late.length > 0);
    assert.equal(code, what in changes ? "outcome_unknown" : "cancelled", what);
    for (const reply of late) reply(); // Nobody waits for these.
    assert.deepEqual(await asker.ping(), { sequence: 7 }, what);
    assert.equal(fake.connections, isForBytes || what === "subscribe" ? 2 : 1, what);
  }
});

test("what is taken back before it is asked is not sent", async (t) => {
  const sent = [];
  const fake = await greeting(({ method, reply }) => {
    sent.push(method);
    reply(null, { sequence: 1 });
  });
  const asker = clientOf(t, fake.socket);
  const withSchema = clientOf(t, fake.socket, { schema });
  const signal = AbortSignal.abort(new Error("enough"));
  for (const [what, ask] of Object.entries({ ...calls, ...changes })) {
    for (const one of [asker, withSchema]) {
      const error = await refusal(ask(one, signal));
      assert.deepEqual([error.code, error.class, error.cause.message], ["cancelled", "unavailable", "enough"], what);
      if (what === "applySchema") break; // It takes the place of the schema that waits.
    }
  }
  await asker.ping();
  assert.deepEqual(sent, ["ping"]);
});

test("a job that is taken back while its client connects or makes ready is not begun", async (t) => {
  for (const options of [{}, { schema }]) {
    const sent = [];
    const held = [];
    const fake = await fakeDaemon(({ method, reply }) => {
      sent.push(method);
      const answer = () => reply(null, { ...helloOf(), sequence: 2 });
      if (sent.length === (options.schema ? 2 : 1)) held.push(answer);
      else answer();
    });
    const asker = clientOf(t, fake.socket, options);
    const error = takenBack((signal) => asker.gc({ signal }), () => held.length > 0);
    const ping = asker.ping(); // Waits too, so that the greeting goes on.
    assert.equal((await error).code, "cancelled");
    for (const answer of held) answer();
    await ping;
    assert.deepEqual(sent, ["hello", ...(options.schema ? ["schema.apply"] : []), "ping"]);
  }
});

test("a job that changes something has an unknown outcome once it was sent, and is not begun again", async (t) => {
  const sent = [];
  const fake = await greeting(({ method, connection, reply, end }) => {
    sent.push([connection, method]);
    if (connection > 1) reply(null, { sequence: 1 });
    else if (method === "ping") setTimeout(end, 100);
  });
  const asker = clientOf(t, fake.socket, { retryFor: 2000 });
  const error = takenBack((signal) => asker.gc({ signal }), () => sent.length > 1);
  await until(() => sent.length > 0);
  const ping = asker.ping();
  assert.equal((await error).code, "outcome_unknown");
  await ping;
  assert.deepEqual(sent, [[1, "gc"], [1, "ping"], [2, "ping"]]);
});

test("a gc that was taken back before it began has deleted nothing", async () => {
  const { id } = await client.media.upload(Buffer.from("kept"));
  assert.equal((await refusal(client.gc({ grace: 0, signal: AbortSignal.abort() }))).code, "cancelled");
  await client.audit();
  assert.equal((await client.media.read(id)).toString(), "kept");
});

test("a call ends while nobody greets, or nobody is there any more; and leaves no connection", async (t) => {
  const silent = await fakeDaemon(() => undefined);
  const gone = await greeting(({ connection, reply, end }) => (connection > 1 ? end() : reply(null, { sequence: 1 })));
  const asker = clientOf(t, gone.socket, { retryFor: 60_000 });
  await asker.ping();
  for (const socket of gone.open) socket.destroy();
  for (const [fake, one] of [[silent, clientOf(t, silent.socket)], [gone, asker]]) {
    for (const ask of [calls.ping, calls.subscribe, calls.findMany]) {
      const error = await refusal(ask(one, AbortSignal.timeout(100)));
      assert.deepEqual([error.code, error.cause.name], ["cancelled", "TimeoutError"]);
    }
    const { connections } = fake;
    await pause(600); // The longest pause between two tries.
    assert.ok(fake.connections <= connections + 1, "nobody tries on");
    assert.equal(silent.open.size, 0);
  }
});

test("who asks in the tick in which the last one left is connected all the same", async (t) => {
  const held = [];
  const fake = await fakeDaemon(({ method, connection, reply }) => {
    if (connection === 1) held.push(method);
    else reply(null, method === "hello" ? helloOf() : { sequence: 7 });
  });
  const asker = clientOf(t, fake.socket);
  const controller = new AbortController();
  const gone = refusal(asker.ping({ signal: controller.signal }));
  await until(() => held.length > 0);
  controller.abort();
  const [answer, { store_id }] = await Promise.all([asker.ping(), asker.hello()]);
  assert.deepEqual([answer, store_id], [{ sequence: 7 }, "aa"]);
  assert.equal((await gone).code, "cancelled");
});

test("a change that was sent is told to be unknown, with the key to ask again", async (t) => {
  const asked = [];
  const fake = await greeting(({ params, reply }) => {
    asked.push(params[2].key);
    if (asked.length > 1) reply(null, { id: 1, data: {}, sequence: 3, replayed: true });
  });
  const asker = clientOf(t, fake.socket, { requestKeys: true });
  const error = await takenBack((signal) => asker.mutator("notes").insertOne({}, { signal }), () => asked.length > 0);
  assert.deepEqual([error.code, error.retryable, error.cause.code], ["outcome_unknown", true, "cancelled"]);
  assert.ok(error.hint.includes(`"${asked[0]}"`));
  assert.equal((await asker.mutator("notes").insertOne({}, { key: asked[0] })).replayed, true);
});

test("what was taken back is not sent again over a new connection, what is waited for is", async (t) => {
  const asked = [];
  const fake = await greeting(({ method, params, connection, reply, end }) => {
    asked.push([connection, method === "ping" ? "ping" : params[1].signal]);
    if (connection === 2) reply(null, { id: 1, data: {}, sequence: 1 });
    else if (method === "ping") setTimeout(end, 200);
  });
  const asker = clientOf(t, fake.socket, { requestKeys: true, retryFor: 2000 });
  const controller = new AbortController();
  const gone = refusal(asker.mutator("notes").insertOne({ signal: "gone" }, { signal: controller.signal }));
  const kept = asker.mutator("notes").insertOne({ signal: "kept" }, { signal: new AbortController().signal });
  await until(() => asked.length === 2);
  const ping = asker.ping();
  controller.abort();
  assert.equal((await gone).code, "outcome_unknown");
  await Promise.all([kept, ping]);
  assert.deepEqual(asked, [[1, "gone"], [1, "kept"], [1, "ping"], [2, "kept"], [2, "ping"]]);
});

test("a change that was sent once has an unknown outcome also when no connection came after it", async (t) => {
  let isGone = false;
  const fake = await fakeDaemon(({ method, reply, end }) => {
    if (method === "hello" && !isGone) return reply(null, { store_id: "aa", limits: {} });
    isGone = true;
    end();
  });
  const asker = clientOf(t, fake.socket, { requestKeys: true });
  const error = await refusal(asker.mutator("notes").insertOne({}));
  assert.equal(error.code, "outcome_unknown");
});

test("mutations keep their order around one that is taken back while it waits for its file", async () => {
  const notes = client.mutator("notes");
  const slow = new PassThrough();
  const controller = new AbortController();
  const first = notes.insertOne({ signal: "first" });
  const gone = refusal(
    notes.insertOne({ signal: "gone", files: { $create: { file: slow } } }, { signal: controller.signal }),
  );
  const last = notes.insertOne({ signal: "last" });
  slow.write("a beginning");
  await until(() => slow.listenerCount("readable") > 0); // It is being read.
  controller.abort();
  assert.equal((await gone).code, "cancelled");
  assert.ok(slow.destroyed);
  const [{ sequence }, next] = await Promise.all([first, last]);
  assert.equal(next.sequence, sequence + 1);
  assert.equal((await client.repository("notes").count({ signal: "gone" })).count, 0); // A field of that name.
});

test("uploads end in the middle and in their queue, and let go of what they read", async () => {
  await client.ping();
  const open = readdirSync("/proc/self/fd").length;
  const controller = new AbortController();
  const { signal } = controller;
  const streams = Array.from({ length: 12 }, () => new PassThrough()); // Eight are read at a time.
  const uploads = streams.map((stream) => refusal(client.media.upload(stream, {}, { signal })));
  streams[0].write(Buffer.alloc(3 << 20));
  await until(() => streams.filter((stream) => stream.listenerCount("readable") > 0).length === 8);
  controller.abort();
  for (const error of await Promise.all(uploads)) assert.equal(error.code, "cancelled");
  const bytes = Buffer.alloc(2 << 20, 7);
  const { id } = await client.media.upload(bytes); // There is room again.
  assert.ok((await client.media.read(id)).equals(bytes));
  assert.ok(readdirSync("/proc/self/fd").length <= open + 1); // The second connection.
});

test("reading and saving ends in the middle, and leaves no file", async () => {
  const { id } = await client.media.upload(Buffer.alloc(20 << 20, 1));
  const controller = new AbortController();
  const stream = client.media.stream(id, { signal: controller.signal });
  const error = await refusal((async () => {
    for await (const piece of stream) if (piece.length > 0) controller.abort();
  })());
  assert.equal(error.code, "cancelled");
  const folder = temporaryFolder();
  assert.equal((await refusal(client.media.save(id, join(folder, "film"), { signal: AbortSignal.timeout(5) }))).code, "cancelled");
  assert.deepEqual(readdirSync(folder), []);
});

test("saving into a pipe ends while nobody reads it, or reads on, and leaves no thread waiting", { timeout: 20_000 }, async () => {
  const { id } = await client.media.upload(Buffer.alloc(1 << 20, 1));
  const pipe = join(temporaryFolder(), "pipe");
  execFileSync("mkfifo", [pipe]);
  const save = (signal) => refusal(client.media.save(id, pipe, { signal }));
  const saveOften = () => Promise.all(Array.from({ length: 8 }, () => save(AbortSignal.timeout(100)))); // Node has 4 threads.
  for (const error of await saveOften()) assert.equal(error.code, "cancelled");
  assert.ok((await stat(pipe)).isFIFO()); // A thread is free for this.
  const open = readdirSync("/proc/self/fd").length;
  const idle = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
  for (const error of await saveOften()) assert.equal(error.code, "cancelled");
  closeSync(idle);
  assert.equal(readdirSync("/proc/self/fd").length, open);
  assert.ok((await stat(pipe)).isFIFO());
  const saved = client.media.save(id, pipe, { signal: new AbortController().signal });
  await pause(100); // It waits for who reads.
  const cat = promisify(execFile)("cat", [pipe], { encoding: "buffer", maxBuffer: 1 << 23 });
  await saved;
  assert.ok((await cat).stdout.equals(Buffer.alloc(1 << 20, 1)));
});

test("saving into a pipe whose reader leaves says so", { timeout: 20_000 }, async () => {
  const { id } = await client.media.upload(Buffer.alloc(1 << 20, 1));
  const pipe = join(temporaryFolder(), "pipe");
  execFileSync("mkfifo", [pipe]);
  const head = promisify(execFile)("head", ["-c", "10", pipe]);
  assert.match((await refusal(client.media.save(id, pipe))).message, /^cannot write .*EPIPE/);
  await head;
});

test("a feed ends in its waiting and among commits, and says where it was", async () => {
  const { sequence } = await client.mutator("notes").insertMany([{ signal: "a" }, { signal: "b" }]);
  const controller = new AbortController();
  const feed = client.subscribe("notes", { from: sequence, signal: controller.signal });
  const seen = [];
  const error = await refusal((async () => {
    for await (const commit of feed) {
      seen.push(commit.sequence);
      setTimeout(() => controller.abort(), 50);
    }
  })());
  assert.deepEqual([error.code, seen, feed.position], ["cancelled", [sequence], sequence + 1]);
  const stopping = new AbortController();
  const busy = client.subscribe({ from: 1, signal: stopping.signal });
  let many = 0;
  await refusal((async () => {
    for await (const _ of busy) if ((many += 1) === 2) stopping.abort();
  })());
  assert.equal(many, 2);
});

test("a job that is taken back ends in the daemon too, also before it was told which it is", async (t) => {
  const asked = [];
  const fake = await greeting(({ method, params, reply }) => {
    asked.push(method === "job.get" ? method : [method, ...params]);
    reply(null, method === "job.get" ? { state: "running" } : { job: "j7" });
  });
  const asker = clientOf(t, fake.socket);
  const audit = (signal) => asker.audit({ slice: 1, slices: 2, signal });
  assert.equal((await takenBack(audit, () => asked.length > 1)).code, "cancelled");
  await until(() => Array.isArray(asked.at(-1)));
  const [begin, get, ...rest] = asked;
  assert.deepEqual([begin, get, rest.at(-1)], [["audit", { slice: 1, slices: 2 }], "job.get", ["job.cancel", "j7"]]);
  const late = [];
  const slow = await greeting(({ method, params, reply }) => late.push({ method, params, reply }));
  const other = clientOf(t, slow.socket);
  assert.equal((await takenBack((signal) => other.rebuild({ signal }), () => late.length > 0)).code, "outcome_unknown");
  late[0].reply(null, { job: "j8" });
  await until(() => late.length > 1);
  assert.deepEqual([late[1].method, late[1].params], ["job.cancel", ["j8"]]);
});

test("one signal may stand for many calls, which leave it no listener, and what is no signal is refused", async () => {
  const warnings = [];
  const hear = ({ message }) => warnings.push(message);
  process.on("warning", hear);
  const { signal } = new AbortController();
  await Promise.all(Array.from({ length: 50 }, () => client.ping({ signal })));
  await pause(10);
  process.off("warning", hear);
  assert.deepEqual(warnings, []);
  assert.equal(getEventListeners(signal, "abort").length, 0);
  const error = await refusal(client.ping({ signal: 7 }));
  assert.deepEqual([error.code, error.path], ["wrong_type", "signal"]);
});

test("a listener goes with the last call that waits, and comes again with the next", async (t) => {
  const held = [];
  const fake = await greeting(({ reply }) => held.push(() => reply(null, { sequence: 1 })));
  const asker = clientOf(t, fake.socket);
  const controller = new AbortController();
  const { signal } = controller;
  const listeners = () => getEventListeners(signal, "abort").length;
  const [first, second] = [asker.ping({ signal }), asker.ping({ signal })];
  await until(() => held.length === 2);
  held[0]();
  await first;
  assert.equal(listeners(), 1);
  held[1]();
  await second;
  await pause(5);
  assert.equal(listeners(), 0);
  const third = refusal(asker.ping({ signal }));
  await until(() => held.length === 3);
  assert.equal(listeners(), 1);
  controller.abort();
  assert.equal((await third).code, "cancelled");
  await refusal(asker.ping({ signal }));
  await pause(5);
  assert.equal(listeners(), 0);
});

test("a program whose calls are taken back ends", async (t) => {
  const silent = await greeting(() => undefined);
  const unfriendly = await fakeDaemon(() => undefined);
  for (const { socket } of [silent, unfriendly]) {
    const module = pathToFileURL(join(packageFolder, "dist", "index.js"));
    const program = `
      import { Client } from ${JSON.stringify(String(module))};
      const client = new Client({ socket: ${JSON.stringify(socket)}, requestKeys: false });
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 100);
      const { signal } = controller;
      const asked = await Promise.allSettled([client.ping({ signal }), client.mutator("n").insertOne({}, { signal }),
        client.subscribe({ signal }).notices().next()]);
      console.log(asked.map(({ reason }) => reason.code).join());`;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", program], {
      env: environment(),
      stdio: ["ignore", "pipe", "inherit"],
    });
    t.after(() => child.kill("SIGKILL"));
    let said = "";
    child.stdout.on("data", (piece) => (said += piece));
    const code = await new Promise((resolve) => {
      child.once("exit", resolve);
      setTimeout(() => resolve("goes on"), 10_000).unref();
    });
    assert.equal(code, 0);
    assert.match(said, /^cancelled,(cancelled|outcome_unknown),cancelled\n$/);
  }
});
