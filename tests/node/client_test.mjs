// The client for Node against a real daemon: files in all their forms, order, retries, errors, answers.
import assert from "node:assert/strict";
import { Blob, File } from "node:buffer";
import { execFile, execFileSync } from "node:child_process";
import { createReadStream, lstatSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { Daemon, environment, msgpack, ours, refusal, shop, temporaryFolder } from "./support.mjs";

const { Client, Time, entity, media, medium, number, systemEntity, text, em } = await ours("index.js");
const { buildSchema } = await ours("schema.js");

const schema = buildSchema(
  {
    products: entity("products", { name: text(), price: number(), cover: medium(), gallery: media() }),
    media: systemEntity("media", { alt: text() }),
  },
  ({ relation, index }, { products, media }) => {
    relation(products).polyToOne(media, { mappedBy: "cover" }).polyToMany(media, { mappedBy: "gallery" });
    index(products).on(["name"]);
  },
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

const products = () => client.mutator("products");
const patterned = (size) =>
  Buffer.alloc(
    size,
    Uint8Array.from({ length: 251 }, (_, i) => i),
  );

// ---- Files --------------------------------------------------------------------------------------

test("a file may be a path, a URL, bytes, a Blob, a File or a stream, small and large", async () => {
  const folder = temporaryFolder();
  for (const size of [0, 1, 65_536, 65_537, (1 << 20) + 1, 10_000_000]) {
    const bytes = patterned(size);
    const path = join(folder, `${size}.bin`);
    writeFileSync(path, bytes);
    const forms = {
      path,
      url: new URL(`file://${path}`),
      buffer: bytes,
      array: new Uint8Array(bytes),
      "array buffer": new Uint8Array(bytes).buffer,
      blob: new Blob([bytes]),
      file: new File([bytes], "f.bin"),
      "file stream": createReadStream(path),
      "web stream": Readable.toWeb(createReadStream(path)),
      generator: (async function* () {
        for (let at = 0; at < size; at += 100_003) yield bytes.subarray(at, at + 100_003);
      })(),
    };
    for (const [form, file] of Object.entries(forms)) {
      const made = await client.media.upload(file);
      assert.equal(made.size, size, `${form} of ${size}`);
      assert.ok((await client.media.read(made.id)).equals(bytes), `${form} of ${size}`);
    }
  }
});

test("names and types come from the file, unless they are said", async () => {
  const path = join(shop, "mug-red.png");
  const names = async (record) => {
    const { name, claimed_type, alt } = await client.mutator("media").insertOne(record);
    return [name, claimed_type, alt];
  };
  assert.deepEqual(await names({ file: path }), ["mug-red.png", null, null]);
  assert.deepEqual(await names({ file: createReadStream(path), alt: "red" }), ["mug-red.png", null, "red"]);
  assert.deepEqual(await names({ file: new File(["x"], "x.txt", { type: "text/plain" }), name: "y" }), [
    "y",
    "text/plain",
    null,
  ]);
  assert.equal((await client.media.upload(path, "other.png")).name, "other.png");
  // A file that is empty is one.
  const empty = join(temporaryFolder(), "empty.txt");
  writeFileSync(empty, "");
  assert.equal((await client.media.read((await client.media.upload(empty)).id)).length, 0);
  // An upload's address stands for its bytes.
  const { blob } = await client.media.upload(patterned(100_000));
  assert.equal((await client.media.upload({ blob })).blob, blob);
});

test("parts of a medium are read, and the whole is saved", async () => {
  const bytes = patterned(5_000_000);
  const { id, blob } = await client.media.upload(bytes);
  const part = await client.media.read(blob, { offset: 1_048_570, length: 2_000_000 });
  assert.ok(part.equals(bytes.subarray(1_048_570, 3_048_570)));
  assert.equal((await client.media.read(id, { offset: 4_999_999, length: 50 })).length, 1);
  const path = join(temporaryFolder(), "saved.bin");
  await client.media.save({ id }, path);
  assert.ok(readFileSync(path).equals(bytes));
});

test("what is saved over a link goes where that leads, and into a pipe as it comes", async () => {
  const bytes = patterned(3_000_000);
  const { id } = await client.media.upload(bytes);
  const folder = temporaryFolder();
  const at = (name) => join(folder, name);
  mkdirSync(at("far/inner"), { recursive: true });
  writeFileSync(at("there.bin"), "before");
  symlinkSync("there.bin", at("to_there"));
  symlinkSync("to_there", at("to_link"));
  symlinkSync("far/inner", at("near"));
  symlinkSync("../new.bin", at("near/to_new")); // Of the folder `far`.
  for (const [link, target] of [
    ["to_link", "there.bin"],
    ["near/to_new", "far/new.bin"],
  ]) {
    await client.media.save(id, at(link));
    assert.ok(lstatSync(at(link)).isSymbolicLink());
    assert.ok(lstatSync(at(target)).isFile());
    assert.ok(readFileSync(at(target)).equals(bytes));
  }
  execFileSync("mkfifo", [at("pipe")]);
  symlinkSync("pipe", at("to_pipe"));
  for (const name of ["pipe", "to_pipe"]) {
    const read = promisify(execFile)("cat", [at("pipe")], { encoding: "buffer", maxBuffer: 1 << 23, timeout: 20_000 });
    await client.media.save(id, at(name));
    assert.ok((await read).stdout.equals(bytes));
    assert.ok(lstatSync(at("pipe")).isFIFO());
  }
  await assert.rejects(client.media.save(id, folder), { code: "EISDIR" });
  const left = ["far", "near", "pipe", "there.bin", "to_link", "to_pipe", "to_there"];
  assert.deepEqual(readdirSync(folder).sort(), left);
});

test("of two that save to one path at once, one file is there whole", async () => {
  const media = await Promise.all([65, 66].map((byte) => client.media.upload(Buffer.alloc(byte * 70_000, byte))));
  const folder = temporaryFolder();
  for (let round = 0; round < 5; round += 1) {
    const path = join(folder, `${round}.bin`);
    await Promise.all(media.map(({ id }) => client.media.save(id, path)));
    const saved = readFileSync(path);
    assert.ok(saved.equals(Buffer.alloc(saved[0] * 70_000, saved[0])));
  }
  assert.equal(readdirSync(folder).length, 5);
});

test("what cannot be read is refused with its place, and nothing happens", async () => {
  const { sequence } = await client.ping();
  const missing = await refusal(
    products().insertOne({ gallery: { $create: [{ file: Buffer.from("x") }, { file: "/no/such/file" }] } }),
  );
  assert.deepEqual([missing.code, missing.path], ["invalid_request", "gallery.$create[1].file"]);
  assert.match(missing.message, /cannot read \/no\/such\/file/);
  const folder = await refusal(client.media.upload(temporaryFolder()));
  assert.match(folder.message, /directory/);
  const failing = Readable.from(
    (async function* () {
      yield patterned(3_000_000);
      throw new Error("the camera is gone");
    })(),
  );
  const gone = await refusal(client.media.upload(failing));
  assert.deepEqual([gone.code, gone.path], ["invalid_request", "file"]);
  assert.match(gone.message, /the camera is gone/);
  const pipe = join(temporaryFolder(), "pipe");
  execFileSync("mkfifo", [pipe]);
  assert.match((await refusal(client.media.upload(pipe))).message, /no regular file/);
  const open = readdirSync("/proc/self/fd").length;
  const endless = await refusal(client.media.upload("/proc/self/status"));
  assert.deepEqual([endless.code, endless.path], ["invalid_request", "file"]);
  assert.match(endless.message, /does not say how long it is/);
  assert.equal(readdirSync("/proc/self/fd").length, open);
  assert.equal((await client.ping()).sequence, sequence);
});

test("a stream that fails before its turn is refused, and no end of the program", async () => {
  const missing = () => createReadStream("/no/such/file");
  const first = new Client({ socket: daemon.socket, schema }); // Applies the schema before it reads.
  const error = await refusal(first.media.upload(missing()));
  assert.deepEqual([error.code, error.path], ["invalid_request", "file"]);
  assert.match(error.message, /cannot read \/no\/such\/file: ENOENT/);
  first.close();
  const slowly = async function* () {
    await new Promise((resolve) => setTimeout(resolve, 100));
    yield patterned(10);
  };
  const uploads = Array.from({ length: 8 }, () => client.media.upload(slowly()));
  assert.equal((await refusal(client.media.upload(missing()))).code, "invalid_request"); // Waits for room.
  await Promise.all(uploads);
});

test("many small files in one request are more than one message holds, and come", async () => {
  const files = Array.from({ length: 150 }, (_, i) => ({
    file: Buffer.concat([Buffer.from(`${i}.`), patterned(65_000)]),
    name: `${i}`,
  }));
  const made = await products().insertOne({ name: "album", gallery: { $create: files } });
  const { data } = await client.repository("products").findId(made.id, { with: { gallery: true } });
  assert.deepEqual(
    data.gallery.map(({ name }) => name),
    files.map(({ name }) => name),
  );
});

// ---- Order and retries --------------------------------------------------------------------------

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

// ---- Answers ------------------------------------------------------------------------------------

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
  assert.match(error.stack, /client_test/); // Leads to who asked.
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

// ---- The feed -----------------------------------------------------------------------------------

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

// ---- Jobs ---------------------------------------------------------------------------------------

test("media without a use are collected, and the log still folds to what is there", async () => {
  const own = await Daemon.start();
  const keeper = new Client({ socket: own.socket, schema });
  const used = await keeper.mutator("products").insertOne({ cover: { $create: { file: patterned(100_000) } } });
  const alone = await keeper.media.upload(patterned(90_000));
  await keeper.gc({ dry_run: true, grace: 0 });
  assert.notEqual((await keeper.repository("media").findId(alone.id)).data, null);
  await keeper.gc({ grace: 0 });
  assert.equal((await keeper.repository("media").findId(alone.id)).data, null);
  assert.equal((await keeper.media.read({ id: used.changes.cover.added[0] })).length, 100_000);
  assert.equal((await keeper.verify()).equal, true);
  assert.equal((await keeper.rebuild()).mended, false);
  assert.equal((await keeper.verify()).equal, true);
  keeper.close();
  assert.equal(await own.end(), 0);
});

test("what the store has need not be sent", async () => {
  const { data } = await client.media.upload(patterned(120_000));
  const [known, unknown] = await client.have([data.blob, `xxh3-128:${"0".repeat(32)}`]);
  assert.equal(known.blob, data.blob);
  assert.equal(known.size, 120_000);
  assert.ok(known.expires > new Date());
  assert.equal(unknown, null);
  const again = await client.media.upload({ blob: known.blob });
  assert.equal(again.data.blob, data.blob);
  const report = await client.scrub();
  assert.equal(report.damaged, 0);
  assert.deepEqual(report.waiting, []);
});

// ---- Schemas ------------------------------------------------------------------------------------

test("a schema that is so already writes nothing", async () => {
  const { sequence } = await client.ping();
  const again = new Client({ socket: daemon.socket, schema });
  assert.equal((await again.ping()).sequence, sequence);
  again.close();
});

test("a schema that destroys is refused until it is said to", async () => {
  const own = await Daemon.start();
  const first = new Client({ socket: own.socket, schema });
  await first.mutator("products").insertOne({ name: "x" });
  const less = buildSchema({ products: entity("products", { name: text() }) });
  const second = new Client({ socket: own.socket, schema: less });
  const error = await refusal(second.repository("products").findMany());
  assert.equal(error.code, "destructive_change");
  const applied = await second.applySchema(less, { allow_destructive: true });
  assert.ok(applied.changed);
  assert.equal((await second.repository("products").findMany()).length, 1);
  first.close();
  second.close();
  assert.equal(await own.end(), 0);
});

test("the builder writes what bknd's writes", async () => {
  const { boolean, date, datetime, enumm, json, jsonSchema } = await ours("fields.js");
  const built = buildSchema(
    {
      posts: entity("posts", {
        title: text().required(),
        slug: text({ minLength: 2, maxLength: 40, pattern: "^[a-z-]+$", label: "Slug", description: "In the address" }),
        price: number({
          minimum: 0,
          maximum: 1000,
          exclusiveMinimum: -1,
          exclusiveMaximum: 1001,
          multipleOf: 0.25,
          default_value: 1,
        }),
        published: boolean({ default_value: false }),
        day: date(),
        at: datetime(),
        state: enumm({ enum: ["draft", "live"] }),
        size: enumm({
          enum: [
            { label: "Small", value: "s" },
            { label: "Large", value: "l" },
          ],
        }),
        extra: json({ default_value: { a: 1 } }),
        specs: jsonSchema({
          schema: {
            type: "object",
            properties: { width: { type: "number", minimum: 0, default: 1 } },
            required: ["width"],
          },
          default_from_schema: true,
          ui_schema: { width: { "ui:widget": "range" } },
        }),
        secret: text({ hidden: ["read", "table"], fillable: ["create"] }),
        cover: medium(),
        gallery: media(),
      }),
      notes: entity(
        "notes",
        { text: text() },
        { name: "Notes", name_singular: "Note", description: "By hand", sort_dir: "desc", primary_format: "uuid" },
      ),
      media: systemEntity("media", {}),
    },
    ({ relation, index }, { posts, media }) => {
      relation(posts).polyToOne(media, { mappedBy: "cover" });
      relation(posts).polyToMany(media, { mappedBy: "gallery" });
      index(posts).on(["title"], true).on(["state", "day"]);
    },
  );
  const golden = JSON.parse(readFileSync(join(shop, "..", "..", "tests", "golden", "bknd_schema.json"), "utf8"));
  assert.deepEqual(JSON.parse(JSON.stringify(built)), golden);
});

// ---- Others -------------------------------------------------------------------------------------

test("five lines of a MessagePack library are a client", async () => {
  const socket = createConnection(daemon.socket);
  socket.write(msgpack.encode([0, 1, "ping", []]));
  socket.write(msgpack.encode([0, 2, "findOne", ["products", { where: { id: 1 } }]]));
  const replies = [];
  for await (const reply of msgpack.decodeMultiStream(socket)) if (replies.push(reply) === 2) break;
  socket.destroy();
  assert.deepEqual(replies.map(([kind, id, error]) => [kind, id, error]).sort(), [
    [1, 1, null],
    [1, 2, null],
  ]);
});

test("serve starts a private daemon once, and finds it the second time", async () => {
  const { serve } = await ours("serve.js");
  const folder = temporaryFolder();
  mkdirSync(join(folder, "store"));
  Object.assign(process.env, environment(), { EMSTORED: process.env.EMSTORED });
  const options = {
    config: {
      data: schema.toJSON(),
      media: { enabled: true, adapter: { type: "local", config: { path: join(folder, "up") } } },
    },
    connection: { url: join(folder, "store") },
  };
  const first = await serve(options);
  const second = await serve(options);
  assert.deepEqual([first.isOurs, second.isOurs, first.socket], [true, false, second.socket]);
  assert.equal((await em.mutator("products").insertOne({ name: "served" })).id, 1);
  await first.close();
  const wrong = await refusal(serve({ config: { media: { enabled: true, adapter: { provider: "s3" } } } }));
  assert.deepEqual([wrong.code, wrong.path], ["unsupported", "config.media.adapter.provider"]);
  const unknown = await refusal(serve({ config: { auth: {} } }));
  assert.deepEqual([unknown.code, unknown.path], ["unknown_option", "config.auth"]);
  const nothing = await refusal(
    serve({ ...options, connection: { url: join(folder, "other") }, daemon: "/no/such/emstored" }),
  );
  assert.match(nothing.hint, /install emstored/);
});
