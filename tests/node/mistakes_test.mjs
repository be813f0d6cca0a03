// What a program gets wrong: each error is an EmstoreError that names the place and the next step.
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { client, products } from "./products.mjs";
import { refusal, temporaryFolder } from "./support.mjs";

const found = () => client.repository("products");

test("a number or time that is none is refused where it stands", async () => {
  for (const price of [NaN, Infinity, -Infinity]) {
    const error = await refusal(products().insertOne({ name: "x", price }));
    assert.deepEqual([error.code, error.path], ["wrong_type", "price"]);
    assert.equal(error.message, `${price} is no number of the wire`);
    assert.notEqual(error.hint, "");
  }
  const none = new Date("x");
  for (const [asked, path] of [
    [() => products().insertOne({ price: none }), "price"],
    [() => found().findMany({ where: { created_at: { $lt: none } } }), "where.created_at.$lt"],
    [() => found().findMany({ as_of: none }), "as_of"],
  ]) {
    const error = await refusal(asked());
    assert.deepEqual([error.code, error.path, error.message], ["wrong_type", path, "an invalid Date is no time"]);
    assert.notEqual(error.hint, "");
  }
});

test("a media that is not there has a next step, however it is asked for", async () => {
  const path = join(temporaryFolder(), "x");
  for (const asked of [client.media.read(999), client.media.save(999, path)]) {
    const error = await refusal(asked);
    assert.deepEqual([error.code, error.path, error.hint], ["media_not_found", "id", "upload the media first"]);
  }
  assert.ok(!existsSync(path));
});

test("what cannot be written is an error of this package, with the path that was given", async () => {
  const { id } = await client.media.upload(Buffer.from("bytes"));
  const folder = temporaryFolder();
  mkdirSync(join(folder, "folder"));
  for (const [path, reason] of [
    [join(folder, "none", "x"), "ENOENT: no such file or directory"],
    [join(folder, "folder"), "EISDIR: illegal operation on a directory"],
    ["/dev/full", "ENOSPC: no space left on device"],
  ]) {
    const error = await refusal(client.media.save(id, path));
    assert.deepEqual([error.code, error.message], ["invalid_request", `cannot write ${path}: ${reason}`]);
    assert.equal(error.hint, "name a place that can be written to");
    assert.equal(error.cause.code, reason.split(":")[0]);
  }
  assert.deepEqual(readdirSync(folder), ["folder"]);
});

test("two wheres are refused, and none is taken for the other", async () => {
  const error = await refusal(found().findOne({ name: "Ada" }, { where: { name: "x" } }));
  assert.deepEqual([error.code, error.path], ["invalid_request", "where"]);
  assert.match(error.hint, /findOne\(where, \{ with \}\)/);
  assert.equal((await found().findOne({ name: "Ada" }, { where: undefined })).data, null);
});

test("each begins at an offset and goes on behind its first page", async () => {
  await products().insertMany(Array.from({ length: 7 }, (_, price) => ({ name: "of each", price })));
  const asked = { where: { name: "of each" }, orderBy: "price", offset: 2, limit: 2 };
  const prices = [];
  for await (const { price } of found().each(asked)) prices.push(price);
  assert.deepEqual(prices, [2, 3, 4, 5, 6]);
});

test("what is different after a commit that has not been made says so in words of the caller", async () => {
  const { sequence } = await client.ping();
  const first = async (...words) => (await client.diff(...words).next()).value;
  for (const [from, to, path] of [
    [1, sequence + 9, "to"],
    [sequence + 8, sequence + 9, "from"],
  ]) {
    const error = await refusal(first(from, to));
    assert.deepEqual([error.code, error.path], ["out_of_range", path]);
    assert.match(error.message, /^commit \d+ has not been made$/);
    assert.match(error.hint, /log/);
  }
  const error = await refusal(first(1, sequence, { entity: "products", id: "x" }));
  assert.deepEqual([error.code, error.path], ["wrong_type", "id"]);
});
