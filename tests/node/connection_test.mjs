// The client for Node and a daemon that is away, busy, silent or wrong: it neither waits nor tries for ever.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fakeDaemon, greeting, helloOf } from "./fake_daemon.mjs";
import { Daemon, ours, refusal } from "./support.mjs";

const { Client, entity, json, media, systemEntity, text } = await ours("index.js");
const { buildSchema } = await ours("schema.js");

const schema = buildSchema(
  { notes: entity("notes", { name: text(), extra: json(), files: media() }), media: systemEntity("media", {}) },
  ({ relation }, { notes, media }) => relation(notes).polyToMany(media, { mappedBy: "files" }),
);

let daemon;
before(async () => void (daemon = await Daemon.start()));
after(async () => assert.equal(await daemon.end(), 0));

/** A client of this daemon that ends with the test. */
function clientOf(t, socket, options = {}) {
  const client = new Client({ socket, retryFor: 400, ...options });
  t.after(() => client.close());
  return client;
}

// ---- Retries ------------------------------------------------------------------------------------

for (const [what, refuse] of Object.entries({
  "loses each connection": ({ end }) => end(),
  "is busy for ever": ({ reply }) => reply("busy"),
  "shuts down for ever": ({ reply }) => reply("shutting_down"),
})) {
  test(`retryFor ends the retries of a daemon that ${what}`, async (t) => {
    const fake = await greeting(refuse);
    const error = await refusal(clientOf(t, fake.socket).ping());
    assert.equal(error.class, "unavailable");
    // It rests longer and longer.
    assert.ok(fake.connections > 2 && fake.connections < 20, `${fake.connections} connections`);
  });
}

test("a real answer is a new beginning for the retries", async (t) => {
  const began = Date.now();
  const fake = await greeting(({ reply, end }) => (Date.now() - began < 300 ? end() : reply(null, { sequence: 1 })));
  const client = clientOf(t, fake.socket, { retryFor: 2000 });
  await client.ping();
  const before = fake.connections;
  for (const socket of fake.open) socket.destroy();
  await client.ping();
  assert.equal(fake.connections, before + 1);
});

test("what is too large is refused, as the first request too", async (t) => {
  const client = clientOf(t, daemon.socket, { schema });
  const notes = client.mutator("notes");
  const large = { name: "x".repeat(9 << 20) };
  for (const when of ["first", "later"]) {
    const [error] = await Promise.all([refusal(notes.insertOne(large)), client.ping()]);
    assert.equal(error.code, "message_too_large", when);
  }
  assert.equal((await notes.insertOne({ name: "fits" })).id, 1);
});

test("what a daemon says for good before it hangs up is not tried again", async (t) => {
  const fake = await greeting(({ send, socket }) => {
    send([1, null, ["malformed_message", "no", { retryable: false }], null]);
    socket.end();
  });
  const client = clientOf(t, fake.socket);
  assert.equal((await refusal(client.ping())).code, "malformed_message");
  assert.equal((await refusal(client.mutator("notes").insertOne({}))).code, "malformed_message");
  assert.equal(fake.connections, 2);
});

// ---- Answers that are hard to read --------------------------------------------------------------

test("a name that JavaScript finds special is a name", async (t) => {
  const client = clientOf(t, daemon.socket, { schema });
  const extra = JSON.parse('{"a": 1, "__proto__": {"__proto__": [1], "constructor": 2}, "b": 9007199254740991}');
  const made = await client.mutator("notes").insertOne({ name: "special", extra });
  const [found] = await Promise.all([client.repository("notes").findId(made.id), client.ping()]);
  for (const read of [made.extra, found.extra]) {
    assert.equal(JSON.stringify(read), JSON.stringify(extra)); // Its members in their order.
    assert.equal(Object.getPrototypeOf(read), Object.prototype);
  }
  for await (const commit of client.subscribe("notes", { from: made.sequence })) {
    const created = commit.events.find(({ kind }) => kind === "record_created");
    assert.equal(JSON.stringify(created.values.extra), JSON.stringify(extra));
    break;
  }
});

test("a reply that cannot be read is an error of its own request", async (t) => {
  const unreadable = Buffer.from([0x81, 0xc0, 0x01]); // A map whose only name is nil.
  const fake = await greeting(({ id, method, reply, socket }) => {
    if (method === "ping") reply(null, { sequence: 7 });
    else socket.write(Buffer.concat([Buffer.from([0x94, 0x01, 0xcd, id >> 8, id & 255, 0xc0]), unreadable]));
  });
  const client = clientOf(t, fake.socket);
  const [error, answer] = await Promise.all([refusal(client.request("status")), client.ping()]);
  assert.match(error.message, /cannot be read/);
  assert.deepEqual([error.code, answer, fake.connections], ["internal", { sequence: 7 }, 1]);
});

// ---- Silence, and answers of no sense -----------------------------------------------------------

test("a daemon that is silent is waited for no longer than `timeout`", async (t) => {
  for (const fake of [await fakeDaemon(() => undefined), await greeting(() => undefined)]) {
    const client = clientOf(t, fake.socket, { timeout: 100, retryFor: 0 });
    const error = await refusal(client.ping());
    assert.deepEqual([error.code, error.retryable], ["timed_out", true]);
  }
  const slow = await greeting(({ reply }) => setTimeout(() => reply(null, { sequence: 1 }), 100));
  const patient = clientOf(t, slow.socket, { timeout: 2000 });
  for (let round = 0; round < 2; round += 1) await patient.ping(); // The control: slow is not silent.
  assert.equal(slow.connections, 1);
});

test("what takes long is waited for, with all that waits behind it, and is sent once", async (t) => {
  const asked = [];
  const fake = await greeting(({ method, reply }) => {
    asked.push(method);
    if (method === "ping" && asked.filter((other) => other === "ping").length > 1) return; // Silent from now on.
    setTimeout(() => reply(null, { sequence: 1, blob: "xxh3-128:00", token: "t" }), method === "ping" ? 350 : 300);
  });
  const client = clientOf(t, fake.socket, { timeout: 100, retryFor: 0 });
  await Promise.all([client.applySchema({}), client.ping()]);
  await client.request("schema.apply", {}, { key: "k" });
  await client.request("blob.commit", "t");
  assert.deepEqual([asked, fake.connections], [["schema.apply", "ping", "schema.apply", "blob.commit"], 1]);
  const error = await refusal(client.ping()); // The control: after it silence counts again.
  assert.deepEqual([error.code, fake.connections], ["timed_out", 1]);
});

test("an answer to what was not asked ends the connection", async (t) => {
  const other = await greeting(({ id, send }) => send([1, id + 7, null, { sequence: 5 }]));
  const error = await refusal(clientOf(t, other.socket).ping());
  assert.match(error.message, /not asked/);
  const none = await fakeDaemon(({ id, send }) => send([1, id + 7, null, helloOf()]));
  assert.match((await refusal(clientOf(t, none.socket).ping())).message, /not asked/);
});

test("a greeting that is refused or makes no sense leaves no connection behind", async (t) => {
  const refusing = await fakeDaemon(({ reply }) => reply(["unsupported", "no such protocol", {}]));
  const empty = await fakeDaemon(({ reply }) => reply(null, {}));
  for (const [fake, code] of [
    [refusing, "unsupported"],
    [empty, "unreachable"],
  ]) {
    assert.equal((await refusal(clientOf(t, fake.socket).ping())).code, code);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(fake.open.size, 0);
  }
});

test("an answer of another form than the document says is a typed error", async (t) => {
  for (const result of [null, "x", [1], 5, {}]) {
    const fake = await greeting(({ reply }) => reply(null, result));
    const client = clientOf(t, fake.socket);
    const notes = client.mutator("notes");
    const asked = {
      findMany: () => client.repository("notes").findMany(),
      insertMany: () => notes.insertMany([{}]),
      transaction: () => client.transaction((tx) => tx.insertOne("notes", {})),
      undo: () => client.undo(1),
      have: () => client.have([]),
      log: () => client.log().next(),
      show: () => client.show(1),
      read: () => client.media.read("xxh3-128:00"),
      verify: () => client.verify(),
      subscribe: () => client.subscribe().notices().next(),
    };
    for (const [what, ask] of Object.entries(asked)) {
      const { code, message } = await refusal(ask());
      assert.equal(code, "internal", `${what} of ${JSON.stringify(result)}: ${message}`);
    }
  }
});

test("an empty socket is the default one", async (t) => {
  process.env.EMSTORE_SOCKET = daemon.socket;
  t.after(() => delete process.env.EMSTORE_SOCKET);
  assert.ok((await clientOf(t, "").ping()).sequence >= 0);
});
