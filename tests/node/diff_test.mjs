// What is different between two commits, as the client for Node tells it, over renames and limits.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Daemon, ours, refusal } from "./support.mjs";

const { Client } = await ours("index.js");

const text = { type: "text" };
const pictures = {
  type: "poly",
  source: "posts",
  target: "media",
  config: { mappedBy: "pics", with_limit: 2 },
};

/** A client of a daemon that the test has for itself. */
async function own(t) {
  const daemon = await Daemon.start();
  const client = new Client({ socket: daemon.socket });
  t.after(async () => {
    client.close();
    assert.equal(await daemon.end(), 0);
  });
  const apply = (entities, relations = {}, options = {}) =>
    client.applySchema({ entities, relations }, options);
  return { client, apply };
}

async function told(client, ...asked) {
  const differences = [];
  for await (const one of client.diff(...asked)) differences.push(one);
  return differences;
}
const ids = (links) => links.map(({ id }) => id);

test("lists that a limit cuts are read to their end", async (t) => {
  const { client, apply } = await own(t);
  await apply({ posts: { fields: { title: text, pics: { type: "media" } } } }, { poly_pics: pictures });
  const posts = client.mutator("posts");
  const files = ["a", "b", "c", "d"].map((name) => ({ file: Buffer.from(name) }));
  await posts.insertOne({ title: "Hello", pics: { $create: files } }); // 2: media 1 to 4
  await posts.updateOne(1, { pics: { $set: [4, 3, 2, 1] } }); // 3
  await posts.updateOne(1, { pics: { $detach: [1] } }); // 4
  const [order] = await told(client, 2, 3, { entity: "posts" });
  assert.deepEqual([ids(order.before.pics), ids(order.after.pics)], [[1, 2, 3, 4], [4, 3, 2, 1]]);
  const [one] = await told(client, 3, 4);
  assert.deepEqual([ids(one.before.pics), ids(one.after.pics)], [[4, 3, 2, 1], [4, 3, 2]]);
  assert.ok(!("$more" in one.before));
  await client.undo(4); // 5
  assert.deepEqual(await told(client, 3, 5), []);
});

test("a list of more than a page is read to its end", async (t) => {
  const { client, apply } = await own(t);
  const many = { ...pictures, config: { mappedBy: "pics" } };
  await apply({ posts: { fields: { pics: { type: "media" } } } }, { poly_pics: many });
  await client.mutator("media").insertMany(
    Array.from({ length: 2500 }, (_, i) => ({ file: Buffer.from(`${i}`) })), // 2
  );
  const all = Array.from({ length: 2500 }, (_, i) => i + 1);
  const posts = client.mutator("posts");
  await posts.insertOne({ pics: { $attach: all } }); // 3
  await posts.updateOne(1, { pics: { $detach: [2500] } }); // 4
  const [{ before, after }] = await told(client, 3, 4);
  assert.deepEqual([ids(before.pics), ids(after.pics)], [all, all.slice(0, -1)]);
});

test("an entity keeps what it was when it is renamed", async (t) => {
  const { client, apply } = await own(t);
  await apply({ posts: { fields: { title: text } } });
  await client.mutator("posts").insertOne({ title: "One" }); // 2
  await client.mutator("posts").insertOne({ title: "Two" }); // 3
  const headline = { type: "text", config: { renamed_from: "title" } };
  await apply({ articles: { fields: { headline }, config: { renamed_from: "posts" } } }); // 4
  await client.mutator("articles").updateOne(1, { headline: "First" }); // 5
  const [two, ...others] = await told(client, 2, 4);
  assert.deepEqual([two.entity, two.id, two.before, others], ["articles", 2, null, []]);
  for (const entity of ["posts", "articles"]) {
    const [one, ...more] = await told(client, 3, 5, { entity });
    assert.deepEqual([one.entity, one.before.title, one.after.headline], ["articles", "One", "First"]);
    assert.deepEqual(more, []);
    assert.equal((await told(client, 2, 5, { entity })).length, 2);
    assert.equal((await told(client, 2, 5, { entity, id: 1 })).length, 1);
  }
});

test("what is asked for must be there", async (t) => {
  const { client, apply } = await own(t);
  await apply({ posts: { fields: { title: text } } });
  await client.mutator("posts").insertOne({ title: "One" }); // 2
  for (const [from, to, missing] of [[6, 7, 6], [0, 3, 3], [3, 3, 3]]) {
    const error = await refusal(told(client, from, to));
    assert.deepEqual([error.code, error.message], ["out_of_range", `commit ${missing} has not been made`]);
  }
  const wrong = await refusal(told(client, 0, 2, { entity: "post" }));
  assert.deepEqual([wrong.code, wrong.path], ["unknown_entity", "entity"]);
  assert.match(wrong.message, /"post" as of commit 0 or 2/);
  assert.equal((await told(client, 0, 2, { entity: "posts" })).length, 1);
  assert.deepEqual(await told(client, 2, 2, { entity: "posts" }), []);
});

test("the end of a comparison may be large, but nothing in between", async (t) => {
  const { client, apply } = await own(t);
  const fields = { title: text, body: text };
  await apply({ posts: { fields } });
  const posts = client.mutator("posts");
  await posts.insertMany(Array.from({ length: 150 }, (_, i) => ({ title: `Post ${i}` }))); // 2
  const large = { body: "x".repeat(100_000) };
  await posts.updateWhere(large, {}, { all: true }); // 3
  assert.equal((await refusal(told(client, 2, 3))).code, "result_too_large");
  await posts.updateOne(1, { title: "Changed" }); // 4
  await posts.updateWhere({ ...large, title: "Same" }, {}, { all: true }); // 5
  const changes = async () =>
    (await told(client, 3, 4)).map(({ id, before, after }) => [id, before.title, after.title]);
  assert.deepEqual(await changes(), [[1, "Post 0", "Changed"]]);
  await apply({ posts: { fields: { ...fields, more: text } } }); // 6
  await posts.insertOne({ more: "2" }); // 7
  assert.deepEqual(await changes(), [[1, "Post 0", "Changed"]]);
  assert.deepEqual((await told(client, 5, 7)).map(({ id, before }) => [id, before]), [[151, null]]);
});

test("fields that go are told; mere times and fields without a value are not", async (t) => {
  const { client, apply } = await own(t);
  const both = { title: text, body: text };
  await apply({ posts: { fields: both } });
  const posts = client.mutator("posts");
  await posts.insertOne({ title: "One", body: "Text" }); // 2
  await posts.updateOne(1, { title: "Two" }); // 3
  await posts.updateOne(1, { title: "One" }); // 4
  assert.deepEqual(await told(client, 2, 4), []);
  const { sequence } = await apply({ posts: { fields: { ...both, more: text } } });
  assert.deepEqual(await told(client, 2, sequence), []);
  const last = await apply({ posts: { fields: { title: text } } }, {}, { allow_destructive: true });
  const [{ before, after }] = await told(client, 4, last.sequence);
  assert.deepEqual([before.body, "body" in after], ["Text", false]);
});

test("a field that came and links nothing is no difference", async (t) => {
  const { client, apply } = await own(t);
  await apply({ posts: { fields: { title: text } } });
  const posts = client.mutator("posts");
  await posts.insertOne({ title: "One" }); // 2
  await apply({ posts: { fields: { title: text, pics: { type: "media" } } } }, { poly_pics: pictures });
  await posts.updateOne(1, { pics: { $create: { file: Buffer.from("a") } } });
  const { sequence } = await posts.updateOne(1, { pics: { $detach: [1] } });
  assert.deepEqual(await told(client, 2, sequence, { entity: "posts" }), []);
});
