// Files that the client for Node stores and gives back, in all their forms.
import assert from "node:assert/strict";
import { Blob, File } from "node:buffer";
import { execFile, execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, createReadStream, lstatSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import { promisify } from "node:util";
import { greeting } from "./fake_daemon.mjs";
import { client, daemon, patterned, products, schema } from "./products.mjs";
import { ours, refusal, shop, temporaryFolder } from "./support.mjs";

const { Client } = await ours("index.js");

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

test("bytes that have rotted are never given as the whole of a medium", async () => {
  for (const size of [70_000, 3_000_000]) {
    const record = await client.media.upload(patterned(size));
    const other = await client.media.upload(patterned(size + 1));
    const name = record.blob.replace("xxh3-128:", "");
    const stored = join(daemon.data, "media", name.slice(0, 2), name);
    chmodSync(stored, 0o600);
    const rotten = Buffer.from(readFileSync(stored));
    rotten[size - 50] ^= 1;
    writeFileSync(stored, rotten);
    for (const media of [record.id, record]) {
      const refused = await refusal(client.media.read(media));
      assert.equal(refused.code, "corrupt_blob");
      assert.ok(refused.message.includes(record.blob));
      const folder = temporaryFolder();
      const unsaved = await refusal(client.media.save(media, join(folder, "saved.bin")));
      assert.equal(unsaved.code, "corrupt_blob");
      assert.deepEqual(readdirSync(folder), []);
    }
    // A part, and what is named by its address alone, is not checked; what is whole is given.
    assert.ok((await client.media.read(record.id, { offset: 0, length: size })).equals(rotten));
    assert.ok((await client.media.read(record.blob)).equals(rotten));
    assert.ok((await client.media.read(other.id)).equals(patterned(size + 1)));
    await client.media.upload(patterned(size)); // Mends it.
    assert.ok((await client.media.read(record.id)).equals(patterned(size)));
  }
});

test("an upload whose bytes rot before it is complete is none", async () => {
  const bytes = patterned(3_000_000);
  const sha256 = (content) => createHash("sha256").update(content).digest("hex");
  const rotten = Buffer.from(bytes);
  rotten[50] ^= 1;
  for (const kept of [bytes, rotten]) {
    const fake = await greeting(({ method, reply }) => {
      if (method === "blob.begin") reply(null, { token: "t", offset: 0, chunk: 1 << 20 });
      else if (method === "blob.write") reply(null, { offset: bytes.length });
      else if (method === "blob.commit") reply(null, { blob: "xxh3-128:00.128", sha256: sha256(kept) });
      else reply(null, { id: 1, data: { id: 1 } });
    });
    const uploading = new Client({ socket: fake.socket, requestKeys: false });
    if (kept === bytes) assert.ok(await uploading.media.upload(bytes));
    else assert.equal((await refusal(uploading.media.upload(bytes))).code, "corrupt_blob");
    uploading.close();
  }
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
  await assert.rejects(client.media.save(id, folder), { code: "invalid_request", message: /EISDIR/ });
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
