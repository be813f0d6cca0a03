// The log from the client for Node: who did what, what is different, and taking it back.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Daemon, ours, refusal } from "./support.mjs";

const { Client, entity, media, systemEntity, text, number } = await ours("index.js");
const { buildSchema } = await ours("schema.js");

const schema = buildSchema(
  {
    products: entity("products", { name: text(), price: number(), gallery: media() }),
    pages: entity("pages", { title: text() }),
    media: systemEntity("media", {}),
  },
  ({ relation }, { products, media }) => relation(products).polyToMany(media, { mappedBy: "gallery" }),
);

let daemon, client;
const file = (name) => ({ file: Buffer.from(name), name });
const all = async (stream) => {
  const list = [];
  for await (const one of stream) list.push(one);
  return list;
};
const sequences = async (query) => (await all(client.log(query))).map(({ sequence }) => sequence);

// Commits 2 to 7; 1 is the schema.
before(async () => {
  daemon = await Daemon.start();
  client = new Client({ socket: daemon.socket, schema });
  const products = client.mutator("products");
  await products.insertOne({ name: "Laptop", price: 999, gallery: { $create: file("a") } });
  await products.insertOne({ name: "Mug", price: 12 });
  await products.updateOne(1, { price: 949 }, { reason: "spring sale", correlation: "campaign-7" });
  await products.updateOne(1, { gallery: { $create: file("b") } });
  await client.mutator("pages").insertOne({ title: "Home" });
  await products.deleteOne(2);
});
after(async () => {
  client.close();
  assert.equal(await daemon.end(), 0);
});

test("the log gives the commits that are asked for, from either end", async () => {
  assert.deepEqual(await sequences(), [1, 2, 3, 4, 5, 6, 7]);
  assert.deepEqual(await sequences(5), [5, 6, 7]);
  assert.deepEqual(await sequences({ from: 2, to: 3 }), [2, 3]);
  assert.deepEqual(await sequences({ reverse: true, to: 4 }), [4, 3, 2, 1]);
  assert.deepEqual(await sequences({ entity: "products", id: 1 }), [2, 4, 5]);
  assert.deepEqual(await sequences({ entity: "products", field: "price" }), [2, 3, 4, 7]);
  assert.deepEqual(await sequences({ entity: "products", operators: ["$create"] }), [2, 5]);
  assert.deepEqual(await sequences({ media: 2 }), [5]);
  assert.deepEqual(await sequences({ since: (await client.show(6)).time }), [6, 7]);
  assert.deepEqual(await sequences({ uid: 4_000_000_000 }), []);
  assert.equal((await refusal(sequences({ entity: "prodcts" }))).code, "unknown_entity");
});

test("a page that has nothing is not the end of the log", async () => {
  const { commits } = await ours("log.js");
  const pages = [
    { commits: [{ sequence: 1 }], next: 100_001, more: true },
    { commits: [], next: 200_001, more: true },
    { commits: [{ sequence: 200_007 }], next: 200_008, more: false },
  ];
  const asked = [];
  const read = async (method, [query]) => {
    asked.push([method, query.from]);
    return pages[asked.length - 1];
  };
  const found = await all(commits({ read }, { entity: "products" }));
  assert.deepEqual(found, [{ sequence: 1 }, { sequence: 200_007 }]);
  assert.deepEqual(asked, [
    ["log.read", undefined],
    ["log.read", 100_001],
    ["log.read", 200_001],
  ]);
});

test("a commit is shown whole: who, why, before and after, and its bytes", async () => {
  const { sequence, peer, events, bytes, time } = await client.show(4);
  assert.deepEqual([sequence, peer.uid], [4, process.getuid()]);
  assert.ok(time instanceof Date && bytes.length > 100);
  const request = events.find(({ kind }) => kind === "request");
  assert.deepEqual([request.reason, request.correlation], ["spring sale", "campaign-7"]);
  const change = events.find(({ kind }) => kind === "record_updated");
  assert.deepEqual([change.before, change.after], [{ price: 999 }, { price: 949 }]);
  for (const none of [0, 8]) assert.equal((await refusal(client.show(none))).code, "out_of_range");
});

test("what is different between two commits is told by record", async () => {
  const found = await all(client.diff(3, 7));
  assert.deepEqual(
    found.map(({ entity, id }) => [entity, id]),
    [
      ["media", 2],
      ["pages", 1],
      ["products", 1],
      ["products", 2],
    ],
  );
  const [, page, laptop, mug] = found;
  assert.deepEqual([page.before, page.after.title], [null, "Home"]);
  assert.deepEqual([laptop.before.price, laptop.after.price], [999, 949]);
  assert.deepEqual(
    [laptop.before, laptop.after].map(({ gallery }) => gallery.map(({ id }) => id)),
    [[1], [1, 2]],
  );
  assert.deepEqual([mug.before.name, mug.after], ["Mug", null]);
  assert.deepEqual((await all(client.diff(3, 7, { entity: "products", id: 2 }))).length, 1);
  assert.deepEqual((await all(client.diff(0, 2))).at(-1).before, null); // Before there was a schema.
  assert.deepEqual(await all(client.diff(4, 4)), []);
  assert.equal((await refusal(all(client.diff(7, 3)))).path, "from");
});

test("a commit is taken back by one more, unless later ones stand on it", async () => {
  const refused = await refusal(client.undo(4));
  assert.deepEqual([refused.code, refused.violations[0].path], ["version_mismatch", "products/1"]);
  const undone = await client.undo(5, { correlation: "campaign-7" });
  assert.deepEqual([undone.sequence, undone.replayed], [8, false]);
  const found = await client.repository("products").findId(1, { with: { gallery: true } });
  assert.deepEqual(
    found.gallery.map(({ name }) => name),
    ["a"],
  );
  const request = (await client.show(8)).events.find(({ kind }) => kind === "request");
  assert.deepEqual([request.reason, request.correlation], ["undo of commit 5", "campaign-7"]);
  assert.equal((await refusal(client.undo(7))).code, "unsupported");
});

test("audit and verify report that all is whole", async () => {
  const report = await client.audit();
  assert.deepEqual([report.whole, report.findings], [true, []]);
  const { root, sequence } = report;
  assert.equal((await client.audit({ at: sequence, root })).whole, true);
  const other = root.replace(/^./, (digit) => (digit === "0" ? "1" : "0"));
  const altered = await client.audit({ at: sequence, root: other }); // The control: another log.
  assert.equal(altered.whole, false);
  assert.equal((await refusal(client.audit({ at: sequence, root: "x" }))).code, "wrong_type");
  assert.equal((await client.verify()).equal, true);
});
