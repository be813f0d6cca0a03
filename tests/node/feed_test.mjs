// A feed of the client for Node over lost connections, to other stores, and its end.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeDaemon, greeting, helloOf } from "./fake_daemon.mjs";
import { ours, refusal } from "./support.mjs";

const { Client } = await ours("index.js");

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
