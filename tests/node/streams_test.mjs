// Streams as files: each gives its bytes once, and what is missing of one is never stored as a whole.
import assert from "node:assert/strict";
import { Blob } from "node:buffer";
import { once } from "node:events";
import { createReadStream, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import { client } from "./products.mjs";
import { refusal, temporaryFolder } from "./support.mjs";

const bytes = Buffer.alloc(200_000, "some bytes of a file");
const path = join(temporaryFolder(), "file.bin");
writeFileSync(path, bytes);

const streams = {
  file: () => createReadStream(path),
  "of pieces": () => Readable.from([bytes.subarray(0, 70_000), bytes.subarray(70_000)]),
  web: () => new Blob([bytes]).stream(),
  generator: () =>
    (async function* () {
      yield bytes;
    })(),
};

async function refuseRead(promise) {
  const error = await refusal(promise);
  assert.equal(error.code, "invalid_request");
  assert.match(error.message, /^cannot read .*: it was read before$/);
  assert.match(error.hint, /a stream for each use/);
  return error;
}

for (const [kind, make] of Object.entries(streams)) {
  test(`a stream (${kind}) is a file once`, async () => {
    const stream = make();
    assert.equal((await client.media.upload(stream)).size, bytes.length);
    assert.equal((await refuseRead(client.media.upload(stream))).path, "file");
  });

  test(`a stream (${kind}) that a document names twice is refused, and nothing happens`, async () => {
    const stream = make();
    const { sequence } = await client.ping();
    const gallery = { $create: [{ file: stream }, { file: stream }] };
    const error = await refuseRead(client.mutator("products").insertOne({ gallery }));
    assert.equal(error.path, "gallery.$create[1].file");
    assert.equal((await client.ping()).sequence, sequence);
  });
}

test("a stream of which a piece was read is refused", async () => {
  const node = createReadStream(path);
  await once(node, "readable");
  node.read(10);
  await refuseRead(client.media.upload(node));
  const web = new Blob([bytes]).stream();
  const reader = web.getReader();
  await reader.read();
  reader.releaseLock();
  await refuseRead(client.media.upload(web));
});

test("a stream that ended empty, failed or was destroyed says that, and not that it was read", async () => {
  assert.equal((await client.media.upload(Readable.from([]))).size, 0);
  const failing = Readable.from(
    (async function* () {
      yield bytes;
      throw new Error("the line is dead");
    })(),
  );
  failing.on("error", () => undefined).resume();
  await new Promise((resolve) => failing.once("close", resolve));
  assert.match((await refusal(client.media.upload(failing))).message, /the line is dead/);
  const destroyed = createReadStream(path).destroy();
  assert.match((await refusal(client.media.upload(destroyed))).message, /[Pp]remature close|abort|destroy/);
});

test("what gives its bytes anew each time is a file as often as wanted", async () => {
  const again = { [Symbol.asyncIterator]: streams.generator };
  for (const _ of [1, 2]) assert.equal((await client.media.upload(again)).size, bytes.length);
});

/** A web stream that gives so many pieces and then waits; `cancelled` when it was. */
function endless(pieces) {
  const told = { cancelled: 0, asked: 0 };
  told.stream = new ReadableStream({
    pull(controller) {
      told.asked += 1;
      if (told.asked <= pieces) controller.enqueue(bytes);
      else return new Promise(() => undefined);
    },
    cancel: () => void (told.cancelled += 1),
  });
  return told;
}

test("a web stream is cancelled when its upload is taken back, also while it gives nothing", async () => {
  for (const pieces of [0, 1, 20]) {
    const told = endless(pieces);
    const controller = new AbortController();
    const uploaded = refusal(client.media.upload(told.stream, {}, { signal: controller.signal }));
    while (told.asked <= pieces) await new Promise((resolve) => setTimeout(resolve, 5));
    controller.abort();
    assert.equal((await uploaded).code, "cancelled");
    assert.equal(told.cancelled, 1, `after ${pieces} pieces`);
  }
});

test("a web stream is cancelled when it is no file any more before its end, iterable or not", async () => {
  for (const isIterable of [true, false]) {
    let cancelled = 0;
    const stream = new ReadableStream({
      pull: (controller) => controller.enqueue(7), // No bytes.
      cancel: () => void (cancelled += 1),
    });
    const file = isIterable ? stream : { getReader: () => stream.getReader() };
    assert.equal((await refusal(client.media.upload(file))).code, "wrong_type");
    assert.equal(cancelled, 1);
  }
});

test("a web stream that fails says why", async () => {
  const failing = new ReadableStream({
    pull: (controller) => controller.error(new Error("the line is dead")),
  });
  assert.match((await refusal(client.media.upload(failing))).message, /the line is dead/);
});
