// A feed of the client for Node: what it gives, over lost connections and to other stores, and its end.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeDaemon, greeting, helloOf } from "./fake_daemon.mjs";
import { client, products, schema } from "./products.mjs";
import { Daemon, ours, refusal } from "./support.mjs";

const { Client } = await ours("index.js");

test("a feed gives each commit once, old and new, over kills of the daemon", async () => {
  const own = await Daemon.start();
  const writer = new Client({ socket: own.socket, schema, retryFor: 60_000 });
  await writer.mutator("products").insertOne({ name: "0" });
  const names = [];
  const feed = new Client({ socket: own.socket, retryFor: 60_000 }).subscribe("products", { from: 1 });
  const reading = (async () => {
    for await (const { events } of feed) {
      names.push(events.find(({ kind }) => kind === "record_created").values.name);
      if (names.length === 300) return;
    }
  })();
  for (let i = 1; i < 300; i += 1) {
    await writer.mutator("products").insertOne({ name: `${i}` });
    if (i % 100 === 50) {
      await own.end("SIGKILL");
      await own.start();
    }
  }
  await reading;
  assert.deepEqual(
    names,
    Array.from({ length: 300 }, (_, i) => `${i}`),
  );
  assert.equal(feed.position, (await writer.ping()).sequence + 1);
  writer.close();
  assert.equal(await own.end(), 0);
});

test("who is slow is waited for, and gets everything", async () => {
  const { sequence } = await client.ping();
  const many = Array.from({ length: 3000 }, (_, i) => products().insertOne({ name: `slow ${i}`, price: i }));
  await Promise.all(many);
  let next = sequence + 1;
  for await (const notice of client.subscribe({ from: next }).notices()) {
    if (notice.kind === "caught_up") break;
    if (notice.kind !== "commit") continue;
    assert.equal(notice.commit.sequence, next++);
    if (next % 500 === 0) await new Promise((resolve) => setTimeout(resolve, 20)); // Takes its time.
  }
  assert.equal(next, sequence + 3001);
});

test("a feed may ask for less, and be ended", async () => {
  const made = await products().insertOne({ name: "watched" });
  const feed = client.subscribe("products", {
    from: made.sequence,
    id: made.id,
    field: "gallery",
    operators: ["$create"],
  });
  await products().updateOne(made.id, { name: "other" });
  const { sequence } = await products().updateOne(made.id, { gallery: { $create: { file: Buffer.from("g") } } });
  const seen = [];
  for await (const commit of feed) {
    seen.push(commit.sequence);
    setTimeout(() => feed.close(), 50);
  }
  assert.deepEqual(seen, [sequence]);
  const error = await refusal(client.subscribe("no_such").notices().next());
  assert.equal(error.code, "unknown_entity");
});

/** What `work` gives, unless that takes as long as if it never came. */
const soon = (work) =>
  Promise.race([work, new Promise((_, reject) => setTimeout(() => reject(new Error("too late")), 3000).unref())]);

async function sequencesOf(feed, many = Infinity) {
  const sequences = [];
  for await (const { sequence } of feed) if (sequences.push(sequence) === many) break;
  return sequences;
}

/** Gives one commit a connection, numbered from `from`. */
function give({ params: [{ from }], reply, push }) {
  reply(null, { subscription: 1, from });
  push("commits", 1, [{ sequence: from }], from + 1);
}

const losses = {
  "is lost": ({ end }) => end(),
  "is shut down": ({ reply }) => reply("shutting_down"),
};
for (const [what, lose] of Object.entries(losses)) {
  test(`a feed goes on when its connection ${what} while it subscribes again`, async () => {
    const fake = await greeting((request) => {
      if (request.connection === 2) return lose(request);
      give(request);
      if (request.connection === 1) setTimeout(request.end, 50);
    });
    const feed = new Client({ socket: fake.socket, retryFor: 2000 }).subscribe("notes", { from: 5 });
    assert.deepEqual(await soon(sequencesOf(feed, 2)), [5, 6]);
    assert.ok(fake.connections > 2);
  });
}

test("a feed does not go on in another store", async () => {
  const fake = await fakeDaemon((request) => {
    if (request.method === "hello") return request.reply(null, helloOf(request.connection === 1 ? "aa" : "bb"));
    give(request);
    setTimeout(request.end, 50);
  });
  const feed = new Client({ socket: fake.socket, retryFor: 2000 }).subscribe("notes", { from: 5 });
  const error = await refusal(soon(sequencesOf(feed)));
  assert.match(error.message, /another store/);
  assert.deepEqual([error.retryable, feed.position], [false, 6]);
});

test("a feed that is closed ends, wherever it is", async () => {
  const places = {
    "before it connects": await fakeDaemon(() => assert.fail("connected")),
    "while nobody greets": await fakeDaemon(() => undefined),
    "while nobody answers": await greeting(() => undefined),
    "while it waits": await greeting(({ reply }) => reply(null, { subscription: 1, from: 5 })),
    "while it tries again": { socket: "/nowhere/sock" },
  };
  for (const [place, { socket, open }] of Object.entries(places)) {
    const feed = new Client({ socket, retryFor: 60_000 }).subscribe("notes", { from: 5 });
    const reading = sequencesOf(feed);
    if (!place.startsWith("before")) await new Promise((resolve) => setTimeout(resolve, 100));
    feed.close();
    assert.deepEqual(await soon(reading), [], place);
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(open?.size ?? 0, 0, place); // No connection is left behind.
  }
});
