// Requests of the client for Node: their order, and what becomes of them when a connection is lost.
import assert from "node:assert/strict";
import { createConnection, createServer } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import { client, daemon, patterned, products, schema } from "./products.mjs";
import { Daemon, ours, refusal, temporaryFolder } from "./support.mjs";

const { Client } = await ours("index.js");

test("mutations are carried out in the order of the calls, also when one waits for its file", async () => {
  const slow = Readable.from(
    (async function* () {
      await new Promise(setImmediate);
      yield patterned(2_000_000);
    })(),
  );
  const first = products().insertOne({ name: "slow", gallery: { $create: { file: slow } } });
  const second = products().insertOne({ name: "quick" });
  const [{ id, sequence }, next] = await Promise.all([first, second]);
  assert.deepEqual([next.id, next.sequence], [id + 1, sequence + 1]);
});

test("a mutation that is refused for its file lets nobody pass those before it", async () => {
  const slow = Readable.from(
    (async function* () {
      await new Promise((resolve) => setTimeout(resolve, 200));
      yield patterned(10);
    })(),
  );
  const first = products().insertOne({ name: "A", gallery: { $create: { file: slow } } });
  const refused = refusal(products().insertOne({ name: "B", gallery: { $create: { file: "/no/such/file" } } }));
  const last = products().insertOne({ name: "C" });
  assert.equal((await refused).code, "invalid_request");
  const [{ sequence }, next] = await Promise.all([first, last]);
  assert.equal(next.sequence, sequence + 1);
});

test("a document is sent as it was when it was passed", async () => {
  const document = { name: "", gallery: { $create: { file: patterned(10), name: "" } } };
  const options = { key: "" };
  const asked = ["x", "y", "z"].map((name) => {
    document.name = document.gallery.$create.name = name;
    options.key = `passed-${name}`;
    return products().insertOne(document, options);
  });
  const made = await Promise.all(asked);
  const media = await client.repository("media").findMany({
    where: { id: { $in: made.flatMap(({ changes }) => changes.gallery.added) } },
    orderBy: "id",
  });
  for (const rows of [made, media]) assert.deepEqual(rows.map(({ name }) => name), ["x", "y", "z"]);
  const { results } = await client.transaction((tx) => {
    for (const name of ["t", "u"]) {
      document.name = name;
      tx.insertOne("products", document);
    }
  });
  assert.deepEqual(results.map(({ name }) => name), ["t", "u"]);
});

test("thousands of requests travel without waiting for each other", async () => {
  const made = await Promise.all(Array.from({ length: 2000 }, (_, i) => products().insertOne({ name: `p${i}` })));
  made.forEach(({ id }, i) => assert.equal(id, made[0].id + i));
  const found = await Promise.all(
    made.map(({ id, sequence }) => client.repository("products").findId(id, { after: sequence })),
  );
  found.forEach(({ name }, i) => assert.equal(name, `p${i}`));
});

test("what was not answered is sent again after a lost connection, and happens once", async () => {
  const own = await Daemon.start();
  const patient = new Client({ socket: own.socket, schema, retryFor: 60_000 });
  await patient.ping();
  const asked = Array.from({ length: 400 }, (_, i) =>
    patient.mutator("products").insertOne({ name: `n${i}`, cover: { $create: { file: patterned(70_000 + i) } } }),
  );
  for (let round = 0; round < 3; round += 1) {
    await asked[round * 20]; // Some are answered, many are under way.
    await own.end("SIGKILL");
    await own.start();
  }
  const made = await Promise.all(asked);
  assert.deepEqual(
    made.map(({ name }) => name),
    asked.map((_, i) => `n${i}`),
  );
  const { data } = await patient.repository("products").findMany({ orderBy: "id", with: { cover: true } });
  assert.deepEqual(
    data.map(({ name }) => name),
    asked.map((_, i) => `n${i}`),
  );
  data.forEach(({ cover }, i) => assert.equal(cover.size, 70_000 + i));
  patient.close();
  assert.equal(await own.end(), 0);
});

/** Stands before the daemon and swallows the reply to the first `method` that comes by. */
async function swallowing(method) {
  const path = join(temporaryFolder(), "sock");
  let isDone = false;
  const server = createServer((outer) => {
    const inner = createConnection(daemon.socket);
    let isSwallowing = false;
    outer.on("data", (piece) => {
      if (!isDone && piece.includes(method)) isDone = isSwallowing = true;
      inner.write(piece);
    });
    inner.on("data", (piece) => (isSwallowing ? outer.destroy() : outer.write(piece)));
    for (const [one, other] of [
      [inner, outer],
      [outer, inner],
    ])
      one.on("close", () => other.destroy()).on("error", () => undefined);
  });
  await new Promise((resolve) => server.listen(path, resolve));
  return { path, close: () => server.close() };
}

test("a mutation whose reply was lost is answered again by its key", async () => {
  const between = await swallowing("insertOne");
  const keyed = new Client({ socket: between.path });
  const made = await keyed.mutator("products").insertOne({ name: "once" });
  assert.equal(made.replayed, true);
  assert.equal((await client.repository("products").count({ name: "once" })).count, 1);
  keyed.close();
  between.close();
});

test("without a key the outcome of such a mutation is unknown, and it is not repeated", async () => {
  const between = await swallowing("insertOne");
  const bare = new Client({ socket: between.path, requestKeys: false });
  const error = await refusal(bare.mutator("products").insertOne({ name: "perhaps" }));
  assert.deepEqual([error.code, error.class, error.retryable], ["outcome_unknown", "outcome_unknown", true]);
  assert.match(error.hint, /read the record/);
  assert.equal((await bare.repository("products").count({ name: "perhaps" })).count, 1); // It had happened.
  bare.close();
  between.close();
});

test("a mutation by `request` is repeated under a key that it brings, and only then", async () => {
  for (const options of [[], [{ key: "by-request" }]]) {
    const between = await swallowing("insertOne");
    const plain = new Client({ socket: between.path });
    const asked = plain.request("insertOne", "products", { name: `asked ${options.length}` }, ...options);
    if (options.length > 0) assert.equal((await asked).replayed, true);
    else assert.equal((await refusal(asked)).code, "outcome_unknown");
    assert.equal((await client.repository("products").count({ name: `asked ${options.length}` })).count, 1);
    plain.close();
    between.close();
  }
});

test("a key of one's own answers the same, and refuses another request", async () => {
  const options = { key: "order-17", reason: "ordered" };
  const first = await products().insertOne({ name: "ordered" }, options);
  const again = await products().insertOne({ name: "ordered" }, options);
  assert.deepEqual([again.id, again.replayed, first.replayed], [first.id, true, false]);
  assert.equal((await refusal(products().insertOne({ name: "other" }, options))).code, "id_reused");
});

test("nobody at the socket is told at once, with what to do", async () => {
  const error = await refusal(new Client({ socket: "/nowhere/sock" }).ping());
  assert.deepEqual([error.code, error.class], ["unreachable", "unavailable"]);
  assert.match(error.message, /\/nowhere\/sock/);
  assert.match(error.hint, /start emstored/);
});
