// The golden vectors of the wire, run by the implementation for Node: what it writes, and what it reads.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ours, root } from "./support.mjs";

const { decode, encode } = await ours("codec.js");
const { Cutter } = await ours("cutter.js");
const { EmstoreError, errorCodes, usualHints } = await ours("errors.js");
const { Time } = await ours("time.js");

const limits = { messageBytesMax: 1 << 20, depthMax: 128 };

/** JSON with wide integers as bigint, and what stands for bytes and times as these. */
function valueOf(json) {
  if (Array.isArray(json)) return json.map(valueOf);
  if (json === null || typeof json !== "object") return json;
  if ("$binary" in json) return new Uint8Array(Buffer.from(json.$binary, "hex"));
  if ("$time" in json) return Time.of(json.$time);
  if ("$wide" in json) return BigInt(json.$wide);
  return Object.fromEntries(Object.entries(json).map(([name, member]) => [name, valueOf(member)]));
}

const text = readFileSync(join(root, "tests", "golden", "messages.json"), "utf8");
const isWide = (digits) => !Number.isSafeInteger(Number(digits));
const widened = text.replace(/(?<=[[:,] ?)-?\d{16,}(?=[,\]}])/g, (digits) =>
  isWide(digits) ? `{"$wide": "${digits}"}` : digits,
);
const vectors = JSON.parse(widened).vectors.map((vector) => ({
  ...vector,
  message: valueOf(vector.message),
  bytes: new Uint8Array(Buffer.from(vector.hex, "hex")),
}));
const ofKind = (...kinds) => vectors.filter(({ kind }) => kinds.includes(kind));
const cut = (bytes, step) => {
  const cutter = new Cutter(limits);
  const messages = [];
  for (let at = 0; at < bytes.length; at += step) {
    cutter.push(bytes.subarray(at, at + step));
    for (let next = cutter.next(); next; next = cutter.next()) messages.push(next);
  }
  return messages;
};

test("every message is read as what it says", () => {
  const read = vectors.filter(({ message }) => message !== undefined);
  assert.ok(read.length > 80);
  for (const { name, bytes, message } of read) assert.deepEqual(decode(bytes), message, name);
});

test("every request is written in the same bytes", () => {
  const requests = ofKind("request", "request, other form");
  assert.ok(requests.length > 40);
  for (const { name, message, hex } of requests) {
    assert.equal(Buffer.from(encode(message)).toString("hex"), hex, name);
  }
});

test("what is written of times and of numbers is read as the same", () => {
  const times = ["0001-01-01T00:00:00.000001Z", "1969-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"];
  for (const time of times.map((text) => Time.of(text))) {
    const again = decode(encode(time));
    assert.equal(again.toISOString(), time.toISOString());
  }
  assert.equal(Time.of("2026-11-22T15:09:26.25+01:00").toISOString(), "2026-11-22T14:09:26.250000Z");
  for (const number of [0, -1, 2 ** 32, 2 ** 53 - 1, -(2 ** 53) + 1, 0.1]) assert.equal(decode(encode(number)), number);
});

test("a stream is cut at the same places however it arrives", () => {
  const whole = vectors.filter(({ message }) => message !== undefined);
  const stream = Buffer.concat(whole.map(({ bytes }) => bytes));
  for (const step of [1, 2, 3, 7, 64, 1000, stream.length]) {
    const messages = cut(stream, step);
    assert.equal(messages.length, whole.length, `in pieces of ${step}`);
    messages.forEach(({ bytes, hasWideIntegers }, i) => {
      assert.equal(Buffer.from(bytes).toString("hex"), whole[i].hex, `in pieces of ${step}`);
      assert.deepEqual(decode(bytes, hasWideIntegers), whole[i].message);
    });
  }
});

test("a message beyond a limit is refused before it is there", () => {
  const claim = Buffer.from("c6ffffffff", "hex"); // Bytes, 4 GiB of them.
  assert.throws(() => cut(claim, 1), RangeError);
  assert.throws(() => cut(Buffer.alloc(129, 0x91), 1), RangeError);
  assert.equal(cut(Buffer.concat([Buffer.alloc(128, 0x91), Buffer.from([0xc0])]), 1).length, 1);
});

test("errors have code, class, path, hint and all violations", () => {
  for (const { name, message } of ofKind("error", "error without id")) {
    const error = EmstoreError.fromWire(message[2]);
    const [code, text, details] = message[2];
    assert.deepEqual(
      [error.code, error.message, error.path, error.hint, error.retryable],
      [code, text, details.path, details.hint, details.retryable],
      name,
    );
    assert.equal(error.violations.length, details.violations.length);
    assert.equal(error.class, errorCodes.get(code));
  }
  assert.equal(EmstoreError.fromWire(["of_a_later_version", "m", {}]).class, "internal");
});

test("the codes are those of the document, with their next steps", () => {
  const page = readFileSync(join(root, "docs", "protocol.md"), "utf8");
  const classes = new Set(errorCodes.values());
  const rows = [...page.matchAll(/^\| (\w+) \| `(\w+)` \| (.*) \|$/gm)].filter(([, name]) => classes.has(name));
  assert.ok(rows.length > 50);
  assert.deepEqual([...errorCodes].sort(), rows.map(([, name, code]) => [code, name]).sort());
  assert.deepEqual([...usualHints].sort(), rows.map(([, , code, next]) => [code, next]).sort());
});

test("an error that names no next step has the usual one", () => {
  assert.equal(new EmstoreError("media_not_found", "media 9 does not exist").hint, "upload the media first");
  assert.equal(new EmstoreError("busy", "not now", { hint: "wait" }).hint, "wait");
  assert.equal(new EmstoreError("of_a_later_version", "m").hint, "");
});

test("the methods with a request key are those of the document", async () => {
  const { mutations } = await ours("requests.js");
  const page = readFileSync(join(root, "docs", "protocol.md"), "utf8");
  const rows = [...page.matchAll(/^\| `([\w.]+)` \| ([^|]*) \| ([^|]*\bkey\b[^|]*) \| `\{/gm)];
  const places = rows.map(([, method, params]) => [method, params.split(",").length]);
  assert.ok(places.length > 8);
  assert.deepEqual([...mutations].sort(), places.sort());
});
