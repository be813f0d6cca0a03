/**
 * Values and their bytes. The only file that knows the MessagePack library.
 *
 * Times are `Time`, bytes `Uint8Array`; integers beyond 2^53 are `bigint`.
 */
import {
  Decoder,
  decodeTimestampToTimeSpec,
  Encoder,
  encodeTimeSpecToTimestamp,
  ExtensionCodec,
} from "@msgpack/msgpack";
import { EmstoreError } from "./errors.js";
import { Time } from "./time.js";

const timestampExtension = -1;

function encodeTime(value: unknown): Uint8Array | null {
  if (!(value instanceof Date)) return null;
  const milliseconds = value.getTime();
  if (Number.isNaN(milliseconds)) throw new EmstoreError("wrong_type", "an invalid Date");
  const sec = Math.floor(milliseconds / 1000);
  const microsecond = value instanceof Time ? value.microsecond : 0;
  return encodeTimeSpecToTimestamp({
    sec,
    nsec: ((milliseconds - sec * 1000) * 1000 + microsecond) * 1000,
  });
}

function decodeTime(data: Uint8Array): Time {
  const { sec, nsec } = decodeTimestampToTimeSpec(data);
  const microseconds = Math.floor(nsec / 1000);
  return new Time(sec * 1000 + Math.floor(microseconds / 1000), microseconds % 1000);
}

const extensionCodec = new ExtensionCodec();
extensionCodec.register({ type: timestampExtension, encode: encodeTime, decode: decodeTime });

// With its bigints the library would write integers from 2^32 on as floats.
const encoder = new Encoder({ extensionCodec, ignoreUndefined: true });
const plainDecoder = new Decoder({ extensionCodec });
const wideDecoder = new Decoder({ extensionCodec, useBigInt64: true });

// The library refuses this name, which JSON has as any other: it is read under one that no text has.
const specialName = "__proto__";
const standIn = `\ud800${specialName}`;
const specialDecoder = new Decoder({
  extensionCodec,
  useBigInt64: true,
  keyDecoder: {
    canBeCached: (bytes) => bytes === specialName.length,
    decode(bytes, at, length) {
      const name = Buffer.from(bytes.buffer, bytes.byteOffset + at, length).toString();
      return name === specialName ? standIn : name;
    },
  },
});

/** Bigints that a number holds, as numbers; the special name, as what it is. */
function narrow(value: unknown): unknown {
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  if (Array.isArray(value)) return value.map(narrow);
  if (value === null || typeof value !== "object") return value;
  if (value instanceof Date || ArrayBuffer.isView(value)) return value;
  if (Object.hasOwn(value, standIn)) {
    // Makes members of its own, whatever they are called.
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [
        name === standIn ? specialName : name,
        narrow(member),
      ]),
    );
  }
  for (const [name, member] of Object.entries(value)) {
    (value as Record<string, unknown>)[name] = narrow(member);
  }
  return value;
}

export function encode(value: unknown): Uint8Array {
  return encoder.encode(value);
}

/**
 * The value of one whole message. `hasWideIntegers`: it may have integers of 64 bits, which cost a
 * second walk. Throws what the library throws when the bytes are none of it.
 */
export function decode(bytes: Uint8Array, hasWideIntegers = true): unknown {
  const isSpecial = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(specialName);
  if (isSpecial) return narrow(specialDecoder.decode(bytes));
  return hasWideIntegers ? narrow(wideDecoder.decode(bytes)) : plainDecoder.decode(bytes);
}

/** The id of a reply, also of one that cannot be decoded; null of what is no reply. */
export function idOfReply(bytes: Uint8Array): number | null {
  const [list, kind, head = 0] = bytes;
  if (list !== 0x94 || kind !== 0x01) return null;
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const width = { 0xcc: 1, 0xcd: 2, 0xce: 4 }[head];
  if (width !== undefined) return view.readUIntBE(3, width);
  return head <= 0x7f ? head : null;
}
