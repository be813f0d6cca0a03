/**
 * What can stand for a file: a path, bytes, a Blob or File, a stream. Whatever it is, it is read in
 * pieces, so that a film takes no more memory than a picture.
 */
import { constants, open, type FileHandle } from "node:fs/promises";
import { basename } from "node:path";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { EmstoreError } from "./errors.js";

/** A Blob or File, of whichever library. */
export interface BlobLike {
  readonly size: number;
  readonly type: string;
  readonly name?: string;
  slice(start?: number, end?: number): { arrayBuffer(): Promise<ArrayBuffer> };
}

/** Bytes that the store has: the answer to an upload, or the `blob` of a media record. */
export interface StoredBlob {
  readonly blob: string;
}

/** Whatever `file` may be. A string is a path. A stream gives its bytes once. */
export type FileInput =
  | string
  | URL
  | BlobLike
  | ArrayBuffer
  | ArrayBufferView
  | AsyncIterable<Uint8Array | string>
  | { getReader(): { read(): Promise<{ done: boolean; value?: unknown }> } }
  | StoredBlob;

/** A file that was opened. `pieces` may be asked for once. */
export interface Source {
  readonly name?: string | undefined;
  readonly type?: string | undefined;
  /** Whether the file can be opened again, to begin anew. */
  readonly isRepeatable: boolean;
  /** Undefined when only its end will tell. */
  readonly size?: number | undefined;
  pieces(bytes: number): AsyncIterable<Uint8Array>;
  /** Ends a stream that may never give another piece. */
  abandon?(): void;
}

/** Whether a value can be nothing but a file. A string can be other things. */
export function isFile(value: unknown): value is Exclude<FileInput, string | StoredBlob> {
  if (value === null || typeof value !== "object") return false;
  return (
    value instanceof ArrayBuffer ||
    ArrayBuffer.isView(value) ||
    value instanceof URL ||
    isBlob(value) ||
    Symbol.asyncIterator in value ||
    "getReader" in value
  );
}

/** A stream may fail before its turn to be read has come: then it is reading it that tells. */
export function heed(file: Exclude<FileInput, StoredBlob>): void {
  const { on } = file as { on?: unknown };
  if (typeof on === "function") on.call(file, "error", () => undefined);
}

/** Errors: invalid_request for what cannot be read, as a stream that was read before. */
export async function openSource(file: Exclude<FileInput, StoredBlob>): Promise<Source> {
  if (typeof file === "string") return openPath(file);
  if (file instanceof URL) return openPath(fileURLToPath(file));
  if (file instanceof ArrayBuffer) return ofBytes(new Uint8Array(file));
  if (ArrayBuffer.isView(file)) {
    return ofBytes(new Uint8Array(file.buffer, file.byteOffset, file.byteLength));
  }
  if (isBlob(file)) return ofBlob(file);
  return ofStream(file);
}

function isBlob(value: object): value is BlobLike {
  return "size" in value && "type" in value && "slice" in value && "arrayBuffer" in value;
}

function ofBytes(bytes: Uint8Array): Source {
  return {
    isRepeatable: true,
    size: bytes.length,
    async *pieces(most) {
      for (let at = 0; at < bytes.length; at += most) yield bytes.subarray(at, at + most);
    },
  };
}

function ofBlob(blob: BlobLike): Source {
  return {
    name: blob.name,
    type: blob.type || undefined,
    isRepeatable: true,
    size: blob.size,
    async *pieces(most) {
      for (let at = 0; at < blob.size; at += most) {
        yield new Uint8Array(await blob.slice(at, at + most).arrayBuffer());
      }
    },
  };
}

async function openPath(path: string): Promise<Source> {
  // Not blocking, so that a pipe without a writer is refused rather than waited for.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK;
  const handle = await open(path, flags).catch((cause) => refuse(path, cause.message, cause));
  try {
    const { size } = await ofRegularFile(handle, path);
    return {
      name: basename(path),
      isRepeatable: true,
      size,
      pieces: (most) => read(handle, path, size, most),
    };
  } catch (cause) {
    await handle.close();
    throw cause;
  }
}

async function ofRegularFile(handle: FileHandle, path: string): Promise<{ size: number }> {
  const because = (cause: Error) => refuse(path, cause.message, cause);
  const facts = await handle.stat().catch(because);
  if (!facts.isFile()) {
    refuse(path, facts.isDirectory() ? "it is a directory" : "it is no regular file");
  }
  if (facts.size > 0) return facts;
  // Files of /proc have bytes all the same.
  const { bytesRead } = await handle.read(new Uint8Array(1), 0, 1, 0).catch(because);
  if (bytesRead > 0) refuse(path, "it does not say how long it is; copy it first");
  return facts;
}

async function* read(
  handle: FileHandle,
  path: string,
  size: number,
  most: number,
): AsyncIterable<Uint8Array> {
  try {
    for (let at = 0; at < size;) {
      const piece = new Uint8Array(Math.min(most, size - at));
      let filled = 0;
      while (filled < piece.length) {
        const { bytesRead } = await handle.read(piece, filled, piece.length - filled, at + filled);
        if (bytesRead === 0) {
          throw new EmstoreError("source_changed", `${path} became shorter while it was read`);
        }
        filled += bytesRead;
      }
      yield piece;
      at += piece.length;
    }
  } finally {
    await handle.close();
  }
}

function refuse(path: string, reason: string, cause?: unknown): never {
  throw new EmstoreError("invalid_request", `cannot read ${path}: ${reason}`, {
    hint: "name a file that can be read",
    cause,
  });
}

const opened = new WeakSet<object>(); // Streams, which can be opened once.

/** At its end a stream looks like an empty one: what was read of it would be missing silently. */
function refuseRead(stream: object, name: string): void {
  const isStream = ["getReader", "pipe", "next"].some((method) => method in stream);
  if (!isStream) return; // Other iterables begin anew.
  const { errored, readableDidRead, readableEnded } = stream as Partial<Readable>;
  const wasRead =
    "getReader" in stream
      ? Readable.isDisturbed(stream as unknown as Readable)
      : readableDidRead || readableEnded;
  if (opened.has(stream) || (wasRead && !errored)) {
    throw new EmstoreError("invalid_request", `cannot read ${name}: it was read before`, {
      hint: "make a stream for each use; it gives its bytes once",
    });
  }
  opened.add(stream);
}

function ofStream(stream: object): Source {
  const { path } = stream as { path?: unknown }; // Of fs.createReadStream().
  const file = typeof path === "string" && path ? path : undefined;
  const called = file ?? "the stream";
  refuseRead(stream, called);
  const { given, abandon } = "getReader" in stream ? ofWeb(stream as WebStream) : ofIterable(stream);
  return {
    name: file && basename(file),
    isRepeatable: false,
    pieces: (most) => gathered(chunks(given, called), most),
    abandon,
  };
}

async function* chunks(given: AsyncIterable<unknown>, name: string): AsyncIterable<unknown> {
  try {
    yield* given;
  } catch (cause) {
    refuse(name, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

/** What a stream gives, and what ends it while it is waited for. */
interface Stream {
  readonly given: AsyncIterable<unknown>;
  abandon(): void;
}

function ofIterable(stream: object): Stream {
  return {
    given: stream as AsyncIterable<unknown>,
    abandon: () => (stream as { destroy?(): void }).destroy?.(),
  };
}

interface WebReader {
  read(): Promise<{ done: boolean; value?: unknown }>;
  cancel?(): Promise<void>;
}

interface WebStream {
  getReader(): WebReader;
}

/** Read by its reader, not iterated: only the reader can cancel it while a piece is waited for. */
function ofWeb(stream: WebStream): Stream {
  let reader: WebReader | undefined;
  // One that has failed says so again.
  const abandon = () => void reader?.cancel?.().catch(() => undefined);
  async function* given(): AsyncIterable<unknown> {
    reader = stream.getReader();
    try {
      for (let step = await reader.read(); !step.done; step = await reader.read()) yield step.value;
    } finally {
      abandon(); // At its end it has nothing more to cancel.
    }
  }
  return { given: given(), abandon };
}

/** Pieces of `most` bytes, but for the last, of chunks of any size. */
async function* gathered(stream: AsyncIterable<unknown>, most: number): AsyncIterable<Uint8Array> {
  let kept: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream) {
    for (let rest = bytesOf(chunk); rest.length > 0;) {
      const part = rest.subarray(0, most - size);
      kept.push(part);
      size += part.length;
      rest = rest.subarray(part.length);
      if (size === most) {
        yield Buffer.concat(kept);
        kept = [];
        size = 0;
      }
    }
  }
  if (size > 0) yield Buffer.concat(kept);
}

function bytesOf(chunk: unknown): Uint8Array {
  if (typeof chunk === "string") return Buffer.from(chunk);
  if (chunk instanceof Uint8Array) return chunk;
  throw new EmstoreError("wrong_type", `a stream of files gives bytes, not ${typeof chunk}`);
}
