// Answers of the client for Node to queries, mutations and transactions, and its errors.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { client, products } from "./products.mjs";
import { ours, refusal, shop } from "./support.mjs";

const { Time } = await ours("index.js");

test("answers are the row, and carry it as data with what the daemon says besides", async () => {
  const made = await products().insertOne({ name: "answer", price: 2 });
  assert.deepEqual([made.name, made.data.name, made.data.id], ["answer", "answer", made.id]);
  assert.ok(made.created_at instanceof Time && made.created_at instanceof Date);
  assert.deepEqual(Object.keys(made).slice(0, 3), ["id", "name", "price"]);
  const changed = await products().updateOne(made.id, { price: 3 }, { expected: made.version });
  assert.deepEqual([changed.price, changed.data.price], [3, 3]);
  const stale = await refusal(products().updateOne(made.id, { price: 4 }, { expected: made.version }));
  assert.deepEqual([stale.code, stale.class], ["version_mismatch", "conflict"]);
  const found = await client.repository("products").findOne({ name: "answer" });
  assert.deepEqual([found.price, found.data.price, found.meta.version], [3, 3, changed.version]);
  assert.equal(JSON.parse(JSON.stringify(found)).name, "answer");
  const none = await client.repository("products").findOne({ name: "nobody" });
  assert.deepEqual([none.data, none.name], [null, undefined]);
  await products().deleteOne(made.id);
  assert.equal((await client.repository("products").findId(made.id)).data, null);
});

test("an instant that was read finds its record", async () => {
  const made = await products().insertOne({ name: "instant" });
  const { data } = await client.repository("products").findMany({ where: { created_at: made.created_at } });
  assert.deepEqual(
    data.map(({ id }) => id),
    [made.id],
  );
});

test("queries take both call shapes, and say what they do not know", async () => {
  await products().insertMany(
    [
      { name: "a", price: 1 },
      { name: "b", price: 2 },
      { name: "c", price: 3 },
    ].map((one) => ({ ...one, name: `shape-${one.name}` })),
  );
  const repository = client.repo("products");
  const where = { name: { $startsWith: "shape-" } };
  const one = await repository.findOne({ where, orderBy: { price: "desc" } });
  const other = await repository.findOne(where, { sort: "-price" });
  assert.deepEqual([one.name, other.name], ["shape-c", "shape-c"]);
  assert.equal((await repository.count(where)).count, 3);
  assert.equal((await repository.count({ where })).count, 3);
  assert.equal((await repository.exists({ name: "shape-z" })).exists, false);
  const page = await repository.findMany({ where, limit: 2, orderBy: "name" });
  assert.deepEqual([page.length, page.data.length, page.meta.hasMore], [2, 2, true]);
  const all = [];
  for await (const { name } of repository.each({ where, limit: 2, orderBy: "name" })) all.push(name);
  assert.deepEqual(all, ["shape-a", "shape-b", "shape-c"]);
  const error = await refusal(repository.findMany({ oderBy: "name" }));
  assert.deepEqual([error.code, error.hint], ["unknown_option", 'did you mean "orderBy"?']);
  const changed = await client.mutator("products").updateWhere({ price: 9 }, where);
  assert.deepEqual(
    changed.map(({ price }) => price),
    [9, 9, 9],
  );
  const shown = await client.mutator("products").deleteWhere(where, { dry_run: true });
  assert.deepEqual([...new Set(shown.plan.map(({ action }) => action))], ["deleted"]);
  assert.equal((await client.mutator("products").deleteWhere(where)).length, 3);
});

test("any read answers as of a commit or a time", async () => {
  const made = await products().insertOne({ name: "before", gallery: { $create: { file: Buffer.from("1") } } });
  const later = await products().updateOne(made.id, { name: "after", gallery: { $set: [] } });
  const repository = client.repository("products");
  for (const as_of of [made.sequence, made.created_at, made.created_at.toISOString()]) {
    const then = await repository.findId(made.id, { as_of, with: { gallery: true } });
    assert.deepEqual([then.name, then.gallery.length], ["before", 1]);
    assert.equal((await repository.count({ where: { name: "before" }, as_of })).count, 1);
  }
  const now = await repository.findId(made.id, { as_of: later.sequence, with: { gallery: true } });
  assert.deepEqual([now.name, now.gallery], ["after", []]);
});

test("several mutations are one commit, with names for what they make", async () => {
  const { results, sequence } = await client.transaction((tx) => {
    const front = tx.upload(join(shop, "laptop-front.png"), { alt: "front" });
    const product = tx.insertOne("products", { name: "tx", cover: { $set: front }, gallery: { $attach: [front] } });
    tx.updateOne("products", product, { price: 7 });
    tx.checkWhere("products", { name: "nobody" }, { exists: false });
  });
  const found = await client.repository("products").findId(results[1].id, { with: ["cover", "gallery"] });
  assert.deepEqual([found.price, found.cover.id, found.gallery[0].alt], [7, results[0].id, "front"]);
  assert.deepEqual([results[2].price, results[3], found.meta.version], [7, null, sequence]);
  const error = await refusal(
    client.transaction((tx) => {
      tx.insertOne("products", { name: "never" });
      tx.check("products", 1e9);
    }),
  );
  assert.equal(error.class, "conflict");
  assert.equal((await client.repository("products").exists({ name: "never" })).exists, false);
});

test("a transaction is not asked for by an async function", async () => {
  const { sequence } = await client.ping();
  const asking = async (tx) => {
    await new Promise(setImmediate);
    tx.insertOne("products", { name: "lost" });
    throw new Error("too late");
  };
  const error = await refusal(client.transaction(asking));
  assert.equal(error.code, "invalid_request");
  assert.equal((await client.ping()).sequence, sequence);
});

test("all violations of a request are told, each with its path", async () => {
  const error = await refusal(products().insertOne({ nme: "x", price: "y", gallery: { $attach: [99_999_999] } }));
  assert.deepEqual(error.violations.map(({ path }) => path).sort(), ["gallery.$attach[0]", "nme", "price"]);
  assert.match(error.stack, /answers_test/); // Leads to who asked.
});

test("what has no form on the wire is refused before it is sent, with its path", async () => {
  const path = async (record) => (await refusal(products().insertOne(record))).path;
  assert.equal(await path({ name: () => 1 }), "name");
  assert.equal(await path({ gallery: { $set: [new Map()] } }), "gallery.$set[0]");
  assert.equal(await path({ name: "\ud800" }), "name");
  const cyclic = {};
  cyclic.self = cyclic;
  assert.equal((await refusal(products().insertOne(cyclic))).code, "depth_exceeded");
  const asked = await refusal(client.mutator("products").deleteWhere({ name: undefined }));
  assert.deepEqual([asked.code, asked.path], ["wrong_type", "where.name"]); // Not: all of them.
});
