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

/** Bigints that a number holds, as numbers. */
function narrow(value: unknown): unknown {
  if (typeof value === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  if (Array.isArray(value)) return value.map(narrow);
  if (value === null || typeof value !== "object") return value;
  if (value instanceof Date || ArrayBuffer.isView(value)) return value;
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
  return hasWideIntegers ? narrow(wideDecoder.decode(bytes)) : plainDecoder.decode(bytes);
}
